// The curves of several runs: loss, accuracy and generalisation gap, growing in place, and beneath
// them the metrics that were chosen.

import { AXES, axisEnd } from "./axes.js"
import { FIT_PANELS } from "./fit.js"
import { adoptStyle, loadPlotly, metricPanel, PANELS, Panel } from "./panel.js"
import { onConnection, subscribe } from "./stream.js"
import { element, inWords, put, runColor, theme } from "./words.js"

export function mount(root, component) {
  const keys = element("div", { className: "keys" })
  const note = element("span", { className: "note", "aria-live": "polite" })
  const unzoom = element("button", { className: "quiet unzoom", text: "Whole run", type: "button" })
  const empty = element("p", { className: "empty" })
  const grid = element("div", { className: "panels" })
  const beneath = element("div", { className: "panels metrics" })
  root.classList.add("curves")
  root.append(
    element("div", { className: "bar" }, keys, element("span", { className: "end" }, note, unzoom)),
    element("div", { className: "stage" }, grid, empty),
    beneath,
  )

  let data = component.data
  let colors = theme(root)
  let panels = []
  let runs = []
  let Plotly = null
  let zoomX = null
  let connection = "open"
  let queued = 0
  let gone = false
  let failed = false
  let inSight = false
  let stop = () => {}
  const hidden = new Set()
  const known = new Map()

  const draw = () => {
    queued = 0
    if (gone) return
    const axis = AXES[data.axis]
    const shown = runs.map((about) => {
      const run = known.get(about.id) ?? { id: about.id, facts: {}, series: {} }
      return { ...about, color: runColor(about.color, colors), run, at: axis.of(run) }
    })
    const placeless = shown.filter(({ run, at }) => !at && run.series.loss?.length)
    const first = shown[0]?.run.facts ?? {}
    const some = shown.some(({ run }) => run.series.loss?.length)
    root.classList.toggle("is-empty", !some || !Plotly)
    put(empty, some ? (Plotly || failed ? "" : "Loading the charts") : emptyText(shown))
    put(
      note,
      failed
        ? "The charts did not load: reload the page"
        : connection === "broken"
          ? "Connection lost, trying again"
          : placeless.length
            ? `Recorded without ${axis.title}: ${placeless.map(({ name }) => name).join(", ")}`
            : "",
    )
    unzoom.hidden = !(zoomX || panels.some((panel) => panel.zoomY))
    drawKeys(shown, some)
    if (!Plotly || !inSight) return
    const end = Math.max(
      ...shown.map(({ run, at }) => {
        const live = ["running", "paused", "preparing", "queued"].includes(run.facts.state)
        const step = Math.max(run.series.loss?.end ?? 0, run.series.validation_loss?.end ?? 0)
        const now = step && at ? at(step) : 0
        return live || !now ? axisEnd(now, axis.total(run.facts), axis.least) : now
      }),
      axis.least / 50,
    )
    const marks = (first.marks ?? []).slice(-12)
    for (const panel of panels) {
      // At no width there is nothing to draw; the observer calls once there is one.
      if (!panel.plot.clientWidth) continue
      panel.draw(Plotly, { runs: shown, options: data, axis, colors, zoomX, end, marks, hidden })
    }
    root.dataset.end = String(shown[0]?.run.series.loss?.end ?? 0)
  }

  // Frames do not come to a page out of sight; what it missed is drawn when it is seen again.
  const ask = () => {
    if (!queued) queued = requestAnimationFrame(draw)
  }

  function emptyText(shown) {
    const facts = shown[0]?.run.facts
    if (!shown.length || !facts?.state) return "Press Train: the curves will grow here"
    if (["queued", "preparing", "running"].includes(facts.state)) {
      return facts.state === "running" ? "The first step is being taken" : inWords(facts)
    }
    if (facts.state === "failed") return "The run failed before its first step"
    if (facts.state === "unknown") return inWords(facts)
    return "Nothing was recorded"
  }

  let drawnKeys = ""
  function drawKeys(shown, some) {
    const now = JSON.stringify([
      shown.map(({ id, name, color }) => [id, name, color]),
      [...hidden],
      some,
    ])
    if (now === drawnKeys) return
    drawnKeys = now
    const items = shown.map(({ id, name, color }) => {
      const swatch = element("i", { className: "swatch", "aria-hidden": "true" })
      swatch.style.background = color
      const key = element("button", {
        className: "key",
        type: "button",
        "aria-pressed": String(!hidden.has(id)),
        title: `${hidden.has(id) ? "Show" : "Hide"} ${name}`,
      })
      key.append(swatch, element("span", { text: name }))
      key.onclick = () => {
        if (!hidden.delete(id)) hidden.add(id)
        ask()
      }
      return key
    })
    if (shown.length) {
      items.push(
        ...(data.panels.length
          ? [element("span", { className: "style" }, element("i", { className: "solid" }), "train")]
          : []),
        element(
          "span",
          { className: "style" },
          element("i", { className: "dashed" }),
          "validation",
        ),
      )
    }
    keys.replaceChildren(...items)
  }

  unzoom.onclick = () => {
    zoomX = null
    for (const panel of panels) panel.zoomY = null
    ask()
  }

  function onZoom(x, panel, whole) {
    if (whole) {
      zoomX = null
      panel.zoomY = null
    } else if (x) zoomX = x
    ask()
  }

  // Charts that stay keep their zoom; only those that come and go are made and let go.
  function arrange() {
    const charts = { ...PANELS, ...FIT_PANELS }
    const main = data.panels.filter((name) => name in charts).map((name) => [name, charts[name]])
    grid.dataset.count = String(main.length)
    const more = data.metrics.map((metric) => [metric.key, metricPanel(metric)])
    const wanted = [...main, ...more]
    const described = (name, { title, axis, note }) => JSON.stringify([name, title, axis, note])
    const now = new Map(panels.map((panel) => [described(panel.name, panel.about), panel]))
    const keys = wanted.map(([name, about]) => described(name, about))
    if (keys.join() === [...now.keys()].join()) return
    for (const [key, { plot, drawn }] of now) if (drawn && !keys.includes(key)) Plotly.purge(plot)
    panels = wanted.map(([name, about], i) => now.get(keys[i]) ?? new Panel(name, about, onZoom))
    if (panels.length) panels[0].named = true
    const nodes = panels.map(({ node }) => node)
    grid.replaceChildren(...nodes.slice(0, main.length))
    beneath.replaceChildren(...nodes.slice(main.length))
    resizing.disconnect()
    for (const { plot } of panels) resizing.observe(plot)
  }

  function adopt(next) {
    const before = data
    data = next
    arrange()
    grid.style.setProperty("--plot-height", `${data.height}px`)
    beneath.style.setProperty("--plot-height", `${data.metricHeight}px`)
    if (before.log !== data.log) for (const panel of panels) panel.zoomY = null
    if (before.axis !== data.axis) zoomX = null
    const ids = data.runs.map(({ id }) => id)
    if (ids.join() !== runs.map(({ id }) => id).join()) {
      if (ids[0] !== runs[0]?.id) {
        zoomX = null
        for (const panel of panels) panel.zoomY = null
      }
      for (const id of [...known.keys()]) if (!ids.includes(id)) known.delete(id)
      const old = stop
      stop = ids.length
        ? subscribe(ids, (run, changed) => {
            known.set(run.id, run)
            if (
              [
                "series",
                "state",
                "metrics",
                "marks",
                "steps",
                "trouble",
                "preparing",
                "fraction",
              ].some((name) => changed.has(name))
            )
              ask()
          })
        : () => {}
      old()
    }
    runs = data.runs
    ask()
  }

  const resizing = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const panel = panels.find(({ plot }) => plot === target)
      if (!panel || !target.clientWidth) continue
      if (panel.drawn) Plotly.Plots.resize(target)
      else ask()
    }
  })

  const looking = new IntersectionObserver(
    ([entry]) => {
      inSight = entry.isIntersecting
      if (inSight) ask()
    },
    { rootMargin: "200px" },
  )
  looking.observe(root)

  const quiet = onConnection((state) => {
    connection = state
    ask()
  })
  adopt(component.data)
  loadPlotly().then(
    (loaded) => {
      Plotly = loaded
      adoptStyle(root)
      ask()
    },
    () => {
      failed = true
      ask()
    },
  )

  return {
    update(next) {
      const now = theme(root)
      if (now.key !== colors.key) colors = now
      adopt(next.data)
    },
    destroy() {
      gone = true
      cancelAnimationFrame(queued)
      resizing.disconnect()
      looking.disconnect()
      quiet()
      stop()
      for (const { plot, drawn } of panels) if (drawn) Plotly.purge(plot)
      root.replaceChildren()
    },
  }
}
