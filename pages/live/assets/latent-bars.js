// How much each dimension of a code says: its KL divergence from the prior, as bars.

import { digits, element, put } from "./words.js"

/** @import {LatentAnswer} from "./wire.js" */
/** @import {Theme} from "./words.js" */

const ACTIVE = 0.01 // variance of a dimension's mean over images from which it is used
const MOST = 16 // bars that are drawn; of more the greatest

/**
 * Which dimensions are used (Burda et al. 2016): their mean moves from image to image.
 * @param {LatentAnswer} answer
 */
export const active = ({ spread }) => Array.from(spread, (each) => each > ACTIVE)

/**
 * What the number of used dimensions says.
 * @param {number} count
 * @param {number} all
 * @param {boolean} variational
 */
export function summary(count, all, variational) {
  if (count || !variational) return `${count} of ${all} dimensions used`
  return (
    "Posterior collapse, or not begun: no dimension tells one image from another, so all are drawn " +
    "alike. If it stays, lower beta, or let it rise with progress: Begin with, Warm-up of β."
  )
}

/**
 * @param {LatentAnswer} answer
 * @param {Theme} colors
 * @returns {HTMLElement[]}
 */
export function bars(answer, colors) {
  const { divergences, spread, variational } = answer
  const used = active(answer)
  const count = used.filter(Boolean).length
  const values = Array.from(variational ? divergences : spread)
  const order = values.map((_, i) => i)
  if (order.length > MOST) order.sort((a, b) => values[b] - values[a])
  const most = Math.max(...values, 1e-9)
  const title = variational ? "KL divergence of each dimension, nats" : "Variance of each dimension"
  const rows = order.slice(0, MOST).map((i) => {
    const bar = element("i")
    bar.style.width = `${(100 * Math.max(0, values[i])) / most}%`
    bar.style.background = used[i] ? colors.runs[0] : colors.faint
    const said = element("span")
    put(said, used[i] ? digits(values[i]) : `${digits(values[i])}, unused`)
    return element(
      "li",
      {},
      element("b", { text: `${i + 1}` }),
      element("span", { className: "bar" }, bar),
      said,
    )
  })
  return [
    element("h4", { text: title }),
    element("ol", {}, ...rows),
    element("p", { text: summary(count, values.length, variational) }),
  ]
}
