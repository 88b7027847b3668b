// A run as the stream tells of it, message by message.

import { Series } from "./series.js"

/** @import {Facts, RunMessage} from "./wire.js" */

/** A run as far as it is known here. */
export class Run {
  /** @param {string} id */
  constructor(id) {
    this.id = id
    /** @type {Facts} */
    this.facts = {}
    /** @type {Record<string, Series>} */
    this.series = {}
  }

  /**
   * Takes a message; gives the names of what it changed, null where something is missing before it.
   * @param {RunMessage} message
   */
  take(message) {
    const { run, whole, series = {}, ...facts } = message
    const changed = new Set(Object.keys(facts))
    if (whole) {
      this.series = {}
      this.facts = {}
      changed.add("series")
    }
    Object.assign(this.facts, facts)
    for (const [name, part] of Object.entries(series)) {
      this.series[name] ??= new Series()
      if (!this.series[name].add(part)) return null // a gap: what is missing is asked for anew
      changed.add("series")
    }
    return changed
  }
}
