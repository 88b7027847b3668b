// Classes, told apart by colour, and where there are more of them than colours by shape as well.

/** Of the first as many classes as there are colours, of the next as many, and so on. */
export const SHAPES = ["disc", "square", "diamond", "triangle"]

const MIXED = [
  [0, 0],
  [0, 0.4],
  [255, 0.5],
  [0, 0.65],
] // with which grey, and how much of it: those after the palette's end are its colours, darker or lighter

/**
 * A colour of its own for each of four times as many classes as the palette has.
 * @param {string[]} palette as #rrggbb
 * @param {number} place
 */
export function classColor(palette, place) {
  const [grey, share] = MIXED[classShape(palette, place)]
  const own = palette[place % palette.length]
  if (!share) return own
  const parts = [1, 3, 5].map((at) => Number.parseInt(own.slice(at, at + 2), 16))
  const mixed = parts.map((part) => Math.round(part + share * (grey - part)))
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`
}

/**
 * Its place in SHAPES.
 * @param {string[]} palette
 * @param {number} place
 */
export const classShape = (palette, place) => Math.floor(place / palette.length) % SHAPES.length
