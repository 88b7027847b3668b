// The list of names under the caret. It lies above the page (a popover), so that nothing moves
// and nothing cuts it off; while it is closed it takes no key.

import { element } from "./words.js"

/** @import {Entry} from "./names.js" */
/** What is offered in the place of a word. @typedef {{from: number, to: number, entries: Entry[]}} Found */

const GAP = 8 // pixels to the window's edge
let made = 0

// `where(offset)` gives the rectangle of a character, `describe(id)` tells a screen reader which
// option is chosen (null: none), `accept(from, to, entry)` writes a name.
/**
 * @param {HTMLElement} root
 * @param {{
 *   where: (offset: number) => {left: number, top: number, bottom: number},
 *   describe: (id: string | null) => void,
 *   accept: (from: number, to: number, entry: Entry) => void,
 * }} given
 */
export function completion(root, { where, describe, accept }) {
  const id = `names-${++made}`
  const list = element("ul", {
    className: "names",
    role: "listbox",
    id,
    popover: "manual",
    "aria-label": "Names",
  })
  root.append(list)

  /** @type {Found | null} */
  let shown = null
  let at = 0
  let above = false

  /** @param {Found} found */
  function show(found) {
    const opening = !shown
    shown = found
    at = 0
    list.replaceChildren(...found.entries.map(option))
    if (opening) {
      list.showPopover()
      above = !fitsBelow()
    }
    place()
    mark()
  }

  /**
   * @param {Entry} entry
   * @param {number} i
   */
  function option({ name, kind, arguments: args, what }, i) {
    const callable = kind === "function" || kind === "loss" || args.length
    const made = element(
      "li",
      { role: "option", id: `${id}-${i}`, "data-kind": kind, "aria-selected": "false" },
      element(
        "span",
        { className: "call" },
        element("b", { text: name }),
        callable ? `(${args.join(", ")})` : "",
      ),
      element("span", { className: "what", text: what }),
    )
    made.onclick = () => take(i)
    return made
  }

  function mark() {
    for (const [i, each] of [...list.children].entries()) {
      each.setAttribute("aria-selected", String(i === at))
    }
    const chosen = /** @type {HTMLElement} */ (list.children[at])
    // Not scrollIntoView: that would scroll the page, too.
    if (chosen.offsetTop < list.scrollTop) list.scrollTop = chosen.offsetTop
    const end = chosen.offsetTop + chosen.offsetHeight - list.clientHeight
    if (end > list.scrollTop) list.scrollTop = end
    describe(chosen.id)
  }

  function fitsBelow() {
    if (!shown) return true
    const word = where(shown.from)
    const height = window.visualViewport?.height ?? window.innerHeight
    const below = height - word.bottom
    return list.offsetHeight + GAP <= below || below >= word.top
  }

  function place() {
    if (!shown) return
    const word = where(shown.from)
    const width = document.documentElement.clientWidth
    const inset = parseFloat(getComputedStyle(list).getPropertyValue("--inset")) || 0
    const left = Math.min(word.left - inset, width - list.offsetWidth - GAP)
    list.style.left = `${Math.max(GAP, left)}px`
    list.style.top = above ? "auto" : `${word.bottom}px`
    list.style.bottom = above ? `${window.innerHeight - word.top}px` : "auto"
  }

  function close() {
    if (!shown) return
    shown = null
    list.hidePopover()
    list.replaceChildren()
    describe(null)
  }

  /** @param {number} i */
  function take(i) {
    if (!shown) return
    const { from, to, entries } = shown
    close()
    accept(from, to, entries[i])
  }

  /**
   * Whether the list had a use for the key.
   * @param {KeyboardEvent} event
   */
  function key(event) {
    if (!shown || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return false
    const last = shown.entries.length - 1
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }
    if (event.key in steps) {
      const step = steps[event.key]
      const next = at + step
      const round = Math.abs(step) === 1
      at = next > last ? (round ? 0 : last) : next < 0 ? (round ? last : 0) : next
      mark()
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) {
      take(at)
    } else if (event.key === "Escape") {
      close()
    } else {
      return false
    }
    event.preventDefault()
    return true
  }

  // A press on the list leaves the caret where it is.
  list.onmousedown = (event) => event.preventDefault()
  const moved = () => place()
  document.addEventListener("scroll", moved, { capture: true, passive: true })
  window.addEventListener("resize", close)

  return {
    id,
    show,
    close,
    key,
    get from() {
      return shown?.from ?? null
    },
    destroy() {
      document.removeEventListener("scroll", moved, { capture: true })
      window.removeEventListener("resize", close)
    },
  }
}
