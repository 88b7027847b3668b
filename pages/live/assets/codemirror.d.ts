// What the bundle exports.
export * from "../codemirror/entry.js"
