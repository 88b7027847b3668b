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

const REACH = 240 // pixels of a drag from one end of the range to the other
const STARTS = 3 // pixels from which a press is a drag
const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/

const told = StateEffect.define()

const field = StateField.define({
  create: () => [],
  update(held, { docChanged, changes, state, effects }) {
    for (const effect of effects) if (effect.is(told)) return effect.value
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

// Sets the parameters of a text, as the checker reports them.
export function tellParameters(view, reported) {
  const { doc } = view.state
  const placed = reported
    .filter(({ low, line }) => low !== null && line)
    .map((each) => place(each, doc))
  const numbers = placed.filter(({ fragment }) => NUMBER.test(fragment))
  view.dispatch({ effects: told.of(numbers) })
}

export const parameterAt = (state, caret) =>
  state.field(field).find(({ from, to }) => from <= caret && caret <= to) ?? null

// A value on the parameter's grid and in its range, as one would write it.
export function written({ low, high, step, fragment }, value) {
  const grid = step || (high - low) / 100
  const snapped = low + Math.round((value - low) / grid) * grid
  const bounded = Math.min(Math.max(snapped, low), high)
  const text = String(Number(bounded.toFixed(Math.max(decimals(grid), decimals(low)))))
  return /^[-+]?\d+$/.test(text) && /[.eE]/.test(fragment) ? `${text}.0` : text
}

function decimals(value) {
  const rounded = Number(value.toPrecision(6))
  let digits = 0
  while (digits < 12 && Number(rounded.toFixed(digits)) !== rounded) digits += 1
  return digits
}

function put(view, { from, to }, insert, annotations) {
  if (view.state.sliceDoc(from, to) === insert) return
  view.dispatch({ changes: { from, to, insert }, annotations, userEvent: "input.parameter" })
}

// One step for undo, however many values it went through.
function settle(view, name, before, after) {
  const now = () => view.state.field(field).find((each) => each.name === name)
  if (!now() || before === after) return
  put(view, now(), before, Transaction.addToHistory.of(false))
  put(view, now(), after, isolateHistory.of("full"))
}

function drag(view, event) {
  const caret = view.posAtCoords({ x: event.clientX, y: event.clientY })
  const parameter = caret === null ? null : parameterAt(view.state, caret)
  if (!parameter) return
  const { name, low, high } = parameter
  const before = view.state.sliceDoc(parameter.from, parameter.to)
  const listening = new AbortController()
  let moving = false
  const move = ({ clientX, pointerId }) => {
    if (pointerId !== event.pointerId) return
    const far = clientX - event.clientX
    if (!moving && Math.abs(far) < STARTS) return
    moving = true
    view.dom.classList.add("is-dragging")
    const now = view.state.field(field).find((each) => each.name === name)
    const value = Number(before) + (far / REACH) * (high - low)
    if (now)
      put(
        view,
        now,
        written({ ...now, fragment: before }, value),
        Transaction.addToHistory.of(false),
      )
  }
  const end = ({ pointerId, type }) => {
    if (pointerId !== event.pointerId) return
    listening.abort()
    view.dom.classList.remove("is-dragging")
    const now = view.state.field(field).find((each) => each.name === name)
    if (!moving || !now) {
      if (type === "pointerup") view.dispatch({ selection: { anchor: caret } })
      if (type === "pointerup") view.focus()
      return
    }
    settle(view, name, before, view.state.sliceDoc(now.from, now.to))
  }
  const { signal } = listening
  window.addEventListener("pointermove", move, { signal })
  for (const kind of ["pointerup", "pointercancel"]) window.addEventListener(kind, end, { signal })
}

function step(by) {
  return (view) => {
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

export const parameters = [
  field,
  EditorView.domEventHandlers({
    pointerdown(event, view) {
      if (event.button === 0 && !event.shiftKey && event.target.closest?.(".parameter"))
        drag(view, event)
    },
    // The press is ours: the caret goes there when it was no drag.
    mousedown: (event) =>
      event.button === 0 &&
      !event.shiftKey &&
      event.detail < 2 &&
      Boolean(event.target.closest?.(".parameter")),
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
