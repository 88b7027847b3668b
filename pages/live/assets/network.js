// A picture of the network: a glyph for each stage, as large and as deep as its output, its size,
// and its share of the weights. `outline` is the same in a line, for where there is little room.

import { shape } from "./svg.js"
import { mounts } from "./view.js"
import { count, element } from "./words.js"

/** @import {NetworkData, Stage} from "./wire.js" */
/** @import {View} from "./view.js" */

const [WIDE, HIGH] = [64, 52] // of a glyph, in its own units

/**
 * Maps as sheets, one behind the other: their side by the square root, their number by the
 * logarithm, so that 8 × 8 × 64 and 28 × 28 × 8 are both seen.
 * @param {number[]} shape
 * @param {number} most
 */
function sheets([height, width, channels], most) {
  const count = Math.min(7, 1 + Math.round(Math.log2(channels)))
  const gap = 3
  const room = Math.min(WIDE, HIGH) - 6 * gap - 2
  const scale = Math.max(0.16, Math.sqrt(Math.max(height, width) / most)) * room
  const [w, h] = [
    scale * (width / Math.max(height, width)),
    scale * (height / Math.max(height, width)),
  ]
  const left = (WIDE - w - gap * (count - 1)) / 2
  const top = (HIGH - h - gap * (count - 1)) / 2
  return Array.from({ length: count }, (_, i) =>
    shape("rect", {
      x: left + gap * i,
      y: top + gap * (count - 1 - i),
      width: w,
      height: h,
      rx: 1,
    }),
  ).reverse()
}

/**
 * Numbers as dots in a column, with a gap where they are too many.
 * @param {number[]} shape
 */
function dots([size]) {
  const shown = Math.min(size, 7)
  const gap = 7
  const top = HIGH / 2 - (gap * (shown - 1)) / 2
  return Array.from({ length: shown }, (_, i) =>
    size > 7 && i === 3
      ? shape("line", { x1: WIDE / 2, x2: WIDE / 2, y1: top + gap * 2.6, y2: top + gap * 3.4 })
      : shape("circle", { cx: WIDE / 2, cy: top + gap * i, r: 2.4 }),
  )
}

/**
 * @param {Stage} stage
 * @param {number} most the largest side of a map
 */
function glyph(stage, most) {
  const svg = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": "true" })
  svg.append(...(stage.shape.length === 3 ? sheets(stage.shape, most) : dots(stage.shape)))
  return svg
}

/**
 * @param {Stage} stage
 * @param {number} most
 */
function draw(stage, most) {
  const share = element("i", { className: "share", "aria-hidden": "true" })
  share.style.setProperty("--share", String(stage.share))
  share.style.visibility = stage.weights ? "" : "hidden"
  const words = [
    ...stage.words,
    ...(stage.inputs.length ? [`from ${stage.inputs.join(" and ")}`] : []),
  ]
  return element(
    "li",
    { title: words.join(", ") },
    glyph(stage, most),
    element(
      "div",
      {},
      element("b", { text: stage.name }),
      element("span", { text: stage.shape.map(count).join(" × ") }),
      element("small", { text: words.join(", ") }),
    ),
    element(
      "div",
      { className: "weights" },
      element("span", { text: stage.weights ? `${count(stage.weights)} weights` : "" }),
      share,
    ),
  )
}

/** @param {Stage[]} stages */
const largest = (stages) =>
  Math.max(
    1,
    ...stages.filter(({ shape }) => shape.length === 3).map(({ shape: [h, w] }) => Math.max(h, w)),
  )

/**
 * The glyphs alone, in a button that brings the whole picture into sight.
 * @param {Stage[]} stages
 */
export function outline(stages) {
  const sizes = stages
    .map(({ name, shape }) => `${name} ${shape.map(count).join(" × ")}`)
    .join(", ")
  const made = element("button", {
    className: "outline",
    type: "button",
    title: `Network: ${sizes}`,
    "aria-label": `Network: ${sizes}. Show it`,
  })
  const most = largest(stages)
  made.append(...stages.map((stage) => glyph(stage, most)))
  made.onclick = () =>
    document.querySelector(".st-key-panel-network")?.scrollIntoView({ block: "center" })
  return made
}

export const mount = mounts((/** @type {View<NetworkData>} */ view) => {
  const list = element("ol")
  view.root.classList.add("network")
  view.root.append(list)
  let shown = ""
  return {
    adopt: () => {},
    draw() {
      const { stages } = view.data
      const now = JSON.stringify(stages)
      if (now === shown) return
      shown = now
      const most = largest(stages)
      list.replaceChildren(...stages.map((stage) => draw(stage, most)))
    },
  }
})
