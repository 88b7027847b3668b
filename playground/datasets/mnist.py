"""MNIST: 70,000 handwritten digits (LeCun et al. 1998), as Keras publishes them."""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from playground.datasets.source import Download, PublishedFile, Rows, Source


def _read(open_file: Callable[[str], bytes], wanted: Sequence[str]) -> Mapping[str, Rows]:
    with np.load(io.BytesIO(open_file("mnist.npz")), allow_pickle=False) as arrays:
        return {
            part: {
                "images": arrays[f"x_{part}"][..., np.newaxis],
                "labels": arrays[f"y_{part}"].astype(np.int64),
            }
            for part in wanted
        }


_SCRIPT = """
file = DATA / "mnist.npz"
if file.exists():
    with np.load(file) as arrays:
        x, y, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
else:
    (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
"""

SOURCE = Source(
    name="mnist",
    title="MNIST",
    train_count=60_000,
    test_count=10_000,
    shape=(28, 28, 1),
    class_names=[str(digit) for digit in range(10)],
    read=_read,
    files=(
        PublishedFile(
            "mnist.npz",
            11_490_434,
            "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        ),
    ),
    layouts=(".",),
    download=Download(11_490_434, ("mnist.npz",)),
    script=_SCRIPT,
)
