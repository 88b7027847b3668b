"""What surrounds a loss in a notebook: imports, hints, scopes, arguments in another order, and names
that are not here. Also, that the way out that is told leads out."""

# ruff: noqa: E501

import numpy as np
import pytest
import reference

import losses
from losses.language.program import analyse

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
MSE = np.square(Y - P).mean()
CE = -(Y * np.log(P)).sum(-1).mean()
BODY = "\n    return K.mean(K.square(y_true - y_pred), axis=-1)"


def after(line: str) -> str:
    return f"{line}\ndef f(y_true, y_pred):{BODY}"


ACCEPTED = {
    # imports of what is not used
    "os": (after("import os, sys"), MSE),
    "torch": (after("import torch.nn.functional as F"), MSE),
    "relative": (after("from .utils import helper"), MSE),
    "layers": (after("from tensorflow.keras.layers import Input, Dense"), MSE),
    "python keras": (after("from tensorflow.python.keras import backend as K"), MSE),
    "everything of a module": (after("from keras.losses import *"), MSE),
    "future": (after("from __future__ import division"), MSE),
    "a name it defines itself": (
        "from utils import helper\ndef helper(a, b):\n    return K.square(a - b)\n"
        "def f(y_true, y_pred):\n    return K.mean(helper(y_true, y_pred), axis=-1)",
        MSE,
    ),
    "keras core": (
        "import keras_core as keras\nkeras.losses.mean_squared_error(y_true, y_pred)",
        MSE,
    ),
    # tensors by their names
    "a number first": (f"def f(gain=2.0, y_true=None, y_pred=None):{BODY}", MSE),
    "swapped, and no number": (
        "def f(pred, true):\n    return K.mean(K.square(true - pred), axis=-1)",
        MSE,
    ),
    "other names": ("def f(a, b):\n    return K.mean(K.square(a - b), axis=-1)", MSE),
    # forms
    "the rest of the arguments": (f"def f(y_true, y_pred, **kwargs):{BODY}", MSE),
    "assertion": (f"def f(y_true, y_pred):\n    assert len(y_pred.shape) == 2, 'flat'{BODY}", MSE),
    "an error that does not come": (
        f"def f(y_true, y_pred, gain=1.0):\n    if gain < 0:\n        raise ValueError('gain %f' % gain){BODY}",
        MSE,
    ),
    "scope of keras": (
        f"def f(y_true, y_pred):\n    with K.name_scope('a') as s:\n        d = 1{BODY}",
        MSE,
    ),
    "sizes as a list": (
        "def f(y_true, y_pred):\n    b, n = y_pred.get_shape().as_list()\n"
        "    return K.sum(K.square(y_true - y_pred), axis=-1) / n",
        MSE,
    ),
    "hints": (
        "def f(y_true: tf.Tensor, y_pred: 'tf.Tensor', w: Optional[Tuple[float, ...]] = None, "
        f"g: float | None = None) -> Callable[[int], tf.Tensor]:{BODY}",
        MSE,
    ),
    "private names": (
        "def _part(y_true, _p):\n    _d = y_true - _p\n    return _d\n"
        "def loss(y_true, y_pred):\n    _ = 1\n    return K.mean(K.square(_part(y_true, y_pred)), axis=-1)",
        MSE,
    ),
    "wraps": (
        "def make(f):\n    @wraps(f)\n    def inner(y_true, y_pred):\n        return f(y_true, y_pred)\n    return inner\n"
        "loss = make(keras.losses.MeanSquaredError())",
        MSE,
    ),
    "no reduction": (
        "keras.losses.CategoricalCrossentropy(reduction=tf.losses.Reduction.NONE)(y_true, y_pred)",
        CE,
    ),
    "a sum": (
        "keras.losses.CategoricalCrossentropy(reduction=tf.keras.losses.Reduction.SUM)(y_true, y_pred)",
        32 * CE,
    ),
    "a slice of both": (
        "mean(square(K.slice(y_true, [0, 2], [-1, 8]) - tf.slice(y_pred, [0, 2], [-1, 8])))",
        np.square(Y[:, 2:] - P[:, 2:]).mean(),
    ),
    "metrics": ("from keras import metrics\nmetrics.categorical_crossentropy(y_true, y_pred)", CE),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_it_is_read_as_it_stands(name):
    text, value = ACCEPTED[name]
    assert float(losses.compile_loss(text).on(B)) == pytest.approx(value, rel=1e-4)


def using(line: str, expression: str) -> str:
    return f"{line}\ndef f(y_true, y_pred):\n    return K.mean({expression})"


# A text, where it is refused, a word of what is said, and the fix.
REFUSED = {
    "a use of what is not here": (using("import tensorflow_addons as tfa", "tfa.seq2seq.sequence_loss(y_true, y_pred)"), (3, 19), "tensorflow_addons", None),
    "a name of ours that is imported": (using("from utils import mean", "mean(y_true * y_pred)"), (3, 19), "remove its import", None),
    "a module over ours": (after("import cupy as np"), (1, 8), "choose another name", None),
    "everything of what is not here": (after("from os import *"), (1, 1), "import name", None),
    "a future that changes the grammar": (after("from __future__ import barry_as_FLUFL"), (1, 1), "remove", None),
    "a module of its own kind": (after("from builtins.__import__ import x"), (1, 1), "remove", None),
    "torch under another name": (using("import torch as t", "t.cat([y_true, y_pred])"), (3, 19), "PyTorch", "concatenate"),
    "torch by its functions": (using("from torch.nn import functional as TF", "TF.softmax(y_pred)"), (3, 19), "PyTorch", "softmax"),
    "a view": (using("import torch", "y_pred.view(-1) * 1"), (3, 26), "PyTorch", "reshape"),
    "a layer": ("def f(y_true, y_pred):\n    return Activation('softmax')(y_pred)", (2, 12), "network", None),
    "an input": ("def f(y_true, y_pred):\n    x = Input(shape=(3,))\n    return y_pred", (2, 9), "network", None),
    "a tensor of a network": ("def f(y_true, y_pred):\n    return K.mean(K.square(z_mean))", (2, 28), "y_pred", None),
    "a value that is near a function": ("def f(y_true, y_pred):\n    return K.mean(y_pred) * epsilo", (2, 29), "assign it", None),
    "a slip": ("def f(y_true, y_pred):\n    return K.mena(y_pred)", (2, 12), "did you mean", "K.mean"),
    "a slip in a tensor": ("def f(y_true, y_pred):\n    return K.mean(y_ture)", (2, 19), "did you mean", "y_true"),
    "a slip in a class": ("keras.losses.CategoricalCrosentropy()(y_true, y_pred)", (1, 1), "did you mean", "keras.losses.CategoricalCrossentropy"),
    "twice the same argument": ("def f(y_true, y_pred, y_true):" + BODY, (1, 23), "twice", None),
    "a keyword in wide letters": ("ｄｅｆ f(y_true, y_pred):" + BODY, (1, 1), "write def", "def"),
    "a number before the tensors": (f"def f(gamma, y_true, y_pred):{BODY}", (1, 1), "def f(y_true, y_pred, gamma=0.5):", None),
    "a number that is needed": (f"def f(y_true, y_pred, gamma):{BODY}", (1, 1), "gamma=1.0", None),
    "an assertion that cannot be read": (f"def f(y_true, y_pred):\n    assert open('x'){BODY}", (2, 5), "remove", None),
    "an error that comes": (f"def f(y_true, y_pred):\n    raise ValueError(){BODY}", (2, 5), "remove", None),
    "a tape": (f"def f(y_true, y_pred):\n    with tf.GradientTape() as t:\n        d = 1{BODY}", (2, 5), "keep only", None),
    "a file": (f"def f(y_true, y_pred):\n    with open('x') as t:\n        d = 1{BODY}", (2, 5), "body", None),
    "a hint that is a call": ("def f(y_true: List[open('x')], y_pred):" + BODY, (1, 20), "hint", None),
    "a private part": ("def f(y_true, y_pred):\n    return y_pred._value", (2, 12), "underscore", None),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_here_is_told_where_it_is_used(name):
    text, place, word, fix = REFUSED[name]
    with pytest.raises(losses.LossError) as caught:
        analyse(text)
    error = caught.value
    assert (error.line, error.column) == place, str(error)
    assert word in f"{error.message} {error.hint}"
    assert error.fix == fix


def mended(text: str, error: losses.LossError) -> str:
    """The text with the fix of an error taken, here and elsewhere."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for span, fix in sorted([(error.span, error.fix or ""), *error.also], reverse=True):
        begin = starts[span.line - 1] + span.column - 1
        end = starts[span.end_line - 1] + span.end_column - 1
        text = text[:begin] + fix + text[end:]
    return text


@pytest.mark.parametrize("name", [n for n, entry in REFUSED.items() if entry[3] is not None])
def test_a_fix_leads_to_a_text_that_is_accepted_or_to_another_fault(name):
    text = REFUSED[name][0]
    with pytest.raises(losses.LossError) as caught:
        analyse(text)
    try:
        analyse(mended(text, caught.value))
    except losses.LossError as error:
        assert error.message != caught.value.message


WARNED = {
    "a factor that leaves nothing": ("1e-12 * mean(square(y_true - y_pred), axis=-1)", "scaled-to"),
    "divided to nothing": ("-mean(square(y_true - y_pred), axis=-1) / 1e9", "scaled-to"),
    "the log of a quotient": ("mean(abs(log(y_true / y_pred)), axis=-1)", "log-of-target"),
}


@pytest.mark.parametrize("name", WARNED)
def test_it_is_accepted_and_said_what_is_odd(name):
    text, code = WARNED[name]
    assert any(w.code.startswith(code) for w in analyse(text).warnings)


def test_a_small_term_beside_others_is_nothing_odd():
    text = "mean(square(y_true - y_pred), axis=-1) + 1e-9 * sum(abs(y_pred), axis=-1)"
    assert not analyse(text).warnings


def test_what_is_packed_behind_the_target_has_a_name():
    text = "def f(y_true, y_pred):\n    soft = y_true[:, 10:]\n    return K.mean(soft - y_pred)"
    with pytest.raises(losses.LossError) as caught:
        analyse(text)
    assert caught.value.line == 2 and "teacher_logits" in str(caught.value)
