// A canvas to draw a digit on, with mouse, pen or finger, and what the network gets of it.

import { penOf } from "./pixels.js"
import { element } from "./words.js"

const SIDE = 280 // pixels of the canvas' own raster
const BRUSH = 22
const EVERY_MS = 200

/** @typedef {[x: number, y: number]} Place */

/**
 * `onDrawn` hears the drawing as uint8 (size × size), white on black, while one draws.
 * @param {(pixels: Uint8Array) => void} onDrawn
 */
export function sketch(onDrawn) {
  const canvas = element("canvas", {
    className: "sketch",
    width: String(SIDE),
    height: String(SIDE),
    role: "img",
    "aria-label": "Draw a digit here with the mouse or a finger",
  })
  const pen = penOf(canvas, { willReadFrequently: true })
  let size = 28
  /** @type {Place | null} */
  let last = null
  let timer = 0

  function clear() {
    pen.fillStyle = "#000"
    pen.fillRect(0, 0, SIDE, SIDE)
  }

  /**
   * @param {PointerEvent} event
   * @returns {Place}
   */
  function place(event) {
    const box = canvas.getBoundingClientRect()
    return [
      ((event.clientX - box.left) / box.width) * SIDE,
      ((event.clientY - box.top) / box.height) * SIDE,
    ]
  }

  /**
   * @param {Place} from
   * @param {Place} to
   */
  function line(from, to) {
    pen.strokeStyle = "#fff"
    pen.lineWidth = BRUSH
    pen.lineCap = "round"
    pen.lineJoin = "round"
    pen.beginPath()
    pen.moveTo(...from)
    pen.lineTo(...to)
    pen.stroke()
    timer ||= setTimeout(() => {
      timer = 0
      onDrawn(pixels())
    }, EVERY_MS)
  }

  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId)
    last = place(event)
    line(last, last)
    event.preventDefault()
  }
  canvas.onpointermove = (event) => {
    if (!last) return
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const next = place(each)
      line(last, next)
      last = next
    }
  }
  canvas.onpointerup = canvas.onpointercancel = () => {
    last = null
  }

  // As MNIST was made (LeCun et al., 1998): the ink fits into 20/28 of the side, its centre of mass
  // in the middle.
  function pixels() {
    const ink = pen.getImageData(0, 0, SIDE, SIDE).data
    let [left, top, right, bottom] = [SIDE, SIDE, -1, -1]
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        if (ink[4 * (y * SIDE + x)] < 32) continue
        left = Math.min(left, x)
        right = Math.max(right, x)
        top = Math.min(top, y)
        bottom = Math.max(bottom, y)
      }
    }
    const out = new Uint8Array(size * size)
    if (right < 0) return out
    const [width, height] = [right - left + 1, bottom - top + 1]
    const scale = ((20 / 28) * size) / Math.max(width, height)
    const small = document.createElement("canvas")
    small.width = small.height = size
    const target = penOf(small, { willReadFrequently: true })
    /** @type {(x: number, y: number) => Uint8ClampedArray} */
    const draw = (x, y) => {
      target.fillStyle = "#000"
      target.fillRect(0, 0, size, size)
      target.imageSmoothingQuality = "high"
      target.drawImage(canvas, left, top, width, height, x, y, width * scale, height * scale)
      return target.getImageData(0, 0, size, size).data
    }
    let [x, y] = [(size - width * scale) / 2, (size - height * scale) / 2]
    const first = draw(x, y)
    let [mass, sumX, sumY] = [0, 0, 0]
    for (let i = 0; i < size * size; i++) {
      mass += first[4 * i]
      sumX += first[4 * i] * ((i % size) + 0.5)
      sumY += first[4 * i] * (Math.floor(i / size) + 0.5)
    }
    if (mass) {
      x += Math.round(size / 2 - sumX / mass)
      y += Math.round(size / 2 - sumY / mass)
    }
    const final = draw(x, y)
    for (let i = 0; i < out.length; i++) out[i] = final[4 * i]
    return out
  }

  clear()
  return {
    canvas,
    clear,
    /** @param {number} side */
    setSize(side) {
      size = side
    },
    stop: () => clearTimeout(timer),
  }
}
