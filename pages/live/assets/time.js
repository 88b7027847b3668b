// The time of the shown run: one slider that every view of the page follows, with playback. The
// arrow keys step through it wherever no control has them.

import { moment } from "./moment.js"
import { nearest, Timeline } from "./timeline.js"
import { mounts } from "./view.js"

/** @import {TimeData} from "./wire.js" */
/** @import {View} from "./view.js" */

const TAKEN =
  "input, textarea, select, button, a, summary, [contenteditable], [tabindex], [role=tab], [role=grid]"

export const mount = mounts((/** @type {View<TimeData>} */ view) => {
  const go = (/** @type {number | null} */ step) => moment.set(step)
  let sent = view.data.step // what the page has heard
  /** @type {(number | null)[]} What it was told and has not said again yet. */
  const told = []
  function rest() {
    if (moment.step === sent) return
    sent = moment.step
    told.push(sent)
    view.setState("view", { run: view.data.run, step: sent })
  }
  const time = new Timeline({ busy: () => moment.busy, go, rest })
  view.root.append(time.node)
  let resting = 0

  /** @param {KeyboardEvent} event */
  function stepped(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    const { snapshots: kept = [] } = view.facts()
    if (!by || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const [target] = event.composedPath()
    if (target instanceof Element && target !== document.body && target.closest(TAKEN)) return
    if (kept.length < 2) return
    const at = moment.step === null ? kept.length - 1 : nearest(kept, moment.step)
    const next = Math.min(Math.max(at + by, 0), kept.length - 1)
    event.preventDefault()
    time.halt()
    moment.set(next === kept.length - 1 ? null : kept[next])
    clearTimeout(resting)
    resting = setTimeout(rest, 400) // when the keys have come to rest
  }
  document.addEventListener("keydown", stepped)
  view.onEnd(() => document.removeEventListener("keydown", stepped))
  view.onEnd(() => clearTimeout(resting))
  moment.set(view.data.step)

  return {
    adopt({ run, step }, before) {
      if (before && before.run !== run) {
        time.halt()
        told.length = 0
        moment.set(step)
        sent = step
      } else if (before && before.step !== step) {
        // What the page says again is older than what a hand may have moved to since.
        const place = told.indexOf(step)
        told.splice(0, place + 1)
        if (place < 0) moment.set(step)
        if (place < 0) sent = step
      }
      view.follow([run], ["snapshots", "state", "steps"])
    },
    draw() {
      const kept = view.facts().snapshots ?? []
      view.root.hidden = kept.length < 2
      moment.playing = time.playing
      time.show(view.facts(), moment.step)
    },
    end() {
      time.halt()
      moment.playing = false
    },
  }
})
