// The loss editor: a plain text area, so that typing, undo, selection and screen readers are the
// browser's own, over a layer that shows the text coloured, its lines numbered and its faults
// underlined. What is typed is never overwritten, unless the page sets another text (`data.set`).

import { completion } from "./completion.js"
import { type } from "./moment.js"
import { load, Names } from "./names.js"
import { element, put } from "./words.js"

const CHECK_MS = 150
const REST_MS = 350
const SLOW_MS = 500 // a wait that is worth a word
const LONGEST = 10_000 // what the server takes; one more, and it says so itself
const TOKEN = /(#.*)|(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|(\r?\n)|([^\p{L}_\d#.\n]+|.)/gu
const WORDS = new Set("def return lambda if else for in and or not import from as True False None pass".split(" "))

export function mount(root, component) {
  const numbers = element("div", { className: "numbers", "aria-hidden": "true" })
  const layer = element("div", { className: "layer", "aria-hidden": "true" })
  const area = element("textarea", {
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    autocorrect: "off",
    wrap: "soft",
    "aria-label": `${component.data.kind === "metric" ? "Metric" : "Loss"}, written in Python. Tab indents; press Escape and then Tab to leave.`,
  })
  const box = element("div", { className: "box" }, numbers, element("div", { className: "text" }, layer, area))
  const usage = element("div", { className: "usage", "aria-live": "off" })
  const verdict = element("p", { className: "verdict", role: "status" })
  const onward = element("button", { type: "button", className: "quiet onward", hidden: "" })
  const fix = element("button", { type: "button", className: "quiet fix", hidden: "" })
  const hint = element("p", { className: "hint" })
  const below = element(
    "div",
    { className: "below" },
    element("div", { className: "row" }, verdict, onward, fix),
    hint,
  )
  root.classList.add("editor")
  root.append(element("div", { className: "frame" }, box, usage), below)

  let send = component.setStateValue
  let data = component.data
  let set = data.set
  let names = new Names()
  let sent = data.text
  let faults = []
  let told = 0 // which of the faults the verdict is about
  let writing = false // the text is changed by us, not typed
  let checking = 0
  let resting = 0
  let asked = 0
  let request = null
  let leaving = false
  let gone = false
  let typedAt = 0

  const tell = () => data.kind === "loss" && type(area.value) // to the views that follow at once
  area.value = data.text
  tell()
  box.style.height = `${data.height}px`
  const list = completion(root, area, rectangle, complete)
  load().then((loaded) => {
    if (gone) return
    names = loaded
    paint()
    explain()
  })

  function typed(event) {
    tell()
    typedAt = performance.now()
    // A fault is kept where its text is still what it was; the next answer corrects it.
    const same = ({ from, to, fragment }) => area.value.slice(from, to) === fragment
    faults = faults.filter(same).map((fault) => ({ ...fault, also: fault.also.filter(same) }))
    paint()
    const letters = /^insert(Composition)?Text$/.test(event?.inputType) && !writing
    const shorter = list.from !== null && /^delete/.test(event?.inputType)
    if (letters || shorter) suggest()
    else list.close()
    explain()
    clearTimeout(checking)
    checking = setTimeout(check, CHECK_MS)
    clearTimeout(resting)
    resting = setTimeout(rest, REST_MS)
  }

  // Typing rests: the page is told, so that sliders and the formula follow.
  function rest() {
    clearTimeout(resting)
    if (area.value === sent || gone) return
    sent = area.value
    send("edit", { text: sent.slice(0, LONGEST + 1), set })
  }

  async function check() {
    const number = ++asked
    request?.abort()
    request = new AbortController()
    const text = area.value
    if (!text.trim()) {
      faults = []
      paint()
      const [what, example] =
        data.kind === "metric" ? ["metric", "p_true > 0.9"] : ["loss", "-sum(y_true * log(y_pred), axis=-1)"]
      say("", `Write a ${what}, for example ${example}`)
      return
    }
    const slow = setTimeout(() => verdict.textContent || say("", "Checking"), SLOW_MS)
    let answer
    try {
      const response = await fetch(new URL("../../check", import.meta.url), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ kind: data.kind, task: data.task, text, parameters: data.parameters }),
        signal: request.signal,
      })
      answer = await response.json()
    } catch (error) {
      if (error.name === "AbortError" || gone) return
      answer = { refused: "The checker cannot be reached.", hint: "Checking again in a few seconds." }
      checking = setTimeout(check, 4000)
    } finally {
      clearTimeout(slow)
    }
    if (number !== asked || gone) return
    if (answer.superseded) {
      // Another tab of the same visitor asked later; this one asks again.
      checking = setTimeout(check, 2 * CHECK_MS)
      return
    }
    show(answer, text)
    root.dataset.answer = String(Math.round(performance.now() - typedAt))
    root.dataset.checked = String(number)
  }

  function show(answer, text) {
    if (answer.refused) {
      faults = []
      paint()
      say("is-warning", answer.refused, answer.hint)
      return
    }
    const found = [
      ...(answer.error ? [{ ...answer.error, kind: "error" }] : []),
      ...(answer.warnings ?? []).map((warning) => ({
        ...(typeof warning === "string" ? { message: warning } : warning),
        kind: "warning",
      })),
    ]
    faults = found.map((fault) => ({
      ...place(fault, text),
      also: (fault.also ?? []).map((other) => place(other, text)),
    }))
    paint()
    if (faults.length) remark(0)
    else say("is-sound", "Understood", summary(answer))
  }

  // What one of the faults is, how to mend it, and the way to the next.
  function remark(which) {
    told = which
    const fault = faults[which]
    const where = fault.line ? `Line ${fault.line}, column ${fault.column}: ` : ""
    say(fault.kind === "error" ? "is-error" : "is-warning", `${where}${fault.message}`, fault.hint)
    onward.hidden = faults.length < 2
    put(onward, `${which + 1} of ${faults.length}`)
    onward.title = "Go to the next one"
    fix.hidden = typeof fault.fix !== "string"
    if (!fix.hidden) put(fix, remedy(fault))
  }

  function remedy({ fix: text, also }) {
    if (also.length) return `${text ? "Replace" : "Remove"} all ${also.length + 1}`
    return text ? `Use ${text.trim() || "a plain space"}` : "Remove it"
  }

  const summary = ({ inputs = [] }) => (inputs.length ? `Takes ${inputs.join(", ")}` : "")

  function say(kind, text, more = "") {
    verdict.className = `verdict ${kind}`
    put(verdict, text)
    put(hint, more ?? "")
    onward.hidden = fix.hidden = true
  }

  onward.onclick = () => {
    if (faults.length < 2) return
    remark((told + 1) % faults.length)
    const { from, to } = faults[told]
    area.focus()
    area.setSelectionRange(from, to)
  }

  // One step for undo, however many places are mended; the caret stays with its text.
  fix.onclick = () => {
    const fault = faults[told]
    if (!fault) return
    const edits = [fault, ...fault.also].sort((a, b) => a.from - b.from)
    const caret = area.selectionEnd
    const [first, last] = [edits[0].from, edits[edits.length - 1].to]
    let mended = ""
    let at = first
    let moved = 0
    for (const edit of edits) {
      mended += area.value.slice(at, edit.from) + edit.fix
      at = edit.to
      if (edit.to <= caret) moved += edit.fix.length - (edit.to - edit.from)
    }
    replace(first, last, mended)
    area.setSelectionRange(caret + moved, caret + moved)
  }

  // Where a character of the text stands in the window.
  function rectangle(offset) {
    const before = area.value.slice(0, offset)
    const row = before.split("\n").length - 1
    let left = offset - (before.lastIndexOf("\n") + 1)
    const pieces = document.createTreeWalker(layer.children[row], NodeFilter.SHOW_TEXT)
    const range = document.createRange()
    for (let piece = pieces.nextNode(); piece; piece = pieces.nextNode()) {
      if (piece.parentElement.closest(".remark")) break
      if (left < piece.length) {
        range.setStart(piece, left)
        range.setEnd(piece, left + 1)
        return range.getBoundingClientRect()
      }
      left -= piece.length
    }
    return layer.children[row].getBoundingClientRect()
  }

  function suggest(asked = false) {
    const plain = area.selectionStart === area.selectionEnd
    const found = plain ? names.suggest(area.value, area.selectionStart, asked) : null
    if (found) list.show(found)
    else list.close()
  }

  function complete(from, to, { name, kind, arguments: args }) {
    const callable = kind === "function" || kind === "loss" || args.length > 0
    const ending = kind === "prefix" ? "." : callable && area.value[to] !== "(" ? (args.length ? "(" : "()") : ""
    replace(from, to, name + ending)
    if (kind === "prefix") suggest()
  }

  // The arguments of the call that the caret stands in, the one being written in bold.
  let explained = ""
  function explain() {
    const call = gone || area.selectionStart !== area.selectionEnd ? null : names.callAt(area.value, area.selectionStart)
    const same = call ? JSON.stringify([call.name, call.arguments, call.active]) : "none"
    if (same === explained) return
    explained = same
    if (!call) {
      usage.replaceChildren(element("span", { className: "what", text: "Ctrl+Space lists names" }))
      return
    }
    const pieces = call.arguments.flatMap((text, i) => [
      i ? ", " : "",
      i === call.active ? element("b", { text }) : text,
    ])
    usage.replaceChildren(
      element("span", { className: "call" }, `${call.name}(`, ...pieces, ")"),
      element("span", { className: "what", text: call.what }),
    )
    const active = usage.querySelector("b")
    usage.scrollLeft = active ? active.offsetLeft + active.offsetWidth - usage.clientWidth + 24 : 0
  }

  function moved() {
    if (root.getRootNode().activeElement !== area) return
    explain()
    if (list.from === null) return
    const { selectionStart: caret } = area
    if (caret < list.from || /[^\p{L}\p{N}_]/u.test(area.value.slice(list.from, caret))) list.close()
  }
  for (const kind of ["selectionchange", "keyup", "click"]) area.addEventListener(kind, moved)

  // A click on a fault tells of it.
  area.onclick = () => {
    const { selectionStart: caret } = area
    const which = faults.findIndex(({ from, to, also }) =>
      [{ from, to }, ...also].some((place) => place.to > place.from && place.from <= caret && caret <= place.to),
    )
    if (which >= 0) remark(which)
  }

  // Lines and columns count from 1, columns in characters (not UTF-16 halves) as Python counts.
  function place(fault, text) {
    const lines = text.split("\n")
    const offset = (line, column) => {
      const row = Math.min(Math.max(line, 1), lines.length)
      const before = lines.slice(0, row - 1).reduce((sum, each) => sum + each.length + 1, 0)
      return before + [...lines[row - 1]].slice(0, Math.max(column - 1, 0)).join("").length
    }
    if (!fault.line) return { ...fault, also: [], from: 0, to: 0, fragment: "" }
    let from = offset(fault.line, fault.column)
    let to = fault.end_column ? offset(fault.end_line ?? fault.line, fault.end_column) : from + 1
    if (to <= from) to = from + 1
    if (to > text.length) {
      to = text.length
      from = Math.min(from, Math.max(0, to - 1))
    }
    return { ...fault, from, to, fragment: text.slice(from, to) }
  }

  function paint() {
    const text = area.value
    const lines = []
    let line = null
    const open = () => {
      line = element("div", { className: "line" })
      lines.push(line)
    }
    open()
    let at = 0
    for (const match of text.matchAll(TOKEN)) {
      const [token, comment, digits, name, newline] = match
      if (newline !== undefined) {
        open()
      } else {
        const kind =
          (comment && "comment") || (digits && "number") || (name && kindOf(name, text, at)) || ""
        for (const [piece, fault] of cut(token, at)) {
          const className = [kind, fault && `fault ${fault.kind}`].filter(Boolean).join(" ")
          line.append(className ? element("span", { className, text: piece }) : piece)
        }
      }
      at += token.length
    }
    const shown = faults.filter(({ line: row }) => row)
    for (const { line: row, message, kind, column } of shown.slice(0, 3)) {
      const target = lines[Math.min(row, lines.length) - 1]
      if (target.querySelector(".remark")) continue
      const said = element("span", { text: message })
      const remark = element("div", { className: `remark ${kind}` }, said)
      remark.style.setProperty("--column", String(Math.max(0, column - 1)))
      remark.style.setProperty("--length", String(message.length))
      target.append(remark)
    }
    for (const each of lines) if (!each.textContent) each.append("\u200b")
    layer.replaceChildren(...lines)
    number(lines)
  }

  function kindOf(name, text, at) {
    if (WORDS.has(name)) return "word"
    return names.has(name) || text[at + name.length] === "(" ? "known" : ""
  }

  // A token in pieces, each with the fault that it belongs to, if any.
  function cut(token, at) {
    const marks = faults
      .flatMap((fault) => [fault, ...fault.also.map((other) => ({ ...other, kind: fault.kind }))])
      .filter(({ from, to }) => to > from && from < at + token.length && to > at)
    if (!marks.length) return [[token, null]]
    const edges = new Set([0, token.length])
    for (const { from, to } of marks) {
      edges.add(Math.max(0, from - at))
      edges.add(Math.min(token.length, to - at))
    }
    const sorted = [...edges].sort((a, b) => a - b)
    return sorted.slice(1).map((end, i) => {
      const start = sorted[i]
      return [token.slice(start, end), marks.find(({ from, to }) => from <= at + start && to > at + start) ?? null]
    })
  }

  function number(lines) {
    const wanted = lines.map((line, i) => {
      const label = numbers.children[i] ?? numbers.appendChild(element("span"))
      put(label, String(i + 1))
      return [label, line]
    })
    while (numbers.children.length > lines.length) numbers.lastChild.remove()
    const heights = wanted.map(([, line]) => line.offsetHeight)
    for (const [i, [label]] of wanted.entries()) label.style.height = `${heights[i]}px`
    grow()
    area.style.height = `${Math.max(layer.offsetHeight, box.clientHeight)}px`
  }

  // As high as the text, within bounds, until the visitor chooses a height by the corner.
  let grown = box.style.height
  function grow() {
    if (box.style.height !== grown) return
    grown = `${Math.min(Math.max(layer.offsetHeight, data.height), data.most)}px`
    box.style.height = grown
  }

  // Through the browser, so that Ctrl+Z takes it back.
  function replace(from, to, text) {
    writing = true
    area.focus({ preventScroll: true })
    area.setSelectionRange(from, to)
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
      area.setRangeText(text, from, to, "end")
      typed()
    }
    writing = false
  }

  area.oninput = typed
  area.onblur = () => {
    leaving = false
    list.close()
    rest()
  }
  area.onkeydown = (event) => {
    if (list.key(event)) return
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault()
      suggest(true)
    } else if (event.key === "Escape") {
      leaving = true
    } else if (event.key === "Tab" && !event.ctrlKey && !event.altKey && !event.metaKey) {
      if (leaving) return
      event.preventDefault()
      indent(event.shiftKey)
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      rest()
    } else if (event.key === "Enter" && !event.isComposing) {
      const before = area.value.slice(0, area.selectionStart)
      const row = before.slice(before.lastIndexOf("\n") + 1)
      const space = /^[ \t]*/.exec(row)[0] + (/:\s*(#.*)?$/.test(row) ? "    " : "")
      if (space) {
        event.preventDefault()
        replace(area.selectionStart, area.selectionEnd, `\n${space}`)
      }
    } else if (event.key !== "Shift") {
      leaving = false
    }
  }

  function indent(back) {
    const { selectionStart: start, selectionEnd: end, value } = area
    if (!back && !value.slice(start, end).includes("\n")) {
      const column = start - (value.lastIndexOf("\n", start - 1) + 1)
      return replace(start, end, " ".repeat(4 - (column % 4)))
    }
    const from = value.lastIndexOf("\n", start - 1) + 1
    const block = value.slice(from, end)
    const moved = back ? block.replace(/^ {1,4}/gm, "") : block.replace(/^(?=.)/gm, "    ")
    if (moved === block) return
    replace(from, end, moved)
    area.setSelectionRange(back ? Math.max(from, start - (block.length - moved.length)) : from, from + moved.length)
  }

  const resizing = new ResizeObserver(() => {
    if (layer.children.length) number([...layer.children])
  })
  resizing.observe(box)

  function adopt(next) {
    data = next
    if (next.set !== set) {
      set = next.set
      sent = next.text
      take(next.text)
      faults = []
      clearTimeout(resting)
      check()
    }
    paint()
  }

  // A text that the page sets is one step for undo, too; the visitor goes on where he was.
  function take(text) {
    if (text === area.value) return
    const { activeElement: before } = document
    replace(0, area.value.length, text)
    tell()
    clearTimeout(checking)
    if (before !== document.activeElement) {
      area.blur()
      before?.focus({ preventScroll: true })
    }
  }

  let parameters = JSON.stringify(data.parameters)
  adopt(data)
  check()
  return {
    update(next) {
      send = next.setStateValue
      const changed = JSON.stringify(next.data.parameters) !== parameters
      parameters = JSON.stringify(next.data.parameters)
      adopt(next.data)
      if (changed) check()
    },
    destroy() {
      gone = true
      if (data.kind === "loss") type(null)
      clearTimeout(checking)
      clearTimeout(resting)
      request?.abort()
      resizing.disconnect()
      list.destroy()
      root.replaceChildren()
    },
  }
}
