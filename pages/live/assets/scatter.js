// A cloud of points in two or three dimensions, class regions behind it, drawn with WebGL.
//
// One WebGL context serves every cloud on the page (a browser gives a page sixteen at most): a cloud
// is drawn there and copied into its own canvas, over which centres, trails and axes are drawn.
// Between two frames the points glide: both positions lie on the graphics card, only `t` moves.

const MOST = 10 // classes

const POINTS = `
attribute vec3 from; attribute vec3 to; attribute vec2 about;
uniform float t, size; uniform mat3 turn; uniform vec2 scale; uniform vec3 middle;
uniform vec3 palette[${MOST}]; uniform float shown[${MOST}];
varying vec3 color; varying float wrong;
void main() {
  vec3 at = turn * (mix(from, to, t) - middle);
  int class_ = int(about.x + 0.5);
  float seen = 0.0;
  color = vec3(0.0);
  for (int i = 0; i < ${MOST}; i++) if (i == class_) { color = palette[i]; seen = shown[i]; }
  wrong = about.y;
  gl_Position = seen > 0.5 ? vec4(at.xy * scale, at.z * scale.x * 0.1, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size * (wrong > 0.5 ? 1.3 : 1.0);
}`
const DOT = `
precision mediump float;
varying vec3 color; varying float wrong; uniform float alpha;
void main() {
  float r = length(gl_PointCoord - 0.5) * 2.0;
  float disc = 1.0 - smoothstep(0.8, 1.0, r);
  if (wrong > 0.5) disc *= smoothstep(0.4, 0.6, r);
  float a = disc * (wrong > 0.5 ? 1.0 : alpha);
  gl_FragColor = vec4(color * a, a);
}`
const PLANE = `
attribute vec2 corner; varying vec2 at; uniform vec2 half_; uniform vec2 middle;
void main() { at = corner * half_ + middle; gl_Position = vec4(corner, 0.999, 1.0); }`
const REGIONS = `
precision highp float;
varying vec2 at; uniform vec3 rule[${MOST}]; uniform vec3 palette[${MOST}]; uniform int classes; uniform float alpha;
void main() {
  float best = -1e30; vec3 color = vec3(0.0);
  for (int i = 0; i < ${MOST}; i++) {
    if (i >= classes) break;
    float score = dot(rule[i], vec3(at, 1.0));
    if (score > best) { best = score; color = palette[i]; }
  }
  gl_FragColor = vec4(color * alpha, alpha);
}`

let card = null // {canvas, gl, points, plane}, or {gl: null} where there is no WebGL

function graphics() {
  if (card && !card.gl?.isContextLost()) return card
  const canvas = document.createElement("canvas")
  const gl = canvas.getContext("webgl", {
    antialias: true,
    premultipliedAlpha: true,
    preserveDrawingBuffer: true,
  })
  card = { canvas, gl }
  if (!gl) return card
  const program = (vertex, fragment) => {
    const made = gl.createProgram()
    for (const [type, text] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ]) {
      const shader = gl.createShader(type)
      gl.shaderSource(shader, text)
      gl.compileShader(shader)
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS))
        throw new Error(gl.getShaderInfoLog(shader))
      gl.attachShader(made, shader)
    }
    gl.linkProgram(made)
    const place = (name) => gl.getUniformLocation(made, name)
    return { made, place, attribute: (name) => gl.getAttribLocation(made, name) }
  }
  card.points = program(POINTS, DOT)
  card.plane = program(PLANE, REGIONS)
  card.corners = gl.createBuffer()
  gl.bindBuffer(gl.ARRAY_BUFFER, card.corners)
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW)
  gl.enable(gl.BLEND)
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  return card
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
const mixed = (a, b, t) => a + (b - a) * t
const eased = (t) => (t >= 1 ? 1 : t * t * (3 - 2 * t))

export class Scatter {
  constructor(canvas) {
    this.canvas = canvas
    this.context = canvas.getContext("2d")
    this.count = 0
    this.dims = 2
    this.from = this.to = new Float32Array(0)
    this.about = new Float32Array(0)
    this.began = 0
    this.lasts = 0
    this.view = null // {middle: [x, y, z], reach}: what is in sight, and where it comes from
    this.viewFrom = null
    this.yaw = 0.6
    this.pitch = 0.4
    this.buffers = null
    this.centers = []
    this.centersFrom = []
    this.trails = []
    this.kernel = this.bias = null
    this.marked = []
  }

  // Takes a frame of points (N × dims); they glide there for so many milliseconds.
  take({ points, labels, predicted, centers, kernel, bias }, trails, glide) {
    const [count, dims] = points.shape
    const t = this.t()
    const to = new Float32Array(3 * count)
    for (let i = 0; i < count; i++)
      for (let k = 0; k < dims; k++) to[3 * i + k] = points[dims * i + k]
    const same = count === this.count && dims === this.dims && this.count > 0
    if (same) {
      const from = new Float32Array(3 * count)
      for (let i = 0; i < from.length; i++) from[i] = mixed(this.from[i], this.to[i], t)
      this.from = from
      this.viewFrom = this.sight(t)
      this.centersFrom = this.centers.map((_, c) => this.centerAt(c, t))
    } else {
      this.from = to
      this.viewFrom = null
      this.centersFrom = []
    }
    this.to = to
    this.count = count
    this.dims = dims
    this.about = new Float32Array(2 * count)
    for (let i = 0; i < count; i++) {
      this.about[2 * i] = labels[i]
      this.about[2 * i + 1] = predicted[i] === labels[i] ? 0 : 1
    }
    this.labels = labels
    this.centers = rows(centers)
    this.trails = trails
    this.kernel = kernel ?? null
    this.bias = bias ?? null
    this.view = fitted(points, count, dims)
    this.began = performance.now()
    this.lasts = same ? glide : 0
    this.stale = true
  }

  t() {
    return this.lasts ? eased(Math.min(1, (performance.now() - this.began) / this.lasts)) : 1
  }

  get moving() {
    return this.t() < 1
  }

  sight(t) {
    const [a, b] = [this.viewFrom ?? this.view, this.view]
    return {
      middle: b.middle.map((value, k) => mixed(a.middle[k], value, t)),
      reach: mixed(a.reach, b.reach, t),
    }
  }

  centerAt(c, t) {
    const to = this.centers[c]
    const from = this.centersFrom[c]
    return from?.every(Number.isFinite) ? to.map((value, k) => mixed(from[k], value, t)) : to
  }

  turn() {
    if (this.dims === 2) return [1, 0, 0, 0, 1, 0, 0, 0, 1]
    const [cy, sy, cp, sp] = [
      Math.cos(this.yaw),
      Math.sin(this.yaw),
      Math.cos(this.pitch),
      Math.sin(this.pitch),
    ]
    // Rows: right, up, towards the eye.
    return [cy, 0, sy, sp * sy, cp, -sp * cy, -cp * sy, sp, cp * cy]
  }

  // Where a place of the space is on the canvas, in its CSS pixels.
  place(at) {
    const { middle, reach } = this.sight(this.t())
    const [w, h] = [this.width, this.height]
    const r = this.turn()
    const d = [0, 1, 2].map((k) => (at[k] ?? 0) - middle[k])
    const unit = Math.min(w, h) / 2 / reach
    const x = r[0] * d[0] + r[1] * d[1] + r[2] * d[2]
    const y = r[3] * d[0] + r[4] * d[1] + r[5] * d[2]
    return [w / 2 + x * unit, h / 2 - y * unit]
  }

  // The point next to a place on the canvas, or -1 if none is within `most` pixels.
  nearest(x, y, most, hidden) {
    let [best, found] = [most * most, -1]
    const t = this.t()
    for (let i = 0; i < this.count; i++) {
      if (hidden.has(this.labels[i])) continue
      const [px, py] = this.place(this.position(i, t))
      const far = (px - x) ** 2 + (py - y) ** 2
      if (far < best) [best, found] = [far, i]
    }
    return found
  }

  position(i, t = 1) {
    return [0, 1, 2].map((k) => mixed(this.from[3 * i + k], this.to[3 * i + k], t))
  }

  draw({ palette, hidden, regions, trails, colors, names }) {
    const ratio = Math.min(2, window.devicePixelRatio || 1)
    const [w, h] = [this.canvas.clientWidth, this.canvas.clientHeight]
    if (!w || !h || !this.view) return
    this.width = w
    this.height = h
    const [pw, ph] = [Math.round(w * ratio), Math.round(h * ratio)]
    if (this.canvas.width !== pw || this.canvas.height !== ph) {
      this.canvas.width = pw
      this.canvas.height = ph
    }
    const pen = this.context
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.clearRect(0, 0, pw, ph)
    const painted = this.paint(pw, ph, ratio, palette, hidden, regions, colors.dark)
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    if (painted) pen.drawImage(painted, 0, 0, pw, ph, 0, 0, w, h)
    else this.dots(pen, palette, hidden)
    this.axes(pen, w, h, colors)
    if (trails) this.drawTrails(pen, palette, hidden)
    this.drawCenters(pen, palette, hidden, colors, names)
    for (const i of this.marked)
      if (i < this.count)
        ring(pen, this.place(this.position(i, this.t())), i === this.marked[0] ? 8 : 6, colors.text)
  }

  // Regions and points, on the shared card; null where there is no WebGL.
  paint(pw, ph, ratio, palette, hidden, regions, dark) {
    const { gl, canvas, points, plane, corners } = graphics()
    if (!gl) return null
    if (canvas.width < pw || canvas.height < ph) {
      canvas.width = Math.max(canvas.width, pw)
      canvas.height = Math.max(canvas.height, ph)
    }
    // Copied from the top left, and WebGL counts from the bottom.
    gl.viewport(0, canvas.height - ph, pw, ph)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    const t = this.t()
    const { middle, reach } = this.sight(t)
    const least = Math.min(pw, ph)
    const half = [(reach * pw) / least, (reach * ph) / least]
    const flat = new Float32Array(3 * MOST)
    for (const [i, color] of palette.entries()) flat.set(rgb(color), 3 * i)
    if (regions && this.kernel) {
      gl.useProgram(plane.made)
      const classes = this.bias.length
      const rule = new Float32Array(3 * MOST)
      for (let c = 0; c < classes; c++)
        rule.set([this.kernel[c], this.kernel[classes + c], this.bias[c]], 3 * c)
      gl.uniform3fv(plane.place("rule"), rule)
      gl.uniform3fv(plane.place("palette"), flat)
      gl.uniform1i(plane.place("classes"), classes)
      gl.uniform1f(plane.place("alpha"), dark ? 0.2 : 0.16)
      gl.uniform2fv(plane.place("half_"), half)
      gl.uniform2fv(plane.place("middle"), middle.slice(0, 2))
      gl.bindBuffer(gl.ARRAY_BUFFER, corners)
      const corner = plane.attribute("corner")
      gl.enableVertexAttribArray(corner)
      gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0)
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4)
      gl.disableVertexAttribArray(corner)
    }
    if (this.buffers?.gl !== gl) {
      this.buffers = {
        gl,
        from: gl.createBuffer(),
        to: gl.createBuffer(),
        about: gl.createBuffer(),
      }
      this.stale = true
    }
    gl.useProgram(points.made)
    for (const [name, size] of [
      ["from", 3],
      ["to", 3],
      ["about", 2],
    ]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name])
      if (this.stale) gl.bufferData(gl.ARRAY_BUFFER, this[name], gl.DYNAMIC_DRAW)
      const place = points.attribute(name)
      gl.enableVertexAttribArray(place)
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0)
    }
    this.stale = false
    gl.uniform1f(points.place("t"), t)
    gl.uniform1f(
      points.place("size"),
      ratio * (this.count < 800 ? 6 : 4.4) * (least / ratio < 400 ? 0.8 : 1),
    )
    gl.uniform1f(points.place("alpha"), 0.75)
    const r = this.turn() // rows, and WebGL wants columns
    gl.uniformMatrix3fv(
      points.place("turn"),
      false,
      [0, 3, 6, 1, 4, 7, 2, 5, 8].map((at) => r[at]),
    )
    gl.uniform2fv(
      points.place("scale"),
      half.map((value) => 1 / value),
    )
    gl.uniform3fv(points.place("middle"), middle)
    gl.uniform3fv(points.place("palette"), flat)
    gl.uniform1fv(
      points.place("shown"),
      Array.from({ length: MOST }, (_, c) => (hidden.has(c) ? 0 : 1)),
    )
    gl.drawArrays(gl.POINTS, 0, this.count)
    for (const name of ["from", "to", "about"]) gl.disableVertexAttribArray(points.attribute(name))
    return canvas
  }

  // The same points where there is no WebGL.
  dots(pen, palette, hidden) {
    const t = this.t()
    pen.globalAlpha = 0.75
    for (let i = 0; i < this.count; i++) {
      if (hidden.has(this.labels[i])) continue
      const [x, y] = this.place(this.position(i, t))
      pen.fillStyle = palette[this.labels[i]]
      pen.fillRect(x - 1.5, y - 1.5, 3, 3)
    }
    pen.globalAlpha = 1
  }

  axes(pen, w, h, colors) {
    pen.strokeStyle = colors.faint
    pen.fillStyle = colors.faint
    pen.font = `11px ${colors.font}`
    if (this.dims === 3) {
      const { reach } = this.sight(this.t())
      const origin = this.place([0, 0, 0])
      pen.globalAlpha = 0.7
      for (const [k, name] of ["x₁", "x₂", "x₃"].entries()) {
        const end = this.place([0, 1, 2].map((j) => (j === k ? reach * 0.7 : 0)))
        line(pen, [origin, end])
        pen.fillText(name, end[0] + 4, end[1] + 4)
      }
      pen.globalAlpha = 1
      return
    }
    const { middle, reach } = this.sight(this.t())
    const least = Math.min(w, h)
    const step = round((2 * reach * 70) / least)
    pen.globalAlpha = 0.35
    const [ox, oy] = this.place([0, 0])
    if (ox > 0 && ox < w)
      line(pen, [
        [ox, 0],
        [ox, h],
      ])
    if (oy > 0 && oy < h)
      line(pen, [
        [0, oy],
        [w, oy],
      ])
    pen.globalAlpha = 1
    const half = [(reach * w) / least, (reach * h) / least]
    const text = (value) => String(Number(value.toPrecision(3))).replace("-", "−")
    pen.textAlign = "center"
    for (
      let x = Math.ceil((middle[0] - half[0]) / step) * step;
      x < middle[0] + half[0];
      x += step
    ) {
      const [px] = this.place([x, 0])
      if (px > 24 && px < w - 16) pen.fillText(text(x), px, h - 5)
    }
    pen.textAlign = "left"
    for (
      let y = Math.ceil((middle[1] - half[1]) / step) * step;
      y < middle[1] + half[1];
      y += step
    ) {
      const [, py] = this.place([0, y])
      if (py > 12 && py < h - 22) pen.fillText(text(y), 4, py + 4)
    }
  }

  drawTrails(pen, palette, hidden) {
    pen.lineWidth = 1.5
    pen.globalAlpha = 0.8
    for (let c = 0; c < this.centers.length; c++) {
      if (hidden.has(c)) continue
      const path = this.trails.map((at) => at[c]).filter((at) => at?.every(Number.isFinite))
      pen.strokeStyle = palette[c]
      if (path.length)
        line(pen, [...path.map((at) => this.place(at)), this.place(this.centerAt(c, this.t()))])
    }
    pen.globalAlpha = 1
    pen.lineWidth = 1
  }

  drawCenters(pen, palette, hidden, colors, names) {
    const t = this.t()
    pen.font = `600 12px ${colors.font}`
    pen.textAlign = "center"
    for (let c = 0; c < this.centers.length; c++) {
      const at = this.centerAt(c, t)
      if (hidden.has(c) || !at.every(Number.isFinite)) continue
      const [x, y] = this.place(at)
      pen.beginPath()
      pen.arc(x, y, 8.5, 0, 7)
      pen.fillStyle = colors.background
      pen.fill()
      pen.lineWidth = 2.5
      pen.strokeStyle = palette[c]
      pen.stroke()
      pen.lineWidth = 1
      pen.fillStyle = colors.text
      pen.fillText(names[c], x, y + 4)
    }
    pen.textAlign = "left"
  }
}

function fitted(points, count, dims) {
  const middle = [0, 0, 0]
  let reach = 1e-6
  for (let k = 0; k < dims; k++) {
    const values = Float32Array.from({ length: count }, (_, i) => points[dims * i + k])
      .filter(Number.isFinite)
      .sort()
    const at = (share) =>
      values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0
    const [low, high] = [at(0.002), at(0.998)]
    middle[k] = (low + high) / 2
    reach = Math.max(reach, (high - low) / 2)
  }
  return { middle, reach: 1.12 * reach }
}

function rows(array) {
  const [count, dims] = array.shape
  return Array.from({ length: count }, (_, i) =>
    Array.from(array.subarray(dims * i, dims * (i + 1))),
  )
}

function round(value) {
  const ten = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((k) => k * ten).find((k) => k >= value)
}

function line(pen, path) {
  pen.beginPath()
  for (const [x, y] of path) pen.lineTo(x, y)
  pen.stroke()
}

function ring(pen, [x, y], radius, color) {
  pen.beginPath()
  pen.arc(x, y, radius, 0, 7)
  pen.lineWidth = 2
  pen.strokeStyle = color
  pen.stroke()
  pen.lineWidth = 1
}
