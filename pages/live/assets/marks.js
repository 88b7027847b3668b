// What was changed while a run trained, or began: a line on every chart, with its name on one.

import { plain } from "./plotly.js"
import { count } from "./words.js"

/** @import {Mark} from "./wire.js" */
/** @import {Theme} from "./words.js" */

/** @type {Partial<Record<Mark["kind"], string>>} */
const SAID = { loss: "new loss", broken: "not finite" }
/** @type {Partial<Record<Mark["kind"], string>>} */
const NAMED = { best: "best epoch", back: "back to step" }

/**
 * What stands beside a mark.
 * @param {Mark} mark
 */
export function markText({ kind, name, value }) {
  const said = SAID[kind]
  if (said) return said
  if (kind === "phase") return name || `phase ${value}`
  const whole = kind === "back" || kind === "best"
  const number = typeof value !== "number" ? value : whole ? count(value) : tidy(value)
  return `${(NAMED[kind] ?? name).replaceAll("_", " ")} ${number}`
}

const APART_PX = 12 // of two marks of one knob; a hand that drags leaves one each 0.3 s
const MOST = 12 // that a chart shows, the last

/**
 * The marks that a chart shows: of those of one knob that follow each other more closely than an eye
 * keeps them apart, the last, whose value the run went on with.
 * @template {Mark & {x: number | null}} T
 * @param {T[]} marks
 * @param {number} pixel how much of the axis a pixel is
 * @returns {T[]}
 */
export function shownMarks(marks, pixel) {
  /** @type {T[]} */
  const kept = []
  for (const mark of marks) {
    const last = kept.at(-1)
    const moved = mark.kind === "parameter" || mark.kind === "rate"
    const same = moved && last?.kind === mark.kind && last.name === mark.name
    if (same && (mark.x ?? 0) - (last.x ?? 0) < APART_PX * pixel) kept.pop()
    kept.push(mark)
  }
  return kept.slice(-MOST)
}

/** @param {number} value */
const tidy = (value) => String(Number(value.toPrecision(3)))

/**
 * @param {{x: number | null}[]} marks
 * @param {Theme} colors
 */
export const markLines = (marks, colors) =>
  marks.map(({ x }) => ({
    type: "line",
    x0: x,
    x1: x,
    y0: 0,
    y1: 1,
    yref: "paper",
    line: { color: colors.faint, width: 1, dash: "dot" },
  }))

/**
 * Where the moment is that all views show.
 * @param {number | null} x
 * @param {Theme} colors
 */
export const momentLine = (x, colors) =>
  x === null
    ? []
    : [
        {
          type: "line",
          x0: x,
          x1: x,
          y0: 0,
          y1: 1,
          yref: "paper",
          line: { color: colors.text, width: 1.5 },
        },
      ]

const CHARACTER_PX = 6.6 // of a name
const ROW_PX = 15
const ROWS = 2 // of names, which would hide the curve if there were more

/**
 * The marks' names, the latest first; where those before it leave one no room, a dot that says it
 * under the pointer.
 * @param {(Mark & {x: number | null})[]} marks
 * @param {number} end of the axis
 * @param {[width: number, height: number]} size of the chart in pixels
 * @param {Theme} colors
 */
export function markNames(marks, end, [width, height], colors) {
  const step = Math.max(0.08, ROW_PX / Math.max(height, 1))
  /** @type {[left: number, right: number][][]} */
  const rows = Array.from({ length: ROWS }, () => [])
  return marks
    .map((mark) => ({ text: plain(markText(mark)), x: mark.x }))
    .reverse()
    .map(({ text, x }) => {
      const leftwards = (x ?? 0) > 0.7 * end
      const size = ((text.length * CHARACTER_PX + 8) * end) / Math.max(width, 1)
      const left = (x ?? 0) - (leftwards ? size : 0)
      const row = rows.findIndex((taken) =>
        taken.every(([from, to]) => left >= to || left + size <= from),
      )
      if (row >= 0) rows[row].push([left, left + size])
      return {
        x,
        y: 1 - step * (row >= 0 ? row : ROWS),
        yref: "paper",
        yanchor: "top",
        xanchor: row < 0 ? "center" : leftwards ? "right" : "left",
        text: row >= 0 ? text : "•",
        hovertext: row >= 0 ? "" : text,
        showarrow: false,
        bgcolor: colors.background,
        font: { size: 11.5, color: colors.text },
      }
    })
}
