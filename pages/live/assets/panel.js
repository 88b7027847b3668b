// One chart of the curves: a quantity over steps, epochs or seconds, drawn by Plotly and updated in place.

import { extent, levelRange, tickDigits } from "./axes.js"
import { count, digits, element, percent, put } from "./words.js"

export const PANELS = {
  loss: {
    title: "Loss",
    axis: "loss",
    train: "loss",
    validation: "validation_loss",
    scale: 1,
    show: digits,
  },
  accuracy: {
    title: "Accuracy",
    axis: "accuracy, %",
    train: "accuracy",
    validation: "validation_accuracy",
    scale: 100,
    show: percent,
  },
  gap: {
    title: "Generalisation gap",
    axis: "validation − train loss",
    validation: "gap", // the server works it out of all steps
    scale: 1,
    show: digits,
    signed: true,
  },
}

// What a chart of a metric is about: measured on validation images only.
export const metricPanel = ({ key, title, unit, better }) => ({
  title,
  axis: unit,
  validation: `validation_${key}`,
  test: `test_${key}`,
  scale: unit === "%" ? 100 : 1,
  show: unit === "%" ? percent : digits,
  note: better && `${better} is better`,
})

let plotly = null
export function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly)
    const script = document.createElement("script")
    script.src = new URL("plotly.min.js", import.meta.url)
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      plotly = null
      reject(new Error("plotly.min.js did not load"))
    }
    document.head.append(script)
  })
  return plotly
}

// Plotly puts its rules into the document, where they do not reach a shadow root: bring them in.
export function adoptStyle(root) {
  const rules = document.getElementById("plotly.js-style-global")?.sheet?.cssRules ?? []
  const style = document.createElement("style")
  style.textContent = [...rules].map((rule) => rule.cssText).join("\n")
  root.append(style)
}

const WHOLE = { loss: "new loss", broken: "not finite" }
const NAMED = { best: "best epoch", phase: "phase", back: "back to step" }
const markText = ({ kind, name, value }) => {
  if (WHOLE[kind]) return WHOLE[kind]
  const shown =
    typeof value !== "number"
      ? value
      : kind === "back"
        ? count(value)
        : Number(value.toPrecision(3))
  return `${(NAMED[kind] ?? name).replaceAll("_", " ")} ${shown}`
}

// Plotly reads a little HTML in its texts; names and losses are none.
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const short = (text) => (text.length > 24 ? `${text.slice(0, 23).trimEnd()}…` : text)

export class Panel {
  constructor(name, about, onZoom) {
    this.name = name
    this.about = about
    this.onZoom = onZoom
    this.now = element("span", { className: "now" })
    this.plot = element("div", { className: "plot", role: "img" })
    this.none = element("p", { className: "none" })
    this.tested = element("span", { title: "On the test images, at the end" })
    const { title, note } = about
    this.node = element(
      "section",
      { className: "panel", "data-panel": name },
      element("header", {}, element("h4", { text: title, title }), this.now),
      ...(note === undefined ? [] : [element("header", { className: "note" }, note, this.tested)]),
      this.plot,
      this.none,
    )
    this.named = false
    this.zoomY = null
    this.drawn = false
    this.shows = ""
  }

  draw(Plotly, { runs, options, axis, colors, zoomX, end, marks, hidden }) {
    // Drawing costs the browser far more than the look whether there is anything to draw.
    const { smoothing, log } = options
    const { train, validation, test, scale } = this.about
    const needs = this.about.needs ?? [train, validation].filter(Boolean)
    const shows = JSON.stringify([
      runs.map(({ run, name, color }) => [
        run.id,
        name,
        color,
        needs.map((need) => [run.series[need]?.end, run.series[need]?.length]),
        this.about.needs && run.facts.best?.step,
        axis.title !== "step" && run.series.seconds?.end,
        test && [run.series.validation_loss?.length, run.facts.metrics?.[test]],
      ]),
      [smoothing, log, axis.title, colors.key, zoomX, this.zoomY, end, marks, [...hidden]],
    ])
    if (shows === this.shows) return
    this.shows = shows
    const traces = []
    let said = ""
    // A trace is made by step and then laid along the axis; a level line spans the whole of it.
    const lay = (made, at) => {
      for (const { level, ...trace } of made) {
        const x = level ? [0, end] : Array.from(trace.x, at)
        traces.push({ ...trace, x })
      }
    }
    for (const [place, { run, name, color, at }] of runs.entries()) {
      if (hidden.has(run.id) || !at) continue
      if (this.about.traces) {
        const label = runs.length > 1 ? `${plain(short(name))}, ` : ""
        const found = this.about.traces(run, { color, colors, label, first: place === 0 })
        lay(found.traces, at)
        if (place === 0) said = found.said
        continue
      }
      const lines = this.lines(run, place === 0, options)
      const made = []
      const shared = {
        type: "scatter",
        mode: "lines",
        connectgaps: false,
        hovertemplate: scale === 100 ? "%{y:.1f}%" : "%{y:.3g}",
      }
      const label = runs.length > 1 ? `${plain(short(name))}, ` : ""
      if (lines.raw) {
        made.push({
          ...shared,
          ...lines.raw,
          hoverinfo: "skip",
          hovertemplate: undefined,
          line: { color, width: 1 },
          opacity: colors.dark ? 0.4 : 0.3,
          name: `${label}each step`,
        })
      }
      if (lines.train) {
        made.push({ ...shared, ...lines.train, line: { color, width: 2 }, name: `${label}train` })
      }
      if (lines.validation) {
        made.push({
          ...shared,
          ...lines.validation,
          mode: lines.validation.x.length > (test ? 20 : 60) ? "lines" : "lines+markers",
          line: { color, width: 2, dash: this.about.signed ? "solid" : "5px,4px" },
          marker: { color: colors.background, size: 6, line: { color, width: 1.5 } },
          name: `${label}${this.about.signed ? "gap" : "validation"}`,
        })
      }
      lay(made, at)
      if (place !== 0) continue
      said = this.latest(lines)
      const value = run.facts.metrics?.[test]
      put(this.tested, value === undefined ? "" : `test ${this.about.show(value)}`)
    }
    put(this.now, said)
    const unmeasured = test && !traces.length && runs[0]?.run.series.validation_loss?.length
    put(this.none, unmeasured ? "Measured from the next run on" : "")
    const spoken = [said, this.tested.textContent].filter(Boolean).join("  ")
    this.plot.setAttribute("aria-label", `${this.about.title} by ${axis.title}. ${spoken}`)
    const placed = runs[0]?.at ? marks.map((mark) => ({ ...mark, x: runs[0].at(mark.step) })) : []
    const layout = this.layout({ options, axis, colors, zoomX, end, marks: placed, traces })
    const config = { displayModeBar: false, responsive: false, doubleClick: "autosize" }
    Plotly.react(this.plot, traces, layout, config)
    this.plot.dataset.color = layout.font.color
    if (!this.drawn) {
      this.drawn = true
      this.plot.on("plotly_relayout", (change) => this.zoomed(change))
    }
  }

  lines(run, first, { smoothing }) {
    const { train, validation, scale } = this.about
    // Copies, because Plotly takes an array that it knows for unchanged.
    const scaled = ({ x, y }) => ({
      x: [...x],
      y: y.map((value) => (value === null ? null : value * scale)),
    })
    const out = {}
    const series = run.series[train]
    if (series?.length) {
      if (first && smoothing > 0) out.raw = scaled(series.raw())
      out.train = scaled(smoothing > 0 ? series.smooth(smoothing) : series.raw())
    }
    const held = run.series[validation]
    if (held?.length) out.validation = scaled({ x: held.last, y: held.mean })
    return out
  }

  latest({ train, validation }) {
    const { show, scale } = this.about
    const last = ({ y }) => show(y[y.length - 1] === null ? null : y[y.length - 1] / scale)
    // Where there is no training line, one number needs no name.
    if (!this.about.train) return validation ? last(validation) : ""
    return [train && `train ${last(train)}`, validation && `validation ${last(validation)}`]
      .filter(Boolean)
      .join("  ")
  }

  layout({ options, axis: along, colors, zoomX, end, marks, traces }) {
    const log = options.log && this.name === "loss"
    const drawn = extent(traces, log)
    const level = drawn && levelRange(drawn)
    const rangeY = this.zoomY ?? (level && log ? level.map(Math.log10) : level)
    const [low, high] =
      rangeY && log ? rangeY.map((power) => 10 ** power) : (rangeY ?? drawn ?? [0, 1])
    const signs = tickDigits(low, high)
    const decades = log && high > 5 * low
    const axis = {
      gridcolor: colors.border,
      griddash: "dot",
      zeroline: false,
      linecolor: colors.border,
      tickfont: { size: 12 },
      showticklabels: traces.length > 0,
      automargin: false,
    }
    return {
      autosize: true,
      margin: { l: 58 + 7 * Math.max(0, signs - 5), r: 10, t: 8, b: 40 },
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
      xaxis: {
        ...axis,
        title: { text: along.title, standoff: 6, font: { size: 12.5 } },
        range: zoomX ?? [0, end],
        tickformat: along.format.replace(
          "~r",
          `.${Math.max(6, tickDigits(...(zoomX ?? [0, end])))}~r`,
        ),
        nticks: 6,
        unifiedhovertitle: { text: along.hover },
        spikecolor: colors.faint,
        spikethickness: 1,
        spikedash: "dot",
      },
      yaxis: {
        ...axis,
        title: {
          text: log ? `${this.about.axis} (log)` : this.about.axis,
          standoff: 4,
          font: { size: 12.5 },
        },
        type: log ? "log" : "linear",
        ...(rangeY ? { range: rangeY } : { autorange: true }),
        zeroline: Boolean(this.about.signed),
        zerolinecolor: colors.faint,
        nticks: 6,
        ...(decades
          ? { dtick: "D2", exponentformat: "power" }
          : { tickformat: `.${Math.max(6, signs)}~g` }),
      },
      shapes: marks.map(({ x }) => ({
        type: "line",
        x0: x,
        x1: x,
        y0: 0,
        y1: 1,
        yref: "paper",
        line: { color: colors.faint, width: 1, dash: "dot" },
      })),
      // Named once, on the first chart, where the loss leaves room above it.
      annotations: (this.named ? marks : []).map((mark, i) => ({
        x: mark.x,
        y: 1 - 0.08 * (i % 3),
        yref: "paper",
        yanchor: "top",
        xanchor: mark.x > 0.7 * end ? "right" : "left",
        text: plain(markText(mark)),
        showarrow: false,
        bgcolor: colors.background,
        font: { size: 11.5, color: colors.text },
      })),
    }
  }

  zoomed(change) {
    const range = (axis) =>
      change[`${axis}.range[0]`] === undefined
        ? change[`${axis}.range`]
        : [change[`${axis}.range[0]`], change[`${axis}.range[1]`]]
    if (change["xaxis.autorange"] || change["yaxis.autorange"]) return this.onZoom(null, this, true)
    const x = range("xaxis")
    const y = range("yaxis")
    if (y) this.zoomY = y
    if (x || y) this.onZoom(x, this, false)
  }
}
