// A loss as curves: over the probability of the true class, over a distance, or as dots of a batch.

import { isNumber, list, onPanel, panels } from "./portraits-frame.js"

/** @import {Trace} from "./plotly.js" */
/** @import {How, Made} from "./portraits-frame.js" */
/** @import {BatchAnswer, CurveAnswer, DistancesAnswer} from "./wire.js" */

/**
 * From a little below the least to a little above the most worth showing: both ends of p are left
 * out, where many losses have a pole, and the ghost may widen it to twice the loss' own range.
 * @param {ArrayLike<number>} p
 * @param {ArrayLike<number>} own
 * @param {ArrayLike<number>} ghost
 */
function range(p, own, ghost) {
  const inside = (/** @type {ArrayLike<number>} */ values) =>
    list(values)
      .filter((_, i) => p[i] >= 0.02 && p[i] <= 0.98)
      .filter(isNumber)
  const mine = inside(own)
  if (!mine.length) return [0, 1]
  let low = Math.min(...mine)
  let high = Math.max(...mine)
  const spread = Math.max(high - low, 1e-3 * Math.max(Math.abs(low), Math.abs(high)), 1e-6)
  const other = inside(ghost)
  if (other.length) {
    low = Math.max(Math.min(low, Math.min(...other)), low - spread)
    high = Math.min(Math.max(high, Math.max(...other)), high + spread)
  }
  const room = 0.06 * (high - low || 1)
  return [low - room, high + room]
}

/** @type {[name: "loss" | "slope" | "slope_p", title: string][]} */
const PANELS = [
  ["loss", "loss L"],
  ["slope", "dL/dz of the true logit"],
  ["slope_p", "dL/dp"],
]

/**
 * @param {CurveAnswer} answer
 * @param {How} how
 * @returns {Made}
 */
export function curve(answer, { colors, axis, narrow }) {
  const { ghost } = answer
  const overP = axis === "p"
  const title = overP ? "p(true class)" : "logit margin, true − others"
  const layout = panels(
    PANELS.map(([, text]) => text),
    narrow,
    colors,
    {
      range: overP ? [0, 1] : [answer.margin[0], answer.margin[answer.margin.length - 1]],
      title: { text: title, standoff: 4, font: { size: 12 } },
    },
  )
  if (!narrow) layout.xaxis2.title = undefined
  /** @type {Trace[]} */
  const traces = []
  for (const [i, [name]] of PANELS.entries()) {
    const on = {
      ...onPanel(i),
      type: "scatter",
      mode: "lines",
      hovertemplate: "%{y:.3g}",
    }
    traces.push(
      {
        ...on,
        x: list(ghost[axis]),
        y: list(ghost[name]),
        name: "cross-entropy",
        line: { color: colors.faint, width: 1.5, dash: "dot" },
      },
      {
        ...on,
        x: list(answer[axis]),
        y: list(answer[name]),
        name: "this loss",
        line: { color: colors.text, width: 2.5 },
      },
    )
    layout[`yaxis${i ? i + 1 : ""}`].range = range(answer.p, answer[name], ghost[name])
  }
  return {
    traces,
    layout: { ...layout, hovermode: "x unified", margin: { l: 42, r: 8, t: 20, b: 36 } },
    note:
      answer.note ||
      "Left: the price of giving the true class probability p. Right: how hard it pushes.",
    keys: [
      { label: "this loss", color: colors.text },
      { label: "cross-entropy", color: colors.faint, dash: "dotted" },
    ],
  }
}

/**
 * A loss that compares samples: each dot is an image of a batch.
 * @param {BatchAnswer} answer
 * @param {How} how
 * @returns {Made}
 */
export function batch(answer, { colors, narrow }) {
  /** @type {[values: (number | null)[], usual: ArrayLike<number>, title: string][]} */
  const shown = [[list(answer.slope), answer.ghost.slope, "dL/dz of the true logit"]]
  if (answer.value) {
    shown.unshift([list(answer.value), answer.ghost.loss, "loss L of a sample"])
  }
  const titles = shown.map(([, , title]) => title)
  const layout = panels(titles, narrow, colors, {
    range: [-0.02, 1.02],
    title: { text: "p(true class)", standoff: 4, font: { size: 12 } },
  })
  /** @type {Trace[]} */
  const traces = []
  for (const [i, [values, usual]] of shown.entries()) {
    const on = { ...onPanel(i), type: "scatter" }
    traces.push(
      {
        ...on,
        mode: "lines",
        x: list(answer.ghost.p),
        y: list(usual),
        hoverinfo: "skip",
        line: { color: colors.faint, width: 1.5, dash: "dot" },
      },
      {
        ...on,
        mode: "markers",
        x: list(answer.p),
        y: values,
        marker: { color: colors.text, size: 5, opacity: 0.55 },
        hovertemplate: "p %{x:.2f}: %{y:.3g}<extra></extra>",
      },
    )
    const known = values.filter(isNumber)
    const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)]
    const room = 0.06 * (high - low || 1)
    layout[`yaxis${i ? i + 1 : ""}`].range = [low - room, high + room]
  }
  return {
    traces,
    layout,
    note: answer.note,
    keys: [
      { label: "an image", color: colors.text },
      { label: "cross-entropy", color: colors.faint, dash: "dotted" },
    ],
  }
}

/**
 * @param {DistancesAnswer} answer
 * @param {How} how
 * @param {{label: string, color: string}[]} lines
 * @param {string} title
 * @returns {Made}
 */
function distances(answer, { colors, narrow }, lines, title) {
  const layout = panels(["loss L", "dL/d(distance)"], narrow, colors, {
    range: [0, answer.distance[answer.distance.length - 1]],
    title: { text: title, standoff: 4, font: { size: 12 } },
  })
  const points = answer.distance.length
  const traces = [answer.loss, answer.slope].flatMap((values, i) =>
    lines.map(({ color, label }, k) => ({
      ...onPanel(i),
      type: "scatter",
      mode: "lines",
      x: list(answer.distance),
      y: list(values.subarray(k * points, (k + 1) * points)),
      name: label,
      line: { color, width: 2.5 },
      hovertemplate: "%{y:.3g}",
    })),
  )
  return { traces, layout: { ...layout, hovermode: "x unified" }, note: answer.note, keys: lines }
}

/** @type {(answer: DistancesAnswer, about: How) => Made} */
export const pairs = (answer, about) =>
  distances(
    answer,
    about,
    [
      { label: "same class", color: about.colors.runs[0] },
      { label: "another class", color: about.colors.runs[1] },
    ],
    "distance of the two",
  )

/** @type {(answer: DistancesAnswer, about: How) => Made} */
export const triplets = (answer, about) =>
  distances(
    answer,
    about,
    Array.from(answer.positive ?? [], (near, i) => ({
      label: `positive at ${near.toFixed(1)}`,
      color: about.colors.runs[i],
    })),
    "distance of anchor and negative",
  )
