// The images of old classes that are kept to train on, a row for each class.

import { address } from "./ask.js"
import { moment } from "./moment.js"
import { penOf } from "./pixels.js"
import { mounts } from "./view.js"
import { count, element, put } from "./words.js"

/** @import {ExemplarsData, ExemplarsResults} from "./wire.js" */
/** @import {View} from "./view.js" */

const LATER = "The exemplars show here from the second phase on"
const NONE = "This run keeps no exemplars of old classes"

export const mount = mounts((/** @type {View<ExemplarsData>} */ view) => {
  const { root } = view
  const list = element("ul")
  const empty = element("p", { className: "empty" })
  root.classList.add("exemplars")
  root.append(list, empty)
  let shows = ""
  /** @type {string | null} */
  let of = null

  /**
   * @param {string} run
   * @param {ExemplarsResults} results
   */
  function build(run, results) {
    /** @type {HTMLCanvasElement[]} */
    const canvases = []
    /** @type {Map<number, HTMLElement>} */
    const rows = new Map()
    for (const label of results.labels) {
      const name = view.data.classes[label] ?? String(label)
      let row = rows.get(label)
      if (!row) {
        row = element("div", { className: "images" })
        rows.set(label, row)
      }
      const canvas = element("canvas", { role: "img", "aria-label": `exemplar of ${name}` })
      canvases.push(canvas)
      row.append(canvas)
    }
    const items = [...rows].map(([label, row]) => {
      const name = element("b", { text: view.data.classes[label] ?? String(label) })
      const number = element("small", { text: `${count(results.counts[label])} kept` })
      return element("li", {}, element("span", {}, name, number), row)
    })
    list.replaceChildren(...items)
    const image = new Image()
    image.onload = () => {
      if (run !== of || view.gone) return
      const size = Math.round(image.width / canvases.length)
      for (const [i, canvas] of canvases.entries()) {
        canvas.width = size
        canvas.height = image.height
        penOf(canvas).drawImage(image, i * size, 0, size, image.height, 0, 0, size, image.height)
      }
    }
    const source = address(`strip/${encodeURIComponent(run)}.png`)
    source.searchParams.set("of", "exemplars")
    source.searchParams.set("phase", String(results.phase))
    if (moment.step !== null) source.searchParams.set("at", String(moment.step))
    image.src = String(source)
  }

  return {
    adopt({ run }) {
      of = run
      view.follow([run], ["evaluation", "state"])
    },
    draw() {
      const results = view.evaluation()?.views.exemplars
      const some = Boolean(results?.labels.length)
      root.classList.toggle("is-empty", !some)
      put(empty, some ? "" : results && results.phase > 0 ? NONE : LATER)
      const now = some ? `${of} ${results?.phase} ${view.data.classes.join()}` : ""
      if (now === shows) return
      shows = now
      if (some && results && of) build(of, results)
      else list.replaceChildren()
    },
  }
})
