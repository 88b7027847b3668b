// Test images with what the network says of each, right and wrong told apart by sign and words.

import { loadStrip, paintOne, tilesIn } from "./tiles.js"
import { mounts } from "./view.js"
import { element, percent, put, putAway } from "./words.js"

/** @import {StripData} from "./wire.js" */
/** @import {View} from "./view.js" */

const LATER = "Test images and what the network says of them show here once it has learned a little"

function tileOf() {
  const picture = element("canvas", { role: "img" })
  const sign = element("b", { "aria-hidden": "true" })
  const name = element("span")
  const share = element("small", { "aria-hidden": "true" })
  const said = element("span", { className: "said", "aria-hidden": "true" }, sign, name)
  return { node: element("li", {}, picture, said, share), picture, sign, name, share }
}

export const mount = mounts((/** @type {View<StripData>} */ view) => {
  const bar = tilesIn(view.root, "strip", "All", (onlyWrong) => {
    which = onlyWrong ? "wrong" : "all"
    view.paint()
  })
  let { which } = view.data
  /** @type {string | null} */
  let of = null
  /** @type {ReturnType<typeof tileOf>[]} */
  let made = []
  /** @type {HTMLImageElement | null} */
  let images = null

  function paint() {
    if (!images) return
    for (const [i, { picture }] of made.entries()) paintOne(picture, images, i, made.length)
  }

  /** @param {number} number */
  function build(number) {
    made = Array.from({ length: number }, tileOf)
    paint()
    bar.tiles.replaceChildren(...made.map(({ node }) => node))
    const run = of
    if (!number || images || !run) return
    loadStrip(run, "images", (loaded) => {
      if (run !== of) return
      images = loaded
      paint()
    })
  }

  /**
   * @param {ReturnType<typeof tileOf>} tile
   * @param {[number, number, number]} answer
   */
  function drawTile({ node, picture, sign, name, share }, [said, probability, truth]) {
    const { classes } = view.data
    const right = said === truth
    node.hidden = which === "wrong" && right
    node.className = right ? "right" : "wrong"
    put(sign, right ? "✓" : "✗")
    put(name, classes[said] ?? String(said))
    put(share, percent(probability))
    const real = classes[truth] ?? truth
    node.title = right
      ? `${real}: right, with probability ${percent(probability)}`
      : `${real}, taken for ${classes[said]} with probability ${percent(probability)}`
    picture.setAttribute("aria-label", node.title)
  }

  return {
    adopt({ run, which: wanted }, before) {
      if (before && wanted !== before.which) which = wanted
      if (run !== of) {
        of = run
        images = null
        build(0)
      }
      view.follow([run], ["evaluation", "state", "best"])
    },
    draw() {
      const strip = view.evaluation()?.strip ?? []
      const mistakes = strip.filter(([said, , truth]) => said !== truth).length
      if (made.length !== strip.length) build(strip.length)
      for (const [i, answer] of strip.entries()) drawTile(made[i], answer)
      const none = which === "wrong" && !mistakes ? "None of these images is wrong now" : ""
      const away = putAway(view.facts())
      const right = `${strip.length - mistakes} of ${strip.length} right${away && ` by ${away}`}`
      bar.say(which === "wrong", strip.length > 0, right, strip.length ? none : LATER)
    },
  }
})
