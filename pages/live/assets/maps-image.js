// The image that is looked at: itself, what the network says of it, and how another is chosen.

import { look, part } from "./ask.js"
import { Newest } from "./asker.js"
import { numberField, quiet, select } from "./controls.js"
import { fromBase64, paintImage, toBase64 } from "./pixels.js"
import { count, element, percent, put } from "./words.js"

/** @import {Looking, Subject} from "./maps-looking.js" */
/** @import {MapsData} from "./wire.js" */

const PATIENCE_MS = 1500 // of waiting, before more is said of it than that
const NONE = "None of the first 2,000 test images is one of those."
const LONG =
  ". The first look starts a worker and builds the network: some 10 s, longer while others train."

/** What the network says of each class. */
class Answers {
  node = element("ol", { className: "bars" })
  /** @type {{node: HTMLElement, name: HTMLElement, bar: HTMLElement, share: HTMLElement}[]} */
  #rows = []

  /** @param {Looking} looking */
  draw(looking) {
    const { answer } = looking
    const shares = answer?.probabilities ?? []
    if (this.#rows.length !== shares.length) this.#build(shares.length)
    for (const [i, { node, name, bar, share }] of this.#rows.entries()) {
      put(name, looking.className(i))
      name.title = looking.className(i)
      bar.style.transform = `scaleX(${shares[i]})`
      put(share, percent(shares[i]))
      node.className = i === answer?.label ? "truth" : ""
    }
  }

  /** @param {number} number */
  #build(number) {
    this.#rows = Array.from({ length: number }, () => {
      const [name, bar, share] = [element("span"), element("i"), element("b")]
      return { node: element("li", {}, name, element("u", {}, bar), share), name, bar, share }
    })
    this.node.replaceChildren(...this.#rows.map(({ node }) => node))
  }

  /** The classes that an answer will have a share of. @param {Looking} looking */
  clear(looking) {
    this.#build(looking.classes.length)
    for (const [i, { name }] of this.#rows.entries()) put(name, looking.className(i))
  }
}

/**
 * What is said of the answer: right, or what it was taken for.
 * @param {Looking} looking
 */
export function verdictOn(looking) {
  const { answer, subject } = looking
  const shares = answer?.probabilities
  if (!answer || !shares) return looking.name
  const best = shares.indexOf(Math.max(...shares))
  const said = `${looking.className(best)} (${percent(shares[best])})`
  if (answer.label === null) return `${looking.name}: taken for ${said}`
  const head = `Test image ${count(subject.test ?? 0)}, ${looking.className(answer.label)}`
  return best === answer.label
    ? `${head}: right (${percent(shares[best])})`
    : `${head}: taken for ${said}`
}

/** What is waited for, in words that say more when it takes long. */
class Waiting {
  since = 0
  #timer = 0

  /**
   * @param {Looking} looking
   * @param {HTMLElement} root
   * @param {(title: string, rest: string) => void} say
   */
  constructor(looking, root, say) {
    this.looking = looking
    this.root = root
    this.say = say
  }

  begin() {
    this.since ||= performance.now()
    this.root.classList.add("is-asking")
    this.show()
  }

  show() {
    clearTimeout(this.#timer)
    if (!this.since) return
    const waited = performance.now() - this.since
    const long = waited > PATIENCE_MS
    const more = long ? ` (${Math.round(waited / 1000)} s)${LONG}` : ""
    const rest = this.looking.answer ? "" : `Asking the network for every layer's maps${more}`
    this.say(`${this.looking.name}: asking the network`, rest)
    this.#timer = setTimeout(() => this.show(), long ? 1000 : PATIENCE_MS + 50)
  }

  end() {
    this.since = 0
    clearTimeout(this.#timer)
    this.root.classList.remove("is-asking")
  }
}

/** The image, with what is said of it. */
export class ImagePart {
  picture = element("canvas", { className: "picture", role: "img", "aria-label": "No image yet" })
  region = element("i", { className: "region", hidden: "" })
  #blank = element("span", { className: "blank" })
  #answers = new Answers()
  #title = element("p", { className: "which" })
  #number = numberField()
  #classes = select("Class", [])
  #next = quiet("Next")
  #wrong = quiet("One it gets wrong")
  /** @type {ReturnType<typeof import("./sketch.js").sketch> | null} Loaded when it is opened. */
  #pad = null
  #opening = new Newest()
  #drawing
  #side = 0
  #seeking = new Newest()

  /**
   * @param {Looking} looking
   * @param {HTMLElement} root
   * @param {{choose: (subject: Subject) => void, complain: (trouble: string) => void, await: (words: string) => void}} asked
   *   `await` says in place of the maps what is waited for
   */
  constructor(looking, root, { choose, complain, await: wait }) {
    this.looking = looking
    this.choose = choose
    this.complain = complain
    this.waiting = new Waiting(looking, root, (title, rest) => {
      put(this.#title, title)
      wait(rest)
    })
    const summary = element("summary", { text: "Draw one" })
    this.#drawing = element("details", { className: "drawing" }, summary)
    this.#drawing.ontoggle = () => this.#openPad()
    const field = element("label", { text: "image" }, this.#number.field)
    const row = element("div", { className: "row" }, this.#classes, this.#next, this.#wrong, field)
    this.node = element(
      "section",
      { className: "input" },
      element("div", { className: "frame" }, this.picture, this.region, this.#blank),
      element("div", { className: "answers" }, this.#title, this.#answers.node, row),
      this.#drawing,
    )
    this.#listen()
  }

  async #openPad() {
    if (this.#pad || !this.#drawing.open) return
    await this.#opening.run(
      async (signal) => {
        const { sketch } = await part(import("./sketch.js"))
        if (signal.aborted) return
        const pad = sketch((pixels) => {
          this.choose({ pixels: toBase64(pixels), said: "Your drawing" })
        })
        pad.setSize(this.#side)
        const wipe = quiet("Clear")
        wipe.onclick = () => pad.clear()
        this.#drawing.append(pad.canvas, wipe)
        this.#pad = pad
      },
      (error) => this.complain(error.words),
    )
  }

  #listen() {
    const ofClass = (/** @type {number} */ truth) =>
      this.#classes.value === "" || truth === Number(this.#classes.value)
    this.#next.onclick = () => this.#seek(ofClass)
    this.#classes.onchange = () => this.#seek(ofClass)
    this.#wrong.onclick = () => this.#seek((truth, taken) => ofClass(truth) && truth !== taken)
    this.#number.field.onchange = () => {
      const test = this.#number.value()
      if (test !== null) this.choose({ test })
    }
  }

  /**
   * The next test image that fits.
   * @param {(truth: number, taken: number) => boolean} fits
   */
  async #seek(fits) {
    const { looking } = this
    if (!looking.run) return
    this.#next.disabled = this.#wrong.disabled = true
    await this.#seeking.run(
      async (signal) => {
        const step = looking.step === null ? {} : { step: looking.step }
        const asked = { run: looking.run, what: /** @type {const} */ ("browse"), ...step }
        const { labels, predicted } = await looking.kept.get([asked, looking.at], () =>
          look(asked, signal),
        )
        if (signal.aborted) return
        const from = looking.subject.test ?? -1
        for (let i = 1; i <= labels.length; i++) {
          const test = (from + i + labels.length) % labels.length
          if (fits(labels[test], predicted[test])) return this.choose({ test })
        }
        this.complain(NONE)
      },
      (error) => this.complain(error.words),
    )
    this.#next.disabled = this.#wrong.disabled = false
  }

  /**
   * Takes over what its page gives: the classes, the size of images.
   * @param {MapsData} data
   * @param {MapsData | undefined} before
   */
  adopt(data, before) {
    if (!before || before.classes.join() !== data.classes.join()) {
      this.#classes.replaceChildren(
        element("option", { value: "", text: "Any class" }),
        ...data.classes.map((text, i) => element("option", { value: String(i), text })),
      )
      this.#answers.clear(this.looking)
    }
    this.#drawing.hidden = data.channels !== 1
    this.#side = data.side
    this.#pad?.setSize(data.side)
    this.size = [data.side, data.side, data.channels]
  }

  /** Another run: nothing is known of it. */
  forget() {
    this.waiting.end()
    this.#seeking.end()
    put(this.#title, "")
    this.picture.width = this.picture.height = 1
    this.node.classList.remove("has-image")
    this.#answers.clear(this.looking)
  }

  /** What was just chosen is acknowledged at once: the answer comes when a worker has it. */
  acknowledge() {
    const { subject, run, steps, name } = this.looking
    if (subject.pixels !== undefined) this.#paint(fromBase64(subject.pixels), this.size ?? [], name)
    if (run && steps.length) this.waiting.begin()
    else if (subject.pixels !== undefined) {
      put(this.#title, `${name}: for the network, once there is one`)
    }
  }

  /**
   * @param {ArrayLike<number>} pixels
   * @param {number[]} size
   * @param {string} said
   */
  #paint(pixels, size, said) {
    paintImage(this.picture, pixels, size)
    this.picture.setAttribute("aria-label", said)
    this.node.classList.add("has-image")
  }

  draw() {
    const { answer } = this.looking
    if (!answer) return
    const said = verdictOn(this.looking)
    this.#paint(answer.pixels, answer.pixels.shape, `The image as the network gets it. ${said}`)
    put(this.#title, said)
    this.#answers.draw(this.looking)
  }

  /**
   * No answer came, or none is to come: what stands in the image's place.
   * @param {string} why
   */
  blank(why) {
    put(this.#blank, why)
    this.#number.field.value = String(this.looking.subject.test ?? "")
  }

  /** The server had no answer. */
  refused() {
    this.waiting.end()
    put(this.#title, this.looking.answer ? verdictOn(this.looking) : "No answer yet")
  }

  end() {
    this.waiting.end()
    this.#seeking.end()
    this.#opening.end()
    this.#pad?.stop()
  }
}
