// The numbers of a text that a slider moves, such as the 2.0 of `gamma = 2.0  # 0..5`: marked where
// they stand, moved by dragging them or with Alt and the arrow keys.

import {
  Decoration,
  EditorView,
  isolateHistory,
  keymap,
  Prec,
  StateEffect,
  StateField,
  Transaction,
} from "./codemirror.js"
import { place } from "./editor-faults.js"

/** @import {Parameter, ReportedParameter} from "./editor-wire.js" */

const REACH = 240 // pixels of a drag from one end of the range to the other
const STARTS = 3 // pixels from which a press is a drag
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/

/** @type {import("./codemirror.js").StateEffectType<Parameter[]>} */
const changed = StateEffect.define()

const field = StateField.define({
  create: () => /** @type {Parameter[]} */ ([]),
  update(held, { docChanged, changes, state, effects }) {
    for (const effect of effects) if (effect.is(changed)) return effect.value
    if (!docChanged) return held
    return held
      .map((each) => ({
        ...each,
        from: changes.mapPos(each.from, -1),
        to: changes.mapPos(each.to, 1),
      }))
      .filter(({ from, to }) => NUMBER.test(state.sliceDoc(from, to)))
  },
  provide: (field) =>
    EditorView.decorations.from(field, (held) =>
      Decoration.set(
        held.map(({ name, low, high, from, to }) => {
          const title = `${name}, ${low} to ${high}: drag it, or press Alt with an arrow key`
          return Decoration.mark({ class: "parameter", attributes: { title } }).range(from, to)
        }),
        true,
      ),
    ),
})

/**
 * Sets the parameters of a text, as the checker reports them.
 * @param {EditorView} view
 * @param {ReportedParameter[]} reported
 */
export function setParameters(view, reported) {
  const { doc } = view.state
  const numbers = reported.flatMap(({ low, high, ...each }) => {
    if (low === null || high === null || !each.line) return []
    const placed = { ...place(each, doc), low, high }
    return NUMBER.test(placed.fragment) ? [placed] : []
  })
  view.dispatch({ effects: changed.of(numbers) })
}

/**
 * @param {import("./codemirror.js").EditorState} state
 * @param {number} caret
 */
export const parameterAt = (state, caret) =>
  state.field(field).find(({ from, to }) => from <= caret && caret <= to) ?? null

/**
 * A value on the parameter's grid and in its range, as one would write it.
 * @param {Pick<Parameter, "low" | "high" | "step" | "fragment">} parameter
 * @param {number} value
 */
export function written({ low, high, step, fragment }, value) {
  const grid = step || (high - low) / 100
  const snapped = low + Math.round((value - low) / grid) * grid
  const bounded = Math.min(Math.max(snapped, low), high)
  const text = String(Number(bounded.toFixed(Math.max(decimals(grid), decimals(low)))))
  return /^[-+]?\d+$/.test(text) && /[.eE]/.test(fragment) ? `${text}.0` : text
}

/** @param {number} value */
function decimals(value) {
  const rounded = Number(value.toPrecision(6))
  let digits = 0
  while (digits < 12 && Number(rounded.toFixed(digits)) !== rounded) digits += 1
  return digits
}

/**
 * @param {EditorView} view
 * @param {{from: number, to: number} | null} where null: it is gone
 * @param {string} insert
 * @param {import("./codemirror.js").Annotation<unknown>} [annotations]
 */
function put(view, where, insert, annotations) {
  if (!where) return
  const { from, to } = where
  if (view.state.sliceDoc(from, to) === insert) return
  view.dispatch({ changes: { from, to, insert }, annotations, userEvent: "input.parameter" })
}

/**
 * @param {EditorView} view
 * @param {string} name
 */
const named = (view, name) => view.state.field(field).find((each) => each.name === name) ?? null

/**
 * One step for undo, however many values it went through.
 * @param {EditorView} view
 * @param {string} name
 * @param {string} before
 * @param {string} after
 */
function settle(view, name, before, after) {
  if (before === after) return
  put(view, named(view, name), before, Transaction.addToHistory.of(false))
  put(view, named(view, name), after, isolateHistory.of("full"))
}

/**
 * @param {EditorView} view
 * @param {PointerEvent} event
 */
function drag(view, event) {
  const caret = view.posAtCoords({ x: event.clientX, y: event.clientY })
  const parameter = caret === null ? null : parameterAt(view.state, caret)
  if (caret === null || !parameter) return
  const { name, low, high } = parameter
  const before = view.state.sliceDoc(parameter.from, parameter.to)
  const listening = new AbortController()
  let moving = false
  /** @param {PointerEvent} event */
  const move = ({ clientX, pointerId }) => {
    if (pointerId !== event.pointerId) return
    const far = clientX - event.clientX
    if (!moving && Math.abs(far) < STARTS) return
    moving = true
    view.dom.classList.add("is-dragging")
    const now = named(view, name)
    const value = Number(before) + (far / REACH) * (high - low)
    if (now)
      put(
        view,
        now,
        written({ ...now, fragment: before }, value),
        Transaction.addToHistory.of(false),
      )
  }
  /** @param {PointerEvent} event */
  const end = ({ pointerId, type }) => {
    if (pointerId !== event.pointerId) return
    listening.abort()
    view.dom.classList.remove("is-dragging")
    const now = named(view, name)
    if (!moving || !now) {
      if (type === "pointerup") view.dispatch({ selection: { anchor: caret } })
      if (type === "pointerup") view.focus()
      return
    }
    settle(view, name, before, view.state.sliceDoc(now.from, now.to))
  }
  const { signal } = listening
  window.addEventListener("pointermove", move, { signal })
  window.addEventListener("pointerup", end, { signal })
  window.addEventListener("pointercancel", end, { signal })
}

/** @param {number} by */
function step(by) {
  return (/** @type {EditorView} */ view) => {
    const { main } = view.state.selection
    const parameter = main.empty ? parameterAt(view.state, main.head) : null
    if (!parameter) return false
    const { from, to, low, high, step: grid } = parameter
    const fragment = view.state.sliceDoc(from, to)
    const value = Number(fragment) + by * (grid || (high - low) / 100)
    put(view, parameter, written({ ...parameter, fragment }, value))
    return true
  }
}

/** @param {Event} event */
const isOnOne = ({ target }) => target instanceof Element && target.closest(".parameter") !== null

export const parameters = [
  field,
  EditorView.domEventHandlers({
    pointerdown(event, view) {
      if (event.button === 0 && !event.shiftKey && isOnOne(event)) drag(view, event)
    },
    // The press is ours: the caret goes there when it was no drag.
    mousedown: (event) =>
      event.button === 0 && !event.shiftKey && event.detail < 2 && isOnOne(event),
  }),
  Prec.high(
    keymap.of([
      { key: "Alt-ArrowUp", run: step(1) },
      { key: "Alt-ArrowDown", run: step(-1) },
      { key: "Alt-Shift-ArrowUp", run: step(10) },
      { key: "Alt-Shift-ArrowDown", run: step(-10) },
    ]),
  ),
]
