import assert from "node:assert/strict"
import { test } from "node:test"
import { Names } from "../../../../pages/live/assets/names.js"

const entry = (name, kind, space = "", args = [], what = "") => ({
  name,
  kind,
  space,
  arguments: args,
  what,
})
const names = new Names({
  spaces: { "": "", K: "backend", "tf.nn": "nn" },
  entries: [
    entry("y_true", "input"),
    entry("y_pred", "input"),
    entry("log", "function", "", ["x"]),
    entry("logits", "input"),
    entry("sum", "function", "", ["x", "axis=None", "keepdims=False"]),
    entry("tf.nn", "prefix"),
    entry("mean", "function", "backend", ["x", "axis=None"]),
    entry("softmax", "function", "nn", ["logits", "axis=-1"]),
  ],
})
// The bar stands for the caret.
const at = (text) => [text.replace("|", ""), text.indexOf("|")]
const offered = (text, asked) =>
  names.suggest(...at(text), asked)?.entries.map(({ name }) => name) ?? null

test("names that begin as what was typed come first, of what may be meant there", () => {
  assert.deepEqual(offered("lo|"), ["logits", "log"])
  assert.deepEqual(offered("K.m|"), ["mean"])
  assert.deepEqual(offered("tf.nn.|"), ["softmax"])
  assert.deepEqual(offered("tf.|"), ["nn"])
  assert.equal(offered("unknown_|"), null)
})

test("one letter is not enough unless one asks", () => {
  assert.equal(offered("s|"), null)
  assert.deepEqual(offered("s|", true), ["sum"])
})

test("no names in comments, quotes, numbers and where a name is made up", () => {
  for (const text of ["# lo|", "'lo|", "1lo|", "def lo|", "lambda lo|"])
    assert.equal(offered(text), null, text)
})

test("what the text names itself is offered, before all others", () => {
  assert.deepEqual(offered("lower = 2\nlo|"), ["lower", "logits", "log"])
  assert.deepEqual(offered("def focal(y, gamma=2):\n  return ga|"), ["gamma"])
})

test("keywords of the open call that are not there yet", () => {
  assert.deepEqual(offered("sum(x, axis=0, ke|"), ["keepdims="])
  assert.equal(offered("sum(x, axis=0, axi|"), null)
})

test("the call that the caret stands in, and which argument is written", () => {
  const call = (text) => names.callAt(...at(text))
  assert.deepEqual([call("sum(x, |").name, call("sum(x, |").active], ["sum", 1])
  assert.equal(call("sum(x, keepdims=|").active, 2)
  assert.equal(call("sum(log(y_|").name, "log")
  assert.equal(call("sum(log(y), |").name, "sum")
  assert.equal(call("sum(x)|"), null)
  assert.equal(call("K.mean([1, 2|").name, "K.mean")
  assert.equal(call("sum( # a comment|"), null)
})

test("a word is replaced to its end", () => {
  const { from, to } = names.suggest(...at("y_pr|ed + 1"), true)
  assert.deepEqual([from, to], [0, 6])
})
