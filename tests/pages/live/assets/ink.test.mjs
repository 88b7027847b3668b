import assert from "node:assert/strict"
import test from "node:test"

import { boxOf, toCentre } from "../../../../pages/live/assets/ink.js"

// RGBA of a square with ink of these strengths at these places.
function square(side, ink) {
  const pixels = new Uint8ClampedArray(4 * side * side)
  for (const [x, y, strength] of ink) pixels[4 * (y * side + x)] = strength
  return pixels
}

test("a drawing's box holds all ink that shows, and an empty one has none", () => {
  const ink = [
    [2, 1, 255],
    [4, 5, 32],
    [0, 0, 31],
  ]
  assert.deepEqual(boxOf(square(8, ink), 8), { left: 2, top: 1, width: 3, height: 5 })
  assert.equal(boxOf(square(8, []), 8), null)
})

test("ink is moved by its centre of mass to the middle", () => {
  const ink = [
    [1, 0, 100],
    [5, 0, 100],
    [1, 4, 200],
  ]
  // By hand: x (1.5 + 5.5 + 2 · 1.5) / 4 = 2.5, y (0.5 + 0.5 + 2 · 4.5) / 4 = 2.5, of a middle of 4.
  assert.deepEqual(toCentre(square(8, ink), 8), [1.5, 1.5])
  assert.deepEqual(toCentre(square(8, []), 8), [0, 0])
})
