// Test images, and beneath each what an autoencoder makes of it.

import { look } from "./ask.js"
import { Asker } from "./asker.js"
import { moment } from "./moment.js"
import { paintImage } from "./pixels.js"
import { mounts } from "./view.js"
import { element, put } from "./words.js"

/** @import {Bytes, ReconstructionsAnswer, ReconstructionsData} from "./wire.js" */
/** @import {View} from "./view.js" */

const LATER =
  "Test images and their reconstructions show here once the network has learned a little"
const LIVE_MS = 700
const ROWS = /** @type {const} */ (["images", "given", "reconstructions"])
const NAMES = { images: "Image", given: "With noise", reconstructions: "Reconstruction" }

export const mount = mounts((/** @type {View<ReconstructionsData>} */ view) => {
  const rows = element("div", { className: "rows" })
  const empty = element("p", { className: "empty" })
  const trouble = element("p", { className: "trouble", role: "status" })
  view.root.classList.add("reconstructions")
  view.root.append(rows, empty, trouble)
  /** @type {string | null} */
  let of = null
  /** @type {ReconstructionsAnswer | null} */
  let answer = null
  /** @type {ReconstructionsAnswer | null} */
  let shown = null
  const kept = () => (view.facts().snapshots ?? []).length > 0
  const at = () => (moment.step === null ? {} : { step: moment.step })

  const asker = new Asker({
    question: () => (of && kept() ? of : null),
    ask: (run, signal) => look({ run, what: "reconstructions", ...at() }, signal),
    take: (found) => {
      answer = found
      put(trouble, "")
      view.paint()
    },
    refuse: (error) => put(trouble, error.words),
    rest: () => (view.facts().state === "running" ? LIVE_MS : 0),
  })
  view.onEnd(() => asker.end())
  view.onEnd(moment.follow(() => asker.changed()))
  view.onEnd(moment.await(() => asker.busy))

  /**
   * @param {Bytes} images
   * @param {string} name
   * @param {ReconstructionsAnswer} found
   */
  function row(images, name, found) {
    const [count, ...size] = images.shape
    const [height, width, channels] = size
    const tiles = Array.from({ length: count }, (_, i) => {
      const called = view.data.classes[found.labels[i]] ?? found.labels[i]
      const canvas = element("canvas", { role: "img", "aria-label": `${name} of ${called}` })
      paintImage(canvas, images, size, i * height * width * channels)
      return canvas
    })
    return element("div", { className: "row" }, element("b", { text: name }), ...tiles)
  }

  return {
    adopt({ run }) {
      if (run !== of) {
        of = run
        answer = null
      }
      view.follow([run], ["snapshots", "evaluation", "state"])
    },
    draw() {
      if (of && kept() && (!answer || (moment.step === null && answer.step !== view.facts().step)))
        asker.want()
      view.root.classList.toggle("is-empty", !answer)
      put(empty, answer ? "" : LATER)
      if (answer === shown) return
      shown = answer
      const found = answer
      rows.replaceChildren(
        ...ROWS.flatMap((name) => {
          const images = found?.[name]
          return found && images ? [row(images, NAMES[name], found)] : []
        }),
      )
    },
  }
})
