// A canvas of one's own: items placed with the mouse or the keys, and what the network makes of it,
// stage by stage.

import { look } from "./ask.js"
import { Asker } from "./asker.js"
import { frame, judged, paintBoxes, SCALE, TRUE } from "./boxes.js"
import { cssOf, paintImage, penOf, toBase64, VIRIDIS } from "./pixels.js"
import { mounts } from "./view.js"
import { element, percent, put } from "./words.js"

/** @import {DetectAnswer, PlacingData} from "./wire.js" */
/** @import {Found, Truth} from "./boxes.js" */
/** @import {View} from "./view.js" */
/** Class, which of its test images, left, top, longer side. @typedef {[number, number, number, number, number]} Item */

const LATER = "Place items here once a network has learned a little"
const LIVE_MS = 900
const SIDE = 64
const MOST = 4
const STEP = 1
const LEAST_SCORE = 0.3
const SHOWN_CELL = 0.1
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

/** @param {string} title @param {string} note */
function stageOf(title, note) {
  const canvas = element("canvas", { role: "img", "aria-label": title })
  const words = element("small", { text: note })
  return {
    node: element("section", {}, element("h4", { text: title }), canvas, words),
    canvas,
    words,
  }
}

function parts() {
  const own = stageOf(
    "Your canvas",
    "Drag an item, or move it with the arrow keys; + and − change its size, Delete takes it away.",
  )
  own.canvas.tabIndex = 0
  own.canvas.classList.add("own")
  const cells = stageOf("Objectness", "")
  const boxes = stageOf("A box of each likely cell", "")
  const left = stageOf("After suppression", "")
  const add = element("div", { className: "legend", role: "group", "aria-label": "Add an item" })
  const trouble = element("p", { className: "trouble", role: "status" })
  const empty = element("p", { className: "empty" })
  const stages = element(
    "div",
    { className: "stages" },
    own.node,
    cells.node,
    boxes.node,
    left.node,
  )
  return { own, cells, boxes, left, add, trouble, empty, stages }
}

export const mount = mounts((/** @type {View<PlacingData>} */ view) => {
  const made = parts()
  view.root.classList.add("placing")
  view.root.append(made.add, made.stages, made.empty, made.trouble)
  /** @type {string | null} */
  let of = null
  /** @type {DetectAnswer | null} */
  let answer = null
  /** @type {Item[]} */
  let items = []
  let chosen = 0
  let variant = 0
  const kept = () => (view.facts().snapshots ?? []).length > 0

  const asker = new Asker({
    question: () =>
      of && kept() && items.length
        ? { run: of, what: /** @type {const} */ ("detect"), codes: items }
        : null,
    ask: (question, signal) => look(question, signal),
    take: (found) => {
      answer = found
      put(made.trouble, "")
      view.paint()
    },
    refuse: (error) => put(made.trouble, error.words),
    rest: () => (view.facts().state === "running" ? LIVE_MS : 0),
  })
  view.onEnd(() => asker.end())

  function moved() {
    asker.changed()
    view.paint()
  }

  /** @param {number} kind */
  function place(kind) {
    const at = /** @type {[number, number][]} */ ([
      [4, 5],
      [34, 6],
      [6, 35],
      [36, 34],
    ])
    const [x, y] =
      at.find(([a, b]) => !items.some((each) => each[2] === a && each[3] === b)) ?? at[0]
    const item = /** @type {Item} */ ([kind, variant++, x, y, 24])
    items =
      items.length < MOST ? [...items, item] : items.map((each, i) => (i === chosen ? item : each))
    chosen = items.indexOf(item)
    moved()
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  function at(event) {
    const box = made.own.canvas.getBoundingClientRect()
    const share = (/** @type {number} */ pixels) => (pixels / box.width) * SIDE
    return [share(event.clientX - box.left), share(event.clientY - box.top)]
  }

  /** @type {[number, number] | null} where in the item it was taken */
  let held = null
  made.own.canvas.onpointerdown = (event) => {
    const [x, y] = at(event)
    const hit = (answer?.kinds.length === items.length ? items : []).findLastIndex((_, i) => {
      const [x1, y1, x2, y2] = Array.from(
        answer?.truth.subarray(4 * i, 4 * i + 4) ?? [],
        (n) => n * SIDE,
      )
      return x >= x1 - 1 && x <= x2 + 1 && y >= y1 - 1 && y <= y2 + 1
    })
    if (hit < 0) return
    chosen = hit
    held = [x - items[hit][2], y - items[hit][3]]
    made.own.canvas.setPointerCapture(event.pointerId)
    view.paint()
  }
  made.own.canvas.onpointermove = (event) => {
    if (!held) return
    const [x, y] = at(event)
    shift(x - held[0] - items[chosen][2], y - held[1] - items[chosen][3])
  }
  made.own.canvas.onpointerup = made.own.canvas.onpointercancel = () => {
    held = null
  }

  /** @param {number} x @param {number} y @param {number} [larger] */
  function shift(x, y, larger = 0) {
    const item = items[chosen]
    if (!item) return
    const keep = (/** @type {number} */ n, /** @type {number} */ low, /** @type {number} */ high) =>
      Math.min(high, Math.max(low, Math.round(10 * n) / 10))
    items[chosen] = [
      item[0],
      item[1],
      keep(item[2] + x, -12, SIDE - 6),
      keep(item[3] + y, -12, SIDE - 6),
      keep(item[4] + larger, 8, 48),
    ]
    moved()
  }

  made.own.canvas.onkeydown = (event) => {
    const way = ARROWS[event.key]
    const larger = { "+": 2, "=": 2, "-": -2 }[event.key]
    if (way) shift(way[0] * STEP, way[1] * STEP)
    else if (larger) shift(0, 0, larger)
    else if (event.key === "Delete" || event.key === "Backspace") {
      items = items.filter((_, i) => i !== chosen)
      chosen = Math.max(0, items.length - 1)
      if (!items.length) answer = null
      moved()
    } else return
    event.preventDefault()
    event.stopPropagation()
  }

  /** @param {DetectAnswer} found @returns {[Truth[], Found[], string[]]} */
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

  /** @param {DetectAnswer} found */
  function drawAnswer(found) {
    const [truth, said, masks] = read(found)
    const picture = element("canvas")
    paintImage(picture, found.canvas, found.canvas.shape)
    const ground = (/** @type {CanvasRenderingContext2D} */ pen, /** @type {number} */ side) =>
      pen.drawImage(picture, 0, 0, side, side)
    paintBoxes(made.own.canvas, ground, [], [], [], false)
    const pen = penOf(made.own.canvas)
    if (truth[chosen]) frame(pen, truth[chosen], SIDE * SCALE, TRUE, true)
    drawCells(found)
    const { verdicts, missed } = judged(truth, said, masks, LEAST_SCORE)
    paintBoxes(made.boxes.canvas, ground, [], [], [], false)
    const likely = Array.from(found.objects)
      .map((chance, i) => ({ chance, i }))
      .filter(({ chance }) => chance >= SHOWN_CELL)
    for (const { chance, i } of likely) {
      const cell = penOf(made.boxes.canvas)
      cell.globalAlpha = Math.max(0.25, chance)
      frame(
        cell,
        found.cells.subarray(4 * i, 4 * i + 4),
        SIDE * SCALE,
        cssOf(VIRIDIS[Math.round(255 * (0.35 + 0.65 * chance))]),
      )
    }
    put(
      made.boxes.words,
      `${likely.length} ${likely.length === 1 ? "cell" : "cells"} of a probability of at least ${percent(SHOWN_CELL)}`,
    )
    paintBoxes(made.left.canvas, ground, truth, verdicts, view.data.classes, true)
    put(
      made.left.words,
      `${verdicts.filter((each) => each.right).length} of ${truth.length} found${missed ? `, ${missed} missed` : ""}; what overlaps something surer by half is left out`,
    )
  }

  /** @param {DetectAnswer} found */
  function drawCells(found) {
    const [rows, columns] = found.objects.shape
    const side = SIDE * SCALE
    made.cells.canvas.width = made.cells.canvas.height = side
    const pen = penOf(made.cells.canvas)
    let most = 0
    for (const [i, chance] of found.objects.entries()) {
      most = Math.max(most, chance)
      pen.fillStyle = cssOf(VIRIDIS[Math.round(255 * chance)])
      pen.fillRect(
        (i % columns) * (side / columns),
        Math.floor(i / columns) * (side / rows),
        side / columns,
        side / rows,
      )
    }
    put(made.cells.words, `That an item's centre is in a cell: at most ${percent(most)}`)
  }

  let named = ""
  return {
    adopt({ run, classes }) {
      if (run !== of) {
        of = run
        answer = null
      }
      if (String(classes) !== named) {
        named = String(classes)
        made.add.replaceChildren(
          element("span", { text: "Add" }),
          ...classes.map((name, kind) => {
            const chip = element("button", { type: "button", className: "quiet", text: name })
            chip.onclick = () => place(kind)
            return chip
          }),
        )
        items = []
        for (const kind of [3, 8]) place(kind % classes.length)
      }
      view.follow([run], ["snapshots", "evaluation", "state"])
    },
    draw() {
      if (of && kept() && (!answer || answer.step !== view.facts().step)) asker.want()
      const ready = Boolean(of && kept())
      view.root.classList.toggle("is-empty", !ready)
      put(made.empty, ready ? "" : LATER)
      if (answer && answer.kinds.length === items.length) drawAnswer(answer)
    },
  }
})
