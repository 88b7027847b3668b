// The box studio: a target and a box that are dragged, the push of a loss at each corner, and
// descent by all losses of boxes from there, as films side by side. It needs no run.

import { post } from "./ask.js"
import { Asker } from "./asker.js"
import { drawCurves, Films, rectangle, titleOf, WIDE } from "./box-films.js"
import { shape } from "./svg.js"
import { mounts } from "./view.js"
import { digits, element, put } from "./words.js"

/** @import {Box} from "./boxes.js" */
/** @import {BoxStudioData, DescentsAnswer, Fault} from "./wire.js" */
/** @import {View} from "./view.js" */

const FRAME_MS = 40
const KEY = 0.01
const LEAST = 0.04 // of a box's side
const ARROW = 16 // the longest, of the picture's 100
/** @type {Record<string, [number, number]>} */
const ARROWS = {
  ArrowLeft: [-KEY, 0],
  ArrowRight: [KEY, 0],
  ArrowUp: [0, -KEY],
  ArrowDown: [0, KEY],
}
/** Where a box begins: apart, overlapping, around the target. @type {Record<string, Box>} */
const STARTS = {
  Apart: [0.06, 0.1, 0.28, 0.32],
  Overlapping: [0.4, 0.36, 0.66, 0.8],
  Around: [0.3, 0.3, 0.98, 0.96],
  Within: [0.68, 0.62, 0.74, 0.7],
}

function parts() {
  const stage = shape("svg", {
    viewBox: `0 0 ${WIDE} ${WIDE}`,
    class: "large",
    role: "group",
    "aria-label": "Target and box",
  })
  const chart = shape("svg", {
    class: "chart",
    role: "img",
    "aria-label": "IoU over the steps of descent, a curve for each loss",
  })
  const play = element("button", { type: "button", className: "quiet", text: "Play" })
  const step = element("input", {
    type: "range",
    min: "0",
    value: "0",
    "aria-label": "Step of descent",
  })
  const said = element("output", { text: "0" })
  const starts = element("span", {
    className: "pick",
    role: "group",
    "aria-label": "Where the box begins",
  })
  const push = element("p", { className: "push" })
  const own = element("input", {
    type: "text",
    placeholder: "such as sum(square(boxes - boxes_pred), axis=-1)",
    "aria-label": "A loss of your own, of boxes and boxes_pred",
  })
  const trouble = element("p", { className: "trouble", role: "status" })
  return { stage, chart, play, step, said, starts, push, own, trouble }
}

export const mount = mounts((/** @type {View<BoxStudioData>} */ view) => {
  const made = parts()
  const films = new Films((loss) => {
    chosen = loss
    view.paint()
  })
  view.root.classList.add("box-studio")
  view.root.append(
    element(
      "div",
      { className: "left" },
      element("div", { className: "bar" }, made.starts),
      made.stage,
      made.push,
    ),
    element(
      "div",
      { className: "right" },
      element("div", { className: "bar" }, made.play, made.step, made.said),
      films.node,
      made.chart,
      element("label", { className: "own" }, "One of your own ", made.own),
      made.trouble,
    ),
  )
  /** @type {{target: Box, box: Box}} */
  const boxes = { target: [0.56, 0.5, 0.92, 0.8], box: [...STARTS.Apart] }
  let chosen = 2
  let playing = false
  let timer = 0
  /** @type {DescentsAnswer | null} */
  let answer = null

  const asker = new Asker({
    question: () => ({ codes: [boxes.target, boxes.box], text: made.own.value }),
    ask: (question, signal) =>
      /** @type {Promise<DescentsAnswer | Fault>} */ (post("descents", question, signal)),
    take: (found) => {
      if ("fault" in found) {
        put(made.trouble, found.fault)
        return
      }
      answer = found
      made.step.max = String(found.iou.shape[1] - 1)
      if (chosen >= found.names.length) chosen = 2
      put(made.trouble, "")
      view.paint()
    },
    refuse: (error) => put(made.trouble, error.words),
  })
  view.onEnd(() => {
    asker.end()
    clearInterval(timer)
  })

  /** @param {boolean} on */
  function run(on) {
    playing = on
    put(made.play, on ? "Pause" : "Play")
    clearInterval(timer)
    if (!on) return
    if (made.step.value === made.step.max) made.step.value = "0"
    timer = setInterval(() => {
      made.step.value = String(Number(made.step.value) + 1)
      if (made.step.value === made.step.max) run(false)
      view.paint()
    }, FRAME_MS)
  }
  made.play.onclick = () => run(!playing)
  made.step.oninput = () => {
    run(false)
    view.paint()
  }
  made.own.onchange = () => asker.changed()

  function changed() {
    run(false)
    made.step.value = "0"
    asker.want()
    view.paint()
  }

  for (const [name, box] of Object.entries(STARTS)) {
    const button = element("button", { type: "button", className: "quiet", text: name })
    button.onclick = () => {
      boxes.box = [...box]
      changed()
    }
    made.starts.append(button)
  }

  /**
   * Moves a box, or a corner of it: `corner` is the places of its x and y, none of the whole.
   * @param {"target" | "box"} which
   * @param {number[]} corner
   * @param {number} x
   * @param {number} y
   */
  function shift(which, corner, x, y) {
    const box = boxes[which]
    const sides = corner.length ? corner : [0, 1, 2, 3]
    const room = (/** @type {number} */ by, /** @type {number} */ axis) =>
      Math.max(
        ...sides.filter((i) => i % 2 === axis).map((i) => -box[i]),
        Math.min(by, ...sides.filter((i) => i % 2 === axis).map((i) => 1 - box[i])),
      )
    const next = /** @type {Box} */ ([...box])
    for (const i of sides) next[i] += i % 2 ? room(y, 1) : room(x, 0)
    if (next[2] - next[0] < LEAST || next[3] - next[1] < LEAST) return
    boxes[which] = next
    changed()
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  function at(event) {
    const area = made.stage.getBoundingClientRect()
    return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height]
  }

  /**
   * @param {SVGElement} node
   * @param {"target" | "box"} which
   * @param {number[]} corner
   * @param {string} words
   */
  function draggable(node, which, corner, words) {
    node.setAttribute("tabindex", "0")
    node.setAttribute("role", "button")
    node.setAttribute("aria-label", words)
    node.addEventListener("pointerdown", (event) => {
      event.preventDefault()
      event.stopPropagation()
      node.focus()
      let last = at(event)
      const move = (/** @type {PointerEvent} */ moved) => {
        const now = at(moved)
        shift(which, corner, now[0] - last[0], now[1] - last[1])
        last = now
      }
      const end = () => {
        window.removeEventListener("pointermove", move)
        window.removeEventListener("pointerup", end)
        window.removeEventListener("pointercancel", end)
      }
      window.addEventListener("pointermove", move)
      window.addEventListener("pointerup", end)
      window.addEventListener("pointercancel", end)
    })
    node.addEventListener("keydown", (event) => {
      const way = ARROWS[event.key]
      if (!way) return
      event.preventDefault()
      shift(which, corner, ...way)
    })
    return node
  }

  const corners = [
    { sides: [0, 1], name: "upper left" },
    { sides: [2, 1], name: "upper right" },
    { sides: [0, 3], name: "lower left" },
    { sides: [2, 3], name: "lower right" },
  ]
  const kept = {
    target: draggable(
      shape("rect", { class: "target" }),
      "target",
      [],
      "The target; arrow keys move it",
    ),
    box: draggable(shape("rect", { class: "box" }), "box", [], "The box; arrow keys move it"),
    arrows: shape("g", { "aria-hidden": "true" }),
    handles: ["target", "box"].flatMap((which) =>
      corners.map(({ sides, name }) => ({
        which: /** @type {"target" | "box"} */ (which),
        sides,
        node: draggable(
          shape("circle", { r: 2.4, class: which }),
          /** @type {"target" | "box"} */ (which),
          sides,
          `The ${name} corner of the ${which}`,
        ),
      })),
    ),
  }
  made.stage.append(kept.target, kept.box, kept.arrows, ...kept.handles.map(({ node }) => node))

  function drawStage() {
    const color = view.colors.runs[chosen % view.colors.runs.length]
    made.stage.style.setProperty("--loss", color)
    for (const which of /** @type {const} */ (["target", "box"])) {
      const looks = rectangle(boxes[which], {})
      for (const name of ["x", "y", "width", "height"])
        kept[which].setAttribute(name, looks.getAttribute(name) ?? "0")
    }
    for (const { node, which, sides } of kept.handles) {
      node.setAttribute("cx", String(WIDE * boxes[which][sides[0]]))
      node.setAttribute("cy", String(WIDE * boxes[which][sides[1]]))
    }
    const push = answer ? answer.push.subarray(4 * chosen, 4 * chosen + 4) : new Float32Array(4)
    const most = Math.max(...Array.from(push, Math.abs))
    kept.arrows.replaceChildren(
      ...(most > 1e-6
        ? corners.flatMap(({ sides }) => arrow(boxes.box, sides, push, ARROW / most, color))
        : []),
    )
    const name = answer ? titleOf(answer.names[chosen]) : ""
    const none = `${name} has no gradient here: nothing moves`
    const some = `Arrows: where ${name} pushes each corner; the longest is ${digits(most)} a side`
    put(made.push, answer ? (most > 1e-6 ? some : none) : "Asking for the losses…")
  }

  return {
    adopt() {
      asker.want()
    },
    draw() {
      drawStage()
      put(made.said, `step ${made.step.value}`)
      if (!answer) return
      const step = Math.min(Number(made.step.value), answer.iou.shape[1] - 1)
      films.draw(answer, step, boxes.target, chosen, view.colors)
      drawCurves(made.chart, answer, step, view.colors)
    },
  }
})

/**
 * An arrow from a corner: a line and its head.
 * @param {Box} box
 * @param {number[]} sides
 * @param {ArrayLike<number>} push
 * @param {number} scale
 * @param {string} color
 */
function arrow(box, [i, j], push, scale, color) {
  const [x, y] = [WIDE * box[i], WIDE * box[j]]
  const [dx, dy] = [scale * push[i], scale * push[j]]
  const length = Math.hypot(dx, dy)
  if (length < 0.5) return []
  const [ux, uy] = [dx / length, dy / length]
  const [tx, ty] = [x + dx, y + dy]
  const head = `${tx} ${ty} ${tx - 3 * ux + 1.6 * uy} ${ty - 3 * uy - 1.6 * ux} ${tx - 3 * ux - 1.6 * uy} ${ty - 3 * uy + 1.6 * ux}`
  return [
    shape("line", { x1: x, y1: y, x2: tx, y2: ty, stroke: color, "stroke-width": 1.3 }),
    shape("polygon", { points: head, fill: color }),
  ]
}
