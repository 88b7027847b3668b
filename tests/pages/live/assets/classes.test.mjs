import assert from "node:assert/strict"
import { test } from "node:test"
import { classColor, classShape } from "../../../../pages/live/assets/classes.js"

const palette = ["#3f90da", "#ffa90e", "#bd1f01"]

test("four times as many classes as colours each have their own", () => {
  const colors = Array.from({ length: 12 }, (_, place) => classColor(palette, place))
  assert.deepEqual(colors.slice(0, 3), palette)
  assert.equal(new Set(colors).size, 12)
  assert.equal(colors[3], "#265683") // 0.6 of the first
  for (const color of colors) assert.match(color, /^#[0-9a-f]{6}$/)
  assert.equal(classColor(palette, 12), palette[0])
})

test("each round of the palette has a shape", () => {
  assert.deepEqual(
    [0, 2, 3, 6, 9, 12].map((place) => classShape(palette, place)),
    [0, 0, 1, 2, 3, 0],
  )
})
