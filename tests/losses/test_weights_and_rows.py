"""What is weighed and reduced where Keras does it, and what a run's own inputs are called."""

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf

import losses
from losses.catalog import catalog
from losses.language.named_calls import ENTRY_BY_ENTRY
from playground import trainable

B = reference.batch()
SQUARES = """\
class Squares(keras.losses.Loss):
    def {0}(self, y_true, y_pred{1}):
        return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1)
"""
CALL = SQUARES.format("call", "")
# The loss that is called with the reference batch: in Keras, and as it stands in a text.
WEIGHED = {
    "mean": ("", "keras.losses.CategoricalCrossentropy()"),
    "by the weights": (
        "", "keras.losses.CategoricalCrossentropy(reduction='mean_with_sample_weight')",
    ),
    "sum": ("", "keras.losses.MeanSquaredError(reduction='sum')"),
    "own class": (CALL, "Squares()"),
    "own class, by the weights": (CALL, "Squares(reduction='mean_with_sample_weight')"),
    "own class, sum": (CALL, "Squares(reduction='sum')"),
}  # fmt: skip


def in_keras(setup: str, expression: str, loss: bool = True) -> float:
    space = {"keras": keras, "tf": tf, **{name: tf.constant(value) for name, value in B.items()}}
    exec(setup, space)
    value = eval(expression, space)
    return float(tf.reduce_mean(tf.cast(value, "float32")))


@pytest.mark.parametrize("how", ["sample_weight=", ""])
@pytest.mark.parametrize("name", WEIGHED)
def test_samples_are_weighed_as_keras_does(name: str, how: str) -> None:
    setup, loss = WEIGHED[name]
    call = f"{loss}(y_true, y_pred, {how}1.0 + y_pred[:, 0]) * y_pred[:, 1]"
    value = float(losses.compile_loss(setup + call, probe=False).on(B))
    assert value == pytest.approx(in_keras(setup, call), rel=2e-5)


def test_a_class_with_a_call_of_its_own_is_not_reduced() -> None:
    setup = SQUARES.format("__call__", ", sample_weight=None")
    call = "Squares()(y_true, y_pred) * y_pred[:, 1]"
    value = float(losses.compile_loss(setup + call, probe=False).on(B))
    assert value == pytest.approx(in_keras(setup, call), rel=2e-5)


@pytest.mark.parametrize(
    "call",
    [
        "TruePositives(0.2)(y_true * 0.4 + 0.01, y_pred)",
        "FalsePositives(0.2)(y_true * 0.4, y_pred)",
        "TrueNegatives(0.2)(y_true * 0.4, y_pred)",
        "FalseNegatives(0.2)(y_true * 0.4, y_pred)",
        "MeanIoU(num_classes=10, ignore_class=0)(labels, tf.argmax(y_pred, -1))",
        "MeanIoU(num_classes=7)(labels, tf.argmax(y_pred, -1))",
        "IoU(10, list(range(1, 10)), ignore_class=0)(labels, tf.argmax(y_pred, -1))",
        "OneHotMeanIoU(10, ignore_class=3)(y_true, y_pred)",
        "OneHotIoU(10, [1, 4, 5], ignore_class=3)(y_true, y_pred)",
        "BinaryIoU()(y_true, y_pred)",
        "BinaryIoU(threshold=0.0)(y_true, logits)",
        "BinaryIoU([1], 0.1)(y_true, y_pred)",
    ],
)
def test_what_a_metric_of_keras_ignores_and_counts(call: str) -> None:
    value = float(losses.compile_metric(f"keras.metrics.{call}").on(B))
    assert value == pytest.approx(in_keras("", f"keras.metrics.{call}"), rel=2e-5, abs=1e-6)


def test_matrices_of_a_batch_are_transposed_one_by_one() -> None:
    text = "x = tf.reshape(y_pred[:, :9], (-1, 3, 3))\n"
    call = "tf.linalg.matrix_transpose(x)[:, 0, 1] * x[:, 2, 2]"
    value = float(losses.compile_loss(text + call, probe=False).on(B))
    assert value == pytest.approx(in_keras(text, call), rel=2e-5)


@pytest.mark.parametrize(
    "call",
    ["tf.keras.backend.categorical_crossentropy(target=y_true, output=y_pred)",
     "keras.losses.circle(y_true=labels, y_pred=y_pred, gamma=2.0)"],
)  # fmt: skip
def test_tensors_that_are_given_by_name_are_taken(call: str) -> None:
    value = float(losses.compile_loss(call, probe=False).on(B))
    assert value == pytest.approx(in_keras("", call), rel=2e-5)


def of_pairs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 10, 32)
    chances = rng.random((32, 10)).astype("float32")
    return {
        "y_left": np.eye(10, dtype="float32")[labels],
        "p_left": chances / chances.sum(-1, keepdims=True),
        "same": rng.integers(0, 2, 32).astype("float32"),
        "p_same": rng.uniform(0.05, 0.95, 32).astype("float32"),
        "distance": rng.uniform(0.1, 3.0, 32).astype("float32"),
    }


PAIRS = of_pairs()
SAME, CHANCE = (PAIRS[name].astype("float64") for name in ("same", "p_same"))
BINARY = -(SAME * np.log(CHANCE) + (1 - SAME) * np.log(1 - CHANCE))


@pytest.mark.parametrize(
    "text",
    [
        "lambda same, p_same: mean(square(same - p_same))",
        "def loss(same, p_same):\n    return mean(square(same - p_same))",
        "def loss(p_same, same):\n    return mean(square(same - p_same))",
    ],
)
def test_arguments_that_are_called_like_inputs_of_the_run_are_these(text: str) -> None:
    loss = losses.compile_loss(text, inputs=trainable.offered("siamese"))
    assert float(loss.on(PAIRS)) == pytest.approx(((SAME - CHANCE) ** 2).mean(), rel=1e-5)
    assert not [w for w in loss.warnings if w.code == "swapped"]


def test_an_argument_called_like_another_input_is_told() -> None:
    text = "def loss(same, q):\n    return mean(square(same - q))"
    loss = losses.compile_loss(text, inputs=trainable.offered("siamese"))
    assert "y_left" in next(w for w in loss.warnings if w.code == "swapped").message


@pytest.mark.parametrize("name", ["cross_entropy", "categorical_crossentropy"])
def test_the_cross_entropy_of_a_chance_is_binary_however_it_is_written(name: str) -> None:
    run = trainable.offered("siamese")
    loss = losses.compile_loss(f"{name}(same, p_same)", inputs=run)
    assert float(loss.on(PAIRS)) == pytest.approx(BINARY.mean(), rel=1e-5)
    smooth = losses.compile_loss(f"{name}(same, p_same, label_smoothing=0.0)", inputs=run)
    assert float(smooth.on(PAIRS)) == pytest.approx(BINARY.mean(), rel=1e-5)


COMPARE = [
    info for info in catalog()
    if info.inputs in (("y_true", "y_pred"), ("y_true", "logits")) and info.per_sample
    and info.name != "categorical_crossentropy"  # of a chance it is the binary one
]  # fmt: skip


@pytest.mark.parametrize("info", COMPARE, ids=[info.name for info in COMPARE])
def test_a_loss_of_rows_that_is_given_one_value_a_sample_says_so(info: losses.LossInfo) -> None:
    y, p = PAIRS["same"][:10], PAIRS["p_same"][:10]
    same = np.isclose(
        np.mean(info.function(y, p)), np.mean(info.function(y[:, None], p[:, None])), rtol=1e-4
    ) if "counts" not in str(info.parameters) else False  # fmt: skip
    assert same == (info.name in ENTRY_BY_ENTRY)
    if not same and "counts" not in str(info.parameters):
        run = trainable.offered("siamese")
        told = losses.compile_loss(f"{info.name}(same, p_same)", inputs=run, probe=False).warnings
        assert "batch-as-classes" in [w.code for w in told]
