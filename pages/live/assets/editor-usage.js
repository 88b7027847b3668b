// The line under an editor's text: the arguments of the call that the caret stands in, the one
// being written in bold; or how the number under the caret is moved.

import { element } from "./words.js"

/** @import {Parameter} from "./editor-wire.js" */
/** @import {Names} from "./names.js" */

const NOTHING = "Ctrl+Space lists names"

export class Usage {
  element = element("div", { className: "usage", "aria-live": "off" })
  /** @type {string | null | undefined} */
  #shown = null

  /**
   * `call` as `Names.callAt` gives it, `parameter` as the checker does; null for none.
   * @param {ReturnType<Names["callAt"]>} call
   * @param {Parameter | null} parameter
   */
  show(call, parameter) {
    const shown = JSON.stringify(call ? [call.name, call.arguments, call.active] : parameter?.name)
    if (shown === this.#shown) return
    this.#shown = shown
    if (!call) {
      const { name, low, high } = parameter ?? {}
      const text = parameter
        ? `${name}, ${low} to ${high}: drag the number, or Alt+↑ and Alt+↓`
        : NOTHING
      this.element.replaceChildren(element("span", { className: "what", text }))
      return
    }
    const pieces = call.arguments.flatMap((/** @type {string} */ text, /** @type {number} */ i) => [
      i ? ", " : "",
      i === call.active ? element("b", { text }) : text,
    ])
    this.element.replaceChildren(
      element("span", { className: "call" }, `${call.name}(`, ...pieces, ")"),
      element("span", { className: "what", text: call.what }),
    )
    const active = this.element.querySelector("b")
    this.element.scrollLeft = active
      ? active.offsetLeft + active.offsetWidth - this.element.clientWidth + 24
      : 0
  }
}
