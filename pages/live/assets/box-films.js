// Where descent by losses of boxes leads: the steps of each, as small stages and as curves.

import { shape } from "./svg.js"
import { digits, element, put } from "./words.js"

/** @import {DescentsAnswer} from "./wire.js" */
/** @import {Theme} from "./words.js" */

export const WIDE = 100 // of a stage's picture

/** @type {Record<string, string>} */
const TITLES = {
  smooth_l1: "Smooth L1",
  iou_loss: "IoU",
  giou_loss: "GIoU",
  diou_loss: "DIoU",
  ciou_loss: "CIoU",
}
/** @param {string} name */
export const titleOf = (name) => TITLES[name] ?? name

/**
 * @param {ArrayLike<number>} box
 * @param {Record<string, string | number>} looks
 */
export function rectangle(box, looks) {
  return shape("rect", {
    x: WIDE * Math.min(box[0], box[2]),
    y: WIDE * Math.min(box[1], box[3]),
    width: WIDE * Math.abs(box[2] - box[0]),
    height: WIDE * Math.abs(box[3] - box[1]),
    fill: "none",
    ...looks,
  })
}

/**
 * The box at a step of a loss' path.
 * @param {DescentsAnswer} answer
 * @param {number} loss
 * @param {number} step
 */
export function boxAt({ path }, loss, step) {
  const from = 4 * (loss * path.shape[1] + step)
  return path.subarray(from, from + 4)
}

/**
 * One step of a film: the target, where the box began, the way of its centre, the box.
 * @param {SVGSVGElement} stage
 * @param {DescentsAnswer} answer
 * @param {number} loss
 * @param {number} step
 * @param {ArrayLike<number>} target
 * @param {string} color
 * @param {Theme} colors
 */
function drawStep(stage, answer, loss, step, target, color, colors) {
  const centres = Array.from({ length: step + 1 }, (_, i) => {
    const box = boxAt(answer, loss, i)
    return `${(WIDE * (box[0] + box[2])) / 2} ${(WIDE * (box[1] + box[3])) / 2}`
  })
  stage.replaceChildren(
    rectangle(target, { fill: colors.card, stroke: colors.text, "stroke-dasharray": "3 2" }),
    rectangle(boxAt(answer, loss, 0), { stroke: color, "stroke-opacity": 0.35 }),
    shape("polyline", {
      points: centres.join(" "),
      fill: "none",
      stroke: color,
      "stroke-width": 0.8,
    }),
    rectangle(boxAt(answer, loss, step), {
      stroke: color,
      "stroke-width": 2,
      fill: color,
      "fill-opacity": 0.14,
    }),
  )
}

/** The films of the losses, side by side; `choose` hears which one is looked at. */
export class Films {
  node = element("ol", { className: "films" })
  /** @type {{node: HTMLElement, stage: SVGSVGElement, words: HTMLElement, title: HTMLButtonElement}[]} */
  #made = []
  #choose

  /** @param {(loss: number) => void} choose */
  constructor(choose) {
    this.#choose = choose
  }

  /**
   * @param {DescentsAnswer} answer
   * @param {number} step
   * @param {ArrayLike<number>} target
   * @param {number} chosen
   * @param {Theme} colors
   */
  draw(answer, step, target, chosen, colors) {
    while (this.#made.length < answer.names.length) this.#add()
    for (const { node } of this.#made.splice(answer.names.length)) node.remove()
    for (const [loss, { stage, words, title, node }] of this.#made.entries()) {
      const color = colors.runs[loss % colors.runs.length]
      const place = loss * answer.iou.shape[1] + step
      put(title, titleOf(answer.names[loss]))
      title.setAttribute("aria-pressed", String(loss === chosen))
      node.style.setProperty("--loss", color)
      drawStep(stage, answer, loss, step, target, color, colors)
      put(words, `L ${digits(answer.value[place])} · IoU ${answer.iou[place].toFixed(2)}`)
      stage.setAttribute(
        "aria-label",
        `${title.textContent} after ${step} steps: ${words.textContent}`,
      )
    }
  }

  #add() {
    const loss = this.#made.length
    const stage = shape("svg", { viewBox: `0 0 ${WIDE} ${WIDE}`, role: "img" })
    const title = element("button", { type: "button", className: "quiet" })
    title.onclick = () => this.#choose(loss)
    const words = element("small")
    const node = element("li", {}, title, stage, words)
    this.#made.push({ node, stage, words, title })
    this.node.append(node)
  }
}

const CHART = { wide: 420, high: 150, left: 34, bottom: 30, top: 8 }

/**
 * The IoU of each loss' box over the steps, and where the film is.
 * @param {SVGSVGElement} chart
 * @param {DescentsAnswer} answer
 * @param {number} step
 * @param {Theme} colors
 */
export function drawCurves(chart, answer, step, colors) {
  const { wide, high, left, bottom, top } = CHART
  chart.setAttribute("viewBox", `0 0 ${wide} ${high}`)
  const [losses, count] = answer.iou.shape
  const across = (/** @type {number} */ i) => left + ((wide - left - 8) * i) / (count - 1)
  const up = (/** @type {number} */ value) => high - bottom - (high - bottom - top) * value
  const words = (
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {string} */ said,
    anchor = "middle",
  ) => {
    const made = shape("text", { x, y, fill: colors.faint, "text-anchor": anchor })
    made.textContent = said
    return made
  }
  /** @type {SVGElement[]} */
  const parts = []
  for (const value of [0, 0.5, 1]) {
    parts.push(
      shape("line", {
        x1: left,
        x2: wide - 8,
        y1: up(value),
        y2: up(value),
        stroke: colors.border,
      }),
      words(left - 5, up(value) + 4, String(value), "end"),
    )
  }
  for (let loss = 0; loss < losses; loss++) {
    const points = Array.from(
      { length: count },
      (_, i) => `${across(i)} ${up(answer.iou[loss * count + i])}`,
    )
    const color = colors.runs[loss % colors.runs.length]
    parts.push(
      shape("polyline", {
        points: points.join(" "),
        fill: "none",
        stroke: color,
        "stroke-width": 1.75,
      }),
    )
  }
  parts.push(
    shape("line", {
      x1: across(step),
      x2: across(step),
      y1: top,
      y2: up(0),
      stroke: colors.text,
      "stroke-dasharray": "2 3",
    }),
    words(left, high - 14, "0"),
    words(wide - 8, high - 14, String(count - 1), "end"),
    words((left + wide) / 2, high - 3, "step · IoU with the target"),
  )
  chart.replaceChildren(...parts)
}
