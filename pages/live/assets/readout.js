// How far a run is: a progress bar and the numbers that tick, its state in words.

import { onConnection, subscribe } from "./stream.js"
import { count, element, inWords, percent, put } from "./words.js"

const LIVE = ["queued", "preparing", "running", "paused"]

export function mount(root, component) {
  const fields = {}
  const figure = (name, label, hint) => {
    fields[name] = element("b", { text: "–" })
    return element("span", { className: "figure", title: hint }, fields[name], element("small", { text: label }))
  }
  const figures = element(
    "div",
    { className: "figures" },
    figure("epoch", "epoch", "Passes over the training images"),
    figure("step", "step", "Optimiser steps"),
    figure("rate", "images/s", "Training images a second"),
    figure("accuracy", "validation", "Accuracy on the held-out images"),
    figure("test", "test", "Accuracy on the test images, measured at the end"),
  )
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
    put(fields.accuracy, percent(metrics.validation_accuracy))
    put(fields.test, percent(metrics.test_accuracy))
    const waiting = state === "queued" || (state === "preparing" && typeof fraction !== "number")
    const share = state === "preparing" ? (fraction ?? 0) : steps ? step / steps : 0
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
