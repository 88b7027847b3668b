"""Circles, squares and triangles of 28×28 pixels, drawn here: they need no file."""

import inspect
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from playground.datasets.source import Rows, Source

SIDE = 28
TRAIN_COUNT, TEST_COUNT = 6_000, 1_000
NAMES = ["circle", "square", "triangle"]


def _read(open_file: Callable[[str], bytes], wanted: Sequence[str]) -> Mapping[str, Rows]:
    counts = {"train": TRAIN_COUNT, "test": TEST_COUNT}
    return {
        part: _drawn(counts[part], place) for place, part in enumerate(counts) if part in wanted
    }


def _drawn(count: int, seed: int) -> Rows:
    """So many shapes, a third of each, filled or in outline, turned, large and small."""
    draw = np.random.default_rng([seed, *b"shapes"])
    labels = draw.permutation(np.arange(count) % len(NAMES)).astype(np.int64)
    radius, turn = draw.uniform(8, 12, count), draw.uniform(-0.6, 0.6, count)
    thick = draw.uniform(1.5, 4, count)
    x, y = draw.uniform(radius + 0.5, SIDE - radius - 0.5, (2, count))
    filled = draw.random(count) < 0.5
    at = np.arange(SIDE, dtype=np.float32) + 0.5
    across, down = at[None, None, :] - x[:, None, None], at[None, :, None] - y[:, None, None]
    cos, sin = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    across, down = cos * across + sin * down, cos * down - sin * across
    far = np.empty((count, SIDE, SIDE), np.float32)  # beyond the edge; below 0 inside
    r = radius[:, None, None]
    circle, square, triangle = (labels == number for number in range(len(NAMES)))
    far[circle] = np.hypot(across, down)[circle] - r[circle]
    reach = np.maximum(np.abs(across), np.abs(down))
    far[square] = reach[square] - r[square] / np.sqrt(2)
    slanted = np.maximum(np.sqrt(3) / 2 * np.abs(across) - down / 2, down)
    far[triangle] = slanted[triangle] - r[triangle] / 2
    hollow = np.abs(far + thick[:, None, None] / 2) - thick[:, None, None] / 2
    far = np.where(filled[:, None, None], far, hollow)
    images = np.rint(255 * np.clip(0.5 - far, 0, 1)).astype(np.uint8)
    return {"images": images[..., None], "labels": labels}


_SCRIPT = """
# Circles, squares and triangles, as the playground draws them.
def drawn(count, seed):
{body}

train, test = drawn(6_000, 0), drawn(1_000, 1)
x, y, x_test, y_test = train["images"], train["labels"], test["images"], test["labels"]
"""


def _script() -> str:
    """The function above as a script has it."""
    lines = inspect.getsource(_drawn).split("\n")
    body = "\n".join(line for line in lines[2:] if line.strip())
    return _SCRIPT.format(body=body.replace("len(NAMES)", "3").replace("SIDE", str(SIDE)))


SOURCE = Source(
    name="shapes",
    title="Shapes",
    train_count=TRAIN_COUNT,
    test_count=TEST_COUNT,
    shape=(SIDE, SIDE, 1),
    class_names=NAMES,
    read=_read,
    defaults={"epochs": 5, "canvases": 4_000},
    script=_script(),
)
