"""scikit-learn's digits: 1,797 handwritten ones of 8×8 pixels, which come with the package."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from playground.datasets.source import Rows, Source

TEST_COUNT = 360


def _read(open_file: Callable[[str], bytes], wanted: Sequence[str]) -> Mapping[str, Rows]:
    """A fifth of each class, drawn once and for all, are the test images."""
    table = _table()
    images = np.rint(table[:, :64] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = table[:, 64].astype(np.int64)
    # Where each image stands in its class, shuffled, from 0 to 1: the lowest are a fair share.
    place = np.empty(len(labels))
    generator = np.random.default_rng(0)
    for value in range(10):
        members = labels == value
        count = np.count_nonzero(members)
        place[members] = (generator.permutation(count) + 0.5) / count
    order = np.argsort(place, kind="stable")
    chosen = {"train": np.sort(order[TEST_COUNT:]), "test": np.sort(order[:TEST_COUNT])}
    return {
        part: {"images": images[chosen[part]], "labels": labels[chosen[part]]} for part in wanted
    }


def _table() -> np.ndarray:
    """(1797, 65) float64: 64 pixels from 0 to 16 and the class."""
    package = importlib.util.find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():  # read as load_digits does, without the seconds of importing it
            return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])


_SCRIPT = """
from sklearn.datasets import load_digits

table = load_digits()
images = np.rint(table.images * (255 / 16)).astype("uint8")
# A fifth of each class, drawn once and for all, are the test images.
place, draw = np.empty(len(images)), np.random.default_rng(0)
for digit in range(10):
    members = table.target == digit
    count = np.count_nonzero(members)
    place[members] = (draw.permutation(count) + 0.5) / count
order = np.argsort(place, kind="stable")
test, train = np.sort(order[:360]), np.sort(order[360:])
x, y, x_test, y_test = images[train], table.target[train], images[test], table.target[test]
"""


SOURCE = Source(
    name="digits",
    title="Digits (8×8)",
    train_count=1_437,
    test_count=TEST_COUNT,
    shape=(8, 8, 1),
    class_names=[str(digit) for digit in range(10)],
    read=_read,
    defaults={"batch_size": 32, "epochs": 30, "canvases": 600, "held_canvases": 100},
    script=_SCRIPT,
)
