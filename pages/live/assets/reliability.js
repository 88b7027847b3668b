// Reliability diagrams: how often a network is right, by how sure it is (Guo et al. 2017), one for
// each run, with what it costs in numbers.

import { calibrationError } from "./fit.js"
import { shape } from "./svg.js"
import { mounts } from "./view.js"
import { count, digits, element, percent, put, putAway, runColor } from "./words.js"

/** @import {Evaluation, Facts, ReliabilityData, RunAbout} from "./wire.js" */
/** @import {View} from "./view.js" */
/** @import {Theme} from "./words.js" */

const LEFT = 40
const TOP = 8
const SIDE = 200
const COUNTS = 26 // height of the strip that says how many images each bar stands for

/** @param {number} share */
const down = (share) => TOP + SIDE * (1 - share)
/** @param {number} share */
const across = (share) => LEFT + SIDE * share

class Diagram {
  name = element("h4")
  numbers = element("p", { className: "numbers" })
  away = element("p", { className: "away" })
  #shows = ""

  constructor() {
    this.svg = shape("svg", {
      viewBox: `0 0 ${LEFT + SIDE + 12} ${TOP + SIDE + COUNTS + 40}`,
      role: "img",
    })
    this.node = element(
      "section",
      { className: "diagram" },
      this.name,
      this.svg,
      this.numbers,
      this.away,
    )
  }

  /**
   * @param {RunAbout} about
   * @param {Facts} facts
   * @param {Evaluation | null | undefined} evaluation
   * @param {Theme} colors
   */
  draw(about, facts, evaluation, colors) {
    const rows = evaluation?.reliability
    const metrics = evaluation?.metrics ?? facts.metrics ?? {}
    const shows = JSON.stringify([about, rows, colors.key, metrics, facts.best])
    if (shows === this.#shows) return
    this.#shows = shows
    put(this.name, about.name)
    this.name.title = about.name
    const away = putAway(facts)
    put(this.away, away && `Of ${away}`)
    const color = runColor(about.color, colors)
    /** @type {(x: number, y: number, words: string, anchor?: string) => SVGElement} */
    const text = (x, y, words, anchor = "middle") => {
      const made = shape("text", { x, y, "text-anchor": anchor, fill: colors.faint })
      made.textContent = words
      return made
    }
    /** @type {SVGElement[]} */
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
    if (rows) parts.push(...this.bars(rows, color, colors.faint))
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
    /** @type {[name: string, value: number | null | undefined, show: (value: any) => string][]} */
    const numbers = [
      ["ECE", calibrationError(rows), percent],
      ["Brier", metrics.validation_brier, digits],
      ["NLL", metrics.validation_negative_log_likelihood, digits],
    ]
    // Not all are measured in every run.
    const known = numbers.filter(([, value]) => typeof value === "number")
    const said = known.map(([name, value, show]) => [name, show(value)])
    this.numbers.replaceChildren(
      ...said.map(([name, value]) =>
        element("span", {}, element("small", { text: name }), element("b", { text: value })),
      ),
    )
    const spoken = said.map(([name, value]) => `${name} ${value}`).join(", ")
    this.svg.setAttribute("aria-label", `Reliability of ${about.name}: ${spoken}`)
  }

  /**
   * A bar for each bin that has images, over one for how many they are.
   * @param {number[][]} rows
   * @param {string} color
   * @param {string} faint
   */
  bars([counts, sure, right], color, faint) {
    const wide = SIDE / counts.length
    const most = Math.max(...counts, 1)
    return [...counts.entries()].flatMap(([place, images]) => {
      if (!images) return []
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
          fill: faint,
          opacity: 0.5,
        }),
      )
      return [group]
    })
  }
}

export const mount = mounts((/** @type {View<ReliabilityData>} */ view) => {
  const grid = element("div", { className: "diagrams" })
  const empty = element("p", { className: "empty" })
  view.root.classList.add("reliability")
  view.root.append(grid, empty)
  /** @type {Diagram[]} */
  let diagrams = []

  return {
    adopt({ runs }) {
      if (runs.length !== diagrams.length) {
        diagrams = runs.map(() => new Diagram())
        grid.replaceChildren(...diagrams.map(({ node }) => node))
      }
      view.follow(
        runs.map(({ id }) => id),
        ["evaluation", "metrics", "best"],
      )
    },
    draw() {
      const { runs } = view.data
      for (const [i, diagram] of diagrams.entries()) {
        const { id } = runs[i]
        diagram.draw(runs[i], view.facts(id), view.evaluation(id), view.colors)
      }
      put(empty, runs.length ? "" : "Press Train: how honest its confidence is will show here")
    },
  }
})
