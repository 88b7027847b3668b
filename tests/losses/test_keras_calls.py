"""Calls of Keras, TensorFlow and NumPy as people spell them (`keras_calls.txt`), against the same
calls run: each gives their value, or an answer that says what to write.

    python -m tests.losses.test_keras_calls        # the counts, and what is answered otherwise
"""

import math
import os
import sys
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf

import losses

BATCH = reference.batch()
CALLS = [
    line.split(": ", 1)
    for line in Path(__file__).with_name("keras_calls.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
SETUP = "x, p, y, i = logits, y_pred, y_true, labels\nm, w = logits > 0, 1.0 + y_pred\n"
# One number that tells values apart, whatever shape and type there is.
WRAPPED = SETUP + "mean(sin(cast({}, 'float32') * 0.7 + 0.1)) + 0.0 * mean(y_pred)"


def in_keras(kind: str, call: str) -> float:
    """The value of a call, which is one of ours and Python as it stands."""
    found = {name: tf.constant(value) for name, value in BATCH.items()}
    found["labels"] = tf.cast(found["labels"], "int32")
    x, p = found["logits"], found["y_pred"]
    space = {
        **found, "tf": tf, "keras": keras, "K": tf.keras.backend, "np": np, "math": math,
        "ops": keras.ops, "exp": tf.exp, "mean": tf.reduce_mean, "x": x, "p": p,
        "y": found["y_true"], "i": found["labels"], "m": x > 0, "w": 1.0 + p,
    }  # fmt: skip
    value = tf.cast(eval(call, space), "float32")
    return float(tf.reduce_mean(value if kind != "function" else tf.sin(value * 0.7 + 0.1)))


def in_the_language(kind: str, call: str) -> float:
    if kind == "metric":
        return float(losses.compile_metric(call).on(BATCH))
    text = call if kind == "loss" else WRAPPED.format(call)
    return float(losses.compile_loss(text, probe=False).on(BATCH))


@pytest.mark.parametrize(("kind", "call"), CALLS, ids=[call for _, call in CALLS])
def test_a_call_has_the_value_of_keras_or_an_answer_that_helps(kind: str, call: str) -> None:
    try:
        value = in_the_language(kind, call)
    except losses.LossError as error:
        assert error.hint and "see the list" not in error.hint, str(error)
        assert "this text cannot be read" not in error.message
        return
    assert value == pytest.approx(in_keras(kind, call), rel=2e-5, abs=2e-6)


def main() -> None:
    """Print the counts, and the calls that are refused."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind, _ in CALLS}
    for kind, call in CALLS:
        try:
            same = math.isclose(
                in_the_language(kind, call), in_keras(kind, call), rel_tol=2e-5, abs_tol=2e-6
            )
            counts[kind]["right" if same else "wrong"] += 1
        except losses.LossError as error:
            counts[kind]["refused"] += 1
            print(f"{call}\n    {error.message} ({error.hint})")
    print({kind: dict(each) for kind, each in counts.items()})


if __name__ == "__main__":
    main()
