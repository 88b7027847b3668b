// What a network gets of a drawing: a digit as MNIST's were made.

import { penOf } from "./pixels.js"

/**
 * Where there is ink: its first and last column and row; null on an empty canvas.
 * @param {Uint8ClampedArray} pixels RGBA, (side × side × 4)
 * @param {number} side
 */
export function boxOf(pixels, side) {
  let [left, top, right, bottom] = [side, side, -1, -1]
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (pixels[4 * (y * side + x)] < 32) continue
      left = Math.min(left, x)
      right = Math.max(right, x)
      top = Math.min(top, y)
      bottom = Math.max(bottom, y)
    }
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 }
}

/**
 * How far the centre of mass has to move to be in the middle, in pixels right and down.
 * @param {Uint8ClampedArray} pixels RGBA, (side × side × 4)
 * @param {number} side
 */
export function toCentre(pixels, side) {
  let [mass, sumX, sumY] = [0, 0, 0]
  for (let i = 0; i < side * side; i++) {
    mass += pixels[4 * i]
    sumX += pixels[4 * i] * ((i % side) + 0.5)
    sumY += pixels[4 * i] * (Math.floor(i / side) + 0.5)
  }
  return mass ? [side / 2 - sumX / mass, side / 2 - sumY / mass] : [0, 0]
}

/**
 * A drawing as uint8 (size × size), white on black, as MNIST was made (LeCun et al., 1998): the ink
 * fits into 20/28 of the side, its centre of mass in the middle.
 * @param {HTMLCanvasElement} canvas a square
 * @param {number} size
 */
export function digitOf(canvas, size) {
  const out = new Uint8Array(size * size)
  const side = canvas.width
  const ink = penOf(canvas, { willReadFrequently: true }).getImageData(0, 0, side, side).data
  const box = boxOf(ink, side)
  if (!box) return out
  const { left, top, width, height } = box
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
  const [x, y] = [(size - width * scale) / 2, (size - height * scale) / 2]
  const [right, down] = toCentre(draw(x, y), size)
  const moved = draw(x + Math.round(right), y + Math.round(down))
  for (let i = 0; i < out.length; i++) out[i] = moved[4 * i]
  return out
}
