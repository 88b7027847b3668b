// How far apart pairs of one class and pairs of two are, with the distance that tells most of them
// apart, and the receiver operating characteristic of the verification.

import { shape } from "./svg.js"
import { mounts } from "./view.js"
import { count, digits, element, percent, put } from "./words.js"

/** @import {DistancesData, DistancesResults} from "./wire.js" */
/** @import {View} from "./view.js" */
/** @import {Theme} from "./words.js" */

const LATER = "How far apart the pairs are shows here once the network has learned a little"
const WIDE = 460
const HIGH = 210
const LEFT = 40
const BOTTOM = 38
const TOP = 10
const MOST_FALSE = 0.2 // of the curve the part in which networks differ

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {Theme} colors
 * @param {string} [anchor]
 */
function text(x, y, words, colors, anchor = "middle") {
  const made = shape("text", { x, y, "text-anchor": anchor, fill: colors.faint })
  made.textContent = words
  return made
}

/**
 * The two distributions as shares of their own pairs, and the threshold between them.
 * @param {DistancesResults} results
 * @param {Theme} colors
 * @returns {SVGElement[]}
 */
function distributions(results, colors) {
  const { edges, same, different, threshold } = results
  const last = edges[edges.length - 1] || 1
  const across = (/** @type {number} */ value) => LEFT + ((WIDE - LEFT - 8) * value) / last
  const totals = [same, different].map((each) => each.reduce((sum, one) => sum + one, 0) || 1)
  const shares = [same, different].map((each, i) => each.map((one) => one / totals[i]))
  const most = Math.max(...shares.flat(), 1e-9)
  const up = (/** @type {number} */ share) => HIGH - BOTTOM - ((HIGH - BOTTOM - TOP) * share) / most
  const looks = [
    { color: colors.runs[0], dash: "" },
    { color: colors.runs[3], dash: "5 3" },
  ]
  /** @type {SVGElement[]} */
  const parts = []
  for (const [i, of] of shares.entries()) {
    const steps = of.map((share, k) => `H${across(edges[k])}V${up(share)}H${across(edges[k + 1])}`)
    const path = `M${LEFT} ${up(0)}${steps.join("")}V${up(0)}`
    parts.push(
      shape("path", { d: `${path}Z`, fill: looks[i].color, opacity: 0.16 }),
      shape("path", {
        d: path,
        fill: "none",
        stroke: looks[i].color,
        "stroke-width": 1.75,
        "stroke-dasharray": looks[i].dash,
      }),
    )
  }
  const at = across(threshold)
  parts.push(
    shape("line", { x1: LEFT, x2: WIDE - 8, y1: up(0), y2: up(0), stroke: colors.border }),
    shape("line", {
      x1: at,
      x2: at,
      y1: TOP,
      y2: up(0),
      stroke: colors.text,
      "stroke-dasharray": "2 3",
    }),
    text(at, HIGH - 22, digits(threshold), colors),
    text(LEFT, HIGH - 22, "0", colors),
    text(WIDE - 8, HIGH - 22, digits(last), colors, "end"),
    text((LEFT + WIDE) / 2, HIGH - 6, "distance", colors),
  )
  return parts
}

/**
 * @param {DistancesResults} results
 * @param {Theme} colors
 * @returns {SVGElement[]}
 */
function characteristic(results, colors) {
  const across = (/** @type {number} */ rate) => LEFT + ((WIDE - LEFT - 8) * rate) / MOST_FALSE
  const up = (/** @type {number} */ rate) => HIGH - BOTTOM - (HIGH - BOTTOM - TOP) * rate
  /** @type {SVGElement[]} */
  const parts = []
  for (const rate of [0, 0.5, 1]) {
    parts.push(
      shape("line", { x1: LEFT, x2: WIDE - 8, y1: up(rate), y2: up(rate), stroke: colors.border }),
      text(LEFT - 6, up(rate) + 4, `${100 * rate}`, colors, "end"),
    )
  }
  for (const rate of [0, 0.05, 0.1, 0.15, 0.2]) {
    parts.push(text(across(rate), HIGH - 22, `${Math.round(100 * rate)}`, colors))
  }
  const inside = results.false.filter((rate) => rate <= MOST_FALSE).length
  const points = results.false
    .slice(0, inside)
    .map((rate, i) => `${across(rate)} ${up(results.true[i])}`)
  parts.push(
    shape("polyline", {
      points: points.join(" "),
      fill: "none",
      stroke: colors.runs[0],
      "stroke-width": 1.75,
    }),
    text((LEFT + WIDE) / 2, HIGH - 6, "different pairs taken for the same, %", colors),
  )
  const label = text(0, 0, "same pairs found, %", colors)
  label.setAttribute("transform", `translate(10 ${(HIGH - BOTTOM + TOP) / 2}) rotate(-90)`)
  parts.push(label)
  if (results.equalError !== null && results.equalError <= MOST_FALSE) {
    parts.push(
      shape("circle", {
        cx: across(results.equalError),
        cy: up(1 - results.equalError),
        r: 4,
        fill: colors.background,
        stroke: colors.text,
        "stroke-width": 1.5,
      }),
    )
  }
  return parts
}

export const mount = mounts((/** @type {View<DistancesData>} */ view) => {
  const box = { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" }
  const spread = shape("svg", box)
  const curve = shape("svg", box)
  const key = element(
    "p",
    { className: "key" },
    element("span", { className: "same", text: "pairs of one class" }),
    element("span", { className: "different", text: "pairs of two classes" }),
  )
  const equal = element("p", { className: "numbers" })
  const empty = element("p", { className: "empty" })
  const figures = element(
    "div",
    { className: "diagrams" },
    element("section", {}, element("h4", { text: "Distances" }), spread, key),
    element("section", {}, element("h4", { text: "Verification" }), curve, equal),
  )
  view.root.classList.add("distances")
  view.root.append(figures, empty)
  let shows = ""

  return {
    adopt({ run }) {
      view.follow([run], ["evaluation", "state"])
    },
    repaint() {
      shows = ""
    },
    draw() {
      const results = view.evaluation()?.views.distances
      view.root.classList.toggle("is-empty", !results)
      put(empty, results ? "" : LATER)
      const now = JSON.stringify(results)
      if (!results || now === shows) return
      shows = now
      const { colors } = view
      view.root.style.setProperty("--same", colors.runs[0])
      view.root.style.setProperty("--different", colors.runs[3])
      spread.replaceChildren(...distributions(results, colors))
      curve.replaceChildren(...characteristic(results, colors))
      const pairs = [results.same, results.different].map((each) =>
        each.reduce((sum, one) => sum + one, 0),
      )
      spread.setAttribute(
        "aria-label",
        `Distances of ${count(pairs[0])} pairs of one class and ${count(pairs[1])} of two; ` +
          `${digits(results.threshold)} tells most of them apart`,
      )
      const error = `equal error rate ${percent(results.equalError)}`
      put(equal, `○ ${error}: as many pairs are wrongly taken for the same as are wrongly refused`)
      curve.setAttribute("aria-label", `Receiver operating characteristic; ${error}`)
    },
  }
})
