// A loss over all predictions of three classes, and where descent leads.

import { cssOf, VIRIDIS } from "./pixels.js"
import { isNumber, list } from "./portraits-frame.js"

/** @import {How, Made} from "./portraits-frame.js" */
/** @import {Trace} from "./plotly.js" */
/** @import {Floats, SimplexAnswer} from "./wire.js" */
/** @import {Theme} from "./words.js" */

const COLORSCALE = Array.from({ length: 18 }, (_, i) => [
  i / 17,
  cssOf(VIRIDIS[15 * i]).replaceAll(" ", ","),
])

/**
 * A plane of arrows: shafts as one line with gaps, and heads.
 * @param {number[][]} places x, y, and the arrow's x, y
 */
export function arrowsOf(places) {
  /** @type {{x: (number | null)[], y: (number | null)[]}} */
  const lines = { x: [], y: [] }
  /** @type {{x: number[], y: number[], angle: number[]}} */
  const heads = { x: [], y: [], angle: [] }
  for (const [x, y, dx, dy] of places) {
    lines.x.push(x, x + dx, null)
    lines.y.push(y, y + dy, null)
    heads.x.push(x + dx)
    heads.y.push(y + dy)
    heads.angle.push((Math.atan2(dx, dy) * 180) / Math.PI)
  }
  return { lines, heads }
}

const TALL = Math.sqrt(3) / 2 // the triangle's height, its sides being 1

/**
 * Where descent leads, as arrows around the places where they begin, none longer than 0.075.
 * @param {Floats} arrows (N, 4): x, y, and which way
 */
function descent(arrows) {
  const given = Array.from({ length: arrows.shape[0] }, (_, i) =>
    Array.from(arrows.subarray(4 * i, 4 * i + 4)),
  )
  const longest = Math.max(...given.map(([, , dx, dy]) => Math.hypot(dx, dy)), 1e-12)
  return arrowsOf(
    given
      .filter(([, , dx, dy]) => Math.hypot(dx, dy) > 0)
      .map(([x, y, dx, dy]) => {
        const size = Math.hypot(dx, dy)
        const length = 0.075 * Math.sqrt(size / longest)
        const [ux, uy] = [(dx / size) * length, (dy / size) * length]
        return [x - ux / 2, y - uy / 2, ux, uy]
      }),
  )
}

/**
 * The loss as a heat map.
 * @param {SimplexAnswer} answer
 * @returns {Trace}
 */
function heat({ loss, x, y }) {
  const [rows, columns] = loss.shape
  // The scale ends below the border itself, where many losses have a pole.
  const sorted = list(loss)
    .filter(isNumber)
    .sort((a, b) => a - b)
  const [least, most] = [sorted[0] ?? 0, sorted[Math.floor(0.985 * (sorted.length - 1))] ?? 1]
  return {
    type: "heatmap",
    x: list(x),
    y: list(y),
    z: Array.from({ length: rows }, (_, row) =>
      list(loss.subarray(row * columns, (row + 1) * columns)),
    ),
    zsmooth: "best",
    zmin: least,
    zmax: most > least ? most : least + 1e-6,
    colorscale: COLORSCALE,
    colorbar: {
      title: { text: "loss L", side: "top", font: { size: 12 } },
      thickness: 10,
      len: 0.9,
      x: 1.02,
      outlinewidth: 0,
      tickfont: { size: 11 },
      nticks: 5,
    },
    hovertemplate: "L %{z:.3g}<extra></extra>",
    hoverongaps: false,
  }
}

/**
 * The plane without axes, with the corners' names; what juts out of the triangle is covered.
 * @param {Theme} colors
 */
function triangle(colors) {
  const cover = (/** @type {string} */ path) => ({
    type: "path",
    path,
    fillcolor: colors.background,
    line: { width: 0 },
  })
  /** @type {(text: string, x: number, y: number, yanchor: string) => object} */
  const corner = (text, x, y, yanchor) => ({
    text,
    x,
    y,
    yanchor,
    showarrow: false,
    font: { size: 12, color: colors.text },
  })
  return {
    margin: { l: 8, r: 64, t: 22, b: 24 },
    xaxis: { visible: false, range: [-0.06, 1.06], fixedrange: true },
    yaxis: { visible: false, range: [-0.02, TALL + 0.02], scaleanchor: "x", fixedrange: true },
    shapes: [
      cover(`M -0.06,-0.02 L 0,0 L 0.5,${TALL} L 0.5,${TALL + 0.02} L -0.06,${TALL + 0.02} Z`),
      cover(`M 1.06,-0.02 L 1,0 L 0.5,${TALL} L 0.5,${TALL + 0.02} L 1.06,${TALL + 0.02} Z`),
      cover("M -0.06,-0.02 L 0,0 L 1,0 L 1.06,-0.02 Z"),
    ],
    annotations: [
      corner("true class", 0.5, TALL, "bottom"),
      corner("another", 0.02, 0, "top"),
      corner("a third", 0.98, 0, "top"),
    ],
  }
}

/**
 * The predictions of three classes as a triangle.
 * @param {SimplexAnswer} answer
 * @param {How} how
 * @returns {Made}
 */
export function simplex(answer, { colors }) {
  const { lines, heads } = descent(answer.arrows)
  return {
    traces: [
      heat(answer),
      {
        type: "scatter",
        mode: "lines",
        ...lines,
        line: { color: "#fff", width: 1.5 },
        hoverinfo: "skip",
      },
      {
        type: "scatter",
        mode: "markers",
        ...heads,
        marker: { symbol: "triangle-up", angle: heads.angle, size: 6, color: "#fff" },
        hoverinfo: "skip",
      },
      {
        type: "scatter",
        mode: "lines",
        x: [0, 1, 0.5, 0],
        y: [0, 0, TALL, 0],
        line: { color: colors.faint, width: 1 },
        hoverinfo: "skip",
      },
    ],
    layout: triangle(colors),
    note: "Each point is a prediction for three classes. Arrows: where a step of gradient descent on the logits moves it.",
    keys: [],
  }
}
