import assert from "node:assert/strict"
import { test } from "node:test"
import { evaluationAt, moment } from "../../../../pages/live/assets/moment.js"
import { runColor } from "../../../../pages/live/assets/words.js"

test("a branch has a shade of its family's colour, and two have different ones", () => {
  const colors = { runs: ["#0072b2", "#e69f00"] }
  assert.equal(runColor(1, colors), "#e69f00")
  const [first, second] = [runColor("0~1", colors), runColor("0~2", colors)]
  assert.match(first, /^#[0-9a-f]{6}$/)
  assert.equal(new Set(["#0072b2", first, second]).size, 3)
  assert.equal(runColor("#123456", colors), "#123456")
})

test("whoever follows the moment hears of another, and no longer when it ends", () => {
  let heard = 0
  const end = moment.follow(() => heard++)
  moment.set(5)
  moment.set(5)
  end()
  moment.set(null)
  assert.equal(heard, 1)
})

test("an evaluation is asked for once, and the one before stays until it comes", async () => {
  const asked = []
  globalThis.fetch = async (url) => {
    asked.push(String(url))
    return { ok: true, json: async () => ({ step: 4 }) }
  }
  const facts = { snapshots: [0, 4, 8], evaluation: { step: 8 } }
  assert.equal(evaluationAt("run", facts).step, 8)
  moment.set(3)
  assert.equal(evaluationAt("run", facts).step, 8)
  evaluationAt("run", facts)
  assert.ok(moment.busy)
  await new Promise((done) => setTimeout(done))
  assert.equal(evaluationAt("run", facts).step, 4)
  assert.equal(asked.length, 1)
  assert.match(asked[0], /evaluation\/run\/4$/)
  assert.ok(!moment.busy)
  moment.set(null)
  assert.equal(evaluationAt("run", facts).step, 8)
})
