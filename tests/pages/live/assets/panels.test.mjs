import assert from "node:assert/strict"
import { test } from "node:test"
import { CHARTS, metricChart } from "../../../../pages/live/assets/panels.js"
import { Run } from "../../../../pages/live/assets/run.js"

const colors = { dark: false, faint: "#888888", background: "#ffffff" }
const look = { color: "#112233", colors, label: "", first: true, smoothing: 0 }

function recorded(series, facts = {}) {
  const run = new Run("r1")
  const parts = Object.entries(series).map(([name, y]) => [name, { start: 0, end: y.length, y }])
  assert.ok(run.take({ run: "r1", whole: true, ...facts, series: Object.fromEntries(parts) }))
  return run
}

test("loss: every step and its mean for the first run, validation dashed", () => {
  const run = recorded({ loss: [3, 2, 1], validation_loss: [2.5] })
  const { traces, said } = CHARTS.loss.traces(run, { ...look, smoothing: 0.9 })
  assert.deepEqual(
    traces.map(({ name }) => name),
    ["each step", "train", "validation"],
  )
  assert.deepEqual(traces[0].y, [3, 2, 1])
  assert.equal(traces[2].line.dash, "5px,4px")
  assert.match(said, /^train \d\.\d\d {2}validation 2\.50$/)
  const other = CHARTS.loss.traces(run, { ...look, first: false, smoothing: 0.9, label: "b, " })
  assert.deepEqual(
    other.traces.map(({ name }) => name),
    ["b, train", "b, validation"],
  )
})

test("accuracy is in percent, what is no number is a gap", () => {
  const run = recorded({ accuracy: [0.5, null, 0.75] })
  const { traces, said } = CHARTS.accuracy.traces(run, look)
  assert.deepEqual(traces[0].y, [50, null, 75])
  assert.equal(said, "train 75.0%")
})

test("a run without a series has no trace of it, and says nothing", () => {
  for (const chart of Object.values(CHARTS)) {
    const { traces, said } = chart.traces(new Run("r1"), { ...look, first: false })
    assert.deepEqual([traces.filter(({ level }) => !level), said], [[], ""], chart.title)
  }
})

test("what a run was not measured of is said, in place of the level of guessing alone", () => {
  const run = recorded({ validation_accuracy: [0.5] }, { baseline: { nll: 2.3, accuracy: 0.1 } })
  for (const chart of [CHARTS.fit_loss, CHARTS.fit_gap]) {
    assert.deepEqual(chart.traces(run, look).traces, [], chart.title)
    assert.equal(chart.lacking(run), "Measured in runs that are trained on this page")
    assert.equal(chart.lacking(new Run("r2")), "")
  }
})

test("a metric says its test value, and why it was not measured", () => {
  const about = { key: "brier", title: "Brier score", short: "Brier", unit: "", better: "lower" }
  const chart = metricChart(about)
  const run = recorded(
    { validation_loss: [1], validation_brier: [0.25] },
    { metrics: { test_brier: 0.125 } },
  )
  assert.equal(chart.traces(run, look).said, "0.250")
  assert.equal(chart.tested(run.facts), "test 0.125")
  assert.equal(chart.lacking(run), "Measured from the next run on")
  assert.equal(chart.lacking(new Run("r1")), "")
  assert.equal(chart.note, "lower is better")
})

test("the gap of fitting has two standard errors on either side", () => {
  const run = recorded({ fit_gap: [0.02, 0.05], fit_gap_error: [0.01, 0.02] })
  const { traces, said } = CHARTS.fit_gap.traces(run, look)
  const [none, low, high, gap] = traces
  assert.equal(none.level, true)
  assert.deepEqual(
    [low.y, high.y, gap.y].map((y) => y[1].toFixed(6)),
    ["1.000000", "9.000000", "5.000000"],
  )
  assert.equal(said, "5.0 ± 4.0 points")
})

test("a star lies on the validation line at the best epoch, guessing across the whole chart", () => {
  const facts = {
    best: { epoch: 2, step: 2, restored: false, value: 0.75 },
    baseline: { accuracy: 0.1 },
  }
  const run = recorded(
    { train_accuracy: [0.5, 0.9, 1], validation_accuracy: [0.5, 0.75, 0.7] },
    facts,
  )
  const { traces } = CHARTS.fit_accuracy.traces(run, look)
  const star = traces.find(({ marker }) => marker?.symbol === "star")
  assert.deepEqual([star.x, star.y, star.hovertemplate], [[2], [75], "epoch 2"])
  assert.deepEqual(traces.find(({ level }) => level).y, [10, 10])
})

test("of wrong labels both the wrong and the right one are drawn", () => {
  const run = recorded({
    train_given_accuracy: [0.25],
    train_true_accuracy: [0.5],
    train_clean_accuracy: [0.9],
  })
  const { traces, said } = CHARTS.memory.traces(run, look)
  assert.deepEqual(
    traces.map(({ name }) => name),
    ["wrong label said", "right label said", "right labels, said"],
  )
  assert.equal(said, "wrong 25.0%  right 50.0%")
})

test("a run takes messages: what is new, the whole anew, and no gap", () => {
  const run = recorded({ loss: [1, 2] }, { state: "running", step: 2 })
  const part = { start: 2, end: 3, y: [3] }
  assert.deepEqual([...run.take({ run: "r1", step: 3, series: { loss: part } })].sort(), [
    "series",
    "step",
  ])
  assert.equal(run.take({ run: "r1", series: { loss: { ...part, start: 9, end: 10 } } }), null)
  run.take({ run: "r1", whole: true, state: "completed", series: {} })
  assert.deepEqual([run.facts, run.series], [{ state: "completed" }, {}])
})
