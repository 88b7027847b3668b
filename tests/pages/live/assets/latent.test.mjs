// The plane of a code, and what is said of its dimensions.

import assert from "node:assert/strict"
import { test } from "node:test"

import { active, summary } from "../../../../pages/live/assets/latent-bars.js"
import { codeAt, extent, placeOf } from "../../../../pages/live/assets/latent-plane.js"

const floats = (values, ...shape) => Object.assign(Float32Array.from(values), { shape })

test("a place of the plane is a code on its two axes", () => {
  const answer = { origin: floats([1, 2, 3], 3), axes: floats([1, 0, 0, 0, 0, 1], 2, 3) }
  assert.deepEqual(codeAt(answer, [2, -1]), [3, 2, 2])
})

test("the place of a code is where its plane has it, without what is beside the plane", () => {
  const answer = { origin: floats([1, 2, 3], 3), axes: floats([1, 0, 0, 0, 0, 1], 2, 3) }
  assert.deepEqual(placeOf(answer, codeAt(answer, [2, -1])), [2, -1])
  assert.deepEqual(placeOf(answer, [3, 99, 2]), [2, -1])
})

test("the plane shows the whole grid and all but the outermost hundredth of the points", () => {
  const points = floats([...Array.from({ length: 398 }, () => 0.5), 99, 99], 200, 2)
  const seen = extent({ points, across: floats([-2, 2], 2), up: floats([2, -2], 2) })
  assert.deepEqual(seen.middle, [0, 0])
  assert.ok(Math.abs(seen.reach - 2.16) < 1e-9)
})

test("a code of which no dimension is used has collapsed", () => {
  assert.deepEqual(active({ spread: floats([0.5, 0.001], 2) }), [true, false])
  assert.equal(summary(1, 2, true), "1 of 2 dimensions used")
  assert.match(summary(0, 2, true), /^Posterior collapse/)
  assert.equal(summary(0, 2, false), "0 of 2 dimensions used")
})
