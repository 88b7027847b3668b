"""A series of numbers, one for each step, as rows of up to `tables.CHUNK` steps."""

import numpy as np

from playground.runs.tables import CHUNK
from playground.training.events import Progress

Piece = tuple[int, np.ndarray]  # the first step, and the values from there on


def pieces(event: Progress) -> dict[tuple[str, int], Piece]:
    """What an event adds, by the name and the number of the row that it belongs to."""
    found: dict[tuple[str, int], Piece] = {}
    for name, values in event.series.items():
        values = np.asarray(values, np.float32)
        first = event.step - len(values) + 1
        for chunk in range((first - 1) // CHUNK, (event.step - 1) // CHUNK + 1):
            low = max(first, chunk * CHUNK + 1)
            high = min(event.step, (chunk + 1) * CHUNK)
            found[name, chunk] = (low, values[low - first : high - first + 1])
    return found


def merged(known: Piece, piece: Piece) -> Piece:
    """Both stretches of a series as one, the piece over what was known, NaN between them."""
    first = min(known[0], piece[0])
    end = max(known[0] + len(known[1]), piece[0] + len(piece[1]))
    values = np.full(end - first, np.nan, np.float32)
    for start, part in (known, piece):
        values[start - first : start - first + len(part)] = part
    return first, values


def later(
    steps: list[np.ndarray], values: list[np.ndarray], after: int
) -> tuple[np.ndarray, np.ndarray]:
    """All rows as one: the steps after `after`, int32, and the values, float32."""
    if not steps:
        return np.empty(0, np.int32), np.empty(0, np.float32)
    joined = np.concatenate(steps)
    start = int(np.searchsorted(joined, after, side="right"))
    return joined[start:], np.concatenate(values)[start:].astype(np.float32)
