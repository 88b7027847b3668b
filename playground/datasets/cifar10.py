"""CIFAR-10: 60,000 small colour images of ten objects (Krizhevsky 2009)."""

import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from playground.datasets.source import Download, PublishedFile, Rows, Source

_FILES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}


def _read(open_file: Callable[[str], bytes], wanted: Sequence[str]) -> Mapping[str, Rows]:
    parts: dict[str, Rows] = {}
    work = []
    for part in wanted:
        count = 10_000 * len(_FILES[part])
        parts[part] = {
            "images": np.empty((count, 32, 32, 3), np.uint8),
            "labels": np.empty(count, np.int64),
        }
        work += [(part, place, file) for place, file in enumerate(_FILES[part])]

    def fill(part: str, place: int, file: str) -> None:
        images, labels = parts[part]["images"], parts[part]["labels"]
        rows = slice(10_000 * place, 10_000 * (place + 1))
        batch = _unpickle(open_file(file))
        planes = batch[b"data"].reshape(-1, 3, 32, 32)
        for channel in range(3):  # four times as fast as a transposed copy
            images[rows, :, :, channel] = planes[:, channel]
        labels[rows] = batch[b"labels"]

    # Hashing and copying let go of Python's lock, so two threads shorten the wait.
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, *zip(*work, strict=True)))
    return parts


class _BatchUnpickler(pickle.Unpickler):
    """Knows the three names that a published batch is made of, and no other."""

    _known: Mapping[tuple[str, str], Any] = {
        ("numpy.core.multiarray", "_reconstruct"): lambda kind, shape, code: np.empty(shape, "b"),
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"a CIFAR-10 batch has no {module}.{name}")
        return self._known[module, name]


def _unpickle(content: bytes) -> dict[bytes, Any]:
    """A CIFAR-10 batch out of bytes whose hash was checked."""
    return _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()


# Of the published files, whose MD5 sums are below: a script has no unpickler of its own.
SHA256 = {
    "data_batch_1": "54636561a3ce25bd3e19253c6b0d8538147b0ae398331ac4a2d86c6d987368cd",
    "data_batch_2": "766b2cef9fbc745cf056b3152224f7cf77163b330ea9a15f9392beb8b89bc5a8",
    "data_batch_3": "0f00d98ebfb30b3ec0ad19f9756dc2630b89003e10525f5e148445e82aa6a1f9",
    "data_batch_4": "3f7bb240661948b8f4d53e36ec720d8306f5668bd0071dcb4e6c947f78e9682b",
    "data_batch_5": "d91802434d8376bbaeeadf58a737e3a1b12ac839077e931237e0dcd43adcb154",
    "test_batch": "f53d8d457504f7cff4ea9e021afcf0e0ad8e24a91f3fc42091b8adef61157831",
}
_DIGESTS = "".join(f'    "{name}": "{digest}",\n' for name, digest in SHA256.items())
_SCRIPT = f"""
import hashlib
import pickle

folder = DATA / "cifar-10-batches-py"
if not folder.is_dir():
    folder = DATA / "cifar-10-batches-py-target" / "cifar-10-batches-py"
SHA256 = {{
{_DIGESTS}}}


def batch(name):
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:  # a pickle can run any code
        sys.exit(f"{{folder / name}} is not the published file: fetch CIFAR-10 again.")
    return pickle.loads(content, encoding="bytes")


def read(*names):
    batches = [batch(name) for name in names]
    planes = np.concatenate([one[b"data"] for one in batches]).reshape(-1, 3, 32, 32)
    return planes.transpose(0, 2, 3, 1), np.concatenate([one[b"labels"] for one in batches])


if folder.is_dir():
    x, y = read(*(f"data_batch_{{number}}" for number in range(1, 6)))
    x_test, y_test = read("test_batch")
else:
    (x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
"""


SOURCE = Source(
    name="cifar10",
    title="CIFAR-10",
    train_count=50_000,
    test_count=10_000,
    shape=(32, 32, 3),
    class_names=[
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ],
    read=_read,
    files=(
        PublishedFile("data_batch_1", 31_035_704, "c99cafc152244af753f735de768cd75f"),
        PublishedFile("data_batch_2", 31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
        PublishedFile("data_batch_3", 31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
        PublishedFile("data_batch_4", 31_035_696, "634d18415352ddfa80567beed471001a"),
        PublishedFile("data_batch_5", 31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        PublishedFile("test_batch", 31_035_526, "40351d587109b95175f43aff81a1287e"),
    ),
    layouts=("cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"),
    download=Download(
        170_498_071, ("cifar-10-batches-py-target_archive",), host="www.cs.toronto.edu"
    ),
    defaults={
        "depth": 3,
        "width": 32,
        "embedding": 128,
        "batch_norm": True,
        "dropout": 0.3,
        "epochs": 10,
    },
    script=_SCRIPT,
)
