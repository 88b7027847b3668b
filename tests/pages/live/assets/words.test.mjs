import assert from "node:assert/strict"
import { test } from "node:test"
import * as words from "../../../../pages/live/assets/words.js"

test("numbers have three digits, a true minus, and none is a dash", () => {
  const said = [1.234567, -0.5, 0, 12345, 0.00012345, null, undefined, NaN, Infinity]
  assert.deepEqual(said.map(words.digits), [
    "1.23",
    "−0.500",
    "0.00",
    "1.23e+4",
    "1.23e-4",
    "–",
    "–",
    "–",
    "–",
  ])
})

test("shares are percent with one decimal, counts have separators", () => {
  assert.deepEqual([0.98765, 0, null].map(words.percent), ["98.8%", "0.0%", "–"])
  assert.equal(words.count(1234567.4), "1,234,567")
})

test("times are said in the unit that fits", () => {
  const said = [0.2, 5.4, 89, 90, 3600, 7200].map(words.duration)
  assert.deepEqual(said, ["under 1 s", "5 s", "89 s", "2 min", "60 min", "2.0 h"])
})

test("places in a line are ordinals", () => {
  const said = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(words.ordinal)
  const wanted = ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]
  assert.deepEqual(said, wanted)
})

test("a run's state is a sentence", () => {
  const said = (facts, broken) => words.inWords(facts, broken)
  assert.equal(said({ state: "queued", place: 3, wait: 40 }), "3rd in the queue, about 40 s")
  assert.equal(said({ state: "queued", place: null, wait: null }), "In the queue")
  const room = "a Ray node with 1 CPU and 2 GiB of memory: 2 are that large and taken"
  assert.equal(
    said({ state: "queued", place: 1, wait: 40, waits_for: room }),
    `1st in the queue, waits for ${room}`,
  )
  const lost = "The worker process of this run was killed. It goes on from its last checkpoint."
  assert.equal(said({ state: "queued", message: lost, place: 1 }), `${lost} 1st in the queue`)
  assert.equal(said({ state: "preparing", preparing: "Fetching", fraction: 0.254 }), "Fetching 25%")
  assert.equal(said({ state: "running", left: 12.2 }), "Training, 12 s left")
  assert.equal(said({ state: "running", left: null }), "Training")
  assert.equal(said({ state: "paused", step: 1603 }), "Paused at step 1,603")
  assert.equal(said({ state: "failed", step: 0 }), "Failed before its first step")
  assert.equal(said({ state: "completed", step: 9, steps: 9, seconds: 61 }), "Completed in 61 s")
  assert.match(
    said({ state: "completed", step: 5, steps: 9, seconds: 3, marks: [{ kind: "best" }] }),
    /^Stopped early at step 5 of 9/,
  )
  assert.equal(said({ state: "running", trouble: "The store is locked." }), "The store is locked.")
  assert.match(said({ state: "running" }, true), /^Connection lost/)
  assert.equal(said({}), "")
})

test("a colour is as bright as it looks", () => {
  assert.ok(words.luminance("#ffffff") > 0.999)
  assert.equal(words.luminance("rgb(0, 0, 0)"), 0)
  assert.ok(words.luminance("#0e1117") < 0.1)
})

test("a run's colour is a place in the palette, again from its start, or a colour", () => {
  const colors = { runs: ["#111111", "#222222"] }
  const found = [0, 1, 2, "teal"].map((color) => words.runColor(color, colors))
  assert.deepEqual(found, ["#111111", "#222222", "#111111", "teal"])
})

test("an evaluation of weights that were put away again says so", () => {
  const evaluation = { step: 1200 }
  const best = { epoch: 3, step: 900, restored: true }
  const apart = "step 1,200: its last weights, not the restored ones of epoch 3"
  assert.equal(words.weightsOf({ evaluation, best }), apart)
  assert.equal(words.weightsOf({ evaluation, best: { ...best, restored: false } }), "step 1,200")
  assert.equal(words.weightsOf({ evaluation, best: { ...best, step: 1200 } }), "step 1,200")
  assert.equal(words.weightsOf({ evaluation, best: null }), "step 1,200")
  assert.equal(words.weightsOf({}), "")
})

test("weights that were put away are told of an evaluation after the best epoch alone", () => {
  const facts = { evaluation: { step: 30 }, best: { restored: true, step: 20, epoch: 2 } }
  assert.equal(words.putAway(facts), "its last weights, not the restored ones of epoch 2")
  assert.equal(words.putAway({ ...facts, best: { ...facts.best, restored: false } }), "")
  assert.equal(words.putAway({ ...facts, evaluation: { step: 20 } }), "")
  assert.equal(words.putAway({}), "")
})
