// A loss on the embedding: points, with the way each is moved.

import { heading, scale } from "./portraits-frame.js"
import { arrowsOf } from "./portraits-simplex.js"

/** @import {Trace} from "./plotly.js" */
/** @import {How, Made} from "./portraits-frame.js" */
/** @import {Floats, PointsAnswer} from "./wire.js" */
/** @import {Theme} from "./words.js" */

/** @type {(array: Floats, i: number) => Floats | Float32Array} */
const at = (array, i) => array.subarray(2 * i, 2 * i + 2)

/**
 * The points of a class, its arrows and, where there is one, its mark.
 * @param {PointsAnswer} answer
 * @param {number} label
 * @param {number} longest arrow of all classes
 * @param {Theme} colors
 * @returns {Trace[]}
 */
function ofClass(answer, label, longest, colors) {
  const color = colors.runs[label]
  const own = Array.from(answer.labels.keys()).filter((i) => answer.labels[i] === label)
  const { lines, heads } = arrowsOf(
    own
      .map((i) => {
        const [dx, dy] = at(answer.arrows, i).map((value) => (0.55 * value) / longest)
        return [...at(answer.points, i), dx, dy]
      })
      .filter(([, , dx, dy]) => Math.hypot(dx, dy) > 1e-3),
  )
  /** @type {Trace[]} */
  const traces = [
    { type: "scatter", mode: "lines", ...lines, line: { color, width: 1.5 }, hoverinfo: "skip" },
    {
      type: "scatter",
      mode: "markers",
      ...heads,
      marker: { symbol: "triangle-up", angle: heads.angle, size: 6, color },
      hoverinfo: "skip",
    },
    {
      type: "scatter",
      mode: "markers",
      x: own.map((i) => at(answer.points, i)[0]),
      y: own.map((i) => at(answer.points, i)[1]),
      marker: { size: 8, color, line: { width: 1, color: colors.background } },
      hovertemplate: `class ${label}<extra></extra>`,
    },
  ]
  if (!answer.marks.length) return traces
  const [x, y] = at(answer.marks, label)
  traces.push({
    type: "scatter",
    mode: "markers",
    x: [x],
    y: [y],
    marker: { symbol: "x", size: 11, color, line: { width: 1.5, color: colors.background } },
    hoverinfo: "skip",
  })
  return traces
}

/**
 * Feature vectors in two dimensions, and where the loss moves each.
 * @param {PointsAnswer} answer
 * @param {How} how
 * @returns {Made}
 */
export function points(answer, { colors }) {
  const lengths = Array.from(answer.labels.keys(), (i) => Math.hypot(...at(answer.arrows, i)))
  const longest = Math.max(...lengths, 1e-12)
  return {
    traces: [0, 1, 2].flatMap((label) => ofClass(answer, label, longest, colors)),
    layout: {
      margin: { l: 42, r: 8, t: 20, b: 36 },
      xaxis: scale(colors, { title: { text: "first feature", standoff: 4, font: { size: 12 } } }),
      yaxis: scale(colors, { scaleanchor: "x" }),
      annotations: [heading("second feature", 0, 1, colors)],
    },
    note: answer.note,
    keys: [0, 1, 2].map((label) => ({ label: `class ${label}`, color: colors.runs[label] })),
  }
}
