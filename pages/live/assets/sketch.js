// A canvas to draw a digit on, with mouse, pen or finger.

import { digitOf } from "./ink.js"
import { penOf } from "./pixels.js"
import { element } from "./words.js"

const SIDE = 280 // pixels of the canvas' own raster
const BRUSH = 22
const EVERY_MS = 200

/** @typedef {[x: number, y: number]} Place */

export class Sketch {
  canvas = element("canvas", {
    className: "sketch",
    width: String(SIDE),
    height: String(SIDE),
    role: "img",
    "aria-label": "Draw a digit here with the mouse or a finger",
  })
  size = 28
  #pen = penOf(this.canvas, { willReadFrequently: true })
  /** @type {Place | null} */
  #last = null
  #timer = 0

  /**
   * @param {(pixels: Uint8Array) => void} onDrawn hears the drawing as uint8 (size × size), white
   *   on black, while one draws
   */
  constructor(onDrawn) {
    this.onDrawn = onDrawn
    this.canvas.onpointerdown = (event) => {
      this.canvas.setPointerCapture(event.pointerId)
      this.#last = this.#place(event)
      this.#line(this.#last, this.#last)
      event.preventDefault()
    }
    this.canvas.onpointermove = (event) => {
      if (!this.#last) return
      for (const each of event.getCoalescedEvents?.() ?? [event]) {
        const next = this.#place(each)
        this.#line(this.#last, next)
        this.#last = next
      }
    }
    this.canvas.onpointerup = this.canvas.onpointercancel = () => {
      this.#last = null
    }
    this.clear()
  }

  clear() {
    this.#pen.fillStyle = "#000"
    this.#pen.fillRect(0, 0, SIDE, SIDE)
  }

  stop() {
    clearTimeout(this.#timer)
  }

  /**
   * @param {PointerEvent} event
   * @returns {Place}
   */
  #place(event) {
    const box = this.canvas.getBoundingClientRect()
    return [
      ((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * SIDE,
    ]
  }

  /**
   * @param {Place} from
   * @param {Place} to
   */
  #line(from, to) {
    const pen = this.#pen
    pen.strokeStyle = "#fff"
    pen.lineWidth = BRUSH
    pen.lineCap = "round"
    pen.lineJoin = "round"
    pen.beginPath()
    pen.moveTo(...from)
    pen.lineTo(...to)
    pen.stroke()
    this.#timer ||= setTimeout(() => {
      this.#timer = 0
      this.onDrawn(digitOf(this.canvas, this.size))
    }, EVERY_MS)
  }
}
