"""A run taken home: the script is Python whatever a visitor typed, and does what the run did."""

import ast
import gzip
import hashlib
import io
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import RunSpec, datasets, export, export_parts, models, train
from playground.analysis.files import network_file
from playground.datasets import cifar10
from playground.errors import SpecError, WorkerError
from playground.export_classification import script
from playground.presets import PRESETS, with_centers
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import knobs
from playground.training.events import Snapshot

# Two features pulled to their centres, learned in seconds.
PULLED = RunSpec(
    dataset="digits",
    loss=with_centers(0.01),
    width=8,
    embedding=8,
    linear_embedding=True,
    batch_norm=True,
    epochs=6,
    evaluations=1,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(Settings(home=tmp_path / "home"))


def taken_home(content: bytes, folder: Path, *arguments: str) -> str:
    """What the script of a bundle prints, run where nothing else of ours can be imported."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, export.SCRIPT, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def trained(store: Store) -> str:
    """A run of PULLED that has ended."""
    run_id = store.create(PULLED, "me")
    for event in train(PULLED):
        store.record(run_id, event)
    return run_id


def accuracy(printed: str) -> float:
    return float(printed.split("test accuracy:")[1].split()[0])


def test_weights_taken_home_answer_as_the_run_did(store: Store, tmp_path: Path) -> None:
    run_id = trained(store)
    record = store.run(run_id)
    assert record is not None
    content = export.bundle(store, run_id, network_file)
    printed = taken_home(content, tmp_path, export.WEIGHTS)
    assert accuracy(printed) == pytest.approx(record.metrics["test_accuracy"], abs=1e-4)
    with np.load(tmp_path / export.WEIGHTS) as kept:
        assert kept["centers/centers"].shape == (10, 8)
    test = datasets.load("digits").test_rows
    answered = outside(tmp_path, export.NETWORK, test["images"])  # as the zip has it
    correct = np.mean(answered.argmax(axis=-1) == test["labels"])
    assert correct == pytest.approx(record.metrics["test_accuracy"], abs=1e-4)
    again = outside(tmp_path, "weights.keras", test["images"])  # as the script has made it
    np.testing.assert_allclose(again, answered, atol=1e-6)


PLAIN = """
import sys

import keras
import numpy as np

np.save("answered.npy", keras.saving.load_model(sys.argv[1]).predict(np.load("images.npy")))
assert not {"losses", "playground", "own_layers", "pairs"} & set(sys.modules)
"""


def outside(folder: Path, network: str, images: np.ndarray) -> np.ndarray:
    """What plain Keras has the network of a file answer, in a process that knows none of ours."""
    bare = folder / f"bare {network}"
    bare.mkdir()
    shutil.copy(folder / network, bare)
    np.save(bare / "images.npy", images)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", PLAIN, network], cwd=bare, env=environment, check=True)
    found: np.ndarray = np.load(bare / "answered.npy")
    return found


def test_what_hinders_the_network_is_said_and_the_rest_is_there(store: Store) -> None:
    run_id = store.create(PULLED, "me")
    store.record(run_id, Snapshot(7, "weights", {"logits/kernel": np.ones((8, 10))}))

    def busy(*_: object) -> bytes:
        raise WorkerError("The worker is busy.")

    with zipfile.ZipFile(io.BytesIO(export.bundle(store, run_id, busy))) as archive:
        assert export.NETWORK not in archive.namelist()
        assert {export.SCRIPT, export.WEIGHTS} <= set(archive.namelist())
        said = archive.read(export.README).decode()
    assert "There is no `network.keras`, because: The worker is busy." in said


def test_the_readme_says_what_the_network_takes_and_gives() -> None:
    content = export.packed(
        export.Package(
            PULLED, {"logits/kernel": np.ones(1)}, {export.NETWORK: b"a network"}, step=1200
        )
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read(export.NETWORK) == b"a network"
        said = archive.read(export.README).decode()
    assert "step 1,200" in said and "('N', 8, 8, 1)" in said and "Plain Keras opens it" in said
    assert "PLAYGROUND_DATA" in said


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "digits"])
def test_the_script_reads_the_files_that_the_playground_reads(name: str, tmp_path: Path) -> None:
    """In a process of its own, that has no Keras to fetch them, from a folder with a few rows."""
    known = datasets.source_of(name)
    wanted = (
        {part: dict(rows) for part, rows in known.read(lambda _: b"", ("train", "test")).items()}
        if name == "digits"
        else published(name, tmp_path / "data")
    )
    code = "\n".join([
        "import os, pathlib",
        "import numpy as np",
        "DATA = pathlib.Path(os.environ['PLAYGROUND_DATA'])",
        "kept = sys = keras = layers = ops = losses = pairs = None",
        of_these_files(known, tmp_path / "data"),
        "assert kept is sys is keras is layers is ops is losses is pairs is None",
        "np.savez('read.npz', x=x, y=y, x_test=x_test, y_test=y_test)",
    ])  # fmt: skip
    environment = {**os.environ, "PLAYGROUND_DATA": str(tmp_path / "data"), "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)
    with np.load(tmp_path / "read.npz") as read:
        for x, y, part in (("x", "y", "train"), ("x_test", "y_test", "test")):
            rows = wanted[part]
            assert np.array_equal(read[x].reshape(rows["images"].shape), rows["images"])
            assert np.array_equal(read[y].reshape(-1), rows["labels"])


def of_these_files(known: datasets.Source, folder: Path) -> str:
    """The lines that read a data set, with the digests of the files in a folder in place of the
    published ones."""
    code = known.script
    for name, digest in cifar10.SHA256.items() if known.name == "cifar10" else ():
        assert digest in code
        content = (folder / known.layouts[-1] / name).read_bytes()
        code = code.replace(digest, hashlib.sha256(content).hexdigest())
    return code


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.sentinel),)


def test_the_script_opens_no_pickle_that_is_not_the_published_one(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in cifar10.SHA256:
        (folder / name).write_bytes(pickle.dumps(Bomb(tmp_path / "sprung")))
    code = "\n".join([
        "import pathlib, sys",
        "import numpy as np",
        f"DATA = pathlib.Path({str(tmp_path / 'data')!r})",
        datasets.source_of("cifar10").script,
    ])  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        "data_batch_1 is not the published file: fetch CIFAR-10 again."
    )
    assert not (tmp_path / "sprung").exists()


def published(name: str, folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """A few rows in files like the published ones; what they are."""
    draw = np.random.default_rng(0)
    known = datasets.source_of(name)
    counts = {"train": 10, "test": 2}
    rows = {
        part: {
            "images": draw.integers(0, 256, (count, *known.shape), np.uint8),
            "labels": draw.integers(0, 10, count, np.uint8),
        }
        for part, count in counts.items()
    }
    place = folder / known.layouts[-1]
    place.mkdir(parents=True)
    if name == "mnist":
        arrays = {
            f"{short}_{part}": rows[part][long].reshape(counts[part], *shape)
            for part in counts
            for short, long, shape in (("x", "images", (28, 28)), ("y", "labels", ()))
        }
        np.savez(place / "mnist.npz", **arrays)
    elif name == "fashion_mnist":
        for part, prefix in (("train", "train"), ("test", "t10k")):
            for what, long, header in (("images-idx3", "images", 16), ("labels-idx1", "labels", 8)):
                content = bytes(header) + rows[part][long].tobytes()
                file = place / f"{prefix}-{what}-ubyte.gz"
                file.write_bytes(gzip.compress(content))
    else:
        planes = {part: rows[part]["images"].transpose(0, 3, 1, 2) for part in counts}
        batches = {f"data_batch_{n}": ("train", slice(2 * n - 2, 2 * n)) for n in range(1, 6)}
        for file, (part, some) in {**batches, "test_batch": ("test", slice(None))}.items():
            batch = {
                b"data": planes[part][some].reshape(-1, 3072),
                b"labels": rows[part]["labels"][some].tolist(),
            }
            (place / file).write_bytes(pickle.dumps(batch))
    return rows


@pytest.mark.parametrize(
    "changes",
    [
        {
            "loss": "cross_entropy() + 0.01 * center() + 0.1 * contrastive()",
            "schedule": "steps",
            "shift": 1,
            "flip": True,
            "crop": 0.1,
            "normalise": "channel",
            "imbalance": 2.0,
            "metrics": ("macro_f1",),
            "epochs": 20,
        },
        {
            "loss": "focal",
            "loss_parameters": {"gamma": 1.0},
            "patience": 4,
            "l2": 1e-4,
            "class_weights": "balanced",
            "mixup": 0.2,
        },
    ],
    ids=["centres and pairs", "named"],
)
def test_script_trains(changes: dict[str, object], tmp_path: Path) -> None:
    spec = RunSpec(**{**PULLED.model_dump(), **changes})
    assert accuracy(taken_home(export.packed(export.Package(spec)), tmp_path)) > 0.6
    assert (tmp_path / "trained.keras").exists()
    with np.load(tmp_path / export_parts.TRAINED) as learned:
        assert {"centers/centers", "logits/kernel", "normalise/mean"} <= set(learned)
        far = np.abs(learned["centers/centers"]).max() > np.sqrt(6 / (10 + PULLED.embedding))
        assert far == ("center()" in spec.loss)  # they left the room in which they began


@pytest.mark.parametrize(
    "own",
    [{"imbalance": 20.0, "label_noise": 0.2}, {"imbalance": 7.0, "validation_images": 200}],
    ids=["noise", "beside"],
)
def test_the_script_learns_from_the_images_of_the_run(own: dict[str, Any]) -> None:
    spec = RunSpec(dataset="digits", train_images=600, seed=3, **own)
    there: dict[str, Any] = {"np": np, "kept": None}
    exec(export_parts.data(spec), there)
    split = datasets.split(datasets.load("digits"), spec)
    assert np.array_equal(there["x_train"], split.train_images)
    assert np.array_equal(there["y_train"], split.train_labels)
    assert np.array_equal(there["x"][there["held_out"]], split.validation_images)
    statistics = models.pixel_statistics(split.train_images, spec.normalise)
    np.testing.assert_allclose(there["mean"], statistics.mean, rtol=1e-6)


@given(
    st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and not text.isidentifier())
)
def test_a_text_is_a_text_in_the_script(text: str) -> None:
    try:
        spec = RunSpec(loss=text, loss_parameters={"gamma": 1.5})
    except ValueError:
        return  # refused before it could be exported
    found = {
        node.targets[0].id: node.value
        for node in ast.parse(script(spec)).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(found["TEXT"]) == spec.loss
    call = found["loss"]
    assert isinstance(call, ast.Call) and len(call.args) == 2
    assert ast.literal_eval(call.args[1]) == spec.loss_parameters


def test_no_name_can_carry_code() -> None:
    with pytest.raises(ValueError, match="loss_parameters"):
        RunSpec(loss="focal", loss_parameters={"x'); import os": 1.0})


def each_choice() -> list[RunSpec]:
    """Every choice of every knob once, and what the presets are made of."""
    found = [spec for preset in PRESETS.values() for spec in preset.specs()]
    for name, knob in knobs("classification").items():
        for choice in knob.choices or {}:
            if name not in ("metrics", "task"):
                found.append(RunSpec(**{name: choice}))
    more = {"dropout": 0.5, "l2": 1e-3, "label_noise": 0.2, "shift": 2, "imbalance": 10.0}
    found += [RunSpec(class_weights=each) for each in ("balanced", "1,1,1,1,1,1,1,1,1,5")]
    return [*found, RunSpec(**more), RunSpec(validation_images=100, train_images=500, mixup=0.2)]


def test_every_choice_has_its_lines() -> None:
    for spec in each_choice():
        assert ast.parse(script(spec)).body


def test_unknown_run(store: Store) -> None:
    with pytest.raises(SpecError, match="there is no run 'nosuchrun'"):
        export.bundle(store, "nosuchrun", network_file)
