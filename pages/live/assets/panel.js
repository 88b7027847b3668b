// One chart of the curves: a quantity over steps, epochs or seconds, drawn by Plotly and updated in place.

import { extent, levelRange, tickDigits } from "./axes.js"
import { markLines, markNames, momentLine, shownMarks } from "./marks.js"
import { hasRoom, onRelayout, plain } from "./plotly.js"
import { element, put } from "./words.js"

/** @import {Along} from "./axes.js" */
/** @import {Chart} from "./panels.js" */
/** @import {PlotlyLibrary, Relayout, Trace} from "./plotly.js" */
/** @import {Run} from "./run.js" */
/** @import {Mark} from "./wire.js" */
/** @import {Theme} from "./words.js" */

/** @typedef {[number, number]} Range */
/**
 * A run on the charts: `at` says where a step of it lies on the axis, null where nobody knows.
 * @typedef {{id: string, name: string, text: string, color: string, run: Run, at: ((step: number) => number | null) | null}} Shown
 */
/**
 * What all charts of a view are drawn with.
 * @typedef {object} Scene
 * @property {Shown[]} runs
 * @property {number} smoothing
 * @property {boolean} log
 * @property {Along} axis
 * @property {Theme} colors
 * @property {Range | null} zoomX
 * @property {number} end of the axis
 * @property {Mark[]} marks
 * @property {Set<string>} hidden ids of runs
 * @property {number | null} now where the moment is that the page looks at; null: at the end
 */

const EDGES_PX = [68, 48] // of a chart, beside its axis and beneath

/** @param {string} text */
const short = (text) => (text.length > 24 ? `${text.slice(0, 23).trimEnd()}…` : text)

export class Panel {
  named = false // whether the marks' names stand on this one
  drawn = false
  /** @type {Range | null} */
  zoomY = null
  now = element("span", { className: "now" })
  plot = element("div", { className: "plot", role: "img", "aria-label": "Nothing drawn yet" })
  none = element("p", { className: "none" })
  tested = element("span", { title: "On the test images, at the end" })
  #shows = ""

  /**
   * @param {string} name
   * @param {Chart} about
   * @param {(x: Range | null, panel: Panel, whole: boolean) => void} onZoom
   */
  constructor(name, about, onZoom) {
    this.name = name
    this.about = about
    this.onZoom = onZoom
    const { title, note } = about
    this.node = element(
      "section",
      { className: "panel", "data-panel": name },
      element("header", {}, element("h4", { text: title, title }), this.now),
      ...(note === undefined ? [] : [element("header", { className: "note" }, note, this.tested)]),
      this.plot,
      this.none,
    )
  }

  /**
   * @param {PlotlyLibrary} Plotly
   * @param {Scene} scene
   */
  draw(Plotly, scene) {
    // Drawing costs the browser far more than the look whether there is anything to draw.
    const shows = this.#summary(scene)
    if (shows === this.#shows || !hasRoom(this.plot)) return
    this.#shows = shows
    const { runs, axis, colors, marks, end } = scene
    const traces = this.#traces(scene)
    const first = runs[0]
    put(this.none, (!traces.length && first && this.about.lacking?.(first.run)) || "")
    const spoken = [this.now.textContent, this.tested.textContent].filter(Boolean).join("  ")
    this.plot.setAttribute("aria-label", `${this.about.title} by ${axis.title}. ${spoken}`)
    const at = first?.at
    const { clientWidth, clientHeight } = this.plot
    /** @type {[number, number]} */
    const size = [clientWidth - EDGES_PX[0], clientHeight - EDGES_PX[1]]
    const all = at ? marks.map((mark) => ({ ...mark, x: at(mark.step) })) : []
    const placed = shownMarks(all, end / Math.max(size[0], 1))
    const layout = {
      ...this.#layout(scene, traces),
      shapes: [...markLines(placed, colors), ...momentLine(scene.now, colors)],
      // Named once, on the first chart, where the loss leaves room above it.
      annotations: this.named ? markNames(placed, end, size, colors) : [],
    }
    const config = { displayModeBar: false, responsive: false, doubleClick: "autosize" }
    Plotly.react(this.plot, traces, layout, config)
    this.plot.dataset.color = layout.font.color
    if (!this.drawn) {
      this.drawn = true
      onRelayout(this.plot, (change) => this.#zoomed(change))
    }
  }

  /**
   * All that a picture depends on, in little.
   * @param {Scene} scene
   */
  #summary({ runs, smoothing, log, axis, colors, zoomX, end, marks, hidden, now }) {
    const { needs, also } = this.about
    return JSON.stringify([
      runs.map(({ run, name, color }) => [
        run.id,
        name,
        color,
        needs.map((need) => [run.series[need]?.end, run.series[need]?.length]),
        also?.(run.facts),
        axis.title !== "step" && run.series.seconds?.end,
      ]),
      [smoothing, log, axis.title, colors.key, zoomX, this.zoomY, end, marks, [...hidden], now],
    ])
  }

  /**
   * Every run's traces, made by step and then laid along the axis; a level line spans the whole of
   * it. What is said of the first run is put into the head.
   * @param {Scene} scene
   */
  #traces({ runs, hidden, smoothing, colors, end }) {
    /** @type {Trace[]} */
    const traces = []
    let head = ""
    for (const [place, { run, name, color, at }] of runs.entries()) {
      if (hidden.has(run.id) || !at) continue
      const label = runs.length > 1 ? `${plain(short(name))}, ` : ""
      const first = place === 0
      const made = this.about.traces(run, { color, colors, label, first, smoothing })
      for (const { level, x = [], ...trace } of made.traces) {
        traces.push({ ...trace, x: level ? [0, end] : x.map((step) => at(step ?? NaN)) })
      }
      if (!first) continue
      head = made.said
      put(this.tested, this.about.tested?.(run.facts) ?? "")
    }
    put(this.now, head)
    return traces
  }

  /**
   * @param {Scene} scene
   * @param {Trace[]} traces
   */
  #layout({ axis: along, log: wanted, colors, zoomX, end }, traces) {
    const log = Boolean(wanted && this.about.logarithmic)
    const drawn = extent(traces, log)
    const level = drawn && levelRange(drawn, Boolean(this.about.signed))
    const rangeY = this.zoomY ?? (level && log ? level.map(Math.log10) : level)
    const [low, high] =
      rangeY && log ? rangeY.map((power) => 10 ** power) : (rangeY ?? drawn ?? [0, 1])
    const signs = tickDigits(low, high)
    const decades = log && high > 5 * low
    const [from, to] = zoomX ?? [0, end]
    const axis = {
      gridcolor: colors.border,
      griddash: "dot",
      zeroline: false,
      linecolor: colors.border,
      tickfont: { size: 12 },
      showticklabels: traces.length > 0,
      automargin: false,
      nticks: 6,
    }
    const title = { font: { size: 12.5 } }
    return {
      ...frameOf(colors),
      margin: { l: 58 + 7 * Math.max(0, signs - 5), r: 10, t: 8, b: 40 },
      xaxis: {
        ...axis,
        title: { ...title, text: along.title, standoff: 6 },
        range: [from, to],
        tickformat: along.format.replace("~r", `.${Math.max(6, tickDigits(from, to))}~r`),
        unifiedhovertitle: { text: along.hover },
        spikecolor: colors.faint,
        spikethickness: 1,
        spikedash: "dot",
      },
      yaxis: {
        ...axis,
        title: { ...title, text: log ? `${this.about.axis} (log)` : this.about.axis, standoff: 4 },
        type: log ? "log" : "linear",
        ...(rangeY ? { range: rangeY } : { autorange: true }),
        zeroline: Boolean(this.about.signed),
        zerolinecolor: colors.faint,
        ...(decades
          ? { dtick: "D2", exponentformat: "power" }
          : { tickformat: `.${Math.max(6, signs)}~g` }),
      },
    }
  }

  /** @param {Relayout} change */
  #zoomed(change) {
    /** @type {(axis: string) => Range | undefined} */
    const range = (axis) =>
      change[`${axis}.range[0]`] === undefined
        ? change[`${axis}.range`]
        : [change[`${axis}.range[0]`], change[`${axis}.range[1]`]]
    if (change["xaxis.autorange"] || change["yaxis.autorange"]) return this.onZoom(null, this, true)
    const x = range("xaxis")
    const y = range("yaxis")
    if (y) this.zoomY = y
    if (x || y) this.onZoom(x ?? null, this, false)
  }
}

/**
 * What of a layout does not depend on the data.
 * @param {Theme} colors
 */
const frameOf = (colors) => ({
  autosize: true,
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: colors.font, size: 12.5, color: colors.faint },
  showlegend: false,
  hovermode: "x unified",
  hoverlabel: {
    bgcolor: colors.background,
    bordercolor: colors.border,
    namelength: 40,
    font: { family: colors.font, size: 12.5, color: colors.text },
  },
  dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
})
