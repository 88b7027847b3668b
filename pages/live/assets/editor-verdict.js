// What is said beneath an editor: what its text takes, or one of its faults, with a button to the
// next and one that mends it. It is read out when typing rests, not at every key.

import { mendable, remedy } from "./editor-faults.js"
import { element, put } from "./words.js"

/** @import {Fault} from "./editor-wire.js" */

const SPOKEN_MS = 1200
let made = 0

/**
 * @param {string} className
 * @param {string} title
 * @param {string} keys
 * @param {() => void} press
 */
function button(className, title, keys, press) {
  const made = element("button", {
    type: "button",
    className: `quiet ${className}`,
    hidden: "",
    title,
    "aria-keyshortcuts": keys,
  })
  made.onclick = press
  return made
}

export class Verdict {
  current = 0 // which of the faults it is about
  /** @type {Fault[]} */
  held = []
  #speaking = 0

  /**
   * `next()` and `mend()` are what the buttons do.
   * @param {() => void} next
   * @param {() => void} mend
   */
  constructor(next, mend) {
    this.id = `verdict-${++made}`
    this.text = element("p", { className: "verdict", id: this.id })
    this.onward = button("onward", "Go to the next one (F8)", "F8", next)
    this.fix = button("fix", "Mend it (Ctrl+.)", "Control+.", mend)
    this.hint = element("p", { className: "hint" })
    this.spoken = element("p", { className: "unseen", role: "status" })
    const row = element("div", { className: "row" }, this.text, this.onward, this.fix)
    this.element = element("div", { className: "below" }, row, this.hint, this.spoken)
  }

  get fault() {
    return this.held[this.current] ?? null
  }

  /**
   * @param {string} kind
   * @param {string} text
   * @param {string | null} [more]
   */
  say(kind, text, more = "") {
    this.text.className = `verdict ${kind}`
    put(this.text, text)
    put(this.hint, more ?? "")
    this.held = []
    this.onward.hidden = this.fix.hidden = true
    this.#speak()
  }

  /**
   * One of the faults, or of the notes on a text without any.
   * @param {Fault[]} held
   * @param {number} which
   * @param {string} takes
   */
  about(held, which, takes) {
    const fault = held[which]
    const where = fault.line ? `Line ${fault.line}, column ${fault.column}: ` : ""
    const remark = `${where}${fault.message}`
    if (fault.kind === "note")
      this.say("is-sound", "Understood", [takes, remark, fault.hint].filter(Boolean).join(". "))
    else this.say(fault.kind === "error" ? "is-error" : "is-warning", remark, fault.hint)
    this.held = held
    this.current = which
    this.onward.hidden = held.length < 2
    put(this.onward, `${which + 1} of ${held.length}`)
    this.fix.hidden = !mendable(fault)
    if (!this.fix.hidden) put(this.fix, remedy(fault))
  }

  #speak() {
    clearTimeout(this.#speaking)
    this.#speaking = setTimeout(
      () =>
        put(this.spoken, [this.text.textContent, this.hint.textContent].filter(Boolean).join(". ")),
      SPOKEN_MS,
    )
  }

  destroy() {
    clearTimeout(this.#speaking)
  }
}
