// The confusion matrix on the validation images and the accuracy of each class.

import { subscribe } from "./stream.js"
import { count, element, percent, put } from "./words.js"

export function mount(root, component) {
  const caption = element("p", { className: "caption" })
  const grid = element("div", { className: "matrix" })
  const bars = element("ol", { className: "classes" })
  const empty = element("p", { className: "empty" })
  root.classList.add("confusion")
  root.append(caption, element("div", { className: "stage" }, grid, bars, empty))

  let id
  let classes = []
  let facts = {}
  let cells = []
  let fills = []
  let stop = () => {}

  function build() {
    const longest = Math.max(1, ...classes.map((name) => name.length))
    root.style.setProperty("--name", `${Math.min(longest, 10) + 1}ch`)
    const table = element("table", { "aria-label": "Confusion matrix: rows are the true class" })
    const head = element("tr", {}, element("th", { className: "corner", text: "true ↓  said →" }))
    for (const name of classes)
      head.append(element("th", { scope: "col", text: short(name), title: name }))
    table.append(element("thead", {}, head))
    const body = element("tbody")
    cells = classes.map((name) => {
      const row = element("tr", {}, element("th", { scope: "row", text: name, title: name }))
      const made = classes.map(() => row.appendChild(element("td")))
      body.append(row)
      return made
    })
    table.append(body)
    grid.replaceChildren(table)
    fills = classes.map((name) => {
      const bar = element("i", { "aria-hidden": "true" })
      const value = element("b")
      bars.append(
        element(
          "li",
          {},
          element("span", { text: name, title: name }),
          element("u", {}, bar),
          value,
        ),
      )
      return { bar, value }
    })
  }

  const short = (name) => (name.length > 5 ? `${name.slice(0, 4)}.` : name)

  function draw() {
    const evaluation = facts.evaluation
    const matrix = evaluation?.confusion
    const fits = matrix && matrix.length === classes.length
    root.classList.toggle("is-empty", !fits)
    put(
      empty,
      fits
        ? ""
        : "After the first look at the validation images, what is taken for what shows here",
    )
    put(
      caption,
      fits ? `${count(evaluation.images)} validation images, step ${count(evaluation.step)}` : "",
    )
    if (!fits) return
    for (const [i, row] of matrix.entries()) {
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
      fills[i].bar.style.transform = `scaleX(${accuracy ?? 0})`
      put(fills[i].value, percent(accuracy))
    }
  }

  function adopt(data) {
    if (data.classes.join("\n") !== classes.join("\n")) {
      classes = data.classes
      bars.replaceChildren()
      build()
    }
    if (data.run !== id) {
      id = data.run
      facts = {}
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
