// A curve in the browser, kept small by the rule that the server follows (pages/live/series.py):
// neighbouring buckets are merged, the older ones first, and keep their lowest, highest and mean.

const LIMIT = 1000
const RECENT = 240

export class Series {
  constructor() {
    this.clear()
  }

  clear() {
    this.last = [] // the last step of each bucket
    this.count = []
    this.low = []
    this.high = []
    this.mean = []
    this.end = 0
  }

  get length() {
    return this.last.length
  }

  // Takes what the server says; false where steps are missing in between.
  add({ start, end, y, x, n, low, high }) {
    if (start > this.end) return false
    for (let i = 0; i < y.length; i++) {
      const step = x ? x[i] : start + 1 + i
      if (step <= this.end) continue
      this.last.push(step)
      this.count.push(n ? n[i] : 1)
      this.low.push(low ? low[i] : y[i])
      this.high.push(high ? high[i] : y[i])
      this.mean.push(y[i])
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
    const into = { last: [], count: [], low: [], high: [], mean: [] }
    let seen = 0
    let group = -1
    for (let i = 0; i < old; i++) {
      seen += this.count[i]
      const own = Math.floor((seen - 1) / size)
      const k = into.last.length - 1
      if (own !== group) {
        group = own
        for (const name of Object.keys(into)) into[name].push(this[name][i])
      } else {
        const before = into.count[k]
        const count = before + this.count[i]
        const known = into.mean[k] !== null && this.mean[i] !== null
        into.last[k] = this.last[i]
        into.count[k] = count
        into.low[k] = known ? Math.min(into.low[k], this.low[i]) : null
        into.high[k] = known ? Math.max(into.high[k], this.high[i]) : null
        into.mean[k] = known ? (into.mean[k] * before + this.mean[i] * this.count[i]) / count : null
      }
    }
    for (const name of Object.keys(into)) this[name] = into[name].concat(this[name].slice(old))
  }

  // The line through every point, a merged bucket drawn as its lowest and highest.
  raw() {
    const x = []
    const y = []
    for (let i = 0; i < this.length; i++) {
      if (this.count[i] > 1) {
        const middle = this.last[i] - this.count[i] / 2
        const falling = y.length && y[y.length - 1] > (this.low[i] + this.high[i]) / 2
        x.push(middle, this.last[i])
        y.push(falling ? this.high[i] : this.low[i], falling ? this.low[i] : this.high[i])
      } else {
        x.push(this.last[i])
        y.push(this.mean[i])
      }
    }
    return { x, y }
  }

  // An exponential mean over the steps, its start corrected; `weight` 0 (as it is) to under 1.
  smooth(weight) {
    const y = new Array(this.length)
    let sum = 0
    let share = 0
    for (let i = 0; i < this.length; i++) {
      const value = this.mean[i]
      if (value === null) {
        y[i] = null
        continue
      }
      const keep = weight ** this.count[i]
      sum = sum * keep + value * (1 - keep)
      share = share * keep + (1 - keep)
      y[i] = sum / share
    }
    return { x: this.last, y }
  }

  // What a rising series that begins at 0 says of a step between those it knows: on the straight
  // line between its neighbours, beyond the last at the mean rate so far; null where it is empty.
  at(step) {
    const size = this.length
    if (!size) return null
    if (step >= this.last[size - 1]) return (step * this.high[size - 1]) / this.last[size - 1]
    let [low, high] = [0, size - 1] // the first bucket that ends at or after the step
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.last[middle] < step) low = middle + 1
      else high = middle
    }
    const [from, begun] = low ? [this.last[low - 1], this.high[low - 1]] : [0, 0]
    return begun + ((step - from) / (this.last[low] - from)) * (this.high[low] - begun)
  }

  latest() {
    for (let i = this.length - 1; i >= 0; i--) if (this.mean[i] !== null) return this.mean[i]
    return null
  }
}
