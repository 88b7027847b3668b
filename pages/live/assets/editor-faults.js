// The faults of the text in an editor: where they stand while one types on, how they are underlined,
// how they are mended. A fault has `from`, `to`, `kind` ("error", "warning" or "note"), `message`,
// `hint`, `fix` (null: none) and `also`, other places of the same fault with the same `fix`.

import { Decoration, EditorView, isolateHistory, StateEffect, StateField } from "./codemirror.js"

/** @import {Text} from "./codemirror.js" */
/** @import {AlsoThere, Fault, Place, Placed, Report, Reported} from "./editor-wire.js" */

const SHOWN = 3 // remarks under lines; of more nobody reads any

/** @type {import("./codemirror.js").StateEffectType<Fault[]>} */
const found = StateEffect.define()

/**
 * @param {Fault} fault
 * @returns {AlsoThere[]}
 */
const places = (fault) => [fault, ...fault.also]

export const faults = StateField.define({
  create: () => /** @type {Fault[]} */ ([]),
  update(held, { docChanged, changes, state, effects }) {
    for (const effect of effects) if (effect.is(found)) return effect.value
    if (!docChanged) return held
    // A fault is kept where its text is still what it was; the next answer corrects it.
    /**
     * @template {Placed} One
     * @param {One} each
     */
    const moved = (each) => {
      const [from, to] = [changes.mapPos(each.from, 1), changes.mapPos(each.to, -1)]
      return { ...each, from, to }
    }
    /** @param {Placed} place */
    const same = ({ from, to, fragment }) => from <= to && state.sliceDoc(from, to) === fragment
    return held
      .map((fault) => ({ ...moved(fault), also: fault.also.map(moved).filter(same) }))
      .filter(same)
  },
  provide: (field) =>
    EditorView.decorations.from(field, (held) => (view) => drawn(held, view.state.doc)),
})

/**
 * Sets the faults of a text that is still the editor's.
 * @param {EditorView} view
 * @param {Fault[]} list
 */
export const setFaults = (view, list) => view.dispatch({ effects: found.of(list) })

/**
 * @param {Fault[]} held
 * @param {Text} doc
 */
function drawn(held, doc) {
  const marks = held.flatMap((fault) =>
    places(fault)
      .filter(({ from, to }) => to > from)
      .map(({ from, to }) => Decoration.mark({ class: `fault ${fault.kind}` }).range(from, to)),
  )
  // Remarks are drawn by CSS from an attribute: they are no part of what a screen reader reads here.
  const said = new Set()
  const remarks = held
    .filter(({ line, kind }) => line && kind !== "note")
    .slice(0, SHOWN)
    .flatMap(({ from, message, kind }) => {
      const line = doc.lineAt(from)
      if (said.has(line.number)) return []
      said.add(line.number)
      const style = `--column: ${from - line.from}; --length: ${message.length}`
      const attributes = { "data-remark": message, style }
      return [Decoration.line({ class: `remark ${kind}`, attributes }).range(line.from)]
    })
  return Decoration.set([...marks, ...remarks], true)
}

/**
 * Faults as the checker tells them, placed in the text that it was asked about.
 * @param {Report} report
 * @param {Text} doc
 * @returns {Fault[]}
 */
export function placed({ error, warnings = [], notes = [] }, doc) {
  /** @type {(Reported & {kind: Fault["kind"]})[]} */
  const kinds = [
    ...(error ? [{ ...error, kind: /** @type {const} */ ("error") }] : []),
    ...warnings.map((each) => ({
      ...(typeof each === "string" ? { message: each } : each),
      kind: /** @type {const} */ ("warning"),
    })),
    // That a logarithm is taken from the logits is said of nearly every loss, and nothing to do about.
    ...notes
      .filter(({ code }) => code !== "stable")
      .map((note) => ({ ...note, kind: /** @type {const} */ ("note") })),
  ]
  return kinds.map((fault) => ({
    ...place(fault, doc),
    also: (fault.also ?? []).map((other) => place(other, doc)),
  }))
}

/**
 * Lines and columns count from 1, columns in characters (not UTF-16 halves) as Python counts.
 * @template {Place} One
 * @param {One} fault
 * @param {Text} doc
 * @returns {One & Placed}
 */
export function place(fault, doc) {
  if (!fault.line) return { ...fault, from: 0, to: 0, fragment: "" }
  /**
   * @param {number} number
   * @param {number} column
   */
  const offset = (number, column) => {
    const line = doc.line(Math.min(Math.max(number, 1), doc.lines))
    return line.from + [...line.text].slice(0, Math.max(column - 1, 0)).join("").length
  }
  let from = offset(fault.line, fault.column ?? 1)
  let to = fault.end_column ? offset(fault.end_line ?? fault.line, fault.end_column) : from + 1
  if (to <= from) to = from + 1
  if (to > doc.length) {
    to = doc.length
    from = Math.min(from, Math.max(0, to - 1))
  }
  return { ...fault, from, to, fragment: doc.sliceString(from, to) }
}

/** @param {Fault | null | undefined} fault */
export const mendable = (fault) => typeof fault?.fix === "string"

/**
 * What a press on the button does.
 * @param {Fault} fault
 */
export function remedy({ fix, also, hint }) {
  // A whole text would leave no room for the verdict beside it: what to do says as much.
  if (fix?.trim().includes("\n") && hint) return hint[0].toUpperCase() + hint.slice(1)
  if (also.length) return `${fix ? "Replace" : "Remove"} all ${also.length + 1}`
  return fix ? `Use ${fix.trim() || "a plain space"}` : "Remove it"
}

/**
 * One step for undo, however many places are mended; the caret stays with its text.
 * @param {EditorView} view
 * @param {Fault} fault
 */
export function mend(view, fault) {
  view.dispatch({
    changes: places(fault).map(({ from, to, fix }) => ({ from, to, insert: fix ?? "" })),
    annotations: isolateHistory.of("full"),
    userEvent: "input.fix",
  })
  view.focus()
}

/**
 * Which of the faults stands at the caret; -1: none.
 * @param {import("./codemirror.js").EditorState} state
 * @param {number} caret
 */
export function faultAt(state, caret) {
  return state
    .field(faults)
    .findIndex((fault) =>
      places(fault).some(({ from, to }) => to > from && from <= caret && caret <= to),
    )
}
