// What the loss is just now: what stands in the editor and where the sliders are, which
// the page learns only when typing or dragging rests. The views that cannot wait listen here.

/** @type {Set<() => void>} */
const listeners = new Set()
/** @type {string | null} */
let typed = null // the editor's text; null without one
/** @type {Record<string, number>} */
let moved = {} // sliders that were moved since the page last knew better: name -> value

export const draft = () => ({ typed, moved })

/** @param {() => void} listener */
export function follow(listener) {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

function notify() {
  for (const listener of [...listeners]) listener()
}

/**
 * The editor says what it holds; null: it is gone.
 * @param {string | null} text
 */
export function setText(text) {
  if (text === typed) return
  typed = text
  moved = {} // a text declares its own values
  notify()
}

// The page has taken over what was moved, or another loss is shown.
export function settle() {
  if (!document.querySelector('[class*="st-key-parameter-"] :active')) moved = {}
}

// Streamlit's sliders say where they are, while one drags, by what a screen reader reads.
const SLIDER = /st-key-parameter-(?:pick|write)-([\w-]+)/
new MutationObserver((changes) => {
  let some = false
  for (const { target } of changes) {
    if (!(target instanceof HTMLInputElement) || target.type !== "range") continue
    if (target !== document.activeElement) continue
    const name = SLIDER.exec(target.closest('[class*="st-key-parameter-"]')?.className ?? "")?.[1]
    const value = Number(target.value)
    if (!name || !Number.isFinite(value) || moved[name] === value) continue
    moved[name] = value
    some = true
  }
  if (some) notify()
}).observe(document.body, {
  subtree: true,
  attributes: true,
  attributeFilter: ["value", "aria-valuetext"],
})
