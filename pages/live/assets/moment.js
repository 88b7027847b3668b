// The moment of the runs that all views of the page show: a step, or the latest.
//
//   moment.step                        null for the latest
//   moment.set(step)                   every view draws it
//   const end = moment.follow(heard)   called when it is another
//   moment.await(() => asker.busy)     playback goes no faster than this view's answers come
//
// What a run's evaluation said then comes with `evaluationAt`; each is asked for once.

import { address } from "./ask.js"
import { nearest } from "./timeline.js"

/** @import {Evaluation, Facts} from "./wire.js" */

const MOST = 400 // evaluations that are remembered

/** @type {number | null} */
let step = null
let playing = false
/** @type {Set<() => void>} */
const followers = new Set()
/** @type {Set<() => boolean>} */
const awaited = new Set()
/** @type {Map<string, Evaluation | null>} What came, by run and step; null while it is asked for. */
const known = new Map()
/** @type {Map<string, Evaluation>} What a run's views show while another is on its way. */
const last = new Map()

export const moment = {
  get step() {
    return step
  },
  get playing() {
    return playing
  },
  set playing(now) {
    playing = now
  },
  get busy() {
    return [...known.values()].includes(null) || [...awaited].some((busy) => busy())
  },
  /** @param {number | null} wanted */
  set(wanted) {
    if (wanted === step) return
    step = wanted
    for (const heard of [...followers]) heard()
  },
  /** @param {() => void} heard */
  follow(heard) {
    followers.add(heard)
    return () => {
      followers.delete(heard)
    }
  },
  /** @param {() => boolean} busy */
  await(busy) {
    awaited.add(busy)
    return () => {
      awaited.delete(busy)
    }
  },
}

/**
 * What a run's evaluation said at the moment, or said before while that is on its way.
 * @param {string} run
 * @param {Facts} facts
 */
export function evaluationAt(run, facts) {
  if (step === null || !facts.snapshots?.length) return facts.evaluation
  const at = facts.snapshots[nearest(facts.snapshots, step)]
  if (at >= (facts.evaluation?.step ?? 0)) return facts.evaluation
  const key = `${run} ${at}`
  const found = known.get(key)
  if (found) last.set(run, found)
  if (found === undefined) ask(run, at, key)
  return found ?? last.get(run) ?? facts.evaluation
}

/**
 * @param {string} run
 * @param {number} at
 * @param {string} key
 */
async function ask(run, at, key) {
  known.set(key, null)
  try {
    const response = await fetch(address(`evaluation/${encodeURIComponent(run)}/${at}`))
    const found = response.ok ? await response.json() : null
    if (!found) throw new Error("there is none")
    known.set(key, found)
  } catch {
    known.delete(key) // it is asked for again when the moment is another
    return
  }
  while (known.size > MOST) known.delete([...known.keys()][0])
  for (const heard of [...followers]) heard()
}
