import assert from "node:assert/strict"
import { test } from "node:test"
import { calibrationError } from "../../../../pages/live/assets/fit.js"

test("the calibration error weighs each bin's gap by its images", () => {
  // 8 images sure 0.75 and right half of the time, 2 sure 0.95 and both right, by hand:
  // (8 * 0.25 + 2 * 0.05) / 10
  const bins = [
    [0, 8, 2],
    [0, 6, 1.9],
    [0, 4, 2],
  ]
  assert.ok(Math.abs(calibrationError(bins) - 0.21) < 1e-12)
})

test("without images there is none", () => {
  assert.equal(calibrationError(null), null)
  assert.equal(calibrationError([[0], [0], [0]]), null)
})
