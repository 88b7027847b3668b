// The charts of how well a run fits: NLL and accuracy with dropout off, the gap with its error,
// and under label noise what is memorised.

import { digits, percent } from "./words.js"

const NLL = "negative_log_likelihood"

const line = (series, scale = 1) => ({
  x: [...series.last],
  y: series.mean.map((value) => (value === null ? null : value * scale)),
})

const some = (series) => (series?.length ? series : null)

// The trace of a measured line, as every chart here draws it.
const drawn = (
  series,
  { color, label, name, dash = "solid", width = 2, scale = 1, opacity = 1 },
) => ({
  type: "scatter",
  mode: series.length > 20 ? "lines" : "lines+markers",
  marker: { size: 4, color },
  ...line(series, scale),
  name: `${label}${name}`,
  line: { color, width, dash },
  opacity,
  hovertemplate: scale === 100 ? "%{y:.1f}%" : "%{y:.3g}",
})

const DASHED = "5px,4px"

// What guessing would give: a level line over the whole chart.
const guess = (value, colors, scale) =>
  value === undefined
    ? []
    : [
        {
          type: "scatter",
          mode: "lines",
          level: true,
          y: [value * scale, value * scale],
          name: "guessing",
          line: { color: colors.faint, width: 1, dash: "dot" },
          hovertemplate: scale === 100 ? "%{y:.1f}%" : "%{y:.3g}",
        },
      ]

// A star at the best epoch, which the server knows.
function best(run, color, colors, label, on, scale = 1) {
  const held = some(run.series[on])
  const { step, epoch } = run.facts.best ?? {}
  const place = held ? held.last.indexOf(step) : -1
  if (place < 0) return []
  return [
    {
      type: "scatter",
      mode: "markers",
      x: [held.last[place]],
      y: [held.mean[place] * scale],
      name: `${label}best epoch`,
      marker: { symbol: "star", size: 13, color, line: { color: colors.background, width: 1 } },
      hovertemplate: `epoch ${epoch}`,
    },
  ]
}

const last = (series) => (series ? series.latest() : null)

function pair(run, { color, colors, label, first }, train, validation, scale, level, show) {
  const own = some(run.series[train])
  const held = some(run.series[validation])
  const traces = [
    ...(first ? guess(level, colors, scale) : []),
    ...(own ? [drawn(own, { color, label, name: "train", scale })] : []),
    ...(held ? [drawn(held, { color, label, name: "validation", dash: DASHED, scale })] : []),
    ...best(run, color, colors, label, validation, scale),
  ]
  const said = [own && `train ${show(last(own))}`, held && `validation ${show(last(held))}`]
  return { traces, said: said.filter(Boolean).join("  ") }
}

// Training less validation accuracy, in points, with two standard errors on either side, as the
// verdict has them: the server works both out.
function gap(run, { color, colors, label, first }) {
  const space = some(run.series.fit_gap)
  const spread = some(run.series.fit_gap_error)
  if (!space || !spread) return { traces: [], said: "" }
  const at = new Map(spread.last.map((step, i) => [step, spread.mean[i]]))
  const x = []
  const y = []
  const error = []
  for (let i = 0; i < space.length; i++) {
    const one = at.get(space.last[i])
    if (one === undefined || one === null || space.mean[i] === null) continue
    x.push(space.last[i])
    y.push(100 * space.mean[i])
    error.push(200 * one)
  }
  const edge = (sign) => ({
    type: "scatter",
    mode: "lines",
    x,
    y: y.map((value, i) => value + sign * error[i]),
    line: { width: 0, color },
    hoverinfo: "skip",
  })
  const fill = color.startsWith("#") ? `${color}${colors.dark ? "40" : "2e"}` : color
  const traces = [
    ...(first ? guess(0, colors, 1).map((each) => ({ ...each, name: "none" })) : []),
    edge(-1),
    { ...edge(1), fill: "tonexty", fillcolor: fill },
    {
      type: "scatter",
      mode: "lines",
      x,
      y,
      customdata: error,
      name: `${label}gap`,
      line: { color, width: 2 },
      hovertemplate: "%{y:.1f} ± %{customdata:.1f}",
    },
  ]
  const end = y.length - 1
  const text = (value) => value.toFixed(1).replace("-", "−")
  return { traces, said: end < 0 ? "" : `${text(y[end])} ± ${text(error[end])} points` }
}

function memory(run, { color, colors, label, first }) {
  const clean = some(run.series.train_clean_accuracy)
  const given = some(run.series.train_given_accuracy)
  const right = some(run.series.train_true_accuracy)
  const held = some(run.series.validation_accuracy)
  const traces = []
  if (given) {
    traces.push(drawn(given, { color, label, name: "wrong label said", width: 3, scale: 100 }))
  }
  if (right) {
    traces.push(
      drawn(right, { color, label, name: "right label said", dash: "2px,3px", scale: 100 }),
    )
  }
  if (first && given) {
    const thin = { color: colors.faint, label, width: 1.5, scale: 100 }
    if (clean) traces.push(drawn(clean, { ...thin, name: "right labels, said" }))
    if (held) traces.push(drawn(held, { ...thin, name: "validation", dash: DASHED }))
  }
  return {
    traces,
    said: given ? `wrong ${percent(last(given))}  right ${percent(last(right))}` : "",
  }
}

export const FIT_PANELS = {
  fit_loss: {
    title: "Negative log-likelihood",
    axis: "NLL, nats",
    scale: 1,
    show: digits,
    needs: [`train_${NLL}`, `validation_${NLL}`],
    traces: (run, view) =>
      pair(run, view, `train_${NLL}`, `validation_${NLL}`, 1, run.facts.baseline?.nll, digits),
  },
  fit_accuracy: {
    title: "Accuracy",
    axis: "accuracy, %",
    scale: 100,
    show: percent,
    needs: ["train_accuracy", "validation_accuracy"],
    traces: (run, view) =>
      pair(
        run,
        view,
        "train_accuracy",
        "validation_accuracy",
        100,
        run.facts.baseline?.accuracy,
        percent,
      ),
  },
  fit_gap: {
    title: "Generalisation gap",
    axis: "train − validation, points",
    scale: 1,
    show: digits,
    needs: ["fit_gap", "fit_gap_error"],
    traces: gap,
  },
  memory: {
    title: "Images with a wrong label",
    axis: "said, %",
    scale: 100,
    show: percent,
    needs: [
      "train_clean_accuracy",
      "train_given_accuracy",
      "train_true_accuracy",
      "validation_accuracy",
    ],
    traces: memory,
  },
}
