// The studio: what the loss does to a prediction, redrawn with every key and every move of a slider.
// It asks the server itself (`portrait` in routes.py), one question at a time, the newest next.

import { post } from "./ask.js"
import { Asker } from "./asker.js"
import { draft, follow, settle } from "./draft.js"
import { adoptStyle, hasRoom, loadPlotly } from "./plotly.js"
import { PICTURES } from "./portraits.js"
import { frame } from "./portraits-frame.js"
import { mounts } from "./view.js"
import { element, put } from "./words.js"

/** @import {PlotlyLibrary} from "./plotly.js" */
/** @import {Made} from "./portraits-frame.js" */
/** @import {PortraitAnswer, Picture, NoPicture, StudioData} from "./wire.js" */
/** @import {View} from "./view.js" */
/** @typedef {"curve" | "simplex" | "weights"} Kind */
/** @typedef {{text: string, parameters: Record<string, number>, view: Kind, run: string, task: string, classes: number}} Question */

/** @type {Record<Kind, {label: string, what: string}>} */
const VIEWS = {
  curve: { label: "Curve", what: "L and its slopes over the probability of the true class" },
  simplex: { label: "Simplex", what: "L over all predictions of three classes" },
  weights: { label: "Weights", what: "Whom it pushes in a batch, beside cross-entropy" },
}
const AXES = {
  p: { label: "p", what: "Over the probability of the true class" },
  margin: { label: "margin", what: "Over its logit less the others'" },
}
const RETRY_MS = 4000
const SLOW_MS = 500
const WAITING = "The loss and its slopes are drawn here as soon as they can be computed."
const FAULTY = "The picture follows as soon as the text has no fault."

/**
 * Some of which one is on; arrow keys go from one to the next.
 * @template {string} Name
 * @param {string} className
 * @param {string} label
 * @param {Record<Name, {label: string, what: string}>} choices
 * @param {string} mark the attribute that names each
 * @param {(name: Name) => void} choose
 */
function radios(className, label, choices, mark, choose) {
  const names = /** @type {Name[]} */ (Object.keys(choices))
  const buttons = names.map((name) => {
    const { label: text, what: title } = choices[name]
    const button = element("button", { type: "button", role: "radio", title, text, [mark]: name })
    button.onclick = () => {
      set(name)
      choose(name)
    }
    return button
  })
  const node = element("div", { className, role: "radiogroup", "aria-label": label }, ...buttons)
  /** @param {Name} chosen */
  function set(chosen) {
    for (const [i, button] of buttons.entries()) {
      button.setAttribute("aria-checked", String(names[i] === chosen))
      button.tabIndex = names[i] === chosen ? 0 : -1
    }
  }
  node.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (event.target))
    const next = buttons[(at + step + buttons.length) % buttons.length]
    next.click()
    next.focus()
  }
  set(names[0])
  return node
}

class Studio {
  /** @type {Kind} */
  #kind = "curve"
  /** @type {"p" | "margin"} */
  #axis = "p"
  /** @type {PlotlyLibrary | null} */
  #plotly = null
  /** @type {Question & {answer: Picture | NoPicture} | null} The last sound answer, and of what. */
  #shown = null
  #changedAt = performance.now()
  #answered = 0
  #asked = "" // what the page and the visitor said of the loss last
  /** @type {number | null} The step of the run's last evaluation. */
  #evaluated = null
  #keys = element("span", { className: "keys" })
  #plot = element("div", { className: "plot", role: "img", "aria-label": "Nothing drawn yet" })
  #side = element("div", { className: "side" })
  #empty = element("p", { className: "empty", text: WAITING })
  #note = element("p", { className: "note", role: "status" })

  /** @param {View<StudioData>} view */
  constructor(view) {
    this.view = view
    const choices = radios("views", "Picture of the loss", VIEWS, "data-view", (kind) => {
      if (kind === this.#kind) return
      this.#kind = kind
      this.asker.want()
    })
    this.over = radios("views over", "Over what", AXES, "data-axis", (axis) => {
      this.#axis = axis
      view.paint()
    })
    view.root.classList.add("studio")
    view.root.append(
      element("div", { className: "bar" }, element("h3", { text: "What it does" }), this.#keys),
      element("div", { className: "bar" }, choices, this.over),
      element("div", { className: "stage" }, this.#plot, this.#side, this.#empty),
      this.#note,
    )
    this.asker = this.#asker()
    view.onEnd(follow(() => this.#changed()))
    view.onSize(this.#plot)
    loadPlotly().then(
      (loaded) => {
        if (view.gone) return
        this.#plotly = loaded
        adoptStyle(view.root)
        view.paint()
      },
      () => put(this.#empty, "The charts did not load: reload the page."),
    )
  }

  /**
   * The loss as it stands now: what is typed, and where the sliders are.
   * @returns {Question}
   */
  #question() {
    const { mode, text, parameters, names, run, task, class_count: classes } = this.view.data
    const { typed, moved } = draft()
    const now = { ...parameters }
    for (const [css, value] of Object.entries(moved)) {
      const meant = names.filter((name) => name.replace(/[^\w-]/g, "-") === css)
      if (meant.length === 1) now[meant[0]] = value
    }
    const written = mode === "write" && typed !== null
    const asked = written ? typed : text
    return { text: asked, parameters: now, view: this.#kind, run, task, classes }
  }

  #asker() {
    const { root } = this.view
    return new Asker({
      question: () => {
        const question = this.#question()
        return question.text.trim() ? question : null
      },
      ask: async (question, signal) => {
        const since = this.#changedAt
        const slow = setTimeout(() => root.classList.add("is-slow"), SLOW_MS)
        try {
          /** @type {PortraitAnswer} */
          const answer = await post("portrait", question, signal)
          return { answer, since }
        } finally {
          clearTimeout(slow)
          root.classList.remove("is-slow")
        }
      },
      take: ({ answer, since }, question) => {
        if ("fault" in answer) return this.#stale(question)
        this.#shown = { ...question, answer }
        root.classList.remove("is-stale")
        this.draw()
        this.#answered += 1
        root.dataset.drawn = String(Math.round(performance.now() - since))
        root.dataset.answered = String(this.#answered)
      },
      refuse: (error) => put(this.#note, error.words),
      retry: RETRY_MS,
    })
  }

  // The text has a fault, which the editor tells of: the last sound picture stays, and stands back.
  /** @param {Question} question */
  #stale(question) {
    if (!this.#shown) return put(this.#empty, FAULTY)
    const other = question.text !== this.#shown.text
    this.view.root.classList.toggle("is-stale", other)
    if (other) put(this.#note, "Of the last text without a fault.")
  }

  #changed() {
    this.#changedAt = performance.now()
    this.asker.want()
  }

  /**
   * @param {StudioData} data
   * @param {StudioData} [before]
   */
  adopt(data, before) {
    const { view } = this
    const taken = JSON.stringify(data.parameters) !== JSON.stringify(before?.parameters)
    if (before && (data.text !== before.text || data.mode !== before.mode || taken)) settle()
    if (before && data.run !== before.run) this.#evaluated = null
    view.follow([data.run], [], (run) => {
      const step = run.facts.evaluation?.step ?? null
      if (step === this.#evaluated) return
      this.#evaluated = step
      if (this.#kind === "weights" || this.#pictured() === "batch") this.asker.want()
    })
    const now = JSON.stringify(this.#question())
    if (now !== this.#asked) this.#changed()
    this.#asked = now
  }

  // What sort of picture is shown.
  #pictured() {
    const answer = this.#shown?.answer
    return answer && "kind" in answer && answer.kind ? answer.kind : this.#kind
  }

  draw() {
    const { view } = this
    if (!this.#plotly || this.#shown?.view !== this.#kind || !hasRoom(this.#plot)) return
    const { answer } = this.#shown
    const kind = this.#pictured()
    const reason = "reason" in answer ? answer.reason : ""
    view.root.dataset.kind = reason ? "none" : kind
    view.root.classList.toggle("is-bare", "reason" in answer && Boolean(answer.everywhere))
    this.over.hidden = !("kind" in answer) || answer.kind !== "curve"
    const narrow = view.root.clientWidth < 420
    const { run } = view.data
    const how = { colors: view.colors, axis: this.#axis, narrow, run }
    /** @type {Made} */
    const made = reason
      ? { traces: [], layout: {}, note: "", keys: [] }
      : PICTURES[kind](/** @type {any} */ (answer), how)
    this.#empty.hidden = made.traces.length > 0
    if (reason) put(this.#empty, reason)
    put(this.#note, made.note)
    this.#drawAround(made)
    const layout = { ...frame(view.colors), ...made.layout }
    const config = { displayModeBar: false, responsive: false, scrollZoom: false }
    this.#plotly.react(this.#plot, made.traces, layout, config)
    this.#plot.setAttribute("aria-label", `${VIEWS[this.#kind].what}. ${made.note || reason}`)
  }

  /** @param {Made} made */
  #drawAround({ keys, side = [], traces }) {
    this.#keys.replaceChildren(
      ...keys.map(({ label, color, dash }) => {
        const line = element("i", { "aria-hidden": "true" })
        line.style.borderTop = `2px ${dash ?? "solid"} ${color}`
        return element("span", {}, line, label)
      }),
    )
    this.#side.replaceChildren(...side)
    this.view.root.classList.toggle("has-side", side.length > 0)
    this.#plot.style.visibility = traces.length ? "" : "hidden"
  }

  end() {
    this.asker.end()
    this.#plotly?.purge(this.#plot)
  }
}

export const mount = mounts((/** @type {View<StudioData>} */ view) => new Studio(view))
