// How far a run is: a progress bar and the numbers that tick, its state in words.

import { outline } from "./network.js"
import { onConnection, subscribe } from "./stream.js"
import { count, digits, element, inWords, percent, put } from "./words.js"

const LIVE = ["queued", "preparing", "running", "paused"]

export function mount(root, component) {
  const fields = {}
  const figure = (name, label, hint) => {
    fields[name] = element("b", { text: "–" })
    return element(
      "span",
      { className: "figure", title: hint },
      fields[name],
      element("small", { text: label }),
    )
  }
  const figures = element(
    "div",
    { className: "figures" },
    figure("epoch", "epoch", "Passes over the training images"),
    figure("step", "step", "Optimiser steps"),
    figure("rate", "images/s", "Training images a second"),
    figure("main", "validation", ""),
    figure("test", "test", ""),
  )
  const more = element("span", { className: "figures more" })
  const network = element("span", { className: "aside" })
  figures.append(more, network)
  const fill = element("i")
  const bar = element(
    "div",
    { className: "progress", role: "progressbar", "aria-label": "Progress of the run" },
    fill,
  )
  const words = element("p", { className: "words" })
  const spoken = element("p", { className: "unseen", role: "status" })
  root.classList.add("readout")
  root.append(figures, bar, words, spoken)

  // The test values of the run's own metrics have their places from the start.
  let measured = {} // key -> {node, show}
  let shown = ""
  function adoptMetrics(list) {
    if (JSON.stringify(list) === shown) return
    shown = JSON.stringify(list)
    measured = {}
    more.replaceChildren(
      ...list.map(({ key, title, short, unit }) => {
        const figured = figure(
          `metric ${key}`,
          `test ${short}`,
          `${title} on the test images, measured at the end`,
        )
        measured[key] = { node: fields[`metric ${key}`], show: unit === "%" ? percent : digits }
        return figured
      }),
    )
  }

  let pictured = ""
  function adoptStages(stages) {
    if (JSON.stringify(stages) === pictured) return
    pictured = JSON.stringify(stages)
    network.replaceChildren(...(stages.length ? [outline(stages)] : []))
  }

  let main = { key: "accuracy", title: "Accuracy", unit: "%" }
  let id = null
  let facts = {}
  let broken = false
  let stop = () => {}

  function draw() {
    const { state, step, steps, epoch, epochs, rate, fraction, metrics = {} } = facts
    const begun = Boolean(step)
    put(fields.epoch, begun ? `${epoch.toFixed(2)} / ${epochs}` : "–")
    put(fields.step, begun ? count(step) : "–")
    put(fields.rate, begun && rate ? count(rate) : "–")
    const restored = facts.best?.restored ? facts.best : null
    // Once the best epoch's weights are back, both accuracies are theirs.
    const show = main.unit === "%" ? percent : digits
    put(fields.main, show(restored ? restored.value : metrics[`validation_${main.key}`]))
    const held = fields.main.parentElement
    put(held.lastChild, restored ? `validation, epoch ${restored.epoch}` : "validation")
    held.title = restored
      ? `${main.title} on the validation images at epoch ${restored.epoch}, the best one, whose weights are restored`
      : `${main.title} on the validation images`
    put(fields.test, show(metrics[`test_${main.key}`]))
    fields.test.parentElement.title = `${main.title} on the test images, measured at the end`
    for (const [key, value] of Object.entries(measured)) {
      put(value.node, value.show(metrics[`test_${key}`]))
    }
    const waiting = state === "queued" || (state === "preparing" && typeof fraction !== "number")
    const share =
      state === "preparing" ? (fraction ?? 0) : state === "completed" ? 1 : steps ? step / steps : 0
    fill.style.transform = `scaleX(${Math.min(1, share || 0)})`
    bar.classList.toggle("waiting", waiting)
    if (waiting) bar.removeAttribute("aria-valuenow")
    else bar.setAttribute("aria-valuenow", String(Math.round(100 * (share || 0))))
    root.dataset.state = state ?? "none"
    const sentence = id ? inWords(facts, broken) : "Ready. Press Train to start."
    put(words, sentence || "Asking for the run")
    words.classList.toggle("is-error", state === "failed" || Boolean(facts.trouble))
    // Said aloud when the state changes or an epoch ends, not with every tick.
    put(spoken, LIVE.includes(state) && begun ? `${state}, epoch ${Math.floor(epoch)}` : sentence)
  }

  function adopt(data) {
    adoptMetrics(data.metrics)
    adoptStages(data.stages)
    main = data.main
    if (data.run !== id) {
      id = data.run
      facts = {}
      const old = stop
      stop = id
        ? subscribe([id], (run) => {
            facts = run.facts
            draw()
          })
        : () => {}
      old()
    }
    draw()
  }

  const quiet = onConnection((state) => {
    broken = state === "broken"
    draw()
  })
  adopt(component.data)

  return {
    update: (next) => adopt(next.data),
    destroy() {
      quiet()
      stop()
      root.replaceChildren()
    },
  }
}
