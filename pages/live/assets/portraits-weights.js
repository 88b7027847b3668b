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
 * How many images have which weight: those that were answered right, and on them the wrong ones.
 * @param {WeightsAnswer} answer
 * @param {number} end of the axis
 * @param {Theme} colors
 */
function histogram({ weight, right }, end, colors) {
  const middles = Array.from({ length: BINS }, (_, i) => ((i + 0.5) * end) / BINS)
  /** @type {(which: number, name: string, color: string) => Trace} */
  const bar = (which, name, color) => {
    const counts = Array.from({ length: BINS }, () => 0)
    for (const [i, value] of weight.entries())
      if (Number.isFinite(value) && right[i] === which)
        counts[Math.min(BINS - 1, Math.floor((value / end) * BINS))] += 1
    return {
      type: "bar",
      x: middles,
      y: counts,
      width: (end / BINS) * 0.9,
      name,
      marker: { color },
      hovertemplate: `%{y} ${name}<extra></extra>`,
    }
  }
  return [bar(1, "answered right", colors.faint), bar(0, "answered wrong", wrong(colors))]
}

/**
 * Its axes, and a mark at 1, where a loss pushes as hard as cross-entropy.
 * @param {number} end of the axis
 * @param {How} how
 */
function axes(end, { colors, narrow }) {
  return {
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
  }
}

/**
 * @param {WeightsAnswer} answer
 * @param {How} how
 * @returns {Made}
 */
export function weights(answer, how) {
  const { weight, push } = answer
  const { colors } = how
  const of =
    answer.of && how.run === answer.of
      ? `${weight.length} test images, as this run answers them`
      : `${weight.length} digits, as a logistic regression answers them that has seen 60`
  const most = Math.max(...Array.from(weight).filter(Number.isFinite), 1e-9)
  const end = Math.max(most * 1.02, 1.05)
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
    traces: histogram(answer, end, colors),
    layout: axes(end, how),
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
