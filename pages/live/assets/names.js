// The names of the loss language: which of them may be meant where the caret stands, and which
// function's arguments are being written there. Nothing in here touches the page.

import { pause } from "./words.js"

/** @import {Glossary, Name} from "./wire.js" */
/** What the caret stands behind or in. @typedef {{from: number, to: number, prefix: string, part: string}} Word */
/** A call that is open before the caret. @typedef {{name: string, at: number, since: number, index: number}} Open */
/** A name as it is offered. @typedef {Omit<Name, "space">} Entry */

const AGAIN_MS = 4000
const MOST = 40 // more nobody reads
const NAME = "[\\p{L}_][\\p{L}\\p{N}_]*"
const DOTTED = `${NAME}(?:\\.${NAME})*`
const WORD = new RegExp(`(?:(${DOTTED}|[)\\]])\\.)?(${NAME})?$`, "u")
const CALLED = new RegExp(`(def\\s+)?((?:[)\\]]\\.)?${DOTTED})\\s*$`, "u")
const KEYWORD = new RegExp(`^\\s*(${NAME})\\s*=(?!=)`, "u")
const ASSIGNED = new RegExp(`^[ \\t]*(${NAME})[ \\t]*=(?!=)[ \\t]*([^#\\n]*)`, "gmu")
const DEFINED = new RegExp(`^[ \\t]*def[ \\t]+(${NAME})[ \\t]*\\(([^)]*)\\)`, "gmu")
const ORDER = ["argument", "own", "input", "function", "loss", "constant", "prefix"]
const VALUES = new Set(["own", "input", "constant"])

/** @type {Map<string, Promise<Names>>} */
const loading = new Map() // once for all editors of a page, for each task

/** @param {string} [task] whose names are meant */
export function load(task = "") {
  const known = loading.get(task) ?? ask(task)
  loading.set(task, known)
  return known
}

/**
 * @param {string} task
 * @returns {Promise<Names>}
 */
async function ask(task) {
  const address = new URL("../../glossary", import.meta.url)
  if (task) address.searchParams.set("task", task)
  for (;;) {
    try {
      const response = await fetch(address)
      if (response.ok) return new Names(await response.json())
    } catch {
      // The server is away; the editor says so where it matters.
    }
    await pause(AGAIN_MS)
  }
}

export class Names {
  /** @param {Glossary} glossary */
  constructor({ spaces, entries } = { spaces: {}, entries: [] }) {
    this.prefixes = new Map(Object.entries(spaces))
    /** @type {Map<string, Map<string, Name>>} */
    this.spaces = new Map()
    for (const entry of entries) {
      const space = this.spaces.get(entry.space) ?? new Map()
      this.spaces.set(entry.space, space.set(entry.name, entry))
    }
  }

  /** @param {string} name */
  has(name) {
    return this.spaces.get("")?.has(name) ?? false
  }

  /**
   * What could be meant by the word before the caret, or null. `asked` says that the visitor asked
   * for it, so that one letter or none is enough.
   * @param {string} text
   * @param {number} caret
   * @param {boolean} [asked]
   */
  suggest(text, caret, asked = false) {
    const word = wordAt(text, caret)
    if (!word || (!asked && word.part.length < 2 && word.prefix === "")) return null
    const own = word.prefix === "" ? ownNames(text) : new Map()
    const found = this.#among(word, text, own)
    const entries = ranked(found, word.part)
    if (!entries.length) return null
    // A value that is written out needs no help, and Enter then ends the line.
    const whole = entries.find(({ name }) => name === word.part)
    if (!asked && whole && (VALUES.has(whole.kind) || entries.length === 1)) return null
    return { from: word.from, to: word.to, entries: entries.slice(0, MOST) }
  }

  /**
   * @param {Word} word
   * @param {string} text
   * @param {Map<string, Entry>} own
   * @returns {Entry[]}
   */
  #among(word, text, own) {
    const { prefix, from } = word
    const all = (/** @type {string} */ space) => [...(this.spaces.get(space)?.values() ?? [])]
    if (prefix === "") {
      const shadowed = all("").filter(({ name }) => !own.has(name))
      return [...this.#argumentsAt(text, from), ...own.values(), ...shadowed]
    }
    const space = this.prefixes.get(prefix)
    if (space !== undefined) return all(space)
    const longer = all("")
      .filter(({ kind, name }) => kind === "prefix" && name.startsWith(`${prefix}.`))
      .map((entry) => ({ ...entry, name: entry.name.slice(prefix.length + 1) }))
    return longer.length ? longer : all(".")
  }

  /**
   * The keywords that may begin here, in the call that is open.
   * @param {string} text
   * @param {number} from
   * @returns {Entry[]}
   */
  #argumentsAt(text, from) {
    const call = this.callAt(text, from)
    if (!call || call.keyword || !/[(,]\s*$/.test(text.slice(0, from))) return []
    const given = new RegExp(`\\b(${NAME})\\s*=(?!=)`, "gu")
    const taken = new Set([...text.slice(call.open, from).matchAll(given)].map((match) => match[1]))
    return call.arguments
      .filter((argument) => argument.includes("="))
      .map((argument) => argument.split("="))
      .filter(([name]) => !taken.has(name))
      .map(([name, value]) => ({
        name: `${name}=`,
        kind: "argument",
        arguments: [],
        what: `${value} if left out`,
      }))
  }

  /**
   * The call whose arguments the caret stands in, which of them is being written, and where its
   * bracket stands.
   * @param {string} text
   * @param {number} caret
   */
  callAt(text, caret) {
    const open = openCall(text, caret)
    if (!open) return null
    const entry = this.#called(open.name, text)
    if (!entry) return null
    const keyword = KEYWORD.exec(text.slice(open.since, caret))?.[1]
    const named = entry.arguments.findIndex((argument) => argument.split("=")[0] === keyword)
    const active = keyword === undefined ? open.index : named
    return { ...entry, name: open.name, active, keyword, open: open.at }
  }

  /**
   * @param {string} name
   * @param {string} text
   * @returns {Entry | null | undefined}
   */
  #called(name, text) {
    const dot = name.lastIndexOf(".")
    const last = name.slice(dot + 1)
    const prefix = name.slice(0, Math.max(dot, 0))
    const own = dot < 0 && ownNames(text).get(name)
    if (own) return own.arguments.length ? own : null
    const space = this.prefixes.get(prefix) ?? (this.#isPrefix(prefix) ? undefined : ".")
    return space === undefined ? null : this.spaces.get(space)?.get(last)
  }

  /** @param {string} name */
  #isPrefix(name) {
    return [...this.prefixes.keys()].some(
      (prefix) => prefix.split(".")[0] === name.split(".")[0] && prefix,
    )
  }
}

/**
 * Those that fit what was typed, the likeliest first.
 * @param {Entry[]} entries
 * @param {string} part
 */
function ranked(entries, part) {
  const wanted = part.toLowerCase()
  const place = (/** @type {Entry} */ { name, kind }) => {
    const low = name.toLowerCase()
    if (name === part) return 0
    if (low.startsWith(wanted)) return name.startsWith(part) ? 1 : 2
    return low.includes(wanted) && wanted.length > 1 && kind !== "prefix" ? 3 : 4
  }
  return entries
    .map((entry) => ({ entry, at: place(entry) }))
    .filter(({ at }) => at < 4)
    .sort(
      (a, b) =>
        a.at - b.at ||
        ORDER.indexOf(a.entry.kind) - ORDER.indexOf(b.entry.kind) ||
        (a.entry.name < b.entry.name ? -1 : 1),
    )
    .map(({ entry }) => entry)
}

/**
 * The word that the caret stands behind or in: its letters before the caret are `part`, what is
 * before its last dot `prefix`. Null in a comment, a text, a number, or where a name is made up.
 * @param {string} text
 * @param {number} caret
 * @returns {Word | null}
 */
function wordAt(text, caret) {
  const start = text.lastIndexOf("\n", caret - 1) + 1
  const row = text.slice(start, caret)
  if (isAside(row)) return null
  const match = WORD.exec(row)
  if (!match) return null
  const [, prefix = "", part = ""] = match
  const before = row.slice(0, match.index)
  if (/[\p{L}\p{N}_.]$/u.test(before) || /\b(def|as|lambda|import|from)\s+$/.test(before))
    return null
  const rest = /^[\p{L}\p{N}_]*/u.exec(text.slice(caret))?.[0] ?? ""
  return { from: caret - part.length, to: caret + (part ? rest.length : 0), prefix, part }
}

/**
 * Whether a row ends in a comment or within quotes.
 * @param {string} row
 */
function isAside(row) {
  let quote = ""
  for (const letter of row) {
    if (quote) quote = letter === quote ? "" : quote
    else if (letter === "#") return true
    else if (letter === "'" || letter === '"') quote = letter
  }
  return quote !== ""
}

/**
 * The innermost call that is open before the caret: what is called, where its bracket stands, how
 * many commas follow it and where the last of them stands.
 * @param {string} text
 * @param {number} caret
 */
function openCall(text, caret) {
  /** @type {Open[]} */
  const open = []
  let quote = ""
  for (let at = 0; at < caret; at += 1) {
    const letter = text[at]
    if (quote) {
      if (letter === quote || letter === "\n") quote = ""
    } else if (letter === "#") {
      const end = text.indexOf("\n", at)
      if (end < 0 || end >= caret) return null
      at = end
    } else if (letter === "'" || letter === '"') {
      quote = letter
    } else if ("([{".includes(letter)) {
      const called = letter === "(" ? CALLED.exec(text.slice(Math.max(0, at - 200), at)) : null
      open.push({ name: called && !called[1] ? called[2] : "", at, since: at + 1, index: 0 })
    } else if (")]}".includes(letter)) {
      open.pop()
    } else if (letter === "," && open.length) {
      const last = open[open.length - 1]
      last.index += 1
      last.since = at + 1
    }
  }
  return open.reverse().find(({ name }) => name) ?? null
}

/**
 * What the text itself names: assignments, functions and their arguments.
 * @param {string} text
 */
function ownNames(text) {
  /** @type {Map<string, Entry>} */
  const found = new Map()
  /** @type {(name: string, args: string[], what: string) => void} */
  const add = (name, args, what) => {
    if (!found.has(name)) found.set(name, { name, kind: "own", arguments: args, what })
  }
  for (const [, name, args] of text.matchAll(DEFINED)) {
    const listed = args
      .split(",")
      .map((each) => each.trim().replace(/\s*=\s*/, "="))
      .filter(Boolean)
    add(name, listed, "of this text")
    for (const each of listed) add(each.split("=")[0], [], `argument of ${name}`)
  }
  for (const [, name, value] of text.matchAll(ASSIGNED)) add(name, [], value.trim().slice(0, 60))
  return found
}
