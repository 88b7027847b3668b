// The pictures of the studio: an answer of `portrait` in, what Plotly draws out.

import { batch, curve, pairs, triplets } from "./portraits-curves.js"
import { points } from "./portraits-points.js"
import { simplex } from "./portraits-simplex.js"
import { weights } from "./portraits-weights.js"

/** Each kind of picture, by what an answer calls it. */
export const PICTURES = { batch, curve, pairs, points, simplex, triplets, weights }
