// Makes what ../assets has of others out of what ../package-lock.json names: the editor's bundle, and
// the part of Plotly with axes. Records their hashes: `npm ci && npm run build` in pages/live. With
// --check it says whether they would be the same.

import { createHash } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const EDITOR = "../assets/codemirror.js"
const CHARTS = "../assets/plotly-cartesian.min.js"
const PLOTLY = "../node_modules/plotly.js-cartesian-dist-min/plotly-cartesian.min.js"
const SOURCES = ["entry.js"]
const hash = (content) => createHash("sha256").update(content).digest("hex")

const { outputFiles } = await build({
  entryPoints: [here("entry.js")],
  absWorkingDir: here("."),
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: {
    js: "// CodeMirror 6, (C) Marijn Haverbeke and others, MIT: see ../bundles/LICENSE-codemirror. Built by build.js.\n// @ts-nocheck",
  },
})
const bundles = [
  [EDITOR, outputFiles[0].contents],
  [CHARTS, readFileSync(here(PLOTLY))],
]
const hashes = [
  ...SOURCES.map((name) => `${hash(readFileSync(here(name)))}  ${name}`),
  ...bundles.map(([name, content]) => `${hash(content)}  ${name}`),
]
const text = `${hashes.join("\n")}\n`
if (process.argv.includes("--check")) {
  if (readFileSync(here("SHA256SUMS"), "utf8") !== text) {
    console.error("the bundles differ from the recorded ones: npm run build")
    process.exit(1)
  }
  console.log("the bundles are the recorded ones")
} else {
  for (const [name, content] of bundles) writeFileSync(here(name), content)
  writeFileSync(here("SHA256SUMS"), text)
  for (const [name, content] of bundles) console.log(name, content.length, "bytes")
}
