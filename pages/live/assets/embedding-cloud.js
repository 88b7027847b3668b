// The cloud of one run's test or training images: its canvas, what is said of it, and the pointer.

import { Scatter } from "./scatter.js"
import { count, element, percent, put, runColor } from "./words.js"

/** @import {EmbeddingAnswer, Floats, RunAbout} from "./wire.js" */
/** @import {Theme} from "./words.js" */
/** @typedef {"test" | "train"} Split */
/**
 * What a cloud tells of: a point is under the pointer (-1: none), or was clicked; it was turned.
 * @typedef {{over: (event: PointerEvent, cloud: Cloud, place: number) => void, leave: () => void, click: (cloud: Cloud, place: number) => void, turned: () => void}} Heard
 */

const REACH_PX = 14
const TRAIL = 400 // steps whose centres are kept
const STEEP = 1.5 // radians

/** @type {Record<Split, string>} */
export const SPLITS = { test: "Test", train: "Training" }
/** @type {Record<string, string>} */
export const METHODS = { pca: "PCA", tsne: "t-SNE, 500 images", umap: "UMAP-like" }

/**
 * What the picture is of, where that is not the embedding as it is.
 * @param {EmbeddingAnswer} answer
 */
const noteOn = ({ method, width, moving }) =>
  [
    method === "raw" ? "" : `${METHODS[method].split(",")[0]} of ${width} numbers`,
    moving ? "circles: moving centres" : "circles: class means",
  ]
    .filter(Boolean)
    .join("; ")

/** @param {Floats} centers */
function rowsOf(centers) {
  const [classes, width] = centers.shape
  const row = (/** @type {number} */ c) => Array.from(centers.subarray(width * c, width * (c + 1)))
  return Array.from({ length: classes }, (_, c) => row(c))
}

export class Cloud {
  canvas = element("canvas", { role: "img" })
  scatter = new Scatter(this.canvas)
  /** @type {EmbeddingAnswer | null} */
  answer = null
  #title = element("b")
  #swatch = element("i", { className: "swatch", "aria-hidden": "true" })
  #said = element("span", { className: "said" })
  #note = element("figcaption")
  /** @type {Map<number, Floats>} The centres at each step, as they are. */
  #path = new Map()

  /**
   * @param {string} run
   * @param {Split} split
   * @param {Heard} heard
   */
  constructor(run, split, heard) {
    this.run = run
    this.split = split
    this.name = ""
    const what = element("em", { text: `${SPLITS[split]} images` })
    this.node = element(
      "figure",
      { className: "cloud", "data-split": split },
      element("header", {}, this.#swatch, this.#title, what, this.#said),
      this.canvas,
      this.#note,
    )
    this.#listen(heard)
  }

  /**
   * The run as its page calls it now.
   * @param {RunAbout} about
   * @param {Theme} colors
   */
  call({ name, color }, colors) {
    this.name = name
    put(this.#title, name)
    this.#title.title = name
    this.#swatch.style.background = runColor(color, colors)
    if (!this.answer) this.canvas.setAttribute("aria-label", `${name}: no points yet`)
  }

  /** @param {Heard} heard */
  #listen(heard) {
    const { canvas, scatter } = this
    /** @type {[x: number, y: number] | null} */
    let from = null
    let dragged = false
    canvas.onpointerdown = (event) => {
      from = [event.clientX, event.clientY]
      dragged = false
      if (scatter.dims === 3) canvas.setPointerCapture(event.pointerId)
    }
    canvas.onpointermove = (event) => {
      if (from && scatter.dims === 3) {
        const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]]
        dragged ||= Math.hypot(dx, dy) > 3
        if (dragged) {
          this.turn(dx / 120, dy / 120)
          from = [event.clientX, event.clientY]
          heard.leave()
          heard.turned()
          return
        }
      }
      heard.over(event, this, this.#under(event))
    }
    canvas.onpointerup = (event) => {
      from = null
      const place = dragged ? -1 : this.#under(event)
      if (place >= 0) heard.click(this, place)
    }
    canvas.onpointerleave = heard.leave
  }

  /**
   * @param {number} yaw radians
   * @param {number} pitch
   */
  turn(yaw, pitch) {
    this.scatter.yaw += yaw
    this.scatter.pitch = Math.max(-STEEP, Math.min(STEEP, this.scatter.pitch + pitch))
  }

  /** @type {Set<number>} Classes that are not shown. */
  hidden = new Set()

  /** @param {PointerEvent} event */
  #under(event) {
    if (!this.answer) return -1
    const box = this.canvas.getBoundingClientRect()
    return this.scatter.nearest(
      event.clientX - box.left,
      event.clientY - box.top,
      REACH_PX,
      this.hidden,
    )
  }

  /**
   * Takes a frame of points; they glide there for so many milliseconds where the picture is of the
   * same sort as before.
   * @param {EmbeddingAnswer} answer
   * @param {number} glide
   */
  take(answer, glide) {
    const { step, method, centers, labels, predicted } = answer
    const same = this.answer?.method === method
    this.answer = answer
    if (method === "raw") {
      this.#path.set(step, centers)
      const [oldest] = this.#path.keys()
      if (this.#path.size > TRAIL) this.#path.delete(oldest)
    }
    const walked = [...this.#path].filter(([at]) => at < step).sort(([a], [b]) => a - b)
    const trail = walked.map(([, each]) => rowsOf(each))
    this.scatter.take(answer, method === "raw" ? trail : [], same ? glide : 0)
    let right = 0
    for (let i = 0; i < labels.length; i++) right += labels[i] === predicted[i] ? 1 : 0
    const share = percent(right / labels.length)
    put(this.#said, `${share} right, step ${count(step)}`)
    const images = `${count(labels.length)} ${SPLITS[this.split].toLowerCase()} images`
    this.canvas.setAttribute(
      "aria-label",
      `${this.name}: ${images} in the embedding at step ${count(step)}, ${share} right`,
    )
    this.node.dataset.step = String(step)
    put(this.#note, noteOn(answer))
  }
}
