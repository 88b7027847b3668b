// The list of names under the caret. It lies above the page (a popover), so that nothing moves
// and nothing cuts it off; while it is closed it takes no key.

import { element } from "./words.js"

/** @import {Entry} from "./names.js" */
/** What is offered in the place of a word. @typedef {{from: number, to: number, entries: Entry[]}} Found */

const GAP = 8 // pixels to the window's edge
/** @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }
let made = 0

export class Completion {
  id = `names-${++made}`
  /** @type {Found | null} */
  #shown = null
  #chosen = 0
  #above = false
  #moved = () => this.#place()
  #resized = () => this.close()

  /**
   * `where(offset)` gives the rectangle of a character, `describe(id)` tells a screen reader which
   * option is chosen (null: none), `accept(from, to, entry)` writes a name.
   * @param {HTMLElement} root
   * @param {{
   *   where: (offset: number) => {left: number, top: number, bottom: number},
   *   describe: (id: string | null) => void,
   *   accept: (from: number, to: number, entry: Entry) => void,
   * }} given
   */
  constructor(root, given) {
    this.given = given
    this.list = element("ul", {
      className: "names",
      role: "listbox",
      id: this.id,
      popover: "manual",
      "aria-label": "Names",
    })
    root.append(this.list)
    // A press on the list leaves the caret where it is.
    this.list.onmousedown = (event) => event.preventDefault()
    document.addEventListener("scroll", this.#moved, { capture: true, passive: true })
    window.addEventListener("resize", this.#resized)
  }

  /** Where the word begins that the list is shown for; null while it is closed. */
  get from() {
    return this.#shown?.from ?? null
  }

  /** @param {Found} found */
  show(found) {
    const opening = !this.#shown
    this.#shown = found
    this.#chosen = 0
    this.list.replaceChildren(...found.entries.map((entry, i) => this.#option(entry, i)))
    if (opening) {
      this.list.showPopover()
      this.#above = !this.#fitsBelow()
    }
    this.#place()
    this.#mark()
  }

  close() {
    if (!this.#shown) return
    this.#shown = null
    this.list.hidePopover()
    this.list.replaceChildren()
    this.given.describe(null)
  }

  /**
   * Whether the list had a use for the key.
   * @param {KeyboardEvent} event
   */
  key(event) {
    if (!this.#shown || event.isComposing || event.ctrlKey || event.altKey || event.metaKey)
      return false
    if (event.key in STEPS) {
      this.#step(STEPS[event.key], this.#shown.entries.length - 1)
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) {
      this.#take(this.#chosen)
    } else if (event.key === "Escape") {
      this.close()
    } else {
      return false
    }
    event.preventDefault()
    return true
  }

  destroy() {
    document.removeEventListener("scroll", this.#moved, { capture: true })
    window.removeEventListener("resize", this.#resized)
  }

  /**
   * @param {Entry} entry
   * @param {number} i
   */
  #option({ name, kind, arguments: args, what }, i) {
    const callable = kind === "function" || kind === "loss" || args.length
    const option = element(
      "li",
      { role: "option", id: `${this.id}-${i}`, "data-kind": kind, "aria-selected": "false" },
      element(
        "span",
        { className: "call" },
        element("b", { text: name }),
        callable ? `(${args.join(", ")})` : "",
      ),
      element("span", { className: "what", text: what }),
    )
    option.onclick = () => this.#take(i)
    return option
  }

  /**
   * Chooses another: one further goes round, a page stops at the ends.
   * @param {number} by
   * @param {number} last
   */
  #step(by, last) {
    const next = this.#chosen + by
    const round = Math.abs(by) === 1
    this.#chosen = next > last ? (round ? 0 : last) : next < 0 ? (round ? last : 0) : next
    this.#mark()
  }

  #mark() {
    const { list } = this
    for (const [i, each] of [...list.children].entries()) {
      each.setAttribute("aria-selected", String(i === this.#chosen))
    }
    const chosen = /** @type {HTMLElement} */ (list.children[this.#chosen])
    // Not scrollIntoView: that would scroll the page, too.
    if (chosen.offsetTop < list.scrollTop) list.scrollTop = chosen.offsetTop
    const end = chosen.offsetTop + chosen.offsetHeight - list.clientHeight
    if (end > list.scrollTop) list.scrollTop = end
    this.given.describe(chosen.id)
  }

  #fitsBelow() {
    if (!this.#shown) return true
    const word = this.given.where(this.#shown.from)
    const height = window.visualViewport?.height ?? window.innerHeight
    const below = height - word.bottom
    return this.list.offsetHeight + GAP <= below || below >= word.top
  }

  #place() {
    if (!this.#shown) return
    const { list } = this
    const word = this.given.where(this.#shown.from)
    const width = document.documentElement.clientWidth
    const inset = parseFloat(getComputedStyle(list).getPropertyValue("--inset")) || 0
    const left = Math.min(word.left - inset, width - list.offsetWidth - GAP)
    list.style.left = `${Math.max(GAP, left)}px`
    list.style.top = this.#above ? "auto" : `${word.bottom}px`
    list.style.bottom = this.#above ? `${window.innerHeight - word.top}px` : "auto"
  }

  /** @param {number} i */
  #take(i) {
    if (!this.#shown) return
    const { from, to, entries } = this.#shown
    this.close()
    this.given.accept(from, to, entries[i])
  }
}
