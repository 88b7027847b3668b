// The steps that a run kept its weights of: a slider, playback, and the way back to the latest.
//
//   const time = new Timeline({ busy, go, rest })
//   time.show(facts, step)      facts of the stream; step: the one looked at, null for the latest
//
// `go(step)` is called when another is wanted, `busy()` says whether the last is still awaited, and
// `rest()` that the hand has come to rest.

import { quiet } from "./controls.js"
import { count, element, put } from "./words.js"

/** @import {Facts} from "./wire.js" */

const PLAY_MS = 350

/**
 * The place of the step that is nearest to the wanted one.
 * @param {number[]} steps
 * @param {number} wanted
 */
export function nearest(steps, wanted) {
  let best = 0
  for (const [i, each] of steps.entries())
    if (Math.abs(each - wanted) < Math.abs(steps[best] - wanted)) best = i
  return best
}

export class Timeline {
  #slider = element("input", {
    type: "range",
    min: "0",
    max: "0",
    "aria-label": "Step of the run",
  })
  #when = element("span", { className: "when" })
  #play = quiet("Play")
  #latest = quiet("Latest")
  /** @type {Facts} */
  #facts = {}
  /** @type {number | null} */
  #step = null
  #playing = 0

  /**
   * @param {{busy: () => boolean, go: (step: number | null) => void, rest: () => void}} asked
   */
  constructor(asked) {
    this.asked = asked
    this.node = element(
      "section",
      { className: "time" },
      this.#play,
      this.#slider,
      this.#when,
      this.#latest,
    )
    this.#slider.oninput = () => {
      const wanted = this.#steps[Number(this.#slider.value)] // before drawing puts the slider back
      this.halt()
      this.#move(wanted)
    }
    this.#slider.onchange = () => asked.rest()
    this.#latest.onclick = () => {
      this.halt()
      this.#move(null)
      asked.rest()
    }
    this.#play.onclick = () => (this.playing ? this.halt() : this.#start())
  }

  get playing() {
    return this.#playing > 0
  }

  /**
   * @param {Facts} facts of the stream
   * @param {number | null} step the one looked at, null for the latest
   */
  show(facts, step) {
    this.#facts = facts
    this.#step = step
    this.#draw()
  }

  halt() {
    clearInterval(this.#playing)
    this.#playing = 0
    this.#draw()
  }

  get #steps() {
    return this.#facts.snapshots ?? []
  }

  #start() {
    const steps = this.#steps
    const from = this.#step === null ? steps.length - 1 : nearest(steps, this.#step)
    let at = from === steps.length - 1 ? 0 : from
    this.#playing = setInterval(() => {
      if (this.asked.busy()) return // as fast as the answers come
      at += 1
      if (at < this.#steps.length) return this.#move(this.#steps[at])
      this.halt()
      this.asked.rest()
    }, PLAY_MS)
    this.#move(steps[at])
  }

  /** @param {number | null} wanted */
  #move(wanted) {
    this.#step = wanted
    this.#draw()
    this.asked.go(wanted)
  }

  #draw() {
    const kept = this.#steps
    const { steps, epochs } = this.#facts
    this.#slider.max = String(Math.max(0, kept.length - 1))
    const at = this.#step === null ? kept.length - 1 : nearest(kept, this.#step)
    this.#slider.value = String(Math.max(0, at))
    this.#slider.disabled = this.#play.disabled = kept.length < 2
    this.#latest.setAttribute("aria-pressed", String(this.#step === null))
    const shown = kept[at]
    const epoch =
      shown === undefined || !steps ? "" : `, epoch ${((shown / steps) * (epochs ?? 0)).toFixed(2)}`
    put(this.#when, shown === undefined ? "" : `step ${count(shown)}${epoch}`)
    this.#slider.setAttribute("aria-valuetext", this.#when.textContent)
    put(this.#play, this.playing ? "Pause" : "Play")
  }
}
