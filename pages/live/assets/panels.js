// What the charts of curves show: of each, the traces that a run gives it, as data.

import { FIT_PANELS } from "./fit.js"
import { digits, percent } from "./words.js"

/** @import {Facts, MetricAbout} from "./wire.js" */
/** @import {Line, Series} from "./series.js" */
/** @import {Run} from "./run.js" */
/** @import {Trace} from "./plotly.js" */
/** @import {Theme} from "./words.js" */

/**
 * How a run is drawn: its colour, what its traces are called by (nothing where it is alone), whether
 * it is the one that the page is about, and how much of the noise of single steps is smoothed away.
 * @typedef {{color: string, colors: Theme, label: string, first: boolean, smoothing: number}} Look
 */
/**
 * @typedef {object} Chart
 * @property {string} title
 * @property {string} axis what goes up, with its unit
 * @property {string[]} needs names of series: it is drawn anew when one of them has grown
 * @property {(run: Run, look: Look) => {traces: Trace[], said: string}} traces by step; and what is
 *   said of them in the chart's head
 * @property {(facts: Facts) => unknown} [also] what else is drawn, of the facts of a run
 * @property {boolean} [signed] whether 0 is drawn
 * @property {boolean} [logarithmic] whether the axis may be so
 * @property {string} [note] beneath the title
 * @property {(facts: Facts) => string} [tested] of the test images, beside the note
 * @property {(run: Run) => string} [lacking] why a run has no traces
 */

const DASHED = "5px,4px"

/**
 * Copies, because Plotly takes an array that it knows for unchanged.
 * @param {Line} line
 * @param {number} scale
 */
const scaled = ({ x, y }, scale) => ({
  x: [...x],
  y: y.map((value) => (value === null ? null : value * scale)),
})

/** @param {number} scale */
const shared = (scale) => ({
  type: "scatter",
  mode: "lines",
  connectgaps: false,
  hovertemplate: scale === 100 ? "%{y:.1f}%" : "%{y:.3g}",
})

/**
 * A curve of every step, smoothed, over what it was smoothed from.
 * @param {Series | undefined} series
 * @param {Look} look
 * @param {number} scale
 * @returns {Trace[]}
 */
function trained(series, { color, colors, label, first, smoothing }, scale) {
  if (!series?.length) return []
  const drawn = scaled(smoothing > 0 ? series.smooth(smoothing) : series.raw(), scale)
  const line = { ...shared(scale), ...drawn, line: { color, width: 2 }, name: `${label}train` }
  if (!first || smoothing <= 0) return [line]
  const each = {
    ...shared(scale),
    ...scaled(series.raw(), scale),
    hoverinfo: "skip",
    hovertemplate: undefined,
    line: { color, width: 1 },
    opacity: colors.dark ? 0.4 : 0.3,
    name: `${label}each step`,
  }
  return [each, line]
}

/**
 * A curve of looks at the validation images, dashed, each look a dot while they are few.
 * @param {Series | undefined} series
 * @param {Look} look
 * @param {{scale: number, name?: string, dash?: string, dots?: number}} how
 * @returns {Trace[]}
 */
function held(series, { color, colors, label }, how) {
  const { scale, name = "validation", dash = DASHED, dots = 60 } = how
  if (!series?.length) return []
  return [
    {
      ...shared(scale),
      ...scaled({ x: series.last, y: series.mean }, scale),
      mode: series.length > dots ? "lines" : "lines+markers",
      line: { color, width: 2, dash },
      marker: { color: colors.background, size: 6, line: { color, width: 1.5 } },
      name: `${label}${name}`,
    },
  ]
}

/**
 * The last value of the last of these traces, in words.
 * @param {Trace[]} traces
 * @param {number} scale
 * @param {(value: number | null) => string} show
 */
function latest(traces, scale, show) {
  const value = traces.at(-1)?.y?.at(-1)
  return value === undefined ? "" : show(value === null ? null : value / scale)
}

/**
 * Two curves of one quantity: in training, at every step, and on the validation images.
 * @param {{title: string, axis: string, key: string, scale: number, logarithmic?: boolean}} about
 * @returns {Chart}
 */
function twofold({ title, axis, key, scale, logarithmic }) {
  const show = scale === 100 ? percent : digits
  return {
    title,
    axis,
    logarithmic,
    needs: [key, `validation_${key}`],
    traces(run, look) {
      const own = trained(run.series[key], look, scale)
      const other = held(run.series[`validation_${key}`], look, { scale })
      const said = [
        own.length && `train ${latest(own, scale, show)}`,
        other.length && `validation ${latest(other, scale, show)}`,
      ]
      return { traces: [...own, ...other], said: said.filter(Boolean).join("  ") }
    },
  }
}

/** @type {Record<string, Chart>} */
export const CHARTS = {
  loss: twofold({ title: "Loss", axis: "loss", key: "loss", scale: 1, logarithmic: true }),
  accuracy: twofold({ title: "Accuracy", axis: "accuracy, %", key: "accuracy", scale: 100 }),
  gap: {
    title: "Generalisation gap",
    axis: "validation − train loss",
    needs: ["gap"], // the server works it out of all steps
    signed: true,
    traces(run, look) {
      const traces = held(run.series.gap, look, { scale: 1, name: "gap", dash: "solid" })
      return { traces, said: latest(traces, 1, digits) }
    },
  },
  ...FIT_PANELS,
}

/**
 * The chart of a metric, which is measured on validation images only, and on test images at the end.
 * @param {MetricAbout} metric
 * @returns {Chart}
 */
export function metricChart({ key, title, unit, better }) {
  const scale = unit === "%" ? 100 : 1
  const show = unit === "%" ? percent : digits
  /** @param {Facts} facts */
  const value = (facts) => facts.metrics?.[`test_${key}`]
  return {
    title,
    axis: unit,
    note: better && `${better} is better`,
    needs: [`validation_${key}`, "validation_loss"],
    also: value,
    traces(run, look) {
      const traces = held(run.series[`validation_${key}`], look, { scale, dots: 20 })
      return { traces, said: latest(traces, scale, show) }
    },
    tested: (facts) => (value(facts) === undefined ? "" : `test ${show(value(facts))}`),
    lacking: (run) => (run.series.validation_loss?.length ? "Measured from the next run on" : ""),
  }
}
