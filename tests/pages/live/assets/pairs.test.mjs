import assert from "node:assert/strict"
import test from "node:test"
import { ranked } from "../../../../pages/live/assets/pairs-order.js"

test("pairs are ranked by what the same head gives to what is true", () => {
  const told = {
    left: [
      [1, 1, 0.9],
      [2, 2, 0.9],
      [3, 4, 0.6],
    ],
    right: [
      [1, 1, 0.9],
      [5, 5, 0.9],
      [3, 3, 0.9],
    ],
    distance: [0.1, 2, 3],
    same: [0.9, 0.8, 0.2],
    threshold: 0.5,
  }
  const found = ranked(told)
  assert.deepEqual(
    found.map(({ place }) => place),
    [1, 2, 0],
  )
  assert.deepEqual(
    found.map(({ truth, said }) => truth === said),
    [false, false, true],
  )
  assert.equal(found[2].sure, 0.9)
})
