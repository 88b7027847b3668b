"""Lambdas, and lists of known length: append, enumerate, zip, comprehensions."""

import numpy as np
import pytest
import reference

import losses

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
SE = (Y - P) ** 2
MSE = SE.mean()


def tilted(q: float) -> float:
    e = Y - P
    return np.maximum(q * e, (q - 1) * e).mean()


LAMBDAS = {
    "lambda y, p: K.mean(K.square(y - p), axis=-1)": MSE,
    "lambda y, p, gain=2.0: gain * K.mean(K.square(y - p), axis=-1)": 2 * MSE,
    "mse = lambda a, b: K.mean(K.square(a - b), axis=-1)\nlambda y, p: 3 * mse(y, p)": 3 * MSE,
    "tilted = lambda q, y, f: K.mean(K.maximum(q * (y - f), (q - 1) * (y - f)), axis=-1)\n"
    "loss = lambda y_true, y_pred: tilted(0.9, y_true, y_pred)": tilted(0.9),
    "def quantile(q=0.3):\n    return lambda y, p: K.mean(K.maximum(q * (y - p), "
    "(q - 1) * (y - p)), axis=-1)\nquantile(q=0.7)": tilted(0.7),
    "losses = [lambda y, p: tilt(0.1, y, p), lambda y, p: tilt(0.9, y, p)]\n"
    "def tilt(q, y, p):\n    e = y - p\n    return K.mean(K.maximum(q * e, (q - 1) * e), axis=-1)\n"
    "def f(y_true, y_pred):\n    return losses[0](y_true, y_pred) + losses[1](y_true, y_pred)":
        tilted(0.1) + tilted(0.9),
    "def f(y_true, y_pred):\n    return tf.cond(K.mean(y_pred) > 0.05, lambda: K.mean(K.square("
    "y_true - y_pred)), lambda: K.sum(y_pred))": MSE,
    "def f(y_true, y_pred):\n    return K.switch(K.mean(y_pred) > 0.5, lambda: K.sum(y_pred), "
    "lambda: K.mean(K.square(y_true - y_pred)))": MSE,
}  # fmt: skip


@pytest.mark.parametrize("text", LAMBDAS)
def test_a_lambda_is_a_function(text: str) -> None:
    assert float(losses.compile_loss(text).on(B)) == pytest.approx(LAMBDAS[text], rel=1e-5)


WEIGHTS = np.array([1.0, 2.0, 4.0])
THREE = (SE[:, :3] * WEIGHTS).sum(-1).mean()
LISTS = {
    "    parts = []\n    for i in range(10):\n        parts.append(K.square(y_true[:, i] - "
    "y_pred[:, i]))\n    return tf.add_n(parts)": SE.sum(-1).mean(),
    "    parts = []\n    for i in range(10):\n        parts.append(K.square(y_true[:, i] - "
    "y_pred[:, i]))\n    return K.mean(K.stack(parts, axis=-1), axis=-1)": MSE,
    "    total = 0.0\n    for i, w in enumerate([1.0, 2.0, 4.0]):\n        total += w * "
    "K.square(y_true[:, i] - y_pred[:, i])\n    return total": THREE,
    "    total = 0.0\n    for i, w in enumerate([2.0, 4.0], 1):\n        total += w * "
    "K.square(y_true[:, i] - y_pred[:, i])\n    return total + K.square(y_true[:, 0] - "
    "y_pred[:, 0])": THREE,
    "    total = 0.0\n    for i, (a, w) in enumerate(zip([0, 1, 2], [1.0, 2.0, 4.0])):\n"
    "        total += w * K.square(y_true[:, a] - y_pred[:, i])\n    return total": THREE,
    "    return sum([K.square(y_true[:, i] - y_pred[:, i]) for i in range(10)])":
        SE.sum(-1).mean(),
    "    return sum(w * K.square(y_true[:, i] - y_pred[:, i]) for i, w in "
    "enumerate([1.0, 2.0, 4.0]))": THREE,
    "    return tf.add_n([K.square(y_true[:, i] - y_pred[:, i]) for i in range(10) if i < 3])":
        SE[:, :3].sum(-1).mean(),
    "    total = 0.0\n    for q in [0.1, 0.5, 0.9]:\n        e = y_true - y_pred\n"
    "        total += K.mean(K.maximum(q * e, (q - 1) * e), axis=-1)\n    return total":
        tilted(0.1) + tilted(0.5) + tilted(0.9),
    "    total = 0.0\n    for t, p in zip(tf.unstack(y_true, axis=1), tf.unstack(y_pred, axis=1)):"
    "\n        total += K.square(t - p)\n    return total": SE.sum(-1).mean(),
}  # fmt: skip


@pytest.mark.parametrize("body", LISTS)
def test_a_list_of_known_length_is_written_out(body: str) -> None:
    loss = losses.compile_loss(f"def f(y_true, y_pred):\n{body}")
    assert float(loss.on(B)) == pytest.approx(LISTS[body], rel=1e-5)


def test_a_list_has_one_content_under_both_of_its_names() -> None:
    text = (
        "def f(y_true, y_pred):\n    a = b = []\n    a.append(K.sum(y_true - y_pred, axis=-1))\n"
        "    b.append(K.sum(K.square(y_true - y_pred), axis=-1))\n    return sum(a)"
    )
    expected = ((Y - P).sum(-1) + SE.sum(-1)).mean()
    assert float(losses.compile_loss(text).on(B)) == pytest.approx(expected, rel=1e-4)


REFUSED = {
    "f = lambda y, p: f(y, p)\nlambda y, p: f(y, p)": "calls itself",
    "lambda y: y": "two arguments",
    "(lambda y, p: y)(y_true, y_pred)": "not a function",
    "lambda y, **k: y": "not part of the language",
    "lambda y, p: open('x')": "open",
    "lambda y, p: [c for c in p.__class__]": "underscore",
    "def f(y_true, y_pred):\n    for i in zip(y_true, y_pred):\n        pass\n    return y_pred":
        "cannot run over a tensor",
    "def f(y_true, y_pred):\n    return sum([y_pred[:, i] for i in range(1000)])": "at most 64",
    "def f(y_true, y_pred):\n    y_pred.append(1)\n    return y_pred": "only a list",
    "tf.cond(y_pred > 0, lambda: y_pred, lambda: y_true)": "one number",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(losses.LossError, match=REFUSED[text]):
        losses.compile_loss(text)


OUTSIDE = {
    "sum([y_pred[:, i] * y_true[:, i] for i in range(10)])": (Y * P).sum(-1).mean(),
    "def tilted(q):\n    return lambda y, p: K.mean(K.maximum(q * (y - p), (q - 1) * (y - p)), "
    "axis=-1)\nlosses = [tilted(q) for q in [0.1, 0.9]]\n"
    "sum([f(y_true, y_pred) for f in losses])": tilted(0.1) + tilted(0.9),
    "f = lambda q: lambda y, p: K.mean(K.maximum(q * (y - p), (q - 1) * (y - p)), axis=-1)"
    "\nf(0.9)": tilted(0.9),
    "loss_fn = keras.losses.mean_squared_error\nloss_fn(y_true, y_pred)": MSE,
    "norms = [K.square, K.abs]\nsum([K.mean(f(y_true - y_pred), axis=-1) for f in norms])":
        MSE + np.abs(Y - P).mean(),
}  # fmt: skip


@pytest.mark.parametrize("text", OUTSIDE)
def test_lists_lambdas_and_functions_as_values_outside_a_function(text: str) -> None:
    assert float(losses.compile_loss(text).on(B)) == pytest.approx(OUTSIDE[text], rel=1e-5)
