// The embedding: where each run's network puts test and training images, live and back in time.
//
// The stream tells which steps have weights; a frame of points is asked for with `look`, run by
// run, as fast as the answers come and at most once a second; between two the points glide.

import { look, Refused } from "./ask.js"
import { paintImage } from "./pixels.js"
import { Scatter } from "./scatter.js"
import { subscribe } from "./stream.js"
import { timeline } from "./timeline.js"
import { count, digits, element, percent, put, runColor, theme } from "./words.js"

const LIVE_MS = 1000
const RETRY_MS = 3000
const GLIDE_MS = 600
const REACH_PX = 14
const TRAIL = 400
const METHODS = { pca: "PCA", tsne: "t-SNE, 500 images", umap: "UMAP-like" }
const PROMPT = "Click a point to see its image and its neighbours"
const SPLITS = { test: "Test", train: "Training" }
const still = matchMedia("(prefers-reduced-motion: reduce)")

export function mount(root, component) {
  root.classList.add("embedding", "maps")
  let data = component.data
  let send = component.setStateValue
  let colors = theme(root)
  let step = data.step
  let image = data.image
  let splits = ["test"]
  let method = "pca"
  let dims = 2
  let regions = true
  let trails = true
  let wide = false // some run's embedding needs a projection
  let gone = false
  let asking = null
  let again = false
  let timer = 0
  let queued = 0
  let lastLook = -LIVE_MS
  let lasted = 0
  let stop = () => {}
  let inspected = null // {run, split, index}
  const hidden = new Set()
  const known = new Map() // run id -> its facts
  const cards = new Map() // "run split" -> card
  const history = new Map() // "run split" -> Map of step -> centres, as they are
  const blocks = new Map() // pictures by run, split and block

  // The parts of the view

  const keys = element("div", { className: "classes", role: "group", "aria-label": "Classes" })
  const which = pick(["Test", "Training", "Both"], (i) => {
    splits = [["test"], ["train"], ["test", "train"]][i]
    arrange()
    changed()
  })
  const projection = element("select", { "aria-label": "Projection" })
  for (const [value, text] of Object.entries(METHODS))
    projection.append(element("option", { value, text }))
  const two = pick(["2-D", "3-D"], (i) => {
    dims = 2 + i
    changed()
  })
  const behind = toggle(
    "Regions",
    "What the last layer says of each place of the plane",
    (on) => (regions = on),
  )
  const paths = toggle("Trails", "Where the centres have been", (on) => (trails = on))
  const options = element(
    "div",
    { className: "options" },
    which.node,
    projection,
    two.node,
    behind,
    paths,
  )
  const trouble = element("p", { className: "trouble", role: "status" })
  const alarm = element("p", { className: "alarm", role: "alert" })
  const grid = element("div", { className: "clouds" })
  const empty = element("p", { className: "empty" })
  const time = timeline({
    busy: () => asking !== null,
    go(wanted) {
      step = wanted
      changed()
    },
    rest: tell,
  })
  const tip = element("div", { className: "tip glance", role: "status", hidden: "" })
  const thumb = element("canvas")
  const thumbSaid = element("span")
  tip.append(thumb, thumbSaid)
  const heading = element("h4", { text: PROMPT })
  const close = quiet("Close")
  close.hidden = true
  const index = element("input", {
    type: "number",
    min: "0",
    step: "1",
    "aria-label": "Test image number",
  })
  const near = element("ul", { className: "seen" })
  const nearSaid = element("figcaption")
  const detail = element(
    "section",
    { className: "detail" },
    element("header", {}, heading, close),
    element("figure", {}, near, nearSaid),
  )
  const finder = element("label", { text: "Image" }, index)
  options.append(finder)
  root.append(
    keys,
    options,
    time.node,
    trouble,
    alarm,
    element("div", { className: "stage" }, grid, detail, empty),
    tip,
  )

  function quiet(text) {
    return element("button", { type: "button", className: "quiet", text })
  }

  function pick(names, choose) {
    const buttons = names.map((name) => quiet(name))
    const mark = (at) => {
      for (const [i, button] of buttons.entries()) {
        button.setAttribute("aria-pressed", String(i === at))
      }
    }
    for (const [i, button] of buttons.entries()) {
      button.onclick = () => {
        mark(i)
        choose(i)
      }
    }
    mark(0)
    return { node: element("span", { className: "pick", role: "group" }, ...buttons) }
  }

  function toggle(text, title, set) {
    const button = quiet(text)
    button.title = title
    button.setAttribute("aria-pressed", "true")
    button.onclick = () => {
      const on = button.getAttribute("aria-pressed") !== "true"
      button.setAttribute("aria-pressed", String(on))
      set(on)
      paint()
    }
    return button
  }

  // Asking

  const running = () => data.runs.some(({ id }) => known.get(id)?.state === "running")
  const kept = (id) => (known.get(id)?.snapshots ?? []).length > 0

  function want() {
    if (gone || document.hidden || !data.runs.some(({ id }) => kept(id))) return
    if (asking) {
      again = true
      return
    }
    clearTimeout(timer)
    // What takes long to compute is asked for seldom: training has the cores first.
    const rest = step === null && running() ? Math.max(LIVE_MS, 2 * lasted) : 0
    timer = setTimeout(refresh, Math.max(0, lastLook + rest - performance.now()))
  }

  async function refresh() {
    if (gone || asking) return
    const mine = new AbortController()
    asking = mine
    again = false
    lastLook = performance.now()
    try {
      for (const card of [...cards.values()]) {
        if (!kept(card.run)) continue
        const question = { run: card.run, what: "embedding", split: card.split, method, dims }
        const found = await look(step === null ? question : { ...question, step }, mine.signal)
        if (gone || mine.signal.aborted) return
        take(card, found)
      }
      lasted = performance.now() - lastLook
      put(trouble, "")
    } catch (error) {
      if (error.name === "AbortError" || gone) return
      if (!(error instanceof Refused)) throw error
      put(trouble, `${error.message} ${error.hint}`.trim())
      timer = setTimeout(want, RETRY_MS)
    } finally {
      if (asking === mine) {
        asking = null
        if (again) want()
      }
    }
  }

  function changed() {
    asking?.abort()
    asking = null
    lastLook = -LIVE_MS
    want()
  }

  function take(card, found) {
    const before = card.found
    card.found = found
    const path = history.get(card.key) ?? new Map()
    history.set(card.key, path)
    if (found.method === "raw") {
      path.set(found.step, found.centers)
      if (path.size > TRAIL) path.delete(path.keys().next().value)
    }
    const walked = [...path].filter(([at]) => at < found.step).sort(([a], [b]) => a - b)
    const [, width] = found.centers.shape
    const trail = walked.map(([, centers]) =>
      Array.from({ length: found.centers.shape[0] }, (_, c) =>
        Array.from(centers.subarray(width * c, width * (c + 1))),
      ),
    )
    const glide = still.matches || before?.method !== found.method ? 0 : GLIDE_MS
    card.scatter.take(found, found.method === "raw" ? trail : [], glide)
    let right = 0
    for (let i = 0; i < found.labels.length; i++) right += found.labels[i] === found.predicted[i]
    const share = right / found.labels.length
    put(card.said, `${percent(share)} right, step ${count(found.step)}`)
    card.canvas.setAttribute(
      "aria-label",
      `${card.name}: ${count(found.labels.length)} ${SPLITS[card.split].toLowerCase()} images in the embedding at step ${count(found.step)}, ${percent(share)} right`,
    )
    card.node.dataset.step = String(found.step)
    put(card.note, noteOn(found))
    wide = [...cards.values()].some(({ found }) => found && found.width > 3)
    drawOptions()
    mark(card)
    paint()
  }

  const noteOn = (found) =>
    [
      found.method === "raw"
        ? ""
        : `${METHODS[found.method].split(",")[0]} of ${found.width} numbers`,
      found.moving ? "circles: moving centres" : "circles: class means",
    ]
      .filter(Boolean)
      .join("; ")

  // Drawing

  function paint() {
    if (!queued) queued = requestAnimationFrame(draw)
  }

  function draw() {
    queued = 0
    if (gone) return
    const palette = data.palette[colors.dark ? "dark" : "light"]
    const names = data.classes.map((name, c) =>
      String(name).length <= 2 ? String(name) : String(c),
    )
    let moving = false
    for (const { scatter, found } of cards.values()) {
      if (!found) continue
      scatter.draw({ palette, hidden, regions, trails, colors, names })
      moving ||= scatter.moving
    }
    if (moving) paint()
  }

  function drawKeys() {
    const palette = data.palette[colors.dark ? "dark" : "light"]
    keys.replaceChildren(
      ...data.classes.map((name, c) => {
        const swatch = element("i", { className: "swatch", "aria-hidden": "true" })
        swatch.style.background = palette[c]
        const plain = String(name) === String(c)
        const key = element("button", {
          type: "button",
          className: "key",
          "aria-pressed": String(!hidden.has(c)),
          title: hidden.has(c) ? "Show this class" : "Hide this class",
        })
        key.append(swatch, element("span", { text: plain ? String(name) : `${c} ${name}` }))
        key.onclick = () => {
          if (!hidden.delete(c)) hidden.add(c)
          drawKeys()
          keys.children[c].focus()
          paint()
        }
        return key
      }),
    )
  }

  function drawOptions() {
    projection.hidden = two.node.hidden = !wide
    projection.value = method
    behind.hidden = ![...cards.values()].some(({ found }) => found?.kernel)
    paths.hidden = wide
  }

  function drawAlarm() {
    const said = data.runs.flatMap(({ id, name }) => {
      const { collapsed: since, advice } = known.get(id) ?? {}
      return since
        ? [
            `${name}: cross-entropy has sat at ln ${data.classes.length} = ${digits(Math.log(data.classes.length))} since step ${count(since[0])}. ${advice}`,
          ]
        : []
    })
    put(alarm, said.join(" "))
    for (const { run, node } of cards.values())
      node.classList.toggle("is-collapsed", Boolean(known.get(run)?.collapsed))
  }

  function drawEmpty() {
    const first = known.get(data.runs[0]?.id) ?? {}
    const some = data.runs.some(({ id }) => kept(id))
    root.classList.toggle("is-empty", !some)
    const over = ["failed", "stopped", "completed"].includes(first.state)
    put(
      empty,
      some
        ? ""
        : !data.runs.length
          ? "Press Train, or start an experiment of the lab: the features of test images show here and move as the network learns"
          : over
            ? "This run kept no weights to look into. Train another."
            : "The points show here with the first step",
    )
    time.show(first, step)
  }

  // A card for each run and split, kept where it stays.
  function arrange() {
    const wanted = data.runs.flatMap((run) =>
      splits.map((split) => ({ ...run, split, key: `${run.id} ${split}` })),
    )
    for (const key of [...cards.keys()])
      if (!wanted.some((each) => each.key === key)) cards.delete(key)
    for (const each of wanted) if (!cards.has(each.key)) cards.set(each.key, card(each))
    for (const { key, name, color } of wanted) {
      const made = cards.get(key)
      put(made.title, name)
      made.swatch.style.background = runColor(color, colors)
    }
    grid.replaceChildren(...wanted.map(({ key }) => cards.get(key).node))
    grid.dataset.count = String(Math.min(wanted.length, 4))
    grid.classList.toggle("is-many", wanted.length > 2)
    detail.hidden = !wanted.length
  }

  function card({ id, name, split, key }) {
    const canvas = element("canvas", { role: "img", "aria-label": `${name}: no points yet` })
    const title = element("b")
    const swatch = element("i", { className: "swatch", "aria-hidden": "true" })
    const said = element("span", { className: "said" })
    const note = element("figcaption")
    const node = element(
      "figure",
      { className: "cloud", "data-split": split },
      element(
        "header",
        {},
        swatch,
        title,
        element("em", { text: `${SPLITS[split]} images` }),
        said,
      ),
      canvas,
      note,
    )
    const made = {
      key,
      run: id,
      split,
      name,
      node,
      canvas,
      title,
      swatch,
      said,
      note,
      scatter: new Scatter(canvas),
      found: null,
    }
    let from = null
    let dragged = false
    canvas.onpointerdown = (event) => {
      from = [event.clientX, event.clientY]
      dragged = false
      if (made.scatter.dims === 3) canvas.setPointerCapture(event.pointerId)
    }
    canvas.onpointermove = (event) => {
      if (from && made.scatter.dims === 3) {
        const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]]
        dragged ||= Math.hypot(dx, dy) > 3
        if (dragged) {
          made.scatter.yaw += dx / 120
          made.scatter.pitch = Math.max(-1.5, Math.min(1.5, made.scatter.pitch + dy / 120))
          from = [event.clientX, event.clientY]
          unhover()
          return paint()
        }
      }
      hover(event, made)
    }
    canvas.onpointerup = (event) => {
      from = null
      if (dragged) return
      const at = under(event, made)
      if (at >= 0) inspect(made, at)
    }
    canvas.onpointerleave = unhover
    resizing.observe(canvas)
    return made
  }

  const resizing = new ResizeObserver(paint)

  // One point

  function under(event, { canvas, scatter, found }) {
    if (!found) return -1
    const box = canvas.getBoundingClientRect()
    return scatter.nearest(event.clientX - box.left, event.clientY - box.top, REACH_PX, hidden)
  }

  let hovered = ""
  async function hover(event, made) {
    const at = under(event, made)
    made.canvas.style.cursor = at >= 0 ? "pointer" : ""
    if (at < 0) return unhover()
    const home = root.getBoundingClientRect()
    const [x, y] = [event.clientX - home.left, event.clientY - home.top]
    const id = `${made.key} ${at}`
    hovered = id
    const block = await pictures(made, at)
    if (gone || hovered !== id || !block) return
    const [, height, width, channels] = block.images.shape
    paintImage(
      thumb,
      block.images,
      [height, width, channels],
      (at - block.first) * height * width * channels,
    )
    put(thumbSaid, sayImage(made.split, at, made.found.labels[at], made.found.predicted[at]))
    tip.hidden = false
    tip.style.left = `${Math.max(0, Math.min(x + 14, home.width - tip.offsetWidth - 4))}px`
    tip.style.top = `${y + 16}px`
  }

  function unhover() {
    hovered = ""
    tip.hidden = true
  }

  function sayImage(split, at, label, predicted) {
    const kind = split === "test" ? "test" : "training"
    const head = `${kind} image ${count(at)}: ${data.classes[label]}`
    return label === predicted ? head : `${head}, taken for ${data.classes[predicted]}`
  }

  // Images come a hundred at once and stay; null where they cannot be had now.
  function pictures({ run, split }, at) {
    const key = `${run} ${split} ${Math.floor(at / 100)}`
    if (!blocks.has(key)) {
      if (blocks.size > 40) blocks.delete(blocks.keys().next().value)
      const asked = look({ run, what: "pictures", split, unit: at }).catch((error) => {
        blocks.delete(key)
        if (!(error instanceof Refused)) throw error
        return null
      })
      blocks.set(key, asked)
    }
    return blocks.get(key)
  }

  async function inspect(made, at) {
    inspected = { key: made.key, index: at }
    if (made.split === "test") {
      image = at
      index.value = String(at)
      tell()
    }
    try {
      const question = { run: made.run, what: "neighbours", split: made.split, unit: at }
      const found = await look(step === null ? question : { ...question, step: made.found.step })
      if (gone) return
      close.hidden = false
      put(nearSaid, "The image and those nearest to it in the embedding, with their distance")
      put(heading, `${made.name}, ${sayImage(made.split, at, found.labels[0], found.predicted[0])}`)
      const [, height, width, channels] = found.images.shape
      near.replaceChildren(
        ...Array.from(found.indices, (place, i) => {
          const canvas = element("canvas", {
            role: "img",
            "aria-label": sayImage(made.split, place, found.labels[i], found.predicted[i]),
          })
          paintImage(canvas, found.images, [height, width, channels], i * height * width * channels)
          const wrong = found.labels[i] !== found.predicted[i]
          const name = `${data.classes[found.labels[i]]}${wrong ? ` → ${data.classes[found.predicted[i]]}` : ""}`
          return element(
            "li",
            { className: i ? "" : "itself" },
            canvas,
            element("small", { text: name }),
            element("small", { text: i ? digits(found.distances[i]) : "this one" }),
          )
        }),
      )
      inspected.around = Array.from(found.indices)
      for (const card of cards.values()) mark(card)
      paint()
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      put(trouble, `${error.message} ${error.hint}`.trim())
    }
  }

  // The inspected image is ringed in every cloud of its split, its neighbours in its own.
  function mark(card) {
    const mine = inspected?.key === card.key
    const same = inspected?.key.endsWith(` ${card.split}`)
    card.scatter.marked = mine
      ? (inspected.around ?? [inspected.index])
      : same
        ? [inspected.index]
        : []
  }

  close.onclick = () => {
    inspected = null
    close.hidden = true
    put(heading, PROMPT)
    put(nearSaid, "")
    near.replaceChildren()
    for (const card of cards.values()) mark(card)
    paint()
  }
  index.onchange = () => {
    const wanted = Math.trunc(Number(index.value))
    const made = [...cards.values()].find(({ split, found }) => split === "test" && found)
    if (index.value !== "" && made && wanted >= 0) inspect(made, wanted)
  }
  projection.onchange = () => {
    method = projection.value
    changed()
  }

  let told = ""
  function tell() {
    const view = { image, step, layer: data.layer, unit: data.unit }
    const text = JSON.stringify(view)
    if (text === told) return
    told = text
    send("view", view)
  }

  // What the page says

  function adopt(next, first) {
    const before = data
    data = next
    if (first || before.classes.join() !== data.classes.join()) {
      hidden.clear()
      drawKeys()
    }
    const ids = data.runs.map(({ id }) => id)
    const same = !first && ids.join() === before.runs.map(({ id }) => id).join()
    if (!same) {
      if (!first && ids[0] !== before.runs[0]?.id) {
        step = null
        time.halt()
      }
      for (const key of [...history.keys()])
        if (!ids.includes(key.split(" ")[0])) history.delete(key)
      for (const id of [...known.keys()]) if (!ids.includes(id)) known.delete(id)
      if (inspected && !ids.includes(inspected.key.split(" ")[0])) close.onclick()
      const old = stop
      stop = ids.length
        ? subscribe(ids, (found, news) => {
            known.set(found.id, found.facts)
            if (news.has("collapsed")) drawAlarm()
            if (news.has("snapshots") || news.has("state")) {
              drawEmpty()
              if (
                step === null ||
                [...cards.values()].some((card) => !card.found && kept(card.run))
              )
                want()
            }
          })
        : () => {}
      old()
    }
    arrange()
    drawOptions()
    drawAlarm()
    drawEmpty()
    if (!same) changed()
    paint()
  }

  const awake = () => {
    if (!document.hidden) want()
  }
  document.addEventListener("visibilitychange", awake)
  if (image) index.value = String(image)
  adopt(data, true)
  return {
    update(next) {
      send = next.setStateValue
      const now = theme(root)
      if (now.key !== colors.key) {
        colors = now
        drawKeys()
      }
      adopt(next.data, false)
    },
    destroy() {
      gone = true
      asking?.abort()
      clearTimeout(timer)
      cancelAnimationFrame(queued)
      resizing.disconnect()
      time.halt()
      document.removeEventListener("visibilitychange", awake)
      stop()
      root.replaceChildren()
    },
  }
}
