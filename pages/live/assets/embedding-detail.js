// One point of a cloud: its image under the pointer, and with a click those nearest to it. Loaded
// when the first is pointed at.

import { Kept, look } from "./ask.js"
import { Newest } from "./asker.js"
import { quiet } from "./controls.js"
import { paintImage } from "./pixels.js"
import { count, digits, element, put } from "./words.js"

/** @import {Cloud} from "./embedding-cloud.js" */
/** @import {NeighboursAnswer} from "./wire.js" */

const BLOCK = 100 // images that come at once

/**
 * What is said of an image.
 * @param {Cloud} cloud
 * @param {number} place
 * @param {number} label
 * @param {number | undefined} predicted
 * @param {(place: number) => string} className
 */
function sayImage({ split }, place, label, predicted, className) {
  const head = `${split === "test" ? "test" : "training"} image ${count(place)}: ${className(label)}`
  return predicted === undefined || label === predicted
    ? head
    : `${head}, taken for ${className(predicted)}`
}

/** The image under the pointer. */
export class Glance {
  #thumb = element("canvas")
  #said = element("span")
  #kept = new Kept(40)
  #asking = new Newest()
  node = element("div", { className: "tip glance", hidden: "" }, this.#thumb, this.#said)

  /**
   * @param {HTMLElement} root
   * @param {(place: number) => string} className
   * @param {(words: string) => void} complain
   */
  constructor(root, className, complain) {
    this.root = root
    this.className = className
    this.complain = complain
  }

  /**
   * @param {PointerEvent} event
   * @param {Cloud} cloud
   * @param {number} place -1: no point
   */
  show(event, cloud, place) {
    cloud.canvas.style.cursor = place >= 0 ? "pointer" : ""
    const { answer } = cloud
    if (place < 0 || !answer) return this.hide()
    const home = this.root.getBoundingClientRect()
    const [x, y] = [event.clientX - home.left, event.clientY - home.top]
    this.#asking.run(
      async (signal) => {
        const asked = {
          run: cloud.run,
          what: /** @type {const} */ ("pictures"),
          split: cloud.split,
          unit: Math.floor(place / BLOCK) * BLOCK,
        }
        // Not given up when the pointer moves on: the block is that of its neighbours, too.
        const { images, first } = await this.#kept.get(asked, () => look(asked))
        if (signal.aborted) return
        const [, height, width, channels] = images.shape
        const from = (place - first) * height * width * channels
        paintImage(this.#thumb, images, [height, width, channels], from)
        const [label, predicted] = [answer.labels[place], answer.predicted?.[place]]
        put(this.#said, sayImage(cloud, place, label, predicted, this.className))
        this.node.hidden = false
        const left = Math.min(x + 14, home.width - this.node.offsetWidth - 4)
        this.node.style.left = `${Math.max(0, left)}px`
        this.node.style.top = `${y + 16}px`
      },
      (error) => this.complain(error.words),
    )
  }

  hide() {
    this.#asking.end()
    this.node.hidden = true
  }
}

/** The image that was clicked, and those nearest to it. */
export class Neighbours {
  #close = quiet("Close")
  #images = element("ul", { className: "seen" })
  #said = element("figcaption")
  #asking = new Newest()
  /** @type {{cloud: Cloud, place: number, around: number[]} | null} */
  chosen = null

  /**
   * @param {HTMLElement} heading that says what to do while none is chosen
   * @param {(place: number) => string} className
   * @param {{complain: (words: string) => void, changed: () => void}} asked
   */
  constructor(heading, className, { complain, changed }) {
    this.heading = heading
    this.prompt = heading.textContent ?? ""
    this.nodes = [
      element("header", {}, heading, this.#close),
      element("figure", {}, this.#images, this.#said),
    ]
    this.className = className
    this.complain = complain
    this.changed = changed
    this.#close.hidden = true
    this.#close.onclick = () => this.close()
  }

  /**
   * @param {Cloud} cloud
   * @param {number} place
   * @param {number | null} step null: the latest
   */
  open(cloud, place, step) {
    const chosen = { cloud, place, around: [place] }
    this.chosen = chosen
    return this.#asking.run(
      async (signal) => {
        const asked = { run: cloud.run, what: /** @type {const} */ ("neighbours"), unit: place }
        const at = step === null ? {} : { step: cloud.answer?.step }
        const found = await look({ ...asked, split: cloud.split, ...at }, signal)
        if (signal.aborted) return
        chosen.around = Array.from(found.indices)
        this.#draw(cloud, place, found)
        this.changed()
      },
      (error) => this.complain(error.words),
    )
  }

  /**
   * @param {Cloud} cloud
   * @param {number} place
   * @param {NeighboursAnswer} found
   */
  #draw(cloud, place, found) {
    const { labels, predicted } = found
    this.#close.hidden = false
    put(this.#said, "The image and those nearest to it in the embedding, with their distance")
    const said = sayImage(cloud, place, labels[0], predicted?.[0], this.className)
    put(this.heading, `${cloud.name}, ${said}`)
    const tiles = Array.from(found.indices, (each, i) => this.#tile(cloud, found, each, i))
    this.#images.replaceChildren(...tiles)
  }

  /**
   * @param {Cloud} cloud
   * @param {NeighboursAnswer} found
   * @param {number} place
   * @param {number} i
   */
  #tile(cloud, { images, labels, predicted, distances }, place, i) {
    const [, height, width, channels] = images.shape
    const said = sayImage(cloud, place, labels[i], predicted?.[i], this.className)
    const canvas = element("canvas", { role: "img", "aria-label": said })
    paintImage(canvas, images, [height, width, channels], i * height * width * channels)
    const guess = predicted?.[i] ?? labels[i]
    const [truth, taken] = [this.className(labels[i]), this.className(guess)]
    return element(
      "li",
      { className: i ? "" : "itself" },
      canvas,
      element("small", { text: labels[i] === guess ? truth : `${truth} → ${taken}` }),
      element("small", { text: i ? digits(distances[i]) : "this one" }),
    )
  }

  close() {
    this.#asking.end()
    this.chosen = null
    this.#close.hidden = true
    put(this.heading, this.prompt)
    put(this.#said, "")
    this.#images.replaceChildren()
    this.changed()
  }

  stop() {
    this.#asking.end()
  }

  /**
   * Which points of a cloud are ringed: the chosen image in every cloud of its split, its neighbours
   * in its own.
   * @param {Cloud} cloud
   */
  ringed(cloud) {
    if (!this.chosen) return []
    if (this.chosen.cloud === cloud) return this.chosen.around
    return this.chosen.cloud.split === cloud.split ? [this.chosen.place] : []
  }
}
