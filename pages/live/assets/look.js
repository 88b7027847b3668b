// Asks what a run's network does, and paints the answer: the other end of `packing.py`.

export class Refused extends Error {
  constructor(message, hint) {
    super(message)
    this.hint = hint ?? ""
  }
}

const TYPES = { u1: Uint8Array, i4: Int32Array, f4: Float32Array }
const AGAIN_MS = 120

// The answer to {run, what, ...}; its arrays are typed arrays with a `shape`. Throws Refused with
// the server's words; a question that a newer one of this visitor replaced is asked again.
export async function look(question, signal) {
  for (;;) {
    let response
    try {
      response = await fetch(new URL("../../look", import.meta.url), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(question),
        signal,
      })
    } catch (error) {
      if (error.name === "AbortError") throw error
      throw new Refused("The server cannot be reached.", "Trying again in a few seconds.")
    }
    if (response.status === 409) {
      await new Promise((done) => setTimeout(done, AGAIN_MS))
      continue
    }
    if (!response.ok) {
      const said = await response.json().catch(() => ({}))
      throw new Refused(said.refused ?? "The server did not answer as expected.", said.hint)
    }
    return unpack(await response.arrayBuffer())
  }
}

export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true)
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length))
  const base = 4 + length
  return JSON.parse(text, (_, value) => {
    if (value?.at === undefined || !TYPES[value.type]) return value
    const size = value.shape.reduce((product, side) => product * side, 1)
    const array = new TYPES[value.type](buffer, base + value.at, size)
    array.shape = value.shape
    return array
  })
}

// Viridis (van der Walt & Smith, 2015), every 17th of its 256 colours; between them it is straight.
const VIRIDIS_ANCHORS =
  "440154 481567 482677 453781 404788 39568c 33638d 2d708e 287d8e 238a8d 1f968b 20a387 29af7f 3cbb75 55c667 73d055"
    .concat(" 95d840 b8de29 dce319 fde725")
    .split(" ")
// Blue, white, red: signed values, white is 0.
const SIGNED_ANCHORS =
  "053061 2166ac 4393c3 92c5de d1e5f0 ffffff fddbc7 f4a582 d6604d b2182b 67001f".split(" ")

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

export const cssOf = (packed) =>
  `rgb(${packed & 255} ${(packed >> 8) & 255} ${(packed >> 16) & 255})`

// What a map's bytes stand for.
export const valueAt = (layer, map, place) => {
  const [, height, width] = layer.data.shape
  const low = layer.low[map]
  return low + (layer.data[map * height * width + place] / 255) * (layer.high[map] - low)
}

// The range that colours span: of each map, of the layer, or given for all layers; symmetric
// about 0 where values are signed.
export function rangeOf(layer, map, scale, signed, shared) {
  let low, high
  if (scale === "map") [low, high] = [layer.low[map], layer.high[map]]
  else if (scale === "layer" || !shared) {
    low = layer.low.reduce((a, b) => Math.min(a, b))
    high = layer.high.reduce((a, b) => Math.max(a, b))
  } else [low, high] = shared
  if (!signed) return [low, high]
  const most = Math.max(Math.abs(low), Math.abs(high))
  return [-most, most]
}

// Paints one map (height × width) of a layer into a canvas of that size.
export function paintMap(canvas, layer, map, [low, high], signed) {
  const [, height, width] = layer.data.shape
  canvas.width = width
  canvas.height = height
  const colors = signed ? SIGNED : VIRIDIS
  const image = new ImageData(width, height)
  const pixels = new Uint32Array(image.data.buffer)
  const step = (layer.high[map] - layer.low[map]) / 255
  const span = high - low || 1
  const from = map * height * width
  for (let i = 0; i < pixels.length; i++) {
    const share = (layer.low[map] + layer.data[from + i] * step - low) / span
    pixels[i] = colors[Math.max(0, Math.min(255, Math.round(share * 255)))]
  }
  canvas.getContext("2d").putImageData(image, 0, 0)
}

// Paints plain numbers (height × width), such as a kernel or a saliency map.
export function paintValues(canvas, values, height, width, [low, high], signed) {
  canvas.width = width
  canvas.height = height
  const colors = signed ? SIGNED : VIRIDIS
  const image = new ImageData(width, height)
  const pixels = new Uint32Array(image.data.buffer)
  const span = high - low || 1
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = colors[Math.max(0, Math.min(255, Math.round(((values[i] - low) / span) * 255)))]
  }
  canvas.getContext("2d").putImageData(image, 0, 0)
}

// Paints an image's pixels (height × width × channels, 0 to 255).
export function paintImage(canvas, pixels, [height, width, channels], from = 0) {
  canvas.width = width
  canvas.height = height
  const image = new ImageData(width, height)
  for (let i = 0; i < height * width; i++) {
    const at = from + i * channels
    const [r, g, b] =
      channels === 1 ? [pixels[at], pixels[at], pixels[at]] : pixels.subarray(at, at + 3)
    image.data.set([r, g, b, 255], 4 * i)
  }
  canvas.getContext("2d").putImageData(image, 0, 0)
}

export function toBase64(bytes) {
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

export const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
