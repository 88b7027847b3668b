// Classes, told apart by colour, and where there are more of them than colours by shape as well.

/** Of the first as many classes as there are colours, of the next as many, and so on. */
export const SHAPES = ["disc", "square", "diamond", "triangle"]

/**
 * @param {string[]} palette
 * @param {number} place
 */
export const classColor = (palette, place) => palette[place % palette.length]

/**
 * Its place in SHAPES.
 * @param {string[]} palette
 * @param {number} place
 */
export const classShape = (palette, place) => Math.floor(place / palette.length) % SHAPES.length
