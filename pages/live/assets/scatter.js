// A cloud of points in two or three dimensions, class regions behind it, and over it what
// `scatter-overlay.js` draws. Between two frames the points glide: both positions lie on the graphics card, only `t`
// moves.

import { classColor, classShape } from "./classes.js"
import { penOf } from "./pixels.js"
import { graphics, rgb } from "./scatter-gl.js"
import { drawAxes, drawCenters, drawTrails, ring } from "./scatter-overlay.js"

/** @import {Buffers} from "./scatter-gl.js" */
/** @import {EmbeddingAnswer, Floats} from "./wire.js" */
/** @import {Theme} from "./words.js" */
/** @typedef {number[]} Place in space, or on the canvas in its CSS pixels */
/** What is in sight: its middle, and how far from there. @typedef {{middle: number[], reach: number}} Sight */
/**
 * How all clouds of a view are drawn; `names` stand in the classes' centres.
 * @typedef {{palette: string[], hidden: Set<number>, regions: boolean, trails: boolean, colors: Theme, names: string[]}} Style
 */

/** @type {(a: number, b: number, t: number) => number} */
const mixed = (a, b, t) => a + (b - a) * t
/** @param {number} t */
const eased = (t) => (t >= 1 ? 1 : t * t * (3 - 2 * t))

const MOST_ZOOM = 40

export class Scatter {
  count = 0
  dims = 2
  from = new Float32Array(0)
  to = new Float32Array(0)
  about = new Float32Array(0)
  /** @type {ArrayLike<number>} */
  labels = []
  /** @type {boolean[]} */
  mistaken = []
  began = 0
  lasts = 0
  /** @type {Sight | null} */
  view = null
  /** @type {Sight | null} Where it comes from. */
  viewFrom = null
  width = 0
  height = 0
  yaw = 0.6
  pitch = 0.4
  /** @type {Buffers | null} */
  buffers = null
  /** @type {Place[]} */
  centers = []
  /** @type {Place[]} */
  centersFrom = []
  /** @type {Place[][]} */
  trails = []
  /** @type {number[][]} Two weights and a bias of each class. */
  rules = []
  /** @type {number[]} Places of the ringed points, the first of them the one that was chosen. */
  marked = []
  zoom = 1
  /** How far the middle was moved, in reaches of the whole cloud. */
  aside = [0, 0, 0]
  stale = true // whether the card has other points than these
  #painted = "" // what the colours of the points depend on

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas
    this.context = penOf(canvas)
  }

  /**
   * Takes a frame of points (N × dims); they glide there for so many milliseconds.
   * @param {EmbeddingAnswer} frame
   * @param {Place[][]} trails
   * @param {number} glide
   */
  take({ points, labels, predicted, centers, kernel, bias }, trails, glide) {
    const [count, dims] = points.shape
    const t = this.t()
    const to = new Float32Array(3 * count)
    for (let i = 0; i < count; i++)
      for (let k = 0; k < dims; k++) to[3 * i + k] = points[dims * i + k]
    const same = count === this.count && dims === this.dims && this.count > 0
    if (same) {
      const from = new Float32Array(3 * count)
      for (let i = 0; i < from.length; i++) from[i] = mixed(this.from[i], this.to[i], t)
      this.from = from
      this.viewFrom = this.sight(t)
      this.centersFrom = this.centers.map((_, c) => this.centerAt(c, t))
    } else {
      this.from = to
      this.viewFrom = null
      this.centersFrom = []
      this.zoom = 1
      this.aside = [0, 0, 0]
    }
    this.to = to
    this.count = count
    this.dims = dims
    this.labels = labels
    this.mistaken = Array.from(
      labels,
      (label, i) => predicted !== undefined && label !== predicted[i],
    )
    this.centers = rows(centers)
    this.trails = trails
    this.rules = rulesOf(kernel, bias)
    this.view = fitted(points, count, dims)
    this.began = performance.now()
    this.lasts = same ? glide : 0
    this.#painted = ""
  }

  t() {
    return this.lasts ? eased(Math.min(1, (performance.now() - this.began) / this.lasts)) : 1
  }

  get moving() {
    return this.t() < 1
  }

  /**
   * @param {number} t
   * @returns {Sight}
   */
  sight(t) {
    const b = this.view ?? { middle: [0, 0, 0], reach: 1 }
    const a = this.viewFrom ?? b
    const reach = mixed(a.reach, b.reach, t)
    return {
      middle: b.middle.map((value, k) => mixed(a.middle[k], value, t) + this.aside[k] * reach),
      reach: reach / this.zoom,
    }
  }

  /**
   * @param {number} c
   * @param {number} t
   */
  centerAt(c, t) {
    const to = this.centers[c]
    const from = this.centersFrom[c]
    return from?.every(Number.isFinite) ? to.map((value, k) => mixed(from[k], value, t)) : to
  }

  /**
   * Nearer by a factor; in two dimensions what is at the place on the canvas stays there.
   * @param {number} by
   * @param {number} x
   * @param {number} y
   */
  zoomBy(by, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * by))
    const far = (2 * (1 / this.zoom - 1 / zoom)) / Math.min(this.width, this.height)
    this.zoom = zoom
    if (this.dims !== 2) return
    this.aside[0] += (x - this.width / 2) * far
    this.aside[1] -= (y - this.height / 2) * far
    this.#hold()
  }

  /**
   * Moves the picture by so many pixels, where it is of two dimensions and nearer than whole.
   * @param {number} x
   * @param {number} y
   */
  pan(x, y) {
    const far = 2 / this.zoom / Math.min(this.width, this.height)
    this.aside[0] -= x * far
    this.aside[1] += y * far
    this.#hold()
  }

  // No farther than what there is to see.
  #hold() {
    const most = 1 - 1 / this.zoom
    this.aside = this.aside.map((value) => Math.min(most, Math.max(-most, value)))
  }

  turn() {
    if (this.dims === 2) return [1, 0, 0, 0, 1, 0, 0, 0, 1]
    const [cy, sy, cp, sp] = [
      Math.cos(this.yaw),
      Math.sin(this.yaw),
      Math.cos(this.pitch),
      Math.sin(this.pitch),
    ]
    // Rows: right, up, towards the eye.
    return [cy, 0, sy, sp * sy, cp, -sp * cy, -cp * sy, sp, cp * cy]
  }

  /**
   * Where a place of the space is on the canvas, in its CSS pixels.
   * @param {ArrayLike<number>} at
   * @returns {[x: number, y: number]}
   */
  place(at) {
    const { middle, reach } = this.sight(this.t())
    const [w, h] = [this.width, this.height]
    const r = this.turn()
    const d = [0, 1, 2].map((k) => (at[k] ?? 0) - middle[k])
    const unit = Math.min(w, h) / 2 / reach
    const x = r[0] * d[0] + r[1] * d[1] + r[2] * d[2]
    const y = r[3] * d[0] + r[4] * d[1] + r[5] * d[2]
    return [w / 2 + x * unit, h / 2 - y * unit]
  }

  /**
   * The point next to a place on the canvas, or -1 if none is within `most` pixels.
   * @param {number} x
   * @param {number} y
   * @param {number} most
   * @param {Set<number>} hidden
   */
  nearest(x, y, most, hidden) {
    let [best, found] = [most * most, -1]
    const t = this.t()
    for (let i = 0; i < this.count; i++) {
      if (hidden.has(this.labels[i])) continue
      const [px, py] = this.place(this.position(i, t))
      const far = (px - x) ** 2 + (py - y) ** 2
      if (far < best) [best, found] = [far, i]
    }
    return found
  }

  /**
   * @param {number} i
   * @param {number} t
   */
  position(i, t) {
    return [0, 1, 2].map((k) => mixed(this.from[3 * i + k], this.to[3 * i + k], t))
  }

  /** @param {Style} style */
  draw(style) {
    const { palette, hidden, colors } = style
    const ratio = Math.min(2, window.devicePixelRatio || 1)
    const [w, h] = [this.canvas.clientWidth, this.canvas.clientHeight]
    if (!w || !h || !this.view) return
    this.width = w
    this.height = h
    const [pw, ph] = [Math.round(w * ratio), Math.round(h * ratio)]
    if (this.canvas.width !== pw || this.canvas.height !== ph) {
      this.canvas.width = pw
      this.canvas.height = ph
    }
    const pen = this.context
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.clearRect(0, 0, pw, ph)
    this.#color(palette, hidden)
    const alpha = style.regions ? (colors.dark ? 0.2 : 0.16) : 0
    const painted = this.paint(pw, ph, ratio, palette, alpha)
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    if (painted) pen.drawImage(painted, 0, 0, pw, ph, 0, 0, w, h)
    else this.dots(pen, palette, hidden)
    drawAxes(this, pen, w, h, colors)
    if (style.trails) drawTrails(this, pen, style)
    drawCenters(this, pen, style)
    for (const i of this.marked)
      if (i < this.count)
        ring(pen, this.place(this.position(i, this.t())), i === this.marked[0] ? 8 : 6, colors.text)
  }

  // The points' colours and shapes, where the palette, or what is hidden, is another.
  /**
   * @param {string[]} palette
   * @param {Set<number>} hidden
   */
  #color(palette, hidden) {
    const now = `${palette} ${[...hidden]}`
    if (now === this.#painted) return
    this.#painted = now
    this.stale = true
    this.about = new Float32Array(5 * this.count)
    for (let i = 0; i < this.count; i++) {
      const label = this.labels[i]
      this.about.set(rgb(classColor(palette, label)), 5 * i)
      this.about[5 * i + 3] = hidden.has(label) ? -1 : classShape(palette, label)
      this.about[5 * i + 4] = this.mistaken[i] ? 1 : 0
    }
  }

  /**
   * Regions and points, on the page's card; null where there is no WebGL.
   * @param {number} pw pixels across
   * @param {number} ph
   * @param {number} ratio of them to CSS pixels
   * @param {string[]} palette
   * @param {number} alpha of the regions; 0: none
   */
  paint(pw, ph, ratio, palette, alpha) {
    const card = graphics()
    if (!card) return null
    card.clear(pw, ph)
    const t = this.t()
    const { middle, reach } = this.sight(t)
    const least = Math.min(pw, ph)
    const half = [(reach * pw) / least, (reach * ph) / least]
    if (alpha) {
      const colors = this.rules.map((_, c) => rgb(classColor(palette, c)))
      card.regions(this.rules, colors, { half, middle, alpha })
    }
    if (this.buffers?.gl !== card.gl) {
      this.buffers = card.buffers()
      this.stale = true
    }
    const size = ratio * (this.count < 800 ? 6 : 4.4) * (least / ratio < 400 ? 0.8 : 1)
    card.points(this, this.buffers, this.stale, { t, size, turn: this.turn(), half, middle })
    this.stale = false
    return card.canvas
  }

  /**
   * The same points where there is no WebGL.
   * @param {CanvasRenderingContext2D} pen
   * @param {string[]} palette
   * @param {Set<number>} hidden
   */
  dots(pen, palette, hidden) {
    const t = this.t()
    pen.globalAlpha = 0.75
    for (let i = 0; i < this.count; i++) {
      if (hidden.has(this.labels[i])) continue
      const [x, y] = this.place(this.position(i, t))
      pen.fillStyle = classColor(palette, this.labels[i])
      pen.fillRect(x - 1.5, y - 1.5, 3, 3)
    }
    pen.globalAlpha = 1
  }
}

/**
 * What has to be in sight: all but a few points far out.
 * @param {Floats} points
 * @param {number} count
 * @param {number} dims
 * @returns {Sight}
 */
function fitted(points, count, dims) {
  const middle = [0, 0, 0]
  let reach = 1e-6
  for (let k = 0; k < dims; k++) {
    const values = Float32Array.from({ length: count }, (_, i) => points[dims * i + k])
      .filter(Number.isFinite)
      .sort()
    /** @type {(share: number) => number} */
    const at = (share) =>
      values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0
    const [low, high] = [at(0.002), at(0.998)]
    middle[k] = (low + high) / 2
    reach = Math.max(reach, (high - low) / 2)
  }
  return { middle, reach: 1.12 * reach }
}

/** @param {Floats} array */
function rows(array) {
  const [count, dims] = array.shape
  return Array.from({ length: count }, (_, i) =>
    Array.from(array.subarray(dims * i, dims * (i + 1))),
  )
}

/**
 * Two weights and a bias of each class, where the embedding has two numbers.
 * @param {Floats | undefined} kernel (2, C)
 * @param {Floats | undefined} bias (C,)
 */
function rulesOf(kernel, bias) {
  if (!kernel || !bias) return []
  const classes = bias.length
  return Array.from(bias, (value, c) => [kernel[c], kernel[classes + c], value])
}
