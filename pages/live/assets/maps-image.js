// The image that is looked at: itself, what the network says of it, and how another is chosen.

import { look, part } from "./ask.js"
import { Newest } from "./asker.js"
import { numberField, quiet, select } from "./controls.js"
import { fromBase64, paintImage, toBase64 } from "./pixels.js"
import { digits, element, percent, put } from "./words.js"

/** @import {Looking, Subject} from "./maps-looking.js" */
/** @import {ImageSeen, MapsAnswer, MapsData} from "./wire.js" */

const PATIENCE_MS = 1500 // of waiting, before more is said of it than that
const NONE = "None of the first 2,000 test images is one of those."
const LONG =
  ". The first look starts a worker and builds the network: some 10 s, longer while others train."

/** What the network says of each class. */
class Answers {
  node = element("ol", { className: "bars" })
  /** @type {{node: HTMLElement, name: HTMLElement, bar: HTMLElement, share: HTMLElement}[]} */
  #rows = []

  /**
   * @param {Looking} looking
   * @param {ImageSeen} image
   */
  draw(looking, { label, probabilities }) {
    const shares = probabilities ?? []
    if (this.#rows.length !== shares.length) this.#build(shares.length)
    for (const [i, { node, name, bar, share }] of this.#rows.entries()) {
      put(name, looking.className(i))
      name.title = looking.className(i)
      bar.style.transform = `scaleX(${shares[i]})`
      put(share, percent(shares[i]))
      node.className = i === label ? "truth" : ""
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

  /**
   * The classes that an answer will have a share of.
   * @param {Looking} looking
   * @param {boolean} tells whether it will say any
   */
  clear(looking, tells) {
    this.#build(tells ? looking.classes.length : 0)
    for (const [i, { name }] of this.#rows.entries()) put(name, looking.className(i))
  }
}

/**
 * What the network took an image for.
 * @param {Looking} looking
 * @param {ImageSeen} image
 * @param {string} [word] that says so of a right answer
 */
function taken(looking, { label, probabilities }, word = "right") {
  if (!probabilities) return ""
  const best = probabilities.indexOf(Math.max(...probabilities))
  const share = percent(probabilities[best])
  return best === label ? `${word} (${share})` : `taken for ${looking.className(best)} (${share})`
}

/**
 * What is said of a pair: whether both are of one class, and what the network says of that.
 * @param {MapsAnswer} answer
 */
function together({ images: [left, right], pair }) {
  if (!pair) return ""
  const apart = `distance ${digits(pair.distance)}`
  if (pair.same === null) return `${apart}.`
  const said = pair.same >= 0.5
  const how = `${said ? "the same" : "different"} (${percent(said ? pair.same : 1 - pair.same)})`
  if (left.label === null) return `Together: taken for ${how}, ${apart}.`
  const truth = left.label === right.label
  const head = truth ? "Both of one class" : "Of two classes"
  return said === truth
    ? `${head}: correct, ${how}, ${apart}.`
    : `${head}: taken for ${how}, ${apart}.`
}

/**
 * What is said of the answer: right, or what it was taken for.
 * @param {Looking} looking
 */
export function verdictOn(looking) {
  const { answer, name } = looking
  if (!answer) return name
  if (answer.images.length > 1) {
    const each = answer.images.map((image) => {
      const truth = image.label === null ? "yours" : looking.className(image.label)
      const which = image.name[0].toUpperCase() + image.name.slice(1)
      return `${which} image, ${truth}: ${taken(looking, image, "correct")}.`
    })
    return [`${name}.`, ...each, together(answer)].join(" ")
  }
  const [image] = answer.images
  const said = taken(looking, image)
  if (image.label === null) return said ? `${name}: ${said}` : name
  const truth = looking.className(image.label)
  return said ? `${name}, ${truth}: ${said}` : `${name} (${truth})`
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

/** One of the images that the network takes: its pixels, and what is said of it. */
class Shown {
  picture = element("canvas", { className: "picture", role: "img", "aria-label": "No image yet" })
  region = element("i", { className: "region", hidden: "" })
  blank = element("span", { className: "blank" })
  answers = new Answers()
  /** @type {number[]} */
  size = []

  /**
   * @param {string} name
   * @param {boolean} alone
   */
  constructor(name, alone) {
    this.name = name
    const parts = [this.picture, this.region, this.blank]
    const frame = element("div", { className: "frame" }, ...parts)
    const caption = alone ? [] : [element("figcaption", { text: `${name} image` })]
    this.node = element("figure", {}, frame, ...caption)
    const head = alone ? [] : [element("small", { text: name })]
    this.said = element("div", { className: "said-of" }, ...head, this.answers.node)
  }

  /**
   * @param {ArrayLike<number>} pixels
   * @param {number[]} size
   * @param {string} said
   */
  paint(pixels, size, said) {
    this.size = size
    paintImage(this.picture, pixels, size)
    this.picture.setAttribute("aria-label", said)
  }
}

/** The image, or both of a pair, with what is said of it. */
export class ImagePart {
  /** @type {Shown[]} */
  #shown = []
  #frames = element("div", { className: "frames" })
  #says = element("div", { className: "says" })
  #title = element("p", { className: "which" })
  #number = numberField()
  #classes = select("Class", [])
  #next = quiet("Next")
  #wrong = quiet("One it gets wrong")
  /** @type {import("./sketch.js").Sketch | null} Loaded when it is opened. */
  #pad = null
  #opening = new Newest()
  #drawing
  #side = 0
  #seeking = new Newest()
  #tells = true

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
      this.#frames,
      element("div", { className: "answers" }, this.#title, this.#says, row),
      this.#drawing,
    )
    this.#listen()
  }

  async #openPad() {
    if (this.#pad || !this.#drawing.open) return
    await this.#opening.run(
      async (signal) => {
        const { Sketch } = await part(import("./sketch.js"))
        if (signal.aborted) return
        const pad = new Sketch((pixels) => {
          this.choose({ pixels: toBase64(pixels), said: "Your drawing" })
        })
        pad.size = this.#side
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
    this.#wrong.onclick = () => this.#seek((truth, wrong) => ofClass(truth) && wrong)
    this.#number.field.onchange = () => {
      const test = this.#number.value()
      if (test !== null) this.choose({ test })
    }
  }

  /**
   * The next test image that fits.
   * @param {(truth: number, wrong: boolean) => boolean} fits
   */
  async #seek(fits) {
    const { looking } = this
    if (!looking.run) return
    this.#next.disabled = this.#wrong.disabled = true
    await this.#seeking.run(
      async (signal) => {
        const step = looking.step === null ? {} : { step: looking.step }
        const asked = { run: looking.run, what: /** @type {const} */ ("browse"), ...step }
        const { labels, wrong } = await looking.kept.get([asked, looking.at], () =>
          look(asked, signal),
        )
        if (signal.aborted) return
        const from = looking.subject.test ?? -1
        for (let i = 1; i <= labels.length; i++) {
          const test = (from + i + labels.length) % labels.length
          if (fits(labels[test], wrong?.[test] === 1)) return this.choose({ test })
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
    }
    if (!before || before.sights.join() !== data.sights.join()) {
      const alone = data.sights.length === 1
      this.#shown = data.sights.map((name) => new Shown(name, alone))
      this.#frames.replaceChildren(...this.#shown.map(({ node }) => node))
      this.#says.replaceChildren(...this.#shown.map(({ said }) => said))
      this.node.classList.toggle("is-pair", !alone)
    }
    this.#tells = data.tells
    this.#wrong.hidden = !data.tells
    this.#clear()
    this.#drawing.hidden = data.channels !== 1
    this.#side = data.side
    if (this.#pad) this.#pad.size = data.side
    this.size = [data.side, data.side, data.channels]
  }

  /** Where an image of this name is drawn; the first of none. @param {string} side */
  shown(side) {
    return this.#shown.find(({ name }) => name === side) ?? this.#shown[0]
  }

  /** No place of an image is pointed at. */
  unframe() {
    for (const { region } of this.#shown) region.hidden = true
  }

  #clear() {
    if (this.looking.answer) return
    for (const { answers } of this.#shown) answers.clear(this.looking, this.#tells)
  }

  /** Another run: nothing is known of it. */
  forget() {
    this.waiting.end()
    this.#seeking.end()
    put(this.#title, "")
    for (const { picture } of this.#shown) picture.width = picture.height = 1
    this.node.classList.remove("has-image")
    this.#clear()
  }

  /** What was just chosen is acknowledged at once: the answer comes when a worker has it. */
  acknowledge() {
    const { subject, run, steps, name } = this.looking
    if (subject.pixels !== undefined) {
      this.#shown[0].paint(fromBase64(subject.pixels), this.size ?? [], name)
      this.node.classList.add("has-image")
    }
    if (run && steps.length) this.waiting.begin()
    else if (subject.pixels !== undefined) {
      put(this.#title, `${name}: for the network, once there is one`)
    }
  }

  draw() {
    const { answer } = this.looking
    if (!answer) return
    const said = verdictOn(this.looking)
    for (const [i, image] of answer.images.entries()) {
      const shown = this.#shown[i]
      const what = answer.images.length > 1 ? `The ${image.name} image` : "The image"
      shown?.paint(image.pixels, image.pixels.shape, `${what} as the network gets it. ${said}`)
      shown?.answers.draw(this.looking, image)
    }
    this.node.classList.add("has-image")
    put(this.#title, said)
  }

  /**
   * No answer came, or none is to come: what stands in the image's place.
   * @param {string} why
   */
  blank(why) {
    for (const { blank } of this.#shown) put(blank, why)
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
