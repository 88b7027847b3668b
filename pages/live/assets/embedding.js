// The embedding: where each run's network puts test and training images, live and back in time.
//
// The stream says which steps have weights; a frame of points is asked for with `look`, run by
// run, as fast as the answers come and at most once a second; between two the points glide.

import { look, part } from "./ask.js"
import { Asker, Newest } from "./asker.js"
import { classColor, classShape, SHAPES } from "./classes.js"
import { numberField, pick, select, toggle } from "./controls.js"
import { Cloud, METHODS } from "./embedding-cloud.js"
import { moment } from "./moment.js"
import { mounts } from "./view.js"
import { count, element, inWords, put } from "./words.js"

/** @import {Split} from "./embedding-cloud.js" */
/** @import {Glance, Neighbours} from "./embedding-detail.js" */
/** @import {EmbeddingData} from "./wire.js" */
/** @import {View} from "./view.js" */

const LIVE_MS = 1000
const GLIDE_MS = 600
const OVER = ["failed", "stopped", "completed"]
/** @type {Split[][]} */
const WHICH = [["test"], ["train"], ["test", "train"]]
const still = matchMedia("(prefers-reduced-motion: reduce)")

const PROMPT = "Click a point to see its image and its neighbours"

/** The classes, each a button that hides its points. */
class Legend {
  node = element("div", { className: "classes", role: "group", "aria-label": "Classes" })

  /**
   * @param {View<EmbeddingData>} view
   * @param {Set<number>} hidden
   */
  constructor(view, hidden) {
    this.view = view
    this.hidden = hidden
  }

  draw() {
    const { classes, palette } = this.view.data
    const colors = palette[this.view.colors.dark ? "dark" : "light"]
    this.node.replaceChildren(...classes.map((name, c) => this.#key(name, c, colors)))
  }

  /**
   * @param {string} name
   * @param {number} c
   * @param {string[]} colors
   */
  #key(name, c, colors) {
    const { hidden } = this
    const swatch = element("i", { className: "swatch", "aria-hidden": "true" })
    swatch.style.background = classColor(colors, c)
    swatch.dataset.shape = SHAPES[classShape(colors, c)]
    const said = name === String(c) ? name : `${c} ${name}`
    const key = element(
      "button",
      {
        type: "button",
        className: "key",
        "aria-pressed": String(!hidden.has(c)),
        title: hidden.has(c) ? "Show this class" : "Hide this class",
      },
      swatch,
      element("span", { text: said }),
    )
    key.onclick = () => {
      if (!hidden.delete(c)) hidden.add(c)
      this.draw()
      const again = this.node.children[c]
      if (again instanceof HTMLElement) again.focus()
      this.view.paint()
    }
    return key
  }
}

class EmbeddingView {
  #image
  #splits = WHICH[0]
  #method = "pca"
  #dims = 2
  #regions = true
  #trails = true
  #lasted = 0 // ms that the last frames took
  #sent = "" // what the page heard last
  /** @type {Set<number>} Classes that are not shown. */
  #hidden = new Set()
  /** @type {Map<string, Cloud>} By run and split. */
  #clouds = new Map()
  #trouble = element("p", { className: "trouble", role: "status" })
  #alarm = element("p", { className: "alarm", role: "alert" })
  #grid = element("div", { className: "clouds" })
  #empty = element("p", { className: "empty" })
  #number = numberField()
  #prompt = element("section", { className: "detail" })
  #heading = element("h4", { text: PROMPT })
  #pointing = new Newest()
  /** @type {Glance | null} */
  glance = null
  /** @type {Neighbours | null} */
  neighbours = null
  #resizing = new ResizeObserver(() => this.view.paint())
  #complain = (/** @type {string} */ words) => put(this.#trouble, words)

  /** @param {View<EmbeddingData>} view */
  constructor(view) {
    const { root, data } = view
    this.view = view
    this.#image = data.image
    root.classList.add("embedding", "maps")
    this.#prompt.append(element("header", {}, this.#heading))
    this.legend = new Legend(view, this.#hidden)
    this.asker = this.#asker()
    view.onEnd(moment.follow(() => this.#changed()))
    view.onEnd(moment.await(() => this.asker.busy))
    root.append(
      this.legend.node,
      this.#options(),
      this.#trouble,
      this.#alarm,
      element("div", { className: "stage" }, this.#grid, this.#prompt, this.#empty),
    )
    if (data.image) this.#number.field.value = String(data.image)
  }

  // The options that only some embeddings have are shown where one has them.
  #options() {
    const which = pick(["Test", "Training", "Both"], (at) => {
      this.#splits = WHICH[at]
      this.#arrange()
      this.#changed()
    })
    this.projection = select("Projection", Object.entries(METHODS))
    this.projection.onchange = () => {
      this.#method = this.projection?.value ?? "pca"
      this.#changed()
    }
    this.two = pick(["2-D", "3-D"], (at) => {
      this.#dims = 2 + at
      this.#changed()
    })
    const says = "What the last layer says of each place of the plane"
    this.behind = toggle("Regions", says, (on) => {
      this.#regions = on
      this.view.paint()
    })
    this.paths = toggle("Trails", "Where the centres have been", (on) => {
      this.#trails = on
      this.view.paint()
    })
    this.#number.field.onchange = () => {
      const place = this.#number.value()
      const cloud = [...this.#clouds.values()].find(
        ({ split, answer }) => split === "test" && answer,
      )
      if (place !== null && cloud) this.#open(cloud, place)
    }
    const finder = element("label", { text: "Image" }, this.#number.field)
    const parts = [which.node, this.projection, this.two.node, this.behind, this.paths, finder]
    return element("div", { className: "options" }, ...parts)
  }

  // Asking

  #running() {
    return this.view.ids.some((id) => this.view.facts(id).state === "running")
  }

  /** @param {string} id */
  #kept(id) {
    return (this.view.facts(id).snapshots ?? []).length > 0
  }

  #asker() {
    return new Asker({
      question: () => {
        const clouds = [...this.#clouds.values()].filter(({ run }) => this.#kept(run))
        return clouds.length ? clouds : null
      },
      ask: async (clouds, signal) => {
        const began = performance.now()
        for (const cloud of clouds) {
          const step = moment.step === null ? {} : { step: moment.step }
          const { run, split } = cloud
          const how = { method: this.#method, dims: this.#dims, ...step }
          const found = await look({ run, what: "embedding", split, ...how }, signal)
          if (signal.aborted) return
          const gliding = still.matches ? 0 : GLIDE_MS
          cloud.take(found, gliding)
          this.#drawOptions()
          this.view.paint()
        }
        this.#lasted = performance.now() - began
      },
      take: () => this.#complain(""),
      refuse: (error) => this.#complain(error.words),
      // What takes long to compute is asked for seldom: training has the cores first.
      rest: () =>
        moment.step === null && this.#running() ? Math.max(LIVE_MS, 2 * this.#lasted) : 0,
    })
  }

  // Something else is looked at: what is under way is of no use.
  #changed() {
    this.asker.changed()
  }

  /**
   * @param {Cloud} cloud
   * @param {number} place
   */
  #open(cloud, place) {
    if (cloud.split === "test") {
      this.#image = place
      this.#number.field.value = String(place)
      this.#report()
    }
    this.#point(({ neighbours }) => {
      neighbours.open(cloud, place, moment.step)
      this.view.paint()
    })
  }

  /**
   * Does something with what shows one point, which is loaded when the first is pointed at; the last
   * that was asked for, where more than one was meanwhile.
   * @param {(detail: {glance: Glance, neighbours: Neighbours}) => void} act
   */
  #point(act) {
    this.#pointing.run(
      async (signal) => {
        const module = await part(import("./embedding-detail.js"))
        if (!signal.aborted) act(this.#detail(module))
      },
      (error) => this.#complain(error.words),
    )
  }

  /** @param {typeof import("./embedding-detail.js")} module */
  #detail({ Glance, Neighbours }) {
    const { view } = this
    if (this.glance && this.neighbours) return { glance: this.glance, neighbours: this.neighbours }
    const className = (/** @type {number} */ c) => String(view.data.classes[c] ?? c)
    const glance = new Glance(view.root, className, this.#complain)
    const neighbours = new Neighbours(this.#heading, className, {
      complain: this.#complain,
      changed: () => view.paint(),
    })
    view.root.append(glance.node)
    this.#prompt.replaceChildren(...neighbours.nodes)
    Object.assign(this, { glance, neighbours })
    return { glance, neighbours }
  }

  // The page puts into its address what is looked at.
  #report() {
    const { layer, unit } = this.view.data
    const seen = { image: this.#image, step: moment.step, layer, unit }
    const text = JSON.stringify(seen)
    if (text === this.#sent) return
    this.#sent = text
    this.view.setState("view", seen)
  }

  // A cloud for each run and split, kept where it stays.
  #arrange() {
    const { runs } = this.view.data
    const wanted = runs.flatMap((run) =>
      this.#splits.map((split) => ({ run, split, key: `${run.id} ${split}` })),
    )
    for (const [key, { canvas }] of this.#clouds) {
      if (wanted.some((each) => each.key === key)) continue
      this.#clouds.delete(key)
      this.#resizing.unobserve(canvas)
    }
    const clouds = wanted.map(({ run, split, key }) => {
      const cloud = this.#clouds.get(key) ?? this.#cloud(run.id, split)
      this.#clouds.set(key, cloud)
      cloud.call(run, this.view.colors)
      return cloud
    })
    this.#grid.replaceChildren(...clouds.map(({ node }) => node))
    this.#grid.dataset.count = String(Math.min(clouds.length, 4))
    this.#grid.classList.toggle("is-many", clouds.length > 2)
    this.#prompt.hidden = !clouds.length
  }

  /**
   * @param {string} run
   * @param {Split} split
   */
  #cloud(run, split) {
    const cloud = new Cloud(run, split, {
      over: (event, where, place) => {
        if (this.glance) this.glance.show(event, where, place)
        else if (place >= 0) this.#point(({ glance }) => glance.show(event, where, place))
      },
      leave: () => {
        if (this.glance) this.glance.hide()
        else this.#pointing.end()
      },
      click: (where, place) => this.#open(where, place),
      turned: () => this.view.paint(),
    })
    cloud.hidden = this.#hidden
    this.#resizing.observe(cloud.canvas)
    return cloud
  }

  // What the page says

  #drawOptions() {
    const answers = [...this.#clouds.values()].map(({ answer }) => answer)
    const wide = answers.some((answer) => answer && answer.width > 3)
    if (this.projection) this.projection.hidden = !wide
    if (this.two) this.two.node.hidden = !wide
    if (this.behind) this.behind.hidden = !answers.some((answer) => answer?.kernel)
    if (this.paths) this.paths.hidden = wide
  }

  #drawAlarm() {
    const { runs } = this.view.data
    const said = runs.flatMap(({ id, name }) => {
      const { collapsed, advice } = this.view.facts(id)
      if (!collapsed) return []
      return [
        `${name}: the features have fallen together since step ${count(collapsed[0])}. ${advice}`,
      ]
    })
    put(this.#alarm, said.join(" "))
    for (const { run, node } of this.#clouds.values()) {
      node.classList.toggle("is-collapsed", Boolean(this.view.facts(run).collapsed))
    }
  }

  #emptyWords() {
    if (this.view.ids.some((id) => this.#kept(id))) {
      const some = [...this.#clouds.values()].some(({ answer }) => answer)
      return some || this.#trouble.textContent ? "" : "Asking the network where it puts the images"
    }
    const { state } = this.view.facts()
    if (!this.view.data.runs.length) {
      return "Press Train, or start an experiment of the lab: the features of test images show here and move as the network learns"
    }
    if (state === "unknown") return inWords(this.view.facts())
    return OVER.includes(state ?? "")
      ? "This run kept no weights to look into. Train another."
      : "The points show here with the first step"
  }

  /**
   * @param {EmbeddingData} data
   * @param {EmbeddingData} [before]
   */
  adopt(data, before) {
    const { view } = this
    if (!before || before.classes.join() !== data.classes.join()) {
      this.#hidden.clear()
      this.legend.draw()
    }
    const ids = data.runs.map(({ id }) => id)
    const same = before && ids.join() === view.ids.join()
    const chosen = this.neighbours?.chosen
    if (chosen && !ids.includes(chosen.cloud.run)) this.neighbours?.close()
    view.follow(ids, ["collapsed", "snapshots", "state"], (_, news) => this.#hear(news))
    this.#arrange()
    if (!same) this.#changed()
  }

  /** @param {Set<string>} news */
  #hear(news) {
    if (!news.has("snapshots") && !news.has("state")) return
    const lacking = [...this.#clouds.values()].some(({ answer, run }) => !answer && this.#kept(run))
    if (moment.step === null || lacking) this.asker.want()
  }

  repaint() {
    this.legend.draw()
  }

  draw() {
    const { view } = this
    this.#drawOptions()
    this.#drawAlarm()
    const some = view.ids.some((id) => this.#kept(id))
    view.root.classList.toggle("is-empty", !some)
    // What has nothing to act on is dimmed, and out of reach.
    for (const part of view.root.querySelectorAll(":is(.options, .classes)"))
      part.toggleAttribute("inert", !some)
    put(this.#empty, this.#emptyWords())
    const { classes, palette } = view.data
    const style = {
      palette: palette[view.colors.dark ? "dark" : "light"],
      hidden: this.#hidden,
      regions: this.#regions,
      trails: this.#trails,
      colors: view.colors,
      names: classes.map((name, c) => (name.length <= 2 ? name : String(c))),
    }
    let moving = false
    for (const cloud of this.#clouds.values()) {
      if (!cloud.answer) continue
      cloud.scatter.marked = this.neighbours?.ringed(cloud) ?? []
      cloud.scatter.draw(style)
      moving ||= cloud.scatter.moving
    }
    if (moving) view.paint()
  }

  end() {
    this.asker.end()
    this.#pointing.end()
    this.glance?.hide()
    this.neighbours?.stop()
    this.#resizing.disconnect()
  }
}

export const mount = mounts((/** @type {View<EmbeddingData>} */ view) => new EmbeddingView(view))
