"""Classes: losses and metrics of Keras' kind, plain callables, and what cannot be read of them."""

# ruff: noqa: E501

import numpy as np
import pytest
import reference

import losses
from losses.language.program import analyse

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
SQUARE = np.square(Y - P).mean(-1)
CE = -(Y * np.log(P)).sum(-1)
PT = (Y * P).sum(-1)

HEAD = "class L(keras.losses.Loss):\n"
FOCAL = """\
import tensorflow as tf
from tensorflow.keras.losses import Loss

class FocalLoss(Loss):
    '''Focal loss for many classes.'''
    def __init__(self, gamma=2.0, alpha=0.25, name="focal_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.gamma = gamma
        self.alpha = alpha

    def call(self, y_true, y_pred):
        gamma = self.gamma * 1.0  # a local of the same name
        y_pred = tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7)
        ce = -y_true * tf.math.log(y_pred)
        return tf.reduce_sum(self.alpha * tf.pow(1 - y_pred, gamma) * ce, axis=-1)

    def get_config(self):
        config = super().get_config()
        config.update({"gamma": self.gamma, "alpha": self.alpha})
        return {**config, "open": open("x")}
"""
COMBINED = """\
class Combined(tf.keras.losses.Loss):
    share = 0.3
    half = share / 2

    def __init__(self, power=2.0, **kwargs):
        super(Combined, self).__init__(**kwargs)
        self.ce = tf.keras.losses.CategoricalCrossentropy()
        self._power = power

    @staticmethod
    def dice(t, p):
        return 1 - 2 * K.sum(t * p) / (K.sum(t) + K.sum(p))

    @property
    def scale(self):
        return self.half * 2

    def _focal(self, t, p):
        return K.sum(-t * (1 - p) ** self._power * K.log(p), axis=-1)

    def call(self, y_true, y_pred, sample_weight=None):
        return self.scale * self.ce(y_true, y_pred) + self.dice(y_true, y_pred) + self._focal(y_true, y_pred)
"""
INHERITED = """\
class Base(keras.losses.Loss):
    def __init__(self, gain=2.0):
        super().__init__()
        self.gain = gain

    def measure(self, a, b):
        return K.abs(a - b)

    def call(self, y_true, y_pred):
        return self.gain * K.mean(self.measure(y_true, y_pred), axis=-1)

class Squared(Base):
    def measure(self, a, b):
        return K.square(a - b)
"""
OF_KERAS = """\
class Smooth(tf.keras.losses.CategoricalCrossentropy):
    def __init__(self, smooth=0.2):
        super().__init__(label_smoothing=smooth)

    def call(self, y_true, y_pred):
        return super().call(y_true, y_pred) + K.mean(y_pred, axis=-1)
"""
BARE_OF_KERAS = """\
class Mine(keras.losses.CategoricalCrossentropy):
    def __init__(self, smooth=0.2, **kwargs):
        super().__init__(label_smoothing=smooth, **kwargs)
"""
PLAIN = """\
class Weighted:
    def __init__(self, weights):
        self.weights = K.variable(weights)
    def loss(self, y_true, y_pred):
        return K.sum(-self.weights * y_true * K.log(y_pred), axis=-1)
"""
TWO = """\
class Outer(keras.losses.Loss):
    def __init__(self, gain=0.5):
        super().__init__()
        self.inner = Inner(power=2.0)
        self.gain = gain
    def call(self, y_true, y_pred):
        return self.gain * self.inner(y_true, y_pred)
"""
INNER = """\
class Inner(keras.losses.Loss):
    def __init__(self, power=1.0):
        super().__init__()
        self.power = power
    def call(self, y_true, y_pred):
        return K.mean(K.pow(K.abs(y_true - y_pred), self.power), axis=-1)

"""
LOOSE = """\
def __init__(self, gain=2.0):
    self.gain = gain

def call(self, y_true, y_pred):
    return self.gain * self.part(y_true, y_pred)

def part(self, y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1)
"""
SMOOTH = 0.8 * Y + 0.02
FOCUS = (0.25 * (1 - P) ** 2 * -Y * np.log(P)).sum(-1).mean()
WEIGHTS = [1.0, 2.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
ACCEPTED = {
    "focal": (FOCAL, FOCUS, {"gamma": 2.0, "alpha": 0.25}),
    "focal made": (FOCAL + "\nFocalLoss(alpha=0.5)", 2 * FOCUS, {"gamma": 2.0, "alpha": 0.5}),
    "focal assigned": (
        FOCAL + "\nloss = FocalLoss(2.0, 0.5)",
        2 * FOCUS,
        {"gamma": 2.0, "alpha": 0.5},
    ),
    "focal by name": (FOCAL + "\nFocalLoss", FOCUS, {"gamma": 2.0, "alpha": 0.25}),
    "focal called": (FOCAL + "\nFocalLoss()(y_true, y_pred)", FOCUS, {}),
    "combined": (
        COMBINED,
        (0.3 * CE + 1 - 2 * PT.sum() / (Y.sum() + P.sum()) + (1 - PT) ** 2 * CE).mean(),
        {"power": 2.0},
    ),
    "inherited": (INHERITED, 2 * SQUARE.mean(), {"gain": 2.0}),
    "of keras": (OF_KERAS, (-(SMOOTH * np.log(P)).sum(-1) + 0.1).mean(), {"smooth": 0.2}),
    "bare of keras": (BARE_OF_KERAS, -(SMOOTH * np.log(P)).sum(-1).mean(), {"smooth": 0.2}),
    "a method named": (f"{PLAIN}\nWeighted({WEIGHTS}).loss", (CE * (Y @ WEIGHTS)).mean(), {}),
    "two classes": (INNER + TWO, 0.5 * SQUARE.mean(), {"gain": 0.5}),
    "methods without their class": (LOOSE, 2 * SQUARE.mean(), {"gain": 2.0}),
    "a method alone": (
        "    def call(self, y_true, y_pred):\n        return K.mean(K.square(y_true - y_pred), axis=-1)\n",
        SQUARE.mean(),
        {},
    ),
    "the old super": (
        "class L(Loss):\n  def __init__(self, g=2.0):\n    Loss.__init__(self, name='l')\n    self.g = g\n"
        "  def call(self, y_true, y_pred):\n    return self.g * K.mean(K.square(y_true - y_pred), axis=-1)",
        2 * SQUARE.mean(),
        {"g": 2.0},
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_class_is_the_loss_that_it_computes(name):
    text, value, parameters = ACCEPTED[name]
    loss = losses.compile_loss(text)
    assert float(loss.on(B)) == pytest.approx(value, rel=1e-4)
    assert {n: p.value for n, p in loss.parameters.items()} == parameters


def test_the_number_of_a_class_is_moved_as_any_parameter_is():
    loss = losses.compile_loss(FOCAL, probe=False, alpha=0.5)
    assert float(loss.on(B)) == pytest.approx(2 * FOCUS, rel=1e-4)
    loss.set_parameter("alpha", 1.0)
    assert float(loss.on(B)) == pytest.approx(4 * FOCUS, rel=1e-4)
    assert loss.parameters["alpha"].span.line == 6


def test_what_a_class_computes_has_its_formula_and_its_canonical_spelling():
    report = losses.check(FOCAL)
    assert report["ok"] and "self" not in report["latex"] and "self" not in report["canonical"]
    assert losses.check(report["canonical"])["ok"]


F1 = """\
class F1Score(tf.keras.metrics.Metric):
    def __init__(self, name="f1", **kwargs):
        super().__init__(name=name, **kwargs)
        self.tp = self.add_weight(name="tp", initializer="zeros")
        self.predicted = self.add_weight(name="predicted", initializer="zeros")
        self.actual = self.add_weight(name="actual", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        chosen = tf.one_hot(tf.argmax(y_pred, axis=-1), 10)
        self.tp.assign_add(tf.reduce_sum(y_true * chosen))
        self.predicted.assign_add(tf.reduce_sum(chosen))
        return self.actual.assign(self.actual + tf.reduce_sum(y_true))

    def result(self):
        precision = self.tp / (self.predicted + K.epsilon())
        recall = self.tp / (self.actual + K.epsilon())
        return 2 * precision * recall / (precision + recall + K.epsilon())

    def reset_states(self):
        self.tp.assign(0)
"""


def test_a_metric_of_keras_is_read_over_a_whole_evaluation():
    metric = losses.compile_metric(F1)
    right = (Y.argmax(-1) == P.argmax(-1)).mean()  # of one label each, f1 is the accuracy
    assert float(metric.on(B)) == pytest.approx(right, rel=1e-5)
    for part in (slice(0, 10), slice(10, 32)):
        metric.update_state(B["y_true"][part], B["y_pred"][part])
    assert float(metric.result()) == pytest.approx(right, rel=1e-5)


def mse(line: str) -> str:
    return f"{HEAD}    def call(self, y_true, y_pred):\n        {line}\n"


# A text, where it is refused, and a word of what is said.
REFUSED = {
    "nothing to call": (HEAD + "    def __init__(self):\n        self.x = 1", (1, 1), "call(self"),
    "an attribute nobody sets": (mse("return self.gain * y_pred"), (3, 16), "self.gain"),
    "self as a value": (mse("return self * y_pred"), (3, 16), "attributes"),
    "a fault in a method": (mse("return K.mean(K.sqare(y_true - y_pred))"), (3, 23), "K.sqare"),
    "an attribute of its kind": (mse("return self.__class__(y_pred)"), (3, 16), "underscore"),
    "a base that is no loss": (
        "class L(type):\n    def call(self, y_true, y_pred):\n        return y_pred",
        (1, 1),
        "type",
    ),
    "a metaclass": (
        "class L(metaclass=M):\n    def call(self, y_true, y_pred):\n        return y_pred",
        (1, 1),
        "Loss",
    ),
    "a hook of Python": (
        HEAD + "    def __getattr__(self, name):\n        return 1",
        (2, 5),
        "__getattr__",
    ),
    "a required number": (
        HEAD + "    def __init__(self, alpha):\n        self.alpha = alpha\n"
        "    def call(self, y_true, y_pred):\n        return self.alpha * K.mean(y_true - y_pred)",
        (1, 1),
        "L(alpha=1.0)",
    ),
    "pytorch": (
        "class L(nn.Module):\n    def forward(self, x, y):\n        return ((x - y) ** 2).mean()",
        (1, 1),
        "PyTorch",
    ),
    "centres": (
        "class Center(keras.layers.Layer):\n    def build(self, shape):\n"
        "        self.centers = self.add_weight(name='centers', shape=(10, 2))\n"
        "    def call(self, x):\n        return K.sum(x[0] - self.centers)",
        (1, 1),
        "center()",
    ),
    "a class in a function": (
        "def f(y_true, y_pred):\n    class A:\n        pass\n    return y_pred",
        (2, 5),
        "above",
    ),
    "endless": (mse("return self.call(y_true, y_pred)"), (3, 16), "calls itself"),
    "itself as its base": (
        "class A(A):\n    def call(self, y_true, y_pred):\n        return y_pred",
        (1, 1),
        "loss",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_of_a_class_is_said_at_its_place(name):
    text, place, word = REFUSED[name]
    with pytest.raises(losses.LossError) as caught:
        analyse(text)
    assert (caught.value.line, caught.value.column) == place, str(caught.value)
    assert word in f"{caught.value.message} {caught.value.hint}"
