// Pairs of test images in order: those that are hardest for the network first.

/** @import {PairsResults} from "./wire.js" */

/**
 * What is said of one pair.
 * @typedef {{place: number, truth: boolean, said: boolean, sure: number, hard: number}} Pair
 */

/**
 * The pairs, those that are hardest for the same head first: the less it gives to what is true.
 * @param {PairsResults} results
 * @returns {Pair[]}
 */
export function ranked({ left, right, same, threshold }) {
  return same
    .map((chance, place) => {
      const truth = left[place][0] === right[place][0]
      const said = chance >= threshold
      const hard = truth ? 1 - chance : chance
      return { place, truth, said, sure: said ? chance : 1 - chance, hard }
    })
    .sort((one, other) => other.hard - one.hard || one.place - other.place)
}
