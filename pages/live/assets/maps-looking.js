// What is looked at on Feature maps, and the questions that follow from it.

import { Kept } from "./ask.js"

/** @import {Facts, MapsAnswer, RunAbout} from "./wire.js" */
/** A test image by its number, or a visitor's pixels in base 64. @typedef {{test: number, pixels?: undefined, said?: undefined} | {pixels: string, said: string, test?: undefined}} Subject */

export class Looking {
  /** @type {string | null} The id of the run. */
  run = null
  /** @type {Facts} */
  facts = {}
  /** @type {string[]} */
  classes = []
  /** @type {string[]} The images that the network takes at once. */
  sights = ["images"]
  /** @type {number | null} The step of the weights; null: the latest. */
  step = null
  /** @type {{layer: string, unit: number}} A filter, or none. */
  chosen = { layer: "", unit: -1 }
  gradients = false
  /** @type {"layer" | "map" | "all"} What shares a scale of colours. */
  scale = "layer"
  /** @type {MapsAnswer | null} */
  answer = null
  /** @type {RunAbout | null} A run to compare with. */
  other = null
  kept = new Kept(400)

  /** @param {Subject} subject */
  constructor(subject) {
    this.subject = subject
    this.number = subject.test ?? 0
  }

  /**
   * A visitor's own picture takes the place of the test image that was looked at before it.
   * @param {Subject} subject
   */
  choose(subject) {
    this.subject = subject
    this.number = subject.test ?? this.number
  }

  /** The steps that weights were kept of. */
  get steps() {
    return this.facts.snapshots ?? []
  }

  get running() {
    return this.step === null && this.facts.state === "running"
  }

  /** The image as the server is asked about it. */
  get image() {
    const { test, pixels } = this.subject
    return pixels === undefined ? { test } : { test: this.number, pixels }
  }

  /** What it is called. */
  get name() {
    const what = this.sights.length > 1 ? "Test pair" : "Test image"
    return this.subject.said ?? `${what} ${this.subject.test?.toLocaleString("en-US")}`
  }

  /**
   * A question about the image, at the step that is looked at.
   * @template {string} What
   * @template {object} More
   * @param {What} what
   * @param {More} more
   */
  question(what, more) {
    const step = this.step === null ? {} : { step: this.step }
    return { run: this.run, what, image: this.image, ...step, ...more }
  }

  /**
   * The name of a class, its number where it has none.
   * @param {number} place
   */
  className(place) {
    return String(this.classes[place] ?? place)
  }

  /** The step whose weights answered, or are asked for. */
  get at() {
    return this.step ?? this.answer?.step
  }
}

/**
 * Some of many, evenly spread, the first and the last among them.
 * @param {number[]} steps
 * @param {number} most
 */
export function spread(steps, most) {
  if (steps.length <= most) return steps
  const place = (/** @type {number} */ i) => Math.round((i * (steps.length - 1)) / (most - 1))
  return Array.from({ length: most }, (_, i) => steps[place(i)])
}

/**
 * A layer's name as it is written.
 * @param {string} name
 */
export const spoken = (name) => name.replaceAll("_", " ")
