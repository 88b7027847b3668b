// A visitor's own picture, uploaded or drawn: what an autoencoder makes of it, and where it puts it.

import { look, part } from "./ask.js"
import { Asker, Newest } from "./asker.js"
import { paintImage, toBase64 } from "./pixels.js"
import { element, put } from "./words.js"

/** @import {EncodeAnswer, LatentData, Upload} from "./wire.js" */
/** @import {Refused} from "./ask.js" */

/** @param {string} text */
function tile(text) {
  const canvas = element("canvas", { role: "img", "aria-label": text })
  const node = element("figure", {}, canvas, element("figcaption", { text }))
  return { canvas, node }
}

export class Own {
  #picture = tile("Your picture")
  #again = tile("Its reconstruction")
  #said = element("p", { className: "where" })
  #drawing = element("details", { className: "drawing" }, element("summary", { text: "Draw one" }))
  #pair
  /** @type {import("./sketch.js").Sketch | null} Loaded when it is opened. */
  #pad = null
  #opening = new Newest()
  #side = 0
  /** In base 64; "": none. */
  #pixels = ""
  #name = ""
  #key = ""
  #asker

  /**
   * @param {{question: () => {run: string, target?: number} | null, placed: (code: ArrayLike<number>) => void, complain: (words: string) => void}} asked
   *   `question` has the run that is asked and the class that it is told, `placed` hears the
   *   picture's code when it is another picture's
   */
  constructor({ question, placed, complain }) {
    this.complain = complain
    this.#pair = element("div", { className: "pair" }, this.#picture.node, this.#again.node)
    const hint = element("p", {
      className: "hint",
      text: "Upload a picture in the side bar, or draw one.",
    })
    this.node = element(
      "section",
      { className: "own" },
      element("h4", { text: "Your own picture" }),
      this.#pair,
      this.#said,
      hint,
      this.#drawing,
    )
    this.#drawing.ontoggle = () => this.#open()
    let last = ""
    this.#asker = new Asker({
      question: () => {
        const of = question()
        const image = { pixels: this.#pixels }
        return of && this.#pixels ? { ...of, what: /** @type {const} */ ("encode"), image } : null
      },
      ask: (asking, signal) => look(asking, signal),
      take: (answer, asking) => {
        this.#show(answer)
        if (asking.image.pixels !== last) placed(answer.code)
        last = asking.image.pixels
      },
      refuse: (/** @type {Refused} */ error) => complain(error.words),
    })
    this.#pair.hidden = true
  }

  /**
   * What a visitor uploads, once.
   * @param {Pick<LatentData, "side" | "channels" | "upload">} data
   */
  adopt({ side, channels, upload }) {
    if (side !== this.#side) this.#pixels = ""
    this.#side = side
    if (this.#pad) this.#pad.size = side
    this.#drawing.hidden = channels !== 1
    if (upload && upload.key !== this.#key) {
      this.#key = upload.key
      this.#choose(upload.pixels, upload.name)
    }
    this.#pair.hidden = !this.#pixels
  }

  /** There is another network, or another class is told. */
  changed() {
    this.#asker.want()
  }

  end() {
    this.#asker.end()
    this.#opening.end()
    this.#pad?.stop()
  }

  /** @param {string} pixels @param {string} name */
  #choose(pixels, name) {
    this.#pixels = pixels
    this.#name = name
    this.#asker.want()
  }

  /** @param {EncodeAnswer} answer */
  #show({ images, code }) {
    const [, ...size] = images.shape
    this.#pair.hidden = false
    paintImage(this.#picture.canvas, images, size)
    paintImage(this.#again.canvas, images, size, images.length / 2)
    const numbers = Array.from(code.slice(0, 4), (each) => each.toFixed(2).replace("-", "−"))
    const more = code.length > 4 ? ", …" : ""
    put(this.#said, `${this.#name}: its code is ${numbers.join(", ")}${more}`)
    this.complain("")
  }

  async #open() {
    if (this.#pad || !this.#drawing.open) return
    await this.#opening.run(
      async (signal) => {
        const { Sketch } = await part(import("./sketch.js"))
        if (signal.aborted) return
        const pad = new Sketch((pixels) => this.#choose(toBase64(pixels), "Your drawing"))
        pad.size = this.#side
        const wipe = element("button", { type: "button", className: "quiet", text: "Clear" })
        wipe.onclick = () => pad.clear()
        this.#drawing.append(pad.canvas, wipe)
        this.#pad = pad
      },
      (error) => this.complain(error.words),
    )
  }
}
