// How far a run is: a progress bar and the numbers that tick, its state in words.

import { onConnection } from "./stream.js"
import { mounts } from "./view.js"
import { count, digits, element, inWords, percent, put } from "./words.js"

/** @import {Facts, MetricAbout, ReadoutData} from "./wire.js" */
/** @import {View} from "./view.js" */

const LIVE = ["queued", "preparing", "running", "paused"]

/** @param {MetricAbout} metric */
const shower = ({ unit }) => (unit === "%" ? percent : digits)

/**
 * A number that ticks, and what it is.
 * @param {string} name
 * @param {string} hint
 */
function figure(name, hint) {
  const value = element("b", { text: "–" })
  const label = element("small", { text: name })
  return { node: element("span", { className: "figure", title: hint }, value, label), value, label }
}

/**
 * The share of a run that is done, from 0 to 1; null while nobody knows.
 * @param {Facts} facts
 */
function shareDone({ state, step = 0, steps = 0, fraction }) {
  if (state === "queued") return null
  if (state === "preparing") return fraction ?? null
  if (state === "completed") return 1
  return steps ? Math.min(1, step / steps) : 0
}

export const mount = mounts((/** @type {View<ReadoutData>} */ view) => {
  const { root } = view
  const epoch = figure("epoch", "Passes over the training images")
  const step = figure("step", "Optimiser steps")
  const rate = figure("images/s", "Training images a second")
  const held = figure("validation", "")
  const test = figure("test", "")
  // Where there is little room the charts say these.
  for (const { node } of [step, rate]) node.classList.add("often")
  const more = element("span", { className: "figures more" })
  const network = element("span", { className: "aside" })
  const all = [epoch, step, rate, held, test].map(({ node }) => node)
  const fill = element("i")
  const bar = element(
    "div",
    { className: "progress", role: "progressbar", "aria-label": "Progress of the run" },
    fill,
  )
  const words = element("p", { className: "words" })
  const spoken = element("p", { className: "unseen", role: "status" })
  root.classList.add("readout")
  root.append(element("div", { className: "figures" }, ...all, more, network), bar, words, spoken)
  let broken = false

  // The test values of the run's own metrics have their places from the start.
  /** @type {{key: string, value: HTMLElement, show: (value: number | null | undefined) => string}[]} */
  let measured = []
  let shown = ""
  let pictured = ""

  /** @param {MetricAbout[]} list */
  function adoptMetrics(list) {
    if (JSON.stringify(list) === shown) return
    shown = JSON.stringify(list)
    const made = list.map(({ title, short }) =>
      figure(`test ${short}`, `${title} on the test images, measured at the end`),
    )
    measured = list.map((metric, i) => ({
      key: metric.key,
      value: made[i].value,
      show: shower(metric),
    }))
    more.replaceChildren(...made.map(({ node }) => node))
  }

  /** @param {ReadoutData["stages"]} stages */
  function adoptStages(stages) {
    if (JSON.stringify(stages) === pictured) return
    pictured = JSON.stringify(stages)
    if (!stages.length) return network.replaceChildren()
    const wanted = pictured
    const draw = (/** @type {typeof import("./network.js")} */ { outline }) => {
      if (!view.gone && wanted === pictured) network.replaceChildren(outline(stages))
    }
    import("./network.js").then(draw, () => network.replaceChildren()) // the page's own says so
  }

  /** @param {Facts} facts */
  function drawMain({ best, metrics = {} }) {
    const { main } = view.data
    const show = shower(main)
    const restored = best?.restored ? best : null
    // Once the best epoch's weights are back, both values are theirs.
    put(held.value, show(restored ? restored.value : metrics[`validation_${main.key}`]))
    put(held.label, restored ? `validation, epoch ${restored.epoch}` : "validation")
    held.node.title = restored
      ? `${main.title} on the validation images at epoch ${restored.epoch}, the best one, whose weights are restored`
      : `${main.title} on the validation images`
    put(test.value, show(metrics[`test_${main.key}`]))
    test.node.title = `${main.title} on the test images, measured at the end`
    for (const { key, value, show } of measured) put(value, show(metrics[`test_${key}`]))
  }

  /** @param {Facts} facts */
  function drawBar(facts) {
    const share = shareDone(facts)
    fill.style.transform = `scaleX(${share ?? 0})`
    bar.classList.toggle("waiting", share === null)
    if (share === null) bar.removeAttribute("aria-valuenow")
    else bar.setAttribute("aria-valuenow", String(Math.round(100 * share)))
  }

  view.onEnd(
    onConnection((connection) => {
      broken = connection === "broken"
      view.paint()
    }),
  )
  return {
    adopt({ metrics, stages, run }) {
      adoptMetrics(metrics)
      adoptStages(stages)
      view.follow([run], "any")
    },
    draw() {
      const facts = view.facts()
      const { state, epochs } = facts
      const begun = Boolean(facts.step)
      const at = facts.epoch ?? 0
      put(epoch.value, begun ? `${at.toFixed(2)} / ${epochs}` : "–")
      put(step.value, begun ? count(facts.step ?? 0) : "–")
      put(rate.value, begun && facts.rate ? count(facts.rate) : "–")
      drawMain(facts)
      drawBar(facts)
      root.dataset.state = state ?? "none"
      const sentence = view.data.run ? inWords(facts, broken) : "Ready. Press Train to start."
      put(words, sentence || "Asking for the run")
      words.classList.toggle("is-error", state === "failed" || Boolean(facts.trouble))
      // Said aloud when the state changes or an epoch ends, not with every tick.
      const live = begun && LIVE.includes(state ?? "")
      put(spoken, live ? `${state}, epoch ${Math.floor(at)}` : sentence)
    },
  }
})
