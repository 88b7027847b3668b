// What the views of single test images share: tiles under a bar that shows all of them or the wrong
// ones, and the images of a strip, which come side by side in one picture.

import { address } from "./ask.js"
import { penOf } from "./pixels.js"
import { element, put } from "./words.js"

/**
 * The bar and the room for tiles of a view; `choose` hears whether only the wrong ones are wanted.
 * @param {HTMLElement} root
 * @param {string} className of the view
 * @param {string} all what the button that shows all of them says
 * @param {(onlyWrong: boolean) => void} choose
 */
export function tilesIn(root, className, all, choose) {
  const texts = [all, "Wrong only"]
  const buttons = texts.map((text, place) => {
    const button = element("button", { type: "button", className: "quiet", text })
    button.onclick = () => choose(place === 1)
    return button
  })
  const group = { className: "pick", role: "group", "aria-label": "Show" }
  const tally = element("span", { className: "tally" })
  const tiles = element("ul", { className: "tiles" })
  const empty = element("p", { className: "empty" })
  root.classList.add(className)
  root.append(
    element("div", { className: "bar" }, element("span", group, ...buttons), tally),
    element("div", { className: "stage" }, tiles, empty),
  )
  return {
    tiles,
    /**
     * What stands beside the buttons, and in place of tiles where there are none.
     * @param {boolean} onlyWrong
     * @param {boolean} some whether there is anything to show yet
     * @param {string} right how many are
     * @param {string} instead
     */
    say(onlyWrong, some, right, instead) {
      root.classList.toggle("is-empty", !some)
      for (const [place, button] of buttons.entries()) {
        button.setAttribute("aria-pressed", String((place === 1) === onlyWrong))
      }
      put(tally, some ? right : "")
      put(empty, instead)
    },
  }
}

/**
 * The images that a run's strip is of, side by side in one; `loaded` gets them once they are here.
 * @param {string} run
 * @param {"images" | "partners"} which
 * @param {(images: HTMLImageElement) => void} loaded
 */
export function loadStrip(run, which, loaded) {
  const image = new Image()
  image.onload = () => loaded(image)
  const source = address(`strip/${encodeURIComponent(run)}.png`)
  if (which !== "images") source.searchParams.set("of", which)
  image.src = String(source)
}

/**
 * Paints the image at a place of so many that stand side by side.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLImageElement} images
 * @param {number} place
 * @param {number} count
 */
export function paintOne(canvas, images, place, count) {
  const size = Math.round(images.width / count)
  canvas.width = size
  canvas.height = images.height
  penOf(canvas).drawImage(images, place * size, 0, size, images.height, 0, 0, size, images.height)
}
