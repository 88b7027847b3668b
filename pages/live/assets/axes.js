// What lies along the charts of curves, and how their ticks are written.

/** @import {Trace} from "./plotly.js" */
/** @import {Run} from "./run.js" */
/** @import {Facts} from "./wire.js" */

/**
 * Series are recorded by step. An axis says where a step of a run lies on it (null: not known) and
 * how a place on it is said under the pointer; `total` is where a run ends, as far as that is known.
 * @typedef {object} Along
 * @property {string} title
 * @property {string} format of its ticks, as d3 writes formats
 * @property {(run: Run) => ((step: number) => number | null) | null} of
 * @property {(facts: Facts) => number} total 0: not known
 * @property {number} least where it ends at the soonest
 * @property {string} hover
 */

/** @type {Record<string, Along>} */
export const AXES = {
  step: {
    title: "step",
    format: ",~r",
    of: () => (step) => step,
    total: ({ steps = 0 }) => steps,
    least: 50,
    hover: "step %{x:,.0f}",
  },
  epoch: {
    title: "epoch",
    format: "~r",
    of({ facts: { steps_per_epoch: steps } }) {
      return steps ? (step) => step / steps : null
    },
    total: ({ epochs = 0 }) => epochs,
    least: 0.1,
    hover: "epoch %{x:.2f}",
  },
  seconds: {
    title: "seconds of training",
    format: ",~r",
    of: ({ series }) => (series.seconds?.length ? (step) => series.seconds.at(step) : null),
    total: ({ seconds = 0, left = null }) => (left === null ? 0 : seconds + left),
    least: 1,
    hover: "%{x:,.1f} s",
  },
}

/**
 * The next number of 1, 2 or 5 times a power of ten.
 * @param {number} value above 0
 */
export function roundUp(value) {
  const ten = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5].map((k) => k * ten).find((round) => round >= value) ?? 10 * ten
}

/**
 * Where a live chart ends: at a round number beyond the newest place, so that it moves seldom, not
 * with each message, and at the run's end once that is near.
 * @param {number} now the newest place
 * @param {number} total where the run ends; 0: not known
 * @param {number} least
 */
export function axisEnd(now, total, least) {
  if (!now) return total || 2 * least
  const end = Math.max(roundUp(now), least)
  return total && total <= 1.6 * end ? Math.max(total, now) : end
}

/**
 * Significant digits that tell neighbouring ticks of an axis from each other.
 * @param {number} low
 * @param {number} high
 * @param {number} [ticks]
 */
export function tickDigits(low, high, ticks = 6) {
  const most = Math.max(Math.abs(low), Math.abs(high))
  const span = Math.abs(high - low)
  if (!(span > 0) || !Number.isFinite(most)) return 6
  return Math.min(Math.max(Math.ceil(Math.log10((most * ticks) / span)) + 1, 3), 12)
}

/**
 * The lowest and the highest of what is drawn; null where nothing is.
 * @param {Trace[]} traces
 * @param {boolean} [positive] whether only what is above 0 counts
 * @returns {[number, number] | null}
 */
export function extent(traces, positive = false) {
  let low = Infinity
  let high = -Infinity
  for (const { y = [] } of traces) {
    for (const value of y) {
      if (value === null || !Number.isFinite(value) || (positive && value <= 0)) continue
      if (value < low) low = value
      if (value > high) high = value
    }
  }
  return low <= high ? [low, high] : null
}

/**
 * A range for values that hardly differ, beyond what float32 tells apart: they are one, not a
 * mountain range of rounding errors. null for all others, which fill their axis.
 * Nothing but 0 lies at the foot of an axis of what cannot be negative, in the middle of a `signed` one.
 * @param {[number, number]} extent
 * @param {boolean} signed
 * @returns {[number, number] | null}
 */
export function levelRange([low, high], signed) {
  const most = Math.max(Math.abs(low), Math.abs(high))
  if (high - low > 1e-6 * most) return null
  if (!most) return signed ? [-1, 1] : [-0.05, 1]
  const middle = (low + high) / 2
  const margin = 0.05 * most
  return [middle - margin, middle + margin]
}
