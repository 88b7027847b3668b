// The confusion matrix on the validation images and the accuracy of each class.

import { mounts } from "./view.js"
import { count, element, percent, put, weightsOf } from "./words.js"

/** @import {ConfusionData, Facts} from "./wire.js" */
/** @import {View} from "./view.js" */

const LATER = "After the first evaluation, which class is taken for which shows here"
/** @param {Facts} facts */
const captionOf = (facts) =>
  `${count(facts.evaluation?.images ?? 0)} validation images, ${weightsOf(facts)}`
/** @param {string} name */
const short = (name) => (name.length > 5 ? `${name.slice(0, 4)}.` : name)

/**
 * The table, a cell for each pair of classes.
 * @param {string[]} classes
 */
function matrixOf(classes) {
  const table = element("table", { "aria-label": "Confusion matrix: rows are the true class" })
  const head = element("tr", {}, element("th", { className: "corner", text: "true ↓  said →" }))
  for (const name of classes)
    head.append(element("th", { scope: "col", text: short(name), title: name }))
  table.append(element("thead", {}, head))
  const body = element("tbody")
  const cells = classes.map((name) => {
    const row = element("tr", {}, element("th", { scope: "row", text: name, title: name }))
    const made = classes.map(() => row.appendChild(element("td")))
    body.append(row)
    return made
  })
  table.append(body)
  return { table, cells }
}

/**
 * The accuracy of a class: its bar, and its number.
 * @param {string} name
 */
function rowOf(name) {
  const bar = element("i", { "aria-hidden": "true" })
  const value = element("b")
  const label = element("span", { text: name, title: name })
  return { node: element("li", {}, label, element("u", {}, bar), value), bar, value }
}

export const mount = mounts((/** @type {View<ConfusionData>} */ view) => {
  const { root } = view
  const caption = element("p", { className: "caption" })
  const grid = element("div", { className: "matrix" })
  const bars = element("ol", { className: "classes" })
  const empty = element("p", { className: "empty" })
  root.classList.add("confusion")
  root.append(caption, element("div", { className: "stage" }, grid, bars, empty))

  /** @type {string[]} */
  let classes = []
  /** @type {HTMLElement[][]} */
  let cells = []
  /** @type {ReturnType<typeof rowOf>[]} */
  let rows = []

  function build() {
    const longest = Math.max(1, ...classes.map((name) => name.length))
    root.style.setProperty("--name", `${Math.min(longest, 10) + 1}ch`)
    root.classList.toggle("is-many", classes.length > 10)
    const made = matrixOf(classes)
    cells = made.cells
    grid.replaceChildren(made.table)
    rows = classes.map(rowOf)
    bars.replaceChildren(...rows.map(({ node }) => node))
  }

  /**
   * @param {number} i the true class
   * @param {number[]} row
   */
  function drawRow(i, row) {
    const total = row.reduce((sum, value) => sum + value, 0)
    for (const [j, value] of row.entries()) {
      const cell = cells[i][j]
      const share = total ? value / total : 0
      put(cell, value ? String(value) : "")
      // Rare mistakes must be seen: the square root spreads the small shares.
      cell.style.setProperty("--share", `${Math.round(100 * Math.sqrt(share))}%`)
      cell.className = i === j ? "right" : "wrong"
      cell.classList.toggle("full", share > 0.35)
      cell.title = `${classes[i]} taken for ${classes[j]}: ${count(value)} of ${count(total)} (${percent(share)})`
    }
    const accuracy = total ? row[i] / total : null
    rows[i].bar.style.transform = `scaleX(${accuracy ?? 0})`
    put(rows[i].value, percent(accuracy))
  }

  return {
    adopt(data) {
      if (data.classes.join("\n") !== classes.join("\n")) {
        classes = data.classes
        build()
      }
      view.follow([data.run], ["evaluation", "state", "best"])
    },
    draw() {
      const facts = view.facts()
      const evaluation = view.evaluation()
      const matrix = evaluation?.confusion
      const fits = matrix?.length === classes.length
      root.classList.toggle("is-empty", !fits)
      // It shows faintly where the numbers will be; there is nothing to read yet.
      for (const part of root.querySelectorAll(":is(.matrix, .classes)"))
        part.toggleAttribute("inert", !fits)
      put(empty, fits ? "" : LATER)
      put(caption, fits ? captionOf({ ...facts, evaluation }) : "")
      if (fits) for (const [i, row] of matrix.entries()) drawRow(i, row)
    },
  }
})
