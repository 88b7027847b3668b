// Reliability diagrams: how often a network is right, by how sure it is (Guo et al. 2017), one for
// each run, with what it costs in numbers.

import { subscribe } from "./stream.js"
import { count, digits, element, percent, put, runColor, theme } from "./words.js"

const SPACE = "http://www.w3.org/2000/svg"
const LEFT = 40
const TOP = 8
const SIDE = 200
const COUNTS = 26 // height of the strip that says how many images each bar stands for

function shape(name, attributes) {
  const made = document.createElementNS(SPACE, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

class Diagram {
  constructor() {
    this.name = element("h4")
    this.numbers = element("p", { className: "numbers" })
    this.svg = shape("svg", {
      viewBox: `0 0 ${LEFT + SIDE + 12} ${TOP + SIDE + COUNTS + 40}`,
      role: "img",
    })
    this.node = element("section", { className: "diagram" }, this.name, this.svg, this.numbers)
    this.shows = ""
  }

  draw(about, run, colors) {
    const rows = run?.facts.evaluation?.reliability
    const metrics = run?.facts.metrics ?? {}
    const shows = JSON.stringify([about, rows, colors.key, metrics])
    if (shows === this.shows) return
    this.shows = shows
    put(this.name, about.name)
    const color = runColor(about.color, colors)
    const text = (x, y, words, anchor = "middle") => {
      const made = shape("text", { x, y, "text-anchor": anchor, fill: colors.faint })
      made.textContent = words
      return made
    }
    const down = (share) => TOP + SIDE * (1 - share)
    const across = (share) => LEFT + SIDE * share
    const parts = []
    for (const share of [0, 0.5, 1]) {
      const level = { x1: LEFT, x2: LEFT + SIDE, y1: down(share), y2: down(share) }
      parts.push(shape("line", { ...level, stroke: colors.border }))
      parts.push(text(LEFT - 6, down(share) + 4, `${100 * share}`, "end"))
      parts.push(text(across(share), TOP + SIDE + COUNTS + 18, `${100 * share}`))
    }
    const label = text(0, 0, "right, %")
    label.setAttribute("transform", `translate(11 ${TOP + SIDE / 2}) rotate(-90)`)
    parts.push(label, text(LEFT + SIDE / 2, TOP + SIDE + COUNTS + 35, "sure, %"))
    if (rows) this.bars(rows, parts, { color, colors, down, across })
    parts.push(
      shape("line", {
        x1: across(0),
        y1: down(0),
        x2: across(1),
        y2: down(1),
        stroke: colors.text,
        "stroke-dasharray": "4 4",
      }),
    )
    this.svg.replaceChildren(...parts)
    const said = [
      ["ECE", percent(metrics.validation_expected_calibration_error)],
      ["Brier", digits(metrics.validation_brier)],
      ["NLL", digits(metrics.validation_negative_log_likelihood)],
    ]
    this.numbers.replaceChildren(
      ...said.map(([name, value]) =>
        element("span", {}, element("small", { text: name }), element("b", { text: value })),
      ),
    )
    const spoken = said.map(([name, value]) => `${name} ${value}`).join(", ")
    this.svg.setAttribute("aria-label", `Reliability of ${about.name}: ${spoken}`)
  }

  bars([counts, sure, right], parts, { color, colors, down, across }) {
    const wide = SIDE / counts.length
    const most = Math.max(...counts, 1)
    counts.forEach((images, place) => {
      if (!images) return
      const accuracy = right[place] / images
      const x = across(place / counts.length) + 0.75
      const bar = { x, width: wide - 1.5 }
      const tip = shape("title", {})
      tip.textContent =
        `${count(images)} images, sure ${percent(sure[place] / images)}, ` +
        `right ${percent(accuracy)}`
      const group = shape("g", {})
      // Faint where a bar stands for so few images that its height is mostly chance.
      const opacity = images < 10 ? 0.35 : 0.85
      group.append(
        tip,
        shape("rect", { ...bar, y: down(accuracy), height: SIDE * accuracy, fill: color, opacity }),
        shape("rect", {
          ...bar,
          y: down(0) + COUNTS - (COUNTS - 4) * Math.sqrt(images / most),
          height: (COUNTS - 4) * Math.sqrt(images / most),
          fill: colors.faint,
          opacity: 0.5,
        }),
      )
      parts.push(group)
    })
  }
}

export function mount(root, component) {
  const grid = element("div", { className: "diagrams" })
  const empty = element("p", { className: "empty" })
  root.classList.add("reliability")
  root.append(grid, empty)
  const known = new Map()
  let colors = theme(root)
  let about = []
  let diagrams = []
  let asked = ""
  let stop = () => {}

  function draw() {
    for (const [i, diagram] of diagrams.entries()) {
      diagram.draw(about[i], known.get(about[i].id), colors)
    }
    put(empty, about.length ? "" : "Press Train: how honest its confidence is will show here")
  }

  function adopt(data) {
    about = data.runs
    const ids = about.map(({ id }) => id)
    if (ids.length !== diagrams.length) {
      diagrams = ids.map(() => new Diagram())
      grid.replaceChildren(...diagrams.map(({ node }) => node))
    }
    if (ids.join() !== asked) {
      asked = ids.join()
      for (const id of [...known.keys()]) if (!ids.includes(id)) known.delete(id)
      const old = stop
      stop = ids.length
        ? subscribe(ids, (run, changed) => {
            known.set(run.id, run)
            if (changed.has("evaluation") || changed.has("metrics")) draw()
          })
        : () => {}
      old()
    }
    draw()
  }

  adopt(component.data)
  return {
    update(next) {
      const now = theme(root)
      if (now.key !== colors.key) colors = now
      adopt(next.data)
    },
    destroy() {
      stop()
      root.replaceChildren()
    },
  }
}
