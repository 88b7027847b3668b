// What an editor is given, and what the checker answers, as types: no browser loads this file.

/** Where something stands in a text; lines and columns count from 1, in characters. */
export interface Place {
  line?: number | null
  column?: number | null
  end_line?: number | null
  end_column?: number | null
}

/** A fault as the checker tells it. */
export interface Reported extends Place {
  code?: string
  message: string
  hint?: string | null
  /** What stands there instead; null: nobody knows. */
  fix?: string | null
  /** Other places of the same fault, with the same fix. */
  also?: (Place & { fix?: string | null })[]
}

export interface ReportedParameter extends Place {
  name: string
  value: number
  low: number | null
  high: number | null
  step: number | null
}

export interface Report {
  error: Reported | null
  warnings: (Reported | string)[]
  notes: Reported[]
  parameters: ReportedParameter[]
  inputs: string[]
}

export interface Refusal {
  refused: string
  hint?: string
  /** The server did not answer at all. */
  away?: boolean
}

export type Answer = (Report & { refused?: undefined }) | Refusal

export interface Question {
  kind: "loss" | "metric"
  task: string
  classes: number
  text: string
  parameters: Record<string, number>
}

/** What the page gives an editor; `set` counts how often it has put another text in. */
export interface EditorData {
  text: string
  set: number
  height: number
  most: number
  kind: "loss" | "metric"
  task: string
  class_count: number
  parameters: Record<string, number>
}

/** In the text of the editor, by offsets. */
export interface Placed {
  from: number
  to: number
  /** What stood there. */
  fragment: string
}

export type AlsoThere = Place & Placed & { fix?: string | null }
export type Fault = Reported & Placed & { kind: "error" | "warning" | "note"; also: AlsoThere[] }
export type Parameter = ReportedParameter & Placed & { low: number; high: number }
