"""The command line: every knob an option, plain words for every fault, a clean stop."""

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import playground
from playground import terminal
from playground.__main__ import app
from playground.errors import DataError, StoreError
from playground.knobs import metric_key
from playground.runs import address
from playground.runs.records import TERMINAL
from playground.runs.store import RunRecord, Store, open_store
from playground.settings import settings
from playground.spec import RunSpec, knobs
from playground.training.checkpoint import Start
from playground.training.control import Control
from playground.training.events import (
    Evaluated,
    Event,
    Failed,
    Finished,
    Preparing,
    Progress,
    Resumed,
    Snapshot,
    Started,
)

ROOT = Path(__file__).parents[2]
Script = Callable[..., Iterator[Event]]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A store of the test's own."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PLAYGROUND_STORE_URL", raising=False)
    settings.cache_clear()
    yield tmp_path / "home"
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def runs_like(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], list[RunSpec]]:
    """Puts a script in the place of the training; gives the list of specs it was run with."""

    def replace(script: Script) -> list[RunSpec]:
        specs: list[RunSpec] = []

        def train(spec: RunSpec, control: Control, start: Start | None = None) -> Iterator[Event]:
            specs.append(spec)
            return script(spec, control) if start is None else script(spec, control, start)

        monkeypatch.setattr(playground, "train", train)
        return specs

    return replace


def command(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def recorded() -> list[RunRecord]:
    store = open_store(settings())
    try:
        return store.runs()
    finally:
        store.close()


STARTED = Started(
    parameters=1234,
    layers=[],
    steps=4,
    steps_per_epoch=4,
    train_images=1293,
    validation_images=144,
    test_images=360,
    class_names=list("0123456789"),
    loss={"title": "Cross-entropy", "warnings": [{"message": "[bold]odd[/bold]"}]},
    arrays={"strip_images": np.zeros((2, 8, 8, 1), np.uint8), "strip_labels": np.zeros(2, int)},
)


def progress(step: int, loss: float = 0.5) -> Progress:
    names = ("loss", "accuracy", "gradient_norm", "learning_rate")
    series = {name: np.array([0.75, loss], np.float32) for name in names}
    return Progress(step, step / 4, step / 10, 640.0, series)


def good_run(spec: RunSpec, control: Control) -> Iterator[Event]:
    yield Preparing("Reading Digits", None)
    yield Preparing("Downloading", 0.5)
    yield STARTED
    yield progress(2)
    yield progress(4)
    metrics = {"loss": 0.25, "accuracy": 0.9375}
    metrics |= {metric_key(text): 0.125 for text in spec.metrics}
    for split in ("validation", "test"):
        arrays = {"confusion": np.eye(10, dtype=np.int32)}
        yield Evaluated(4, 1.0, split, 144, True, metrics, arrays)
    yield Finished(4, "completed", 0.4, metrics)


# Asking -----------------------------------------------------------------------------------------


def test_help_names_every_knob() -> None:
    done = CliRunner().invoke(app, ["train", "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    for name in knobs():
        flag = "--" + name.replace("_", "-")
        repeated = name in ("loss_parameters", "metrics")
        assert (flag.removesuffix("s") if repeated else flag) in done.stdout
    assert "1 to 200" in done.stdout and "default 3, fashion_mnist 5" in done.stdout


def test_help_needs_no_tensorflow() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from playground.__main__ import app\n"
        "for words in (['--help'], ['train', '--help'], ['data'], ['runs'],\n"
        "              ['train', '--epochs', 'x']):\n"
        "    CliRunner().invoke(app, words)\n"
        "print({'tensorflow', 'keras', 'losses'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "set()"


def test_each_option_reaches_its_field(runs_like: Any) -> None:
    specs = runs_like(good_run)
    wanted = RunSpec(
        dataset="digits",
        train_images=500,
        validation_split=0.25,
        normalise="unit",
        model="double",
        width=8,
        depth=1,
        embedding=32,
        activation="gelu",
        batch_norm=True,
        dropout=0.25,
        l2=0.001,
        loss="focal",
        loss_parameters={"gamma": 2.0, "alpha": 0.25},
        metrics=("brier", "mean(p_true > 0.9, axis=-1)"),
        optimizer="sgd",
        learning_rate=0.05,
        schedule="constant",
        batch_size=16,
        epochs=2,
        seed=7,
        precision="mixed_bfloat16",
        evaluations=3,
    )
    words = []
    for name, value in wanted.model_dump().items():
        flag = "--" + name.replace("_", "-")
        if name == "loss_parameters":
            words += [word for key, item in value.items() for word in (flag[:-1], f"{key}={item}")]
        elif isinstance(value, tuple):
            words += [word for item in value for word in (flag[:-1], item)]
        elif isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            words += [flag, str(value)]
    assert command("train", "--no-store", *words).exit_code == 0
    assert command("train", "--no-store", "--dataset", "cifar10", "--no-batch-norm").exit_code == 0
    assert specs == [wanted, RunSpec(dataset="cifar10", batch_norm=False)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--epochs", "many"], "epochs: expected a whole number; got 'many'"),
        (["--epochs", "0"], "epochs: expected 1 to 200; got 0"),
        (["--dataset", "imagenet"], "dataset: expected one of mnist, fashion_mnist, cifar10"),
        (["--loss-parameter", "gamma"], "expected name=number, as in gamma=2; got 'gamma'"),
        (["--loss-parameter", "gamma=x"], "loss_parameters: expected names with numbers"),
        (["--metric", " "], "metrics: expected the name or the text of a metric"),
        (["--loss", " "], "loss: expected the name or the text of a loss"),
        (["--dataset", "digits", "--train-images", "5000"], "50 to 1,437; got 5,000"),
    ],
)
def test_a_wrong_value_is_one_sentence_on_stderr(words: list[str], said: str) -> None:
    done = command("train", *words)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ") and said in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    assert recorded() == []


# Training ---------------------------------------------------------------------------------------


def test_a_run_is_shown_summed_up_and_recorded(runs_like: Any) -> None:
    runs_like(good_run)
    done = command("train", "--dataset", "digits", "--epochs", "1", "--metric", "brier")
    assert done.exit_code == 0, done.stderr
    assert "1,293 images to train on, 144 for validation; 1,234 parameters; 4 steps" in done.stdout
    assert "[bold]odd[/bold]" in done.stdout
    assert "validation loss 0.2500  accuracy 93.8%" in done.stdout
    assert "Test accuracy 93.75%, loss 0.2500" in done.stdout
    assert "brier  0.125" in done.stdout
    assert "0.4 s of training" in done.stdout and "images/s" in done.stdout
    [run] = recorded()
    assert f"Run http://localhost:8501/?run={run.id}\n" in done.stdout
    assert "streamlit run app.py" in done.stdout and "Watch it" not in done.stdout  # none is up
    assert (run.owner, run.state, run.step) == (TERMINAL, "completed", 4)
    assert run.metrics["test_accuracy"] == 0.9375
    listed = command("runs").stdout
    assert run.id in listed and "93.75%" in listed and "completed" in listed


def test_json_is_one_object_a_line(runs_like: Any) -> None:
    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        yield STARTED
        yield progress(2, float("nan"))
        yield from good_run(spec, control)

    runs_like(script)
    done = command("train", "--json", "--dataset", "digits")
    lines = [
        json.loads(line, parse_constant=lambda name: pytest.fail(name))
        for line in done.stdout.splitlines()
    ]
    [run] = recorded()
    assert (lines[0]["run"], lines[0]["link"]) == (None, None)  # it has not begun
    links = {(line["run"], line["link"]) for line in lines[1:]}
    assert links == {(run.id, f"http://localhost:8501/?run={run.id}")}
    kinds = [line["event"] for line in lines]
    assert kinds[0] == "Preparing" and kinds[-2:] == ["Finished", "Verdict"]
    assert "Evaluated" in kinds and lines[-1]["sentence"] and lines[-1]["step"]
    assert lines[-2]["metrics"] == {"loss": 0.25, "accuracy": 0.9375}
    first, second, *_ = (line["last"] for line in lines if line["event"] == "Progress")
    assert first["loss"] is None and second["loss"] == 0.5
    assert not any("arrays" in line or "series" in line for line in lines)


def test_nothing_is_recorded_where_that_is_not_wanted(runs_like: Any, home: Path) -> None:
    runs_like(good_run)
    done = command("train", "--no-store", "--dataset", "digits")
    assert done.exit_code == 0 and "Run " not in done.stdout
    assert not home.exists()


def test_a_run_that_fails_is_recorded_with_what_it_said(runs_like: Any) -> None:
    where = {"line": 2, "column": 8, "end_line": 2, "end_column": 11, "fragment": "log"}

    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        yield STARTED
        yield progress(2)
        yield Failed(3, "nonfinite", "The loss became NaN at step 3.", "Clip it.", where)

    runs_like(script)
    done = command("train", "--loss", "p = y_pred\nreturn log(p)")
    assert done.exit_code == 1
    assert done.stderr == (
        "Error: line 2, column 8: The loss became NaN at step 3.\n"
        "  return log(p)\n"
        "         ^\n"
        "Clip it.\n"
    )
    [run] = recorded()
    assert (run.state, run.kind, run.where) == ("failed", "nonfinite", where)


def test_a_refused_loss_has_a_caret_under_its_column(runs_like: Any) -> None:
    from losses import LossError, compile_loss

    text = "sum(y_tru * log(y_pred))"

    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        compile_loss(spec.loss)
        yield STARTED

    runs_like(script)
    done = command("train", "--dataset", "digits", "--loss", text)
    with pytest.raises(LossError) as caught:
        compile_loss(text)
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    assert caught.value.message in lines[0] and lines[0].startswith("Error: column 5: ")
    assert lines[1:3] == [f"  {text}", "      ^"]
    assert recorded() == []


def test_missing_data_is_said_with_what_to_do(runs_like: Any) -> None:
    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        yield Preparing("Reading MNIST")
        raise DataError("MNIST is not on this machine.", "Choose Digits.")

    runs_like(script)
    done = command("train")
    assert done.exit_code == 2
    assert done.stderr == "Error: MNIST is not on this machine.\nChoose Digits.\n"
    assert recorded() == []


def test_a_store_that_cannot_be_opened_is_said_so(home: Path, runs_like: Any) -> None:
    runs_like(good_run)
    home.write_text("a file where a folder should be")
    for words in (["train"], ["runs"]):
        done = command(*words)
        assert done.exit_code == 2
        assert done.stderr.startswith("Error: ") and "Traceback" not in done.stderr


def test_a_store_that_fails_mid_run_ends_it(
    runs_like: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("The disk is full.", "Make room.")

    runs_like(good_run)
    monkeypatch.setattr(Store, "record", full)
    done = command("train")
    assert (done.exit_code, done.stderr) == (2, "Error: The disk is full.\nMake room.\n")


def test_a_complaint_is_not_kept_back_with_the_greetings(
    runs_like: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        os.write(2, b"greetings\n")
        yield STARTED

    def full(*_: object) -> None:
        raise StoreError("The disk is full.")

    runs_like(script)
    monkeypatch.setattr(Store, "record", full)
    with pytest.raises(SystemExit):
        app(["train"])
    assert capfd.readouterr().err == "Error: The disk is full.\n"


def test_a_fault_of_ours_is_not_dressed_up(runs_like: Any) -> None:
    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        yield STARTED
        raise ZeroDivisionError

    runs_like(script)
    assert isinstance(command("train").exception, ZeroDivisionError)
    [run] = recorded()
    assert run.state == "failed"


# Ctrl-C -----------------------------------------------------------------------------------------


def test_ctrl_c_stops_the_run_cleanly(runs_like: Any) -> None:
    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        yield STARTED
        yield progress(2)
        signal.raise_signal(signal.SIGINT)
        asked = control.receive()
        assert asked is not None and asked.do == "stop"
        yield Finished(2, "stopped", 0.2)

    before = signal.getsignal(signal.SIGINT)
    runs_like(script)
    done = command("train")
    assert done.exit_code == 130
    assert "Stopped at step 2" in done.stdout and done.stderr == ""
    [run] = recorded()
    assert run.state == "stopped"
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("started", [False, True])
def test_ctrl_c_breaks_off_what_has_not_begun_or_will_not_stop(
    started: bool, runs_like: Any
) -> None:
    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        yield Preparing("Reading")
        if started:
            yield STARTED
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")

    runs_like(script)
    done = command("train")
    assert done.exit_code == 130 and "Broken off" in done.stdout
    assert [run.state for run in recorded()] == ["stopped"] * started


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_stops_the_run_cleanly(name: str, runs_like: Any, home: Path) -> None:
    number = getattr(signal, name)

    def script(spec: RunSpec, control: Control) -> Iterator[Event]:
        yield STARTED
        signal.raise_signal(number)
        assert control.receive() is not None
        yield Finished(2, "stopped", 0.2)

    runs_like(script)
    assert command("train").exit_code == 128 + number
    [run] = recorded()
    assert run.state == "stopped"
    log = home / "playground.sqlite-wal"
    assert not log.exists() or not log.stat().st_size


# The lists and the words ------------------------------------------------------------------------


def test_data_says_what_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_DATA", str(tmp_path))
    monkeypatch.setenv("PLAYGROUND_DOWNLOAD", "0")
    settings.cache_clear()
    (tmp_path / "mnist.npz").touch()
    done = command("data")
    assert done.exit_code == 0
    by_name = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert by_name["mnist"].endswith(str(tmp_path))
    assert by_name["cifar10"].endswith("not here")
    assert by_name["digits"].endswith("comes with scikit-learn")


def test_no_runs_says_how_to_make_one() -> None:
    assert "python -m playground train" in command("runs").stdout


def test_a_run_is_exported(runs_like: Any, tmp_path: Path) -> None:
    runs_like(good_run)
    command("train", "--dataset", "digits")
    [run] = recorded()
    done = command("export", run.id, str(tmp_path / "home.zip"))
    assert done.exit_code == 0 and "home.zip" in done.stdout
    with zipfile.ZipFile(tmp_path / "home.zip") as archive:
        assert {"train.py", "requirements.txt", "losses/center_layer.py"} <= set(archive.namelist())
    lost = command("export", "nosuchrun", str(tmp_path / "home.zip"))
    assert lost.exit_code == 2 and "there is no run 'nosuchrun'" in lost.stderr
    unwritten = command("export", run.id, str(tmp_path / "none" / "home.zip"))
    assert unwritten.exit_code == 2 and "cannot be written" in unwritten.stderr


def test_the_curves_of_a_run_are_written_as_csv(runs_like: Any, tmp_path: Path) -> None:
    runs_like(good_run)
    command("train", "--dataset", "digits")
    [run] = recorded()
    piped = command("series", run.id)
    rows = list(csv.DictReader(io.StringIO(piped.stdout)))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["loss"] for row in rows] == ["0.75", "0.5", "0.75", "0.5"]
    assert [row["validation_accuracy"] for row in rows] == ["", "", "", "0.9375"]
    done = command("series", run.id, str(tmp_path / "run.csv"))
    assert done.exit_code == 0 and "run.csv: 4 rows" in done.stdout
    assert (tmp_path / "run.csv").read_text() == piped.stdout
    lost = command("series", "nosuchrun")
    assert lost.exit_code == 2 and "there is no run 'nosuchrun'" in lost.stderr
    unwritten = command("series", run.id, str(tmp_path / "none" / "run.csv"))
    assert unwritten.exit_code == 2 and "cannot be written" in unwritten.stderr


def test_runs_are_deleted_by_name_or_link(runs_like: Any, home: Path) -> None:
    runs_like(good_run)
    for _ in range(3):
        command("train", "--dataset", "digits")
    third, second, first = recorded()
    lost = command("delete", first.id, "nosuchrun")
    assert lost.exit_code == 2 and "no run 'nosuchrun'" in lost.stderr and len(recorded()) == 3
    done = command("delete", first.id, f"http://localhost:8501/?run={second.id}")
    assert done.exit_code == 0 and "#1" in done.stdout and "#2" in done.stdout
    assert [run.id for run in recorded()] == [third.id]
    assert [folder.name for folder in (home / "runs").iterdir()] == [third.id]


def broken_off(spec: RunSpec, control: Control, start: Start | None = None) -> Iterator[Event]:
    """Keeps a checkpoint and is killed; goes on from it where it is asked to."""
    assert control.keeping
    yield STARTED
    if start is None:
        yield progress(2)
        yield Snapshot(2, "checkpoint", {"facts": np.arange(3)})
        yield progress(3)
        yield Finished(3, "stopped", 0.3)
        return
    assert start.arrays["facts"].tolist() == [0, 1, 2] and not start.branch
    yield Resumed(2, 0, 0)
    yield progress(4)
    yield Finished(4, "completed", 0.4)


def test_a_run_that_was_stopped_or_killed_goes_on_from_its_checkpoint(
    runs_like: Any, home: Path
) -> None:
    specs = runs_like(broken_off)
    stopped = command("train", "--dataset", "digits", "--seed", "3")
    [run] = recorded()
    assert f"It goes on with: python -m playground resume {run.id}" in stopped.stderr
    with sqlite3.connect(home / "playground.sqlite") as raw:  # as a program leaves it that is gone
        raw.execute(
            "UPDATE runs SET state = 'running', finished = NULL, holder = 'gone', heartbeat = 0"
        )
    raw.close()
    store = open_store(settings())
    store.interrupt_dead()
    told = store.run(run.id)
    store.close()
    assert told.state == "failed" and f"playground resume {run.id}`" in told.hint
    done = command("resume", f"http://localhost:8501/?run={run.id}", "--json")
    assert done.exit_code == 0, done.stderr
    assert all(json.loads(line)["run"] == run.id for line in done.stdout.splitlines()[:-1])
    [again] = recorded()
    assert (again.id, again.state, again.step) == (run.id, "completed", 4)
    assert [spec.seed for spec in specs] == [3, 3]
    for what, said in ((run.id, "This run is done"), ("nosuchrun", "no such run")):
        refused = command("resume", what)
        assert refused.exit_code == 2 and said in refused.stderr, refused.stderr


def test_what_went_to_make_room_is_said(runs_like: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_STORE_GIB", "1e-9")
    settings.cache_clear()
    runs_like(good_run)
    for _ in range(8):
        assert "removed" not in command("train", "--dataset", "digits").stderr
    done = command("train", "--dataset", "digits")
    assert done.exit_code == 0
    assert "(PLAYGROUND_VISITOR_GIB), the oldest runs were removed: #1." in done.stderr


def test_a_link_is_that_of_the_server_which_is_up(runs_like: Any, home: Path) -> None:
    runs_like(good_run)
    home.mkdir()
    with address.announced(home, "http://localhost:8765/base"):
        done = command("train", "--dataset", "digits")
        [run] = recorded()
        link = f"http://localhost:8765/base/?run={run.id}"
        assert f"Watch it at {link}\n" in done.stdout and f"Run {link}\n" in done.stdout
        assert "streamlit" not in done.stdout
        left = (home / "server.json").read_text()
    assert not (home / "server.json").exists()
    (home / "server.json").write_text(left.replace('"holder": "', '"holder": "un'))  # it is gone
    assert address.link(home, "x") == address.Link("http://localhost:8501/?run=x", False)
    for damaged in ("", "[]", "{", '{"pid": "x"}'):
        (home / "server.json").write_text(damaged)
        assert not address.link(home, "x").up


def test_a_loss_cannot_steer_the_terminal(runs_like: Any) -> None:
    runs_like(good_run)
    loss = "y_pred\x1b[2J [red]x[/red]"
    command("train", "--dataset", "digits", "--loss", loss)
    listed = command("runs").stdout
    assert "\x1b" not in listed and "[red]x[/red]" in listed


@pytest.mark.parametrize(
    ("text", "line", "column", "shown"),
    [
        ("a + b", 1, 5, "column 5: odd\n  a + b\n      ^"),
        ("a\n\tb", 2, 2, "line 2, column 2: odd\n   b\n   ^"),
        ("a", 0, 0, "odd"),
        ("a", 2, 1, "odd"),
        ("", 1, 1, "odd"),
    ],
)
def test_the_caret_stands_under_the_column(text: str, line: int, column: int, shown: str) -> None:
    assert terminal.pointed(text, "odd", line, column) == shown


# For real ---------------------------------------------------------------------------------------


def test_a_real_run_on_digits(home: Path) -> None:
    words = ["train", "--json", "--dataset", "digits", "--epochs", "4", "--loss"]
    done = subprocess.run(
        [sys.executable, "-m", "playground", *words, "-sum(y_true * log(y_pred), axis=-1)"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "PLAYGROUND_HOME": str(home), "PYTHONUTF8": "1"},
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "oneDNN" not in done.stderr  # none of TensorFlow's greetings
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    end, verdict = lines[-2:]
    assert end["event"] == "Finished" and end["reason"] == "completed"
    assert end["metrics"]["accuracy"] > 0.85
    assert (verdict["event"], verdict["cause"]) == ("Verdict", "") and verdict["step"]
    [run] = recorded()
    assert run.id == verdict["run"] and run.state == "completed"
    assert run.metrics["test_accuracy"] == pytest.approx(end["metrics"]["accuracy"])
