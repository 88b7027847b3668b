import assert from "node:assert/strict"
import { test } from "node:test"
import { bitsOf, iou, judged } from "../../../../pages/live/assets/boxes.js"

test("boxes overlap by their share of both", () => {
  assert.equal(iou([0, 0, 2, 2], [0, 0, 2, 2]), 1)
  assert.ok(Math.abs(iou([0, 0, 2, 2], [1, 0, 3, 2]) - 1 / 3) < 1e-9)
  assert.equal(iou([0, 0, 1, 1], [2, 2, 3, 3]), 0)
})

test("the surest takes a true box of its class; what comes after, or is of another, is wrong", () => {
  const truth = [
    [0, 0, 0.4, 0.4, 3],
    [0.5, 0.5, 0.9, 0.9, 7],
  ]
  const found = [
    [0, 0, 0.4, 0.4, 3, 0.6],
    [0, 0, 0.4, 0.38, 3, 0.9],
    [0.5, 0.5, 0.9, 0.9, 1, 0.8],
    [0.5, 0.5, 0.9, 0.9, 7, 0.1],
  ]
  const { verdicts, missed } = judged(truth, found, ["a", "b", "c", "d"], 0.3)
  assert.deepEqual(
    verdicts.map(({ mask, right }) => [mask, right]),
    [
      ["b", true],
      ["c", false],
      ["a", false],
    ],
  )
  assert.equal(missed, 1)
})

test("a mask is a bit a pixel, the first the highest", () => {
  const has = bitsOf(btoa(String.fromCharCode(0b10000001, 0b01000000)))
  assert.deepEqual(
    Array.from({ length: 16 }, (_, i) => has(i)),
    [1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0].map(Boolean),
  )
})
