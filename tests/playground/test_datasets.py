"""The data sets: as published or not at all, and drawn the same for the same seed."""

import errno
import gzip
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import datasets, train
from playground.datasets import Dataset, cifar10, download
from playground.datasets.source import Download, PublishedFile, Source
from playground.errors import DataError
from playground.settings import settings
from playground.spec import RunSpec

NOBODY = 65534
REAL = os.environ.get("PLAYGROUND_DATA", "")
needs_files = pytest.mark.skipif(
    not REAL and not os.environ.get("CI"),
    reason="PLAYGROUND_DATA does not name a folder with the published files",
)
REAL_SETS = [pytest.param(name, marks=needs_files) for name in ("mnist", "cifar10")]

UseFolder = Callable[..., Path]


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """Each test reads for itself."""
    datasets._kept.clear()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[UseFolder]:
    """Sets the data folder; downloads are off, and Keras' cache is an empty folder of the test."""

    def change(folder: Path, download: bool = False) -> Path:
        monkeypatch.setenv("PLAYGROUND_DATA", str(folder))
        monkeypatch.setenv("PLAYGROUND_DOWNLOAD", str(download))
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        (tmp_path / "keras").mkdir(exist_ok=True)
        settings.cache_clear()
        return folder

    yield change
    monkeypatch.undo()
    settings.cache_clear()


def small_mnist(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small mnist.npz, passed off as the published one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mnist.npz"
    generator = np.random.default_rng(0)
    with path.open("wb") as stream:
        np.savez(
            stream,
            x_train=generator.integers(0, 256, (60, 28, 28), np.uint8),
            y_train=np.arange(60, dtype=np.uint8) % 10,
            x_test=generator.integers(0, 256, (20, 28, 28), np.uint8),
            y_test=np.arange(20, dtype=np.uint8) % 10,
        )
    publish("mnist", path, monkeypatch)
    return path


def publish(name: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the file at `path` the published one of its name."""
    content = path.read_bytes()
    source = datasets.SETS[name]
    others = [file for file in source.files if file.name != path.name]
    length = 64 if name == "mnist" else 32
    digest = hashlib.new({64: "sha256", 32: "md5"}[length], content).hexdigest()
    here = PublishedFile(path.name, len(content), digest)
    monkeypatch.setitem(datasets.SETS, name, replace(source, files=(*others, here)))


# What is loaded ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", *REAL_SETS])
def test_a_data_set_is_what_its_facts_say(name: str) -> None:
    known = datasets.source_of(name)
    dataset = datasets.load(name)
    assert dataset.name == name and dataset.title == known.title
    assert dataset.images.shape == (known.train_count, *known.shape)
    assert dataset.test_images.shape == (known.test_count, *known.shape)
    assert dataset.images.dtype == dataset.test_images.dtype == np.uint8
    assert dataset.labels.shape == (known.train_count,)
    assert dataset.test_labels.shape == (known.test_count,)
    assert dataset.labels.dtype == dataset.test_labels.dtype == np.int64
    assert set(dataset.labels) == set(dataset.test_labels) == set(range(10))
    assert len(dataset.class_names) == 10
    assert dataset.images.max() == 255 and dataset.images.min() == 0
    assert dataset.images.flags.c_contiguous and not dataset.images.flags.writeable
    assert datasets.available(name) == "here"


@needs_files
def test_mnist_is_mnist() -> None:
    dataset = datasets.load("mnist")
    assert list(dataset.labels[:5]) == [5, 0, 4, 1, 9]
    assert list(dataset.test_labels[:5]) == [7, 2, 1, 0, 4]
    assert dataset.images.mean() == pytest.approx(33.318, abs=1e-3)  # the known mean, 0.1307 · 255


@needs_files
def test_cifar_is_upright_and_in_colour() -> None:
    dataset = datasets.load("cifar10")
    assert [dataset.class_names[label] for label in dataset.labels[:3]] == [
        "frog", "truck", "truck",
    ]  # fmt: skip
    # The known means of the three colours.
    means = dataset.images.reshape(-1, 3).mean(0) / 255
    assert means == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-4)
    # The first image as the file has it: 1,024 red values row by row, then green, then blue.
    first = pickle.loads(  # its hash was checked by load
        (datasets.location("cifar10") / "data_batch_1").read_bytes(),  # type: ignore[operator]
        encoding="bytes",
    )[b"data"][0]
    for channel in range(3):
        plane = first[1024 * channel : 1024 * (channel + 1)].reshape(32, 32)
        assert np.array_equal(dataset.images[0, :, :, channel], plane)


def test_digits_are_split_evenly_and_always_alike() -> None:
    dataset = datasets.load("digits")
    train, test = np.bincount(dataset.labels), np.bincount(dataset.test_labels)
    assert np.all(np.abs(test - (train + test) * 360 / 1797) <= 1)
    digest = hashlib.sha256(dataset.test_images.tobytes() + dataset.test_labels.tobytes())
    assert digest.hexdigest()[:12] == "abfb7506be6e"
    from sklearn.datasets import load_digits

    bunch = load_digits()
    ours = np.concatenate([dataset.images, dataset.test_images]).reshape(-1, 64)
    theirs = np.rint(bunch.data * 255 / 16).astype(np.uint8)
    assert sorted(map(bytes, ours)) == sorted(map(bytes, theirs))


def test_the_last_data_set_is_kept(use: UseFolder, tmp_path: Path, monkeypatch: Any) -> None:
    path = small_mnist(use(tmp_path / "data"), monkeypatch)
    first = datasets.load("mnist")
    path.unlink()
    assert datasets.load("mnist") is first
    datasets.load("digits")
    with pytest.raises(DataError):
        datasets.load("mnist")


@pytest.mark.parametrize("name", ["digits", *REAL_SETS])
def test_a_sample_shows_each_class_once_then_again(name: str) -> None:
    images, labels, class_names = datasets.sample(name, 25)
    assert list(labels) == [*range(10), *range(10), *range(5)]
    assert images.shape == (25, *datasets.source_of(name).shape) and images.dtype == np.uint8
    assert len(np.unique(images.reshape(25, -1), axis=0)) == 25
    assert class_names == datasets.source_of(name).class_names
    datasets.load(name)
    assert np.array_equal(datasets.sample(name, 25)[0], images)


@needs_files
def test_a_cifar_sample_opens_one_batch(use: UseFolder, tmp_path: Path) -> None:
    folder = use(tmp_path / "data") / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    shutil.copy(Path(REAL) / "cifar-10-batches-py" / "test_batch", folder)
    assert list(datasets.sample("cifar10")[1]) == list(range(10))


def fashion_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Four small files in the form of Fashion-MNIST's, passed off as the published ones."""
    folder = folder / "fashion-mnist"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    written = {}
    for part, count in (("train", 60), ("t10k", 20)):
        arrays = {
            f"{part}-images-idx3-ubyte.gz": generator.integers(0, 256, (count, 28, 28), np.uint8),
            f"{part}-labels-idx1-ubyte.gz": np.arange(count, dtype=np.uint8) % 10,
        }
        for name, array in arrays.items():
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            (folder / name).write_bytes(gzip.compress(head + array.tobytes()))
            publish("fashion_mnist", folder / name, monkeypatch)
            written[name] = array
    return written


def test_fashion_mnist_is_read_from_its_four_files(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = fashion_files(use(tmp_path / "data"), monkeypatch)
    dataset = datasets.load("fashion_mnist")
    assert np.array_equal(dataset.images[..., 0], written["train-images-idx3-ubyte.gz"])
    assert np.array_equal(dataset.test_images[..., 0], written["t10k-images-idx3-ubyte.gz"])
    assert np.array_equal(dataset.test_labels, written["t10k-labels-idx1-ubyte.gz"])
    assert dataset.class_names[9] == "Ankle boot"


def test_a_cut_gz_is_refused(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fashion_files(use(tmp_path / "data"), monkeypatch)
    path = tmp_path / "data" / "fashion-mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"changed or cut: it has .* bytes, the published file"):
        datasets.load("fashion_mnist")


def test_cifar_is_found_where_keras_unpacks_it(use: UseFolder, tmp_path: Path) -> None:
    outer = use(tmp_path / "data") / "cifar-10-batches-py"
    inner = tmp_path / "data" / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    for folder in (outer, inner):
        folder.mkdir(parents=True)
        for file in datasets.SETS["cifar10"].files:
            assert datasets.location("cifar10") == (None if folder == outer else outer)
            (folder / file.name).touch()
    assert datasets.location("cifar10") == inner
    assert datasets.available("cifar10") == "here"


# What is refused --------------------------------------------------------------------------------


def test_an_unknown_name_is_refused() -> None:
    for ask in (datasets.load, datasets.sample, datasets.available, datasets.source_of):
        with pytest.raises(DataError, match="There is no data set 'imagenet'"):
            ask("imagenet")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_a_missing_data_set_is_said_to_be_missing(
    name: str, use: UseFolder, tmp_path: Path
) -> None:
    folder = use(tmp_path / "nowhere")
    assert datasets.available(name) == "missing"
    for ask in (datasets.load, datasets.sample):
        with pytest.raises(DataError) as caught:
            ask(name)
        title = datasets.source_of(name).title
        assert str(caught.value) == (
            f"{title} is not on this machine: the folder {folder} does not exist."
        )
        assert "Digits" in caught.value.hint and "PLAYGROUND_DATA" in caught.value.hint
    folder.mkdir()
    with pytest.raises(DataError, match=r"is not on this machine: .* has no "):
        datasets.load(name)


def test_a_missing_data_set_that_may_be_downloaded_is_not_by_a_sample(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(tmp_path, download=True)
    monkeypatch.setattr(download, "fetch", lambda *_: pytest.fail("downloaded"))
    assert datasets.available("cifar10") == "download"
    with pytest.raises(DataError) as caught:
        datasets.sample("cifar10")
    assert caught.value.hint == "It is downloaded (170 MB) when first trained on."


def test_one_changed_byte_is_refused(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_mnist(use(tmp_path / "data"), monkeypatch)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        datasets.load("mnist")
    assert str(path) in str(caught.value) and "sha256" in str(caught.value)
    assert "Replace it" in caught.value.hint


class Bomb:
    """Unpickled, it writes a file."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.sentinel),)


def cifar_with_bomb(folder: Path, sentinel: Path) -> Path:
    """A CIFAR folder whose every batch is a bomb."""
    batches = folder / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    for file in datasets.SETS["cifar10"].files:
        bomb = pickle.dumps({b"data": Bomb(sentinel), b"labels": []}, protocol=2)
        (batches / file.name).write_bytes(bomb)
    return batches


def test_a_batch_with_a_wrong_hash_is_never_unpickled(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentinel = tmp_path / "sentinel"
    batches = cifar_with_bomb(use(tmp_path / "data"), sentinel)
    opened: list[bytes] = []
    monkeypatch.setattr(cifar10, "_unpickle", opened.append)
    # Padded to the published size, so that it is the hash that stops it.
    for file in datasets.SETS["cifar10"].files[-2:]:
        with (batches / file.name).open("ab") as stream:
            stream.truncate(file.size)
    with pytest.raises(DataError, match="md5"):
        datasets.sample("cifar10")
    with pytest.raises(DataError, match="changed or cut"):
        datasets.load("cifar10")
    assert opened == [] and not sentinel.exists()
    # The bomb is real: what it is protected from would set it off.
    pickle.loads((batches / "data_batch_1").read_bytes())
    assert sentinel.exists()


def test_even_a_batch_with_the_right_hash_can_call_nothing(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentinel = tmp_path / "sentinel"
    batches = cifar_with_bomb(use(tmp_path / "data"), sentinel)
    publish("cifar10", batches / "test_batch", monkeypatch)
    with pytest.raises(pickle.UnpicklingError, match="a CIFAR-10 batch has no"):
        datasets.sample("cifar10")
    assert not sentinel.exists()


def test_an_npz_of_objects_is_never_unpickled(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentinel = tmp_path / "sentinel"
    path = use(tmp_path / "data") / "mnist.npz"
    path.parent.mkdir()
    bombs = np.array([Bomb(sentinel)], object)
    np.savez(path, x_train=bombs, y_train=bombs, x_test=bombs, y_test=bombs)
    with pytest.raises(DataError):
        datasets.load("mnist")
    publish("mnist", path, monkeypatch)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        datasets.load("mnist")
    assert not sentinel.exists()


def test_a_folder_in_a_files_place_is_said_so(use: UseFolder, tmp_path: Path) -> None:
    (use(tmp_path) / "mnist.npz").mkdir()
    with pytest.raises(DataError, match=r"mnist\.npz is not a file"):
        datasets.load("mnist")


def test_a_file_in_a_folders_place_is_said_so(use: UseFolder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    use(tmp_path / "file")
    with pytest.raises(DataError, match=r"is not on this machine: the folder .* does not exist"):
        datasets.load("mnist")
    use(tmp_path)
    (tmp_path / "cifar-10-batches-py").write_text("x")
    with pytest.raises(DataError, match="is not on this machine"):
        datasets.load("cifar10")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "this program may not open"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_so(
    error: OSError,
    said: str,
    use: UseFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_mnist(use(tmp_path), monkeypatch)

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError) as caught:
        datasets.load("mnist")
    assert said in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_a_forbidden_folder_is_said_so(use: UseFolder) -> None:
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        use(Path(folder)).chmod(0)
        if user == 0:
            os.seteuid(NOBODY)  # no file mode binds the superuser
        try:
            with pytest.raises(DataError, match="this program may not open"):
                datasets.load("mnist")
        finally:
            os.seteuid(user)
            Path(folder).chmod(0o700)


def test_a_wrong_file_is_not_read_to_its_end(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = use(tmp_path) / "mnist.npz"
    with path.open("wb") as stream:
        stream.truncate(10**9)
    with pytest.raises(DataError, match="it has 1,000,000,000 bytes"):
        datasets.load("mnist")


# Downloads --------------------------------------------------------------------------------------


@pytest.fixture
def keras_mnist(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Path], None]], Path]:
    """Lets `keras.datasets.mnist.load_data` do what a test wants, in an empty Keras cache."""
    import keras

    cache = tmp_path / "keras" / "datasets"
    use(tmp_path / "data", download=True)

    def replace(act: Callable[[Path], None]) -> Path:
        monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: act(cache / "mnist.npz"))
        return cache

    return replace


def test_a_download_is_shown_verified_and_used(
    keras_mnist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = small_mnist(tmp_path / "source_of", monkeypatch)
    smaller = replace(
        datasets.SETS["mnist"], download=Download(source.stat().st_size, ("mnist.npz",))
    )
    monkeypatch.setitem(datasets.SETS, "mnist", smaller)
    half_way = threading.Event()

    def act(target: Path) -> None:
        content = source.read_bytes()
        target.write_bytes(content[: len(content) // 2])
        assert half_way.wait(20)
        target.write_bytes(content)

    cache = keras_mnist(act)
    seen: list[tuple[str, float | None]] = []

    def on_progress(message: str, fraction: float | None) -> None:
        seen.append((message, fraction))
        if fraction and fraction > 0.4:
            half_way.set()

    dataset = datasets.load("mnist", on_progress)
    assert len(dataset.labels) == 60
    assert any("Downloading MNIST" in message for message, _ in seen)
    assert any(fraction == pytest.approx(0.5, abs=0.01) for _, fraction in seen)
    assert datasets.available("mnist") == "here"
    assert datasets.location("mnist") == cache
    assert not download.under_way()


def test_a_download_of_something_else_is_refused(keras_mnist: Any) -> None:
    cache = keras_mnist(lambda target: target.write_bytes(b"<html>please log in</html>"))
    with pytest.raises(DataError, match="is not as published") as caught:
        datasets.load("mnist")
    assert str(cache / "mnist.npz") in str(caught.value)
    assert caught.value.hint.startswith("Delete it and it is downloaded again")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (urllib.error.URLError(TimeoutError("timed out")), "the server was silent for 30 seconds"),
        (urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")), "refused"),
        (urllib.error.HTTPError("http://x", 503, "busy", {}, None), "the server answered 503"),  # type: ignore[arg-type]
        (urllib.error.ContentTooShortError("short", None), "the connection broke off"),  # type: ignore[arg-type]
        (TimeoutError("timed out"), "the server was silent for 30 seconds"),
        (OSError(errno.ENOSPC, "No space left on device"), "is full"),
        (PermissionError(errno.EACCES, "Permission denied", "/there"), "/there may not be written"),
        (ValueError("Incomplete or corrupted file detected."), "is not the published file"),
        (RuntimeError("odd"), "the download failed"),
    ],
)
def test_a_failed_download_says_why(error: Exception, said: str, keras_mnist: Any) -> None:
    def act(target: Path) -> None:
        try:
            raise error
        except urllib.error.URLError:
            raise Exception("URL fetch failure on ...")  # noqa: B904 - as Keras does it

    def fail(target: Path) -> None:
        act(target)

    keras_mnist(fail)
    with pytest.raises(DataError) as caught:
        datasets.load("mnist")
    assert "MNIST is not on this machine and could not be downloaded from" in str(caught.value)
    assert said in str(caught.value)
    assert "Digits" in caught.value.hint
    assert not download.under_way()


def test_without_internet_the_real_download_says_so(
    use: UseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def no_network(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    use(tmp_path / "data", download=True)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(DataError, match="there is no internet connection"):
        datasets.load("mnist")


def test_a_file_that_another_process_is_downloading_is_waited_for(
    keras_mnist: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = small_mnist(tmp_path / "source_of", monkeypatch)
    cache = keras_mnist(lambda target: pytest.fail("downloaded twice"))
    cache.mkdir(parents=True)
    (cache / "mnist.npz").write_bytes(source.read_bytes()[:500])
    other = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib; from playground.datasets import download\n"
            "with download._only_one(pathlib.Path(sys.argv[1])):\n"
            "    print('held', flush=True); sys.stdin.read()",
            str(cache),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert other.stdin is not None and other.stdout is not None
    with other:
        assert other.stdout.readline().strip() == b"held"
        assert download.under_way()

        def finish(message: str, fraction: float | None) -> None:
            if "Downloading" in message and not other.stdin.closed:
                shutil.copy(source, cache / "mnist.npz")
                other.stdin.close()

        assert len(datasets.load("mnist", finish).labels) == 60
    assert not download.under_way()


def test_a_stop_while_downloading_comes_through(keras_mnist: Any) -> None:
    release = threading.Event()
    keras_mnist(lambda target: release.wait(20))

    class Stopped(Exception):
        pass

    def stop(message: str, fraction: float | None) -> None:
        if "Downloading" in message:
            raise Stopped

    try:
        with pytest.raises(Stopped):
            datasets.load("mnist", stop)
    finally:
        release.set()


# Splits -----------------------------------------------------------------------------------------


def numbered(count: int) -> Dataset:
    """A data set in which each image and its label are the image's number."""
    numbers = np.arange(count)
    images = np.zeros((count, 1, 1, 2), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = numbers % 256, numbers // 256
    rows = {"images": images, "labels": numbers}
    return Dataset("digits", "Numbers", rows, {k: v[:1] for k, v in rows.items()}, ["all"])


NUMBERED = numbered(1437)


@given(
    train_images=st.just(0) | st.integers(50, 1437),
    validation_split=st.floats(0.02, 0.5),
    seed=st.integers(0, 2**31 - 1),
)
def test_a_split_parts_the_drawn_images(
    train_images: int, validation_split: float, seed: int
) -> None:
    spec = RunSpec(
        dataset="digits", train_images=train_images, validation_split=validation_split, seed=seed
    )
    parts = datasets.split(NUMBERED, spec)
    count = train_images or 1437
    held_out = len(parts.validation_labels)
    assert held_out == max(1, round(count * validation_split))
    assert held_out + len(parts.train_labels) == count
    drawn = [*parts.train_labels, *parts.validation_labels]
    assert len(set(drawn)) == count and set(drawn) <= set(range(1437))
    # Each image kept its label.
    numbers = parts.train_images[:, 0, 0, 0] + 256 * parts.train_images[:, 0, 0, 1].astype(int)
    assert np.array_equal(numbers, parts.train_labels)
    again = datasets.split(NUMBERED, spec)
    assert np.array_equal(again.train_labels, parts.train_labels)
    assert np.array_equal(again.validation_images, parts.validation_images)


def test_more_images_are_the_same_and_more() -> None:
    def drawn(count: int, seed: int) -> set[int]:
        parts = datasets.split(NUMBERED, RunSpec(dataset="digits", train_images=count, seed=seed))
        return {*parts.train_labels, *parts.validation_labels}

    assert drawn(100, 1) < drawn(500, 1) < drawn(0, 1)
    assert drawn(100, 1) != drawn(100, 2)


def test_a_split_of_more_images_than_there_are_is_refused() -> None:
    with pytest.raises(DataError, match="Numbers has 100 training images; 1,000 were asked for"):
        datasets.split(numbered(100), RunSpec(dataset="digits", train_images=1000))


@given(
    train_images=st.sampled_from([0, 50, 333, 1000]),
    validation_split=st.floats(0.02, 0.5),
    beside=st.just(0) | st.integers(10, 400),
    imbalance=st.just(1.0) | st.floats(1, 100),
)
def test_images_are_counted_as_they_are_drawn(
    train_images: int, validation_split: float, beside: int, imbalance: float
) -> None:
    spec = RunSpec(
        dataset="digits",
        train_images=train_images,
        validation_split=validation_split,
        validation_images=beside,
        imbalance=imbalance,
    )
    known, drawn = datasets.counts(spec), datasets.split(datasets.load("digits"), spec)
    assert known.held_out == len(drawn.validation_labels) and known.test == 360
    if imbalance == 1:
        assert known.trained == len(drawn.train_labels)
    elif known.trained > 300:  # of a few images, too few of a class may have been drawn
        assert known.trained == pytest.approx(len(drawn.train_labels), rel=0.25)


def test_a_data_set_is_added_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)

    def read(open_file: Callable[[str], bytes], wanted: Any) -> Any:
        labels = np.arange(60) % 2
        bright = draw.integers(0, 100, (60, 6, 5, 1)) + 100 * labels[:, None, None, None]
        return {part: {"images": bright.astype(np.uint8), "labels": labels} for part in wanted}

    toy = Source("toy", "Toy", 60, 60, (6, 5, 1), ["dark", "bright"], read, defaults={"depth": 1})
    monkeypatch.setitem(datasets.SETS, "toy", toy)
    spec = RunSpec(dataset="toy", batch_size=8, epochs=30, embedding=8, learning_rate=0.01)
    assert spec.depth == 1 and datasets.available("toy") == "here"
    events = list(train(spec))
    assert events[-1].metrics["accuracy"] > 0.9
    assert RunSpec.from_query(spec.to_query()) == (spec, [])


# The wall ---------------------------------------------------------------------------------------


def test_importing_the_data_sets_needs_no_tensorflow() -> None:
    code = (
        "import sys; from playground import datasets; datasets.sample('digits')\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'losses'}; print(heavy & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stdout.strip() == "set()"


def test_shapes_need_no_file_and_are_the_same_every_time(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYGROUND_DATA", str(tmp_path))
    known = datasets.source_of("shapes")
    images, labels, names = datasets.sample("shapes", 6)
    assert names == ["circle", "square", "triangle"]
    assert labels.tolist() == [0, 1, 2, 0, 1, 2] and images.shape == (6, 28, 28, 1)
    rows = known.read(lambda name: b"", ("test",))["test"]
    np.testing.assert_array_equal(
        rows["images"], known.read(lambda name: b"", ("test",))["test"]["images"]
    )
    assert len(rows["labels"]) == known.test_count and images.max() == 255
