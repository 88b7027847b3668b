// Feature maps: what every layer of a run's network makes of one image, live and back in time.
//
// The stream says which steps have weights; what is shown is asked for with `look`, at most once
// a second while a run trains, and not at all while nobody looks at the page.

import { look, part } from "./ask.js"
import { Asker } from "./asker.js"
import { pick, select } from "./controls.js"
import { ImagePart } from "./maps-image.js"
import { Layers } from "./maps-layers.js"
import { Looking } from "./maps-looking.js"
import { Section } from "./maps-section.js"
import { moment } from "./moment.js"
import { cssOf, SIGNED, VIRIDIS, valueAt } from "./pixels.js"
import { mounts } from "./view.js"
import { digits, element, inWords, put } from "./words.js"

/** @import {FilterPart} from "./maps-filter.js" */
/** @import {Subject} from "./maps-looking.js" */
/** @import {Run} from "./run.js" */
/** @import {Layer, MapsAnswer, MapsData} from "./wire.js" */
/** @import {View} from "./view.js" */

const LIVE_MS = 1000
const REST_LIVE_MS = 10_000
const REST_PLAYING_MS = 1500
const OVER = ["failed", "stopped", "completed"]
/** @type {[string, string][]} */
const SCALES = [
  ["layer", "Colours per layer"],
  ["map", "Colours per map"],
  ["all", "One scale for all"],
]

/** The colours that the style sheet draws legends of. @param {HTMLElement} root */
function setColors(root) {
  for (const { name, colors } of [
    { name: "viridis", colors: VIRIDIS },
    { name: "signed", colors: SIGNED },
  ]) {
    const stops = [0, 51, 102, 128, 153, 204, 255].map((i) => cssOf(colors[i]))
    root.style.setProperty(`--${name}`, `linear-gradient(to right, ${stops.join(", ")})`)
  }
}

/**
 * What stands in place of the maps, and in place of the image, while there are none.
 * @param {Looking} looking
 */
function emptyWords({ run, facts, steps, answer }) {
  if (answer) return { maps: "", image: "" }
  if (!run) {
    const maps = "Press Train: every layer's maps show here, and move as the network learns"
    return { maps, image: "A test image shows here once there is a network to look into" }
  }
  if (steps.length) return { maps: "", image: "Asking the network" }
  if (OVER.includes(facts.state ?? "")) {
    const maps = "This run kept no weights to look into. Train another."
    return { maps, image: "No weights were kept" }
  }
  if (facts.state === "unknown") return { maps: inWords(facts), image: "No such run" }
  return {
    maps: "The maps show here with the first step",
    image: inWords(facts) || "Asking for the run",
  }
}

/**
 * What the number under the pointer is, and on the image what that place sees.
 * @param {HTMLElement} root
 * @param {ImagePart} image
 */
function pointer(root, image) {
  const tip = element("div", { className: "tip", hidden: "" })
  root.append(tip)
  return {
    /** @type {(event: PointerEvent, canvas: HTMLCanvasElement, layer: Layer, unit: number) => void} */
    point(event, canvas, layer, unit) {
      const box = canvas.getBoundingClientRect()
      const [, height, width] = layer.data.shape
      const within = (/** @type {number} */ share, /** @type {number} */ size) =>
        Math.min(size - 1, Math.max(0, Math.floor(share * size)))
      const column = within((event.clientX - box.left) / box.width, width)
      const row = within((event.clientY - box.top) / box.height, height)
      const value = valueAt(layer, unit, row * width + column)
      put(tip, `filter ${unit}, row ${row}, column ${column}: ${digits(value)}`)
      tip.hidden = false
      const home = root.getBoundingClientRect()
      tip.style.left = `${Math.min(event.clientX - home.left + 14, home.width - tip.offsetWidth - 4)}px`
      tip.style.top = `${event.clientY - home.top + 18}px`
      const shown = image.shown(layer.side)
      if (shown) frame(shown.region, shown.size, layer.field, row, column)
    },
    leave() {
      tip.hidden = true
      image.unframe()
    },
  }
}

/**
 * Frames what a place of a layer sees of the image.
 * @param {HTMLElement} region
 * @param {number[]} shape of the image
 * @param {number[]} field
 * @param {number} row
 * @param {number} column
 */
function frame(region, [down, across], [size, jump, start], row, column) {
  const edge = (/** @type {number} */ value, /** @type {number} */ end) =>
    Math.min(Math.max(value, 0), end)
  const [left, top] = [edge(start + column * jump, across), edge(start + row * jump, down)]
  const [right, bottom] = [
    edge(start + column * jump + size, across),
    edge(start + row * jump + size, down),
  ]
  region.style.left = `${(100 * left) / across}%`
  region.style.top = `${(100 * top) / down}%`
  region.style.width = `${(100 * (right - left)) / across}%`
  region.style.height = `${(100 * (bottom - top)) / down}%`
  region.hidden = false
}

class FeatureMaps {
  #sent = "" // what the page heard last
  #lastMore = -REST_LIVE_MS // when what is open below was asked for
  /** @type {FilterPart | null} */
  filter = null
  #trouble = element("p", { className: "trouble", role: "status" })
  #empty = element("p", { className: "empty" })
  #legend = element("span", { className: "legend" })
  #complain = (/** @type {string} */ words) => put(this.#trouble, words)

  /** @param {View<MapsData>} view */
  constructor(view) {
    const { root, data } = view
    root.classList.add("maps")
    setColors(root)
    this.view = view
    this.looking = new Looking({ test: data.image })
    this.looking.step = moment.step ?? data.step
    this.looking.chosen = { layer: data.layer, unit: data.unit }
    this.image = new ImagePart(this.looking, root, {
      choose: (subject) => this.#choose(subject),
      complain: this.#complain,
      await: (words) => put(this.#empty, words),
    })
    const open = (/** @type {string} */ layer, /** @type {number} */ unit) =>
      this.#open(layer, unit)
    this.heard = { open, ...pointer(root, this.image) }
    this.layers = new Layers(this.heard)
    this.sections = this.#sections()
    this.asker = this.#asker()
    view.onEnd(moment.follow(() => this.#go(moment.step)))
    view.onEnd(moment.await(() => this.asker.busy))
    root.prepend(
      element("div", { className: "top" }, this.image.node),
      this.#options(),
      this.#trouble,
      element("div", { className: "stage" }, this.layers.node, this.#empty),
      ...this.sections.map(({ node }) => node),
    )
  }

  #options() {
    const kinds = pick(["Activations", "Gradients"], (at) => {
      this.looking.gradients = at === 1
      this.#changed()
    })
    const scales = select("Colour scale", SCALES)
    scales.onchange = () => {
      this.looking.scale = /** @type {Looking["scale"]} */ (scales.value)
      if (this.looking.answer) this.#drawAnswer()
    }
    return element("div", { className: "options" }, kinds.node, scales, this.#legend)
  }

  #sections() {
    const { looking, layers } = this
    const beside = "The chosen layer in both runs, and their difference"
    const dead = "Filters that answer to no image learn nothing any more"
    return [
      new Section("Why it says so", "Which pixels the answer rests on", ({ Why }, section) => {
        return new Why(looking, section)
      }),
      new Section("Dead filters", dead, ({ Dead }, section) => new Dead(looking, section)),
      new Section("Beside another run", beside, ({ Beside }, section) => {
        return new Beside(looking, section, layers)
      }),
    ]
  }

  #asker() {
    const { looking } = this
    return new Asker({
      question: () =>
        looking.run && looking.steps.length
          ? looking.question("maps", { gradients: looking.gradients })
          : null,
      ask: look,
      take: async (/** @type {MapsAnswer} */ answer) => {
        looking.answer = answer
        this.image.waiting.end()
        put(this.#trouble, "")
        this.#drawAnswer()
        await this.#more()
      },
      refuse: (error) => {
        this.#complain(error.words)
        this.image.refused()
        this.#drawEmpty()
      },
      rest: () => (looking.running ? LIVE_MS : 0),
    })
  }

  // What is open below follows, one after the other; seldom while the image above moves by itself,
  // because it takes many looks.
  async #more() {
    const live = this.looking.running ? REST_LIVE_MS : 0
    const now = performance.now()
    await this.#showFilter()
    if (now - this.#lastMore < (moment.playing ? REST_PLAYING_MS : live)) return
    this.#lastMore = now
    await this.filter?.load(this.#complain)
    for (const section of this.sections) await section.load()
  }

  // What shows a filter is loaded with the first that is opened.
  async #showFilter() {
    if (!this.filter && this.looking.chosen.unit >= 0) {
      const { FilterPart } = await part(import("./maps-filter.js"))
      this.filter = new FilterPart(this.looking, this.layers, this.heard, {
        close: () => this.heard.open("", -1),
        goTo: (step) => this.#goTo(step),
      })
    }
    this.filter?.show()
  }

  #stop() {
    this.filter?.stop()
    for (const section of this.sections) section.stop()
  }

  // Something else is looked at: what is under way is of no use.
  #changed() {
    if (!moment.playing) this.#lastMore = -REST_LIVE_MS
    this.#stop()
    this.asker.changed()
  }

  /** @param {Subject} subject */
  #choose(subject) {
    this.looking.choose(subject)
    if (subject.test !== undefined) this.#report()
    this.image.acknowledge()
    this.#changed()
  }

  /**
   * Opens a filter; none of the number -1.
   * @param {string} layer
   * @param {number} unit
   */
  #open(layer, unit) {
    this.looking.chosen = { layer, unit }
    this.layers.mark(this.looking.chosen)
    this.#report()
    if (unit < 0) this.filter?.show()
    else this.#changed()
  }

  /** @param {number | null} step */
  #go(step) {
    this.looking.step = step
    this.#changed()
  }

  /** @param {number} step */
  #goTo(step) {
    moment.set(step)
  }

  // The page puts into its address what is looked at.
  #report() {
    const { subject, step, chosen } = this.looking
    const seen = { image: subject.test ?? this.view.data.image, step, ...chosen }
    const text = JSON.stringify(seen)
    if (text === this.#sent) return
    this.#sent = text
    this.view.setState("view", seen)
  }

  #drawAnswer() {
    const { gradients } = this.looking
    this.#dim(false)
    this.view.root.classList.remove("is-waiting")
    put(this.#empty, "")
    this.image.draw()
    this.layers.draw(this.looking)
    this.#legend.className = `legend ${gradients ? "is-signed" : ""}`
    put(
      this.#legend,
      gradients ? "blue lowers, red raises the loss" : "dark is low, bright is high",
    )
  }

  /**
   * What has nothing to act on is dimmed, and out of reach.
   * @param {boolean} on
   */
  #dim(on) {
    const { root } = this.view
    root.classList.toggle("is-empty", on)
    for (const part of root.querySelectorAll(":is(.input, .options)"))
      part.toggleAttribute("inert", on)
  }

  #drawEmpty() {
    const { looking, image } = this
    const words = emptyWords(looking)
    this.#dim(!looking.steps.length && !looking.answer)
    this.view.root.classList.toggle("is-waiting", !looking.answer)
    image.blank(words.image)
    if (image.waiting.since) image.waiting.show()
    else put(this.#empty, words.maps)
  }

  /**
   * Another run: nothing is known of it yet.
   * @param {MapsData | undefined} before
   */
  #begin(before) {
    const { looking } = this
    const { run, side } = this.view.data
    Object.assign(looking, { run, facts: {}, answer: null })
    looking.kept.clear()
    if (before) {
      looking.step = moment.step
      if (looking.subject.pixels && before.side !== side) looking.choose({ test: 0 })
    }
    this.asker.changed()
    this.image.forget()
    this.layers.clear()
    this.filter?.close()
    for (const section of this.sections) section.forget()
    put(this.#trouble, "")
  }

  /**
   * @param {MapsData} data
   * @param {MapsData} [before]
   */
  adopt(data, before) {
    const { looking } = this
    looking.classes = data.classes
    looking.sights = data.sights
    this.image.adopt(data, before)
    if (!before || data.run !== looking.run) this.#begin(before)
    this.view.follow([data.run], [], (run, news) => this.#hear(run, news))
    const { upload, other } = data
    if (upload && upload.key !== before?.upload?.key) {
      this.#choose({ pixels: upload.pixels, said: upload.name })
    }
    if (other?.id === looking.other?.id) return
    looking.other = other
    const beside = this.sections[2]
    beside.forget()
    beside.load()
  }

  /**
   * @param {Run} run
   * @param {Set<string>} news
   */
  #hear({ facts }, news) {
    const { looking } = this
    looking.facts = facts
    if (!news.has("snapshots") && !news.has("state")) return
    if (!looking.answer && !this.#trouble.textContent) this.image.acknowledge()
    this.#drawEmpty()
    if (looking.step === null || !looking.answer) this.asker.want()
  }

  draw() {
    this.#drawEmpty()
  }

  end() {
    this.asker.end()
    this.image.end()
    this.#stop()
  }
}

export const mount = mounts((/** @type {View<MapsData>} */ view) => new FeatureMaps(view))
