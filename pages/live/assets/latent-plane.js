// The plane of an autoencoder's code on a canvas: test images as points, and a ring to move.

import { classColor } from "./classes.js"
import { penOf } from "./pixels.js"

/** @import {LatentAnswer} from "./wire.js" */
/** @import {Theme} from "./words.js" */
/** A place of the plane. @typedef {[number, number]} Place */

const RING_PX = 9
const POINT_PX = 2.1
const KEY_STEP = 0.02 // of the plane's width
const ROOM = 1.08

/** @type {Record<string, Place>} */
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }

/**
 * How far the plane is drawn from its middle: all but the outermost hundredth of the points, and
 * the grid.
 * @param {LatentAnswer} answer
 * @returns {{middle: Place, reach: number}}
 */
export function extent({ points, across, up }) {
  const between = (/** @type {ArrayLike<number>} */ places) =>
    (places[0] + places[places.length - 1]) / 2
  /** @type {Place} */
  const middle = [between(across), between(up)]
  const far = [Math.abs(across[0] - middle[0]), Math.abs(up[0] - middle[1])]
  const out = Array.from({ length: points.length / 2 }, (_, i) =>
    Math.max(Math.abs(points[2 * i] - middle[0]), Math.abs(points[2 * i + 1] - middle[1])),
  ).sort((a, b) => a - b)
  const most = out[Math.floor(0.99 * (out.length - 1))] ?? 0
  return { middle, reach: ROOM * Math.max(...far, most, 1e-6) }
}

/**
 * The code of a place.
 * @param {LatentAnswer} answer
 * @param {Place} place
 */
export function codeAt({ origin, axes }, [a, b]) {
  const width = origin.length
  return Array.from(origin, (from, i) => from + a * axes[i] + b * axes[width + i])
}

/**
 * The place of a code, or of what of it is in the plane: the axes stand upright on each other.
 * @param {LatentAnswer} answer
 * @param {ArrayLike<number>} code
 * @returns {Place}
 */
export function placeOf({ origin, axes }, code) {
  const width = origin.length
  const along = (/** @type {number} */ axis) =>
    Array.from(origin).reduce((sum, from, i) => sum + (code[i] - from) * axes[axis * width + i], 0)
  return [along(0), along(1)]
}

export class Plane {
  /** @type {LatentAnswer | null} */
  answer = null
  /** @type {Place} */
  at = [0, 0]
  #side = 0
  /** @type {{middle: Place, reach: number}} */
  #seen = { middle: [0, 0], reach: 3 }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(place: Place) => void} moved
   */
  constructor(canvas, moved) {
    this.canvas = canvas
    this.moved = moved
    let held = false
    canvas.onpointerdown = (event) => {
      if (event.button) return
      held = true
      canvas.setPointerCapture(event.pointerId)
      this.#go(this.#placeOf(event))
    }
    canvas.onpointermove = (event) => {
      if (held) this.#go(this.#placeOf(event))
    }
    canvas.onpointerup = canvas.onpointercancel = () => {
      held = false
    }
    canvas.onkeydown = (event) => {
      const way = ARROWS[event.key]
      if (!way) return
      event.preventDefault()
      const step = KEY_STEP * 2 * this.#seen.reach * (event.shiftKey ? 5 : 1)
      this.#go([this.at[0] + way[0] * step, this.at[1] + way[1] * step])
    }
  }

  /** @param {Place} place */
  #go(place) {
    if (!this.answer) return
    const { middle, reach } = this.#seen
    const within = (/** @type {number} */ value, /** @type {number} */ axis) =>
      Math.min(middle[axis] + reach, Math.max(middle[axis] - reach, value))
    this.at = [within(place[0], 0), within(place[1], 1)]
    this.moved(this.at)
  }

  /**
   * @param {PointerEvent} event
   * @returns {Place}
   */
  #placeOf(event) {
    const box = this.canvas.getBoundingClientRect()
    const { middle, reach } = this.#seen
    const a = (event.clientX - box.left) / box.width
    const b = (event.clientY - box.top) / box.height
    return [middle[0] + (2 * a - 1) * reach, middle[1] + (1 - 2 * b) * reach]
  }

  /**
   * @param {Place} place
   * @returns {Place}
   */
  #spot([a, b]) {
    const { middle, reach } = this.#seen
    const half = this.#side / 2
    return [half + ((a - middle[0]) / reach) * half, half - ((b - middle[1]) / reach) * half]
  }

  /**
   * @param {Theme} colors
   * @param {string[]} palette
   * @param {Set<number>} hidden classes
   */
  draw(colors, palette, hidden) {
    const { canvas, answer } = this
    const side = canvas.clientWidth
    if (!side || !answer) return
    const sharp = window.devicePixelRatio || 1
    this.#side = side
    canvas.width = canvas.height = Math.round(side * sharp)
    this.#seen = extent(answer)
    const pen = penOf(canvas)
    pen.scale(sharp, sharp)
    this.#axes(pen, colors)
    pen.globalAlpha = 0.75
    for (let i = 0; i < answer.labels.length; i++) {
      const label = answer.labels[i]
      if (hidden.has(label)) continue
      const [x, y] = this.#spot([answer.points[2 * i], answer.points[2 * i + 1]])
      pen.fillStyle = classColor(palette, label)
      pen.beginPath()
      pen.arc(x, y, POINT_PX, 0, 2 * Math.PI)
      pen.fill()
    }
    pen.globalAlpha = 1
    const [x, y] = this.#spot(this.at)
    for (const [width, color] of /** @type {[number, string][]} */ ([
      [5, colors.background],
      [2.5, colors.text],
    ])) {
      pen.lineWidth = width
      pen.strokeStyle = color
      pen.beginPath()
      pen.arc(x, y, RING_PX, 0, 2 * Math.PI)
      pen.stroke()
    }
  }

  /**
   * Lines through whole numbers, few of them.
   * @param {CanvasRenderingContext2D} pen
   * @param {Theme} colors
   */
  #axes(pen, colors) {
    const { middle, reach } = this.#seen
    const raw = reach / 2
    const ten = 10 ** Math.floor(Math.log10(raw))
    const step = [1, 2, 5, 10].map((each) => each * ten).find((each) => each >= raw) ?? raw
    pen.lineWidth = 1
    pen.font = `11px ${colors.font}`
    for (const axis of [0, 1]) {
      const first = Math.ceil((middle[axis] - reach) / step)
      const last = Math.floor((middle[axis] + reach) / step)
      for (let i = first; i <= last; i++) {
        const [x, y] = this.#spot(axis ? [middle[0], i * step] : [i * step, middle[1]])
        pen.strokeStyle = colors.border
        pen.beginPath()
        pen.moveTo(axis ? 0 : x, axis ? y : 0)
        pen.lineTo(axis ? this.#side : x, axis ? y : this.#side)
        pen.stroke()
        pen.fillStyle = colors.faint
        const said = String(Number((i * step).toPrecision(3))).replace("-", "−")
        pen.fillText(said, axis ? 3 : x + 3, axis ? y - 3 : this.#side - 4)
      }
    }
  }
}
