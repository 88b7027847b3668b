import assert from "node:assert/strict"
import { test } from "node:test"
import { rangeOf } from "../../../../pages/live/assets/maps-layers.js"
import { spread } from "../../../../pages/live/assets/maps-looking.js"
import * as pixels from "../../../../pages/live/assets/pixels.js"

const bytes = (packed) => [packed & 255, (packed >> 8) & 255, (packed >> 16) & 255]
const near = (found, wanted) => found.every((value, i) => Math.abs(value - wanted[i]) <= 2)

test("viridis is Matplotlib's", () => {
  // matplotlib.colormaps["viridis"](i), i of 255, as bytes
  for (const [i, wanted] of [
    [0, [68, 1, 84]],
    [64, [59, 82, 139]],
    [128, [33, 145, 140]],
    [192, [94, 201, 98]],
    [255, [253, 231, 37]],
  ]) {
    assert.ok(near(bytes(pixels.VIRIDIS[i]), wanted), `${i}: ${bytes(pixels.VIRIDIS[i])}`)
  }
  assert.deepEqual(bytes(pixels.SIGNED[255]), [103, 0, 31])
  assert.ok(near(bytes(pixels.SIGNED[127]), [255, 255, 255]))
  assert.equal(pixels.cssOf(pixels.VIRIDIS[0]), "rgb(68 1 84)")
})

// Two maps of 1 × 2, of which 0 and 255 stand for other numbers each.
const layer = {
  name: "conv1",
  kind: "Conv2D",
  shape: [1, 2, 2],
  data: Object.assign(Uint8Array.of(0, 255, 51, 102), { shape: [2, 1, 2] }),
  low: Object.assign(Float32Array.of(-1, 0), { shape: [2] }),
  high: Object.assign(Float32Array.of(3, 5), { shape: [2] }),
  field: [3, 1, -1],
}

test("a map's byte is a number between its lowest and its highest", () => {
  const found = [
    pixels.valueAt(layer, 0, 0),
    pixels.valueAt(layer, 0, 1),
    pixels.valueAt(layer, 1, 0),
  ]
  assert.deepEqual(found, [-1, 3, 1])
})

test("colours span a map, a layer, or all layers; signed ones the same about 0", () => {
  assert.deepEqual(rangeOf(layer, 0, true, null, false), [-1, 3])
  assert.deepEqual(rangeOf(layer, 0, false, null, false), [-1, 5])
  assert.deepEqual(rangeOf(layer, 0, false, [-8, 9], false), [-8, 9])
  assert.deepEqual(rangeOf(layer, 1, false, null, true), [-5, 5])
})

test("the least and the most of many", () => {
  const many = Float32Array.from({ length: 200_000 }, (_, i) => i)
  assert.deepEqual([pixels.least(many), pixels.most(many)], [0, 199_999])
})

test("pixels survive base 64", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i)
  assert.deepEqual(pixels.fromBase64(pixels.toBase64(all)), all)
})

test("some of many steps are spread from the first to the last", () => {
  assert.deepEqual(spread([1, 2, 3], 5), [1, 2, 3])
  assert.deepEqual(
    spread(
      Array.from({ length: 101 }, (_, i) => i),
      5,
    ),
    [0, 25, 50, 75, 100],
  )
})
