"""What Python sends is what `pages/live/assets/wire.d.ts` says, message by message: each is written
down as TypeScript, where a field too many, too few or of another type is an error of tsc.

Every task is trained for a moment, and every kind of question asked.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losses
from losses.portraits import portrait
from pages.live import component
from pages.live.feed import Reader
from pages.live.packing import TYPES
from playground import RunSpec, train
from playground.analysis import answer
from playground.figures.network import Stage
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.tasks import TASKS
from playground.training.events import Changed, Failed, Preparing, Snapshot
from tests import javascript
from tests.browser.recording import Recording
from tests.playground.toy import Toy

WIRE = javascript.HOME / "assets" / "wire"
HEAD = """import type * as wire from {wire}
declare function u1(...shape: number[]): wire.Bytes
declare function i4(...shape: number[]): wire.Ints
declare function f4(...shape: number[]): wire.Floats
"""
IMAGE = {"image": {"test": 3}}
FILTER = {"layer": "block1_conv1_relu", "unit": 2}
Sent = list[tuple[str, Any]]


class Line:
    def place(self, run_id: str) -> int | None:
        return 2

    def wait_seconds(self, run_id: str) -> float | None:
        return 31.5

    def waits_for(self, run_id: str) -> str | None:
        return "a place"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = open_store(Settings(home=tmp_path_factory.mktemp("home")))
    yield found
    found.close()


def literal(value: Any) -> str:
    """A value as the browser has it, in TypeScript."""
    if isinstance(value, np.ndarray):
        return f"{TYPES[value.dtype]}({', '.join(map(str, value.shape))})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, float) and not np.isfinite(value):
        return "null"
    return json.dumps(value)


def mistakes(sent: Sent, folder: Path, more: str = "") -> str:
    """What tsc says of values that are said to be of these types."""
    lines = [f"const m{i}: wire.{kind} = {literal(value)}" for i, (kind, value) in enumerate(sent)]
    file = folder / "sent.ts"
    file.write_text(HEAD.format(wire=json.dumps(WIRE.as_posix())) + "\n".join([*lines, more]))
    options = ["--noEmit", "--strict", "--target", "es2023", "--moduleResolution", "bundler"]
    options += ["--module", "esnext", "--ignoreConfig", "--types", ""]
    done = javascript.run(
        [str(javascript.TSC), *options, str(file)], capture_output=True, text=True
    )
    return str(done.stdout)


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    assert javascript.ensure()


def recorded(store: Store, spec: RunSpec) -> tuple[str, Sent, list[Snapshot]]:
    """A run, all that a viewer is told of it, and its weights."""
    run_id = store.create(spec, "me")
    reader, sent, kept = Reader(run_id, store, Line()), [], []
    for event in train(spec):
        store.record(run_id, event)
        if isinstance(event, Snapshot):
            kept.append(event)
        news = reader.news()
        if news:
            sent.append(("RunMessage", news))
    sent.append(("WholeMessage", reader.whole()))
    return run_id, sent, kept


@pytest.mark.parametrize("task", [*sorted(TASKS), "toy"])
def test_a_run_of_every_task(
    task: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TASKS, "toy", Toy())
    small = {"width": 4, "canvases": 200, "held_canvases": 40} if task == "detection" else {}
    spec = RunSpec.parse({"task": task, "dataset": "digits", "epochs": 5, **small})
    _, sent, kept = recorded(store, spec)
    asked = {"spec": spec.to_json(), "weights": kept[-1].arrays, "step": 4, **IMAGE}
    sent.append(("MapsAnswer", {**answer({**asked, "what": "maps"}), "step": 4}))
    if task == "detection":
        placed = {"what": "detect", "codes": [[3, 0, 4, 4, 24], [8, 1, 30, 30, 30]]}
        sent.append(("DetectAnswer", {**answer({**asked, **placed}), "step": 4}))
    sent.append(("BrowseAnswer", {**answer({**asked, "what": "browse"}), "step": 4}))
    if task not in ("toy", "detection"):  # they have no embedding
        sent.append(("EmbeddingAnswer", {**answer({**asked, "what": "embedding"}), "step": 4}))
    assert not mistakes(sent, tmp_path)


def test_all_that_is_said_of_a_run_and_nothing_else(store: Store, tmp_path: Path) -> None:
    fields = {"dataset": "digits", "epochs": 12, "watch_fit": True, "patience": 2}
    run_id, sent, _ = recorded(store, RunSpec.parse({**fields, "label_noise": 0.2}))
    for kind, name, value in (
        ("rate", "learning_rate", 1e-3),
        ("parameter", "gamma", 2.0),
        ("loss", "", "x" * 99),
        ("broken", "", "{}"),
        ("back", "", 12.0),
        ("phase", "digits 7 to 9", 2.0),
    ):
        store.record(run_id, Changed(7, kind, name, value))
    failed = store.create(RunSpec(dataset="digits"), "me")
    sent += [("RunMessage", Reader(failed, store, Line()).news())]  # it waits
    store.record(failed, Preparing("Fetching", 0.5))
    sent += [("RunMessage", Reader(failed, store, Line()).news())]
    store.record(failed, Failed(0, "loss", "No.", "Wait.", {"line": 1, "column": 3}))
    stuck = Recording(store, 2000, dataset="digits").begin().advance(1500)  # more than is kept
    for _ in range(20):
        stuck.advance(20).evaluate(0.1, spread=0.0, embedding_knn_1=0.1, commonest=1.0)
    for each in (run_id, failed, stuck.finish().id):
        reader = Reader(each, store, Line())
        reader.news()
        sent.append(("WholeMessage", reader.whole()))
    sent.append(("RunMessage", {**Reader("nobody", store, Line()).news(), "whole": True}))
    said = {name for _, message in sent for name in message} - {"run", "whole", "series"}
    names = " | ".join(json.dumps(name) for name in sorted(said))
    unsaid = f"type Unsaid = Exclude<keyof wire.Facts, {names}>\n"
    unsaid += "const none: [Unsaid] extends [never] ? true : Unsaid = true"
    assert not mistakes(sent, tmp_path, unsaid)
    parts = [part for _, message in sent for part in message.get("series", {}).values()]
    assert {"start", "end", "y", "x", "n", "low", "high"} == {
        name for each in parts for name in each
    }


def test_every_look_into_a_network(store: Store, tmp_path: Path) -> None:
    spec = RunSpec.parse({"dataset": "digits", "epochs": 1, "embedding": 2})
    _, _, kept = recorded(store, spec)
    asked = {"spec": spec.to_json(), "weights": kept[-1].arrays, "step": 4, **IMAGE}
    drawn = {"image": {"pixels": np.zeros(64, np.uint8)}}
    layer = next(
        each["name"]
        for each in answer({**asked, "what": "maps"})["layers"]
        if each["kind"] == "Conv2D"
    )
    chosen = {"layer": layer, "unit": 2}
    questions: Sent = [
        ("MapsAnswer", {"what": "maps", **drawn}),
        ("MapsAnswer", {"what": "maps", "gradients": True, **chosen}),
        ("KernelAnswer", {"what": "kernel", **chosen}),
        ("ExemplarsAnswer", {"what": "exemplars", **chosen}),
        ("WhyAnswer", {"what": "why"}),
        ("DeadAnswer", {"what": "dead"}),
        ("MatchAnswer", {"what": "match", "other": asked, **chosen}),
        ("BrowseAnswer", {"what": "browse"}),
        ("EmbeddingAnswer", {"what": "embedding"}),
        ("NeighboursAnswer", {"what": "neighbours", "unit": 5}),
        ("PicturesAnswer", {"what": "pictures", "unit": 5}),
    ]
    sent = [(kind, {**answer({**asked, **more}), "step": 4}) for kind, more in questions]
    wide = RunSpec.parse({"dataset": "digits", "epochs": 1})
    _, _, others = recorded(store, wide)
    of = {"spec": wide.to_json(), "weights": others[-1].arrays, "step": 4}
    sent.append(("EmbeddingAnswer", {**answer({**of, "what": "embedding"}), "step": 4}))
    assert not mistakes(sent, tmp_path)


@pytest.mark.parametrize("kind", ["variational", "plain"])
def test_every_look_into_a_code(kind: str, store: Store, tmp_path: Path) -> None:
    spec = RunSpec.parse(
        {"task": "autoencoder", "dataset": "digits", "epochs": 1, "kind": kind, "latent": 3,
         "noise": 0.1 if kind == "plain" else 0.0}
    )  # fmt: skip
    _, _, kept = recorded(store, spec)
    asked = {"spec": spec.to_json(), "weights": kept[-1].arrays, "step": 4}
    questions: Sent = [
        ("ReconstructionsAnswer", {"what": "reconstructions"}),
        ("LatentAnswer", {"what": "latent"}),
        ("DecodeAnswer", {"what": "decode", "walk": [0, 5]}),
        ("EncodeAnswer", {"what": "encode", "image": {"pixels": np.zeros(64, np.uint8)}}),
    ]
    sent = [(name, {**answer({**asked, **more}), "step": 4}) for name, more in questions]
    assert not mistakes(sent, tmp_path)


TEXTS = {
    "CurveAnswer": ("categorical_crossentropy", "curve"),
    "SimplexAnswer": ("categorical_crossentropy", "simplex"),
    "WeightsAnswer": ("focal", "weights"),
    "BatchAnswer": ("-(y_true * log(y_pred)) / max(y_pred, axis=0)", "curve"),
    "PointsAnswer": ("center", "curve"),
    "NoPicture": ("center", "simplex"),
}


def test_where_descent_leads_a_box(tmp_path: Path) -> None:
    found = losses.descents(
        [0.5, 0.5, 0.9, 0.8], [0.1, 0.1, 0.3, 0.3], "sum(abs(boxes - boxes_pred), axis=-1)"
    )
    assert not mistakes([("DescentsAnswer", found)], tmp_path)


@pytest.mark.parametrize("kind", TEXTS)
def test_every_picture_of_a_loss(kind: str, tmp_path: Path) -> None:
    from playground.analysis.reference import reference

    given = reference()
    text, view = TEXTS[kind]
    found = portrait(text, {}, view, (given["labels"], given["probabilities"]))
    assert not mistakes([(kind, {**found, "of": ""})], tmp_path)


@pytest.mark.parametrize("name", ["contrastive", "triplet"])
def test_pictures_over_distances(name: str, tmp_path: Path) -> None:
    assert not mistakes([("DistancesAnswer", {**portrait(name, {}, "curve"), "of": ""})], tmp_path)


def test_the_names_of_the_language(tmp_path: Path) -> None:
    assert not mistakes([("Glossary", losses.glossary())], tmp_path)


def test_what_views_are_given_by_their_pages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sent: Sent = []

    class Result:
        view = None

    def mount(key: str, data: dict[str, Any], **more: Any) -> Result:
        sent.append((f"{data['view'].title().replace('-', '')}Data", data))
        return Result()

    monkeypatch.setattr(component, "_mount", mount)
    run, metric = component.Run("1", "focal", 3), component.Metric("brier", "Brier score", "Brier")
    names, seen = ["cat", "dog"], component.Seen(3, None, "conv1", 2)
    component.curves("a", [run], metrics=[metric])
    component.transport_readout("b", "1", [metric], stages=[Stage("input", ("images",), (8, 8, 1))])
    component.reliability("c", [run])
    component.confusion("d", None, names)
    component.maps("e", "1", names, (8, 8, 1), seen, other=run, upload=("k", "dog.png", b"123"))
    component.maps("f", None, names, (8, 8, 1), seen, sights=["left", "right"], tells=False)
    component.embedding("g", [run], names, {"light": ["#000000"], "dark": ["#ffffff"]}, seen)
    component.network("h", [Stage("input", ("images",), (8, 8, 1))])
    component.strip("i", "1", names)
    component.matrix("m", "1", names, [["cat"], ["dog"]])
    component.exemplars("n", None, names)
    light = {"light": ["#000000"], "dark": ["#ffffff"]}
    component.latent("o", "1", names, light, (8, 8, 1), upload=("k", "dog.png", b"123"))
    component.reconstructions("p", None, names)
    component.canvases("r", "1", names)
    component.placing("s", "1", names)
    component.box_studio("q")
    component.studio("j", "focal", written=False, parameters={"gamma": 2.0}, names=["gamma"])
    bounds = {"low": 0.0, "high": 1.0, "step": 0.01}
    component.slider("t", "gamma", 0.5, lambda value: None, **bounds)
    component.slider("u", "λ", 0.5, lambda value: None, stops=(0.0, 0.5, 1.0), **bounds)
    assert len({kind for kind, _ in sent}) == 17
    assert not mistakes(sent, tmp_path)


def test_a_field_too_many_too_few_or_of_another_type_is_a_mistake(tmp_path: Path) -> None:
    whole = {"epoch": 1, "step": 2, "restored": False, "value": None}
    assert not mistakes([("Best", whole)], tmp_path)
    wrong = [{**whole, "more": 1}, {"epoch": 1}, {**whole, "value": "0.5"}, {**whole, "step": None}]
    for each in wrong:
        assert "error TS" in mistakes([("Best", each)], tmp_path), each
