// What the server sends, as types: no browser loads this file. `tests/playground/test_wire_types.py`
// holds it against what Python sends, message by message. A number that is none (NaN) is null.

/** An array of an answer (`packing.py`): typed, with the shape that it has in Python. */
export type Packed<A> = A & { shape: number[] }
export type Bytes = Packed<Uint8Array>
export type Ints = Packed<Int32Array>
export type Floats = Packed<Float32Array>

// The stream (`feed.py`)

/** Points of a curve after step `start`, up to `end`: `series.py`. */
export interface SeriesPart {
  start: number
  end: number
  /** The mean of each bucket. */
  y: (number | null)[]
  /** The last step of each; without it they follow one another. */
  x?: number[]
  /** Of how many points each is; without it of one. */
  n?: number[]
  low?: (number | null)[]
  high?: (number | null)[]
}

export interface Mark {
  step: number
  kind: "parameter" | "rate" | "loss" | "broken" | "back" | "best" | "phase"
  /** Of what was changed or has begun; "" where the kind says it all. */
  name: string
  value: string | number
}

/** An evaluation on the validation images (or others: `split`). */
export interface Evaluation {
  step: number
  split: string
  images: number
  /** [true class][predicted class] */
  confusion: number[][] | null
  /** Of each bin of confidence: images, sum of confidences, right ones. */
  reliability: number[][] | null
  /** Of each image of the strip: predicted class, its probability, true class. */
  strip: [number, number, number][]
  /** What the views of the run's task show, by their names. */
  views: Partial<TaskViews>
  /** Its numbers, by the names of a run's metrics; of the latest they are the run's. */
  metrics?: Record<string, number | null>
}

/** Of tasks other than classification (`Task.view_data`). */
export interface TaskViews {
  pairs: PairsResults
  distances: DistancesResults
  matrix: MatrixResults
  exemplars: ExemplarsResults
  canvases: CanvasesResults
}

/** Of each canvas of the strip; masks are a bit a pixel of 32 × 32, in base64. */
export interface CanvasesResults {
  /** x1, y1, x2, y2 of 0 to 1, the class. */
  truth: [number, number, number, number, number][][]
  /** The same and the score. */
  found: [number, number, number, number, number, number][][]
  masks: string[][]
}

/** Of phases of classes. */
export interface MatrixResults {
  /** The number of the phase that is trained, from 0. */
  phase: number
  /** After each phase the accuracy of each phase's classes; null where they had not come. */
  rows: (number | null)[][]
  /** Old classes taken for new ones: old, new, share of the old one's images. */
  taken: [number, number, number][]
}

export interface ExemplarsResults {
  phase: number
  /** The class of each picture, one class after the other. */
  labels: number[]
  /** By class, how many are kept. */
  counts: number[]
}

/** Of each pair of the strip. */
export interface PairsResults {
  /** Left and right: true class, predicted class, its probability. */
  left: [number, number, number][]
  right: [number, number, number][]
  distance: number[]
  /** That both are of one class. */
  same: number[]
  /** From which probability a pair is taken for the same. */
  threshold: number
}

export interface DistancesResults {
  /** The bins' edges, one more than there are counts. */
  edges: number[]
  /** Pairs of one class and of two, by distance. */
  same: number[]
  different: number[]
  /** The distance that tells most of them apart. */
  threshold: number
  /** The receiver operating characteristic: rates of wrongly and of rightly accepted pairs. */
  false: number[]
  true: number[]
  equalError: number | null
}

export interface Best {
  epoch: number
  step: number
  restored: boolean
  value: number | null
}

export type State =
  | "queued"
  | "preparing"
  | "running"
  | "paused"
  | "completed"
  | "stopped"
  | "failed"
  | "unknown"

/** What is said of every run. */
interface Always {
  state: State
  message: string
  hint: string
  step: number
  steps: number
  epoch: number
  epochs: number
  seconds: number
  rate: number
  preparing: string
  metrics: Record<string, number | null>
  trouble: string
}

/** What is said once there is anything to say, or a run has come so far. */
interface Later {
  where: Record<string, unknown> | null
  left: number | null
  place: number | null
  wait: number | null
  waits_for: string | null
  fraction: number | null
  parameters: number | null
  marks: Mark[]
  baseline: Record<string, number>
  steps_per_epoch: number
  train_images: number
  validation_images: number
  /** The steps that weights were kept of. */
  snapshots: number[]
  /** Since which step, and until which. */
  collapsed: number[] | null
  advice: string
  best: Best | null
  evaluation: Evaluation | null
}

/** A run as far as it is known. */
export type Facts = Partial<Always & Later>

/** All of a run, or what is new of it. */
export type RunMessage = { run: string; whole?: true; series?: Record<string, SeriesPart> } & Facts

/** The first message of a run that there is: all that is said of every run. */
export type WholeMessage = {
  run: string
  whole: true
  series: Record<string, SeriesPart>
} & Always &
  Partial<Later>

// Answers of `look` (`playground/analysis`); N, H, W, C: images, rows, columns, channels

export interface Layer {
  name: string
  kind: string
  shape: number[]
  /** Maps (N, H, W), of which 0 is `low` and 255 is `high`; a layer without places has (1, 1, W). */
  data: Bytes
  low: Floats
  high: Floats
  /** How many pixels a place sees, how far neighbours are apart, where the first begins. */
  field: number[]
  /** Which image it is of, where there are several, and the layer that it calls once more; "": none. */
  side: string
  of: string
  /** The convolution whose filters made its maps; "": none. */
  filters: string
}

/** An image that the network takes. */
export interface ImageSeen {
  name: string
  pixels: Bytes
  /** null: it is the visitor's own. */
  label: number | null
  /** Where the network says any. */
  probabilities?: Floats
}

export interface MapsAnswer {
  step: number
  layers: Layer[]
  images: ImageSeen[]
  /** Of two images: how far they are apart, and the probability that they are of one class. */
  pair?: { distance: number; same: number | null }
}

export interface KernelAnswer {
  step: number
  layer: string
  kernel: Floats
  gradient: Floats
  bias: number | null
}

export interface ExemplarsAnswer {
  step: number
  images: Bytes
  labels: Bytes
  indices: Ints
  values: Floats
  /** (N, 4): top, left, bottom, right. */
  regions: Ints
}

export interface WhyAnswer {
  step: number
  target: number
  grad_cam: Floats
  saliency: Floats
  smooth_grad: Floats
  occlusion: Floats
}

export interface DeadAnswer {
  step: number
  layers: { name: string; dead: number; filters: number; zeros: number }[]
}

export interface MatchAnswer {
  step: number
  partner: Ints
  correlation: Floats
}

export interface BrowseAnswer {
  step: number
  labels: Bytes
  /** 0 or 1, where the network tells classes apart. */
  wrong?: Bytes
}

export interface EmbeddingAnswer {
  step: number
  /** (N, 2 or 3) */
  points: Floats
  labels: Bytes
  /** Where the network tells classes apart. */
  predicted?: Bytes
  /** (C, as many as points) */
  centers: Floats
  moving: boolean
  method: "raw" | "pca" | "tsne" | "umap"
  width: number
  split: "test" | "train"
  /** (2, C) and (C,) of the last layer, where the embedding has two numbers. */
  kernel?: Floats
  bias?: Floats
}

export interface NeighboursAnswer {
  step: number
  indices: Ints
  distances: Floats
  images: Bytes
  labels: Bytes
  predicted?: Bytes
}

export interface PicturesAnswer {
  step: number
  images: Bytes
  first: number
}

export interface ReconstructionsAnswer {
  step: number
  images: Bytes
  labels: Bytes
  reconstructions: Bytes
  /** What the encoder is given, where there is noise on it. */
  given?: Bytes
}

export interface LatentAnswer {
  step: number
  /** (N, 2) */
  points: Floats
  labels: Bytes
  /** A place of the plane is the code origin + a · axes[0] + b · axes[1]; (L,) and (2, L). */
  origin: Floats
  axes: Floats
  /** Of the codes' variance in the plane. */
  share: number
  /** (G, G, H, W, C), the first row is the uppermost; its places in the plane (G,). */
  grid: Bytes
  across: Floats
  up: Floats
  /** Of each dimension: its mean KL divergence in nats, the variance of its mean over images. */
  divergences: Floats
  spread: Floats
  variational: boolean
}

export interface DecodeAnswer {
  step: number
  images: Bytes
}

export interface EncodeAnswer {
  step: number
  /** (L,) */
  code: Floats
  /** (2, H, W, C): the image and its reconstruction. */
  images: Bytes
}

export interface DetectAnswer {
  step: number
  /** (64, 64, 1) */
  canvas: Bytes
  /** Of what is there: boxes (n, 4) and classes. */
  truth: Floats
  kinds: Ints
  /** (G, G): the probability of an item at each place. */
  objects: Floats
  /** Cells or anchors (N, 4), the box that each makes (N, 4), and that it has an item (N). */
  starts: Floats
  candidates: Floats
  chances: Floats
  /** Of two stages: proposals (P, 4), their boxes (P, 4), class and its probability; else none. */
  proposals: Floats
  regions: Floats
  said: Ints
  sure: Floats
  /** What is found: boxes (K, 4), classes, scores, masks of a bit a pixel. */
  boxes: Floats
  classes: Ints
  scores: Floats
  masks: Bytes
}

export interface Looks {
  encode: EncodeAnswer
  detect: DetectAnswer
  reconstructions: ReconstructionsAnswer
  latent: LatentAnswer
  decode: DecodeAnswer
  maps: MapsAnswer
  kernel: KernelAnswer
  exemplars: ExemplarsAnswer
  why: WhyAnswer
  dead: DeadAnswer
  match: MatchAnswer
  browse: BrowseAnswer
  embedding: EmbeddingAnswer
  neighbours: NeighboursAnswer
  pictures: PicturesAnswer
}

// Answers of `portrait` (`losses/portraits`); `of` is the run whose images it is about, or ""

export interface Curve {
  p: Floats
  margin: Floats
  loss: Floats
  slope: Floats
  slope_p: Floats
  note: string
}

export interface Weights {
  right: Floats
  p: Floats
  push: Floats
  slope: Floats
  weight: Floats
  value?: Floats
}

export type CurveAnswer = Curve & { kind: "curve"; ghost: Curve; of: string }
export type BatchAnswer = Weights & { kind: "batch"; note: string; ghost: Curve; of: string }
export type WeightsAnswer = Weights & { of: string }

export interface SimplexAnswer {
  x: Floats
  y: Floats
  loss: Floats
  /** (A, 4): a place, and how the prediction there moves. */
  arrows: Floats
  of: string
}

export interface DistancesAnswer {
  kind: "pairs" | "triplets"
  note: string
  distance: Floats
  loss: Floats
  slope: Floats
  /** Of triplets: the distances of anchor and positive. */
  positive?: Floats
  of: string
}

export interface PointsAnswer {
  kind: "points"
  note: string
  points: Floats
  labels: Ints
  arrows: Floats
  marks: Floats
  of: string
}

/** Why there is no such picture. */
export type NoPicture = {
  reason: string
  everywhere?: boolean // so it is in every view
  of: string
  kind?: "curve" | "batch"
  ghost?: Curve
  note?: string
}
/** What is wrong with the text. */
export type Fault = { fault: string; of: string }

export type Picture =
  | CurveAnswer
  | BatchAnswer
  | WeightsAnswer
  | SimplexAnswer
  | DistancesAnswer
  | PointsAnswer

export type PortraitAnswer = Picture | NoPicture | Fault

/** Where descent leads a box, by each loss (`losses.descents`). */
export interface DescentsAnswer {
  names: string[]
  /** (L, S, 4) */
  path: Floats
  /** (L, S) */
  value: Floats
  iou: Floats
  /** Minus the gradient at the start (L, 4). */
  push: Floats
  of?: string
}

// The names of the loss language (`losses.glossary`)

export interface Name {
  name: string
  /** Of which module, by what `spaces` calls it; "": none is needed. */
  space: string
  kind: string
  arguments: string[]
  what: string
}

export interface Glossary {
  /** What stands before a dot, and whose names may follow. */
  spaces: Record<string, string>
  entries: Name[]
}

// What a view is given by its page (`component.py`)

/** A run on a chart; `color` is its place in the theme's palette or a CSS colour. */
export interface RunAbout {
  id: string
  name: string
  color: number | string
  text: string // its loss, where the name does not say all of it
}

export interface MetricAbout {
  key: string
  title: string
  short: string
  unit: string
  better: string
}

export interface Stage {
  name: string
  words: string[]
  shape: number[]
  weights: number
  share: number
  inputs: string[]
}

/** What is looked at in a network. */
export interface Seen {
  image: number
  step: number | null
  layer: string
  unit: number
}

/** What every view is given. */
export interface Home {
  home: string
  view: string
  reserve: number
}

export interface CurvesData extends Home {
  runs: RunAbout[]
  height: number
  metricHeight: number
  metrics: MetricAbout[]
  smoothing: number
  log: boolean
  panels: string[]
  axis: string
}

export interface ReadoutData extends Home {
  run: string | null
  main: MetricAbout
  metrics: MetricAbout[]
  stages: Stage[]
}

export interface ReliabilityData extends Home {
  runs: RunAbout[]
}

export interface ConfusionData extends Home {
  run: string | null
  classes: string[]
}

export interface StripData extends Home {
  run: string | null
  classes: string[]
  which: "all" | "wrong"
}

export interface PairsData extends Home {
  run: string | null
  classes: string[]
}

export interface DistancesData extends Home {
  run: string | null
}

export interface ReconstructionsData extends Home {
  run: string | null
  classes: string[]
}

export interface CanvasesData extends Home {
  run: string | null
  classes: string[]
}

export interface PlacingData extends Home {
  run: string | null
  classes: string[]
}

export interface BoxStudioData extends Home {}

export interface MatrixData extends Home {
  run: string | null
  classes: string[]
  /** The names of each phase's classes. */
  groups: string[][]
}

export interface ExemplarsData extends Home {
  run: string | null
  classes: string[]
}

/** A visitor's picture, its pixels in base 64. */
export interface Upload {
  key: string
  name: string
  pixels: string
}

export interface LatentData extends Home {
  run: string | null
  classes: string[]
  palette: { light: string[]; dark: string[] }
  conditional: boolean
  side: number
  channels: number
  upload: Upload | null
}

export interface NetworkData extends Home {
  stages: Stage[]
}

export interface StudioData extends Home {
  text: string
  mode: "write" | "pick"
  parameters: Record<string, number>
  names: string[]
  run: string
  task: string
  class_count: number
}

export interface MapsData extends Home, Seen {
  run: string | null
  /** The images that the network takes, by name, and whether it tells classes apart. */
  sights: string[]
  tells: boolean
  classes: string[]
  side: number
  channels: number
  other: RunAbout | null
  upload: Upload | null
}

export interface TimeData extends Home {
  run: string | null
  step: number | null
}

export interface SliderData extends Home {
  name: string
  value: number
  low: number
  high: number
  step: number
  stops: number[] | null
  about: string
  heard: number
}

export interface EmbeddingData extends Home, Seen {
  runs: RunAbout[]
  classes: string[]
  palette: { light: string[]; dark: string[] }
}
