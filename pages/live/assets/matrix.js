// The accuracy after each phase, a row, of the classes of each, a column; how much of it is
// forgotten, and which old class is now taken for which new one.

import { mounts } from "./view.js"
import { element, percent, put } from "./words.js"

/** @import {MatrixData, MatrixResults} from "./wire.js" */
/** @import {View} from "./view.js" */

const LATER = "After the first look at the validation images, each phase's accuracy shows here"

/**
 * The mean of what is known.
 * @param {(number | null)[]} values
 */
export function mean(values) {
  const known = values.filter((value) => value !== null)
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null
}

/**
 * How much the classes of earlier phases have lost after a phase: the best accuracy that each
 * phase's had before, less that of now, on average (Chaudhry et al., ECCV 2018).
 * @param {(number | null)[][]} rows
 * @param {number} phase
 */
export function forgotten(rows, phase) {
  const lost = []
  for (let group = 0; group < phase; group++) {
    const now = rows[phase][group]
    const before = rows.slice(0, phase).map((row) => row[group] ?? Number.NEGATIVE_INFINITY)
    const best = Math.max(...before)
    if (now !== null && Number.isFinite(best)) lost.push(best - now)
  }
  return mean(lost)
}

/** @param {string[][]} groups the names of each phase's classes */
function tableOf(groups) {
  const words = groups.map((names) => names.join(", "))
  const table = element("table", {
    "aria-label": "Accuracy after each phase of each phase's classes",
  })
  const head = element("tr", {}, element("th", { className: "corner", text: "after ↓  of →" }))
  for (const name of words) head.append(element("th", { scope: "col", text: name, title: name }))
  for (const name of ["mean", "forgotten"])
    head.append(element("th", { scope: "col", className: "sum", text: name }))
  const body = element("tbody")
  const rows = words.map((name, i) => {
    const label = element("th", {
      scope: "row",
      text: `${i + 1}`,
      title: `phase ${i + 1}: ${name}`,
    })
    const row = element("tr", {}, label)
    const cells = groups.map(() => row.appendChild(element("td")))
    const sums = [0, 1].map(() => row.appendChild(element("td", { className: "sum" })))
    body.append(row)
    return { row, cells, sums }
  })
  table.append(element("thead", {}, head), body)
  return { table, rows }
}

export const mount = mounts((/** @type {View<MatrixData>} */ view) => {
  const { root } = view
  const grid = element("div", { className: "grid" })
  const taken = element("p", { className: "taken" })
  const empty = element("p", { className: "empty" })
  root.classList.add("phases")
  root.append(element("div", { className: "stage" }, grid, empty), taken)
  /** @type {ReturnType<typeof tableOf>["rows"]} */
  let rows = []
  let built = ""

  function build() {
    const made = tableOf(view.data.groups)
    rows = made.rows
    grid.replaceChildren(made.table)
  }

  /**
   * @param {MatrixResults} results
   * @param {number} i the phase
   */
  function drawRow(results, i) {
    const { row, cells, sums } = rows[i]
    const values = results.rows[i]
    row.className = i === results.phase ? "now" : i > results.phase ? "later" : ""
    for (const [j, cell] of cells.entries()) {
      const value = i <= results.phase ? values[j] : null
      put(cell, value === null ? "" : (100 * value).toFixed(1))
      cell.style.setProperty("--share", `${value === null ? 0 : Math.round(100 * value)}%`)
      cell.classList.toggle("own", i === j)
      cell.title =
        value === null
          ? ""
          : `after phase ${i + 1}: ${percent(value)} of ${view.data.groups[j].join(", ")}`
    }
    const known = i <= results.phase ? mean(values.slice(0, i + 1)) : null
    const lost = i <= results.phase ? forgotten(results.rows, i) : null
    for (const [k, value] of [known, lost].entries())
      put(sums[k], value === null ? "" : (100 * value).toFixed(1).replace("-", "−"))
  }

  return {
    adopt(data) {
      const wanted = JSON.stringify(data.groups)
      if (wanted !== built) {
        built = wanted
        build()
      }
      view.follow([data.run], ["evaluation", "state"])
    },
    draw() {
      const results = view.evaluation()?.views.matrix
      const fits = results?.rows.length === rows.length
      root.classList.toggle("is-empty", !fits)
      grid.toggleAttribute("inert", !fits)
      put(empty, fits ? "" : LATER)
      if (!results || !fits) {
        put(taken, "")
        return
      }
      for (const i of rows.keys()) drawRow(results, i)
      const { classes } = view.data
      const most = results.taken.map(
        ([old, now, share]) => `${classes[old]} → ${classes[now]} ${percent(share)}`,
      )
      put(taken, most.length ? `Old classes now taken for new ones: ${most.join(" · ")}` : "")
    },
  }
})
