// Where arrow keys lead in a grid.

import assert from "node:assert/strict"
import { test } from "node:test"
import { written } from "../../../../pages/live/assets/editor-parameters.js"
import { beside } from "../../../../pages/live/assets/roving.js"

test("arrow keys stay in a grid of five in rows of three", () => {
  const keys = ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End", "Tab"]
  const from = (at) => keys.map((key) => beside(key, at, 3, 5))
  assert.deepEqual(from(0), [1, 0, 3, 0, 0, 4, null])
  assert.deepEqual(from(1), [2, 0, 4, 1, 0, 4, null])
  assert.deepEqual(from(4), [4, 3, 4, 1, 0, 4, null])
})

test("a dragged number stays on its grid, in its range and as it was written", () => {
  const gamma = { low: 0, high: 5, step: 0.05, fragment: "2.0" }
  assert.equal(written(gamma, 2.13), "2.15")
  assert.equal(written(gamma, 3.0000001), "3.0")
  assert.equal(written(gamma, -7), "0.0")
  assert.equal(written(gamma, 70), "5.0")
  assert.equal(written({ low: 1, high: 9, step: 1, fragment: "3" }, 4.4), "4")
  assert.equal(
    written({ low: 0.0001, high: 0.0101, step: null, fragment: "1e-4" }, 0.0012),
    "0.0012",
  )
})
