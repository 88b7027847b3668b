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
const TURN = 0.12 // radians of an arrow key
const NEARER = 1.25 // of a key or a notch of the wheel
const PAN_PX = 24 // of an arrow key

/** @type {Record<string, [right: number, down: number]>} */
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }

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
  canvas = element("canvas", { role: "img", tabindex: "0", "aria-label": "No points yet" })
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
      if (this.#moves) canvas.setPointerCapture(event.pointerId)
    }
    canvas.onpointermove = (event) => {
      if (from && this.#moves) {
        const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]]
        dragged ||= Math.hypot(dx, dy) > 3
        if (dragged) {
          if (scatter.dims === 3) this.turn(dx / 120, dy / 120)
          else scatter.pan(dx, dy)
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
    canvas.onkeydown = (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || !this.#key(event.key)) return
      event.preventDefault()
      event.stopPropagation()
      heard.leave()
      heard.turned()
    }
    // The page goes on scrolling past a cloud that nobody has chosen.
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !canvas.matches(":focus")) return
        event.preventDefault()
        scatter.zoomBy(NEARER ** (-event.deltaY / 100), event.offsetX, event.offsetY)
        heard.leave()
        heard.turned()
      },
      { passive: false },
    )
  }

  // Whether there is somewhere to move it to.
  get #moves() {
    return this.scatter.dims === 3 || this.scatter.zoom > 1
  }

  /**
   * Whether there was a use for the key.
   * @param {string} key
   */
  #key(key) {
    const { scatter } = this
    const [right, down] = ARROWS[key] ?? [0, 0]
    if (right || down) {
      if (scatter.dims === 3) this.turn(right * TURN, down * TURN)
      else scatter.pan(-right * PAN_PX, -down * PAN_PX)
    } else if (key === "+" || key === "=") scatter.zoomBy(NEARER)
    else if (key === "-") scatter.zoomBy(1 / NEARER)
    else if (key === "0") scatter.zoomBy(0)
    else return false
    return true
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
    for (let i = 0; i < labels.length; i++) right += labels[i] === predicted?.[i] ? 1 : 0
    const share = predicted ? `${percent(right / labels.length)} right` : ""
    put(this.#said, [share, `step ${count(step)}`].filter(Boolean).join(", "))
    const images = `${count(labels.length)} ${SPLITS[this.split].toLowerCase()} images`
    this.canvas.setAttribute(
      "aria-label",
      `${this.name}: ${images} in the embedding at step ${count(step)}${share && `, ${share}`}. Arrow keys ${this.scatter.dims === 3 ? "turn" : "move"} it, plus and minus zoom.`,
    )
    this.node.dataset.step = String(step)
    put(this.#note, noteOn(answer))
  }
}
