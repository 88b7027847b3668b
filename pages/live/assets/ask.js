// Asks the server, and reads answers with arrays in them: the other end of `packing.py`.

import { pause } from "./words.js"

/** @import {Looks} from "./wire.js" */

/** What the server said instead of an answer, in words for the visitor. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {string} [hint]
   * @param {number} [after] ms after which it may be asked again
   */
  constructor(message, hint = "", after = 0) {
    super(message)
    this.hint = hint
    this.after = after
  }

  get words() {
    return `${this.message} ${this.hint}`.trim()
  }
}

/** A newer question of this visitor, of another tab, went before. */
export class Superseded extends Error {}

const AGAIN_MS = 120
const TYPES = { u1: Uint8Array, i4: Int32Array, f4: Float32Array }

/**
 * A module that is loaded when it is needed: `await part(import("./x.js"))`. Throws Refused.
 *
 * @template Module
 * @param {Promise<Module>} loading
 * @returns {Promise<Module>}
 */
export const part = (loading) =>
  loading.catch(() => {
    const hint = "Check the connection and reload the page."
    throw new Refused("A part of this page did not load.", hint)
  })

/**
 * Where the server answers `path`.
 * @param {string} path
 */
export const address = (path) => new URL(`../../${path}`, import.meta.url)

/**
 * The answer to a question, its arrays typed arrays with a `shape`. Throws Refused, Superseded, and
 * the signal's AbortError.
 *
 * @param {string} path
 * @param {unknown} question
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function post(path, question, signal) {
  let response
  try {
    response = await fetch(address(path), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(question),
      signal,
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Refused("The server cannot be reached.", "Trying again in a few seconds.")
  }
  if (response.status === 409) throw new Superseded()
  if (!response.ok) {
    const said = await response.json().catch(() => ({}))
    const after = 1000 * Number(response.headers.get("Retry-After") ?? 0)
    throw new Refused(said.refused ?? "The server did not answer as expected.", said.hint, after)
  }
  return unpack(await response.arrayBuffer())
}

/**
 * What a run's network does: the answer to {run, what, ...}. A question that a newer one replaced is
 * asked again.
 *
 * @template {keyof Looks} What
 * @param {{what: What} & Record<string, unknown>} question
 * @param {AbortSignal} [signal]
 * @returns {Promise<Looks[What]>}
 */
export async function look(question, signal) {
  for (;;) {
    try {
      return await post("look", question, signal)
    } catch (error) {
      if (!(error instanceof Superseded)) throw error
    }
    await pause(AGAIN_MS)
    signal?.throwIfAborted()
  }
}

/** @param {ArrayBuffer} buffer */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true)
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length))
  const base = 4 + length
  return JSON.parse(text, (_, value) => {
    if (value?.at === undefined || !(value.type in TYPES)) return value
    const size = value.shape.reduce(
      (/** @type {number} */ product, /** @type {number} */ side) => product * side,
      1,
    )
    const Typed = TYPES[/** @type {keyof typeof TYPES} */ (value.type)]
    return Object.assign(new Typed(buffer, base + value.at, size), { shape: value.shape })
  })
}

/** Answers that never change, by what was asked; the oldest go where they are too many. */
export class Kept {
  /** @type {Map<string, Promise<any>>} */
  #answers = new Map()
  #most

  /** @param {number} most */
  constructor(most) {
    this.#most = most
  }

  /**
   * @template Answer
   * @param {unknown} question
   * @param {() => Promise<Answer>} ask
   * @returns {Promise<Answer>}
   */
  async get(question, ask) {
    const key = JSON.stringify(question)
    const known = this.#answers.get(key)
    // One that failed was another's, who may have given it up: it is asked again.
    const found = known && (await known.then((answer) => ({ answer })).catch(() => null))
    if (found) return found.answer
    const asking = ask()
    this.#answers.set(key, asking)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > this.#most) this.#answers.delete(oldest)
    try {
      return await asking
    } catch (error) {
      if (this.#answers.get(key) === asking) this.#answers.delete(key)
      throw error
    }
  }

  clear() {
    this.#answers.clear()
  }
}
