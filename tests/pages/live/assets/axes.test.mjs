import assert from "node:assert/strict"
import { test } from "node:test"
import * as axes from "../../../../pages/live/assets/axes.js"
import { Series } from "../../../../pages/live/assets/series.js"

test("a chart ends at a round number beyond its newest place", () => {
  assert.deepEqual(
    [0.3, 1, 1.1, 4.9, 70, 100, 101].map(axes.roundUp),
    [0.5, 1, 2, 5, 100, 100, 200],
  )
  assert.equal(axes.axisEnd(130, 10_000, 50), 200)
  assert.equal(axes.axisEnd(3, 10_000, 50), 50)
})

test("a chart ends where its run does once that is near, and never before what is drawn", () => {
  assert.equal(axes.axisEnd(130, 300, 50), 300)
  assert.equal(axes.axisEnd(310, 300, 50), 310)
  assert.equal(axes.axisEnd(0, 300, 50), 300)
  assert.equal(axes.axisEnd(0, 0, 50), 100)
})

test("ticks have as many digits as tell neighbours apart", () => {
  assert.equal(axes.tickDigits(0, 1), 3)
  assert.equal(axes.tickDigits(2.4, 2.4002), 6)
  assert.equal(axes.tickDigits(1, 1), 6)
  assert.ok(axes.tickDigits(1e6, 1e6 + 1e-9) <= 12)
})

test("what is drawn spans what is a number, above 0 where the axis is logarithmic", () => {
  const traces = [{ y: [null, 3, -1] }, { y: [NaN, 0.5] }, {}]
  assert.deepEqual(axes.extent(traces), [-1, 3])
  assert.deepEqual(axes.extent(traces, true), [0.5, 3])
  assert.equal(axes.extent([{ y: [null] }]), null)
})

test("values that hardly differ are a level line in the middle", () => {
  assert.deepEqual(axes.levelRange([2, 2], true), [1.9, 2.1])
  assert.deepEqual(axes.levelRange([0, 0], true), [-1, 1])
  assert.deepEqual(axes.levelRange([0, 0], false), [-0.05, 1]) // a share is never below 0
  assert.equal(axes.levelRange([1, 1.1], false), null)
})

test("a step lies on each axis where its run says, or nowhere", () => {
  const run = { facts: { steps_per_epoch: 50 }, series: {} }
  assert.equal(axes.AXES.step.of(run)(7), 7)
  assert.equal(axes.AXES.epoch.of(run)(75), 1.5)
  assert.equal(axes.AXES.epoch.of({ facts: {}, series: {} }), null)
  assert.equal(axes.AXES.seconds.of(run), null)
  const seconds = new Series()
  seconds.add({ start: 0, end: 100, y: [4], x: [100] })
  assert.equal(axes.AXES.seconds.of({ facts: {}, series: { seconds } })(50), 2)
  assert.equal(axes.AXES.seconds.total({ seconds: 4, left: 6 }), 10)
  assert.equal(axes.AXES.seconds.total({ seconds: 4, left: null }), 0)
})
