// An autoencoder's code: the plane of test images, a place of it decoded, the decoder's grid over
// it, walks and draws, and how much each dimension of the code is used.

import { look } from "./ask.js"
import { Asker, Newest } from "./asker.js"
import { classColor } from "./classes.js"
import { bars } from "./latent-bars.js"
import { Own } from "./latent-own.js"
import { codeAt, Plane, placeOf } from "./latent-plane.js"
import { moment } from "./moment.js"
import { paintImage } from "./pixels.js"
import { mounts } from "./view.js"
import { element, percent, put } from "./words.js"

/** @import {Bytes, LatentAnswer, LatentData} from "./wire.js" */
/** @import {View} from "./view.js" */

const LATER =
  "Where test images are put, and what is drawn of each place, show here from its first steps on"
const LIVE_MS = 900
const DRAWN = 9

/** A draw of the standard normal distribution (Box and Muller 1958). */
const normal = () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())

/**
 * The grid's images side by side, without gaps, on one canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {Bytes} grid (G, G, H, W, C)
 */
function paintGrid(canvas, grid) {
  const [rows, columns, height, width, channels] = grid.shape
  const whole = new Uint8Array(grid.length)
  const line = width * channels
  for (let i = 0; i < rows * columns * height; i++) {
    const y = i % height
    const tile = Math.floor(i / height)
    const row = Math.floor(tile / columns) * height + y
    const to = (row * columns + (tile % columns)) * line
    whole.set(grid.subarray(i * line, (i + 1) * line), to)
  }
  paintImage(canvas, whole, [rows * height, columns * width, channels])
}

/** @param {string} text @param {string} title */
const button = (text, title) =>
  element("button", { type: "button", className: "quiet", text, title })

/** @param {string} label @param {string} value */
function numberOf(label, value) {
  const field = element("input", { type: "number", min: "0", max: "1999", value })
  return { node: element("label", {}, `${label} `, field), field }
}

function parts() {
  const canvas = element("canvas", { className: "plane", role: "img", tabindex: "0" })
  const decoded = element("canvas", { className: "decoded", role: "img" })
  const where = element("p", { className: "where" })
  const legend = element("div", { className: "legend", role: "group", "aria-label": "Classes" })
  const grid = element("canvas", { className: "grid", role: "img" })
  const ofClass = element("select", { "aria-label": "Class that the decoder is told" })
  const from = numberOf("Walk from test image", "0")
  const to = numberOf("to", "1")
  const walk = button("Walk", "From one image's code to the other's in eight equal steps")
  const draw = button("Draw from the prior", "Codes drawn from the standard normal distribution")
  const row = element("div", { className: "row" })
  const used = element("section", { className: "used" })
  const trouble = element("p", { className: "trouble", role: "status" })
  const empty = element("p", { className: "empty" })
  const note = element("small")
  const own = element("div")
  return {
    ...{ canvas, decoded, where, legend, grid, ofClass, from, to, walk, draw, row, used },
    ...{ trouble, empty, note, own },
  }
}

/** @param {ReturnType<typeof parts>} made */
function arranged(made) {
  const { canvas, decoded, where, legend, grid, ofClass, from, to, walk, draw } = made
  const stage = element(
    "div",
    { className: "stage" },
    element("section", {}, element("h4", { text: "Test images" }), canvas, legend, made.note),
    element(
      "section",
      { className: "middle" },
      element("h4", { text: "Decoded" }),
      decoded,
      where,
      ofClass,
      made.used,
    ),
    element("section", {}, element("h4", { text: "The decoder over the plane" }), grid),
  )
  const ways = element("div", { className: "ways" }, from.node, to.node, walk, draw)
  return [stage, ways, made.row, made.own, made.empty, made.trouble]
}

export const mount = mounts((/** @type {View<LatentData>} */ view) => {
  const made = parts()
  view.root.classList.add("latent")
  view.root.append(...arranged(made))
  /** @type {string | null} */
  let of = null
  /** @type {LatentAnswer | null} */
  let answer = null
  /** @type {LatentAnswer | null} */
  let shown = null
  /** @type {Set<number>} */
  const hidden = new Set()
  const rowed = new Newest()
  const facts = () => view.facts()
  const kept = () => (facts().snapshots ?? []).length > 0
  const at = () => (moment.step === null ? {} : { step: moment.step })
  const complain = (/** @type {string} */ words) => put(made.trouble, words)
  const target = () => (view.data.conditional ? { target: Number(made.ofClass.value || 0) } : {})

  const plane = new Plane(made.canvas, () => {
    decoding.want()
    view.paint()
  })

  const asker = new Asker({
    question: () =>
      of && kept()
        ? { run: of, what: /** @type {const} */ ("latent"), ...target(), ...at() }
        : null,
    ask: (question, signal) => look(question, signal),
    take: (found) => {
      answer = found
      plane.answer = found
      complain("")
      decoding.want()
      own.changed()
      view.paint()
    },
    refuse: (error) => complain(error.words),
    rest: () => (facts().state === "running" ? LIVE_MS : 0),
  })
  const decoding = new Asker({
    question: () => {
      if (!of || !answer) return null
      const codes = [codeAt(answer, plane.at)]
      return { run: of, what: /** @type {const} */ ("decode"), codes, ...target(), ...at() }
    },
    ask: (question, signal) => look(question, signal),
    take: ({ images }) => {
      paintImage(made.decoded, images, images.shape.slice(1))
      complain("")
    },
    refuse: (error) => complain(error.words),
  })
  const own = new Own({
    question: () => (of && answer ? { run: of, ...target() } : null),
    placed: (code) => {
      if (!answer) return
      plane.at = placeOf(answer, code)
      decoding.want()
      view.paint()
    },
    complain,
  })
  made.own.append(own.node)
  view.onEnd(() => {
    asker.end()
    decoding.end()
    rowed.end()
    own.end()
  })
  view.onEnd(moment.follow(() => asker.changed()))
  view.onEnd(moment.await(() => asker.busy))
  view.onSize(made.canvas)

  /** @param {Record<string, unknown>} more @param {string} words */
  const show = (more, words) => {
    const run = of
    if (!run || !answer) return
    rowed.run(
      async (signal) => {
        const { images } = await look({ run, what: "decode", ...more, ...at() }, signal)
        const [count, ...size] = images.shape
        const length = size.reduce((product, each) => product * each, 1)
        made.row.replaceChildren(
          ...Array.from({ length: count }, (_, i) => {
            const tile = element("canvas", { role: "img", "aria-label": `${words}, ${i + 1}` })
            paintImage(tile, images, size, i * length)
            return tile
          }),
        )
        complain("")
      },
      (error) => complain(error.words),
    )
  }
  made.walk.onclick = () => {
    const ends = [made.from, made.to].map(({ field }) => Math.trunc(Number(field.value)))
    show({ walk: ends, ...target() }, `Between test images ${ends.join(" and ")}`)
  }
  made.draw.onclick = () => {
    const width = answer?.origin.length ?? 0
    const codes = Array.from({ length: DRAWN }, () => Array.from({ length: width }, normal))
    show({ codes, ...target() }, "Drawn from the prior")
  }
  made.ofClass.onchange = () => {
    asker.changed()
    decoding.changed()
    own.changed()
  }
  made.grid.onclick = (event) => {
    if (!answer) return
    const box = made.grid.getBoundingClientRect()
    const count = answer.across.length
    const place = (/** @type {number} */ share) =>
      Math.min(count - 1, Math.max(0, Math.floor(share * count)))
    const column = place((event.clientX - box.left) / box.width)
    const row = place((event.clientY - box.top) / box.height)
    plane.at = [answer.across[column], answer.up[row]]
    decoding.want()
    view.paint()
  }

  /** @param {string[]} palette */
  function drawLegend(palette) {
    const chips = view.data.classes.map((name, label) => {
      const chip = element("button", { type: "button", className: "chip", text: name })
      chip.style.setProperty("--class", classColor(palette, label))
      chip.setAttribute("aria-pressed", String(!hidden.has(label)))
      chip.onclick = () => {
        if (!hidden.delete(label)) hidden.add(label)
        chip.setAttribute("aria-pressed", String(!hidden.has(label)))
        view.paint()
      }
      return chip
    })
    made.legend.replaceChildren(...chips)
  }

  /** @param {LatentAnswer} found */
  function drawAnswer(found) {
    const { points, origin, share, grid } = found
    paintGrid(made.grid, grid)
    made.grid.setAttribute("aria-label", "What the decoder draws at 13 by 13 places of the plane")
    made.canvas.setAttribute(
      "aria-label",
      `The codes of ${points.length / 2} test images. Arrow keys move the ring that is decoded`,
    )
    const wide = origin.length
    put(
      made.note,
      wide > 2
        ? `The two principal axes of ${wide} dimensions: ${percent(share)} of the variance`
        : "",
    )
    made.used.replaceChildren(...bars(found, view.colors))
  }

  let painted = ""
  return {
    adopt({ run, classes, conditional, side, channels, upload }) {
      if (run !== of) {
        of = run
        answer = plane.answer = null
        plane.at = [0, 0]
        made.row.replaceChildren()
      }
      made.ofClass.hidden = !conditional
      if (made.ofClass.length !== classes.length) {
        const options = classes.map((name, i) =>
          element("option", { value: String(i), text: name }),
        )
        made.ofClass.replaceChildren(...options)
      }
      own.adopt({ side, channels, upload })
      view.follow([run], ["snapshots", "evaluation", "state"])
    },
    repaint() {
      shown = null
    },
    draw() {
      if (of && kept() && (!answer || (moment.step === null && answer.step !== facts().step)))
        asker.want()
      view.root.classList.toggle("is-empty", !answer)
      put(made.empty, answer ? "" : LATER)
      const palette = view.data.palette[view.colors.dark ? "dark" : "light"]
      const now = `${palette} ${view.data.classes}`
      if (now !== painted) drawLegend(palette)
      painted = now
      if (!answer) return
      if (answer !== shown) drawAnswer(answer)
      shown = answer
      plane.draw(view.colors, palette, hidden)
      const said = plane.at.slice(0, Math.min(2, answer.origin.length))
      put(made.where, `at ${said.map((each) => each.toFixed(2).replace("-", "−")).join(", ")}`)
      made.decoded.setAttribute("aria-label", `What the decoder draws ${made.where.textContent}`)
    },
  }
})
