import assert from "node:assert/strict"
import { afterEach, test } from "node:test"
import { Kept, look, post, Refused, Superseded, unpack } from "../../../../pages/live/assets/ask.js"

const real = globalThis.fetch
afterEach(() => {
  globalThis.fetch = real
})

// As packing.py's docstring has it: length, JSON, arrays, each at a multiple of four.
function packed(header, ...arrays) {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const head = new Uint8Array(Math.ceil(text.length / 4) * 4).fill(32)
  head.set(text)
  const bytes = arrays.flatMap((array) => {
    const own = [...new Uint8Array(array.buffer)]
    return [...own, ...Array((4 - (own.length % 4)) % 4).fill(0)]
  })
  const length = new Uint8Array(new Uint32Array([head.length]).buffer)
  return Uint8Array.from([...length, ...head, ...bytes]).buffer
}

test("an answer's arrays are typed, with their shapes", () => {
  const found = unpack(
    packed(
      {
        name: "müde",
        none: null,
        few: { at: 0, type: "u1", shape: [3] },
        deep: [
          { at: 4, type: "f4", shape: [1, 2] },
          { at: 12, type: "i4", shape: [] },
        ],
      },
      Uint8Array.of(1, 2, 255),
      Float32Array.of(0.5, -2),
      Int32Array.of(-7),
    ),
  )
  assert.equal(found.name, "müde")
  assert.equal(found.none, null)
  assert.deepEqual([...found.few], [1, 2, 255])
  assert.ok(found.few instanceof Uint8Array)
  assert.deepEqual([...found.deep[0]], [0.5, -2])
  assert.deepEqual(found.deep[0].shape, [1, 2])
  assert.deepEqual([...found.deep[1]], [-7])
})

test("what the server refuses comes in its words", async () => {
  globalThis.fetch = async () => Response.json({ refused: "No.", hint: "Wait." }, { status: 503 })
  await assert.rejects(
    post("look", {}),
    (error) => error instanceof Refused && error.words === "No. Wait." && error.after === 0,
  )
  const said = { status: 429, headers: { "Retry-After": "12" } }
  globalThis.fetch = async () => Response.json({ refused: "Too often." }, said)
  await assert.rejects(post("look", {}), (error) => error.after === 12_000)
  globalThis.fetch = async () => new Response("<html>", { status: 500 })
  await assert.rejects(post("look", {}), /did not answer as expected/)
  globalThis.fetch = async () => {
    throw new TypeError("failed to fetch")
  }
  await assert.rejects(post("look", {}), /cannot be reached/)
  globalThis.fetch = async () => Response.json({}, { status: 409 })
  await assert.rejects(post("look", {}), Superseded)
})

test("a look that another replaced is asked again, until nobody wants it", async () => {
  let asked = 0
  globalThis.fetch = async () => {
    asked += 1
    return asked < 3 ? Response.json({}, { status: 409 }) : new Response(packed({ step: 5 }))
  }
  assert.deepEqual(await look({ run: "1", what: "dead" }), { step: 5 })
  assert.equal(asked, 3)
  asked = -100
  const controller = new AbortController()
  const looking = look({ run: "1", what: "dead" }, controller.signal)
  controller.abort()
  await assert.rejects(looking, { name: "AbortError" })
})

test("answers that never change are asked for once, the oldest go, a failure is not kept", async () => {
  const kept = new Kept(2)
  let asked = 0
  const ask = async () => {
    asked += 1
    return asked
  }
  assert.deepEqual(await Promise.all([kept.get("a", ask), kept.get("a", ask)]), [1, 1])
  await kept.get("b", ask)
  await kept.get("c", ask)
  assert.equal(asked, 3)
  assert.equal(await kept.get("a", ask), 4)
  await assert.rejects(kept.get("d", () => Promise.reject(new Error("no"))))
  assert.equal(await kept.get("d", ask), 5)
})

test("who asks while another's question is given up is answered all the same", async () => {
  const kept = new Kept(2)
  const given = new DOMException("given up", "AbortError")
  const first = kept.get("a", () => Promise.reject(given))
  const second = kept.get("a", async () => "answer")
  await assert.rejects(first, given)
  assert.equal(await second, "answer")
})
