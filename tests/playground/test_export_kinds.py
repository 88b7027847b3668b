"""Every kind that a run is taken home as, opened with the tool it is for in a folder and a process
that know nothing of ours, and held to what the run itself recorded."""

import ast
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import onnx
import onnxruntime
import pyarrow.parquet
import pytest
from nbclient import NotebookClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from playground import RunSpec, datasets, export, export_kinds, models, train
from playground.analysis import curves
from playground.analysis.files import network_file
from playground.datasets import own
from playground.errors import RunError, SpecError
from playground.export_notebook import notebook
from playground.export_parts import COMPILED, NETWORK, ONNX, TAKEN
from playground.intake import runs
from playground.intake.limits import limits
from playground.knobs import metric_key
from playground.runs.records import RunRecord
from playground.runs.store import Store, open_store
from playground.settings import Settings, settings
from playground.tasks import TASKS
from playground.training.events import Finished, Snapshot
from tests.playground.test_export import taken_home

# A visitor's text that would end a string, begin a cell and a block of code.
LOSS = '# %% mine """ ```\n-sum(y_true * log(y_pred), axis=-1)  # \\'
CONFIDENCE = "mean(max(y_pred, axis=-1))"
SPEC = RunSpec(
    dataset="digits",
    loss=LOSS,
    metrics=("brier", CONFIDENCE),
    width=8,
    embedding=8,
    epochs=4,
    evaluations=1,
    class_weights="1,1,1,1,1,1,1,1,1,2",
)


@dataclass(frozen=True)
class Home:
    """A run that has ended, and the store that it is in."""

    store: Store
    record: RunRecord

    def made(self, kind: str) -> bytes:
        return export_kinds.KINDS[kind].make(self.store, self.record.id, network_file)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    store = open_store(Settings(home=tmp_path_factory.mktemp("home")))
    run_id = store.create(SPEC, "me")
    for event in train(SPEC):
        store.record(run_id, event)
    record = store.run(run_id)
    assert record is not None and record.state == "completed"
    yield Home(store, record)
    store.close()


@pytest.fixture(scope="module")
def unpacked(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of the run, in a folder of its own."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(io.BytesIO(home.made("code"))) as archive:
        archive.extractall(folder)
    return folder


def alone(code: str, folder: Path) -> str:
    """What Python prints that is run in a folder, with nothing of ours on its path."""
    (folder / "alone.py").write_text("import importlib.util\n" + code + ALONE, "utf-8")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "alone.py"], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


ALONE = "\nassert importlib.util.find_spec('playground') is None\n"


# The zip


def code_of(cells: list[Any]) -> str:
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


def tokens(code: str) -> str:
    return ast.unparse(ast.parse(code))


def test_the_notebook_is_the_script_in_cells(home: Home, unpacked: Path) -> None:
    script = (unpacked / export.SCRIPT).read_text("utf-8")
    made = nbformat.read(unpacked / export.NOTEBOOK, as_version=4)
    nbformat.validate(made)
    titles = [cell.source for cell in made.cells if cell.cell_type == "markdown"]
    assert (
        "## The network" in titles
        and "## The loss" in titles
        and "## The curves of the run" in titles
    )
    assert not any("mine" in title or "`" * 3 in title for title in titles)
    own = [cell for cell in made.cells if not cell.source.startswith("import matplotlib")]
    here = code_of(own).replace('TAKEN = "weights.npz"', TAKEN)
    words, _, rest = script.partition('"""\n\nimport')
    assert tokens(here) == tokens("import" + rest)
    assert made.cells[0].source == words.removeprefix('"""').strip()
    bare = notebook(export.Package(SPEC))
    assert 'TAKEN = \\"\\"' in bare and "series.csv" not in bare  # there is nothing to take
    assert notebook(export.Package(SPEC)) == bare


def test_the_notebook_answers_as_the_run_did(
    home: Home, unpacked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # Streamlit sets it; pictures go into the cells
    made = nbformat.read(unpacked / export.NOTEBOOK, as_version=4)
    made.cells.append(nbformat.v4.new_code_cell("import importlib.util" + ALONE))
    NotebookClient(made, timeout=300, resources={"metadata": {"path": str(unpacked)}}).execute()
    outputs = [each for cell in made.cells for each in cell.get("outputs", ())]
    printed = "".join(each.text for each in outputs if each.output_type == "stream")
    for name in ("accuracy", *map(metric_key, SPEC.metrics)):
        [found] = re.findall(rf"test {name}: ([\d.]+)", printed)
        assert float(found) == pytest.approx(home.record.metrics[f"test_{name}"], abs=1e-4), name
    drawn = [each for each in outputs if "image/png" in each.get("data", {})]
    assert len(drawn) == 3  # the curves, some answers, the confusion matrix


KERAS = f"""
import json, sys
import keras
import numpy as np
from sklearn.datasets import load_digits

x, y = np.load("x.npy"), np.load("y.npy")
one_hot = np.eye(10)[y]
right = lambda said: float(np.mean(said.argmax(axis=-1) == y))
found = {{"plain": right(keras.saving.load_model("{NETWORK}").predict(x, verbose=0))}}
try:
    keras.saving.load_model("{COMPILED}")
except TypeError as error:
    found["refused"] = str(error)
bare = keras.saving.load_model("{COMPILED}", compile=False)
found["bare"] = right(bare.predict(x, verbose=0))
assert "losses" not in sys.modules
import losses

model = keras.saving.load_model("{COMPILED}")
found["compiled"] = model.evaluate(x, one_hot, verbose=0, return_dict=True)
model.fit(x[:64], one_hot[:64], verbose=0)
print(json.dumps(found))
"""


def test_both_keras_files_answer_as_the_run_did(home: Home, unpacked: Path) -> None:
    """Without our package the loss is no class that Keras finds; the README says what mends it."""
    test = datasets.load("digits").test_rows
    np.save(unpacked / "x.npy", test["images"])
    np.save(unpacked / "y.npy", test["labels"])
    found = json.loads(alone(KERAS, unpacked).splitlines()[-1])
    metrics = home.record.metrics
    for way in ("plain", "bare"):
        assert found[way] == pytest.approx(metrics["test_accuracy"], abs=1e-4)
    said = (unpacked / export.README).read_text("utf-8")
    assert "Could not locate class" in found["refused"] and "Could not locate class" in said
    assert "import losses" in said and "compile=False" in said
    whole = found["compiled"]
    assert whole["accuracy"] == pytest.approx(metrics["test_accuracy"], abs=1e-4)
    for name in ("loss", *map(metric_key, SPEC.metrics)):
        assert whole[name] == pytest.approx(metrics[f"test_{name}"], abs=1e-3), name


def test_the_zip_opens_as_a_run_elsewhere(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "run.zip"
    file.write_bytes(home.made("code"))
    there = open_store(Settings(home=tmp_path / "there"))
    run_id = runs.keep(there, runs.read(file, limits(Settings())), "you")
    assert curves.table(there, run_id) == curves.table(home.store, home.record.id)
    assert [run.spec for run in there.runs()] == [SPEC]
    there.close()


def test_a_loss_that_compile_cannot_take_is_said() -> None:
    weights = untrained(RunSpec(dataset="digits"))
    pulled = RunSpec(dataset="digits", loss="cross_entropy() + 0.1 * center()")
    with pytest.raises(SpecError, match="has no centers, features for it"):
        network_file(COMPILED, pulled, weights)
    with pytest.raises(SpecError, match="no place for a loss of detection"):
        network_file(COMPILED, RunSpec(task="detection"), weights)


def test_two_files_are_made_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once: list[int] = []
    running = threading.Semaphore(9)

    def make(*_: object) -> bytes:
        with running:
            at_once.append(9 - running._value)
            time.sleep(0.05)
        return b"made"

    kind = export_kinds.Kind("", "", "", "", make)
    run = (home.store, home.record.id, network_file)
    made: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: made.append(export_kinds.made(kind, *run)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [b"made"] * 5 and max(at_once) == 2
    monkeypatch.setattr(export_kinds, "WAIT_SECONDS", 0.01)

    def again(*_: object) -> bytes:  # in a third
        return export_kinds.made(kind, *run)

    both = export_kinds.Kind("", "", "", "", lambda *_: export_kinds.made(third, *run))
    third = export_kinds.Kind("", "", "", "", again)
    with pytest.raises(RunError, match="making other files"):
        export_kinds.made(both, *run)
    assert export_kinds.made(kind, *run) == b"made"


def test_own_data_go_along_and_their_names_are_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three classes of a visitor, whose names would be Markdown."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    names = ["a", "[x](y)", "*c*"]
    facts = own.Facts("0" * 32, "Mine, raise 1", (8, 8, 1), names, [60] * 3, [20] * 3)
    y = {"train": np.repeat(np.arange(3), 60), "test": np.repeat(np.arange(3), 20)}
    draw = np.random.default_rng(0)
    pictures = {part: draw.integers(0, 90, (len(of), 8, 8, 1)) for part, of in y.items()}
    for part, of in y.items():
        pictures[part][np.arange(len(of)), of] += 90  # a bright row tells the class
    arrays = {f"x_{part}": each.astype(np.uint8) for part, each in pictures.items()}
    own.keep(facts, {**arrays, **{f"y_{part}": each for part, each in y.items()}}, "me")
    text = "-sum(y_true * log(y_pred), axis=-1)"
    spec = RunSpec(dataset=facts.name, loss=text, metrics=("macro_f1",), width=4, epochs=4)
    store = open_store(Settings(home=tmp_path / "home"))
    run_id = store.create(spec, "me")
    for event in train(spec):
        store.record(run_id, event)
    record = store.run(run_id)
    content = export.bundle(store, run_id, network_file)
    store.close()
    monkeypatch.undo()
    settings.cache_clear()
    printed = taken_home(content, tmp_path / "there", export.WEIGHTS)
    assert record is not None and (tmp_path / "there" / "data.npz").exists()
    for name in ("accuracy", "macro_f1"):
        [found] = re.findall(rf"test {name}: ([\d.]+)", printed)
        assert float(found) == pytest.approx(record.metrics[f"test_{name}"], abs=1e-4)
    said = (tmp_path / "there" / export.README).read_text("utf-8")
    assert "for Mine, raise 1\n" in said and "a, x (y), c." in said


# The network of every task


def untrained(spec: RunSpec) -> dict[str, np.ndarray]:
    """Weights as a snapshot has them, of a network that has learned nothing."""
    shape = next(iter(models.plan(spec).inputs.values()))
    images = np.random.default_rng(0).integers(0, 256, (64, *shape), np.uint8)
    statistics = models.pixel_statistics(images, spec.normalise)
    built = models.connect(spec, statistics)
    found = {weight.path: np.array(weight.numpy()) for weight in built.model.weights}
    return {**found, **statistics.as_arrays()}


# Each task, and each layer that is our own.
NETWORKS = {
    "classification": RunSpec(dataset="digits", batch_norm=True, activation="prelu"),
    "incremental": RunSpec(task="incremental", dataset="digits"),
    "variational": RunSpec(task="autoencoder", dataset="digits", kind="variational"),
    "conditional": RunSpec(
        task="autoencoder", dataset="digits", conditional=True, class_head=True, noise=0.1
    ),
    "detection": RunSpec(task="detection", dataset="digits", precision="mixed_bfloat16"),
    "two stages": RunSpec(task="detection", dataset="digits", stages="two", precision="float32"),
    **{
        distance: RunSpec(task="siamese", dataset="digits", distance=distance, same_head=head)
        for distance, head in (
            ("euclidean", "none"),
            ("squared", "sigmoid"),
            ("l1", "softmax"),
            ("cosine", "none"),
            ("squared difference", "softmax"),
            ("absolute difference", "softmax"),
        )
    },
}


def fed(spec: RunSpec) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    shapes = models.plan(spec).inputs
    return {n: draw.integers(0, 256, (3, *s)).astype(np.float32) for n, s in shapes.items()}


def answers(spec: RunSpec) -> dict[str, np.ndarray]:
    """What the network says here."""
    model, given = models.restore(spec, untrained(spec)), fed(spec)
    said = model(given if len(given) > 1 else next(iter(given.values())), training=False)
    said = said if isinstance(said, dict) else {"said": said}
    return {name: np.asarray(each, np.float32) for name, each in said.items()}


PLAIN = """
import pathlib
import sys
import keras
import numpy as np

for path in sorted(pathlib.Path(".").glob("*.keras")):
    given = dict(np.load(path.with_suffix(".in.npz")))
    model = keras.saving.load_model(path)
    said = model.predict(given if len(given) > 1 else next(iter(given.values())), verbose=0)
    np.savez(path.with_suffix(".out.npz"), **(said if isinstance(said, dict) else {"said": said}))
assert not {"losses", "own_layers", "playground"} & set(sys.modules)
"""


def test_plain_keras_opens_the_network_of_every_task(tmp_path: Path) -> None:
    for name, spec in NETWORKS.items():
        (tmp_path / f"{name}.keras").write_bytes(network_file(NETWORK, spec, untrained(spec)))
        np.savez(tmp_path / f"{name}.in.npz", **fed(spec))
    alone(PLAIN, tmp_path)
    for name, spec in NETWORKS.items():
        wanted = answers(spec)
        with np.load(tmp_path / f"{name}.out.npz") as found:
            assert set(found) == set(wanted), name
            for key, value in wanted.items():
                np.testing.assert_allclose(
                    found[key], value, atol=2e-2 if name == "detection" else 1e-5
                )


def test_every_task_is_covered() -> None:
    assert {spec.task for spec in NETWORKS.values()} == set(TASKS)


@pytest.mark.parametrize(
    "name", ["classification", "variational", "detection", "two stages", "euclidean"]
)
def test_onnx_runtime_answers_as_keras_does(name: str) -> None:
    spec = NETWORKS[name].model_copy(update={"precision": "float32"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, about tf2onnx
        content = network_file(ONNX, spec, untrained(spec))
    session = onnxruntime.InferenceSession(content)
    found = session.run(None, fed(spec))
    wanted = answers(spec)
    names = [each.name for each in session.get_outputs()]
    assert len(found) == len(wanted)
    for key, value in zip(names, found, strict=True):
        near = wanted[key] if key in wanted else next(iter(wanted.values()))
        np.testing.assert_allclose(value, near, atol=1e-4, rtol=1e-4)


def test_what_onnx_has_no_operation_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def check_model(path: Path) -> None:
        raise onnx.checker.ValidationError("No Op registered for Bitcast with domain_version of 18")

    monkeypatch.setattr(onnx.checker, "check_model", check_model)
    spec = NETWORKS["squared"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(SpecError, match="ONNX has no operation Bitcast") as raised:
            network_file(ONNX, spec, untrained(spec))
    assert "as a .keras file" in raised.value.hint


def test_onnx_has_the_accuracy_of_the_run(home: Home) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = onnxruntime.InferenceSession(home.made("onnx"))
    test = datasets.load("digits").test_rows
    [said] = session.run(None, {"images": test["images"].astype(np.float32)})
    right = np.mean(said.argmax(axis=-1) == test["labels"])
    assert right == pytest.approx(home.record.metrics["test_accuracy"], abs=1e-4)


# The curves


def test_tensorboard_reads_the_curves(home: Home, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(home.made("tensorboard"))) as archive:
        archive.extractall(tmp_path)
    read = EventAccumulator(str(tmp_path / f"run-{home.record.number}")).Reload()
    tags = read.Tags()["scalars"]
    assert {"loss/train", "accuracy/train", "loss/validation", "brier/test"} <= set(tags)
    for tag, name in (("loss/train", "loss"), ("accuracy/validation", "validation_accuracy")):
        steps, values = home.store.series(home.record.id, name)
        events = read.Scalars(tag)
        assert [each.step for each in events] == steps.tolist()
        assert [each.value for each in events] == values.tolist()
    times = [each.wall_time for each in read.Scalars("loss/train")]
    assert times == sorted(times) and times[0] >= home.record.created.timestamp()
    [settings] = read.Tensors("settings")
    said = settings.tensor_proto.string_val[0].decode()
    assert json.loads(said) == json.loads(SPEC.to_json())
    assert all(line.startswith("    ") for line in said.splitlines())  # code, in Markdown


def test_parquet_and_csv_are_one_table(home: Home) -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(home.made("parquet")))
    assert RunSpec.from_json(table.schema.metadata[b"spec"].decode()) == SPEC
    rows = home.made("csv").decode().splitlines()
    assert rows[0].split(",") == table.column_names and len(rows) == table.num_rows + 1
    assert home.made("csv").decode() == curves.table(home.store, home.record.id)
    for line, row in zip(rows[1:], table.to_pylist(), strict=True):
        for text, (name, value) in zip(line.split(","), row.items(), strict=True):
            assert (text == "") == (value is None), name
            assert value is None or float(text) == pytest.approx(value, rel=1e-5)


# What there is not


def test_a_run_whose_weights_are_gone_says_so_and_gives_the_rest(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    run_id = store.create(SPEC, "me")
    for kind in ("keras", "onnx"):
        with pytest.raises(RunError, match="Run #1 has kept no weights yet") as raised:
            export_kinds.KINDS[kind].make(store, run_id, network_file)
        assert "can be taken all the same" in raised.value.hint
    store.record(run_id, Finished(10, "stopped", 1.0))
    with zipfile.ZipFile(io.BytesIO(export.bundle(store, run_id, network_file))) as archive:
        names = set(archive.namelist())
        said = archive.read(export.README).decode()
    assert {export.SCRIPT, export.NOTEBOOK, "series.csv"} <= names
    assert not {NETWORK, export.WEIGHTS} & names
    assert "No weights of run #1 are kept any more." in said
    store.record(run_id, Snapshot(7, "weights", {"logits/kernel": np.ones((8, 10))}))
    for path in tmp_path.rglob("*weights*"):
        path.unlink()
    with zipfile.ZipFile(io.BytesIO(export.bundle(store, run_id, network_file))) as archive:
        assert "There are no weights and no `network.keras`" in archive.read(export.README).decode()
    with pytest.raises(RunError, match="cannot be used"):
        export_kinds.KINDS["keras"].make(store, run_id, network_file)


def test_a_kind_is_known_by_its_name_or_by_the_files() -> None:
    of = export_kinds.kind_of
    assert of("", "run.keras") is of("keras", "anything") is export_kinds.KINDS["keras"]
    assert of("", "run-3-tensorboard.zip").title == "TensorBoard"
    assert of("", "Run.ZIP").title == "Keras code"
    for name, file in (("gif", "x.zip"), ("", "x.gif")):
        with pytest.raises(SpecError, match="no run is written") as raised:
            of(name, file)
        assert "keras (.keras)" in raised.value.hint
