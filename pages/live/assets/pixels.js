// Colours of numbers, and canvases painted with them.

/** @import {Layer} from "./wire.js" */
/** From where to where the colours go. @typedef {[low: number, high: number]} Range */

// Viridis (van der Walt & Smith, 2015), every 17th of its 256 colours; between them it is straight.
const VIRIDIS_ANCHORS =
  "440154 481567 482677 453781 404788 39568c 33638d 2d708e 287d8e 238a8d 1f968b 20a387 29af7f 3cbb75 55c667 73d055"
    .concat(" 95d840 b8de29 dce319 fde725")
    .split(" ")
// Blue, white, red: signed values, white is 0.
const SIGNED_ANCHORS =
  "053061 2166ac 4393c3 92c5de d1e5f0 ffffff fddbc7 f4a582 d6604d b2182b 67001f".split(" ")

/**
 * 256 colours, each as the four bytes of a pixel.
 * @param {string[]} anchors
 */
const table = (anchors) => {
  const colors = anchors.map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)))
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const place = (i / 255) * (colors.length - 1)
    const low = Math.min(Math.floor(place), colors.length - 2)
    const [r, g, b] = colors[low].map((from, channel) =>
      Math.round(from + (colors[low + 1][channel] - from) * (place - low)),
    )
    return (255 << 24) | (b << 16) | (g << 8) | r
  })
}
export const VIRIDIS = table(VIRIDIS_ANCHORS)
export const SIGNED = table(SIGNED_ANCHORS)

/**
 * A canvas' pen.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function penOf(canvas, settings) {
  const pen = canvas.getContext("2d", settings)
  if (!pen) throw new Error("this browser draws on no canvas")
  return pen
}

/** @param {number} packed */
export const cssOf = (packed) =>
  `rgb(${packed & 255} ${(packed >> 8) & 255} ${(packed >> 16) & 255})`

/** @param {Iterable<number>} values */
export function least(values) {
  let found = Infinity
  for (const value of values) if (value < found) found = value
  return found
}
/** @param {Iterable<number>} values */
export function most(values) {
  let found = -Infinity
  for (const value of values) if (value > found) found = value
  return found
}

/**
 * What a map's byte stands for.
 * @param {Layer} layer
 * @param {number} map
 * @param {number} place
 */
export const valueAt = (layer, map, place) => {
  const [, height, width] = layer.data.shape
  const low = layer.low[map]
  return low + (layer.data[map * height * width + place] / 255) * (layer.high[map] - low)
}

/**
 * The same distance below and above 0.
 * @param {Range} range
 * @returns {Range}
 */
export const around0 = ([low, high]) => {
  const far = Math.max(Math.abs(low), Math.abs(high))
  return [-far, far]
}

/**
 * A pixel of the canvas for each number.
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 * @param {number} width
 * @param {(pixels: Uint32Array) => void} fill
 */
function paint(canvas, height, width, fill) {
  canvas.width = width
  canvas.height = height
  const image = new ImageData(width, height)
  fill(new Uint32Array(image.data.buffer))
  penOf(canvas).putImageData(image, 0, 0)
}

/**
 * Paints numbers (height × width), such as a kernel or a saliency map.
 * @param {HTMLCanvasElement} canvas
 * @param {(place: number) => number} numberAt
 * @param {[height: number, width: number]} size
 * @param {Range} range
 * @param {boolean} signed
 */
export function paintValues(canvas, numberAt, [height, width], [low, high], signed) {
  const colors = signed ? SIGNED : VIRIDIS
  const span = high - low || 1
  paint(canvas, height, width, (pixels) => {
    for (let i = 0; i < pixels.length; i++) {
      const place = low === high && signed ? 0.5 : (numberAt(i) - low) / span // 0 is in the middle
      const share = Math.round(place * 255)
      pixels[i] = colors[Math.max(0, Math.min(255, share))]
    }
  })
}

/**
 * Paints one map (height × width) of a layer.
 * @param {HTMLCanvasElement} canvas
 * @param {Layer} layer
 * @param {number} map
 * @param {Range} range
 * @param {boolean} signed
 */
export function paintMap(canvas, layer, map, range, signed) {
  const [, height, width] = layer.data.shape
  const low = layer.low[map]
  const step = (layer.high[map] - low) / 255
  const from = map * height * width
  paintValues(canvas, (i) => low + layer.data[from + i] * step, [height, width], range, signed)
}

/**
 * Paints an image's pixels (height × width × channels, 0 to 255) that begin at `from`.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} pixels
 * @param {number[]} shape
 * @param {number} [from]
 */
export function paintImage(canvas, pixels, [height, width, channels], from = 0) {
  paint(canvas, height, width, (into) => {
    for (let i = 0; i < into.length; i++) {
      const at = from + i * channels
      const [r, g, b] = channels === 1 ? [0, 0, 0] : [0, 1, 2]
      into[i] = (255 << 24) | (pixels[at + b] << 16) | (pixels[at + g] << 8) | pixels[at + r]
    }
  })
}

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** @param {string} text */
export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
