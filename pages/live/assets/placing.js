// A canvas of one's own, of items placed with the mouse or the keys, or a test canvas, and what the
// network makes of it, stage by stage.

import { look } from "./ask.js"
import { Asker } from "./asker.js"
import { frame, paintBoxes, SCALE, TRUE } from "./boxes.js"
import { penOf } from "./pixels.js"
import { pictureOf, stageOf, stages } from "./stages.js"
import { mounts } from "./view.js"
import { element, put } from "./words.js"

/** @import {DetectAnswer, PlacingData} from "./wire.js" */
/** @import {View} from "./view.js" */
/** Class, which of its test images, left, top, longer side. @typedef {[number, number, number, number, number]} Item */

const LATER = "Place items here once a network has learned a little"
const LIVE_MS = 900
const SIDE = 64
const MOST = 4
const STEP = 1
const YOURS = "Your canvas"
const HELP =
  "Drag an item, or move it with the arrow keys; + and − change its size, Delete takes it away."
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

function parts() {
  const own = stageOf(YOURS, HELP)
  own.canvas.tabIndex = 0
  own.canvas.classList.add("own")
  const add = element("div", { className: "legend", role: "group", "aria-label": "Add an item" })
  const [before, after] = [
    ["‹", "Previous test canvas"],
    ["›", "Next test canvas"],
  ].map(([text, label]) =>
    element("button", { type: "button", className: "quiet", text, "aria-label": label }),
  )
  const which = element("output")
  const words = element("span", { text: "or a test canvas" })
  const turn = element("span", { className: "turn" }, words, before, which, after)
  const trouble = element("p", { className: "trouble", role: "status" })
  const empty = element("p", { className: "empty" })
  const later = stages()
  const all = element("div", { className: "stages" }, own.node, ...later.nodes)
  return { own, add, turn, before, which, after, trouble, empty, later, all }
}

export const mount = mounts((/** @type {View<PlacingData>} */ view) => {
  const made = parts()
  view.root.classList.add("placing")
  view.root.append(made.add, made.turn, made.all, made.empty, made.trouble)
  /** @type {string | null} */
  let of = null
  /** @type {DetectAnswer | null} */
  let answer = null
  /** @type {Item[]} */
  let items = []
  let chosen = 0
  let variant = 0
  /** @type {number | null} which test canvas is looked at; none: the visitor's own */
  let tested = null
  const kept = () => (view.facts().snapshots ?? []).length > 0

  const asker = new Asker({
    question: () => {
      if (!of || !kept() || (tested === null && !items.length)) return null
      const what = /** @type {const} */ ("detect")
      return tested === null
        ? { run: of, what, codes: items }
        : { run: of, what, image: { test: tested } }
    },
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
    tested = null
    asker.changed()
    view.paint()
  }

  const tests = () => view.facts().evaluation?.views.canvases?.truth.length ?? 0

  /** @param {number} by */
  function turn(by) {
    const count = tests()
    tested = tested === null ? (by > 0 ? 0 : count - 1) : (tested + by + count) % count
    asker.changed()
    view.paint()
  }
  made.before.onclick = () => turn(-1)
  made.after.onclick = () => turn(1)

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
    if (tested !== null) return
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
    if (tested !== null) return
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

  /** @param {DetectAnswer} found */
  function drawAnswer(found) {
    const picture = pictureOf(found)
    paintBoxes(
      made.own.canvas,
      (pen, side) => pen.drawImage(picture, 0, 0, side, side),
      [],
      [],
      [],
      false,
    )
    const pen = penOf(made.own.canvas)
    const framed = tested === null ? [chosen] : Array.from(found.kinds, (_, i) => i)
    for (const i of framed) {
      const box = found.truth.subarray(4 * i, 4 * i + 4)
      if (box.length) frame(pen, box, SIDE * SCALE, TRUE, true)
    }
    made.later.paint(found, view.data.classes)
    made.all.classList.toggle("two", found.said.length > 0)
  }

  let named = ""
  return {
    adopt({ run, classes }) {
      if (run !== of) {
        of = run
        answer = null
        tested = null
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
      made.turn.hidden = !tests()
      put(made.which, tested === null ? "–" : String(tested + 1))
      put(made.own.heading, tested === null ? YOURS : `Test canvas ${tested + 1}`)
      put(made.own.words, tested === null ? HELP : "Dashed: the true boxes.")
      made.own.canvas.classList.toggle("own", tested === null)
      if (answer && (tested !== null || answer.kinds.length === items.length)) drawAnswer(answer)
    },
  }
})
