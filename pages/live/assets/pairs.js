// Pairs of test images: what a network says of each image and of both, hardest pairs first.

import { ranked } from "./pairs-order.js"
import { loadStrip, paintOne, tilesIn } from "./tiles.js"
import { mounts } from "./view.js"
import { digits, element, percent, put } from "./words.js"

/** @import {Pair} from "./pairs-order.js" */
/** @import {PairsData, PairsResults} from "./wire.js" */
/** @import {View} from "./view.js" */

const LATER = "Pairs of test images show here once the network has learned a little"

function tileOf() {
  const left = element("canvas", { role: "img" })
  const right = element("canvas", { role: "img" })
  const verdict = element("p", { className: "verdict" })
  const names = element("p", { className: "names" })
  const far = element("small")
  const images = element("div", { className: "images" }, left, right)
  return { node: element("li", {}, images, verdict, names, far), left, right, verdict, names, far }
}

export const mount = mounts((/** @type {View<PairsData>} */ view) => {
  const bar = tilesIn(view.root, "pairs", "Hardest first", (wanted) => {
    onlyWrong = wanted
    view.paint()
  })
  let onlyWrong = false
  /** @type {string | null} */
  let of = null
  /** @type {ReturnType<typeof tileOf>[]} */
  const made = []
  /** @type {{images?: HTMLImageElement, partners?: HTMLImageElement}} */
  let sprites = {}

  /**
   * @param {string} run
   * @param {"images" | "partners"} which
   */
  function load(run, which) {
    loadStrip(run, which, (images) => {
      if (run !== of || view.gone) return
      sprites[which] = images
      view.paint()
    })
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLImageElement | undefined} sprite
   * @param {number} place
   * @param {number} count
   */
  function paint(canvas, sprite, place, count) {
    if (!sprite || canvas.dataset.shows === `${of} ${place}`) return
    paintOne(canvas, sprite, place, count)
    canvas.dataset.shows = `${of} ${place}`
  }

  /**
   * @param {ReturnType<typeof tileOf>} tile
   * @param {Pair} pair
   * @param {PairsResults} results
   */
  function draw(tile, pair, results) {
    const { place, truth, said, sure } = pair
    const count = results.same.length
    const sides = /** @type {const} */ ([
      [tile.left, "images", results.left[place]],
      [tile.right, "partners", results.right[place]],
    ])
    const called = sides.map(([canvas, which, [is, says, chance]]) => {
      paint(canvas, sprites[which], place, count)
      const name = view.data.classes[says] ?? says
      canvas.setAttribute(
        "aria-label",
        `${view.data.classes[is] ?? is}, taken for ${name} with probability ${percent(chance)}`,
      )
      canvas.classList.toggle("mistaken", is !== says)
      return is === says ? `${name}` : `${name}?`
    })
    const right = truth === said
    tile.node.className = right ? "right" : "wrong"
    put(tile.verdict, `${right ? "✓" : "✗"} ${said ? "same" : "different"}, ${percent(sure)}`)
    put(tile.names, called.join(" · "))
    put(tile.far, `distance ${digits(results.distance[place])}`)
    tile.node.title = `${truth ? "Of one class" : "Of two classes"}; taken for ${
      said ? "the same" : "different"
    }: ${right ? "right" : "wrong"}`
  }

  return {
    adopt({ run }) {
      if (run !== of) {
        of = run
        sprites = {}
      }
      view.follow([run], ["evaluation", "state"])
    },
    draw() {
      const results = view.evaluation()?.views.pairs
      const pairs = results ? ranked(results) : []
      const right = pairs.filter(({ truth, said }) => truth === said).length
      const shown = onlyWrong ? pairs.filter(({ truth, said }) => truth !== said) : pairs
      if (results && of && !sprites.images) {
        for (const which of /** @type {const} */ (["images", "partners"])) load(of, which)
      }
      while (made.length < shown.length) {
        const tile = tileOf()
        made.push(tile)
        bar.tiles.append(tile.node)
      }
      for (const tile of made.splice(shown.length)) tile.node.remove()
      for (const [i, pair] of shown.entries()) if (results) draw(made[i], pair, results)
      const none = onlyWrong && !shown.length ? "No pair of these is wrong now" : ""
      const tally = `${right} of ${pairs.length} pairs right`
      bar.say(onlyWrong, pairs.length > 0, tally, pairs.length ? none : LATER)
    },
  }
})
