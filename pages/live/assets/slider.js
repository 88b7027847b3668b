// A number under the hand that acts while it moves. Streamlit's own slider tells the page 200 ms
// after the hand came to rest; this one at once, and then at a pace, the last place in any case.

import { mounts } from "./view.js"
import { element, put } from "./words.js"

/** @import {SliderData} from "./wire.js" */
/** @import {View} from "./view.js" */

const PACE_MS = 300 // each is a mark of the run, which all who watch are told

/**
 * The place of a value on a slider: among its stops the nearest, else itself.
 * @param {{stops: number[] | null}} data
 * @param {number} value
 */
export function placeOf({ stops }, value) {
  if (!stops) return value
  const off = stops.map((stop) => Math.abs(stop - value))
  return off.indexOf(Math.min(...off))
}

export const mount = mounts((/** @type {View<SliderData>} */ view) => {
  const label = element("label", {})
  const input = element("input", { type: "range" })
  const shown = element("output", {})
  label.append(element("span", {}), shown, input)
  view.root.classList.add("slider")
  view.root.append(label)
  let moves = view.data.heard // all there were; the page says which it has heard
  /** @type {number | null} Where the hand has put it, until the page has heard of it. */
  let own = null
  let said = -Infinity // when the page was last told
  let telling = 0

  function tell() {
    telling = 0
    said = performance.now()
    view.setState("moved", { value: own, moves })
  }

  input.oninput = () => {
    const place = Number(input.value)
    own = view.data.stops?.[place] ?? place
    moves += 1
    draw()
    const wait = said + PACE_MS - performance.now()
    if (wait <= 0) tell()
    else telling ||= setTimeout(tell, wait)
  }

  function draw() {
    const value = own ?? view.data.value
    input.value = String(placeOf(view.data, value))
    put(shown, String(Number(value.toPrecision(6))))
    input.setAttribute("aria-valuetext", shown.textContent)
  }

  return {
    adopt({ name, about, low, high, step, stops, heard }) {
      if (heard >= moves) own = null
      put(/** @type {HTMLElement} */ (label.firstChild), name)
      label.title = about
      input.setAttribute("aria-label", name)
      input.setAttribute("aria-description", about)
      input.min = String(stops ? 0 : low)
      input.max = String(stops ? stops.length - 1 : high)
      input.step = String(stops ? 1 : step)
    },
    draw,
    end: () => clearTimeout(telling),
  }
})
