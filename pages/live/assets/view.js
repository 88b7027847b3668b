// What every live view is built on: what its page gives it, the runs it follows, the theme, whether
// it is seen, and the end of all that with it.
//
//   export const mount = mounts((view) => {
//     const label = element("p")
//     view.root.append(label)
//     return {
//       adopt: ({ run }) => view.follow([run], ["state"]),
//       draw: () => put(label, view.facts().state ?? "no run yet"),
//     }
//   })
//
// That function is one scope, as a class' body is: the view's elements and state, and short functions
// over them. So it may be long, while none within it exceeds 60 lines.
//
// `adopt` is called with what the page gives, at first and whenever it differs; `draw` after it, and
// once in the next frame after each `view.paint()`, such as when a fact that is followed is new.

import { evaluationAt, moment } from "./moment.js"
import { subscribe } from "./stream.js"
import { theme } from "./words.js"

/** @import {Facts} from "./wire.js" */
/** @import {Run} from "./run.js" */

/**
 * What Streamlit hands over: the page's data, and a way to say something to the page.
 * @template Data
 * @typedef {{data: Data, setStateValue: (name: string, value: unknown) => void}} Component
 */

/**
 * `repaint` is called before drawing in a new theme, `end` when the view goes.
 * @template Data
 * @typedef {object} Parts
 * @property {(data: Data, before?: Data) => void} adopt
 * @property {() => void} draw
 * @property {() => void} [repaint]
 * @property {() => void} [end]
 */

/** @template Data */
export class View {
  /** @type {Map<string, Run>} */
  runs = new Map()
  /** @type {string[]} The ids of the runs that are followed. */
  ids = []
  gone = false
  #frame = 0
  /** @type {(() => void)[]} */
  #ends = []
  #unfollow = () => {}
  /** @type {Parts<Data> | null} */
  #parts = null

  /**
   * @param {HTMLElement} root
   * @param {Component<Data>} component
   */
  constructor(root, component) {
    this.root = root
    this.data = component.data
    this.setState = component.setStateValue
    this.colors = theme(root)
    this.onEnd(moment.follow(() => this.paint()))
  }

  /** @param {Parts<Data>} parts */
  begin(parts) {
    this.#parts = parts
    parts.adopt(this.data)
    parts.draw()
  }

  /** @param {Component<Data>} component */
  update(component) {
    const before = this.data
    this.data = component.data
    this.setState = component.setStateValue
    const now = theme(this.root)
    if (now.key !== this.colors.key) {
      this.colors = now
      this.#parts?.repaint?.()
    }
    this.#parts?.adopt(this.data, before)
    this.paint()
  }

  end() {
    this.gone = true
    cancelAnimationFrame(this.#frame)
    this.#unfollow()
    for (const end of this.#ends) end()
    this.#parts?.end?.()
    this.root.replaceChildren()
  }

  /** Draws in the next frame; a page out of sight has none until it is seen. */
  paint() {
    if (this.gone || this.#frame) return
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0
      this.#parts?.draw()
    })
  }

  /**
   * Follows these runs and no others: draws when one of `names` is new (facts, or "series"), after
   * `heard` of it, which hears of every message. What is followed already goes on.
   *
   * @param {(string | null | undefined)[]} wanted
   * @param {string[] | "any"} names
   * @param {(run: Run, changed: Set<string>) => void} [heard]
   */
  follow(wanted, names, heard) {
    const ids = /** @type {string[]} */ (wanted.filter(Boolean))
    if (ids.join() === this.ids.join()) return
    this.ids = ids
    for (const id of [...this.runs.keys()]) if (!ids.includes(id)) this.runs.delete(id)
    const before = this.#unfollow
    this.#unfollow = subscribe(ids, (run, changed) => {
      this.runs.set(run.id, run)
      heard?.(run, changed)
      if (names === "any" || names.some((name) => changed.has(name))) this.paint()
    })
    before()
  }

  /**
   * What is known of a run, by default of the first that is followed.
   * @param {string} [id]
   * @returns {Facts}
   */
  facts(id = this.ids[0]) {
    return this.runs.get(id)?.facts ?? {}
  }

  /**
   * What a run's evaluation said at the moment that the page looks at (`moment`).
   * @param {string} [id]
   */
  evaluation(id = this.ids[0]) {
    return id ? evaluationAt(id, this.facts(id)) : undefined
  }

  /**
   * Leaves what is to be done when the view goes.
   * @param {() => void} end
   */
  onEnd(end) {
    this.#ends.push(end)
  }

  /**
   * Draws when the size of a node changes, such as from nothing to something.
   * @param {Element} node
   * @param {(node: Element) => void} [resized] instead of drawing
   */
  onSize(node, resized = () => this.paint()) {
    const observer = new ResizeObserver(() => resized(node))
    observer.observe(node)
    this.onEnd(() => observer.disconnect())
  }

  /**
   * Says when the view comes near to being seen, and when it is no longer.
   * @param {(seen: boolean) => void} heard
   */
  onSight(heard) {
    const observer = new IntersectionObserver(
      (entries) => heard(entries[entries.length - 1].isIntersecting),
      { rootMargin: "200px" },
    )
    observer.observe(this.root)
    this.onEnd(() => observer.disconnect())
  }
}

/**
 * A view's `mount`, which the loader of `component.py` calls, out of what builds it.
 * @template Data
 * @param {(view: View<Data>) => Parts<Data>} build
 */
export const mounts =
  (build) =>
  /**
   * @param {HTMLElement} root
   * @param {Component<Data>} component
   */
  (root, component) => {
    const view = new View(root, component)
    view.begin(build(view))
    return {
      /** @param {Component<Data>} next */
      update: (next) => view.update(next),
      destroy: () => view.end(),
    }
  }
