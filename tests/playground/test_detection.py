"""Detection: canvases, the cells that answer for items, training, and what is looked at."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import losses
from playground import RunSpec, cautions, datasets, detectors, export, models, train, trainable
from playground.analysis import answer
from playground.errors import SpecError, WorkerError
from playground.knobs import metric_key
from playground.runs.store import open_store
from playground.settings import Settings
from playground.tasks import TASKS
from playground.training.canvases import Drawing, ink_of
from playground.training.cells import assigned, drawn_masks, within
from playground.training.events import Evaluated, Finished, Snapshot, Started
from playground.training.regions import iou
from playground.verdicts import judging
from tests.playground.test_export import taken_home

SPEC = RunSpec(
    task="detection", dataset="shapes", canvases=320, held_canvases=40, width=4, epochs=2,
    evaluations=1, precision="float32",
)  # fmt: skip
TWO = RunSpec.parse({**SPEC.model_dump(exclude={"loss"}), "stages": "two", "proposals": 8})


@pytest.fixture(scope="module")
def rows() -> dict[str, np.ndarray]:
    dataset = datasets.load("shapes")
    images, labels = dataset.images[:500], dataset.labels[:500]
    return {"images": images, "labels": labels, "ink": ink_of(images)}


@pytest.fixture(scope="module")
def canvases(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return Drawing(4, 18, 32, 0.25).fixed(rows, 5, 200)


def test_a_seed_gives_the_same_canvases_and_another_others(rows, canvases) -> None:
    again = Drawing(4, 18, 32, 0.25).fixed(rows, 5, 200)
    for name, each in canvases.items():
        np.testing.assert_array_equal(each, again[name])
    other = Drawing(4, 18, 32, 0.25).fixed(rows, 6, 200)
    assert np.any(other["images"] != canvases["images"])


def test_boxes_are_the_smallest_around_the_masks(canvases) -> None:
    for masks, boxes, labels in zip(
        canvases["masks"], canvases["boxes"], canvases["labels"], strict=True
    ):
        for mask, box, label in zip(masks, boxes, labels, strict=True):
            if label < 0:
                assert not mask.any()
                continue
            y, x = np.nonzero(mask)
            edges = [x.min(), y.min(), x.max() + 1, y.max() + 1]
            np.testing.assert_array_equal(box * 64, edges)


def test_items_are_as_many_and_as_large_as_is_said(canvases) -> None:
    there = canvases["labels"] >= 0
    assert set(there.sum(axis=1)) == {1, 2, 3, 4}
    assert set(canvases["labels"][there]) == {0, 1, 2}
    sides = (canvases["boxes"][..., 2:] - canvases["boxes"][..., :2]).max(axis=-1)[there] * 64
    assert sides.min() >= 16 and sides.max() <= 34 and np.ptp(sides) > 10


def test_overlap_is_what_is_allowed_where_there_is_room(rows) -> None:
    apart = Drawing(2, 18, 20, 0.0).fixed(rows, 1, 100)
    shared = iou(*(tf.constant(apart["boxes"]),) * 2).numpy()
    off = shared * (1 - np.eye(4))
    assert np.mean(off.max(axis=(1, 2)) > 0.02) < 0.05


def test_a_cell_answers_for_the_nearest_item() -> None:
    boxes = tf.constant([[[0.0, 0.0, 0.25, 0.25], [0.5, 0.5, 1.0, 1.0], [0, 0, 0, 0]]])
    present = tf.constant([[True, True, False]])
    item, positive, cells = assigned(boxes, present, 0.5, 8)
    # The centres lie at (0.125, 0.125), a corner of four cells, and (0.75, 0.75), another.
    assert positive.numpy().reshape(8, 8).sum() == 8
    assert positive.numpy().reshape(8, 8)[:2, :2].all()
    assert set(item.numpy()[0][positive.numpy()[0] > 0]) == {0, 1}
    assert cells.numpy()[0, :2].tolist() == [9, 54]
    assert within(boxes, 4).numpy()[0, 1].sum() == 4


def test_a_mask_is_drawn_within_its_box() -> None:
    logits = np.full((1, 32, 32), 5.0)
    found = drawn_masks(logits, np.array([[0.25, 0.25, 0.5, 0.75]]), 64)
    assert found.sum() == 16 * 32 and found[0, 16:48, 16:32].all()


@pytest.fixture(scope="module")
def trained() -> dict[str, list[Any]]:
    return {spec.stages: list(train(spec)) for spec in (SPEC, TWO)}


@pytest.fixture(scope="module")
def events(trained) -> list[Any]:
    return trained["one"]


@pytest.mark.parametrize("stages", detectors.OUTPUTS)
def test_it_trains_and_measures(trained, stages: str) -> None:
    events = trained[stages]
    assert isinstance(events[-1], Finished) and events[-1].reason == "completed"
    evaluated = [each for each in events if isinstance(each, Evaluated)]
    assert evaluated[-1].split == "test" and evaluated[-1].images == 40
    assert {each.key for each in TASKS["detection"].measures} <= set(evaluated[-1].metrics)
    before, after = (e.metrics["loss"] for e in evaluated if e.split == "validation" and e.full)
    assert after < before


def test_the_same_spec_gives_the_same_numbers(events) -> None:
    again = list(train(SPEC))[-1].metrics
    assert again == events[-1].metrics


@pytest.mark.parametrize("stages", detectors.OUTPUTS)
def test_what_is_told_of_the_canvases(trained, stages: str) -> None:
    events = trained[stages]
    started = next(each for each in events if isinstance(each, Started))
    told = [TASKS["detection"].view_data(e, started) for e in events if isinstance(e, Evaluated)]
    shown = next(each for each in reversed(told) if each)["canvases"]
    assert len(shown["truth"]) == len(shown["found"]) == len(shown["masks"]) == 24
    assert all(1 <= len(each) <= 4 for each in shown["truth"])
    assert [len(each) for each in shown["found"]] == [len(each) for each in shown["masks"]]


def test_a_verdict_on_a_run_waits_for_steps(trained, tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    run = store.create(TWO, "someone", "preparing")
    for event in trained["two"]:
        store.record(run, event)
    record = store.run(run)
    assert record is not None
    found = judging.judge(store, record)
    assert found.kind == "early" and "10 of the 300 steps" in found.sentence
    assert found.change["epochs"] > TWO.epochs
    assert {"validation_box_iou", "validation_term5"} <= set(record.metrics)
    store.close()


def looked(events: list[Any], spec: RunSpec, **asked: Any) -> dict[str, Any]:
    weights = [each.arrays for each in events if isinstance(each, Snapshot)][-1]
    known = {"spec": spec.to_json(), "weights": weights, "step": 1, "what": "detect"}
    return answer({**known, **asked})


@pytest.mark.parametrize("spec", [SPEC, TWO])
def test_a_canvas_of_ones_own(trained, spec: RunSpec) -> None:
    events = trained[spec.stages]
    found = looked(events, spec, codes=[[0, 0, 4, 6, 20], [2, 1, 36, 30, 24]])
    np.testing.assert_allclose(found["truth"] * 64, [[4, 6, 24, 26], [36, 30, 60, 51]], atol=4)
    assert found["kinds"].tolist() == [0, 2] and found["canvas"].max() > 200
    places, starts, proposals = {"one": (8, 64, 0), "two": (16, 640, 8)}[spec.stages]
    assert found["objects"].shape == (places, places)
    assert found["objects"].max() == pytest.approx(found["chances"].max())
    assert found["starts"].shape == found["candidates"].shape == (starts, 4)
    assert found["proposals"].shape == found["regions"].shape == (proposals, 4)
    assert len(found["said"]) == len(found["sure"]) == proposals
    assert len(found["boxes"]) == len(found["classes"]) == len(found["masks"])
    for wrong in ([[9, 0, 1, 1, 20]], [[0, 0, 1]], [[0, 0, 1, 1, 20]] * 5):
        with pytest.raises(WorkerError):
            looked(events, spec, codes=wrong)


def test_a_test_canvas_stage_by_stage(trained) -> None:
    rows = next(each for each in trained["two"] if isinstance(each, Started)).arrays
    found = looked(trained["two"], TWO, image={"test": 3})
    np.testing.assert_array_equal(found["canvas"], rows["strip_images"][3])
    assert found["kinds"].tolist() == [k for k in rows["strip_labels"][3] if k >= 0]
    with pytest.raises(WorkerError):
        looked(trained["two"], TWO, image={"test": 40})


def test_what_does_not_fit_is_refused() -> None:
    for wrong in ({"dataset": "cifar10"}, {"items": 5}):
        with pytest.raises(SpecError):
            RunSpec.parse({"task": "detection", **wrong})
    offered = trainable.offered("detection")
    with pytest.raises(losses.LossError, match="needs y_true"):
        losses.compile_loss("mean(square(y_true - y_pred))", inputs=offered)
    for name in ("smooth_l1", "iou_loss", "giou_loss", "diou_loss", "ciou_loss"):
        text = f"sum(positive * {name}(boxes, boxes_pred)) / maximum(sum(positive), 1)"
        assert losses.compile_loss(text, inputs=offered).warnings == []


@pytest.mark.parametrize("spec", [SPEC, TWO])
def test_the_plan_is_what_is_built(spec: RunSpec) -> None:
    built = models.connect(spec)
    for each in models.plan(spec):
        assert built.tensors[each.name].shape[1:] == each.shape, each.name
    assert set(models.plan(spec).outputs) == set(detectors.OUTPUTS[spec.stages])


def test_a_loss_that_nobody_wrote_goes_with_the_stages() -> None:
    assert "rpn_class + " in TWO.loss and "rpn_" not in SPEC.loss
    query = TWO.to_query()
    assert RunSpec.from_query(query)[0] == TWO
    back = RunSpec.parse({**TWO.model_dump(), "stages": "one"})
    assert back.loss == SPEC.loss
    assert RunSpec.parse({"task": "detection", "stages": "two", "loss": "mean(inside)"}).loss


@pytest.mark.parametrize(
    ("stages", "text", "said"),
    [
        ("one", "mean(rpn_p_object)", "rpn_p_object comes with two stages; this run has one"),
        ("two", "mean(objects - p_object)", "objects, p_object come with one stage; this run has"),
    ],
)
def test_a_name_of_the_other_stages_is_told(stages: str, text: str, said: str) -> None:
    spec = RunSpec.parse({**SPEC.model_dump(), "stages": stages, "loss": text})
    with pytest.raises(SpecError, match=said) as refused:
        list(train(spec))
    assert refused.value.field == "stages" and "Choose" in refused.value.hint
    (caution,) = cautions.cautions(spec)
    assert said in caution.message
    assert not cautions.cautions(spec.model_copy(update=caution.change))


def test_the_named_losses_of_boxes_take_what_two_stages_have() -> None:
    offered = trainable.offered("detection")
    for text in (
        "sum(positive * smooth_l1(deltas, deltas_pred, beta=1.0)) / maximum(sum(positive), 1)",
        "mean(rpn_positive * smooth_l1(rpn_deltas, rpn_deltas_pred))",
        "mean(cross_entropy(y_region, p_region))",
        "mean(focal(y_region, p_region))",
    ):
        assert losses.compile_loss(text, inputs=offered).warnings == []


def test_masks_and_focal_have_named_losses_of_this_task() -> None:
    offered = trainable.offered("detection")
    for text in (
        "mean(dice_keras(masks, masks_pred))",
        "mean(tversky_keras(masks, masks_pred))",
        "mean(binary_crossentropy(objects, p_object))",
        "mean(binary_focal_crossentropy(objects, p_object))",
    ):
        assert losses.compile_loss(text, inputs=offered)


@pytest.mark.parametrize("spec", [SPEC, TWO])
def test_the_script_trains_and_answers_as_the_run_did(
    tmp_path: Path, trained: dict[str, list[Any]], spec: RunSpec
) -> None:
    """In a folder where nothing else of ours can be imported; with the run's weights its AP."""
    events = trained[spec.stages]
    weights = [each.arrays for each in events if isinstance(each, Snapshot)][-1]
    content = export.packed(export.Package(spec, weights))
    printed = taken_home(content, tmp_path, export.WEIGHTS)
    said = {name: float(value) for name, value in re.findall(r"(.+): ([\d.]+)\n", printed)}
    for name, key in (("AP at IoU 0.5", "ap50"), ("AP at IoU 0.5 to 0.95", "ap")):
        assert said[name] == pytest.approx(events[-1].metrics[key], abs=1e-3)
    assert said["mask IoU"] == pytest.approx(events[-1].metrics["mask_iou"], abs=1e-3)
    before = "" if spec.stages == "one" else "rpn_"
    metric = f"mean(binary_crossentropy({before}objects, {before}p_object))"
    more = spec.model_copy(update={"patience": 1, "metrics": (metric,)})
    printed = taken_home(export.packed(export.Package(more)), tmp_path)
    assert "val_loss" in printed and f"test {metric_key(metric)}: 0." in printed
    assert "AP at IoU 0.5:" in printed and (tmp_path / "trained.keras").exists()
