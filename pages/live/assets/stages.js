// What a detector says of a canvas, stage by stage: where items are, the boxes that cells or anchors
// make, of two stages the proposals and what is said of each, and what is left.

import { frame, judged, paintBoxes, SCALE } from "./boxes.js"
import { cssOf, paintImage, penOf, toBase64, VIRIDIS } from "./pixels.js"
import { element, percent, put } from "./words.js"

/** @import {DetectAnswer} from "./wire.js" */
/** @import {Found, Truth} from "./boxes.js" */
/** @typedef {(pen: CanvasRenderingContext2D, side: number) => void} Ground paints the picture */
/** @typedef {ReturnType<typeof stageOf>} Stage */

const SIDE = 64
const LARGE = SIDE * SCALE // pixels of a stage's canvas
const LIKELY = 0.1 // probability from which the box of a cell or an anchor is drawn
const LEAST_SCORE = 0.3
const FAINT = 0.25 // how much of a box is seen at least
const LABEL = 12 // pixels beneath a region

/** @param {string} title @param {string} [note] */
export function stageOf(title, note = "") {
  const heading = element("h4", { text: title })
  const canvas = element("canvas", { role: "img", "aria-label": title })
  const words = element("small", { text: note })
  return { node: element("section", {}, heading, canvas, words), heading, canvas, words }
}

/** @param {number} chance */
const heat = (chance) => cssOf(VIRIDIS[Math.round(255 * (0.35 + 0.65 * chance))])

/** @param {number} share */
const whole = (share) => `${Math.round(100 * share)}%`

/** @param {number} count @param {string} one @param {string} many */
const so = (count, one, many) => `${count} ${count === 1 ? one : many}`

/**
 * @param {Stage} stage
 * @param {string} words
 */
function say(stage, words) {
  put(stage.words, words)
  stage.canvas.setAttribute("aria-label", `${stage.heading.textContent}: ${words}`)
}

/**
 * The picture of an answer.
 * @param {DetectAnswer} found
 * @returns {HTMLCanvasElement}
 */
export function pictureOf(found) {
  const picture = element("canvas")
  paintImage(picture, found.canvas, found.canvas.shape)
  return picture
}

/**
 * True boxes, what is found and its masks, as the canvases of a strip have them.
 * @param {DetectAnswer} found
 * @returns {[Truth[], Found[], string[]]}
 */
function read(found) {
  const truth = Array.from(
    found.kinds,
    (kind, i) => /** @type {Truth} */ ([...found.truth.subarray(4 * i, 4 * i + 4), kind]),
  )
  const said = Array.from(
    found.classes,
    (kind, i) =>
      /** @type {Found} */ ([...found.boxes.subarray(4 * i, 4 * i + 4), kind, found.scores[i]]),
  )
  const length = found.masks.shape[1]
  const masks = said.map((_, i) => toBase64(found.masks.subarray(i * length, (i + 1) * length)))
  return [truth, said, masks]
}

/**
 * Boxes in the colours of their probabilities, the surest on top; how many.
 * @param {Stage} stage
 * @param {Ground} ground
 * @param {Float32Array} boxes
 * @param {Float32Array} chances
 */
function paintSure(stage, ground, boxes, chances) {
  paintBoxes(stage.canvas, ground, [], [], [], false)
  const pen = penOf(stage.canvas)
  const shown = Array.from(chances, (chance, i) => ({ chance, i }))
    .filter(({ chance }) => chance >= LIKELY)
    .sort((a, b) => a.chance - b.chance)
  for (const { chance, i } of shown) {
    pen.globalAlpha = Math.max(FAINT, chance)
    frame(pen, boxes.subarray(4 * i, 4 * i + 4), LARGE, heat(chance))
  }
  pen.globalAlpha = 1
  return shown.length
}

/** @param {Stage} stage @param {DetectAnswer} found */
function paintObjects(stage, found) {
  const [rows, columns] = found.objects.shape
  stage.canvas.width = stage.canvas.height = LARGE
  const pen = penOf(stage.canvas)
  const [wide, high] = [LARGE / columns, LARGE / rows]
  let most = 0
  for (const [i, chance] of found.objects.entries()) {
    most = Math.max(most, chance)
    pen.fillStyle = cssOf(VIRIDIS[Math.round(255 * chance)])
    pen.fillRect((i % columns) * wide, Math.floor(i / columns) * high, wide, high)
  }
  return most
}

/**
 * What each proposal cuts out of the picture, and what it is taken for.
 * @param {Stage} stage
 * @param {HTMLCanvasElement} picture
 * @param {DetectAnswer} found
 * @param {string[]} classes
 */
function paintRegions(stage, picture, found, classes) {
  const count = found.said.length
  stage.canvas.width = stage.canvas.height = LARGE
  const pen = penOf(stage.canvas)
  pen.fillRect(0, 0, LARGE, LARGE)
  pen.imageSmoothingEnabled = false
  const across = Math.ceil(Math.sqrt(count))
  const size = LARGE / across
  pen.font = `600 ${LABEL - 2}px system-ui, sans-serif`
  let items = 0
  for (let i = 0; i < count; i++) {
    const [x1, y1, x2, y2] = found.proposals.subarray(4 * i, 4 * i + 4)
    const [left, top] = [(i % across) * size, Math.floor(i / across) * size]
    const name = classes[found.said[i]]
    if (name) items++
    pen.globalAlpha = name ? 1 : 0.4
    if (x2 > x1 && y2 > y1) {
      const cut = [x1, y1, x2 - x1, y2 - y1].map((n) => n * SIDE)
      const room = [left + 1, top + 1, size - 2, size - LABEL - 1]
      pen.drawImage(picture, cut[0], cut[1], cut[2], cut[3], room[0], room[1], room[2], room[3])
    }
    pen.globalAlpha = 1
    pen.fillStyle = name ? heat(found.sure[i]) : "#999"
    const words = name ? `${name.slice(0, 6)} ${whole(found.sure[i])}` : "–"
    pen.fillText(words, left + 2, top + size - 2, size - 4)
  }
  return items
}

/** The stages, to be put on a page and painted. */
export function stages() {
  const made = {
    objects: stageOf("Objectness"),
    starts: stageOf("Cells"),
    candidates: stageOf("A box of each"),
    proposals: stageOf("Proposals"),
    regions: stageOf("Regions"),
    refined: stageOf("Boxes of the regions"),
    left: stageOf("What is found"),
  }

  /** @param {DetectAnswer} found @param {Ground} ground */
  function paintFirst(found, ground) {
    const two = found.said.length > 0
    const [one, many] = two ? ["anchor", "anchors"] : ["cell", "cells"]
    const most = paintObjects(made.objects, found)
    const what = two ? "That an anchor here has an item" : "That an item's centre is in a cell"
    say(made.objects, `${what}: at most ${percent(most)}`)
    put(made.starts.heading, two ? "Likely anchors" : "Likely cells")
    const likely = paintSure(made.starts, ground, found.starts, found.chances)
    const all = found.chances.length
    say(made.starts, `${so(likely, one, many)} of ${all}, of ${whole(LIKELY)} or more`)
    put(made.candidates.heading, `A box of each likely ${one}`)
    paintSure(made.candidates, ground, found.candidates, found.chances)
    say(made.candidates, "Before suppression: many for each item")
  }

  /** @param {DetectAnswer} found @param {Ground} ground @param {HTMLCanvasElement} picture @param {string[]} classes */
  function paintSecond(found, ground, picture, classes) {
    const count = found.said.length
    for (const each of [made.proposals, made.regions, made.refined]) each.node.hidden = !count
    if (!count) return
    paintSure(made.proposals, ground, found.proposals, new Float32Array(count).fill(0.6))
    say(made.proposals, `The ${count} surest that overlap no surer one by more than 0.7`)
    const items = paintRegions(made.regions, picture, found, classes)
    say(made.regions, `What each cuts out: ${items} of an item, the others background`)
    const sure = found.sure.map((chance, i) => (classes[found.said[i]] ? chance : 0))
    paintSure(made.refined, ground, found.regions, sure)
    say(made.refined, "Moved once more, of those that are an item's")
  }

  return {
    nodes: Object.values(made).map((each) => each.node),
    /**
     * @param {DetectAnswer} found
     * @param {string[]} classes
     */
    paint(found, classes) {
      const picture = pictureOf(found)
      /** @type {Ground} */
      const ground = (pen, side) => pen.drawImage(picture, 0, 0, side, side)
      paintFirst(found, ground)
      paintSecond(found, ground, picture, classes)
      const [truth, said, masks] = read(found)
      const { verdicts, missed } = judged(truth, said, masks, LEAST_SCORE)
      paintBoxes(made.left.canvas, ground, truth, verdicts, classes, true)
      const right = verdicts.filter((each) => each.right).length
      say(
        made.left,
        `${right} of ${truth.length} found${missed ? `, ${missed} missed` : ""}; what overlaps something surer by half is left out`,
      )
    },
  }
}
