// The loss editor: CodeMirror over a verdict, checked while one types. What is typed is never
// overwritten, unless the page sets another text (`data.set`).

import { EditorView, insertBracket, isolateHistory, keymap, Prec } from "./codemirror.js"
import { Completion } from "./completion.js"
import { setText } from "./draft.js"
import { Checks } from "./editor-checks.js"
import { faultAt, faults, mend, mendable, placed, setFaults } from "./editor-faults.js"
import { parameterAt, parameters, setParameters } from "./editor-parameters.js"
import { colourNames, textArea } from "./editor-text.js"
import { Usage } from "./editor-usage.js"
import { Verdict } from "./editor-verdict.js"
import { load, Names } from "./names.js"
import { element } from "./words.js"

/** @import {Transaction, ViewUpdate} from "./codemirror.js" */
/** @import {Answer, EditorData, Question} from "./editor-wire.js" */
/** @import {Entry} from "./names.js" */
/** @import {Component} from "./view.js" */

const REST_MS = 350
const LONGEST = 10_000 // what the server takes; one more, and it says so itself
const EXAMPLES = { loss: "-sum(y_true * log(y_pred), axis=-1)", metric: "p_true > 0.9" }

/**
 * @param {HTMLElement} root
 * @param {Component<EditorData>} component
 */
export function mount(root, component) {
  const editor = new Editor(root, component)
  return {
    update: (/** @type {Component<EditorData>} */ next) => editor.update(next),
    destroy: () => editor.destroy(),
  }
}

class Editor {
  /**
   * @param {HTMLElement} root
   * @param {Component<EditorData>} component
   */
  constructor(root, { data, setStateValue }) {
    this.root = root
    this.data = data
    this.send = setStateValue
    this.sent = data.text // the text that the page has
    this.names = new Names()
    this.takes = "" // what the text takes, in words
    this.typedAt = 0
    this.resting = 0
    this.gone = false
    this.checks = new Checks(
      () => this.question(),
      (answer, { text }, number) => this.answered(answer, text, number),
      () => this.verdict.text.textContent || this.verdict.say("", "Checking"),
    )
    this.box = element("div", { className: "box" })
    this.grown = this.box.style.height = `${data.height}px`
    this.usage = new Usage()
    this.verdict = new Verdict(
      () => this.step(1),
      () => this.mend(),
    )
    /** @type {Record<string, string>} */
    this.described = {
      "aria-describedby": this.verdict.id,
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
    }
    const frame = element("div", { className: "frame" }, this.box, this.usage.element)
    root.classList.add("editor")
    root.append(frame, this.verdict.element)
    this.view = this.textArea()
    this.list = new Completion(root, {
      where: (offset) => this.view.coordsAtPos(offset) ?? this.box.getBoundingClientRect(),
      describe: (chosen) => this.describe({ "aria-activedescendant": chosen }),
      accept: (from, to, entry) => this.complete(from, to, entry),
    })
    this.describe({ "aria-controls": this.list.id })
    this.share()
    this.grow()
    this.usage.show(null, null)
    load(data.task).then((names) => this.know(names))
    this.checks.now()
  }

  textArea() {
    const { kind, text } = this.data
    const label = `${kind === "metric" ? "Metric" : "Loss"}, written in Python. Tab indents; press Escape and then Tab to leave.`
    return textArea(this.box, text, label, this.keys(), [
      faults,
      parameters,
      EditorView.contentAttributes.of(() => this.described),
      EditorView.updateListener.of((update) => this.updated(update)),
      EditorView.domEventHandlers({
        blur: () => {
          this.list.close()
          this.rest()
        },
        // A click on a fault says what it is.
        click: (_, view) => {
          const which = faultAt(view.state, view.state.selection.main.head)
          if (which >= 0) this.remark(which)
        },
      }),
    ])
  }

  /**
   * What a screen reader says of the text area; null: no longer.
   * @param {Record<string, string | null>} attributes
   */
  describe(attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null) delete this.described[name]
      else this.described[name] = value
    }
    this.view.dispatch({})
  }

  // Before every other key of the editor: those of the open list, and ours.
  keys() {
    const bound = [
      { key: "Ctrl-Space", run: () => this.suggest(true) },
      { key: "Mod-Enter", run: () => this.rest() },
      { key: "F8", run: () => this.step(1) },
      { key: "Shift-F8", run: () => this.step(-1) },
      { key: "Mod-.", run: () => this.mend() },
    ]
    const listed = EditorView.domEventHandlers({ keydown: (event) => this.list.key(event) })
    return Prec.highest([listed, keymap.of(bound)])
  }

  get text() {
    return this.view.state.doc.toString()
  }

  get caret() {
    const { main } = this.view.state.selection
    return main.empty ? main.head : null
  }

  /** @param {Names} names */
  know(names) {
    if (this.gone) return
    this.names = names
    colourNames(this.view, (name) => names.has(name))
    this.explain()
  }

  /** @param {ViewUpdate} update */
  updated({
    docChanged,
    selectionSet,
    focusChanged,
    heightChanged,
    geometryChanged,
    transactions,
  }) {
    if (docChanged) this.typed(transactions)
    else if (selectionSet) this.moved()
    if (docChanged || selectionSet || focusChanged) this.explain()
    if (docChanged || heightChanged || geometryChanged) this.grow()
  }

  /** @param {readonly Transaction[]} transactions */
  typed(transactions) {
    this.share()
    const is = (/** @type {string} */ event) => transactions.some((each) => each.isUserEvent(event))
    if (is("set")) return
    this.typedAt = performance.now()
    const letters = is("input.type") || is("input.complete.prefix")
    if (letters || (this.list.from !== null && is("delete"))) this.suggest()
    else this.list.close()
    this.checks.soon()
    clearTimeout(this.resting)
    this.resting = setTimeout(() => this.rest(), REST_MS)
  }

  // To the views that follow at once.
  share() {
    if (this.data.kind === "loss") setText(this.text)
  }

  // Typing rests: the page gets the text, so that sliders and the formula follow.
  rest() {
    clearTimeout(this.resting)
    if (this.text === this.sent || this.gone) return true
    this.sent = this.text
    this.send("edit", { text: this.sent.slice(0, LONGEST + 1), set: this.data.set })
    return true
  }

  /** @returns {Question | null} */
  question() {
    const { kind, task, class_count: classes, parameters: moved } = this.data
    const { text } = this
    if (text.trim()) return { kind, task, classes, text, parameters: moved }
    setFaults(this.view, [])
    this.verdict.say("", `Write a ${kind}, for example ${EXAMPLES[kind]}`)
    return null
  }

  /**
   * @param {Answer} answer
   * @param {string} text
   * @param {number} number
   */
  answered(answer, text, number) {
    if (this.gone || text !== this.text) return
    if (answer.refused !== undefined) {
      setFaults(this.view, [])
      this.verdict.say("is-warning", answer.refused, answer.hint)
      return
    }
    const held = placed(answer, this.view.state.doc)
    const { inputs = [] } = answer
    this.takes = inputs.length ? `Takes ${inputs.join(", ")}` : ""
    setFaults(this.view, held)
    if (!answer.error) setParameters(this.view, answer.parameters)
    if (held.length) this.remark(0)
    else this.verdict.say("is-sound", "Understood", this.takes)
    this.describe({ "aria-invalid": String(Boolean(answer.error)) })
    this.root.dataset.answer = String(Math.round(performance.now() - this.typedAt))
    this.root.dataset.checked = String(number)
  }

  /**
   * What one of the faults is, how to mend it, and the way to the next.
   * @param {number} which
   */
  remark(which) {
    this.verdict.about(this.view.state.field(faults), which, this.takes)
  }

  /**
   * To the next fault, or the one before.
   * @param {1 | -1} by
   */
  step(by) {
    const held = this.view.state.field(faults)
    if (!held.length) return false
    const which = (this.verdict.current + by + held.length) % held.length
    this.remark(held.length > 1 ? which : 0)
    const { from, to } = held[this.verdict.current]
    this.view.dispatch({ selection: { anchor: from, head: to }, scrollIntoView: true })
    this.view.focus()
    return true
  }

  mend() {
    const fault = this.view.state.field(faults)[this.verdict.current]
    if (!mendable(fault)) return false
    mend(this.view, fault)
    return true
  }

  suggest(asked = false) {
    const found = this.caret === null ? null : this.names.suggest(this.text, this.caret, asked)
    if (found) this.list.show(found)
    else this.list.close()
    return true
  }

  /**
   * @param {number} from
   * @param {number} to
   * @param {Entry} entry
   */
  complete(from, to, { name, kind, arguments: args }) {
    const { state } = this.view
    const callable =
      (kind === "function" || kind === "loss" || args.length > 0) &&
      state.sliceDoc(to, to + 1) !== "("
    const ending = kind === "prefix" ? "." : callable && !args.length ? "()" : ""
    this.view.dispatch({
      changes: { from, to, insert: name + ending },
      selection: { anchor: from + name.length + ending.length },
      userEvent: kind === "prefix" ? "input.complete.prefix" : "input.complete",
      scrollIntoView: true,
    })
    const bracket = callable && args.length ? insertBracket(this.view.state, "(") : null
    if (bracket) this.view.dispatch(bracket) // its other half is typed over
    this.view.focus()
  }

  explain() {
    const { caret } = this
    if (this.gone || caret === null) return this.usage.show(null, null)
    const parameter = parameterAt(this.view.state, caret)
    this.usage.show(parameter ? null : this.names.callAt(this.text, caret), parameter)
  }

  // The list closes where the caret leaves its word.
  moved() {
    const { from } = this.list
    if (from === null) return
    const { caret } = this
    const written = caret === null ? " " : this.view.state.sliceDoc(from, caret)
    if ((caret ?? -1) < from || /[^\p{L}\p{N}_]/u.test(written)) this.list.close()
  }

  // As high as the text, within bounds, until the visitor chooses a height by the corner.
  grow() {
    this.view.requestMeasure({
      key: this,
      read: (view) => view.contentHeight + view.scrollDOM.offsetTop, // the search's fields are above
      write: (high) => {
        if (this.box.style.height !== this.grown) return
        this.grown = `${Math.min(Math.max(high, this.data.height), this.data.most)}px`
        this.box.style.height = this.grown
      },
    })
  }

  /**
   * A text that the page sets is one step for undo, too; the visitor goes on where he was.
   * @param {string} text
   */
  take(text) {
    if (text === this.text) return
    this.view.dispatch({
      changes: { from: 0, to: this.view.state.doc.length, insert: text },
      annotations: isolateHistory.of("full"),
      userEvent: "set",
    })
  }

  /** @param {Component<EditorData>} next */
  update({ data, setStateValue }) {
    const { set, parameters: moved } = this.data
    this.send = setStateValue
    this.data = data
    if (data.set !== set) {
      this.sent = data.text
      this.take(data.text)
      setFaults(this.view, [])
      clearTimeout(this.resting)
    } else if (JSON.stringify(data.parameters) === JSON.stringify(moved)) {
      return
    }
    this.checks.now()
  }

  destroy() {
    this.gone = true
    if (this.data.kind === "loss") setText(null)
    clearTimeout(this.resting)
    this.checks.stop()
    this.list.destroy()
    this.verdict.destroy()
    this.view.destroy()
    this.root.replaceChildren()
  }
}
