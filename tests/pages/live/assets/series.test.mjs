import assert from "node:assert/strict"
import { test } from "node:test"
import { Series } from "../../../../pages/live/assets/series.js"

test("a series refuses a part that leaves steps out", () => {
  const series = new Series()
  assert.equal(series.add({ start: 0, end: 2, y: [1, 2] }), true)
  assert.equal(series.add({ start: 3, end: 4, y: [4] }), false)
  assert.equal(series.end, 2)
})
