// What the studio's pictures have in common: the chart's frame, axes, panels and headings.

/** @import {Trace} from "./plotly.js" */
/** @import {Theme} from "./words.js" */
/**
 * What is drawn of an answer: Plotly's traces and layout, a sentence, lines of a legend, and elements
 * beside the chart.
 * @typedef {object} Made
 * @property {Trace[]} traces
 * @property {Record<string, any>} layout
 * @property {string} note
 * @property {{label: string, color: string, dash?: string}[]} keys
 * @property {HTMLElement[]} [side]
 */
/**
 * How it is drawn: over what, in how little room, and which run is looked at.
 * @typedef {{colors: Theme, axis: "p" | "margin", narrow: boolean, run: string}} How
 */

/**
 * As Plotly takes numbers: what is not finite is a gap.
 * @param {ArrayLike<number>} array
 */
export const list = (array) => Array.from(array, (value) => (Number.isFinite(value) ? value : null))

/** @param {number | null} value @returns {value is number} */
export const isNumber = (value) => value !== null

/** The axes of the panel at a place. @param {number} i */
export const onPanel = (i) => ({ xaxis: `x${i ? i + 1 : ""}`, yaxis: `y${i ? i + 1 : ""}` })

/** @param {Theme} colors */
export const frame = (colors) => ({
  autosize: true,
  margin: { l: 42, r: 8, t: 18, b: 34 },
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: colors.font, size: 12, color: colors.faint },
  showlegend: false,
  hovermode: "closest",
  dragmode: false,
  hoverlabel: {
    bgcolor: colors.background,
    bordercolor: colors.border,
    font: { family: colors.font, size: 12.5, color: colors.text },
  },
})

/**
 * An axis.
 * @param {Theme} colors
 * @param {Record<string, unknown>} [more]
 */
export const scale = (colors, more = {}) => ({
  gridcolor: colors.border,
  griddash: "dot",
  zeroline: false,
  linecolor: colors.border,
  tickfont: { size: 11 },
  nticks: 5,
  tickformat: "~g",
  automargin: false,
  ticklabeloverflow: "allow", // measuring labels to hide some would take longer than drawing them
  fixedrange: true,
  ...more,
})

/**
 * What stands above a panel in place of a title along its axis.
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {Theme} colors
 */
export const heading = (text, x, y, colors) => ({
  text,
  x,
  y,
  xref: "paper",
  yref: "paper",
  xanchor: "left",
  yanchor: "bottom",
  showarrow: false,
  font: { size: 12, color: colors.text },
})

/** Where a panel lies, across and up. @typedef {[x: [number, number], y: [number, number]]} Box */

/**
 * Three panels: L large, its two slopes beside it, or all under each other where it is narrow.
 * @param {number} count
 * @param {boolean} narrow
 * @returns {Box[]}
 */
function places(count, narrow) {
  /** @type {(x: [number, number], y: [number, number]) => Box} */
  const box = (x, y) => [x, y]
  if (count === 1) return [box([0, 1], [0, 1])]
  if (narrow) {
    const tall = (1 - 0.14 * (count - 1)) / count
    return Array.from({ length: count }, (_, i) => {
      const top = 1 - i * (tall + 0.14)
      return box([0, 1], [top - tall, top])
    })
  }
  if (count === 2) return [box([0, 0.45], [0, 1]), box([0.56, 1], [0, 1])]
  return [box([0, 0.52], [0, 1]), box([0.63, 1], [0.58, 1]), box([0.63, 1], [0, 0.42])]
}

/**
 * The axes of panels, each called by its title.
 * @param {string[]} titles
 * @param {boolean} narrow
 * @param {Theme} colors
 * @param {Record<string, unknown>} xaxis
 */
export function panels(titles, narrow, colors, xaxis) {
  /** @type {Record<string, any>} */
  const layout = { annotations: [] }
  const found = places(titles.length, narrow)
  for (const [i, title] of titles.entries()) {
    const end = i ? String(i + 1) : ""
    const [x, y] = found[i]
    layout[`xaxis${end}`] = scale(colors, { ...xaxis, domain: x, anchor: `y${end}` })
    layout[`yaxis${end}`] = scale(colors, { domain: y, anchor: `x${end}` })
    layout.annotations.push(heading(title, x[0], y[1], colors))
  }
  return layout
}
