// A curve in the browser, kept small by the rule that the server follows (pages/live/series.py):
// neighbouring buckets are merged, the older ones first, and keep their lowest, highest and mean.

/** @import {SeriesPart} from "./wire.js" */

/** What is drawn. @typedef {{x: number[], y: (number | null)[]}} Line */
/** @typedef {[last: number, count: number, low: number | null, high: number | null, mean: number | null]} Bucket */

const LIMIT = 1000
const RECENT = 240

export class Series {
  /** @type {number[]} The last step of each bucket. */
  last = []
  /** @type {number[]} */
  count = []
  /** @type {(number | null)[]} */
  low = []
  /** @type {(number | null)[]} */
  high = []
  /** @type {(number | null)[]} */
  mean = []
  end = 0

  get length() {
    return this.last.length
  }

  /**
   * Takes what the server says; false where steps are missing in between.
   * @param {SeriesPart} part
   */
  add({ start, end, y, x, n, low, high }) {
    if (start > this.end) return false
    for (let i = 0; i < y.length; i++) {
      const step = x ? x[i] : start + 1 + i
      if (step <= this.end) continue
      this.#push(step, n ? n[i] : 1, low ? low[i] : y[i], high ? high[i] : y[i], y[i])
    }
    this.end = Math.max(this.end, end)
    if (this.length > LIMIT) this.squeeze()
    return true
  }

  squeeze() {
    const old = this.length - RECENT
    let total = 0
    for (let i = 0; i < old; i++) total += this.count[i]
    const size = Math.ceil(total / ((LIMIT - RECENT) / 2))
    const [last, count, low, high, mean] = [this.last, this.count, this.low, this.high, this.mean]
    this.last = []
    this.count = []
    this.low = []
    this.high = []
    this.mean = []
    let seen = 0
    let group = -1
    for (let i = 0; i < last.length; i++) {
      seen += count[i]
      const own = i < old ? Math.floor((seen - 1) / size) : NaN // the newest stay as they are
      if (own === group) this.#merge(last[i], count[i], low[i], high[i], mean[i])
      else this.#push(last[i], count[i], low[i], high[i], mean[i])
      group = own
    }
  }

  /** @type {(...bucket: Bucket) => void} */
  #push(last, count, low, high, mean) {
    this.last.push(last)
    this.count.push(count)
    this.low.push(low)
    this.high.push(high)
    this.mean.push(mean)
  }

  // Into the last one; what is no number in either makes both none.
  /** @type {(...bucket: Bucket) => void} */
  #merge(last, count, low, high, mean) {
    const k = this.last.length - 1
    const [before, lowest, highest, middle] = [
      this.count[k],
      this.low[k],
      this.high[k],
      this.mean[k],
    ]
    this.last[k] = last
    this.count[k] = before + count
    this.low[k] = lowest === null || low === null ? null : Math.min(lowest, low)
    this.high[k] = highest === null || high === null ? null : Math.max(highest, high)
    this.mean[k] =
      middle === null || mean === null ? null : (middle * before + mean * count) / (before + count)
  }

  /**
   * The line through every point, a merged bucket drawn as its lowest and highest.
   * @returns {Line}
   */
  raw() {
    /** @type {number[]} */
    const x = []
    /** @type {(number | null)[]} */
    const y = []
    for (let i = 0; i < this.length; i++) {
      const [low, high] = [this.low[i], this.high[i]]
      if (this.count[i] > 1) {
        const before = y.at(-1) ?? -Infinity
        const falling = low !== null && high !== null && before > (low + high) / 2
        x.push(this.last[i] - this.count[i] / 2, this.last[i])
        y.push(falling ? high : low, falling ? low : high)
      } else {
        x.push(this.last[i])
        y.push(this.mean[i])
      }
    }
    return { x, y }
  }

  /**
   * An exponential mean over the steps, its start corrected; `weight` 0 (as it is) to under 1.
   * @param {number} weight
   * @returns {Line}
   */
  smooth(weight) {
    /** @type {(number | null)[]} */
    const y = []
    let sum = 0
    let share = 0
    for (let i = 0; i < this.length; i++) {
      const value = this.mean[i]
      if (value === null) {
        y.push(null)
        continue
      }
      const keep = weight ** this.count[i]
      sum = sum * keep + value * (1 - keep)
      share = share * keep + (1 - keep)
      y.push(sum / share)
    }
    return { x: this.last, y }
  }

  /**
   * What a rising series that begins at 0 says of a step between those it knows: on the straight
   * line between its neighbours, beyond the last at the mean rate so far; null where it is empty.
   * @param {number} step
   */
  at(step) {
    const size = this.length
    if (!size) return null
    const reached = (/** @type {number} */ i) => this.high[i] ?? NaN
    if (step >= this.last[size - 1]) return (step * reached(size - 1)) / this.last[size - 1]
    let [low, high] = [0, size - 1] // the first bucket that ends at or after the step
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.last[middle] < step) low = middle + 1
      else high = middle
    }
    const [from, begun] = low ? [this.last[low - 1], reached(low - 1)] : [0, 0]
    return begun + ((step - from) / (this.last[low] - from)) * (reached(low) - begun)
  }

  /** The last of its values that is a number. */
  latest() {
    return this.mean.findLast((value) => value !== null) ?? null
  }
}
