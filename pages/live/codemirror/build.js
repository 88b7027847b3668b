// Makes ../assets/codemirror.js out of what ../package-lock.json names, and records its hash:
// `npm ci && npm run build` in pages/live. With --check it says whether it would be the same.

import { createHash } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const BUNDLE = "../assets/codemirror.js"
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
    js: "// CodeMirror 6, (C) Marijn Haverbeke and others, MIT: see ../codemirror/LICENSE. Built by build.js.\n// @ts-nocheck",
  },
})
const bundle = outputFiles[0].contents
const hashes = [
  ...SOURCES.map((name) => `${hash(readFileSync(here(name)))}  ${name}`),
  `${hash(bundle)}  ${BUNDLE}`,
]
const text = `${hashes.join("\n")}\n`
if (process.argv.includes("--check")) {
  if (readFileSync(here("SHA256SUMS"), "utf8") !== text) {
    console.error("the bundle differs from the recorded one: npm run build")
    process.exit(1)
  }
  console.log("the bundle is the recorded one")
} else {
  writeFileSync(here(BUNDLE), bundle)
  writeFileSync(here("SHA256SUMS"), text)
  console.log(`${bundle.length} bytes`)
}
