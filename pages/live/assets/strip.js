// Test images with what the network says of each, right and wrong told apart by sign and words.

import { address } from "./ask.js"
import { penOf } from "./pixels.js"
import { mounts } from "./view.js"
import { element, percent, put } from "./words.js"

/** @import {StripData} from "./wire.js" */
/** @import {View} from "./view.js" */
/** The images side by side, each of so many pixels. @typedef {{image: HTMLImageElement, size: number}} Sprite */

const LATER = "Test images and what the network says of them show here once it has learned a little"

function tileOf() {
  const picture = element("canvas", { role: "img" })
  const sign = element("b", { "aria-hidden": "true" })
  const name = element("span")
  const share = element("small", { "aria-hidden": "true" })
  const said = element("span", { className: "said", "aria-hidden": "true" }, sign, name)
  return { node: element("li", {}, picture, said, share), picture, sign, name, share }
}

/**
 * The image at place `i` of the sprite.
 * @param {HTMLCanvasElement} picture
 * @param {Sprite | null} sprite
 * @param {number} i
 */
function paint(picture, sprite, i) {
  if (!sprite) return
  const { image, size } = sprite
  picture.width = size
  picture.height = image.height
  penOf(picture).drawImage(image, i * size, 0, size, image.height, 0, 0, size, image.height)
}

export const mount = mounts((/** @type {View<StripData>} */ view) => {
  const { root } = view
  const all = element("button", { type: "button", className: "quiet", text: "All" })
  const wrong = element("button", { type: "button", className: "quiet", text: "Wrong only" })
  const pick = element(
    "span",
    { className: "pick", role: "group", "aria-label": "Show" },
    all,
    wrong,
  )
  const tally = element("span", { className: "tally" })
  const tiles = element("ul", { className: "tiles" })
  const empty = element("p", { className: "empty" })
  root.classList.add("strip")
  root.append(
    element("div", { className: "bar" }, pick, tally),
    element("div", { className: "stage" }, tiles, empty),
  )

  let { which } = view.data
  /** @type {string | null} */
  let of = null
  /** @type {ReturnType<typeof tileOf>[]} */
  let made = []
  /** @type {Sprite | null} */
  let sprite = null

  /** @param {number} number */
  function build(number) {
    made = Array.from({ length: number }, tileOf)
    for (const [i, { picture }] of made.entries()) paint(picture, sprite, i)
    tiles.replaceChildren(...made.map(({ node }) => node))
    if (number && !sprite && of) load(of, number)
  }

  /**
   * @param {string} run
   * @param {number} number
   */
  function load(run, number) {
    const image = new Image()
    image.onload = () => {
      if (run !== of) return
      sprite = { image, size: Math.round(image.width / number) }
      for (const [i, { picture }] of made.entries()) paint(picture, sprite, i)
    }
    image.src = String(address(`strip/${encodeURIComponent(run)}.png`))
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

  /** @param {"all" | "wrong"} chosen */
  const choose = (chosen) => () => {
    which = chosen
    view.paint()
  }
  all.onclick = choose("all")
  wrong.onclick = choose("wrong")

  return {
    adopt({ run, which: wanted }, before) {
      if (before && wanted !== before.which) which = wanted
      if (run !== of) {
        of = run
        sprite = null
        build(0)
      }
      view.follow([run], ["evaluation", "state"])
    },
    draw() {
      const strip = view.facts().evaluation?.strip ?? []
      const mistakes = strip.filter(([said, , truth]) => said !== truth).length
      root.classList.toggle("is-empty", !strip.length)
      all.setAttribute("aria-pressed", String(which === "all"))
      wrong.setAttribute("aria-pressed", String(which === "wrong"))
      if (made.length !== strip.length) build(strip.length)
      for (const [i, answer] of strip.entries()) drawTile(made[i], answer)
      put(tally, strip.length ? `${strip.length - mistakes} of ${strip.length} right` : "")
      const none = which === "wrong" && !mistakes ? "None of these images is wrong now" : ""
      put(empty, strip.length ? none : LATER)
    },
  }
})
