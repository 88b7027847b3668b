// What the editor takes from CodeMirror; all that is not named here is left out of the bundle.

export { closeBrackets, closeBracketsKeymap, insertBracket } from "@codemirror/autocomplete"
export {
  defaultKeymap,
  history,
  historyKeymap,
  indentLess,
  indentMore,
  isolateHistory,
} from "@codemirror/commands"
export { pythonLanguage } from "@codemirror/lang-python"
export { bracketMatching, indentUnit, syntaxHighlighting, syntaxTree } from "@codemirror/language"
export {
  highlightSelectionMatches,
  search,
  searchKeymap,
  searchPanelOpen,
} from "@codemirror/search"
export {
  Annotation,
  EditorSelection,
  EditorState,
  Prec,
  StateEffect,
  StateField,
  Transaction,
} from "@codemirror/state"
export { Decoration, EditorView, keymap, lineNumbers, ViewPlugin } from "@codemirror/view"
export { tagHighlighter, tags } from "@lezer/highlight"
