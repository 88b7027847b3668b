"""The images: MNIST, Fashion-MNIST, CIFAR-10 and scikit-learn's digits, as uint8 arrays.

A data set is looked for in the folder `PLAYGROUND_DATA` (by default Keras' cache), and only then
downloaded. Either way the bytes are held against the published hashes before anything is made of
them; nothing is ever replaced by something else. Importing this module needs NumPy alone.
"""

import gzip
import hashlib
import importlib.util
import io
import os
import pickle
import stat
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playground import download
from playground.errors import DataError
from playground.settings import settings
from playground.spec import TRAINING_IMAGES, RunSpec, knobs

OnProgress = Callable[[str, float | None], None]
Part = tuple[np.ndarray, np.ndarray]  # images uint8 (N, H, W, C), labels int64 (N,)


@dataclass(frozen=True)
class Dataset:
    """Images are uint8 (N, H, W, C), labels int64 (N,); the arrays are shared and read-only."""

    name: str
    title: str
    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: list[str]


@dataclass(frozen=True)
class Split:
    """The training images a run learns from and those it holds out; shapes as in Dataset.

    Under label noise `train_labels` are the given ones, `true_labels` the right ones, and
    `corrupted` (N,) bool says where they differ."""

    train_images: np.ndarray
    train_labels: np.ndarray
    validation_images: np.ndarray
    validation_labels: np.ndarray
    true_labels: np.ndarray
    corrupted: np.ndarray


@dataclass(frozen=True)
class DatasetFacts:
    """What is known of a data set without opening a file; `bytes` is what a download costs."""

    title: str
    train_count: int
    test_count: int
    shape: tuple[int, int, int]
    class_names: list[str]
    bytes: int


@dataclass(frozen=True)
class PublishedFile:
    """A file as its authors published it. `digest` is sha256 (64 digits) or md5 (32)."""

    name: str
    size: int
    digest: str


PUBLISHED: dict[str, tuple[PublishedFile, ...]] = {
    "mnist": (
        PublishedFile(
            "mnist.npz",
            11_490_434,
            "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        ),
    ),
    "fashion_mnist": (
        PublishedFile("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        PublishedFile("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
        PublishedFile("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        PublishedFile("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    "cifar10": (
        PublishedFile("data_batch_1", 31_035_704, "c99cafc152244af753f735de768cd75f"),
        PublishedFile("data_batch_2", 31_035_320, "d4bba439e000b95fd0a9bffe97cbabec"),
        PublishedFile("data_batch_3", 31_035_999, "54ebc095f3ab1f0389bbae665268c751"),
        PublishedFile("data_batch_4", 31_035_696, "634d18415352ddfa80567beed471001a"),
        PublishedFile("data_batch_5", 31_035_623, "482c414d41f54cd18b22e5b47cb7c3cb"),
        PublishedFile("test_batch", 31_035_526, "40351d587109b95175f43aff81a1287e"),
    ),
    "digits": (),
}

# Where the files lie below the data folder; the first that exists is the one.
LAYOUTS: dict[str, tuple[str, ...]] = {
    "mnist": (".",),
    "fashion_mnist": ("fashion-mnist",),
    "cifar10": ("cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"),
}

_TEN_DIGITS = [str(digit) for digit in range(10)]
_CLOTHES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]
_OBJECTS = [
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
]
_TEST_COUNTS_SHAPES_CLASSES: dict[str, tuple[int, tuple[int, int, int], list[str]]] = {
    "mnist": (10_000, (28, 28, 1), _TEN_DIGITS),
    "fashion_mnist": (10_000, (28, 28, 1), _CLOTHES),
    "cifar10": (10_000, (32, 32, 3), _OBJECTS),
    "digits": (360, (8, 8, 1), _TEN_DIGITS),
}


def facts(name: str) -> DatasetFacts:
    """Title, sizes and classes of a data set, from constants. Raises DataError if unknown."""
    _check_name(name)
    test_count, shape, class_names = _TEST_COUNTS_SHAPES_CLASSES[name]
    return DatasetFacts(
        title=(knobs()["dataset"].choices or {})[name],
        train_count=TRAINING_IMAGES[name],
        test_count=test_count,
        shape=shape,
        class_names=list(class_names),
        bytes=download.SIZES.get(name, 0),
    )


def location(name: str) -> Path | None:
    """The folder that has all files of a data set (unverified), or None; None for digits too."""
    _check_name(name)
    for folder in _folders(name):
        if all(os.path.isfile(folder / file.name) for file in PUBLISHED[name]):
            return folder
    return None


def available(name: str) -> str:
    """ "here", "download" (`load` would fetch it) or "missing"; looks whether files exist, only."""
    if name == "digits" or location(name) is not None:
        return "here"
    return "download" if settings().download else "missing"


_kept_lock = threading.Lock()
_kept: dict[tuple[str, Path], Dataset] = {}  # at most one: the last one loaded


def load(name: str, on_progress: OnProgress | None = None) -> Dataset:
    """The whole data set, from its folder or, if it is not there and may be, from the internet.

    `on_progress(message, fraction or None)` is called while that takes time; what it raises comes
    out of `load`. The last data set loaded is kept, so that asking again takes no time. Raises
    DataError if it is missing, unreadable or not as published.
    """
    _check_name(name)
    key = (name, settings().data)
    with _kept_lock:
        if key not in _kept:
            _kept.clear()
            parts = _parts(name, ("train", "test"), on_progress or _silent, may_download=True)
            for array in (*parts["train"], *parts["test"]):
                array.setflags(write=False)
            known = facts(name)
            _kept[key] = Dataset(
                name, known.title, *parts["train"], *parts["test"], known.class_names
            )
        return _kept[key]


def sample(name: str, count: int = 10) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """A few test images to look at: the first of each class, then the second of each, and so on.

    Images uint8 (count, H, W, C), labels int64 (count,), class names. Opens one file or two and
    never downloads: raises DataError where the data set is not here yet.
    """
    _check_name(name)
    dataset = _kept.get((name, settings().data))
    if dataset is not None:
        images, labels = dataset.test_images, dataset.test_labels
    else:
        images, labels = _parts(name, ("test",), _silent, may_download=False)["test"]
    rank = np.zeros(len(labels), np.int64)  # 0 for the first image of its class, 1 for the second
    for value in np.unique(labels):
        rank[labels == value] = np.arange(np.count_nonzero(labels == value))
    chosen = np.lexsort((labels, rank))[:count]
    return images[chosen], labels[chosen], facts(name).class_names


def split(dataset: Dataset, spec: RunSpec) -> Split:
    """The run's share of the training images, drawn with its seed, and those it holds out.

    Of the n = `train_images` (0: all) drawn, round(n · `validation_split`), at least one, are held
    out; or `validation_images` beside them, then the same however large n is. With the same seed a
    larger n draws the same images and more. Of those to train on, `imbalance` leaves images of the
    later classes out and `label_noise` gives some a wrong label. Raises DataError if the data set
    has fewer images than are asked for.
    """
    total = len(dataset.labels)
    beside = spec.validation_images
    count = spec.train_images or total - beside
    if count + beside > total:
        asked = f"{count:,} and {beside:,} to hold out were" if beside else f"{count:,} were"
        raise DataError(
            f"{dataset.title} has {total:,} training images; {asked} asked for.",
            f"Choose at most {total - beside:,} images, or 0 for all.",
        )
    order = np.random.default_rng(spec.seed).permutation(total)
    if beside:
        train, validation = order[:count], order[total - beside :]
    else:
        held_out = max(1, round(count * spec.validation_split))
        validation, train = order[:held_out], order[held_out:count]
    if spec.imbalance > 1:
        train = train[_long_tail(dataset.labels[train], len(dataset.class_names), spec.imbalance)]
    true = dataset.labels[train]
    given = _corrupted(true, len(dataset.class_names), spec)
    return Split(
        dataset.images[train],
        given,
        dataset.images[validation],
        dataset.labels[validation],
        true,
        given != true,
    )


def _long_tail(labels: np.ndarray, classes: int, ratio: float) -> np.ndarray:
    """Which of these (N,) labels stay, bool, so that class c has ratio**(-c / (C - 1)) times as
    many as class 0, and at least one: the exponential profile of Cui et al., CVPR 2019. The first
    of each class stay."""
    rank = np.zeros(len(labels), np.int64)
    for value in range(classes):
        rank[labels == value] = np.arange(np.count_nonzero(labels == value))
    counts = np.bincount(labels, minlength=classes)
    profile = ratio ** (-np.arange(classes) / max(1, classes - 1))
    most = (counts / profile)[counts > 0].min()  # as many as leave every class its share
    room = np.maximum(1, most * profile)
    kept: np.ndarray = rank < np.round(room)[labels]
    return kept


def _corrupted(true: np.ndarray, classes: int, spec: RunSpec) -> np.ndarray:
    """The labels (N,) as given: round(N · `label_noise`) of them wrong, drawn with the seed. A
    larger share makes the same ones wrong in the same way, and more.

    "symmetric" gives any other class alike (Zhang & Sabuncu, NeurIPS 2018), "pair" the next one
    (Han et al., "Co-teaching", NeurIPS 2018).
    """
    if not spec.label_noise:
        return true
    draw = np.random.default_rng([spec.seed, 3])
    order = draw.permutation(len(true))
    step = draw.integers(1, classes, len(true)) if spec.noise_kind == "symmetric" else 1
    wrong = np.zeros(len(true), bool)
    wrong[order[: round(len(true) * spec.label_noise)]] = True
    found: np.ndarray = np.where(wrong, (true + step) % classes, true)
    return found


def _check_name(name: str) -> None:
    if name not in PUBLISHED:
        raise DataError(f"There is no data set {name!r}.", f"Choose one of {', '.join(PUBLISHED)}.")


def _silent(message: str, fraction: float | None) -> None:
    """The progress nobody watches."""


# From files to arrays -------------------------------------------------------------------------


def _folders(name: str) -> Iterator[Path]:
    """Where the data set's files may lie, in the order they are looked for."""
    roots = [settings().data.expanduser()]
    if settings().download and (cache := download.keras_cache()) not in roots:
        roots.append(cache)  # what an earlier download left
    for root in roots:
        for layout in LAYOUTS.get(name, ()):
            yield root / layout


def _parts(
    name: str, wanted: Sequence[str], on_progress: OnProgress, may_download: bool
) -> Mapping[str, Part]:
    """The "train" and "test" parts `wanted`."""
    title = facts(name).title
    on_progress(f"Reading {title}", None)
    if name == "digits":
        return _digits()
    read = _READERS[name]
    missing: Path | None = None
    for folder in _folders(name):
        try:
            return read(folder, wanted)
        except FileNotFoundError as error:
            missing = missing or Path(error.filename)
        except DataError:
            # Perhaps another process is still downloading it: then wait for that one.
            if not (may_download and download.under_way() and _in_cache(folder)):
                raise
    if may_download and settings().download:
        download.fetch(name, title, lambda: location(name) is not None, on_progress)
        for folder in _folders(name):
            try:
                return read(folder, wanted)
            except FileNotFoundError as error:
                missing = Path(error.filename)
    raise _missing(name, settings().data.expanduser(), missing, may_download)


def _missing(name: str, root: Path, missing: Path | None, may_download: bool) -> DataError:
    title = facts(name).title
    at = root / LAYOUTS[name][-1]
    if not os.path.isdir(root):
        message = f"{title} is not on this machine: the folder {root} does not exist."
    elif missing is not None and os.path.isdir(missing.parent):
        message = f"{title} is not on this machine: {missing.parent} has no {missing.name}."
    else:
        message = f"{title} is not on this machine: {root} has no {LAYOUTS[name][-1]}."
    hint = _advice(name, at)
    if settings().download and not may_download:
        hint = f"It is downloaded ({download.SIZES[name] / 1e6:.0f} MB) when first trained on."
    return DataError(message, hint)


def _advice(name: str, folder: Path) -> str:
    files = PUBLISHED[name]
    what = files[0].name if len(files) == 1 else f"its {len(files)} published files"
    return (
        f"Choose Digits, which comes with scikit-learn, or put {what} into {folder}, or set "
        "PLAYGROUND_DATA to the folder that has them."
    )


def _in_cache(path: Path) -> bool:
    return path.is_relative_to(download.keras_cache())


def _read(name: str, folder: Path, file: str) -> bytes:
    """A file's bytes, which are those published. Raises FileNotFoundError if there is no such
    file, DataError if it cannot be read or is another."""
    published = next(known for known in PUBLISHED[name] if known.name == file)
    path = folder / file
    title = facts(name).title
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{title} cannot be read: {path} is not a file.", _advice(name, folder))
        with path.open("rb") as stream:
            content = stream.read(published.size + 1)  # no more, whatever lies there
            size = os.fstat(stream.fileno()).st_size
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(2, "not found", str(path)) from None
    except PermissionError:
        raise DataError(
            f"{title} cannot be read: this program may not open {path}.",
            f"Allow it to read that file. {_advice(name, folder)}",
        ) from None
    except OSError as error:
        raise DataError(
            f"{title} cannot be read: {path}: {error.strerror}.", _advice(name, folder)
        ) from None
    fault = ""
    if len(content) != published.size:
        fault = f"it has {size:,} bytes, the published file {published.size:,}"
    else:
        algorithm = "sha256" if len(published.digest) == 64 else "md5"
        digest = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        if digest != published.digest:
            fault = f"its {algorithm} is {digest[:8]}…, the published one {published.digest[:8]}…"
    if fault:
        again = (
            "Delete it and it is downloaded again, or choose Digits, which comes with scikit-learn."
            if settings().download and _in_cache(path)
            else f"Replace it. {_advice(name, folder)}"
        )
        raise DataError(f"{title} is not as published: {path} was changed or cut: {fault}.", again)
    return content


def _mnist(folder: Path, wanted: Sequence[str]) -> Mapping[str, Part]:
    content = _read("mnist", folder, "mnist.npz")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {
            part: (arrays[f"x_{part}"][..., np.newaxis], arrays[f"y_{part}"].astype(np.int64))
            for part in wanted
        }


def _fashion_mnist(folder: Path, wanted: Sequence[str]) -> Mapping[str, Part]:
    parts = {}
    for part in wanted:
        prefix = {"train": "train", "test": "t10k"}[part]
        images = _idx(_read("fashion_mnist", folder, f"{prefix}-images-idx3-ubyte.gz"), 3)
        labels = _idx(_read("fashion_mnist", folder, f"{prefix}-labels-idx1-ubyte.gz"), 1)
        parts[part] = (images[..., np.newaxis], labels.astype(np.int64))
    return parts


def _idx(content: bytes, rank: int) -> np.ndarray:
    """The uint8 array of a gzipped IDX file whose hash was checked: 0, 0, type 8, rank, sizes."""
    plain = gzip.decompress(content)
    start = 4 + 4 * rank
    shape = np.frombuffer(plain[4:start], ">u4").astype(int)
    return np.frombuffer(plain, np.uint8, offset=start).reshape(shape)


def _cifar10(folder: Path, wanted: Sequence[str]) -> Mapping[str, Part]:
    files = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
    parts: dict[str, Part] = {}
    work = []
    for part in wanted:
        count = 10_000 * len(files[part])
        parts[part] = (np.empty((count, 32, 32, 3), np.uint8), np.empty(count, np.int64))
        work += [(part, place, file) for place, file in enumerate(files[part])]

    def fill(part: str, place: int, file: str) -> None:
        images, labels = parts[part]
        rows = slice(10_000 * place, 10_000 * (place + 1))
        batch = _unpickle(_read("cifar10", folder, file))
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


def _digits() -> Mapping[str, Part]:
    """scikit-learn's digits; a fifth of each class, drawn once and for all, are the test images."""
    table = _digits_table()
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
    test_count = _TEST_COUNTS_SHAPES_CLASSES["digits"][0]
    test, train = np.sort(order[:test_count]), np.sort(order[test_count:])
    return {"train": (images[train], labels[train]), "test": (images[test], labels[test])}


def _digits_table() -> np.ndarray:
    """(1797, 65) float64: 64 pixels from 0 to 16 and the class."""
    package = importlib.util.find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():  # read as load_digits does, without the seconds of importing it
            return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target])


_READERS: Mapping[str, Callable[[Path, Sequence[str]], Mapping[str, Part]]] = {
    "mnist": _mnist,
    "fashion_mnist": _fashion_mnist,
    "cifar10": _cifar10,
}
