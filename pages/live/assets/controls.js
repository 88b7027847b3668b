// Controls that several views have.

import { element } from "./words.js"

/** @param {string} text */
export const quiet = (text) => element("button", { type: "button", className: "quiet", text })

/**
 * Some of which one is chosen; `mark` says which, and chooses nothing.
 * @param {string[]} names
 * @param {(place: number) => void} choose
 */
export function pick(names, choose) {
  const buttons = names.map(quiet)
  /** @param {number} at */
  function mark(at) {
    for (const [i, button] of buttons.entries()) {
      button.setAttribute("aria-pressed", String(i === at))
    }
  }
  for (const [i, button] of buttons.entries()) {
    button.onclick = () => {
      mark(i)
      choose(i)
    }
  }
  mark(0)
  return { node: element("span", { className: "pick", role: "group" }, ...buttons), mark }
}

/**
 * On until it is pressed.
 * @param {string} text
 * @param {string} title
 * @param {(on: boolean) => void} set
 */
export function toggle(text, title, set) {
  const button = quiet(text)
  button.title = title
  button.setAttribute("aria-pressed", "true")
  button.onclick = () => {
    const on = button.getAttribute("aria-pressed") !== "true"
    button.setAttribute("aria-pressed", String(on))
    set(on)
  }
  return button
}

/**
 * A choice of few, by their values.
 * @param {string} label
 * @param {[value: string, text: string][]} choices
 */
export function select(label, choices) {
  const node = element("select", { "aria-label": label })
  node.append(...choices.map(([value, text]) => element("option", { value, text })))
  return node
}

/** The field of a number of an image; null where it holds none. */
export function numberField() {
  const field = element("input", {
    type: "number",
    min: "0",
    step: "1",
    "aria-label": "Test image number",
  })
  return {
    field,
    /** @returns {number | null} */
    value() {
      const wanted = Math.trunc(Number(field.value))
      return field.value !== "" && wanted >= 0 ? wanted : null
    },
  }
}
