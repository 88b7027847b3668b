// One stream of Server-Sent Events for the whole page, shared by every live view on it.
//
//   const stop = subscribe(["run-id"], (run, changed) => ...)
//
// A listener is called with the run as known so far and the set of names that just changed.
// `onConnection(listener)` says whether the stream is "open", "waiting" or "broken".

import { Run } from "./run.js"

const root = new URL("../..", import.meta.url) // .../live/
const HIDDEN_MS = 10_000 // a tab out of sight gives its connection back: browsers have six a host
const BROKEN_MS = 1_800 // more than it takes to come back to a server that was changed

/** @import {RunMessage} from "./wire.js" */
/** @typedef {(run: Run, changed: Set<string>) => void} Listener */
/** @typedef {"open" | "waiting" | "broken"} Connection */

/** @type {Map<string, Run>} */
const runs = new Map()
/** @type {Set<{ids: string[], listener: Listener}>} */
const subscriptions = new Set()
/** @type {Set<(connection: Connection) => void>} */
const connectionListeners = new Set()

/** @type {EventSource | null} */
let source = null
let asked = "" // the ids the open stream was asked for
/** @type {Connection} */
let connection = "waiting"
let reopening = 0
let breaking = 0
let hiding = 0
let delay = 1000

/**
 * @param {string[]} ids
 * @param {Listener} listener
 */
export function subscribe(ids, listener) {
  const subscription = { ids, listener }
  subscriptions.add(subscription)
  for (const id of subscription.ids) {
    const run = runs.get(id)
    if (run) listener(run, new Set([...Object.keys(run.facts), "series"]))
  }
  schedule(0)
  return () => {
    subscriptions.delete(subscription)
    schedule(250) // another view of the same run may be about to open
  }
}

/** @param {(connection: Connection) => void} listener */
export function onConnection(listener) {
  connectionListeners.add(listener)
  listener(connection)
  return () => {
    connectionListeners.delete(listener)
  }
}

function wanted() {
  return [...new Set([...subscriptions].flatMap(({ ids }) => ids))].slice(0, 8)
}

/** @param {number} milliseconds */
function schedule(milliseconds) {
  clearTimeout(reopening)
  reopening = setTimeout(reconcile, milliseconds)
}

function reconcile() {
  const ids = wanted()
  const key = ids.join(",")
  if (key === asked && source && source.readyState !== EventSource.CLOSED) return
  close()
  for (const id of [...runs.keys()]) if (!ids.includes(id)) runs.delete(id)
  if (!ids.length || document.hidden) return
  asked = key
  const url = new URL("stream", root)
  url.searchParams.set("runs", key)
  source = new EventSource(url)
  source.onopen = () => {
    delay = 1000
    say("open")
  }
  source.onmessage = (event) => deliver(JSON.parse(event.data))
  source.onerror = () => {
    breaking ||= setTimeout(() => say("broken"), BROKEN_MS)
    if (source?.readyState === EventSource.CLOSED) {
      delay = Math.min(delay * 2, 15_000)
      schedule(delay)
    }
  }
}

function close() {
  source?.close()
  source = null
  asked = ""
}

/** @param {RunMessage} message */
function deliver(message) {
  say("open")
  const run = runs.get(message.run) ?? new Run(message.run)
  runs.set(message.run, run)
  const changed = run.take(message)
  if (!changed) {
    close()
    schedule(0)
    return
  }
  for (const { ids, listener } of [...subscriptions]) {
    if (ids.includes(run.id)) listener(run, changed)
  }
  // Of runs that are unknown there will be no news: the server ends such a stream.
  if (asked?.split(",").every((id) => runs.get(id)?.facts.state === "unknown")) close()
}

/** @param {Connection} what */
function say(what) {
  if (what === "open") {
    clearTimeout(breaking)
    breaking = 0
  }
  if (what === connection) return
  connection = what
  for (const listener of [...connectionListeners]) listener(what)
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding)
  if (document.hidden) hiding = setTimeout(close, HIDDEN_MS)
  else schedule(0)
})
