// Asks the server something again and again: one question at a time, at a pace, the newest next. An
// answer to what is no longer asked is never taken; one that failed is asked again.
//
//   const asker = new Asker({ question, ask, take, refuse, rest })
//   asker.want()      there may be news: asks when it is time, or again after the one under way
//   asker.changed()   what is asked is another: the one under way is given up, and the next asked
//   asker.end()

import { Refused, Superseded } from "./ask.js"

const RETRY_MS = 3000
const AGAIN_MS = 120

/** @param {unknown} error */
const isAbort = (error) => error instanceof DOMException && error.name === "AbortError"

/** One thing at a time: what begins ends what was under way. */
export class Newest {
  #under = /** @type {AbortController | null} */ (null)

  get busy() {
    return this.#under !== null
  }

  /**
   * Does `work` until something newer begins. From then on its signal is aborted, and what it throws
   * is nobody's. What the server refuses goes to `refuse`; anything else is thrown. Returns whether
   * nothing newer began.
   *
   * @param {(signal: AbortSignal) => Promise<void>} work
   * @param {(error: Refused) => void} refuse
   */
  async run(work, refuse) {
    this.end()
    const mine = new AbortController()
    this.#under = mine
    try {
      await work(mine.signal)
    } catch (error) {
      const refused = error instanceof Refused
      const late = mine.signal.aborted && (refused || isAbort(error))
      if (!refused && !late) throw error
      if (refused && !late) refuse(error)
    } finally {
      if (this.#under === mine) this.#under = null
    }
    return !mine.signal.aborted
  }

  end() {
    this.#under?.abort()
    this.#under = null
  }
}

/**
 * @template Question, Answer
 * @typedef {object} Asking
 * @property {() => Question | null} question what to ask now; null: nothing yet
 * @property {(question: Question, signal: AbortSignal) => Promise<Answer>} ask
 * @property {(answer: Answer, question: Question, signal: AbortSignal) => void | Promise<void>} take
 * @property {(error: Refused) => void} refuse
 * @property {() => number} [rest] ms at least from one question to the next
 * @property {number} [retry] ms until what was refused is asked again
 */

/** @template Question, Answer */
export class Asker {
  /** @type {Asking<Question, Answer>} */
  #asking
  #newest = new Newest()
  #timer = 0
  #again = false
  #last = -Infinity
  #gone = false

  /** @param {Asking<Question, Answer>} asking */
  constructor(asking) {
    this.#asking = asking
    document.addEventListener("visibilitychange", this.#awake)
  }

  get busy() {
    return this.#newest.busy
  }

  want() {
    if (this.#gone) return
    if (this.busy) {
      this.#again = true
      return
    }
    this.#later(this.#last + (this.#asking.rest?.() ?? 0) - performance.now())
  }

  changed() {
    this.#newest.end()
    this.#last = -Infinity
    this.want()
  }

  end() {
    this.#gone = true
    clearTimeout(this.#timer)
    this.#newest.end()
    document.removeEventListener("visibilitychange", this.#awake)
  }

  // Nothing is asked for a page that nobody sees, and what is due when it is seen again.
  #awake = () => {
    if (!document.hidden) this.want()
  }

  /** @param {number} wait */
  #later(wait) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#now(), Math.max(0, wait))
  }

  async #now() {
    if (this.#gone || this.busy) return
    const question = document.hidden ? null : this.#asking.question()
    if (question === null) return
    this.#again = false
    this.#last = performance.now()
    const newest = await this.#newest.run(
      async (signal) => {
        try {
          const answer = await this.#asking.ask(question, signal)
          if (!signal.aborted) await this.#asking.take(answer, question, signal)
        } catch (error) {
          if (!(error instanceof Superseded)) throw error
          if (!signal.aborted) this.#later(AGAIN_MS)
        }
      },
      (error) => {
        this.#asking.refuse(error)
        this.#later(Math.max(this.#asking.retry ?? RETRY_MS, error.after))
      },
    )
    if (newest && this.#again) this.want()
  }
}
