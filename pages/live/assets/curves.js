// The curves of several runs, growing in place, and beneath them the metrics that were chosen.

import { AXES, axisEnd } from "./axes.js"
import { moment } from "./moment.js"
import { Panel } from "./panel.js"
import { CHARTS, metricChart } from "./panels.js"
import { adoptStyle, hasRoom, loadPlotly } from "./plotly.js"
import { Run } from "./run.js"
import { onConnection } from "./stream.js"
import { mounts } from "./view.js"
import { element, inWords, put, runColor } from "./words.js"

/** @import {Along} from "./axes.js" */
/** @import {Range, Shown} from "./panel.js" */
/** @import {Chart} from "./panels.js" */
/** @import {PlotlyLibrary} from "./plotly.js" */
/** @import {CurvesData} from "./wire.js" */
/** @import {View} from "./view.js" */

const LIVE = ["running", "paused", "preparing", "queued"]
const DRAWN = ["series", "state", "metrics", "marks", "steps", "trouble", "preparing", "fraction"]

/**
 * What stands where the curves will grow.
 * @param {Run["facts"] | undefined} facts of the first run
 */
function emptyText(facts) {
  const { state } = facts ?? {}
  if (!facts || !state) return "Press Train: the curves will grow here"
  if (state === "running") return "The first step is being taken"
  if (state === "failed") return "The run failed before its first step"
  return ["queued", "preparing", "unknown"].includes(state)
    ? inWords(facts)
    : "Nothing was recorded"
}

/**
 * Where the axis ends: beyond what is live, at the end of what is not.
 * @param {Shown[]} shown
 * @param {Along} axis
 */
function endOf(shown, axis) {
  const ends = shown.map(({ run, at }) => {
    const step = Math.max(run.series.loss?.end ?? 0, run.series.validation_loss?.end ?? 0)
    const now = (step && at?.(step)) || 0
    const live = LIVE.includes(run.facts.state ?? "")
    return live || !now ? axisEnd(now, axis.total(run.facts), axis.least) : now
  })
  return Math.max(...ends, axis.least / 50)
}

/**
 * The charts that a page asks for: so many large ones, and those of metrics beneath.
 * @param {CurvesData} data
 */
function chartsOf({ panels, metrics }) {
  const main = panels.filter((name) => name in CHARTS)
  /** @type {[string, Chart][]} */
  const wanted = []
  for (const name of main) wanted.push([name, CHARTS[name]])
  for (const metric of metrics) wanted.push([metric.key, metricChart(metric)])
  return { main: main.length, wanted }
}

/**
 * What tells charts from each other: those that stay the same stay.
 * @param {string} name
 * @param {Chart} chart
 */
const described = (name, { title, axis, note }) => JSON.stringify([name, title, axis, note])

/**
 * The runs' names, each a button that hides its run, and which line is which.
 * @param {HTMLElement} node
 * @param {Set<string>} hidden
 * @param {() => void} changed
 */
function legend(node, hidden, changed) {
  let drawn = ""
  /**
   * @param {Shown} shown
   * @param {boolean} alone where there is room for the text of its loss
   */
  function keyOf({ id, name, text, color }, alone = false) {
    const swatch = element("i", { className: "swatch", "aria-hidden": "true" })
    swatch.style.background = color
    const key = element("button", {
      className: "key",
      type: "button",
      "aria-pressed": String(!hidden.has(id)),
      title: `${hidden.has(id) ? "Show" : "Hide"} ${name}${text && `: ${text}`}`,
    })
    key.append(swatch, element("span", { text: name }))
    if (text && alone) key.append(element("span", { className: "text", text }))
    key.onclick = () => {
      if (!hidden.delete(id)) hidden.add(id)
      changed()
    }
    return key
  }
  /** @param {string} className @param {string} name */
  const style = (className, name) =>
    element("span", { className: "style" }, element("i", { className }), name)
  return (/** @type {Shown[]} */ shown, /** @type {boolean} */ trained) => {
    const about = shown.map(({ id, name, text, color }) => [id, name, text, color])
    const now = JSON.stringify([about, [...hidden], trained])
    if (now === drawn) return
    drawn = now
    const lines = [...(trained ? [style("solid", "train")] : []), style("dashed", "validation")]
    const keys = shown.map((each) => keyOf(each, shown.length === 1))
    node.replaceChildren(...keys, ...(shown.length ? lines : []))
  }
}

export const mount = mounts((/** @type {View<CurvesData>} */ view) => {
  const { root } = view
  const keys = element("div", { className: "keys" })
  const note = element("span", { className: "note", "aria-live": "polite" })
  const unzoom = element("button", { className: "quiet unzoom", text: "Whole run", type: "button" })
  const empty = element("p", { className: "empty" })
  const grid = element("div", { className: "panels" })
  const stage = element("div", { className: "stage" }, grid, empty)
  const beneath = element("div", { className: "panels metrics" })
  root.classList.add("curves")
  root.append(
    element("div", { className: "bar" }, keys, element("span", { className: "end" }, note, unzoom)),
    stage,
    beneath,
  )

  /** @type {Panel[]} */
  let panels = []
  /** @type {PlotlyLibrary | null} */
  let Plotly = null
  /** @type {Range | null} */
  let zoomX = null
  let broken = false
  let failed = false
  let inSight = false
  /** @type {Set<string>} */
  const hidden = new Set()
  const drawKeys = legend(keys, hidden, () => view.paint())

  function whole() {
    zoomX = null
    for (const panel of panels) panel.zoomY = null
    view.paint()
  }
  unzoom.onclick = whole

  /**
   * @param {Range | null} x
   * @param {Panel} panel
   * @param {boolean} all whether the whole of it is to be seen again
   */
  function onZoom(x, panel, all) {
    if (all) panel.zoomY = null
    if (all || x) zoomX = x
    view.paint()
  }

  // Charts that stay keep their zoom; only those that come and go are made and let go.
  function arrange() {
    const { main, wanted } = chartsOf(view.data)
    const now = new Map(panels.map((panel) => [described(panel.name, panel.about), panel]))
    const ids = wanted.map(([name, about]) => described(name, about))
    grid.dataset.count = String(main)
    if (ids.join() === [...now.keys()].join()) return
    resizing.disconnect()
    for (const [id, { plot, drawn }] of now) if (drawn && !ids.includes(id)) Plotly?.purge(plot)
    panels = wanted.map(([name, about], i) => now.get(ids[i]) ?? new Panel(name, about, onZoom))
    if (panels.length) panels[0].named = true
    const nodes = panels.map(({ node }) => node)
    grid.replaceChildren(...nodes.slice(0, main))
    beneath.replaceChildren(...nodes.slice(main))
    for (const { plot } of panels) resizing.observe(plot)
  }

  const resizing = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const panel = panels.find(({ plot }) => plot === target)
      if (!panel || !hasRoom(panel.plot)) continue
      if (panel.drawn) Plotly?.Plots.resize(panel.plot)
      else view.paint()
    }
  })

  /**
   * @param {Shown[]} shown
   * @param {boolean} some whether there is anything to draw
   */
  function say(shown, some) {
    const { title } = AXES[view.data.axis]
    const placeless = shown.filter(({ run, at }) => !at && run.series.loss?.length)
    const names = placeless.map(({ name }) => name).join(", ")
    root.classList.toggle("is-empty", !some || !Plotly)
    const loading = Plotly || failed ? "" : "Loading the charts"
    put(empty, some ? loading : emptyText(shown[0]?.run.facts))
    const trouble = failed
      ? "The charts did not load: reload the page"
      : broken && "Connection lost, trying again"
    put(note, trouble || (names && `Recorded without ${title}: ${names}`))
    unzoom.hidden = !(zoomX || panels.some((panel) => panel.zoomY))
  }

  view.onSight((seen) => {
    inSight = seen
    if (seen) view.paint()
  })
  view.onEnd(
    onConnection((connection) => {
      broken = connection === "broken"
      view.paint()
    }),
  )
  loadPlotly()
    .then(
      (loaded) => {
        if (view.gone) return
        Plotly = loaded
        adoptStyle(root)
      },
      () => {
        failed = true
      },
    )
    .then(() => view.paint())

  return {
    adopt(data, before) {
      arrange()
      stage.style.setProperty("--plot-height", `${data.height}px`)
      beneath.style.setProperty("--plot-height", `${data.metricHeight}px`)
      if (before && before.log !== data.log) for (const panel of panels) panel.zoomY = null
      if (before && before.axis !== data.axis) zoomX = null
      if (before && before.runs[0]?.id !== data.runs[0]?.id) whole()
      view.follow(
        data.runs.map(({ id }) => id),
        DRAWN,
      )
    },
    draw() {
      const { smoothing, log, panels: names, axis: along, runs } = view.data
      const { colors } = view
      const axis = AXES[along]
      const shown = runs.map(({ id, name, text, color }) => {
        const run = view.runs.get(id) ?? new Run(id)
        return { id, name, text, color: runColor(color, colors), run, at: axis.of(run) }
      })
      const some = shown.some(({ run }) => run.series.loss?.length)
      say(shown, some)
      drawKeys(shown, names.length > 0)
      if (!Plotly || !inSight) return
      const end = endOf(shown, axis)
      const marks = shown[0]?.run.facts.marks ?? []
      const now = moment.step === null ? null : (shown[0]?.at?.(moment.step) ?? null)
      const scene = { runs: shown, smoothing, log, axis, colors, zoomX, end, marks, hidden, now }
      for (const panel of panels) panel.draw(Plotly, scene)
      root.dataset.end = String(shown[0]?.run.series.loss?.end ?? 0)
    },
    end() {
      resizing.disconnect()
      for (const { plot, drawn } of panels) if (drawn) Plotly?.purge(plot)
    },
  }
})
