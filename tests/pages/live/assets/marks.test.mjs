import assert from "node:assert/strict"
import { test } from "node:test"
import { markNames, markText, shownMarks } from "../../../../pages/live/assets/marks.js"
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
    [400, 200],
    colors,
  ).reverse()
  assert.equal(left.text, "a &lt; b &amp; c")
  assert.deepEqual([left.xanchor, right.xanchor], ["left", "right"])
})

test("marks' names lie on no other and not over the curve; what has no room is a dot that says it", () => {
  const mark = { kind: "rate", name: "learning_rate", value: 0.1 }
  const marks = [10, 12, 14, 16, 90].map((step) => ({ ...mark, step, x: step }))
  const colors = { background: "#fff", text: "#000" }
  const rows = (width, height = 200) => markNames(marks, 100, [width, height], colors).reverse()
  const narrow = rows(400)
  const named = narrow.filter(({ text }) => text === "learning rate 0.1")
  assert.deepEqual(
    named.map(({ x, y }) => [x, y]),
    [
      [14, 0.92],
      [16, 1],
      [90, 1],
    ],
  )
  assert.deepEqual(
    narrow.filter(({ text }) => text === "•").map(({ x, hovertext }) => [x, hovertext]),
    [
      [10, "learning rate 0.1"],
      [12, "learning rate 0.1"],
    ],
  )
  // On a low chart a row is as high as its letters.
  assert.equal(rows(400, 100)[2].y, 0.85)
  assert.ok(rows(20_000).every(({ text, y }) => text !== "•" && y === 1))
})

test("of a knob that a hand drags the last mark is shown, and of all the last twelve", () => {
  const at = (x, value, kind = "rate", name = "learning_rate") => ({
    step: x,
    kind,
    name,
    value,
    x,
  })
  const dragged = [at(10, 0.1), at(14, 0.2), at(18, 0.3), at(40, 0.4)]
  assert.deepEqual(
    shownMarks(dragged, 0.5).map(({ value }) => value),
    [0.3, 0.4],
  )
  assert.equal(shownMarks(dragged, 0.1).length, 4) // far enough from each other
  const others = [at(10, 0.1), at(10, 2, "parameter", "gamma"), at(10, 0.2), at(10, "", "loss", "")]
  assert.equal(shownMarks(others, 1).length, 4)
  assert.equal(shownMarks([at(1, "", "loss", ""), at(1, "", "loss", "")], 1).length, 2)
  const many = Array.from({ length: 20 }, (_, i) => at(100 * i, i))
  assert.deepEqual([shownMarks(many, 1).length, shownMarks(many, 1)[0].value], [12, 8])
})

test("the nearest step that weights were kept of", () => {
  assert.equal(nearest([0, 10, 40], 24), 1)
  assert.equal(nearest([0, 10, 40], 26), 2)
  assert.equal(nearest([], 3), 0)
})
