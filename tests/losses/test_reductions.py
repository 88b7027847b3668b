"""What Keras makes of the values a sample of its losses: one number, wherever they stand."""

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf

import losses
from losses.language import canonical
from losses.language.program import analyse

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
BCE = -(Y * np.log(P) + (1 - Y) * np.log(1 - P)).mean(-1)
CE = -(Y * np.log(P)).sum(-1)
SE = ((Y - P) ** 2).mean(-1)


def on(text: str) -> float:
    return float(losses.compile_loss(text, probe=False).on(B))


IN_EXPRESSIONS = {
    "bce = tf.keras.losses.BinaryCrossentropy()(y_true, y_pred)\n(1 - exp(-bce))**2 * bce":
        (1 - np.exp(-BCE.mean())) ** 2 * BCE.mean(),
    "ce = keras.losses.CategoricalCrossentropy()\ndef f(y_true, y_pred):\n"
    "    return ce(y_true, y_pred) * keras.losses.MeanSquaredError()(y_true, y_pred)":
        CE.mean() * SE.mean(),
    "keras.losses.CategoricalCrossentropy()(y_true, y_pred) * y_pred[:, 0]":
        CE.mean() * P[:, 0].mean(),
    "keras.losses.CategoricalCrossentropy(reduction='none')(y_true, y_pred) * y_pred[:, 0]":
        (CE * P[:, 0]).mean(),
    "keras.losses.CategoricalCrossentropy()(y_true, y_pred, sample_weight=y_pred[:, 0])":
        (CE * P[:, 0]).mean(),
    "ce = keras.losses.CategoricalCrossentropy()\nce.call(y_true, y_pred) * y_pred[:, 0]":
        (CE * P[:, 0]).mean(),
    "class L(keras.losses.Loss):\n    def call(self, y_true, y_pred):\n"
    "        return K.mean(K.square(y_true - y_pred), axis=-1)\nexp(-L()(y_true, y_pred))":
        np.exp(-SE.mean()),
}  # fmt: skip


@pytest.mark.parametrize("text", IN_EXPRESSIONS)
def test_a_configured_loss_is_one_number_within_an_expression(text: str) -> None:
    assert on(text) == pytest.approx(IN_EXPRESSIONS[text], rel=1e-5)


LINEAR = (
    "0.5 * keras.losses.MeanSquaredError()(y_true, y_pred)",
    "ce = keras.losses.CategoricalCrossentropy()\nmse = keras.losses.MeanSquaredError()\n"
    "ce(y_true, y_pred) - 0.1 * mse(y_true, y_pred) / 2 + 0.1 * mean(y_pred)",
)


@pytest.mark.parametrize("text", LINEAR)
def test_at_the_end_of_a_loss_it_stays_one_value_a_sample(text: str) -> None:
    assert losses.compile_loss(text, probe=False).program.shape_kind == "(B,)"


CLASS = """\
class Gained(keras.losses.Loss):
    def __init__(self, gain=2.0{0}):
        super().__init__({1})
        self.gain = gain
    def call(self, y_true, y_pred):
        return self.gain * K.mean(K.square(y_true - y_pred), axis=-1)
"""
OWN = {
    CLASS.format("", "reduction='sum'"): 2 * SE.sum(),
    CLASS.format("", "reduction=tf.keras.losses.Reduction.SUM, name='g'"): 2 * SE.sum(),
    CLASS.format("", "name='g', reduction=tf.keras.losses.Reduction.NONE"): 2 * SE.mean(),
    CLASS.format(", reduction='sum', name='x'", "reduction=reduction, name=name"): 2 * SE.sum(),
    CLASS.format(", **kwargs", "**kwargs"): 2 * SE.mean(),
    CLASS.format(", **kwargs", "**kwargs") + "Gained(3.0, reduction='sum', name='g')":
        3 * SE.sum(),
    "class L(keras.losses.Loss):\n    def call(self, y_true, y_pred):\n"
    "        return K.mean(K.square(y_true - y_pred), axis=-1)\nL(reduction='sum')": SE.sum(),
    "class W(keras.losses.CategoricalCrossentropy):\n    def call(self, y_true, y_pred):\n"
    "        return super().call(y_true, y_pred) * y_pred[:, 0]\nW()": (CE * P[:, 0]).mean(),
    "class W(keras.losses.CategoricalCrossentropy):\n    def __init__(self):\n"
    "        super().__init__(reduction='sum')\n    def call(self, y_true, y_pred):\n"
    "        return super().call(y_true, y_pred) * y_pred[:, 0]\nW()": (CE * P[:, 0]).sum(),
}  # fmt: skip


@pytest.mark.parametrize("text", OWN)
def test_a_class_is_reduced_as_it_says(text: str) -> None:
    assert on(text) == pytest.approx(OWN[text], rel=1e-5)


METRIC = """\
class F1(keras.metrics.Metric):
    def __init__(self, name="f1", **kwargs):
        super().__init__(name=name, **kwargs)
        self.precision = keras.metrics.Precision(thresholds=0.2)
        self.recall = keras.metrics.Recall(thresholds=0.2)
    def update_state(self, y_true, y_pred, sample_weight=None):
        self.precision.update_state(y_true, y_pred)
        self.recall.update_state(y_true, y_pred)
    def result(self):
        p, r = self.precision.result(), self.recall.result()
        return 2 * p * r / (p + r + 1e-7)
    def reset_state(self):
        self.precision.reset_state()
        self.recall.reset_state()
F1()
"""


def test_metrics_of_keras_within_a_class_of_a_metric() -> None:
    space = {"keras": keras, "tf": tf}
    exec(METRIC.replace("\nF1()\n", "\nmetric = F1()\n"), space)  # as it stands, in Keras
    space["metric"].update_state(B["y_true"], B["y_pred"])
    expected = float(space["metric"].result())
    assert float(losses.compile_metric(METRIC).on(B)) == pytest.approx(expected, rel=1e-5)


def test_a_metric_that_was_given_nothing_has_no_result() -> None:
    with pytest.raises(losses.LossError, match="was given nothing yet"):
        losses.compile_metric("m = keras.metrics.Recall()\nm.result()")


NOT_FINITE = (
    "def f1(y_true, y_pred):\n    said = K.cast(y_pred > 0.5, 'float32')\n"
    "    p = K.sum(said * y_true) / K.sum(said)\n    r = K.sum(said * y_true) / K.sum(y_true)\n"
    "    return 2 * p * r / (p + r)\n"
)


def test_a_metric_that_is_not_a_number_on_an_untrained_network_says_so() -> None:
    (warning,) = losses.compile_metric(NOT_FINITE).warnings
    assert "has learnt nothing" in warning.message and "not a number" in warning.message
    assert NOT_FINITE.split("\n")[warning.line - 1][warning.column - 1 :].startswith("K.sum(said *")
    report = losses.check(NOT_FINITE, metric=True)
    assert report["ok"] and not report["probe"]["finite"] and report["warnings"]
    guarded = NOT_FINITE.replace("K.sum(said)", "(K.sum(said) + K.epsilon())")
    guarded = guarded.replace("(p + r)", "(p + r + K.epsilon())")
    assert not losses.compile_metric(guarded).warnings


HALVES = {
    "p = K.cast(y_pred, 'float16')\n-mean(y_true * K.log(p + 1e-8), axis=-1)": "1e-08 is 0",
    "x = tf.cast(y_pred, tf.float16) * 1e6\nmean(tf.cast(x, tf.float32) * y_true)": "65,504",
    "x = (y_pred - y_true).astype('float16')\nmean(square(x * 300.0))": "65,504",
    "p = tf.cast(y_pred, tf.half)\n-mean(y_true * tf.math.log(p + 1e-4), axis=-1)": "",
    "p = tf.cast(y_pred * 1e6, tf.float32)\nmean(square(p - y_true))": "",
}


@pytest.mark.parametrize("text", HALVES)
def test_what_is_lost_in_float16_is_told(text: str) -> None:
    found = [w.message for w in losses.compile_loss(text).warnings if w.code == "float16"]
    assert len(found) == bool(HALVES[text]) and HALVES[text] in "".join(found)


def test_a_target_of_0_and_1_is_spelled_so_that_it_is_read_again() -> None:
    first = analyse("keras.losses.kl_divergence(same, class_weights / y_pred)")
    assert canonical.text(analyse(canonical.text(first))) == canonical.text(first)
