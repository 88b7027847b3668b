// The studio: what the loss does to a prediction, redrawn with every key and every move of a slider.
// It asks the server itself (`portrait` in routes.py), one question at a time, the newest next.

import { Refused, unpack } from "./ask.js"
import { follow, moment, settle } from "./moment.js"
import { adoptStyle, loadPlotly } from "./plotly.js"
import { frame, PICTURES } from "./portraits.js"
import { subscribe } from "./stream.js"
import { element, pause, put, theme } from "./words.js"

const VIEWS = {
  curve: { label: "Curve", what: "L and its slopes over the probability of the true class" },
  simplex: { label: "Simplex", what: "L over all predictions of three classes" },
  weights: { label: "Weights", what: "Whom it pushes in a batch, beside cross-entropy" },
}
const AXES = {
  p: "Over the probability of the true class",
  margin: "Over its logit less the others'",
}
const AGAIN_MS = 120
const LATER_MS = 4000
const SLOW_MS = 500
const WAITING = "The loss and its slopes are drawn here as soon as they can be computed."

export function mount(root, component) {
  let data = component.data
  let view = "curve"
  let axis = "p"
  let colors = theme(root)
  let Plotly = null
  let shown = null // the last sound answer, and what it is of
  let wanted = 0
  let busy = false
  let gone = false
  let changedAt = performance.now()
  let seen = "" // the run whose evaluations are followed
  let evaluated = null // its step
  let stop = () => {}

  const choices = element("div", {
    className: "views",
    role: "radiogroup",
    "aria-label": "Picture of the loss",
  })
  for (const [name, { label, what }] of Object.entries(VIEWS)) {
    const button = element("button", {
      type: "button",
      role: "radio",
      title: what,
      text: label,
      "data-view": name,
    })
    button.onclick = () => {
      if (view === name) return
      view = name
      choose()
      ask()
    }
    choices.append(button)
  }
  const over = element("div", {
    className: "views over",
    role: "radiogroup",
    "aria-label": "Over what",
  })
  for (const [name, title] of Object.entries(AXES)) {
    const button = element("button", {
      type: "button",
      role: "radio",
      title,
      text: name,
      "data-axis": name,
    })
    button.onclick = () => {
      axis = name
      choose()
      draw()
    }
    over.append(button)
  }
  const keys = element("span", { className: "keys" })
  const plot = element("div", { className: "plot", role: "img" })
  const side = element("div", { className: "side" })
  const empty = element("p", { className: "empty", text: WAITING })
  const note = element("p", { className: "note", role: "status" })
  root.classList.add("studio")
  root.append(
    element("div", { className: "bar" }, element("h3", { text: "What it does" }), keys),
    element("div", { className: "bar" }, choices, over),
    element("div", { className: "stage" }, plot, side, empty),
    note,
  )

  function choose() {
    for (const button of [...choices.children, ...over.children]) {
      const on = button.dataset.view === view || button.dataset.axis === axis
      button.setAttribute("aria-checked", String(on))
      button.tabIndex = on ? 0 : -1
    }
  }
  for (const group of [choices, over]) {
    group.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
      if (!step) return
      event.preventDefault()
      const buttons = [...group.children]
      const next = buttons[(buttons.indexOf(event.target) + step + buttons.length) % buttons.length]
      next.click()
      next.focus()
    }
  }

  // The loss as it stands this moment.
  function question() {
    const { typed, moved } = moment()
    const text = data.mode === "write" && typed !== null ? typed : data.text
    const parameters = { ...data.parameters }
    for (const [css, value] of Object.entries(moved)) {
      const names = data.names.filter((name) => name.replace(/[^\w-]/g, "-") === css)
      if (names.length === 1) parameters[names[0]] = value
    }
    return { text, parameters, view, run: data.run }
  }

  function ask() {
    wanted += 1
    if (busy) return
    busy = true
    answerAll().finally(() => {
      busy = false
    })
  }

  async function answerAll() {
    for (let done = 0; done !== wanted && !gone; ) {
      const number = wanted
      const asked = question()
      const since = changedAt
      if (!asked.text.trim()) {
        done = number
        continue
      }
      const slow = setTimeout(() => root.classList.add("is-slow"), SLOW_MS)
      try {
        const answer = await fetched(asked)
        if (gone) break
        if (answer === null) {
          await pause(AGAIN_MS)
          continue
        }
        done = number
        if (answer.fault !== undefined) stale(asked)
        else {
          shown = { ...asked, answer }
          root.classList.remove("is-stale")
          if (asked.view === view) draw()
          root.dataset.drawn = String(Math.round(performance.now() - since))
          root.dataset.answered = String(number)
        }
      } catch (error) {
        done = number
        if (gone) break
        put(
          note,
          error instanceof Refused
            ? `${error.message} ${error.hint}`.trim()
            : "This picture could not be drawn.",
        )
        if (!(error instanceof Refused)) throw error
        setTimeout(() => gone || ask(), LATER_MS)
      } finally {
        clearTimeout(slow)
        root.classList.remove("is-slow")
      }
    }
  }

  // The answer, or null where a question of another tab went first. Throws Refused.
  async function fetched(asked) {
    let response
    try {
      response = await fetch(new URL("../../portrait", import.meta.url), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(asked),
      })
    } catch {
      throw new Refused("The server cannot be reached.", "Trying again in a few seconds.")
    }
    if (response.status === 409) return null
    if (!response.ok) {
      const said = await response.json().catch(() => ({}))
      throw new Refused(said.refused ?? "The server did not answer as expected.", said.hint)
    }
    return unpack(await response.arrayBuffer())
  }

  // The text has a fault, which the editor tells of: the last sound picture stays, and stands back.
  function stale(asked) {
    if (!shown) return put(empty, "The picture follows as soon as the text has no fault.")
    root.classList.toggle("is-stale", asked.text !== shown.text)
    if (asked.text !== shown.text) put(note, "Of the last text without a fault.")
  }

  function draw() {
    // At no width there is nothing to draw; the observer calls once there is one.
    if (!Plotly || !shown || shown.view !== view || !plot.clientWidth) return
    const { answer } = shown
    const narrow = root.clientWidth < 420
    const made = answer.reason
      ? { traces: [], layout: {}, note: answer.reason, keys: [] }
      : PICTURES[answer.kind ?? view](answer, {
          colors,
          axis,
          narrow,
          run: data.run,
          seen: evaluated,
        })
    root.dataset.kind = answer.reason ? "none" : (answer.kind ?? view)
    over.hidden = answer.kind !== "curve"
    empty.hidden = made.traces.length > 0
    if (answer.reason) put(empty, answer.reason)
    put(note, answer.reason ? "" : made.note)
    keys.replaceChildren(
      ...made.keys.map(({ label, color, dash }) => {
        const line = element("i", { "aria-hidden": "true" })
        line.style.borderTop = `2px ${dash ?? "solid"} ${color}`
        return element("span", {}, line, label)
      }),
    )
    side.replaceChildren(...(made.side ?? []))
    stage(made)
    const layout = { ...frame(colors), ...made.layout }
    Plotly.react(plot, made.traces, layout, {
      displayModeBar: false,
      responsive: false,
      scrollZoom: false,
    })
    plot.setAttribute("aria-label", `${VIEWS[view].what}. ${made.note}`)
  }

  function stage({ side: some = [], traces }) {
    root.classList.toggle("has-side", some.length > 0)
    plot.style.visibility = traces.length ? "" : "hidden"
  }

  function watch() {
    if (data.run === seen) return
    stop()
    seen = data.run
    evaluated = null
    stop = seen
      ? subscribe([seen], (run) => {
          const step = run.facts.evaluation?.step ?? null
          if (step === evaluated) return
          evaluated = step
          if (view === "weights" || shown?.answer.kind === "batch") ask()
        })
      : () => {}
  }

  function changed() {
    changedAt = performance.now()
    ask()
  }

  const unfollow = follow(changed)
  const resizing = new ResizeObserver(draw)
  resizing.observe(plot)
  choose()
  watch()
  ask()
  loadPlotly().then(
    (loaded) => {
      if (gone) return
      Plotly = loaded
      adoptStyle(root)
      draw()
    },
    () => put(empty, "The charts did not load: reload the page."),
  )

  return {
    update(next) {
      const now = theme(root)
      const repainted = now.key !== colors.key
      if (repainted) colors = now
      const before = JSON.stringify(question())
      const other = next.data.text !== data.text || next.data.mode !== data.mode
      const taken = JSON.stringify(next.data.parameters) !== JSON.stringify(data.parameters)
      data = next.data
      if (other || taken) settle()
      watch()
      if (JSON.stringify(question()) !== before) changed()
      else if (repainted) draw()
    },
    destroy() {
      gone = true
      unfollow()
      stop()
      resizing.disconnect()
      if (Plotly) Plotly.purge(plot)
      root.replaceChildren()
    },
  }
}
