"""A run of one store is opened in another with all that it said; what is no such run is refused."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground.analysis import curves
from playground.datasets import own
from playground.errors import IntakeError
from playground.intake import asking, review, runs
from playground.intake.found import Found, Part
from playground.intake.limits import Limits
from playground.runs import liveness, portable
from playground.runs.store import Store, open_store
from playground.settings import Settings, settings
from playground.spec import RunSpec
from playground.training.events import Evaluated, Failed, Finished, Progress, Snapshot, Started
from tests.playground.intake.files import images, npz, zipped
from tests.playground.recorded import STORES

LIMITS = Limits(20 * 2**20, 50 * 2**20, 2_000, 64, 100, 1.0)
CHANGED = 2  # the number of the recorded run that was changed midway


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with four runs: plain, changed midway, ended early, and broken."""
    folder = tmp_path_factory.mktemp("recorded")
    with zipfile.ZipFile(STORES[-1]) as archive:
        archive.extractall(folder)
    with closing(open_store(Settings(home=folder))) as store:
        yield store


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A store of another server."""
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "here"))
    settings.cache_clear()
    with closing(open_store(settings())) as store:
        yield store
    monkeypatch.undo()
    settings.cache_clear()


def members(store: Store, number: int) -> dict[str, bytes]:
    run_id = next(run.id for run in store.runs() if run.number == number)
    return dict(portable.members(store, run_id))


def brought(folder: Path, content: bytes) -> runs.Brought:
    (folder / "run").write_bytes(content)
    return runs.read(folder / "run", LIMITS)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_run_says_elsewhere_what_it_said(
    number: int, recorded: Store, here: Store, tmp_path: Path
) -> None:
    taken = members(recorded, number)
    run_id = runs.keep(here, brought(tmp_path, zipped(taken)), "me")
    was = next(run for run in recorded.runs() if run.number == number)
    now = here.run(run_id)
    assert now is not None and now.owner == "me" and now.spec == was.spec
    for field in ("state", "step", "steps", "epoch", "seconds", "parameters", "message", "kind"):
        assert getattr(now, field) == getattr(was, field), field
    assert now.metrics == was.metrics and now.where == was.where
    names = recorded.series_names(was.id)
    assert here.series_names(run_id) == names
    for name in [*names, "validation_loss", "test_accuracy"]:
        for mine, theirs in zip(
            here.series(run_id, name), recorded.series(was.id, name), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)
    assert here.marks(run_id) == recorded.marks(was.id)
    mine, theirs = here.started(run_id), recorded.started(was.id)
    assert (mine is None) == (theirs is None)
    if mine is not None and theirs is not None:
        assert mine.layers == theirs.layers and mine.loss == theirs.loss
        assert {k: v.tolist() for k, v in mine.arrays.items()} == {
            k: v.tolist() for k, v in theirs.arrays.items()
        }
    for split in ("validation", "test"):
        mine, theirs = here.evaluation(run_id, split), recorded.evaluation(was.id, split)
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            assert mine.metrics == theirs.metrics and set(mine.arrays) == set(theirs.arrays)
    assert here.snapshots(run_id, "weights") == recorded.snapshots(was.id, "weights")
    origin = here.imports.of(run_id)
    assert origin is not None and f"Run #{number} of another server" in origin.said
    assert here.by_digest([now.digest]) == {}  # a race trains its own
    assert dict(portable.members(here, run_id)).keys() == taken.keys()
    assert here.delete([run_id]) and here.imports.of(run_id) is None


def test_the_record_alone_is_a_run_and_the_process_takes_it(
    recorded: Store, here: Store, tmp_path: Path
) -> None:
    file = tmp_path / "record.json"
    file.write_text(portable.record_json(recorded, recorded.runs()[-1].id), "utf-8")
    run_id = asking.take("run", file, {"owner": "me"}, settings(), lambda *_: None)
    run = here.run(run_id)
    assert run is not None and run.owner == "me" and run.state == "completed"
    assert here.snapshots(run_id, "weights") == []


def own_run(store: Store, folder: Path) -> tuple[str, bytes]:
    """A run on own data of 12 classes, as if it had been trained, and its zip with the data."""
    x, y = images(60, 8, 8), np.arange(60) % 12
    names = [f"kind {i}" for i in range(12)]
    facts, arrays = review.reviewed(Found({"train": Part(x[..., None], y)}, names), "Kinds", LIMITS)
    own.keep(facts, arrays, "them")
    spec = RunSpec(dataset=facts.name)
    run_id = store.create(spec, "them", "preparing")
    strip = {"strip_images": x[:4, ..., None], "strip_labels": y[:4]}
    ones = np.ones(3, np.float32)
    said = {"confusion": np.eye(12, dtype=np.int32)}
    for event in (
        Started(5, [], 3, 3, 43, 5, 12, names, {"text": "mse", "inputs": []}, strip),
        Progress(3, 1.0, 0.1, 9.0, {"loss": ones, "accuracy": ones * np.nan}),
        Evaluated(3, 1.0, "validation", 5, True, {"loss": 0.5, "accuracy": float("nan")}, said),
        Snapshot(3, "weights", {"logits/kernel": np.ones((2, 12), np.float32)}),
        Finished(3, "completed", 0.1, {"loss": 0.25, "accuracy": 1.0}),
    ):
        store.record(run_id, event)
    content = {
        **dict(portable.members(store, run_id)),
        "data.npz": own.images_file(facts.name).read_bytes(),
        "series.csv": curves.table(store, run_id).encode(),
    }
    own.erase(facts.name)
    return facts.name, zipped(content)


def test_a_run_on_own_data_brings_its_facts_and_its_images(here: Store, tmp_path: Path) -> None:
    name, content = own_run(here, tmp_path)  # with its curves as a table beside it
    assert own.facts(name) is None
    file = tmp_path / "run.zip"
    file.write_bytes(content)
    run_id = asking.take("run", file, {"owner": "me"}, settings(), lambda *_: None)
    facts = own.facts(name)
    assert facts is not None and facts.title == "Kinds" and facts.class_names[11] == "kind 11"
    assert [each.name for each in own.of(["me"])] == [name]
    evaluated = here.evaluation(run_id)
    assert evaluated is not None and evaluated.arrays["confusion"].shape == (12, 12)
    assert np.isnan(evaluated.metrics["accuracy"])


Change = Callable[[dict[str, Any]], Any]


def changed(change: Change) -> Callable[[dict[str, bytes]], bytes]:
    """The zip of a run whose record was changed."""

    def make(taken: dict[str, bytes]) -> bytes:
        told = json.loads(taken[portable.RECORD])
        change(told)
        return zipped({**taken, portable.RECORD: json.dumps(told).encode()})

    return make


def first(told: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(each for each in told["events"] if each["event"] == kind)


def change(told: dict[str, Any], kind: str, name: str, value: Any) -> None:
    """Lets the run have been changed."""
    mark = {"event": "Changed", "step": 1, "kind": kind, "name": name, "value": value}
    told["events"].insert(1, mark)


def fail(told: dict[str, Any], **where: Any) -> dict[str, Any]:
    """Lets the run have failed at a place of its loss."""
    place = {"line": 1, "column": 1, "end_line": 1, "end_column": 2, "fragment": "a", **where}
    said = {"step": 1, "kind": "loss", "message": "", "hint": "", "where": place}
    told["events"][-1] = {"event": "Failed", **said}
    end: dict[str, Any] = told["events"][-1]
    return end


def arrays(**values: np.ndarray) -> Callable[[dict[str, bytes]], bytes]:
    """The zip of a run with arrays of its first event changed."""
    named = {f"0/{name}": value for name, value in values.items()}
    return lambda taken: zipped({**taken, portable.ARRAYS: npz(**named)})


PICKLED = np.array([{"a": 1}], dtype=object)
BAD: dict[str, tuple[Callable[[dict[str, bytes]], bytes], str]] = {
    "nothing": (lambda taken: b"", "damaged, or no run"),
    "other JSON": (lambda taken: b'{"a": 1}', "no run of the Loss Playground"),
    "a deep JSON": (lambda taken: b"[" * 100_000, "damaged, or no run"),
    "a zip cut short": (lambda taken: zipped(taken)[:-400], "damaged, or no zip"),
    "another zip": (lambda taken: zipped({"a.txt": b""}), "no run of the Loss Playground in it"),
    "an earlier export": (
        lambda taken: zipped({"train.py": b"", "weights.npz": b""}),
        "exported by an earlier version",
    ),
    "a newer one": (changed(lambda told: told.update(version=2)), "by a newer version"),
    "a bomb": (
        lambda taken: zipped({**taken, portable.ARRAYS: b"\0" * 60 * 2**20}),
        "more than 50 MiB once it is unpacked",
    ),
    "arrays that are none": (
        lambda taken: zipped({**taken, portable.ARRAYS: b"PK"}), "damaged"
    ),
    "pickled arrays": (arrays(strip_images=PICKLED), "holds no arrays"),
    "text for arrays": (arrays(strip_images=np.array(["a"])), "holds no numbers"),
    "images of another shape": (arrays(strip_images=np.zeros((2, 3), np.uint8)), "another shape"),
    "labels beyond the classes": (arrays(strip_labels=np.array([10])), "another shape"),
    "another task": (changed(lambda told: told["spec"].update(task="x")), "learns 'x'"),
    "settings out of range": (
        changed(lambda told: told["spec"].update(epochs=10_000)),
        "no such settings: epochs",
    ),
    "a data set that is not known": (
        changed(lambda told: told["spec"].update(dataset="imagenet")),
        "no such settings: dataset",
    ),
    "own data without facts": (
        changed(lambda told: told["spec"].update(dataset="own_" + "1" * 32)),
        "of its data nothing is told",
    ),
    "other classes": (
        changed(lambda told: first(told, "Started").update(class_names=["a"])),
        "other classes",
    ),
    "an unknown event": (
        changed(lambda told: told["events"].insert(0, {"event": "Eval"})), "what no run"
    ),
    "a number for a text": (
        changed(lambda told: first(told, "Evaluated").update(split=3)), "split is not what"
    ),
    "more than was said": (
        changed(lambda told: first(told, "Started").update(html="<b>")), "html is not what"
    ),
    "more numbers than steps": (
        changed(lambda told: first(told, "Progress").update(step=1)), "more steps than it took"
    ),
    **{
        f"{key} of {kind} that is {str(value)[:20]!r}": (
            changed(lambda told, kind=kind, given={key: value}: first(told, kind).update(given)),
            f"damaged: {key}",
        )
        for kind, key, value in [
            ("Progress", "seconds", float("inf")),
            ("Progress", "images_per_second", float("inf")),
            ("Progress", "images_per_second", 10**400),
            ("Progress", "epoch", float("nan")),
            ("Progress", "epoch", -1.0),
            ("Progress", "step", 2**31 - 1),
            ("Progress", "series", {"=1+1": []}),
            ("Progress", "series", {"loss": [1e39]}),
            ("Evaluated", "metrics", {"@a": 1.0}),
            ("Evaluated", "metrics", {"a\n": 1.0}),
            ("Evaluated", "arrays", ["-a"]),
            ("Started", "baseline", {"+a": 1.0}),
            ("Started", "steps", 2**31 - 1),
            ("Started", "steps_per_epoch", 0),
            ("Started", "loss", {"text": "mse", "inputs": "no"}),
            ("Started", "class_names", ["\0"]),
            ("Started", "identity", {"images": "\0"}),
            ("Started", "layers", [{"name": {"a": 1}}]),
        ]
    },
    "a version that is Markdown": (
        changed(lambda told: told["origin"].update(versions="![a](b)")), "versions is not what"
    ),
    "steps out of order": (
        changed(lambda told: told["events"].insert(1, first(told, "Progress"))), "out of order"
    ),
    **{
        f"{kind} {name} {str(value)[:40]}": (
            changed(lambda told, given=(kind, name, value): change(told, *given)), said
        )
        for kind, name, value, said in [
            ("fun", "", 1, "kind is not what"),
            ("rate", "seed", 1, "changed so"),
            ("rate", "learning_rate", -1.0, "changed so"),
            ("rate", "learning_rate", "fast", "changed so"),
            ("rate", "learning_rate", float("inf"), "damaged: value"),
            ("parameter", "no parameter", 1.0, "changed so"),
            ("parameter", "unknown", 1.0, "changed so"),
            ("loss", "", "{", "changed so"),
            ("loss", "", '{"loss": "", "loss_parameters": {}}', "changed so"),
            ("broken", "", "[]", "changed so"),
            ("broken", "", '{"message": "m", "where": {"line": 1}}', "changed so"),
            ("best", "", "often", "changed so"),
            ("back", "", -1, "changed so"),
            ("state", "", "<b>", "changed so"),
        ]
    },
    **{
        f"a place with {key} {value}": (
            changed(lambda told, given={key: value}: fail(told, **given)), f"where.{key} is not"
        )
        for key, value in [("end_column", 10**9), ("line", 0), ("fragment", 3), ("more", 1)]
    },
    "a place of half": (
        changed(lambda told: fail(told)["where"].pop("end_line")), "where.end_line is not"
    ),
    "no end": (changed(lambda told: told["events"].pop()), "no end"),
    "no events": (changed(lambda told: told.pop("events")), "what no run says"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_in_one_sentence(
    kind: str, recorded: Store, here: Store, tmp_path: Path
) -> None:
    make, said = BAD[kind]
    with pytest.raises(IntakeError) as refused:
        runs.keep(here, brought(tmp_path, make(members(recorded, 1))), "me")
    assert said in str(refused.value), str(refused.value)
    assert refused.value.hint and len(str(refused.value)) < 300
    assert here.runs() == []


def test_a_run_that_cannot_be_kept_whole_is_not_kept(
    recorded: Store, here: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = brought(tmp_path, zipped(members(recorded, 1)))
    monkeypatch.setattr(here, "record", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        runs.keep(here, found, "me")
    assert here.runs() == []


def test_a_run_that_was_brought_half_way_is_never_trained(
    recorded: Store, here: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = brought(tmp_path, zipped(members(recorded, 1)))
    kept = iter([here.record] * 2)  # then the process is gone, which can end nothing any more
    monkeypatch.setattr(here, "record", lambda *said: next(kept)(*said))
    monkeypatch.setattr(here, "set_state", lambda *_: None)
    monkeypatch.setattr(here, "delete", lambda _: None)
    with pytest.raises(StopIteration):
        runs.keep(here, found, "me")
    (half,) = here.runs()
    assert half.live and here.by_digest([half.digest]) == {}
    monkeypatch.setattr(liveness.Watch, "alive", lambda *_: False)
    with closing(sqlite3.connect(settings().home / "playground.sqlite")) as raw, raw:
        raw.execute("UPDATE runs SET holder = 'gone'")
    assert here.interrupt_dead(most=3) == [half.id] and here.take_over() == []
    ended = here.run(half.id)
    assert ended is not None and (ended.state, ended.kind) == ("failed", "interrupted")
    assert "read this run out of a file" in ended.message and "again" in ended.hint


def test_a_run_that_failed_says_elsewhere_why(here: Store, tmp_path: Path) -> None:
    run_id = here.create(RunSpec(dataset="digits"), "me", "preparing")
    where = {"line": 1, "column": 2, "end_line": 1, "end_column": 7, "fragment": "log(0)"}
    here.record(run_id, Failed(0, "loss", "It is none.", "Mend it.", where))
    again = runs.keep(here, brought(tmp_path, zipped(dict(portable.members(here, run_id)))), "you")
    record = here.run(again)
    assert record is not None
    assert (record.state, record.message, record.hint) == ("failed", "It is none.", "Mend it.")
    assert record.where == where


def test_a_refused_run_leaves_nothing_of_its_data(here: Store, tmp_path: Path) -> None:
    name, content = own_run(here, tmp_path)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        taken = {each: archive.read(each) for each in archive.namelist()}
    for change in (
        lambda told: told["events"].pop(),
        lambda told: told["spec"].update(epochs=10_000),
        lambda told: told["data"].update(in_both="<b>"),
    ):
        with pytest.raises(IntakeError):
            brought(tmp_path, changed(change)(taken))
        assert not (own.root() / name).exists()
    assert brought(tmp_path, content).spec.dataset == name
    assert own.facts(name) is not None


def test_of_where_a_run_failed_as_much_is_kept_as_is_shown(
    recorded: Store, here: Store, tmp_path: Path
) -> None:
    far = changed(lambda told: fail(told, end_column=9_000, fragment="a" * 9_000))
    record = here.run(runs.keep(here, brought(tmp_path, far(members(recorded, 1))), "me"))
    assert record is not None and record.where is not None
    assert record.where["fragment"] == "a" * 200


def test_steps_that_are_missing_take_no_room_in_an_export(here: Store, tmp_path: Path) -> None:
    run_id = here.create(RunSpec(dataset="digits"), "me", "preparing")
    last = 5 * 10**7
    for step, epoch in ((2, 0.5), (last, 1.0)):
        values = np.array([step, np.nan], np.float32)
        here.record(run_id, Progress(step, epoch, 0.1, 9.0, {"loss": values}))
    here.record(run_id, Finished(last, "stopped", 0.1))
    content = zipped(dict(portable.members(here, run_id)))
    assert len(content) < 10_000
    again = runs.keep(here, brought(tmp_path, content), "you")
    for mine, was in zip(here.series(again, "loss"), here.series(run_id, "loss"), strict=True):
        np.testing.assert_array_equal(mine, was)
    assert here.series(again, "loss")[0].tolist() == [1, 2, last - 1, last]


@pytest.mark.parametrize("dataset", ["digits", "own_" + "1" * 32])
def test_settings_of_any_depth_are_refused(dataset: str, tmp_path: Path) -> None:
    spec = json.dumps({"task": "classification", "dataset": dataset})
    head = json.dumps({"format": portable.FORMAT, "version": 1, "events": []})[:-1]
    origin = '"origin": {"run": "a", "number": 1, "created": 1.0, "versions": "1"}'
    for depth in range(850, 1_000):  # somewhere there it can be read, but not be written again
        deep = "[" * depth + "]" * depth
        told = f'{head}, {origin}, "data": {deep}, "spec": {spec[:-1]}, "x": {deep}}}}}'
        with pytest.raises(IntakeError):
            brought(tmp_path, told.encode())
