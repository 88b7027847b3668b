// What is computed of a network when somebody opens it: a part of Feature maps that is loaded then.

import { part } from "./ask.js"
import { Newest } from "./asker.js"
import { element } from "./words.js"

/**
 * What a section shows: `key` names it, null where there is nothing to ask; `show` asks for it and
 * draws it, and draws nothing that comes after `signal` was aborted.
 * @typedef {{key: () => string | null, show: (signal: AbortSignal) => Promise<void>}} Content
 */
/** @typedef {typeof import("./maps-more.js")} Contents */

/** Kept up while it is open. */
export class Section {
  body = element("div", { className: "body" })
  #loading = new Newest()
  #shown = ""
  /** @type {Content | null} */
  #content = null

  /**
   * @param {string} name
   * @param {string} what
   * @param {(contents: Contents, section: Section) => Content} content
   */
  constructor(name, what, content) {
    this.content = content
    const summary = element(
      "summary",
      {},
      element("b", { text: name }),
      element("span", { text: what }),
    )
    this.node = element("details", { className: "more" }, summary, this.body)
    this.node.ontoggle = () => {
      this.stop()
      this.#shown = ""
      this.load()
    }
  }

  /** Asks, where the section is open and shows something else. */
  async load() {
    if (!this.node.open) return
    const key = this.#content?.key()
    if (key === null || key === this.#shown) return
    await this.#loading.run(
      async (signal) => {
        const contents = await part(import("./maps-more.js"))
        this.#content ??= this.content(contents, this)
        const key = this.#content.key()
        if (signal.aborted || key === null) return
        await this.#content.show(signal)
        if (!signal.aborted) this.#shown = key
      },
      (error) => this.say(error.words, "trouble"),
    )
  }

  /** What was asked for is no longer wanted. */
  stop() {
    this.#loading.end()
  }

  /** Another run: nothing of it is shown. */
  forget() {
    this.stop()
    this.#shown = ""
    this.body.replaceChildren()
  }

  /**
   * @param {string} text
   * @param {string} [className]
   */
  say(text, className = "") {
    this.body.replaceChildren(element("p", { className, text }))
  }
}
