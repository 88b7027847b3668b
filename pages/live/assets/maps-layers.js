// The maps of every layer: a card each, with a small picture for each filter.

import { spoken } from "./maps-looking.js"
import { around0, least, most, paintMap, valueAt } from "./pixels.js"
import { rove } from "./roving.js"
import { digits, element, put } from "./words.js"

/** @import {Looking} from "./maps-looking.js" */
/** @import {Range} from "./pixels.js" */
/** @import {Layer} from "./wire.js" */
/**
 * What a card tells of: a filter is opened, a place of its map is under the pointer.
 * @typedef {{open: (layer: string, unit: number) => void, point: (event: PointerEvent, canvas: HTMLCanvasElement, layer: Layer, unit: number) => void, leave: () => void}} Heard
 */

/** @type {Record<string, string>} */
const KINDS = {
  Normalization: "normalised pixels",
  Conv2D: "convolution",
  BatchNormalization: "batch norm",
  Activation: "activation",
  PReLU: "activation",
  MaxPooling2D: "max pooling",
  Conv2DTranspose: "transposed convolution",
  Reshape: "reshaped",
  Concatenate: "joined with the class",
  Sampling: "drawn code",
  Distance: "distance",
  Difference: "difference by feature",
  Dense: "dense",
  Softmax: "softmax",
  UpSampling2D: "enlarged",
  Add: "sum of two levels",
  RoiAlign: "RoI align, box by box",
  Folded: "of the surest box",
  Unfolded: "box by box",
}

/**
 * The range that colours span: of each map, of the layer, or given for all layers; symmetric about
 * 0 where values are signed.
 * @param {Layer} layer
 * @param {number} unit
 * @param {boolean} ofMap
 * @param {Range | null} shared
 * @param {boolean} signed
 * @returns {Range}
 */
export function rangeOf(layer, unit, ofMap, shared, signed) {
  /** @type {Range} */
  const own = ofMap ? [layer.low[unit], layer.high[unit]] : [least(layer.low), most(layer.high)]
  const range = shared ?? own
  return signed ? around0(range) : range
}

/** A layer: its name, its size, its range, and what is in it. */
class Card {
  range = element("span", { className: "range" })
  body = element("div")

  /** @param {Layer} layer */
  constructor(layer) {
    this.layer = layer
    const size = `${KINDS[layer.kind] ?? layer.kind}, ${layer.shape.join(" × ")}`
    this.node = element(
      "section",
      { className: "layer", "data-layer": layer.name },
      element(
        "header",
        {},
        element("b", { text: spoken((layer.side && layer.of) || layer.name) }),
        ...(layer.side &&
        !layer.name.endsWith(layer.side) &&
        !layer.name.startsWith(`${layer.side}_l`)
          ? [element("em", { text: layer.side })]
          : []),
        element("span", { text: size }),
        this.range,
      ),
      this.body,
    )
  }
}

/** A layer of maps. */
export class MapsCard extends Card {
  /** @type {Range[]} The range of colours of each map. */
  bounds = []

  /**
   * @param {Layer} layer
   * @param {Heard} heard
   */
  constructor(layer, heard) {
    super(layer)
    const [count, height] = layer.data.shape
    this.body.className = "tiles"
    this.body.style.setProperty("--side", height >= 24 ? "56px" : height >= 12 ? "44px" : "36px")
    this.tiles = Array.from({ length: count }, (_, unit) => this.#tile(unit, heard))
    this.body.append(...this.tiles)
    rove(this.body, this.tiles)
  }

  /**
   * @param {number} unit
   * @param {Heard} heard
   */
  #tile(unit, heard) {
    const canvas = element("canvas", { role: "button" })
    canvas.onclick = () => heard.open(this.layer.name, unit)
    canvas.onpointermove = (event) => heard.point(event, canvas, this.layer, unit)
    canvas.onpointerleave = heard.leave
    return canvas
  }

  /**
   * @param {Layer} layer
   * @param {Looking} looking
   * @param {Range | null} shared
   */
  draw(layer, { scale, gradients }, shared) {
    this.layer = layer
    this.bounds = this.tiles.map((_, unit) =>
      rangeOf(layer, unit, scale === "map", shared, gradients),
    )
    for (const [unit, canvas] of this.tiles.entries()) {
      paintMap(canvas, layer, unit, this.bounds[unit], gradients)
      const said = `${digits(layer.low[unit])} to ${digits(layer.high[unit])}`
      canvas.setAttribute("aria-label", `Filter ${unit} of ${layer.name}: ${said}`)
    }
    put(this.range, `${digits(least(layer.low))} to ${digits(most(layer.high))}`)
  }

  /** @param {{layer: string, unit: number}} chosen */
  mark(chosen) {
    for (const [unit, canvas] of this.tiles.entries()) {
      const mine = this.layer.name === chosen.layer && unit === chosen.unit
      canvas.classList.toggle("is-chosen", mine)
    }
  }
}

/** A layer of numbers without places, as bars. */
class NumbersCard extends Card {
  /** @param {Layer} layer */
  constructor(layer) {
    super(layer)
    this.node.classList.add("flat")
    this.body.className = "cells"
    this.body.setAttribute("role", "img")
    this.cells = Array.from({ length: layer.shape[0] }, () => element("i"))
    this.body.append(...this.cells)
  }

  /**
   * @param {Layer} layer
   * @param {Looking} looking
   */
  draw(layer, looking) {
    this.layer = layer
    const values = this.cells.map((_, i) => valueAt(layer, 0, i))
    const far = Math.max(...values.map(Math.abs)) || 1
    for (const [i, cell] of this.cells.entries()) {
      cell.style.setProperty("--value", String(values[i] / far))
      cell.className = values[i] < 0 ? "below" : ""
      const named = values.length === looking.classes.length
      cell.title = `${named ? looking.className(i) : `unit ${i}`}: ${digits(values[i])}`
    }
    this.body.setAttribute(
      "aria-label",
      `${layer.name}: ${values.length} values of up to ${digits(far)}`,
    )
    put(this.range, `up to ${digits(far)}`)
  }

  mark() {}
}

export class Layers {
  node = element("div", { className: "layers" })
  /** @type {Map<string, MapsCard | NumbersCard>} */
  #cards = new Map()
  #heard

  /** @param {Heard} heard */
  constructor(heard) {
    this.#heard = heard
  }

  clear() {
    this.#cards.clear()
    this.node.replaceChildren()
  }

  /** @param {Looking} looking */
  draw(looking) {
    const layers = looking.answer?.layers ?? []
    if ([...this.#cards.keys()].join() !== layers.map(({ name }) => name).join())
      this.#build(layers)
    /** @type {Range | null} */
    const shared =
      looking.scale === "all"
        ? [
            Math.min(...layers.map(({ low }) => least(low))),
            Math.max(...layers.map(({ high }) => most(high))),
          ]
        : null
    for (const layer of layers) this.#cards.get(layer.name)?.draw(layer, looking, shared)
    this.mark(looking.chosen)
  }

  /** @param {Layer[]} layers */
  #build(layers) {
    this.#cards.clear()
    for (const layer of layers) {
      const flat = layer.shape.length === 1
      this.#cards.set(layer.name, flat ? new NumbersCard(layer) : new MapsCard(layer, this.#heard))
    }
    // What one layer made of both images of a pair stands side by side.
    /** @type {HTMLElement[][]} */
    const rows = []
    for (const { layer, node } of this.#cards.values()) {
      if (layer.of && rows.length) rows[rows.length - 1].push(node)
      else rows.push([node])
    }
    this.node.replaceChildren(
      ...rows.map((row) =>
        row.length > 1 ? element("div", { className: "twin" }, ...row) : row[0],
      ),
    )
  }

  /** @param {{layer: string, unit: number}} chosen */
  mark(chosen) {
    for (const card of this.#cards.values()) card.mark(chosen)
  }

  /**
   * The card of a layer of maps; null of another, or none.
   * @param {string} name
   */
  card(name) {
    const card = this.#cards.get(name)
    return card instanceof MapsCard ? card : null
  }
}
