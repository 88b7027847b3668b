"""What a data set is before a file of it is opened: its facts, its files, and how they are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Rows = Mapping[str, np.ndarray]  # arrays of one length: "images" uint8 (N, H, W, C), "labels" int64


@dataclass(frozen=True)
class PublishedFile:
    """A file as its authors published it. `digest` is sha256 (64 digits) or md5 (32)."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Download:
    """`keras.datasets` fetches so many bytes; these files grow in the cache meanwhile."""

    bytes: int
    growing: tuple[str, ...]
    host: str = "storage.googleapis.com"


@dataclass(frozen=True)
class Source:
    """One data set. `read(open, parts)` makes the rows of the "train" and "test" `parts`;
    `open(name)` gives the verified bytes of a published file. The files lie in the first of
    `layouts` below the data folder that exists; `defaults` are those of a RunSpec's fields that
    suit it better than RunSpec's own. `place` is the one file of a data set that was never
    published: visitors' own. `script` is Python for an exported script: it makes x, y,
    x_test and y_test of the files in DATA or, where they are not there, has Keras fetch them."""

    name: str
    title: str
    train_count: int
    test_count: int
    shape: tuple[int, int, int]
    class_names: list[str]
    read: Callable[[Callable[[str], bytes], Sequence[str]], Mapping[str, Rows]]
    files: tuple[PublishedFile, ...] = ()
    place: Path | None = None
    layouts: tuple[str, ...] = ()
    download: Download | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    script: str = ""

    @property
    def bytes(self) -> int:
        """What a download costs, 0 where there is none."""
        return self.download.bytes if self.download else 0
