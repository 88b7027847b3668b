// Boxes, x1, y1, x2, y2 of 0 to 1, and how they and masks are drawn on a canvas.

import { penOf } from "./pixels.js"
import { percent } from "./words.js"

/** @typedef {[x1: number, y1: number, x2: number, y2: number]} Box */
/** A true box with its class. @typedef {[number, number, number, number, number]} Truth */
/** What was found: box, class, score. @typedef {[number, number, number, number, number, number]} Found */
/** @typedef {{found: Found, mask: string, right: boolean}} Verdict */

export const SCALE = 3 // of a canvas' pixels on the screen's
export const TRUE = "#f0e442"
export const RIGHT = "#56b4e9"
export const WRONG = "#ff7f3f" // vermilion, lighter: it stands on black
const LEAST_IOU = 0.5
const SHADE = 0.4

/**
 * The intersection over union.
 * @param {ArrayLike<number>} one
 * @param {ArrayLike<number>} other
 */
export function iou(one, other) {
  const wide = Math.min(one[2], other[2]) - Math.max(one[0], other[0])
  const high = Math.min(one[3], other[3]) - Math.max(one[1], other[1])
  const shared = Math.max(0, wide) * Math.max(0, high)
  const area = (/** @type {ArrayLike<number>} */ b) =>
    Math.max(0, b[2] - b[0]) * Math.max(0, b[3] - b[1])
  return shared / Math.max(area(one) + area(other) - shared, 1e-9)
}

/**
 * What was found of at least a score, surest first, right where it takes a true box of its class
 * by an IoU of a half; and how many true boxes nothing took.
 * @param {Truth[]} truth
 * @param {Found[]} found
 * @param {string[]} masks
 * @param {number} least
 * @returns {{verdicts: Verdict[], missed: number}}
 */
export function judged(truth, found, masks, least) {
  const free = new Set(truth)
  const sure = found
    .map((each, i) => ({ found: each, mask: masks[i] ?? "" }))
    .filter((each) => each.found[5] >= least)
    .sort((a, b) => b.found[5] - a.found[5])
  const verdicts = sure.map((each) => {
    let best = null
    let most = LEAST_IOU
    for (const one of free) {
      const shared = iou(one, each.found)
      if (one[4] === each.found[4] && shared >= most) {
        best = one
        most = shared
      }
    }
    if (best) free.delete(best)
    return { ...each, right: best !== null }
  })
  return { verdicts, missed: free.size }
}

/**
 * Whether a mask, a bit a pixel in base64, has the pixel at a place.
 * @param {string} mask
 * @returns {(place: number) => boolean}
 */
export function bitsOf(mask) {
  const bytes = atob(mask)
  return (place) => ((bytes.charCodeAt(place >> 3) >> (7 - (place & 7))) & 1) === 1
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {ArrayLike<number>} box
 * @param {number} side
 * @param {string} color
 * @param {boolean} [dashed]
 */
export function frame(pen, box, side, color, dashed = false) {
  pen.strokeStyle = color
  pen.lineWidth = 1.5
  pen.setLineDash(dashed ? [4, 3] : [])
  pen.strokeRect(box[0] * side, box[1] * side, (box[2] - box[0]) * side, (box[3] - box[1]) * side)
}

/**
 * Shades the pixels of a mask.
 * @param {CanvasRenderingContext2D} pen
 * @param {string} mask
 * @param {number} side
 * @param {string} color
 */
export function shade(pen, mask, side, color) {
  if (!mask) return
  const count = Math.round(Math.sqrt(atob(mask).length * 8))
  const has = bitsOf(mask)
  const grain = side / count
  pen.fillStyle = color
  pen.globalAlpha = SHADE
  for (let place = 0; place < count * count; place++) {
    if (has(place)) {
      const row = Math.floor(place / count)
      pen.fillRect((place % count) * grain, row * grain, grain, grain)
    }
  }
  pen.globalAlpha = 1
}

/**
 * The class and the score above a box, or within it where there is no room.
 * @param {CanvasRenderingContext2D} pen
 * @param {Found} found
 * @param {number} side
 * @param {string} name
 * @param {string} color
 */
function label(pen, found, side, name, color) {
  const words = `${name} ${percent(found[5]).replace(/\.\d%/, "%")}`
  pen.font = "600 11px system-ui, sans-serif"
  const wide = pen.measureText(words).width + 6
  const x = Math.max(0, Math.min(found[0] * side, side - wide))
  const above = found[1] * side - 14
  const y = above >= 0 ? above : found[1] * side
  pen.fillStyle = color
  pen.fillRect(x, y, wide, 14)
  pen.fillStyle = "#000"
  pen.fillText(words, x + 3, y + 11)
}

/**
 * A canvas with what is true, dashed, and what was found.
 * @param {HTMLCanvasElement} canvas
 * @param {(pen: CanvasRenderingContext2D, side: number) => void} ground paints the picture
 * @param {Truth[]} truth
 * @param {Verdict[]} verdicts
 * @param {string[]} classes
 * @param {boolean} masked
 */
export function paintBoxes(canvas, ground, truth, verdicts, classes, masked) {
  const side = 64 * SCALE
  canvas.width = side
  canvas.height = side
  const pen = penOf(canvas)
  pen.imageSmoothingEnabled = false
  ground(pen, side)
  for (const each of truth) frame(pen, each, side, TRUE, true)
  for (const { found, mask, right } of [...verdicts].reverse()) {
    const color = right ? RIGHT : WRONG
    if (masked) shade(pen, mask, side, color)
    frame(pen, found, side, color)
    label(pen, found, side, classes[found[4]] ?? String(found[4]), color)
  }
}
