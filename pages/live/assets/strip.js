// Test images with what the network says of each, right and wrong told apart by sign and words.

import { subscribe } from "./stream.js"
import { element, percent, put } from "./words.js"

export function mount(root, component) {
  const all = element("button", { type: "button", className: "quiet", text: "All" })
  const wrong = element("button", { type: "button", className: "quiet", text: "Wrong only" })
  const tally = element("span", { className: "tally" })
  const tiles = element("ul", { className: "tiles" })
  const empty = element("p", { className: "empty" })
  root.classList.add("strip")
  root.append(
    element(
      "div",
      { className: "bar" },
      element("span", { className: "pick", role: "group", "aria-label": "Show" }, all, wrong),
      tally,
    ),
    element("div", { className: "stage" }, tiles, empty),
  )

  let data = component.data
  let id
  let which = data.which
  let facts = {}
  let made = []
  let sprite = null // {url, count, size}
  let stop = () => {}

  function draw() {
    const strip = facts.evaluation?.strip ?? []
    root.classList.toggle("is-empty", !strip.length)
    all.setAttribute("aria-pressed", String(which === "all"))
    wrong.setAttribute("aria-pressed", String(which === "wrong"))
    if (made.length !== strip.length) build(strip.length)
    let mistakes = 0
    for (const [i, [said, probability, truth]] of strip.entries()) {
      const right = said === truth
      mistakes += right ? 0 : 1
      const { tile, sign, name, share } = made[i]
      tile.hidden = which === "wrong" && right
      tile.className = right ? "right" : "wrong"
      put(sign, right ? "✓" : "✗")
      put(name, data.classes[said] ?? String(said))
      put(share, percent(probability))
      const real = data.classes[truth] ?? truth
      tile.title = right
        ? `${real}: right, with probability ${percent(probability)}`
        : `${real}, taken for ${data.classes[said]} with probability ${percent(probability)}`
      tile.setAttribute("aria-label", tile.title)
    }
    put(tally, strip.length ? `${strip.length - mistakes} of ${strip.length} right` : "")
    const none = strip.length && which === "wrong" && !mistakes
    put(
      empty,
      !strip.length
        ? "Test images and what the network says of them show here once it has learned a little"
        : none
          ? "None of these images is wrong now"
          : "",
    )
  }

  function build(number) {
    made = Array.from({ length: number }, (_, i) => {
      const picture = element("canvas", { "aria-hidden": "true" })
      const sign = element("b", { "aria-hidden": "true" })
      const name = element("span")
      const share = element("small")
      const tile = element(
        "li",
        { role: "img" },
        picture,
        element("span", { className: "said" }, sign, name),
        share,
      )
      paint(picture, i)
      return { tile, picture, sign, name, share }
    })
    tiles.replaceChildren(...made.map(({ tile }) => tile))
    if (number && !sprite) load(number)
  }

  function load(number) {
    const of = id
    const image = new Image()
    image.onload = () => {
      if (of !== id) return
      sprite = { image, size: Math.round(image.width / number), height: image.height }
      for (const [i, { picture }] of made.entries()) paint(picture, i)
    }
    image.src = new URL(`../../strip/${encodeURIComponent(of)}.png`, import.meta.url)
  }

  function paint(picture, i) {
    if (!sprite) return
    picture.width = sprite.size
    picture.height = sprite.height
    const from = i * sprite.size
    picture
      .getContext("2d")
      .drawImage(
        sprite.image,
        from,
        0,
        sprite.size,
        sprite.height,
        0,
        0,
        sprite.size,
        sprite.height,
      )
  }

  all.onclick = () => {
    which = "all"
    draw()
  }
  wrong.onclick = () => {
    which = "wrong"
    draw()
  }

  function adopt(next) {
    if (next.which !== data.which) which = next.which
    data = next
    if (data.run !== id) {
      id = data.run
      facts = {}
      sprite = null
      build(0)
      const old = stop
      stop = id
        ? subscribe([id], (run, changed) => {
            facts = run.facts
            if (changed.has("evaluation") || changed.has("state")) draw()
          })
        : () => {}
      old()
    }
    draw()
  }

  adopt(component.data)
  return {
    update: (next) => adopt(next.data),
    destroy() {
      stop()
      root.replaceChildren()
    },
  }
}
