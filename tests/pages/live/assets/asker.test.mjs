import assert from "node:assert/strict"
import { beforeEach, mock, test } from "node:test"
import { Refused, Superseded } from "../../../../pages/live/assets/ask.js"
import { Asker, Newest } from "../../../../pages/live/assets/asker.js"

// What an Asker knows of a page: whether it is seen.
class Page extends EventTarget {
  hidden = false
  show(seen) {
    this.hidden = !seen
    this.dispatchEvent(new Event("visibilitychange"))
  }
}

beforeEach(() => {
  globalThis.document = new Page()
})

/** Questions that are answered by hand, in any order. */
function bench(more = {}) {
  const bench = { asked: [], taken: [], refused: [], wanted: 0 }
  bench.asker = new Asker({
    question: () => bench.wanted,
    ask: (question, signal) =>
      new Promise((answer, fail) => {
        signal.addEventListener("abort", () => fail(signal.reason))
        bench.asked.push({ question, answer, fail, signal })
      }),
    take: (answer) => {
      bench.taken.push(answer)
    },
    refuse: (error) => bench.refused.push(error.message),
    ...more,
  })
  return bench
}

const rest = (ms = 5) => new Promise((done) => setTimeout(done, ms))

test("one question at a time, and what is wanted meanwhile is asked once, as it is then", async () => {
  const { asker, asked, taken, ...state } = bench()
  asker.want()
  asker.want()
  await rest()
  assert.equal(asked.length, 1)
  asker.want()
  asker.want()
  asked[0].answer("first")
  await rest()
  assert.deepEqual([taken, asked.length, state.refused], [["first"], 2, []])
  asked[1].answer("second")
  await rest()
  assert.deepEqual([taken, asked.length, asker.busy], [["first", "second"], 2, false])
})

test("an answer to what is no longer asked is not taken, in whatever order they come", async () => {
  const found = bench({ ask: undefined })
  const answers = []
  const asker = new Asker({
    question: () => answers.length,
    // A question that is answered although it was given up.
    ask: () => new Promise((answer) => answers.push(answer)),
    take: (answer) => {
      found.taken.push(answer)
    },
    refuse: () => {},
  })
  asker.want()
  await rest()
  asker.changed()
  await rest()
  answers[1]("newer")
  await rest()
  answers[0]("older")
  await rest()
  assert.deepEqual(found.taken, ["newer"])
})

test("what is given up is nobody's fault; what is refused is asked again", async () => {
  const { asker, asked, taken, refused } = bench({ retry: 20 })
  asker.want()
  await rest()
  asker.changed()
  await rest()
  assert.equal(asked[0].signal.aborted, true)
  asked[1].fail(new Refused("Not now."))
  await rest()
  assert.deepEqual(refused, ["Not now."])
  assert.equal(asked.length, 2)
  await rest(30)
  assert.equal(asked.length, 3)
  asked[2].answer("at last")
  await rest()
  assert.deepEqual(taken, ["at last"])
})

test("who asks too often asks again when the server says", async () => {
  const { asker, asked } = bench({ retry: 1 })
  asker.want()
  await rest()
  asked[0].fail(new Refused("Too often.", "", 40))
  await rest(20)
  assert.equal(asked.length, 1)
  await rest(40)
  assert.equal(asked.length, 2)
})

test("a question that another tab's went before is asked again, as it is then", async () => {
  const found = bench()
  found.asker.want()
  await rest()
  found.wanted = 7
  found.asked[0].fail(new Superseded())
  await rest(160)
  assert.deepEqual([found.asked.length, found.asked[1].question], [2, 7])
  assert.deepEqual(found.refused, [])
})

test("questions keep their pace, and something new does not wait for it", async () => {
  const { asker, asked } = bench({ rest: () => 80 })
  asker.want()
  await rest()
  asked[0].answer(1)
  await rest()
  asker.want()
  await rest(20)
  assert.equal(asked.length, 1)
  await rest(90)
  assert.equal(asked.length, 2)
  asked[1].answer(2)
  await rest()
  asker.changed()
  await rest(10)
  assert.equal(asked.length, 3)
})

test("nothing is asked for a page that nobody sees, and what is due when it is seen", async () => {
  const { asker, asked } = bench()
  document.show(false)
  asker.want()
  await rest()
  assert.equal(asked.length, 0)
  document.show(true)
  await rest()
  assert.equal(asked.length, 1)
})

test("nothing to ask is nothing, and after the end nothing comes", async () => {
  const nothing = bench({ question: () => null })
  nothing.asker.want()
  await rest()
  assert.equal(nothing.asked.length, 0)
  const { asker, asked, taken } = bench()
  asker.want()
  await rest()
  asker.end()
  asker.want()
  document.show(true)
  await rest()
  assert.deepEqual([asked.length, asked[0].signal.aborted, taken], [1, true, []])
})

test("what begins ends what was under way, and a fault of ours is thrown", async () => {
  const newest = new Newest()
  const refuse = mock.fn()
  const until = (signal) =>
    new Promise((_, fail) => signal.addEventListener("abort", () => fail(signal.reason)))
  const first = newest.run(until, refuse)
  assert.equal(newest.busy, true)
  const second = newest.run(async () => {
    throw new Refused("No.")
  }, refuse)
  assert.deepEqual(await Promise.all([first, second]), [false, true])
  assert.deepEqual(
    refuse.mock.calls.map(({ arguments: [error] }) => error.message),
    ["No."],
  )
  assert.equal(newest.busy, false)
  const fault = newest.run(async () => {
    throw new TypeError("ours")
  }, refuse)
  await assert.rejects(fault, TypeError)
})
