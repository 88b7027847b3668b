// The steps that a run kept its weights of: a slider, playback, and the way back to the latest.
//
//   const time = timeline({ busy, go, rest })
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

/**
 * @param {{busy: () => boolean, go: (step: number | null) => void, rest: () => void}} asked
 */
export function timeline({ busy, go, rest }) {
  const slider = element("input", {
    type: "range",
    min: "0",
    max: "0",
    "aria-label": "Step of the run",
  })
  const when = element("span", { className: "when" })
  const play = quiet("Play")
  const live = quiet("Latest")
  const node = element("section", { className: "time" }, play, slider, when, live)
  /** @type {Facts} */
  let facts = {}
  /** @type {number | null} */
  let step = null
  let playing = 0
  const steps = () => facts.snapshots ?? []

  function draw() {
    const kept = steps()
    slider.max = String(Math.max(0, kept.length - 1))
    const at = step === null ? kept.length - 1 : nearest(kept, step)
    slider.value = String(Math.max(0, at))
    slider.disabled = play.disabled = kept.length < 2
    live.setAttribute("aria-pressed", String(step === null))
    const shown = kept[at]
    const epoch =
      shown === undefined || !facts.steps
        ? ""
        : `, epoch ${((shown / facts.steps) * (facts.epochs ?? 0)).toFixed(2)}`
    put(when, shown === undefined ? "" : `step ${count(shown)}${epoch}`)
    slider.setAttribute("aria-valuetext", when.textContent)
    put(play, playing ? "Pause" : "Play")
  }

  /** @param {number | null} wanted */
  function move(wanted) {
    step = wanted
    draw()
    go(step)
  }

  function halt() {
    clearInterval(playing)
    playing = 0
    draw()
  }

  slider.oninput = () => {
    const wanted = steps()[Number(slider.value)] // before drawing puts the slider back
    halt()
    move(wanted)
  }
  slider.onchange = () => rest()
  live.onclick = () => {
    halt()
    move(null)
    rest()
  }
  play.onclick = () => {
    if (playing) return halt()
    let at =
      step === null || nearest(steps(), step) === steps().length - 1 ? 0 : nearest(steps(), step)
    playing = setInterval(() => {
      if (busy()) return // as fast as the answers come
      at += 1
      if (at < steps().length) return move(steps()[at])
      halt()
      rest()
    }, PLAY_MS)
    move(steps()[at])
  }
  return {
    node,
    halt,
    get playing() {
      return playing > 0
    },
    /**
     * @param {Facts} news
     * @param {number | null} wanted
     */
    show(news, wanted) {
      facts = news
      step = wanted
      draw()
    },
  }
}
