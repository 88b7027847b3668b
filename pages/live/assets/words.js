// Numbers, times and colours as every live view shows them.

/** @import {Facts} from "./wire.js" */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

/** @param {number} value */
export const count = (value) => whole.format(value)

/**
 * Three significant digits, trailing zeros kept so that a ticking number does not jump.
 * @param {number | null | undefined} value
 */
export function digits(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e4)) return value.toExponential(2)
  return value.toPrecision(3).replace("-", "−")
}

/** @param {number | null | undefined} share */
export const percent = (share) =>
  share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)}%`

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 1) return "under 1 s"
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

/** @param {number} place */
export function ordinal(place) {
  const ten = place % 100
  const ending = ten > 10 && ten < 14 ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th")
  return `${place}${ending}`
}

/** @typedef {ReturnType<typeof theme>} Theme */

/**
 * The theme as it is now, from Streamlit's variables on the component's element.
 * @param {Element} element
 */
export function theme(element) {
  const style = getComputedStyle(element)
  /** @param {string} name */
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim()
  const background = read("background-color") || "#ffffff"
  return {
    text: read("text-color"),
    faint: read("gray-text-color"),
    border: read("border-color"),
    background,
    card: read("secondary-background-color"),
    error: read("red-text-color"),
    font: read("font") || "sans-serif",
    code: read("code-font") || "monospace",
    runs: read("chart-categorical-colors")
      .split(",")
      .map((color) => color.trim()),
    dark: luminance(background) < 0.4,
    key:
      style.getPropertyValue("--st-background-color") + style.getPropertyValue("--st-text-color"),
  }
}

/**
 * A run's colour: its place in the palette of the theme, or a colour of its own.
 * @param {number | string} color
 * @param {Theme} colors
 */
export function runColor(color, colors) {
  if (typeof color === "number") return colors.runs[color % colors.runs.length]
  const [place, shade] = /^\d+~\d+$/.test(color) ? color.split("~").map(Number) : []
  return place === undefined ? color : shaded(colors.runs[place % colors.runs.length], shade)
}

// How much of white or black a branch's colour has, one after the other.
const SHADES = [
  [255, 0.45],
  [0, 0.4],
  [255, 0.65],
  [0, 0.6],
]

/**
 * A colour of a run's family: the run's own, lighter or darker.
 * @param {string} color as #rrggbb
 * @param {number} shade from 1
 */
export function shaded(color, shade) {
  const [towards, share] = SHADES[(shade - 1) % SHADES.length]
  const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16))
  const mixed = parts.map((part) => Math.round(part + (towards - part) * share))
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`
}

/** @param {string} color */
export function luminance(color) {
  const hex = /^#([0-9a-f]{6})/i.exec(color)
  const parts = hex
    ? [0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16))
    : (color.match(/[\d.]+/g) ?? [255, 255, 255]).slice(0, 3).map(Number)
  return (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) / 255
}

/**
 * An element with its class, text and children, everything set as text.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {{className?: string, text?: string, [attribute: string]: string | undefined}} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, { className = "", text, ...attributes } = {}, ...children) {
  const made = document.createElement(name)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value ?? "")
  made.append(...children)
  return made
}

/**
 * Sets a text only where it differs, so that an unchanged page is not touched.
 * @param {Node} node
 * @param {string} text
 */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
export const pause = (ms) => new Promise((done) => setTimeout(done, ms))

/**
 * A run's state as a sentence.
 * @param {Facts} facts
 * @param {boolean} [broken] whether the server is away
 */
export function inWords(facts, broken = false) {
  const { state, message, place, wait, waits_for, preparing, fraction, left, trouble } = facts
  const { step = 0, steps = 0, seconds = 0 } = facts
  if (broken) return "Connection lost. Trying again; training goes on."
  if (trouble) return trouble
  switch (state) {
    case "queued": {
      const again = message ? `${message} ` : "" // why it waits once more
      const where = again + (place ? `${ordinal(place)} in the queue` : "In the queue")
      if (waits_for) return `${where}, waits for ${waits_for}`
      return wait && wait >= 1 ? `${where}, about ${duration(wait)}` : where
    }
    case "preparing": {
      const part = typeof fraction === "number" ? ` ${Math.round(100 * fraction)}%` : ""
      return `${preparing || "Preparing"}${part}`
    }
    case "running":
      return left === null || left === undefined ? "Training" : `Training, ${duration(left)} left`
    case "paused":
      return `Paused at step ${count(step)}`
    case "completed":
      return step < steps && facts.marks?.some(({ kind }) => kind === "best")
        ? `Stopped early at step ${count(step)} of ${count(steps)}, after ${duration(seconds)}; the best epoch's weights are restored`
        : `Completed in ${duration(seconds)}`
    case "stopped":
      return message || `Stopped at step ${count(step)} of ${count(steps)}; all until then is kept`
    case "failed":
      // Why, where and what to do stands in a panel of the page.
      return step ? `Failed at step ${count(step)}` : "Failed before its first step"
    case "unknown":
      return "There is no run by this link. It may have been deleted; press Train for a new one."
    default:
      return ""
  }
}

/**
 * Whether an evaluation is of weights that were put away: of a run whose best epoch's weights were
 * restored at its end, the last look was at those of its last epoch. Empty where it is not.
 * @param {Facts} facts
 */
export const putAway = ({ evaluation, best }) =>
  evaluation && best?.restored && best.step < evaluation.step
    ? `its last weights, not the restored ones of epoch ${count(best.epoch)}`
    : ""

/**
 * Which weights an evaluation is of.
 * @param {Facts} facts
 */
export function weightsOf(facts) {
  if (!facts.evaluation) return ""
  const away = putAway(facts)
  return `step ${count(facts.evaluation.step)}${away && `: ${away}`}`
}
