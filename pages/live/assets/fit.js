// The charts of how well a run fits: NLL and accuracy with dropout off, the gap with its error,
// and under label noise what is memorised.

import { digits, percent } from "./words.js"

/** @import {Chart, Look} from "./panels.js" */
/** @import {Trace} from "./plotly.js" */
/** @import {Series} from "./series.js" */
/** @import {Run} from "./run.js" */
/** @import {Theme} from "./words.js" */
/** What a chart draws of a run, and says of it. @typedef {{traces: Trace[], said: string}} Drawn */

const NLL = "negative_log_likelihood"

/**
 * @param {Series} series
 * @param {number} scale
 */
const line = (series, scale) => ({
  x: [...series.last],
  y: series.mean.map((value) => (value === null ? null : value * scale)),
})

/**
 * The expected calibration error (Guo et al. 2017) of a reliability diagram's bins: of each the number
 * of its images, the sum of how sure it was, and how often it was right. Null without images.
 * @param {number[][] | null | undefined} bins
 */
export function calibrationError(bins) {
  if (!bins) return null
  const [images, sure, right] = bins
  const all = images.reduce((sum, each) => sum + each, 0)
  return all ? sure.reduce((sum, each, i) => sum + Math.abs(each - right[i]), 0) / all : null
}

/** @param {Series | undefined} series */
const some = (series) => (series?.length ? series : null)

/**
 * The trace of a measured line, as every chart here draws it.
 * @param {Series} series
 * @param {{color: string, label: string, name: string, dash?: string, width?: number, scale?: number}} how
 * @returns {Trace}
 */
const drawn = (series, { color, label, name, dash = "solid", width = 2, scale = 1 }) => ({
  type: "scatter",
  mode: series.length > 20 ? "lines" : "lines+markers",
  marker: { size: 4, color },
  ...line(series, scale),
  name: `${label}${name}`,
  line: { color, width, dash },
  hovertemplate: scale === 100 ? "%{y:.1f}%" : "%{y:.3g}",
})

const DASHED = "5px,4px"

/**
 * What guessing would give: a level line over the whole chart.
 * @param {number | undefined} value
 * @param {Theme} colors
 * @param {number} scale
 * @returns {Trace[]}
 */
const guess = (value, colors, scale) =>
  value === undefined
    ? []
    : [
        {
          type: "scatter",
          mode: "lines",
          level: true,
          y: [value * scale, value * scale],
          name: "guessing",
          line: { color: colors.faint, width: 1, dash: "dot" },
          hovertemplate: scale === 100 ? "%{y:.1f}%" : "%{y:.3g}",
        },
      ]

/**
 * A star at the best epoch, which the server knows.
 * @param {Run} run
 * @param {Look} look
 * @param {string} on the series it lies on
 * @param {number} scale
 * @returns {Trace[]}
 */
function best(run, { color, colors, label }, on, scale) {
  const held = some(run.series[on])
  const { step = -1, epoch } = run.facts.best ?? {}
  const place = held ? held.last.indexOf(step) : -1
  if (!held || place < 0) return []
  return [
    {
      type: "scatter",
      mode: "markers",
      x: [held.last[place]],
      y: [(held.mean[place] ?? NaN) * scale],
      name: `${label}best epoch`,
      marker: { symbol: "star", size: 13, color, line: { color: colors.background, width: 1 } },
      hovertemplate: `epoch ${epoch}`,
    },
  ]
}

/** @param {Series | null} series */
const last = (series) => series?.latest() ?? null

/**
 * Two measured lines of one quantity, on training and on validation images, and what guessing gives.
 * @param {Run} run
 * @param {Look} look
 * @param {{train: string, validation: string, scale: number, level: number | undefined}} about
 * @returns {Drawn}
 */
function pair(run, look, { train, validation, scale, level }) {
  const { color, colors, label, first } = look
  const show = scale === 100 ? percent : digits
  const own = some(run.series[train])
  const held = some(run.series[validation])
  if (!own && !held) return { traces: [], said: "" }
  const traces = [
    ...(first ? guess(level, colors, scale) : []),
    ...(own ? [drawn(own, { color, label, name: "train", scale })] : []),
    ...(held ? [drawn(held, { color, label, name: "validation", dash: DASHED, scale })] : []),
    ...best(run, look, validation, scale),
  ]
  const said = [own && `train ${show(last(own))}`, held && `validation ${show(last(held))}`]
  return { traces, said: said.filter(Boolean).join("  ") }
}

/**
 * Training less validation accuracy, in points, with two standard errors on either side, as the
 * verdict has them: the server works both out.
 * @param {Run} run
 * @param {Look} look
 * @returns {Drawn}
 */
function gap(run, { color, colors, label, first }) {
  const space = some(run.series.fit_gap)
  const spread = some(run.series.fit_gap_error)
  if (!space || !spread) return { traces: [], said: "" }
  const at = new Map(spread.last.map((step, i) => [step, spread.mean[i]]))
  /** @type {number[]} */
  const x = []
  /** @type {number[]} */
  const y = []
  /** @type {number[]} */
  const error = []
  for (let i = 0; i < space.length; i++) {
    const one = at.get(space.last[i])
    const value = space.mean[i]
    if (one === undefined || one === null || value === null) continue
    x.push(space.last[i])
    y.push(100 * value)
    error.push(200 * one)
  }
  /** @type {(sign: number) => Trace} */
  const edge = (sign) => ({
    type: "scatter",
    mode: "lines",
    x,
    y: y.map((value, i) => value + sign * error[i]),
    line: { width: 0, color },
    hoverinfo: "skip",
  })
  const fill = color.startsWith("#") ? `${color}${colors.dark ? "40" : "2e"}` : color
  const traces = [
    ...(first ? guess(0, colors, 1).map((each) => ({ ...each, name: "none" })) : []),
    edge(-1),
    { ...edge(1), fill: "tonexty", fillcolor: fill },
    {
      type: "scatter",
      mode: "lines",
      x,
      y,
      customdata: error,
      name: `${label}gap`,
      line: { color, width: 2 },
      hovertemplate: "%{y:.1f} ± %{customdata:.1f}",
    },
  ]
  const end = y.length - 1
  /** @type {(value: number) => string} */
  const text = (value) => value.toFixed(1).replace("-", "−")
  return { traces, said: end < 0 ? "" : `${text(y[end])} ± ${text(error[end])} points` }
}

/**
 * Of training images with a wrong label: which of them the network says, the wrong or the right one.
 * @param {Run} run
 * @param {Look} look
 * @returns {Drawn}
 */
function memory(run, { color, colors, label, first }) {
  const clean = some(run.series.train_clean_accuracy)
  const given = some(run.series.train_given_accuracy)
  const right = some(run.series.train_true_accuracy)
  const held = some(run.series.validation_accuracy)
  /** @type {Trace[]} */
  const traces = []
  if (given) {
    traces.push(drawn(given, { color, label, name: "wrong label said", width: 3, scale: 100 }))
  }
  if (right) {
    traces.push(
      drawn(right, { color, label, name: "right label said", dash: "2px,3px", scale: 100 }),
    )
  }
  if (first && given) {
    const thin = { color: colors.faint, label, width: 1.5, scale: 100 }
    if (clean) traces.push(drawn(clean, { ...thin, name: "right labels, said" }))
    if (held) traces.push(drawn(held, { ...thin, name: "validation", dash: DASHED }))
  }
  return {
    traces,
    said: given ? `wrong ${percent(last(given))}  right ${percent(last(right))}` : "",
  }
}

/** @type {(facts: Run["facts"]) => unknown} */
const also = (facts) => facts.best?.step

/** @param {Run} run */
const lacking = ({ series }) =>
  series.validation_accuracy?.length ? "Measured in runs that are trained on this page" : ""

/** @type {Record<string, Chart>} */
export const FIT_PANELS = {
  fit_loss: {
    title: "Negative log-likelihood",
    axis: "NLL, nats",
    needs: [`train_${NLL}`, `validation_${NLL}`, "validation_accuracy"],
    also,
    lacking,
    traces(run, look) {
      const about = { train: `train_${NLL}`, validation: `validation_${NLL}` }
      return pair(run, look, { ...about, scale: 1, level: run.facts.baseline?.nll })
    },
  },
  fit_accuracy: {
    title: "Accuracy",
    axis: "accuracy, %",
    needs: ["train_accuracy", "validation_accuracy"],
    also,
    traces(run, look) {
      const about = { train: "train_accuracy", validation: "validation_accuracy" }
      return pair(run, look, { ...about, scale: 100, level: run.facts.baseline?.accuracy })
    },
  },
  fit_gap: {
    title: "Generalisation gap",
    axis: "train − validation, points",
    needs: ["fit_gap", "fit_gap_error", "validation_accuracy"],
    lacking,
    traces: gap,
  },
  memory: {
    title: "Images with a wrong label",
    axis: "said, %",
    needs: [
      "train_clean_accuracy",
      "train_given_accuracy",
      "train_true_accuracy",
      "validation_accuracy",
    ],
    traces: memory,
  },
}
