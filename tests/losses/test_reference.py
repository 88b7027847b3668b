"""The language and the catalog against the reference inputs."""

import time

import numpy as np
import pytest
import reference
import tensorflow as tf

import losses

ENTRIES = reference.lines("loss_language.jsonl")
NAMED = reference.named()
# It read y_pred as three things at once; a loss of a code comes with a task that has one.
GONE = ("vae_elbo",)


def test_the_reference_is_there():
    assert len(ENTRIES) > 200
    assert len(NAMED["losses"]) > 60


# Refused when the reference was written, and read since: a class of a loss, a function mapped over
# the batch, a list of tensors (`test_classes.py`, `test_keras_calls.py`, `test_lists.py`).
READ_SINCE = {"E-084", "E-131", "S-110"}


def of_kind(*expected):
    kind = [e for e in ENTRIES if e["expect"] in expected and e["id"] not in READ_SINCE]
    return [pytest.param(e, id=e["id"]) for e in kind]


def offset(text: str, line: int, column: int) -> int:
    return sum(len(t) + 1 for t in text.split("\n")[: line - 1]) + column - 1


def is_inside(entry: dict, error: losses.LossError) -> bool:
    """Whether an error stands where the entry says; anywhere where it does not say."""
    if isinstance(entry.get("py311"), list) and [error.line, error.column] == entry["py311"]:
        return True
    if "near" not in entry:
        return True
    start = offset(entry["text"], entry["line"], entry["col"])
    place = offset(entry["text"], error.line, error.column)
    end = offset(entry["text"], error.end_line, error.end_column)
    if start <= place < start + len(entry["near"]):
        return True
    # for sizes, the enclosing call or operator will do
    return entry["stage"] == "shape" and place <= start < end


@pytest.mark.parametrize("entry", of_kind("accept"))
def test_accepted(entry):
    loss = losses.compile_loss(entry["text"])
    for size, seed, key in ((32, 0, "value"), (17, 5, "value_b17")):
        if key not in entry:
            continue
        tensors = reference.batch(size, seed)
        y, p = tf.constant(tensors["y_true"]), tf.constant(tensors["y_pred"])
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = loss(y, p)
        assert float(value) == pytest.approx(entry[key], rel=entry["tol_rel"], abs=1e-9)
        if key == "value":
            slope = float(tf.norm(tape.gradient(value, p)))
            assert slope == pytest.approx(entry["grad_l2"], rel=1e-3)


@pytest.mark.parametrize("entry", of_kind("reject"))
def test_rejected(entry):
    start = time.process_time()
    with pytest.raises(losses.LossError) as caught:
        losses.compile_loss(entry["text"])
    assert time.process_time() - start < 1
    assert is_inside(entry, caught.value), str(caught.value)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("entry", of_kind("warn"))
def test_never_silent(entry):
    try:
        loss = losses.compile_loss(entry["text"])
    except losses.LossError:
        return
    assert loss.warnings


@pytest.mark.parametrize("entry", of_kind("ok_but_safe"))
def test_either_answer_and_quick(entry):
    start = time.process_time()
    report = losses.check(entry["text"])
    assert time.process_time() - start < 2
    assert report["ok"] or report["error"]["message"]


@pytest.mark.parametrize(
    "entry", [pytest.param(e, id=e["name"]) for e in NAMED["losses"] if e["name"] not in GONE]
)
def test_named(entry):
    loss = losses.get(entry["name"], **entry["params"])
    renamed = {"class_weights": "last_kernel"}  # since the reference was written
    assert set(loss.inputs) == {renamed.get(name, name) for name in entry["inputs"]}
    value = float(loss.on(reference.batch()))
    assert np.isfinite(value)
    if "value" in entry:
        assert value == pytest.approx(entry["value"], rel=NAMED["tolerance_rel"])
