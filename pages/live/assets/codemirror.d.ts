// What the bundle exports, and the types that go with it: no browser loads this file.

export type { Extension, Range, StateEffectType, Text } from "@codemirror/state"
export type { DecorationSet, Rect, ViewUpdate } from "@codemirror/view"
export * from "../bundles/entry.js"
