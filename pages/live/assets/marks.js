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
 * @param {(Mark & {x: number | null})[]} marks
 * @param {number} end of the axis
 * @param {Theme} colors
 */
export const markNames = (marks, end, colors) =>
  marks.map((mark, i) => ({
    x: mark.x,
    y: 1 - 0.08 * (i % 3),
    yref: "paper",
    yanchor: "top",
    xanchor: (mark.x ?? 0) > 0.7 * end ? "right" : "left",
    text: plain(markText(mark)),
    showarrow: false,
    bgcolor: colors.background,
    font: { size: 11.5, color: colors.text },
  }))
