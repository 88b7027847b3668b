// One filter: its map enlarged, its kernel, what excites it, and its life over the run. Loaded when
// one is opened.

import { look } from "./ask.js"
import { Newest } from "./asker.js"
import { quiet } from "./controls.js"
import { spoken, spread } from "./maps-looking.js"
import { around0, least, most, paintImage, paintMap, paintValues } from "./pixels.js"
import { count, digits, element, put } from "./words.js"

/** @import {Heard, Layers} from "./maps-layers.js" */
/** @import {Looking} from "./maps-looking.js" */
/** @import {ExemplarsAnswer, Floats, KernelAnswer} from "./wire.js" */

const FRAMES = 12 // of its life
const NORMALISED =
  "The pixels, less their mean and divided by their spread: nothing is learned here."
const UNFILTERED = "No convolution made this map: there is no kernel to show."

/**
 * A square for each map that goes into a filter; the canvases that are there already stay.
 * @param {HTMLElement} box
 * @param {Floats} kernel (height, width, maps)
 */
function drawKernel(box, kernel) {
  const [height, width, channels] = kernel.shape
  const far = most(kernel.map(Math.abs)) || 1
  const canvases = Array.from({ length: channels }, (_, channel) => {
    const canvas = /** @type {HTMLCanvasElement} */ (box.children[channel] ?? element("canvas"))
    const values = Array.from({ length: height * width }, (_, i) => kernel[i * channels + channel])
    paintValues(canvas, (i) => values[i], [height, width], [-far, far], true)
    canvas.title = `from map ${channel}: ${digits(least(values))} to ${digits(most(values))}`
    return canvas
  })
  box.replaceChildren(...canvases)
}

/**
 * An image, framed where the filter sees what excites it.
 * @param {ExemplarsAnswer} answer
 * @param {number} i
 * @param {string} name of its class
 */
function exemplar({ images, values, regions }, i, name) {
  const [, height, width, channels] = images.shape
  const canvas = element("canvas")
  paintImage(canvas, images, [height, width, channels], i * height * width * channels)
  const region = element("i", { className: "region" })
  const [top, left, bottom, right] = regions.subarray(4 * i, 4 * i + 4)
  region.style.left = `${(100 * left) / width}%`
  region.style.top = `${(100 * top) / height}%`
  region.style.width = `${(100 * (right - left)) / width}%`
  region.style.height = `${(100 * (bottom - top)) / height}%`
  return element(
    "li",
    { title: `${name}: ${digits(values[i])}` },
    element("span", { className: "frame" }, canvas, region),
    element("small", { text: name }),
  )
}

export class FilterPart {
  #big = element("canvas", { className: "big", role: "img", "aria-label": "No map yet" })
  #kernel = element("div", { className: "kernels" })
  #slope = element("div", { className: "kernels" })
  #said = element("p", { className: "said" })
  #film = element("ol", { className: "film" })
  #exemplars = element("ul", { className: "seen" })
  #heading = element("h4")
  #loading = new Newest()

  /**
   * @param {Looking} looking
   * @param {Layers} layers
   * @param {Heard} heard
   * @param {{close: () => void, goTo: (step: number) => void}} asked
   */
  constructor(looking, layers, heard, { close, goTo }) {
    this.looking = looking
    this.layers = layers
    this.goTo = goTo
    const closing = quiet("Close")
    closing.onclick = () => {
      this.#loading.end()
      close()
    }
    const caption = (/** @type {string} */ text) => element("figcaption", { text })
    const pair = element("div", { className: "pair" }, this.#kernel, this.#slope)
    this.node = element(
      "section",
      { className: "detail", hidden: "" },
      element("header", {}, this.#heading, closing),
      element(
        "div",
        { className: "columns" },
        element("figure", {}, this.#big, caption("Its map of this image")),
        element("figure", {}, pair, this.#said),
        element(
          "figure",
          { className: "wide" },
          this.#exemplars,
          caption("The test images that excite it most; framed: what it sees there"),
        ),
      ),
      element(
        "figure",
        { className: "wide" },
        this.#film,
        caption("Its life: the same map over the run"),
      ),
    )
    this.#big.onpointermove = (event) => {
      const layer = this.#layer()
      if (layer) heard.point(event, this.#big, layer, looking.chosen.unit)
    }
    this.#big.onpointerleave = heard.leave
  }

  // The chosen filter's layer, or null where there is none.
  #layer() {
    const { layer: name, unit } = this.looking.chosen
    const layer = this.layers.card(name)?.layer
    return layer && unit >= 0 && unit < layer.shape[2] ? layer : null
  }

  /** Its map, which is here already, under its layer, so that it opens where the visitor looks. */
  show() {
    const { chosen, gradients } = this.looking
    const [layer, card] = [this.#layer(), this.layers.card(chosen.layer)]
    this.node.hidden = !layer
    if (!layer || !card) return
    if (card.node.nextSibling !== this.node) card.node.after(this.node)
    put(this.#heading, `Filter ${chosen.unit} of ${spoken(layer.name)}`)
    paintMap(this.#big, layer, chosen.unit, card.bounds[chosen.unit], gradients)
    this.#big.setAttribute("aria-label", `${this.#heading.textContent}, enlarged`)
  }

  /** What has to be asked for. @param {(words: string) => void} complain */
  async load(complain) {
    const layer = this.#layer()
    if (!layer) return
    const [width] = layer.field
    await this.#loading.run(
      async (signal) => {
        if (!layer.filters) this.#plain(layer.kind)
        else {
          const { chosen } = this.looking
          const kernel = await look(this.looking.question("kernel", chosen), signal)
          if (signal.aborted) return
          this.#drawKernels(kernel, width)
          const seen = await look(this.looking.question("exemplars", chosen), signal)
          if (signal.aborted) return
          this.#drawExemplars(seen)
        }
        await this.#loadFilm(signal)
      },
      (error) => complain(error.words),
    )
  }

  /** What was asked for is no longer wanted. */
  stop() {
    this.#loading.end()
  }

  /** Another run: nothing of it is shown. */
  close() {
    this.stop()
    this.node.hidden = true
  }

  /** @param {string} kind */
  #plain(kind) {
    put(this.#said, kind === "Normalization" ? NORMALISED : UNFILTERED)
    for (const box of [this.#kernel, this.#slope, this.#exemplars]) box.replaceChildren()
  }

  /**
   * @param {KernelAnswer} answer
   * @param {number} width how many pixels a place sees, along a side
   */
  #drawKernels({ kernel, gradient, bias, layer }, width) {
    drawKernel(this.#kernel, kernel)
    drawKernel(this.#slope, gradient)
    const also = bias === null ? "" : ` Bias ${digits(bias)}.`
    put(
      this.#said,
      `Kernel of ${spoken(layer)}, one square for each map that goes in, and the loss' gradient by it.${also} One place of this map sees ${width} × ${width} pixels.`,
    )
  }

  /** @param {ExemplarsAnswer} answer */
  #drawExemplars(answer) {
    const names = Array.from(answer.labels, (label) => this.looking.className(label))
    this.#exemplars.replaceChildren(...names.map((name, i) => exemplar(answer, i, name)))
  }

  /** @param {AbortSignal} signal */
  async #loadFilm(signal) {
    const { looking } = this
    const { gradients, chosen } = looking
    const found = []
    for (const step of spread(looking.steps, FRAMES)) {
      const asked = { ...looking.question("maps", { gradients, ...chosen }), step }
      const { layers } = await looking.kept.get(asked, () => look(asked, signal))
      if (signal.aborted) return
      found.push({ step, layer: layers[0] })
    }
    const low = Math.min(...found.map(({ layer }) => layer.low[0]))
    const high = Math.max(...found.map(({ layer }) => layer.high[0]))
    const range = gradients ? around0([low, high]) : /** @type {[number, number]} */ ([low, high])
    this.#film.replaceChildren(
      ...found.map(({ step, layer }) => {
        const canvas = element("canvas")
        paintMap(canvas, layer, 0, range, gradients)
        const button = element(
          "button",
          { type: "button", title: `Go to step ${count(step)}` },
          canvas,
        )
        button.onclick = () => this.goTo(step)
        return element("li", {}, button, element("small", { text: count(step) }))
      }),
    )
  }
}
