// What the sections of Feature maps show: why the network says so, dead filters, the same layer in
// another run. Loaded when one of them is opened.

import { look } from "./ask.js"
import { spoken, spread } from "./maps-looking.js"
import { around0, least, most, paintImage, paintMap, paintValues, valueAt } from "./pixels.js"
import { shape } from "./svg.js"
import { count, element, percent } from "./words.js"

/** @import {Layers} from "./maps-layers.js" */
/** @import {Looking} from "./maps-looking.js" */
/** @import {Section} from "./maps-section.js" */
/** @import {Range} from "./pixels.js" */
/** @import {DeadAnswer, Layer, MatchAnswer, WhyAnswer} from "./wire.js" */

const STEPS = 10 // that dead filters are counted at

/** @type {[name: "grad_cam" | "saliency" | "smooth_grad" | "occlusion", title: string, what: string, signed: boolean][]} */
const WHY = [
  ["grad_cam", "Grad-CAM", "Where the last convolution finds what speaks for the class", false],
  ["saliency", "Saliency", "How much each pixel moves the class' logit", false],
  ["smooth_grad", "SmoothGrad", "The same, averaged over noisy copies", false],
  ["occlusion", "Occlusion", "Red: hiding this place costs probability; blue: it helps", true],
]

export class Why {
  /**
   * @param {Looking} looking
   * @param {Section} section
   */
  constructor(looking, section) {
    this.looking = looking
    this.section = section
  }

  #question() {
    return this.looking.question("why", {})
  }

  key() {
    const { run, answer, at } = this.looking
    return run && answer ? JSON.stringify([this.#question(), at]) : null
  }

  /** @param {AbortSignal} signal */
  async show(signal) {
    const found = await look(this.#question(), signal)
    if (signal.aborted) return
    const where = this.looking.sights.length > 1 ? ` in the ${this.looking.sights[0]} image` : ""
    this.section.body.replaceChildren(
      element("p", { text: `What speaks for “${this.looking.className(found.target)}”${where}` }),
      element("div", { className: "reasons" }, ...WHY.map((each) => this.#figure(found, ...each))),
    )
  }

  /**
   * @param {WhyAnswer} found
   * @param {typeof WHY[number][0]} name
   * @param {string} title
   * @param {string} text
   * @param {boolean} signed
   */
  #figure(found, name, title, text, signed) {
    const values = found[name]
    const [height, width] = values.shape
    const pixels = this.looking.answer?.images[0].pixels
    const under = element("canvas")
    if (pixels) paintImage(under, pixels, pixels.shape)
    const over = element("canvas", {
      className: "over",
      role: "img",
      "aria-label": `${title}: ${text}`,
    })
    const far = most(values.map(Math.abs)) || 1
    paintValues(over, (i) => values[i], [height, width], [signed ? -far : 0, far], signed)
    const caption = element(
      "figcaption",
      {},
      element("b", { text: title }),
      element("span", { text }),
    )
    return element("figure", {}, element("div", { className: "frame" }, under, over), caption)
  }
}

export class Dead {
  /**
   * @param {Looking} looking
   * @param {Section} section
   */
  constructor(looking, section) {
    this.looking = looking
    this.section = section
  }

  #steps() {
    return spread(this.looking.steps, STEPS)
  }

  key() {
    const steps = this.#steps()
    return steps.length ? JSON.stringify([this.looking.run, steps]) : null
  }

  /** @param {AbortSignal} signal */
  async show(signal) {
    const { run, kept } = this.looking
    /** @type {[step: number, layers: DeadAnswer["layers"]][]} */
    const rows = []
    for (const step of this.#steps()) {
      const asked = { run, step, what: /** @type {const} */ ("dead") }
      const { layers } = await kept.get(asked, () => look(asked, signal))
      if (signal.aborted) return
      rows.push([step, layers])
    }
    const [end, last] = rows[rows.length - 1]
    if (!last.length) return this.section.say("No layer with maps ends in an activation here.")
    const over = `Share of zeros, 0 to 100%, up to step ${count(end || 1)}`
    const head = ["Layer", "Dead filters", "Zeros", over].map((text) => element("th", { text }))
    const body = last.map(({ name, dead, filters, zeros }, i) => {
      /** @type {[number, number][]} */
      const points = rows.map(([step, layers]) => [step / (end || 1), layers[i].zeros])
      return element(
        "tr",
        {},
        element("td", { text: spoken(name) }),
        element("td", { text: `${dead} of ${filters}` }),
        element("td", { text: percent(zeros) }),
        element("td", {}, spark(points)),
      )
    })
    this.section.body.replaceChildren(element("table", {}, element("tr", {}, ...head), ...body))
  }
}

/**
 * A small curve of shares, both from 0 to 1.
 * @param {[number, number][]} points
 */
function spark(points) {
  const said = `from ${percent(points[0][1])} to ${percent(points[points.length - 1][1])}`
  const svg = shape("svg", { viewBox: "-2 -2 164 34", role: "img", "aria-label": said })
  const places = points.map(([x, y]) => `${(160 * x).toFixed(1)},${(30 - 30 * y).toFixed(1)}`)
  svg.append(shape("polyline", { points: places.join(" ") }))
  return svg
}

export class Beside {
  /**
   * @param {Looking} looking
   * @param {Section} section
   * @param {Layers} layers
   */
  constructor(looking, section, layers) {
    this.looking = looking
    this.section = section
    this.layers = layers
  }

  // The chosen layer, or the first that a convolution made.
  #layer() {
    const { chosen, answer } = this.looking
    const first = answer?.layers.find(({ shape: size }) => size.length === 3 && size[2] > 3)
    return this.layers.card(chosen.layer)?.layer ?? first
  }

  #question() {
    const layer = this.#layer()
    if (!layer || !this.looking.other || layer.shape.length < 3 || layer.kind === "Normalization")
      return null
    return this.looking.question("match", { layer: layer.name, other: this.looking.other.id })
  }

  key() {
    if (!this.looking.other) return "nothing"
    const { at, gradients } = this.looking
    const question = this.#question()
    return question && JSON.stringify([question, at, gradients])
  }

  /** @param {AbortSignal} signal */
  async show(signal) {
    const [question, layer, other] = [this.#question(), this.#layer(), this.looking.other]
    if (!question || !layer || !other) {
      this.section.say("Choose a run to compare with under Runs, above.")
      return
    }
    const { image, gradients } = this.looking
    const matched = await look(question, signal)
    const maps = {
      run: other.id,
      image,
      what: /** @type {const} */ ("maps"),
      layer: layer.name,
      gradients,
    }
    const { layers } = await look(maps, signal)
    if (!signal.aborted) this.#draw(layer, layers[0], matched, other.name)
  }

  /**
   * @param {Layer} layer
   * @param {Layer} theirs
   * @param {MatchAnswer} matched
   * @param {string} name of the other run
   */
  #draw(layer, theirs, { partner, correlation }, name) {
    const { gradients } = this.looking
    /** @type {Range} */
    const whole = [
      Math.min(least(layer.low), least(theirs.low)),
      Math.max(most(layer.high), most(theirs.high)),
    ]
    const range = gradients ? around0(whole) : whole
    const far = whole[1] - whole[0] || 1
    const [, height, width] = layer.data.shape
    const twins = Array.from(partner, (twin, unit) => {
      const [mine, other, difference] = [element("canvas"), element("canvas"), element("canvas")]
      paintMap(mine, layer, unit, range, gradients)
      paintMap(other, theirs, twin, range, gradients)
      const less = (/** @type {number} */ i) => valueAt(layer, unit, i) - valueAt(theirs, twin, i)
      paintValues(difference, less, [height, width], [-far, far], true)
      const r = correlation[unit].toFixed(2).replace("-", "−")
      const said = element("small", { text: `${unit} ~ ${twin}, r ${r}` })
      return element("li", {}, mine, other, difference, said)
    })
    this.section.body.replaceChildren(
      element("p", {
        text: `${spoken(layer.name)}: this run, the filter of ${name} that answers most alike (correlation r), and the difference (red: this run is higher)`,
      }),
      element("ul", { className: "twins" }, ...twins),
    )
  }
}
