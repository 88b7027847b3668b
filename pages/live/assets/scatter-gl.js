// The graphics card's part of a cloud: points that glide, and the regions of the last layer's rule.
//
// One WebGL context serves every cloud on the page (a browser gives a page sixteen at most): a cloud
// is drawn there and copied into its own canvas.

/** @typedef {{made: WebGLProgram, place: (name: string) => WebGLUniformLocation | null, attribute: (name: string) => number}} Program */
/** Buffers of a cloud, on the card that `gl` is. @typedef {{gl: WebGLRenderingContext, from: WebGLBuffer, to: WebGLBuffer, about: WebGLBuffer}} Buffers */
/**
 * Points of a cloud: where they come from and go to, three numbers each; of each its colour (red,
 * green, blue), its shape (a place in SHAPES, -1: not shown) and whether it was mistaken.
 * @typedef {{from: Float32Array, to: Float32Array, about: Float32Array, count: number}} Points
 */

// The shaders have no indentation: none of ours reaches a browser (`files.py`).
const POINTS = `
attribute vec3 from; attribute vec3 to; attribute vec3 paint; attribute vec2 about;
uniform float t, size; uniform mat3 turn; uniform vec2 scale; uniform vec3 middle;
varying vec3 color; varying vec2 kind;
void main() {
vec3 at = turn * (mix(from, to, t) - middle);
color = paint;
kind = about;
gl_Position = about.x > -0.5 ? vec4(at.xy * scale, at.z * scale.x * 0.1, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
gl_PointSize = size * (about.y > 0.5 ? 1.3 : 1.0);
}`
// How far a place is from the middle of a point: 1 at its edge. A mistaken one is hollow.
const DOT = `
precision mediump float;
varying vec3 color; varying vec2 kind; uniform float alpha;
void main() {
vec2 p = (gl_PointCoord - 0.5) * 2.0;
vec2 q = abs(p);
float r = kind.x < 0.5 ? length(p)
: kind.x < 1.5 ? max(q.x, q.y) * 1.15
: kind.x < 2.5 ? q.x + q.y
: max(q.x * 0.9 - p.y * 0.5 + 0.25, p.y + 0.25);
float disc = 1.0 - smoothstep(0.8, 1.0, r);
if (kind.y > 0.5) disc *= smoothstep(0.4, 0.6, r);
float a = disc * (kind.y > 0.5 ? 1.0 : alpha);
gl_FragColor = vec4(color * a, a);
}`
const PLANE = `
attribute vec2 corner; varying vec2 at; uniform vec2 half_; uniform vec2 middle;
void main() { at = corner * half_ + middle; gl_Position = vec4(corner, 0.999, 1.0); }`
const regionsOf = (/** @type {number} */ classes) => `
precision highp float;
varying vec2 at; uniform vec3 rule[${classes}]; uniform vec3 palette[${classes}]; uniform float alpha;
void main() {
float best = -1e30; vec3 color = vec3(0.0);
for (int i = 0; i < ${classes}; i++) {
float score = dot(rule[i], vec3(at, 1.0));
if (score > best) { best = score; color = palette[i]; }
}
gl_FragColor = vec4(color * alpha, alpha);
}`

/** @param {string} hex */
export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)

class Card {
  /** @type {Map<number, Program>} By the number of classes. */
  #planes = new Map()
  /** @type {Program} */
  #points

  /** @param {WebGLRenderingContext} gl */
  constructor(gl) {
    this.gl = gl
    this.canvas = /** @type {HTMLCanvasElement} */ (gl.canvas)
    this.#points = this.#program(POINTS, DOT)
    this.corners = gl.createBuffer()
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners)
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }

  /**
   * @param {string} vertex
   * @param {string} fragment
   * @returns {Program}
   */
  #program(vertex, fragment) {
    const { gl } = this
    const made = gl.createProgram()
    for (const [type, text] of /** @type {[number, string][]} */ ([
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ])) {
      const shader = gl.createShader(type)
      if (!shader) throw new Error("the graphics card is gone")
      gl.shaderSource(shader, text)
      gl.compileShader(shader)
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) {
        throw new Error(gl.getShaderInfoLog(shader) ?? "a shader was refused")
      }
      gl.attachShader(made, shader)
    }
    gl.linkProgram(made)
    return {
      made,
      place: (name) => gl.getUniformLocation(made, name),
      attribute: (name) => gl.getAttribLocation(made, name),
    }
  }

  /**
   * Empties a corner of the canvas of so many pixels: it is copied from the top left, and WebGL
   * counts from the bottom.
   * @param {number} width
   * @param {number} height
   */
  clear(width, height) {
    const { canvas, gl } = this
    if (canvas.width < width || canvas.height < height) {
      canvas.width = Math.max(canvas.width, width)
      canvas.height = Math.max(canvas.height, height)
    }
    gl.viewport(0, canvas.height - height, width, height)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
  }

  /**
   * Paints each place of the plane in the colour of the class whose rule (two weights and a bias)
   * is largest there.
   * @param {number[][]} rules
   * @param {number[][]} colors
   * @param {{half: number[], middle: number[], alpha: number}} where
   */
  regions(rules, colors, { half, middle, alpha }) {
    const { gl } = this
    const most = gl.getParameter(gl.MAX_FRAGMENT_UNIFORM_VECTORS)
    if (!rules.length || 2 * rules.length + 4 > most) return
    const plane = this.#planes.get(rules.length) ?? this.#program(PLANE, regionsOf(rules.length))
    this.#planes.set(rules.length, plane)
    gl.useProgram(plane.made)
    gl.uniform3fv(plane.place("rule"), rules.flat())
    gl.uniform3fv(plane.place("palette"), colors.flat())
    gl.uniform1f(plane.place("alpha"), alpha)
    gl.uniform2fv(plane.place("half_"), half)
    gl.uniform2fv(plane.place("middle"), middle.slice(0, 2))
    gl.bindBuffer(gl.ARRAY_BUFFER, this.corners)
    const corner = plane.attribute("corner")
    gl.enableVertexAttribArray(corner)
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0)
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4)
    gl.disableVertexAttribArray(corner)
  }

  /** @returns {Buffers} */
  buffers() {
    const { gl } = this
    return { gl, from: gl.createBuffer(), to: gl.createBuffer(), about: gl.createBuffer() }
  }

  /**
   * @param {Points} cloud
   * @param {Buffers} buffers
   * @param {boolean} fresh whether the points are others than those that the buffers hold
   * @param {{t: number, size: number, turn: number[], half: number[], middle: number[]}} how
   */
  points(cloud, buffers, fresh, { t, size, turn, half, middle }) {
    const { gl } = this
    const points = this.#points
    gl.useProgram(points.made)
    const fields = /** @type {const} */ ([
      ["from", "from", 3, 3, 0],
      ["to", "to", 3, 3, 0],
      ["paint", "about", 3, 5, 0],
      ["about", "about", 2, 5, 3],
    ])
    for (const [name, source, size, stride, offset] of fields) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[source])
      if (fresh && !offset) gl.bufferData(gl.ARRAY_BUFFER, cloud[source], gl.DYNAMIC_DRAW)
      const place = points.attribute(name)
      gl.enableVertexAttribArray(place)
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 4 * stride, 4 * offset)
    }
    gl.uniform1f(points.place("t"), t)
    gl.uniform1f(points.place("size"), size)
    gl.uniform1f(points.place("alpha"), 0.75)
    // Rows, and WebGL wants columns.
    const columns = [0, 3, 6, 1, 4, 7, 2, 5, 8].map((at) => turn[at])
    gl.uniformMatrix3fv(points.place("turn"), false, columns)
    const scale = half.map((value) => 1 / value)
    gl.uniform2fv(points.place("scale"), scale)
    gl.uniform3fv(points.place("middle"), middle)
    gl.drawArrays(gl.POINTS, 0, cloud.count)
    for (const [name] of fields) gl.disableVertexAttribArray(points.attribute(name))
  }
}

/** @type {Card | null | undefined} */
let card

/** The page's one card; null where there is no WebGL. */
export function graphics() {
  if (card === undefined || card?.gl.isContextLost()) {
    const gl = document.createElement("canvas").getContext("webgl", {
      antialias: true,
      premultipliedAlpha: true,
      preserveDrawingBuffer: true,
    })
    card = gl && new Card(gl)
  }
  return card
}
