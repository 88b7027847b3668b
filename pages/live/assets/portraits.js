// The pictures of the studio: an answer of `losses.portrait` in, what Plotly draws out. Each gives
// {traces, layout, note, keys, side}: lines of a legend, and elements beside the chart.

import { cssOf, VIRIDIS } from "./pixels.js"
import { digits, element } from "./words.js"

const SHOWN = 7 // images of each end
const TILE = 30 // pixels
const BINS = 24
const list = (array) => Array.from(array, (value) => (Number.isFinite(value) ? value : null))
const wrong = (colors) => colors.runs[3] ?? "#d55e00"

export const frame = (colors) => ({
  autosize: true,
  margin: { l: 42, r: 8, t: 18, b: 34 },
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  font: { family: colors.font, size: 12, color: colors.faint },
  showlegend: false,
  hovermode: "closest",
  dragmode: false,
  hoverlabel: {
    bgcolor: colors.background,
    bordercolor: colors.border,
    font: { family: colors.font, size: 12.5, color: colors.text },
  },
})

const scale = (colors, more = {}) => ({
  gridcolor: colors.border,
  griddash: "dot",
  zeroline: false,
  linecolor: colors.border,
  tickfont: { size: 11 },
  nticks: 5,
  tickformat: "~g",
  automargin: false,
  ticklabeloverflow: "allow", // measuring labels to hide some would take longer than drawing them
  fixedrange: true,
  ...more,
})

// What stands above a panel in place of a title along its axis.
const heading = (text, x, y, colors) => ({
  text,
  x,
  y,
  xref: "paper",
  yref: "paper",
  xanchor: "left",
  yanchor: "bottom",
  showarrow: false,
  font: { size: 12, color: colors.text },
})

// From a little below the least to a little above the most worth showing: both ends of p are left
// out, where many losses have a pole, and the ghost may widen it to twice the loss' own range.
function range(p, own, ghost) {
  const inside = (values) =>
    list(values).filter((value, i) => value !== null && p[i] >= 0.02 && p[i] <= 0.98)
  const mine = inside(own)
  if (!mine.length) return [0, 1]
  let low = Math.min(...mine)
  let high = Math.max(...mine)
  const spread = Math.max(high - low, 1e-3 * Math.max(Math.abs(low), Math.abs(high)), 1e-6)
  const other = ghost ? inside(ghost) : []
  if (other.length) {
    low = Math.max(Math.min(low, Math.min(...other)), low - spread)
    high = Math.min(Math.max(high, Math.max(...other)), high + spread)
  }
  const room = 0.06 * (high - low || 1)
  return [low - room, high + room]
}

const PANELS = [
  ["loss", "loss L"],
  ["slope", "dL/dz of the true logit"],
  ["slope_p", "dL/dp"],
]

// Three panels: L large, its two slopes beside it, or all under each other where it is narrow.
function places(count, narrow) {
  if (count === 1)
    return [
      [
        [0, 1],
        [0, 1],
      ],
    ]
  if (narrow) {
    const tall = (1 - 0.14 * (count - 1)) / count
    return Array.from({ length: count }, (_, i) => {
      const top = 1 - i * (tall + 0.14)
      return [
        [0, 1],
        [top - tall, top],
      ]
    })
  }
  if (count === 2)
    return [
      [
        [0, 0.45],
        [0, 1],
      ],
      [
        [0.56, 1],
        [0, 1],
      ],
    ]
  return [
    [
      [0, 0.52],
      [0, 1],
    ],
    [
      [0.63, 1],
      [0.58, 1],
    ],
    [
      [0.63, 1],
      [0, 0.42],
    ],
  ]
}

function panels(names, narrow, colors, xaxis) {
  const layout = { annotations: [] }
  const found = places(names.length, narrow)
  names.forEach(([, title], i) => {
    const end = i ? String(i + 1) : ""
    const [x, y] = found[i]
    layout[`xaxis${end}`] = scale(colors, { ...xaxis, domain: x, anchor: `y${end}` })
    layout[`yaxis${end}`] = scale(colors, { domain: y, anchor: `x${end}` })
    layout.annotations.push(heading(title, x[0], y[1], colors))
  })
  return layout
}

function curve(answer, { colors, axis, narrow }) {
  const { ghost } = answer
  const overP = axis === "p"
  const title = overP ? "p(true class)" : "logit margin, true − others"
  const layout = panels(PANELS, narrow, colors, {
    range: overP ? [0, 1] : [answer.margin[0], answer.margin[answer.margin.length - 1]],
    title: { text: title, standoff: 4, font: { size: 12 } },
  })
  if (!narrow) layout.xaxis2.title = undefined
  const traces = []
  PANELS.forEach(([name], i) => {
    const end = i ? String(i + 1) : ""
    const on = {
      xaxis: `x${end}`,
      yaxis: `y${end}`,
      type: "scatter",
      mode: "lines",
      hovertemplate: "%{y:.3g}",
    }
    traces.push(
      {
        ...on,
        x: list(ghost[axis]),
        y: list(ghost[name]),
        name: "cross-entropy",
        line: { color: colors.faint, width: 1.5, dash: "dot" },
      },
      {
        ...on,
        x: list(answer[axis]),
        y: list(answer[name]),
        name: "this loss",
        line: { color: colors.text, width: 2.5 },
      },
    )
    layout[`yaxis${end}`].range = range(answer.p, answer[name], ghost[name])
  })
  return {
    traces,
    layout: { ...layout, hovermode: "x unified", margin: { l: 42, r: 8, t: 20, b: 36 } },
    note:
      answer.note ||
      "Left: the price of giving the true class probability p. Right: how hard it pushes.",
    keys: [
      { label: "this loss", color: colors.text },
      { label: "cross-entropy", color: colors.faint, dash: "dotted" },
    ],
  }
}

// A loss that compares samples: each dot is an image of a batch.
function batch(answer, { colors, narrow }) {
  const names = answer.value
    ? [
        ["value", "loss L of a sample"],
        ["slope", "dL/dz of the true logit"],
      ]
    : [["slope", "dL/dz of the true logit"]]
  const layout = panels(names, narrow, colors, {
    range: [-0.02, 1.02],
    title: { text: "p(true class)", standoff: 4, font: { size: 12 } },
  })
  const x = list(answer.p)
  const slope = list(answer.pull).map((value) => (value === null ? null : -value))
  const traces = []
  names.forEach(([name], i) => {
    const end = i ? String(i + 1) : ""
    const on = { xaxis: `x${end}`, yaxis: `y${end}`, type: "scatter" }
    const of = { slope: "slope", value: "loss" }[name]
    traces.push(
      {
        ...on,
        mode: "lines",
        x: list(answer.ghost.p),
        y: list(answer.ghost[of]),
        hoverinfo: "skip",
        line: { color: colors.faint, width: 1.5, dash: "dot" },
      },
      {
        ...on,
        mode: "markers",
        x,
        y: name === "slope" ? slope : list(answer.value),
        marker: { color: colors.text, size: 5, opacity: 0.55 },
        hovertemplate: "p %{x:.2f}: %{y:.3g}<extra></extra>",
      },
    )
    const values = (name === "slope" ? slope : list(answer.value)).filter((value) => value !== null)
    const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)]
    layout[`yaxis${end}`].range = [low - 0.06 * (high - low || 1), high + 0.06 * (high - low || 1)]
  })
  return {
    traces,
    layout,
    note: answer.note,
    keys: [
      { label: "an image", color: colors.text },
      { label: "cross-entropy", color: colors.faint, dash: "dotted" },
    ],
  }
}

const COLORSCALE = Array.from({ length: 18 }, (_, i) => [
  i / 17,
  cssOf(VIRIDIS[15 * i]).replaceAll(" ", ","),
])

function simplex(answer, { colors }) {
  const [rows, columns] = answer.loss.shape
  const z = Array.from({ length: rows }, (_, row) =>
    list(answer.loss.subarray(row * columns, (row + 1) * columns)),
  )
  const count = answer.arrows.shape[0]
  const arrows = Array.from({ length: count }, (_, i) => answer.arrows.subarray(4 * i, 4 * i + 4))
  const longest = Math.max(...arrows.map(([, , dx, dy]) => Math.hypot(dx, dy)), 1e-12)
  const lines = { x: [], y: [] }
  const heads = { x: [], y: [], angle: [] }
  for (const [x, y, dx, dy] of arrows) {
    const size = Math.hypot(dx, dy)
    if (!(size > 0)) continue
    const length = 0.075 * Math.sqrt(size / longest)
    const [ux, uy] = [(dx / size) * length, (dy / size) * length]
    lines.x.push(x - ux / 2, x + ux / 2, null)
    lines.y.push(y - uy / 2, y + uy / 2, null)
    heads.x.push(x + ux / 2)
    heads.y.push(y + uy / 2)
    heads.angle.push((Math.atan2(dx, dy) * 180) / Math.PI)
  }
  const tall = Math.sqrt(3) / 2
  // The scale ends below the border itself, where many losses have a pole.
  const sorted = list(answer.loss)
    .filter((value) => value !== null)
    .sort((a, b) => a - b)
  const [least, most] = [sorted[0] ?? 0, sorted[Math.floor(0.985 * (sorted.length - 1))] ?? 1]
  // What juts out of the triangle is covered.
  const cover = (path) => ({ type: "path", path, fillcolor: colors.background, line: { width: 0 } })
  const corner = (text, x, y, yanchor) => ({
    text,
    x,
    y,
    yanchor,
    showarrow: false,
    font: { size: 12, color: colors.text },
  })
  return {
    traces: [
      {
        type: "heatmap",
        x: list(answer.x),
        y: list(answer.y),
        z,
        zsmooth: "best",
        zmin: least,
        zmax: most > least ? most : least + 1e-6,
        colorscale: COLORSCALE,
        colorbar: {
          title: { text: "loss L", side: "top", font: { size: 12 } },
          thickness: 10,
          len: 0.9,
          x: 1.02,
          outlinewidth: 0,
          tickfont: { size: 11 },
          nticks: 5,
        },
        hovertemplate: "L %{z:.3g}<extra></extra>",
        hoverongaps: false,
      },
      {
        type: "scatter",
        mode: "lines",
        ...lines,
        line: { color: "#fff", width: 1.5 },
        hoverinfo: "skip",
      },
      {
        type: "scatter",
        mode: "markers",
        ...heads,
        marker: { symbol: "triangle-up", angle: heads.angle, size: 6, color: "#fff" },
        hoverinfo: "skip",
      },
      {
        type: "scatter",
        mode: "lines",
        x: [0, 1, 0.5, 0],
        y: [0, 0, tall, 0],
        line: { color: colors.faint, width: 1 },
        hoverinfo: "skip",
      },
    ],
    layout: {
      margin: { l: 8, r: 64, t: 22, b: 24 },
      xaxis: { visible: false, range: [-0.06, 1.06], fixedrange: true },
      yaxis: { visible: false, range: [-0.02, tall + 0.02], scaleanchor: "x", fixedrange: true },
      shapes: [
        cover(`M -0.06,-0.02 L 0,0 L 0.5,${tall} L 0.5,${tall + 0.02} L -0.06,${tall + 0.02} Z`),
        cover(`M 1.06,-0.02 L 1,0 L 0.5,${tall} L 0.5,${tall + 0.02} L 1.06,${tall + 0.02} Z`),
        cover("M -0.06,-0.02 L 0,0 L 1,0 L 1.06,-0.02 Z"),
      ],
      annotations: [
        corner("true class", 0.5, tall, "bottom"),
        corner("another", 0.02, 0, "top"),
        corner("a third", 0.98, 0, "top"),
      ],
    },
    note: "Each point is a prediction for three classes. Arrows: where a step of gradient descent on the logits moves it.",
    keys: [],
  }
}

function weights(answer, { colors, run, narrow }) {
  const { weight, push, p, right } = answer
  const count = weight.length
  const of =
    answer.of && run === answer.of
      ? `${count} test images, as this run answers them`
      : `${count} digits, as a logistic regression answers them that has seen 60`
  const known = Array.from(weight.keys()).filter((i) => Number.isFinite(weight[i]))
  const most = Math.max(...known.map((i) => weight[i]), 1e-9)
  const end = Math.max(most * 1.02, 1.05)
  const bins = (which) => {
    const counts = new Array(BINS).fill(0)
    for (const i of known)
      if (right[i] === which) counts[Math.min(BINS - 1, Math.floor((weight[i] / end) * BINS))] += 1
    return counts
  }
  const middles = Array.from({ length: BINS }, (_, i) => ((i + 0.5) * end) / BINS)
  const bar = (which, name, color) => ({
    type: "bar",
    x: middles,
    y: bins(which),
    width: (end / BINS) * 0.9,
    name,
    marker: { color },
    hovertemplate: `%{y} ${name}<extra></extra>`,
  })
  const order = Array.from(push.keys())
    .filter((i) => Number.isFinite(push[i]))
    .sort((a, b) => push[b] - push[a])
  const url = new URL(
    answer.of ? `../../strip/${answer.of}.png` : "../../reference.png",
    import.meta.url,
  )
  const row = (title, places) =>
    element(
      "div",
      { className: "ends" },
      element("h5", { text: title }),
      element(
        "div",
        { className: "tiles" },
        ...places.map((i) => {
          const said = `p of the truth ${p[i].toFixed(2)}, |dL/dz| ${digits(push[i])}`
          const tile = element("i", {
            className: "tile",
            role: "img",
            "aria-label": said,
            title: said,
          })
          tile.style.backgroundImage = `url("${url.href}")`
          tile.style.backgroundSize = `${count * TILE}px ${TILE}px`
          tile.style.backgroundPosition = `${-i * TILE}px 0`
          return element(
            "span",
            { className: right[i] ? "" : "is-wrong" },
            tile,
            element("small", { text: p[i].toFixed(2) }),
          )
        }),
      ),
    )
  return {
    traces: [bar(1, "answered right", colors.faint), bar(0, "answered wrong", wrong(colors))],
    layout: {
      barmode: "stack",
      bargap: 0,
      margin: { l: 38, r: 8, t: 20, b: 36 },
      xaxis: scale(colors, {
        range: [0, end],
        title: {
          text: narrow ? "weight w" : "w = |dL/dz| / |dCE/dz|",
          standoff: 4,
          font: { size: 12 },
        },
      }),
      yaxis: scale(colors, { rangemode: "tozero" }),
      shapes: [
        {
          type: "line",
          x0: 1,
          x1: 1,
          y0: 0,
          y1: 1,
          yref: "paper",
          line: { color: colors.faint, width: 1, dash: "dot" },
        },
      ],
      annotations: [
        heading("images", 0, 1, colors),
        {
          ...heading("as cross-entropy", 1, 1, colors),
          xref: "x",
          xanchor: end > 1.6 ? "left" : "right",
          font: { size: 11, color: colors.faint },
        },
      ],
    },
    note: `Of ${of}. Under each image: the probability of its true class.`,
    keys: [
      { label: "right", color: colors.faint },
      { label: "wrong", color: wrong(colors) },
    ],
    side: [
      row("Pushed hardest", order.slice(0, SHOWN)),
      row("Pushed least", order.slice(-SHOWN).reverse()),
    ],
  }
}

function distances(answer, { colors, narrow }, lines, title) {
  const names = [
    ["loss", "loss L"],
    ["slope", "dL/d(distance)"],
  ]
  const layout = panels(names, narrow, colors, {
    range: [0, answer.distance[answer.distance.length - 1]],
    title: { text: title, standoff: 4, font: { size: 12 } },
  })
  const points = answer.distance.length
  const traces = []
  names.forEach(([name], i) => {
    const end = i ? String(i + 1) : ""
    for (const [k, { color, label }] of lines.entries()) {
      traces.push({
        xaxis: `x${end}`,
        yaxis: `y${end}`,
        type: "scatter",
        mode: "lines",
        x: list(answer.distance),
        y: list(answer[name].subarray(k * points, (k + 1) * points)),
        name: label,
        line: { color, width: 2.5 },
        hovertemplate: "%{y:.3g}",
      })
    }
  })
  return { traces, layout: { ...layout, hovermode: "x unified" }, note: answer.note, keys: lines }
}

const pairs = (answer, about) =>
  distances(
    answer,
    about,
    [
      { label: "same class", color: about.colors.runs[0] },
      { label: "another class", color: about.colors.runs[1] },
    ],
    "distance of the two",
  )

const triplets = (answer, about) =>
  distances(
    answer,
    about,
    Array.from(answer.positive, (near, i) => ({
      label: `positive at ${near.toFixed(1)}`,
      color: about.colors.runs[i],
    })),
    "distance of anchor and negative",
  )

function points(answer, { colors }) {
  const count = answer.labels.length
  const at = (array, i) => array.subarray(2 * i, 2 * i + 2)
  const longest = Math.max(
    ...Array.from({ length: count }, (_, i) => Math.hypot(...at(answer.arrows, i))),
    1e-12,
  )
  const traces = []
  for (const label of [0, 1, 2]) {
    const color = colors.runs[label]
    const own = Array.from({ length: count }, (_, i) => i).filter((i) => answer.labels[i] === label)
    const lines = { x: [], y: [] }
    const heads = { x: [], y: [], angle: [] }
    for (const i of own) {
      const [x, y] = at(answer.points, i)
      const [dx, dy] = at(answer.arrows, i).map((value) => (0.55 * value) / longest)
      if (!(Math.hypot(dx, dy) > 1e-3)) continue
      lines.x.push(x, x + dx, null)
      lines.y.push(y, y + dy, null)
      heads.x.push(x + dx)
      heads.y.push(y + dy)
      heads.angle.push((Math.atan2(dx, dy) * 180) / Math.PI)
    }
    traces.push(
      { type: "scatter", mode: "lines", ...lines, line: { color, width: 1.5 }, hoverinfo: "skip" },
      {
        type: "scatter",
        mode: "markers",
        ...heads,
        marker: { symbol: "triangle-up", angle: heads.angle, size: 6, color },
        hoverinfo: "skip",
      },
      {
        type: "scatter",
        mode: "markers",
        x: own.map((i) => at(answer.points, i)[0]),
        y: own.map((i) => at(answer.points, i)[1]),
        marker: { size: 8, color, line: { width: 1, color: colors.background } },
        hovertemplate: `class ${label}<extra></extra>`,
      },
    )
    if (answer.marks.length) {
      const [x, y] = at(answer.marks, label)
      traces.push({
        type: "scatter",
        mode: "markers",
        x: [x],
        y: [y],
        marker: { symbol: "x", size: 11, color, line: { width: 1.5, color: colors.background } },
        hoverinfo: "skip",
      })
    }
  }
  return {
    traces,
    layout: {
      margin: { l: 42, r: 8, t: 20, b: 36 },
      xaxis: scale(colors, { title: { text: "first feature", standoff: 4, font: { size: 12 } } }),
      yaxis: scale(colors, { scaleanchor: "x" }),
      annotations: [heading("second feature", 0, 1, colors)],
    },
    note: answer.note,
    keys: [0, 1, 2].map((label) => ({ label: `class ${label}`, color: colors.runs[label] })),
  }
}

// Each kind of picture, by what an answer calls it.
export const PICTURES = { batch, curve, pairs, points, simplex, triplets, weights }
