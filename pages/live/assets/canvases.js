// Test canvases with the true boxes, and what a detector finds on each: boxes, masks and scores.

import { judged, paintBoxes } from "./boxes.js"
import { loadStrip, tilesIn } from "./tiles.js"
import { mounts } from "./view.js"
import { count, element, put } from "./words.js"

/** @import {CanvasesData, CanvasesResults} from "./wire.js" */
/** @import {View} from "./view.js" */

const LATER =
  "Test canvases with true and predicted boxes show here once the network has learned a little"
const LEAST = "0.3"

function controls() {
  const score = element("input", {
    type: "range",
    min: "0.05",
    max: "0.95",
    step: "0.05",
    value: LEAST,
  })
  const said = element("output", { text: LEAST })
  const masks = element("input", { type: "checkbox" })
  masks.checked = true
  const row = element(
    "div",
    { className: "ways" },
    element("label", {}, "Shown from a score of ", score, said),
    element("label", {}, masks, " Masks"),
    element("span", { className: "key true", text: "true" }),
    element("span", { className: "key right", text: "found, right" }),
    element("span", { className: "key wrong", text: "found, wrong" }),
  )
  return { row, score, said, masks }
}

export const mount = mounts((/** @type {View<CanvasesData>} */ view) => {
  const bar = tilesIn(view.root, "canvases", "All", (wanted) => {
    onlyWrong = wanted
    view.paint()
  })
  const { row, score, said, masks } = controls()
  view.root.querySelector(".bar")?.after(row)
  score.oninput = masks.onchange = () => view.paint()
  let onlyWrong = false
  /** @type {string | null} */
  let of = null
  /** @type {HTMLImageElement | null} */
  let sprite = null
  /** @type {{node: HTMLLIElement, canvas: HTMLCanvasElement, words: HTMLElement}[]} */
  const made = []

  /** @param {number} wanted */
  function build(wanted) {
    while (made.length < wanted) {
      const canvas = element("canvas", { role: "img" })
      const words = element("small")
      const node = element("li", {}, canvas, words)
      made.push({ node, canvas, words })
      bar.tiles.append(node)
    }
    for (const { node } of made.splice(wanted)) node.remove()
  }

  /** @param {CanvasesResults} told */
  function drawAll(told) {
    const least = Number(score.value)
    const { classes } = view.data
    let right = 0
    for (const [i, { node, canvas, words }] of made.entries()) {
      const { verdicts, missed } = judged(told.truth[i], told.found[i], told.masks[i], least)
      const mistaken = verdicts.filter((each) => !each.right).length
      const good = !mistaken && !missed
      if (good) right++
      node.hidden = onlyWrong && good
      node.className = good ? "right" : "wrong"
      const parts = [mistaken ? `${mistaken} wrong` : "", missed ? `${missed} missed` : ""]
      put(words, good ? "✓ all found" : `✗ ${parts.filter(Boolean).join(", ")}`)
      canvas.setAttribute(
        "aria-label",
        `Test canvas ${i + 1} of ${told.truth[i].length} items: ${words.textContent}`,
      )
      const ground = (/** @type {CanvasRenderingContext2D} */ pen, /** @type {number} */ side) => {
        if (!sprite) return
        const size = sprite.width / made.length
        pen.drawImage(sprite, i * size, 0, size, sprite.height, 0, 0, side, side)
      }
      paintBoxes(canvas, ground, told.truth[i], verdicts, classes, masks.checked)
    }
    return right
  }

  return {
    adopt({ run }) {
      if (run !== of) {
        of = run
        sprite = null
      }
      view.follow([run], ["evaluation", "state"])
    },
    draw() {
      const told = view.facts().evaluation?.views.canvases
      put(said, Number(score.value).toFixed(2))
      row.hidden = !told
      build(told?.truth.length ?? 0)
      const run = of
      if (told && run && !sprite) {
        loadStrip(run, "images", (images) => {
          if (run !== of || view.gone) return
          sprite = images
          view.paint()
        })
      }
      const right = told ? drawAll(told) : 0
      const none =
        onlyWrong && told && right === made.length ? "No canvas of these is wrong now" : ""
      bar.say(
        onlyWrong,
        Boolean(told),
        `${count(right)} of ${made.length} canvases wholly right`,
        told ? none : LATER,
      )
    },
  }
})
