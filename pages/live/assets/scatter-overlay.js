// What is drawn over a cloud of points: axes, and the classes' trails and centres.

import { roundUp } from "./axes.js"
import { classColor } from "./classes.js"

/** @import {Place, Scatter, Style} from "./scatter.js" */
/** @import {Theme} from "./words.js" */

/**
 * @param {Scatter} scatter
 * @param {CanvasRenderingContext2D} pen
 * @param {number} w
 * @param {number} h
 * @param {Theme} colors
 */
export function drawAxes(scatter, pen, w, h, colors) {
  pen.strokeStyle = colors.faint
  pen.fillStyle = colors.faint
  pen.font = `11px ${colors.font}`
  if (scatter.dims === 3) {
    const { reach } = scatter.sight(scatter.t())
    const origin = scatter.place([0, 0, 0])
    pen.globalAlpha = 0.7
    for (const [k, name] of ["x₁", "x₂", "x₃"].entries()) {
      const end = scatter.place([0, 1, 2].map((j) => (j === k ? reach * 0.7 : 0)))
      line(pen, [origin, end])
      pen.fillText(name, end[0] + 4, end[1] + 4)
    }
    pen.globalAlpha = 1
    return
  }
  const { middle, reach } = scatter.sight(scatter.t())
  const least = Math.min(w, h)
  const step = roundUp((2 * reach * 70) / least)
  pen.globalAlpha = 0.35
  const [ox, oy] = scatter.place([0, 0])
  if (ox > 0 && ox < w)
    line(pen, [
      [ox, 0],
      [ox, h],
    ])
  if (oy > 0 && oy < h)
    line(pen, [
      [0, oy],
      [w, oy],
    ])
  pen.globalAlpha = 1
  const half = [(reach * w) / least, (reach * h) / least]
  /** @type {(value: number) => string} */
  const text = (value) =>
    // What steps of 0.05 and the like leave of 0 is 0.
    Math.abs(value) < step / 2 ? "0" : String(Number(value.toPrecision(3))).replace("-", "−")
  pen.textAlign = "center"
  for (let x = Math.ceil((middle[0] - half[0]) / step) * step; x < middle[0] + half[0]; x += step) {
    const [px] = scatter.place([x, 0])
    if (px > 24 && px < w - 16) pen.fillText(text(x), px, h - 5)
  }
  pen.textAlign = "left"
  for (let y = Math.ceil((middle[1] - half[1]) / step) * step; y < middle[1] + half[1]; y += step) {
    const [, py] = scatter.place([0, y])
    if (py > 12 && py < h - 22) pen.fillText(text(y), 4, py + 4)
  }
}

/**
 * @param {Scatter} scatter
 * @param {CanvasRenderingContext2D} pen
 * @param {Style} style
 */
export function drawTrails(scatter, pen, { palette, hidden }) {
  pen.lineWidth = 1.5
  pen.globalAlpha = 0.8
  for (let c = 0; c < scatter.centers.length; c++) {
    if (hidden.has(c)) continue
    const path = scatter.trails.map((at) => at[c]).filter((at) => at?.every(Number.isFinite))
    pen.strokeStyle = classColor(palette, c)
    if (path.length)
      line(pen, [
        ...path.map((at) => scatter.place(at)),
        scatter.place(scatter.centerAt(c, scatter.t())),
      ])
  }
  pen.globalAlpha = 1
  pen.lineWidth = 1
}

/**
 * @param {Scatter} scatter
 * @param {CanvasRenderingContext2D} pen
 * @param {Style} style
 */
export function drawCenters(scatter, pen, { palette, hidden, colors, names }) {
  const t = scatter.t()
  pen.font = `600 12px ${colors.font}`
  pen.textAlign = "center"
  for (let c = 0; c < scatter.centers.length; c++) {
    const at = scatter.centerAt(c, t)
    if (hidden.has(c) || !at.every(Number.isFinite)) continue
    const [x, y] = scatter.place(at)
    pen.beginPath()
    pen.arc(x, y, 8.5, 0, 7)
    pen.fillStyle = colors.background
    pen.fill()
    pen.lineWidth = 2.5
    pen.strokeStyle = classColor(palette, c)
    pen.stroke()
    pen.lineWidth = 1
    pen.fillStyle = colors.text
    pen.fillText(names[c], x, y + 4)
  }
  pen.textAlign = "left"
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Place[]} path
 */
function line(pen, path) {
  pen.beginPath()
  for (const [x, y] of path) pen.lineTo(x, y)
  pen.stroke()
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Place} place
 * @param {number} radius
 * @param {string} color
 */
export function ring(pen, [x, y], radius, color) {
  pen.beginPath()
  pen.arc(x, y, radius, 0, 7)
  pen.lineWidth = 2
  pen.strokeStyle = color
  pen.stroke()
  pen.lineWidth = 1
}
