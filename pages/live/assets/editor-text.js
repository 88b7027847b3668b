// The text area of an editor: CodeMirror with the words of the loss language coloured. Its look is
// in live.css, in the theme's variables.

import {
  bracketMatching,
  closeBrackets,
  closeBracketsKeymap,
  Decoration,
  defaultKeymap,
  EditorState,
  EditorView,
  highlightSelectionMatches,
  history,
  historyKeymap,
  indentLess,
  indentMore,
  indentUnit,
  keymap,
  lineNumbers,
  Prec,
  pythonLanguage,
  StateEffect,
  search,
  searchKeymap,
  syntaxHighlighting,
  syntaxTree,
  tagHighlighter,
  tags,
  ViewPlugin,
} from "./codemirror.js"

/** @import {DecorationSet, Extension, ViewUpdate} from "./codemirror.js" */
/** @typedef {(name: string) => boolean} Known */

const SPACES = 4

const colours = tagHighlighter([
  { tag: tags.comment, class: "comment" },
  { tag: [tags.number, tags.bool, tags.null], class: "number" },
  {
    tag: [
      tags.keyword,
      tags.operatorKeyword,
      tags.controlKeyword,
      tags.definitionKeyword,
      tags.moduleKeyword,
      tags.self,
    ],
    class: "word",
  },
  { tag: tags.string, class: "string" },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.definition(tags.variableName))],
    class: "known",
  },
])

/** @type {import("./codemirror.js").StateEffectType<Known>} */
const naming = StateEffect.define()
const KNOWN = Decoration.mark({ class: "known" })

// The names that the language has, coloured wherever they stand.
const known = ViewPlugin.fromClass(
  class {
    /** @param {EditorView} view */
    constructor(view) {
      /** @type {Known} */
      this.has = () => false
      this.decorations = this.#draw(view)
    }

    /** @param {ViewUpdate} update */
    update({ view, docChanged, viewportChanged, transactions, startState, state }) {
      const effects = transactions.flatMap((each) => each.effects).filter((each) => each.is(naming))
      for (const effect of effects) this.has = effect.value
      const parsed = syntaxTree(startState) !== syntaxTree(state)
      if (docChanged || viewportChanged || parsed || effects.length)
        this.decorations = this.#draw(view)
    }

    /** @param {EditorView} view */
    #draw(view) {
      /** @type {import("./codemirror.js").Range<Decoration>[]} */
      const marks = []
      for (const { from, to } of view.visibleRanges) {
        syntaxTree(view.state).iterate({
          from,
          to,
          enter: ({ name, from, to }) => {
            if (name === "VariableName" && this.has(view.state.sliceDoc(from, to)))
              marks.push(KNOWN.range(from, to))
          },
        })
      }
      return Decoration.set(marks)
    }
  },
  { decorations: (plugin) => plugin.decorations },
)

/**
 * Tells the editor which names the language has.
 * @param {EditorView} view
 * @param {Known} has
 */
export const colourNames = (view, has) => view.dispatch({ effects: naming.of(has) })

/** @param {EditorView} view */
const tab = (view) => {
  const { state } = view
  const { main } = state.selection
  if (state.doc.lineAt(main.from).number !== state.doc.lineAt(main.to).number)
    return indentMore(view)
  const column = main.from - state.doc.lineAt(main.from).from
  view.dispatch(state.replaceSelection(" ".repeat(SPACES - (column % SPACES))), {
    userEvent: "input.indent",
    scrollIntoView: true,
  })
  return true
}

// Escape and then Tab leaves; any other key in between, and Tab indents again.
const leaving = EditorView.domEventHandlers({
  keydown(event, view) {
    if (event.key === "Escape") view.setTabFocusMode(true)
    else if (event.key !== "Tab" && event.key !== "Shift") view.setTabFocusMode(false)
    return false
  },
  blur: (_, view) => view.setTabFocusMode(false),
})

/**
 * `keys` go before all others, `extensions` beside these; `label` is what a screen reader says.
 * @param {HTMLElement} parent
 * @param {string} text
 * @param {string} label
 * @param {Extension} keys
 * @param {Extension[]} extensions
 */
export function textArea(parent, text, label, keys, extensions) {
  return new EditorView({
    parent,
    root: /** @type {ShadowRoot} */ (parent.getRootNode()),
    state: EditorState.create({
      doc: text,
      extensions: [
        keys,
        leaving,
        Prec.high(keymap.of([{ key: "Tab", run: tab, shift: indentLess }])),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap]),
        history(),
        lineNumbers(),
        EditorView.lineWrapping,
        EditorState.tabSize.of(SPACES),
        indentUnit.of(" ".repeat(SPACES)),
        pythonLanguage,
        syntaxHighlighting(colours),
        bracketMatching(),
        closeBrackets(),
        search({ top: true }),
        highlightSelectionMatches({ minSelectionLength: 2, wholeWords: true }),
        known,
        EditorView.contentAttributes.of({ "aria-label": label, autocomplete: "off" }),
        ...extensions,
      ],
    }),
  })
}
