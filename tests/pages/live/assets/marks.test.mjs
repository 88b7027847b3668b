import assert from "node:assert/strict"
import { test } from "node:test"
import { classColor, classShape, SHAPES } from "../../../../pages/live/assets/classes.js"
import { markNames, markText } from "../../../../pages/live/assets/marks.js"
import { nearest } from "../../../../pages/live/assets/timeline.js"

test("a mark says what was changed, to what, or what began", () => {
  const said = (kind, name, value) => markText({ step: 1, kind, name, value })
  assert.equal(said("rate", "learning_rate", 0.00012345), "learning rate 0.000123")
  assert.equal(said("parameter", "gamma", 2), "gamma 2")
  assert.equal(said("loss", "", ""), "new loss")
  assert.equal(said("broken", "", ""), "not finite")
  assert.equal(said("best", "", 12), "best epoch 12")
  assert.equal(said("back", "", 12345), "back to step 12,345")
  assert.equal(said("phase", "digits 7 to 9", 2), "digits 7 to 9")
  assert.equal(said("phase", "", 2), "phase 2")
})

test("a mark's name is text, and stands on the side where there is room", () => {
  const mark = { step: 1, kind: "phase", name: "a < b & c", value: 2 }
  const colors = { background: "#fff", text: "#000" }
  const [left, right] = markNames(
    [
      { ...mark, x: 10 },
      { ...mark, x: 90 },
    ],
    100,
    colors,
  )
  assert.equal(left.text, "a &lt; b &amp; c")
  assert.deepEqual([left.xanchor, right.xanchor], ["left", "right"])
})

test("classes beyond the palette have its colours again, in another shape", () => {
  const palette = ["#a", "#b", "#c"]
  assert.deepEqual(
    [0, 2, 3, 7].map((c) => classColor(palette, c)),
    ["#a", "#c", "#a", "#b"],
  )
  assert.deepEqual(
    [0, 2, 3, 7].map((c) => SHAPES[classShape(palette, c)]),
    ["disc", "disc", "square", "diamond"],
  )
  const looks = Array.from(
    { length: 12 },
    (_, c) => `${classColor(palette, c)} ${classShape(palette, c)}`,
  )
  assert.equal(new Set(looks).size, 12)
})

test("the nearest step that weights were kept of", () => {
  assert.equal(nearest([0, 10, 40], 24), 1)
  assert.equal(nearest([0, 10, 40], 26), 2)
  assert.equal(nearest([], 3), 0)
})
