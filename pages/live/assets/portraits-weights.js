// Whom a loss pushes in a batch, and how hard beside cross-entropy.

import { address } from "./ask.js"
import { heading, scale } from "./portraits-frame.js"
import { digits, element } from "./words.js"

/** @import {Trace} from "./plotly.js" */
/** @import {How, Made} from "./portraits-frame.js" */
/** @import {WeightsAnswer} from "./wire.js" */
/** @import {Theme} from "./words.js" */

const SHOWN = 7 // images of each end
const TILE = 30 // pixels
const BINS = 24
/** @param {Theme} colors */
const wrong = (colors) => colors.runs[3] ?? "#d55e00"

/**
 * An image of the batch, with the probability of its true class.
 * @param {WeightsAnswer} answer
 * @param {string} url of all images, side by side
 * @param {number} i
 */
function tile({ p, push, right }, url, i) {
  const text = p[i].toFixed(2)
  const title = `p of the truth ${text}, |dL/dz| ${digits(push[i])}`
  const made = element("i", { className: "tile", role: "img", "aria-label": title, title })
  made.style.backgroundImage = `url("${url}")`
  made.style.backgroundSize = `${p.length * TILE}px ${TILE}px`
  made.style.backgroundPosition = `${-i * TILE}px 0`
  const className = right[i] ? "" : "is-wrong"
  return element("span", { className }, made, element("small", { text }))
}

/**
 * @param {WeightsAnswer} answer
 * @param {How} how
 * @returns {Made}
 */
export function weights(answer, { colors, run, narrow }) {
  const { weight, push, right } = answer
  const count = weight.length
  const of =
    answer.of && run === answer.of
      ? `${count} test images, as this run answers them`
      : `${count} digits, as a logistic regression answers them that has seen 60`
  const known = Array.from(weight.keys()).filter((i) => Number.isFinite(weight[i]))
  const most = Math.max(...known.map((i) => weight[i]), 1e-9)
  const end = Math.max(most * 1.02, 1.05)
  const bins = (/** @type {number} */ which) => {
    const counts = Array.from({ length: BINS }, () => 0)
    for (const i of known)
      if (right[i] === which) counts[Math.min(BINS - 1, Math.floor((weight[i] / end) * BINS))] += 1
    return counts
  }
  const middles = Array.from({ length: BINS }, (_, i) => ((i + 0.5) * end) / BINS)
  /** @type {(which: number, name: string, color: string) => Trace} */
  const bar = (which, name, color) => ({
    type: "bar",
    x: middles,
    y: bins(which),
    width: (end / BINS) * 0.9,
    name,
    marker: { color },
    hovertemplate: `%{y} ${name}<extra></extra>`,
  })
  const order = Array.from(push.keys())
    .filter((i) => Number.isFinite(push[i]))
    .sort((a, b) => push[b] - push[a])
  const url = String(address(answer.of ? `strip/${answer.of}.png` : "reference.png"))
  /** @type {(title: string, places: number[]) => HTMLElement} */
  const row = (title, places) =>
    element(
      "div",
      { className: "ends" },
      element("h5", { text: title }),
      element("div", { className: "tiles" }, ...places.map((i) => tile(answer, url, i))),
    )
  return {
    traces: [bar(1, "answered right", colors.faint), bar(0, "answered wrong", wrong(colors))],
    layout: {
      barmode: "stack",
      bargap: 0,
      margin: { l: 38, r: 8, t: 20, b: 36 },
      xaxis: scale(colors, {
        range: [0, end],
        title: {
          text: narrow ? "weight w" : "w = |dL/dz| / |dCE/dz|",
          standoff: 4,
          font: { size: 12 },
        },
      }),
      yaxis: scale(colors, { rangemode: "tozero" }),
      shapes: [
        {
          type: "line",
          x0: 1,
          x1: 1,
          y0: 0,
          y1: 1,
          yref: "paper",
          line: { color: colors.faint, width: 1, dash: "dot" },
        },
      ],
      annotations: [
        heading("images", 0, 1, colors),
        {
          ...heading("as cross-entropy", 1, 1, colors),
          xref: "x",
          xanchor: end > 1.6 ? "left" : "right",
          font: { size: 11, color: colors.faint },
        },
      ],
    },
    note: `Of ${of}. Under each image: the probability of its true class.`,
    keys: [
      { label: "right", color: colors.faint },
      { label: "wrong", color: wrong(colors) },
    ],
    side: [
      row("Pushed hardest", order.slice(0, SHOWN)),
      row("Pushed least", order.slice(-SHOWN).reverse()),
    ],
  }
}
