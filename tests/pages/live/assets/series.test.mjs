import assert from "node:assert/strict"
import { test } from "node:test"
import { Series } from "../../../../pages/live/assets/series.js"

const straight = (from, to) => Array.from({ length: to - from }, (_, i) => from + i + 1)

test("a series refuses a part that leaves steps out", () => {
  const series = new Series()
  assert.equal(series.add({ start: 0, end: 2, y: [1, 2] }), true)
  assert.equal(series.add({ start: 3, end: 4, y: [4] }), false)
  assert.equal(series.end, 2)
})

test("what was said before is not taken twice", () => {
  const series = new Series()
  series.add({ start: 0, end: 3, y: [1, 2, 3] })
  series.add({ start: 1, end: 4, y: [20, 30, 4] })
  assert.deepEqual(series.raw(), { x: [1, 2, 3, 4], y: [1, 2, 3, 4] })
})

test("steps of its own, and buckets, are taken as they are", () => {
  const series = new Series()
  series.add({ start: 0, end: 20, y: [5, 7], x: [10, 20], n: [10, 10], low: [1, 6], high: [9, 8] })
  assert.deepEqual([series.length, series.end], [2, 20])
  // A bucket is drawn as its lowest and its highest, the one nearer to where the line is first.
  assert.deepEqual(series.raw(), { x: [5, 10, 15, 20], y: [1, 9, 8, 6] })
})

test("a long series stays small, and loses no spike, no point and no mean", () => {
  const series = new Series()
  const values = straight(0, 20_000).map((step) => (step === 777 ? 99 : Math.sin(step / 50)))
  for (let start = 0; start < values.length; start += 500) {
    series.add({ start, end: start + 500, y: values.slice(start, start + 500) })
  }
  assert.ok(series.length <= 1000, `${series.length} buckets`)
  assert.equal(Math.max(...series.high), 99)
  const points = series.count.reduce((sum, n) => sum + n, 0)
  assert.equal(points, values.length)
  const mean = series.mean.reduce((sum, value, i) => sum + value * series.count[i], 0) / points
  const true_ = values.reduce((sum, value) => sum + value, 0) / values.length
  assert.ok(Math.abs(mean - true_) < 1e-9)
  assert.deepEqual(series.last.slice(-3), [19_998, 19_999, 20_000])
  assert.ok(series.last.every((step, i) => !i || step > series.last[i - 1]))
})

test("what is no number makes its bucket none, and the rest stays", () => {
  const series = new Series()
  series.add({ start: 0, end: 3000, y: straight(0, 3000).map((step) => (step === 1 ? null : 1)) })
  assert.equal(series.mean[0], null)
  assert.equal(series.low[0], null)
  assert.equal(series.mean[1], 1)
  assert.equal(series.latest(), 1)
})

test("an exponential mean begins at the first value and counts a bucket as its points", () => {
  const single = new Series()
  single.add({ start: 0, end: 3, y: [4, 2, 6] })
  // By hand, weight 0.5: 4; (0.5 · 2 + 0.25 · 4) / 0.75; (0.5 · 6 + 0.25 · 2 + 0.125 · 4) / 0.875
  const smooth = single.smooth(0.5).y
  assert.deepEqual(
    smooth.map((value) => value.toFixed(6)),
    ["4.000000", (2 / 0.75).toFixed(6), (4 / 0.875).toFixed(6)],
  )
  const bucket = new Series()
  bucket.add({ start: 0, end: 4, y: [4, 2], x: [1, 4], n: [1, 3], low: [4, 2], high: [4, 2] })
  const three = new Series()
  three.add({ start: 0, end: 4, y: [4, 2, 2, 2] })
  assert.ok(Math.abs(bucket.smooth(0.9).y[1] - three.smooth(0.9).y[3]) < 1e-12)
})

test("a rising series says what lies between and beyond what it knows", () => {
  const clock = new Series()
  assert.equal(clock.at(5), null)
  clock.add({ start: 0, end: 40, y: [1, 5], x: [10, 40] })
  assert.equal(clock.at(10), 1)
  assert.equal(clock.at(5), 0.5)
  assert.equal(clock.at(25), 3)
  assert.equal(clock.at(80), 10)
})
