// Asks the server what it says of a text, as one types: the newest question wins.

/** @import {Answer, Question} from "./editor-wire.js" */

const CHECK_MS = 90 // at least from one question to the next, while keys follow each other fast
const SLOW_MS = 500 // a wait that is worth a word
const AGAIN_MS = 4000
const BUSY_MS = 300

// `question()` is what to ask now, null for nothing; `answered(answer, question)` takes what came.
export class Checks {
  #question
  #answered
  #slow
  #timer = 0
  #asked = 0
  #last = -Infinity // when was asked last
  /** @type {AbortController | null} */
  #request = null

  /**
   * @param {() => Question | null} question
   * @param {(answer: Answer, question: Question, number: number) => void} answered
   * @param {() => void} slow
   */
  constructor(question, answered, slow) {
    this.#question = question
    this.#answered = answered
    this.#slow = slow
  }

  // After so many ms, unless this is called again before; else at once, or as soon as the pace allows.
  soon(ms = Math.max(0, this.#last + CHECK_MS - performance.now())) {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.now(), ms)
  }

  async now() {
    this.stop()
    const question = this.#question()
    if (!question) return
    this.#last = performance.now()
    const number = this.#asked
    const slow = setTimeout(this.#slow, SLOW_MS)
    this.#request = new AbortController()
    const answer = await ask(question, this.#request.signal).finally(() => clearTimeout(slow))
    if (number !== this.#asked || !answer) return
    if (answer.away) this.soon(AGAIN_MS)
    if (answer.after) this.soon(answer.after)
    // Another tab of the same visitor asked later; this one asks again.
    if (answer.superseded) this.soon(BUSY_MS)
    else this.#answered(answer, question, number)
  }

  // What was asked is no longer wanted.
  stop() {
    clearTimeout(this.#timer)
    this.#asked += 1
    this.#request?.abort()
  }
}

/**
 * @param {Question} question
 * @param {AbortSignal} signal
 * @returns {Promise<(Answer & {superseded?: boolean, away?: boolean, after?: number}) | null>}
 *   null: given up; `after`: ms after which one who asks too often is answered again
 */
async function ask(question, signal) {
  try {
    const response = await fetch(new URL("../../check", import.meta.url), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
      signal,
    })
    const after = 1000 * Number(response.headers.get("Retry-After") ?? 0)
    return { ...(await response.json()), after }
  } catch {
    if (signal.aborted) return null
    return {
      away: true,
      refused: "The checker cannot be reached.",
      hint: "Checking again in a few seconds.",
    }
  }
}
