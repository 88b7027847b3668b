"""Which losses a run can be trained with, and which of them teach the last layer nothing: one rule,
held to what the gradient does to the last layer's kernel."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import losses
from playground import Control, RunSpec, answers, train, trainable
from playground.errors import PlaygroundError
from playground.training import objective
from playground.training.events import Evaluated, Snapshot, Started

CLASSES, WIDTH, SIZE = 10, 6, 32
TEXTS = (
    "center()",
    "center() * stop_gradient(p_true)",
    "def f(y_true, y_pred):\n    d = triplet(margin=0.4)\n    return d\n",
    "x = contrastive()\nx if num_classes > 3 else 2 * x",
    "w = 0.5  # 0..1\nsupcon() - w * mean(square(features), axis=-1)",
    "a = center()\na + a",
    "where(p_true > 0.5, center(), 2 * center())",
    "-log(p_true)",
    "center() + stop_gradient(p_true) * -log(p_true)",
    "-log(last_kernel[0, 0]**2 + 1) + center()",
    "mean(square(logits - teacher_logits), axis=-1)",
)


@cache
def named() -> list[str]:
    return [info.name for info in losses.catalog()]


def report(text: str, **parameters: float) -> dict[str, Any]:
    """What page, editor and a change of the loss mid-run are told."""
    return answers.check({"text": text, "parameters": parameters}, Control())


def reaches_the_last_layer(loss: Any) -> bool:
    """Whether the gradient by the kernel of a last layer behind the features is not zero."""
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(SIZE, WIDTH)), tf.float32)
    kernel = tf.constant(rng.normal(size=(WIDTH, CLASSES)), tf.float32)
    labels = tf.constant(rng.integers(0, CLASSES, SIZE), tf.int32)
    centers = tf.constant(rng.normal(size=(CLASSES, WIDTH)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        provided = objective.provided(
            features, features @ kernel, labels, kernel, *map(tf.constant, (3, 0.5, 0.1)), centers
        )
        value = loss.on(objective.tensors(loss, provided))
    slope = tape.gradient(value, kernel)
    return slope is not None and bool(np.any(np.abs(slope.numpy()) > 1e-12))


@pytest.mark.parametrize("text", [*named(), *TEXTS])
def test_page_and_training_refuse_and_remark_alike(text: str) -> None:
    told = report(text)
    spec = RunSpec(dataset="digits", loss=text)
    try:
        loss = objective.build(spec)
    except losses.LossError as error:  # a text is refused where the name stands in it
        assert told["error"]["message"] == error.message and told["error"]["hint"] == error.hint
        assert told["error"]["column"] == text.index("teacher_logits") + 1 == error.column
        assert not told["ok"]
        return
    except PlaygroundError as error:
        assert told["refusal"]["message"] in error.message
        assert told["refusal"]["hint"] == error.hint
        return
    assert told["refusal"] is None
    assert (told["remark"] is None) == reaches_the_last_layer(loss)
    if told["remark"]:
        assert any(told["remark"]["message"] in each for each in objective.warnings(loss, spec))


@pytest.mark.parametrize("text", [*named(), *TEXTS])
def test_the_fix_mends_it_and_leaves_the_rest_as_it_was(text: str) -> None:
    remark = report(text)["remark"]
    if remark is None:
        return
    mended = report(remark["fix"])
    assert mended["ok"] and mended["remark"] is None and mended["refusal"] is None
    before, loss = (losses.get(text) if text.isidentifier() else losses.compile_loss(text)), None
    loss = losses.compile_loss(remark["fix"])
    assert reaches_the_last_layer(loss)
    assert set(loss.parameters) == set(before.parameters)
    # Cross-entropy and the loss of before, by Keras' own cross-entropy.
    rng = np.random.default_rng(1)
    features = rng.normal(size=(SIZE, WIDTH)).astype("float32")
    logits = rng.normal(size=(SIZE, CLASSES)).astype("float32")
    labels = rng.integers(0, CLASSES, SIZE).astype("int32")
    centers = rng.normal(size=(CLASSES, WIDTH)).astype("float32")
    kernel = rng.normal(size=(WIDTH, CLASSES)).astype("float32")
    provided = objective.provided(
        features, logits, labels, kernel, *map(tf.constant, (3, 0.5, 0.1)), centers
    )
    expected = float(before.on(objective.tensors(before, provided))) + float(
        tf.reduce_mean(tf.keras.losses.sparse_categorical_crossentropy(labels, logits, True))
    )
    assert float(loss.on(objective.tensors(loss, provided))) == pytest.approx(expected, rel=1e-4)


def test_a_teacher_is_missed_by_name() -> None:
    for text in ("distillation", "distillation()", "mean(square(teacher_logits - logits))"):
        told = report(text)
        found = told["refusal"] or told["error"]
        assert "needs teacher_logits, which comes with Incremental" in found["message"]


def test_another_task_may_have_a_teacher() -> None:
    assert (
        trainable.refusal(["logits", "teacher_logits"], {*objective.PROVIDED, "teacher_logits"})
        is None
    )


def test_a_metric_that_no_run_can_measure_is_refused_where_it_is_written() -> None:
    told = answers.metric({"text": "mean(square(teacher_logits - logits))"}, Control())
    assert not told["ok"] and "this metric needs teacher_logits" in told["error"]["message"]


def test_the_remark_is_what_happens() -> None:
    """The last layer stays as it was drawn, and with the fix it does not."""
    quick = {"dataset": "digits", "train_images": 200, "width": 4, "depth": 1, "epochs": 1}
    for text, moves in (("triplet", False), (report("triplet")["remark"]["fix"], True)):
        events = list(train(RunSpec(**quick, loss=text)))
        started = next(event for event in events if isinstance(event, Started))
        assert any("last layer" in each for each in started.loss["warnings"]) != moves
        kernels = [event.arrays["logits/kernel"] for event in events if isinstance(event, Snapshot)]
        assert np.array_equal(kernels[0], kernels[-1]) != moves
        assert any(isinstance(event, Evaluated) for event in events)
