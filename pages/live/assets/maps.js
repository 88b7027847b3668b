// Feature maps: what every layer of a run's network makes of one image, live and back in time.
//
// The stream tells which steps have weights; what is shown is asked for with `look`, at most once
// a second while a run trains, and not at all while nobody looks at the page.

import {
  cssOf,
  fromBase64,
  look,
  paintImage,
  paintMap,
  paintValues,
  Refused,
  rangeOf,
  SIGNED,
  toBase64,
  VIRIDIS,
  valueAt,
} from "./look.js"
import { sketch } from "./sketch.js"
import { subscribe } from "./stream.js"
import { timeline } from "./timeline.js"
import { count, digits, element, percent, put } from "./words.js"

const LIVE_MS = 1000
const RETRY_MS = 3000
const REST_LIVE_MS = 10_000
const REST_PLAYING_MS = 1500
const STRIP_FRAMES = 12
const PATIENCE_MS = 1500 // of waiting, before more is said of it than that
const KINDS = {
  Normalization: "normalised pixels",
  Conv2D: "convolution",
  BatchNormalization: "batch norm",
  Activation: "activation",
  PReLU: "activation",
  MaxPooling2D: "max pooling",
  Dense: "dense",
  Softmax: "softmax",
}
const WHY = {
  grad_cam: ["Grad-CAM", "Where the last convolution finds what speaks for the class", false],
  saliency: ["Saliency", "How much each pixel moves the class' logit", false],
  smooth_grad: ["SmoothGrad", "The same, averaged over noisy copies", false],
  occlusion: ["Occlusion", "Red: hiding this place costs probability; blue: it helps", true],
}

export function mount(root, component) {
  root.classList.add("maps")
  let data = component.data
  let send = component.setStateValue
  let run = null // its id
  let facts = {}
  let image = { test: data.image }
  let step = data.step // null: the latest
  let chosen = { layer: data.layer, unit: data.unit }
  let gradients = false
  let scale = "layer"
  let answer = null
  let browsed = null
  let stop = () => {}
  let gone = false
  let asking = null // the AbortController of the look that is under way
  let stale = false // something changed while it was
  let timer = 0
  let lastLook = -LIVE_MS
  let lastMore = -REST_LIVE_MS
  let asked = 0 // when what is awaited was asked for; 0: nothing is
  let telling = 0
  const frames = new Map() // film strip and dead filters: what never changes, by what was asked

  // The parts of the view

  const picture = element("canvas", { className: "picture", role: "img" })
  const region = element("i", { className: "region", hidden: "" })
  const bars = element("ol", { className: "bars" })
  const title = element("p", { className: "which" })
  const index = element("input", {
    type: "number",
    min: "0",
    step: "1",
    "aria-label": "Test image number",
  })
  const klass = element("select", { "aria-label": "Class" })
  const next = quiet("Next")
  const wrong = quiet("One it gets wrong")
  const pad = sketch((pixels) => choose({ pixels: toBase64(pixels), said: "Your drawing" }))
  const wipe = quiet("Clear")
  const drawing = element(
    "details",
    { className: "drawing" },
    element("summary", { text: "Draw one" }),
    pad.canvas,
    wipe,
  )
  const input = element(
    "section",
    { className: "input" },
    element("div", { className: "frame" }, picture, region),
    element(
      "div",
      { className: "answers" },
      title,
      bars,
      element("div", { className: "row" }, klass, next, wrong, label("image", index)),
    ),
    drawing,
  )

  const time = timeline({
    busy: () => asking !== null,
    go(wanted) {
      step = wanted
      changed()
    },
    rest: tell,
  })

  const maps = pick("Activations", "Gradients")
  const scales = element("select", { "aria-label": "Colour scale" })
  for (const [value, text] of [
    ["layer", "Colours per layer"],
    ["map", "Colours per map"],
    ["all", "One scale for all"],
  ]) {
    scales.append(element("option", { value, text }))
  }
  const legend = element("span", { className: "legend" })
  const options = element("div", { className: "options" }, maps.node, scales, legend)
  const trouble = element("p", { className: "trouble", role: "status" })
  const layers = element("div", { className: "layers" })
  const empty = element("p", { className: "empty" })
  const tip = element("div", { className: "tip", role: "status", hidden: "" })
  const detail = element("section", { className: "detail", hidden: "" })
  const why = section("Why it says so", "Which pixels the answer rests on", loadWhy)
  const dead = section(
    "Dead filters",
    "Filters that answer to no image learn nothing any more",
    loadDead,
  )
  const beside = section(
    "Beside another run",
    "The chosen layer in both runs, and their difference",
    loadBeside,
  )
  root.append(
    element("div", { className: "top" }, input, time.node),
    options,
    trouble,
    element("div", { className: "stage" }, layers, empty),
    why.node,
    dead.node,
    beside.node,
    tip,
  )
  for (const [value, colors] of [
    ["viridis", VIRIDIS],
    ["signed", SIGNED],
  ]) {
    root.style.setProperty(
      `--${value}`,
      `linear-gradient(to right, ${[0, 51, 102, 128, 153, 204, 255].map((i) => cssOf(colors[i])).join(", ")})`,
    )
  }

  function quiet(text) {
    return element("button", { type: "button", className: "quiet", text })
  }

  function label(text, field) {
    return element("label", { text }, field)
  }

  function pick(...names) {
    const buttons = names.map((name) => quiet(name))
    const node = element("span", { className: "pick", role: "group" }, ...buttons)
    return { node, buttons }
  }

  // A part that is computed when it is opened, and kept up while it is open.
  function section(name, what, load) {
    const body = element("div", { className: "body" })
    const node = element(
      "details",
      { className: "more" },
      element("summary", {}, element("b", { text: name }), element("span", { text: what })),
      body,
    )
    const part = { node, body, shown: "", load }
    node.ontoggle = () => {
      part.shown = ""
      if (node.open) part.load(part)
    }
    return part
  }

  // Asking

  // What was just chosen is acknowledged at once: the answer comes when a worker has it.
  function acknowledge() {
    if (image.pixels !== undefined) {
      paintImage(picture, fromBase64(image.pixels), [data.side, data.side, data.channels])
      picture.setAttribute("aria-label", image.said ?? "This picture")
    }
    if (run && (facts.snapshots ?? []).length) {
      asked ||= performance.now()
      root.classList.add("is-asking")
      tellWaiting()
    } else if (image.pixels !== undefined)
      put(title, `${image.said ?? "This picture"}: for the network, once there is one`)
  }

  function tellWaiting() {
    clearTimeout(telling)
    if (!asked || gone) return
    const seconds = (performance.now() - asked) / 1000
    const what =
      image.test === undefined ? (image.said ?? "This picture") : `Test image ${count(image.test)}`
    put(title, `${what}: asking the network`)
    const long = 1000 * seconds > PATIENCE_MS
    const since = long ? ` (${Math.round(seconds)} s)` : ""
    put(
      empty,
      answer
        ? ""
        : `Asking the network for every layer's maps${since}${
            long
              ? ". The first look starts a worker and builds the network: some 10 s, longer while others train."
              : ""
          }`,
    )
    telling = setTimeout(tellWaiting, long ? 1000 : PATIENCE_MS + 50)
  }

  function answered() {
    asked = 0
    clearTimeout(telling)
    root.classList.remove("is-asking")
  }

  const question = (more) => ({
    run,
    image: plain(image),
    ...(step === null ? {} : { step }),
    ...more,
  })
  const plain = ({ test, pixels }) => (pixels === undefined ? { test } : { pixels })

  function want() {
    if (gone || !run) return
    if (asking) {
      stale = true
      return
    }
    clearTimeout(timer)
    const wait =
      step === null && facts.state === "running" ? lastLook + LIVE_MS - performance.now() : 0
    timer = setTimeout(refresh, Math.max(0, wait))
  }

  async function refresh() {
    if (gone || !run || document.hidden || !(facts.snapshots ?? []).length) return
    const mine = new AbortController()
    asking = mine
    stale = false
    lastLook = performance.now()
    const of = run
    try {
      const found = await look(question({ what: "maps", gradients }), mine.signal)
      if (gone || of !== run) return
      answer = found
      answered()
      put(trouble, "")
      draw()
      await more()
    } catch (error) {
      if (error.name === "AbortError" || gone) return
      if (!(error instanceof Refused)) throw error
      put(trouble, `${error.message} ${error.hint}`.trim())
      answered()
      put(title, answer ? "" : "No answer yet")
      drawEmpty()
      timer = setTimeout(want, RETRY_MS)
    } finally {
      if (asking === mine) {
        asking = null
        if (stale) want()
      }
    }
  }

  // What is open below follows, one after the other; seldom while the image above moves by itself,
  // because it takes many looks.
  async function more() {
    const rest = time.playing
      ? REST_PLAYING_MS
      : step === null && facts.state === "running"
        ? REST_LIVE_MS
        : 0
    const now = performance.now()
    showBig()
    if (now - lastMore < rest) return
    lastMore = now
    await loadDetail()
    for (const part of [why, dead, beside]) if (part.node.open) await part.load(part)
  }

  function changed() {
    if (!time.playing) lastMore = -REST_LIVE_MS
    asking?.abort()
    asking = null
    want()
  }

  function choose(what) {
    image = what
    if (what.test !== undefined) tell()
    acknowledge()
    changed()
  }

  // The page puts into its address what is looked at.
  let told = ""
  function tell() {
    const view = { image: image.test ?? data.image, step, layer: chosen.layer, unit: chosen.unit }
    const text = JSON.stringify(view)
    if (text === told) return
    told = text
    send("view", view)
  }

  // Drawing

  const cards = new Map() // layer name -> its card

  function draw() {
    const found = answer.layers
    root.classList.remove("is-empty", "is-waiting")
    put(empty, "")
    const shape = answer.pixels.shape
    paintImage(picture, answer.pixels, shape)
    picture.setAttribute("aria-label", `The image as the network gets it. ${said()}`)
    put(title, said())
    drawBars()
    if ([...cards.keys()].join() !== found.map(({ name }) => name).join()) build(found)
    const signed = gradients
    const shared =
      scale === "all"
        ? [
            Math.min(...found.map((layer) => layer.low.reduce((a, b) => Math.min(a, b)))),
            Math.max(...found.map((layer) => layer.high.reduce((a, b) => Math.max(a, b)))),
          ]
        : null
    for (const layer of found) cards.get(layer.name).draw(layer, signed, shared)
    legend.className = `legend ${signed ? "is-signed" : ""}`
    put(legend, signed ? "blue lowers, red raises the loss" : "dark is low, bright is high")
    mark()
  }

  function said() {
    const best = answer.probabilities.indexOf(Math.max(...answer.probabilities))
    const name = data.classes[best] ?? best
    const share = percent(answer.probabilities[best])
    if (answer.label === null)
      return `${image.said ?? "This picture"}: taken for ${name} (${share})`
    const truth = data.classes[answer.label]
    const head = `Test image ${count(image.test ?? 0)}, ${truth}`
    return best === answer.label
      ? `${head}: right (${share})`
      : `${head}: taken for ${name} (${share})`
  }

  function drawBars() {
    while (bars.children.length < data.classes.length) {
      bars.append(element("li", {}, element("span"), element("u", {}, element("i")), element("b")))
    }
    for (const [i, row] of [...bars.children].entries()) {
      const [name, track, share] = row.children
      put(name, String(data.classes[i]))
      track.firstChild.style.transform = `scaleX(${answer.probabilities[i]})`
      put(share, percent(answer.probabilities[i]))
      row.className = i === answer.label ? "truth" : ""
    }
  }

  function build(found) {
    cards.clear()
    for (const layer of found) cards.set(layer.name, card(layer))
    layers.replaceChildren(...[...cards.values()].map(({ node }) => node))
  }

  function card(first) {
    const flat = first.shape.length === 1
    const range = element("span", { className: "range" })
    const tiles = element("div", { className: flat ? "cells" : "tiles" })
    const node = element(
      "section",
      { className: `layer ${flat ? "flat" : ""}`, "data-layer": first.name },
      element(
        "header",
        {},
        element("b", { text: first.name.replaceAll("_", " ") }),
        element("span", { text: `${KINDS[first.kind] ?? first.kind}, ${first.shape.join(" × ")}` }),
        range,
      ),
      tiles,
    )
    const made = flat
      ? []
      : Array.from({ length: first.data.shape[0] }, (_, unit) => tile(first.name, unit))
    if (flat) {
      tiles.append(...Array.from({ length: first.shape[0] }, () => element("i")))
      tiles.setAttribute("role", "img")
    }
    tiles.append(...made)
    tiles.style.setProperty(
      "--side",
      first.data.shape[1] >= 24 ? "56px" : first.data.shape[1] >= 12 ? "44px" : "36px",
    )
    let shown = first
    let bounds = [0, 1]
    return {
      node,
      made,
      layer: () => shown,
      bounds: (unit) => bounds[unit] ?? bounds[0],
      draw(layer, signed, shared) {
        shown = layer
        if (flat) {
          const size = layer.shape[0]
          const values = Array.from({ length: size }, (_, i) => valueAt(layer, 0, i))
          const most = Math.max(...values.map(Math.abs)) || 1
          for (const [i, cell] of [...tiles.children].entries()) {
            cell.style.setProperty("--value", String(values[i] / most))
            cell.className = values[i] < 0 ? "below" : ""
            const name = size === data.classes.length ? data.classes[i] : `unit ${i}`
            cell.title = `${name}: ${digits(values[i])}`
          }
          tiles.setAttribute("aria-label", `${layer.name}: ${size} values of up to ${digits(most)}`)
          put(range, `up to ${digits(most)}`)
          return
        }
        bounds = made.map((_, unit) => rangeOf(layer, unit, scale, signed, shared))
        for (const [unit, canvas] of made.entries()) {
          paintMap(canvas, layer, unit, bounds[unit], signed)
          canvas.setAttribute(
            "aria-label",
            `Filter ${unit} of ${layer.name}: ${digits(layer.low[unit])} to ${digits(layer.high[unit])}`,
          )
        }
        const low = layer.low.reduce((a, b) => Math.min(a, b))
        const high = layer.high.reduce((a, b) => Math.max(a, b))
        put(range, `${digits(low)} to ${digits(high)}`)
      },
    }
  }

  function tile(layer, unit) {
    const canvas = element("canvas", { role: "button", tabindex: "0" })
    canvas.onclick = () => open(layer, unit)
    canvas.onkeydown = (event) => {
      const moves = { ArrowRight: 1, ArrowLeft: -1 }
      if (event.key === "Enter") open(layer, unit)
      else if (moves[event.key]) cards.get(layer).made[unit + moves[event.key]]?.focus()
      else return
      event.preventDefault()
    }
    canvas.onpointermove = (event) => hover(event, canvas, layer, unit)
    canvas.onpointerleave = unhover
    return canvas
  }

  // The number under the pointer, and on the image what that place sees.
  function hover(event, canvas, name, unit) {
    const layer = cards.get(name)?.layer()
    if (!layer || layer.shape.length < 3) return
    const box = canvas.getBoundingClientRect()
    const [, height, width] = layer.data.shape
    const column = Math.min(
      width - 1,
      Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * width)),
    )
    const row = Math.min(
      height - 1,
      Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * height)),
    )
    const value = valueAt(layer, unit, row * width + column)
    put(tip, `filter ${unit}, row ${row}, column ${column}: ${digits(value)}`)
    tip.hidden = false
    const home = root.getBoundingClientRect()
    tip.style.left = `${Math.min(event.clientX - home.left + 14, home.width - tip.offsetWidth - 4)}px`
    tip.style.top = `${event.clientY - home.top + 18}px`
    const [size, jump, start] = layer.field
    const [across, down] = [answer.pixels.shape[1], answer.pixels.shape[0]]
    const edge = (value, most) => Math.min(Math.max(value, 0), most)
    const [left, right] = [
      edge(column * jump + start, across),
      edge(column * jump + start + size, across),
    ]
    const [top, bottom] = [edge(row * jump + start, down), edge(row * jump + start + size, down)]
    region.style.left = `${(100 * left) / across}%`
    region.style.width = `${(100 * (right - left)) / across}%`
    region.style.top = `${(100 * top) / down}%`
    region.style.height = `${(100 * (bottom - top)) / down}%`
    region.hidden = false
  }

  function unhover() {
    tip.hidden = true
    region.hidden = true
  }

  // One filter: enlarged, its kernel, what excites it, its life

  const big = element("canvas", { className: "big", role: "img" })
  const kernelBox = element("div", { className: "kernels" })
  const slopeBox = element("div", { className: "kernels" })
  const kernelSaid = element("p", { className: "said" })
  const film = element("ol", { className: "film" })
  const seen = element("ul", { className: "seen" })
  const heading = element("h4")
  const close = quiet("Close")
  detail.append(
    element("header", {}, heading, close),
    element(
      "div",
      { className: "columns" },
      element("figure", {}, big, element("figcaption", { text: "Its map of this image" })),
      element("figure", {}, element("div", { className: "pair" }, kernelBox, slopeBox), kernelSaid),
      element(
        "figure",
        { className: "wide" },
        seen,
        element("figcaption", {
          text: "The test images that excite it most; framed: what it sees there",
        }),
      ),
    ),
    element(
      "figure",
      { className: "wide" },
      film,
      element("figcaption", { text: "Its life: the same map over the run" }),
    ),
  )
  big.onpointermove = (event) => hover(event, big, chosen.layer, chosen.unit)
  big.onpointerleave = unhover
  close.onclick = () => {
    chosen = { layer: "", unit: -1 }
    detail.hidden = true
    mark()
    tell()
  }

  function open(layer, unit) {
    chosen = { layer, unit }
    mark()
    tell()
    changed()
  }

  function mark() {
    for (const { made, node } of cards.values()) {
      for (const [unit, canvas] of made.entries()) {
        canvas.classList.toggle(
          "is-chosen",
          node.dataset.layer === chosen.layer && unit === chosen.unit,
        )
      }
    }
  }

  // The chosen filter's layer, or null where there is none.
  function chosenLayer() {
    const layer = cards.get(chosen.layer)?.layer()
    const fits =
      layer && layer.shape.length === 3 && chosen.unit >= 0 && chosen.unit < layer.shape[2]
    detail.hidden = !fits
    return fits ? layer : null
  }

  function showBig() {
    const layer = chosenLayer()
    if (!layer) return
    // Under its layer, so that it opens where the visitor looks.
    const { node } = cards.get(chosen.layer)
    if (node.nextSibling !== detail) node.after(detail)
    put(heading, `Filter ${chosen.unit} of ${layer.name.replaceAll("_", " ")}`)
    const bounds = cards.get(chosen.layer).bounds(chosen.unit)
    paintMap(big, layer, chosen.unit, bounds, gradients)
    big.setAttribute("aria-label", `${heading.textContent}, enlarged`)
  }

  async function loadDetail() {
    const layer = chosenLayer()
    if (!layer) return
    if (layer.kind === "Normalization") {
      put(
        kernelSaid,
        "The pixels, less their mean and divided by their spread: nothing is learned here.",
      )
      kernelBox.replaceChildren()
      slopeBox.replaceChildren()
      seen.replaceChildren()
    } else {
      const found = await look(question({ what: "kernel", ...chosen }), asking?.signal)
      drawKernel(kernelBox, found.kernel)
      drawKernel(slopeBox, found.gradient)
      const bias = found.bias === null ? "" : ` Bias ${digits(found.bias)}.`
      const [size] = layer.field
      put(
        kernelSaid,
        `Kernel of ${found.layer.replaceAll("_", " ")}, one square for each map that goes in, and the loss' gradient by it.${bias} One place of this map sees ${size} × ${size} pixels.`,
      )
      drawSeen(await look(question({ what: "exemplars", ...chosen }), asking?.signal))
    }
    await drawFilm()
  }

  function drawKernel(box, kernel) {
    const [height, width, channels] = kernel.shape
    const most = kernel.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1
    const canvases = Array.from({ length: channels }, (_, channel) => {
      const canvas = box.children[channel] ?? element("canvas")
      const values = Array.from(
        { length: height * width },
        (_, i) => kernel[i * channels + channel],
      )
      paintValues(canvas, values, height, width, [-most, most], true)
      canvas.title = `from map ${channel}: ${digits(Math.min(...values))} to ${digits(Math.max(...values))}`
      return canvas
    })
    box.replaceChildren(...canvases)
  }

  function drawSeen({ images, labels, values, regions }) {
    const [, height, width, channels] = images.shape
    seen.replaceChildren(
      ...Array.from(values, (value, i) => {
        const canvas = element("canvas")
        paintImage(canvas, images, [height, width, channels], i * height * width * channels)
        const frame = element("i", { className: "region" })
        const [top, left, bottom, right] = regions.subarray(4 * i, 4 * i + 4)
        frame.style.left = `${(100 * left) / width}%`
        frame.style.top = `${(100 * top) / height}%`
        frame.style.width = `${(100 * (right - left)) / width}%`
        frame.style.height = `${(100 * (bottom - top)) / height}%`
        const name = data.classes[labels[i]]
        return element(
          "li",
          { title: `${name}: ${digits(value)}` },
          element("span", { className: "frame" }, canvas, frame),
          element("small", { text: String(name) }),
        )
      }),
    )
  }

  function spread(steps, most) {
    if (steps.length <= most) return steps
    return Array.from(
      { length: most },
      (_, i) => steps[Math.round((i * (steps.length - 1)) / (most - 1))],
    )
  }

  const kept = (key, value) => {
    frames.set(key, value)
    if (frames.size > 400) frames.delete(frames.keys().next().value)
    return value
  }

  async function drawFilm() {
    const steps = spread(facts.snapshots ?? [], STRIP_FRAMES)
    const what = { what: "maps", gradients, ...chosen }
    const found = []
    for (const at of steps) {
      const key = JSON.stringify([run, at, plain(image), what])
      const { layers: one } =
        frames.get(key) ?? kept(key, await look({ ...question(what), step: at }, asking?.signal))
      found.push([at, one[0]])
    }
    const low = Math.min(...found.map(([, layer]) => layer.low[0]))
    const high = Math.max(...found.map(([, layer]) => layer.high[0]))
    const bounds = rangeOf({ low: [low], high: [high] }, 0, "map", gradients)
    film.replaceChildren(
      ...found.map(([at, layer]) => {
        const canvas = element("canvas")
        paintMap(canvas, layer, 0, bounds, gradients)
        const button = element(
          "button",
          { type: "button", title: `Go to step ${count(at)}` },
          canvas,
        )
        button.onclick = () => goTo(at)
        return element("li", {}, button, element("small", { text: count(at) }))
      }),
    )
  }

  // Why

  async function loadWhy(part) {
    if (!run || !answer) return
    const found = await looked(part, question({ what: "why" }))
    if (!found) return
    const [height, width] = answer.pixels.shape
    const figures = Object.entries(WHY).map(([name, [head, text, signed]]) => {
      const under = element("canvas")
      paintImage(under, answer.pixels, answer.pixels.shape)
      const over = element("canvas", {
        className: "over",
        role: "img",
        "aria-label": `${head}: ${text}`,
      })
      const values = found[name]
      const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1
      paintValues(over, values, height, width, signed ? [-most, most] : [0, most], signed)
      return element(
        "figure",
        {},
        element("div", { className: "frame" }, under, over),
        element("figcaption", {}, element("b", { text: head }), element("span", { text })),
      )
    })
    const name = data.classes[found.target]
    part.body.replaceChildren(
      element("p", { text: `What speaks for “${name}”` }),
      element("div", { className: "reasons" }, ...figures),
    )
  }

  // An answer for a part, or null where the part already shows it or the server had none.
  async function looked(part, asked) {
    const key = JSON.stringify([asked, asked.step ?? answer?.step])
    if (part.shown === key) return null
    try {
      const found = await look(asked, asking?.signal)
      part.shown = key
      return found
    } catch (error) {
      if (error instanceof Refused) {
        part.body.replaceChildren(
          element("p", { className: "trouble", text: `${error.message} ${error.hint}`.trim() }),
        )
        return null
      }
      if (error.name === "AbortError") return null
      throw error
    }
  }

  // Dead filters over time

  async function loadDead(part) {
    const steps = spread(facts.snapshots ?? [], 10)
    const rows = []
    try {
      for (const at of steps) {
        const key = JSON.stringify([run, at, "dead"])
        const found =
          frames.get(key) ?? kept(key, await look({ run, step: at, what: "dead" }, asking?.signal))
        rows.push([at, found.layers])
      }
    } catch (error) {
      if (error.name === "AbortError" || error instanceof Refused) return
      throw error
    }
    if (!rows.length) return
    const end = rows[rows.length - 1][0] || 1
    const table = element("table", {})
    table.append(
      element(
        "tr",
        {},
        ...[
          "Layer",
          "Dead filters",
          "Zeros",
          `Share of zeros, 0 to 100%, up to step ${count(end)}`,
        ].map((text) => element("th", { text })),
      ),
    )
    for (const [i, layer] of rows[rows.length - 1][1].entries()) {
      const points = rows.map(([at, all]) => [at / end, all[i].zeros])
      table.append(
        element(
          "tr",
          {},
          element("td", { text: layer.name.replaceAll("_", " ") }),
          element("td", { text: `${layer.dead} of ${layer.filters}` }),
          element("td", { text: percent(layer.zeros) }),
          element("td", {}, spark(points)),
        ),
      )
    }
    part.body.replaceChildren(table)
  }

  function spark(points) {
    const space = "http://www.w3.org/2000/svg"
    const svg = document.createElementNS(space, "svg")
    svg.setAttribute("viewBox", "-2 -2 164 34")
    svg.setAttribute("role", "img")
    svg.setAttribute(
      "aria-label",
      `from ${percent(points[0][1])} to ${percent(points[points.length - 1][1])}`,
    )
    const path = document.createElementNS(space, "polyline")
    path.setAttribute(
      "points",
      points.map(([x, y]) => `${(160 * x).toFixed(1)},${(30 - 30 * y).toFixed(1)}`).join(" "),
    )
    svg.append(path)
    return svg
  }

  // Two runs

  async function loadBeside(part) {
    const layer =
      cards.get(chosen.layer)?.layer() ??
      answer?.layers.find(({ shape }) => shape.length === 3 && shape[2] > 3)
    if (!data.other) {
      part.body.replaceChildren(
        element("p", { text: "Choose a run to compare with under Runs, above." }),
      )
      return
    }
    if (!layer || layer.shape.length < 3) return
    const name = layer.name
    const asked = question({ what: "match", layer: name, other: data.other.id })
    const matched = layer.kind === "Normalization" ? null : await looked(part, asked)
    if (!matched) return
    let theirs
    try {
      const whole = {
        run: data.other.id,
        image: plain(image),
        what: "maps",
        layer: name,
        gradients,
      }
      theirs = (await look(whole, asking?.signal)).layers[0]
    } catch (error) {
      if (error instanceof Refused)
        part.body.replaceChildren(element("p", { className: "trouble", text: error.message }))
      return
    }
    const rows = Array.from(matched.partner, (partner, unit) => ({
      unit,
      partner,
      r: matched.correlation[unit],
    }))
    const [, height, width] = layer.data.shape
    const whole = [
      Math.min(
        layer.low.reduce((a, b) => Math.min(a, b)),
        theirs.low.reduce((a, b) => Math.min(a, b)),
      ),
      Math.max(
        layer.high.reduce((a, b) => Math.max(a, b)),
        theirs.high.reduce((a, b) => Math.max(a, b)),
      ),
    ]
    const bounds = rangeOf(layer, 0, "all", gradients, whole)
    const most = whole[1] - whole[0] || 1
    part.body.replaceChildren(
      element("p", {
        text: `${name.replaceAll("_", " ")}: this run, the filter of ${data.other.name} that answers most alike (correlation r), and the difference (red: this run is higher)`,
      }),
      element(
        "ul",
        { className: "twins" },
        ...rows.map(({ unit, partner, r }) => {
          const [mine, other, difference] = [
            element("canvas"),
            element("canvas"),
            element("canvas"),
          ]
          paintMap(mine, layer, unit, bounds, gradients)
          paintMap(other, theirs, partner, bounds, gradients)
          const values = Array.from(
            { length: height * width },
            (_, i) => valueAt(layer, unit, i) - valueAt(theirs, partner, i),
          )
          paintValues(difference, values, height, width, [-most, most], true)
          return element(
            "li",
            {},
            mine,
            other,
            difference,
            element("small", { text: `${unit} ~ ${partner}, r ${r.toFixed(2).replace("-", "−")}` }),
          )
        }),
      ),
    )
  }

  function goTo(wanted) {
    step = wanted
    time.show(facts, step)
    tell()
    changed()
  }

  // The image

  async function browse() {
    const key = JSON.stringify([run, step ?? answer?.step])
    if (browsed?.key !== key)
      browsed = {
        key,
        ...(await look({ run, what: "browse", ...(step === null ? {} : { step }) })),
      }
    return browsed
  }

  async function seek(fits) {
    if (!run) return
    next.disabled = wrong.disabled = true
    try {
      const found = await browse()
      const from = image.test ?? -1
      const size = found.labels.length
      for (let i = 1; i <= size; i++) {
        const at = (from + i + size) % size
        if (fits(found.labels[at], found.predicted[at])) return choose({ test: at })
      }
      put(trouble, "None of the first 2,000 test images is one of those.")
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      put(trouble, `${error.message} ${error.hint}`.trim())
    } finally {
      next.disabled = wrong.disabled = false
    }
  }

  const ofClass = (truth) => klass.value === "" || truth === Number(klass.value)
  next.onclick = () => seek((truth) => ofClass(truth))
  wrong.onclick = () => seek((truth, taken) => ofClass(truth) && truth !== taken)
  klass.onchange = () => seek((truth) => ofClass(truth))
  index.onchange = () => {
    const wanted = Math.trunc(Number(index.value))
    if (index.value !== "" && wanted >= 0) choose({ test: wanted })
  }
  wipe.onclick = () => pad.clear()
  maps.buttons[0].onclick = () => setGradients(false)
  maps.buttons[1].onclick = () => setGradients(true)
  scales.onchange = () => {
    scale = scales.value
    if (answer) draw()
  }

  function setGradients(wanted) {
    gradients = wanted
    drawPicks()
    changed()
  }

  function drawPicks() {
    maps.buttons[0].setAttribute("aria-pressed", String(!gradients))
    maps.buttons[1].setAttribute("aria-pressed", String(gradients))
  }

  function drawEmpty() {
    const has = (facts.snapshots ?? []).length > 0
    root.classList.toggle("is-empty", !has && !answer)
    root.classList.toggle("is-waiting", !answer)
    if (asked) return tellWaiting()
    put(
      empty,
      has || answer
        ? ""
        : !run
          ? "Press Train: every layer's maps show here, and move as the network learns"
          : facts.state === "failed" || facts.state === "stopped" || facts.state === "completed"
            ? "This run kept no weights to look into. Train another."
            : "The maps show here with the first step",
    )
    if (index.value !== String(image.test ?? "")) index.value = String(image.test ?? "")
  }

  function adopt(nextData, first) {
    const before = data
    data = nextData
    if (first || before.classes.join() !== data.classes.join()) {
      klass.replaceChildren(
        element("option", { value: "", text: "Any class" }),
        ...data.classes.map((name, i) =>
          element("option", { value: String(i), text: String(name) }),
        ),
      )
      bars.replaceChildren()
    }
    drawing.hidden = data.channels !== 1
    pad.setSize(data.side)
    if (data.upload && data.upload.key !== before.upload?.key) {
      choose({ pixels: data.upload.pixels, said: data.upload.name })
    } else if (first && data.upload) choose({ pixels: data.upload.pixels, said: data.upload.name })
    if (data.other?.id !== before.other?.id) {
      beside.shown = ""
      want()
    }
    if (data.run !== run) {
      run = data.run
      facts = {}
      answer = null
      answered()
      put(title, "")
      picture.width = picture.height = 1
      browsed = null
      frames.clear()
      if (!first) {
        step = null
        if (image.pixels && before.side !== data.side) image = { test: 0 }
      }
      asking?.abort()
      asking = null
      time.halt()
      cards.clear()
      layers.replaceChildren()
      detail.hidden = true
      for (const part of [why, dead, beside]) part.body.replaceChildren()
      const old = stop
      stop = run
        ? subscribe([run], (found, news) => {
            facts = found.facts
            if (news.has("snapshots") || news.has("state")) {
              time.show(facts, step)
              if (!answer && !trouble.textContent) acknowledge()
              drawEmpty()
              if (step === null || !answer) want()
            }
          })
        : () => {}
      old()
    }
    time.show(facts, step)
    drawEmpty()
    drawPicks()
  }

  const awake = () => {
    if (!document.hidden) want()
  }
  document.addEventListener("visibilitychange", awake)
  adopt(data, true)
  return {
    update(next) {
      send = next.setStateValue
      adopt(next.data, false)
    },
    destroy() {
      gone = true
      clearTimeout(telling)
      asking?.abort()
      clearTimeout(timer)
      time.halt()
      pad.stop()
      document.removeEventListener("visibilitychange", awake)
      stop()
      root.replaceChildren()
    },
  }
}
