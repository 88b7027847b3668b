// Plotly, loaded once for a page, and what every chart of ours asks of it: lines, bars and heat maps,
// for which a third of it is enough.

/**
 * A line, markers or bars, as Plotly takes them. `level` is ours: a line across the whole chart.
 * @typedef {{[attribute: string]: any, x?: (number | null)[], y?: (number | null)[], level?: boolean}} Trace
 */
/**
 * @typedef {object} PlotlyLibrary
 * @property {(plot: HTMLElement, traces: Trace[], layout: object, config: object) => void} react
 * @property {(plot: HTMLElement) => void} purge
 * @property {{resize: (plot: HTMLElement) => void}} Plots
 */
/** What a visitor did to the axes. @typedef {Record<string, any>} Relayout */

const LEAST = [120, 80] // pixels across and up: with less there is no room beside the margins

/** @type {Promise<PlotlyLibrary> | null} */
let loading = null

/** @returns {Promise<PlotlyLibrary>} */
export function loadPlotly() {
  const here = /** @type {{Plotly?: PlotlyLibrary}} */ (window)
  loading ??= new Promise((resolve, reject) => {
    if (here.Plotly) return resolve(here.Plotly)
    const script = document.createElement("script")
    script.src = String(new URL("plotly-cartesian.min.js", import.meta.url))
    script.onload = () => (here.Plotly ? resolve(here.Plotly) : script.onerror?.("empty"))
    script.onerror = () => {
      loading = null
      reject(new Error("plotly-cartesian.min.js did not load"))
    }
    document.head.append(script)
  })
  return loading
}

/**
 * Plotly puts its rules into the document, where they do not reach a shadow root: brings them in.
 * @param {HTMLElement} root
 */
export function adoptStyle(root) {
  const global = /** @type {HTMLStyleElement | null} */ (
    document.getElementById("plotly.js-style-global")
  )
  const style = document.createElement("style")
  style.textContent = [...(global?.sheet?.cssRules ?? [])].map((rule) => rule.cssText).join("\n")
  root.append(style)
}

/**
 * Hears of zooming in a chart that was drawn.
 * @param {HTMLElement} plot
 * @param {(change: Relayout) => void} heard
 */
export function onRelayout(plot, heard) {
  const drawn = /** @type {{on?: (event: string, heard: (change: Relayout) => void) => void}} */ (
    plot
  )
  drawn.on?.("plotly_relayout", heard)
}

/**
 * Whether a chart has room to be drawn: in less, Plotly divides by nothing. A size of its own is
 * heard of by an observer.
 * @param {HTMLElement} plot
 */
export const hasRoom = (plot) => plot.clientWidth >= LEAST[0] && plot.clientHeight >= LEAST[1]

/**
 * Plotly reads a little HTML in its texts; names and losses are none.
 * @param {string} text
 */
export const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
