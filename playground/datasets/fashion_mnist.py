"""Fashion-MNIST: 70,000 articles of clothing (Xiao et al. 2017), in the form of MNIST's files."""

import gzip
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from playground.datasets.source import Download, PublishedFile, Rows, Source

_PREFIXES = {"train": "train", "test": "t10k"}


def _read(open_file: Callable[[str], bytes], wanted: Sequence[str]) -> Mapping[str, Rows]:
    parts = {}
    for part in wanted:
        images = _idx(open_file(f"{_PREFIXES[part]}-images-idx3-ubyte.gz"), 3)
        labels = _idx(open_file(f"{_PREFIXES[part]}-labels-idx1-ubyte.gz"), 1)
        parts[part] = {"images": images[..., np.newaxis], "labels": labels.astype(np.int64)}
    return parts


def _idx(content: bytes, rank: int) -> np.ndarray:
    """The uint8 array of a gzipped IDX file whose hash was checked: 0, 0, type 8, rank, sizes."""
    plain = gzip.decompress(content)
    start = 4 + 4 * rank
    shape = np.frombuffer(plain[4:start], ">u4").astype(int)
    return np.frombuffer(plain, np.uint8, offset=start).reshape(shape)


_FILES = (
    PublishedFile("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    PublishedFile("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
    PublishedFile("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
    PublishedFile("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
)

_SCRIPT = """
import gzip

folder = DATA / "fashion-mnist"


def read(name, start):
    return np.frombuffer(gzip.decompress((folder / name).read_bytes()), "uint8", offset=start)


if folder.is_dir():
    x, y, x_test, y_test = (
        read(f"{part}-{what}-ubyte.gz", start)
        for part in ("train", "t10k")
        for what, start in (("images-idx3", 16), ("labels-idx1", 8))
    )
else:
    (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
"""


SOURCE = Source(
    name="fashion_mnist",
    title="Fashion-MNIST",
    train_count=60_000,
    test_count=10_000,
    shape=(28, 28, 1),
    class_names=[
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker"),
        *("Bag", "Ankle boot"),
    ],
    read=_read,
    files=_FILES,
    layouts=("fashion-mnist",),
    download=Download(30_878_645, tuple(f"fashion-mnist/{file.name}" for file in _FILES)),
    defaults={"epochs": 5},
    script=_SCRIPT,
)
