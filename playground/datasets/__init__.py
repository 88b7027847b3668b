"""The images: one file a data set, listed in `SETS`, as uint8 arrays.

A data set is looked for in the folder `PLAYGROUND_DATA` (by default Keras' cache), and only then
downloaded. Either way the bytes are held against the published hashes before anything is made of
them; nothing is ever replaced by something else. Importing this package needs NumPy alone.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from playground.datasets import cifar10, digits, fashion_mnist, files, mnist, own, shapes
from playground.datasets.files import OnProgress
from playground.datasets.source import Rows, Source
from playground.datasets.splits import Counts, Split, expected, split, steps_per_epoch
from playground.errors import DataError
from playground.settings import settings

if TYPE_CHECKING:
    from playground.spec import RunSpec

__all__ = [
    "KNOWN",
    "SETS",
    "Counts",
    "Dataset",
    "OnProgress",
    "Rows",
    "Source",
    "Split",
    "available",
    "counts",
    "find",
    "load",
    "location",
    "sample",
    "source_of",
    "split",
    "steps_per_epoch",
]

SETS: dict[str, Source] = {
    module.SOURCE.name: module.SOURCE for module in (mnist, fashion_mnist, cifar10, digits, shapes)
}


class _Known(Mapping[str, Source]):
    """All data sets by name: those that anybody may choose are listed; visitors' own are found."""

    def __getitem__(self, name: str) -> Source:
        found = find(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(SETS)

    def __len__(self) -> int:
        return len(SETS)


KNOWN = _Known()


@dataclass(frozen=True)
class Dataset:
    """The rows to train on and to test on: "images" uint8 (N, H, W, C), "labels" int64 (N,); the
    arrays are shared and read-only."""

    name: str
    title: str
    rows: Rows
    test_rows: Rows
    class_names: list[str]

    @property
    def images(self) -> np.ndarray:
        """The training images."""
        return self.rows["images"]

    @property
    def labels(self) -> np.ndarray:
        """The training images' labels."""
        return self.rows["labels"]

    @property
    def test_images(self) -> np.ndarray:
        """The test images."""
        return self.test_rows["images"]

    @property
    def test_labels(self) -> np.ndarray:
        """The test images' labels."""
        return self.test_rows["labels"]


def find(name: object) -> Source | None:
    """Title, sizes and classes of a data set, from constants or, of visitors' own, from what is
    kept of them; None of one that is not known here."""
    return SETS.get(name) or own.source(name) if isinstance(name, str) else None


def source_of(name: str) -> Source:
    """As `find`. Raises DataError if unknown."""
    found = find(name)
    if found is None and own.is_own(name):
        raise own.missing(name)
    if found is None:
        raise DataError(f"There is no data set {name!r}.", f"Choose one of {', '.join(SETS)}.")
    return found


def counts(spec: "RunSpec") -> Counts:
    """How many images a run of this spec trains on, holds out and is tested on, without opening a
    file; with an imbalance about as many."""
    known = source_of(spec.dataset)
    return expected(spec, known.train_count, known.test_count, len(known.class_names))


def location(name: str) -> Path | None:
    """The folder that has all files of a data set (unverified), or None; None for digits too."""
    return files.location(source_of(name))


def available(name: str) -> str:
    """ "here", "download" (`load` would fetch it) or "missing"; looks whether files exist, only."""
    return files.available(source_of(name))


_kept_lock = threading.Lock()
_kept: dict[tuple[str, Path], Dataset] = {}  # at most one: the last one loaded


def load(name: str, on_progress: OnProgress | None = None) -> Dataset:
    """The whole data set, from its folder or, if it is not there and may be, from the internet.

    `on_progress(message, fraction or None)` is called while that takes time; what it raises comes
    out of `load`. The last data set loaded is kept, so that asking again takes no time. Raises
    DataError if it is missing, unreadable or not as published.
    """
    source = source_of(name)
    key = (name, settings().data)
    with _kept_lock:
        if key not in _kept:
            _kept.clear()
            parts = files.read(source, ("train", "test"), on_progress or _silent, True)
            for rows in parts.values():
                for array in rows.values():
                    array.setflags(write=False)
            _kept[key] = Dataset(
                name, source.title, parts["train"], parts["test"], source.class_names
            )
        return _kept[key]


def sample(name: str, count: int = 10) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """A few test images to look at: the first of each class, then the second of each, and so on.

    Images uint8 (count, H, W, C), labels int64 (count,), class names. Opens one file or two and
    never downloads: raises DataError where the data set is not here yet.
    """
    source = source_of(name)
    dataset = _kept.get((name, settings().data))
    rows = (
        dataset.test_rows
        if dataset is not None
        else files.read(source, ("test",), _silent, False)["test"]
    )
    images, labels = rows["images"], rows["labels"]
    rank = np.zeros(len(labels), np.int64)  # 0 for the first image of its class, 1 for the second
    for value in np.unique(labels):
        rank[labels == value] = np.arange(np.count_nonzero(labels == value))
    chosen = np.lexsort((labels, rank))[:count]
    return images[chosen], labels[chosen], source.class_names


def _silent(message: str, fraction: float | None) -> None:
    """The progress nobody watches."""
