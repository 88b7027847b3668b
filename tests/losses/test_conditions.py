"""Conditions that are known before training, and Python's `if` on a number of the batch."""

import numpy as np
import pytest
import reference
import tensorflow as tf

import losses

B = reference.batch()
Y, P = B["y_true"].astype("float64"), B["y_pred"].astype("float64")
CE = -np.log((Y * P).sum(-1)).mean()
MSE, MAE = ((Y - P) ** 2).mean(), np.abs(Y - P).mean()
OF = "K.mean(K.square(y_true - y_pred), axis=-1)"
AB = "K.mean(K.abs(y_true - y_pred), axis=-1)"

KNOWN = {
    "weights=None|if weights is None:|MSE|MAE": MSE,
    "weights=None|if weights is not None:|MSE|MAE": MAE,
    "weights=None|if weights != None:|MSE|MAE": MAE,
    "weights=None|if None == weights:|MSE|MAE": MSE,
    "weights=None|if not weights:|MSE|MAE": MSE,
    "weights=None|if weights is None or weights > 2:|MSE|MAE": MSE,
    "weights=None|if weights is not None and weights > 2:|MSE|MAE": MAE,
    "weights=3.0|if weights is not None and weights > 2:|MSE|MAE": MSE,
    "kind='l2'|if kind == 'l2':|MSE|MAE": MSE,
    "kind='l1'|if kind == 'l2':|MSE|MAE": MAE,
    "kind='l1'|if kind in ('l2', 'mse'):|MSE|MAE": MAE,
    "kind='mse'|if kind in ['l2', 'mse']:|MSE|MAE": MSE,
    "kind='mse'|if kind not in ['l2', 'mse'] or kind != 'mse':|MSE|MAE": MAE,
    "kind=None|if kind == 'l2':|MSE|MAE": MAE,
    "n=2|if n > 1 and n < 3:|MSE|MAE": MSE,
    "n=2|if n == 2 or n == 4:|MSE|MAE": MSE,
    "n=2, on=True|if on and not n == 3:|MSE|MAE": MSE,
    "on=False|if on:|MSE|MAE": MAE,
    "table=[1.0, 2.0]|if not table:|MSE|MAE": MAE,
}


@pytest.mark.parametrize("case", KNOWN)
def test_the_branch_that_is_taken(case: str) -> None:
    arguments, test, *_ = case.split("|")
    text = (
        f"def f(y_true, y_pred, {arguments}):\n    {test}\n        return {OF}\n"
        f"    else:\n        return {AB}"
    )
    assert float(losses.compile_loss(text).on(B)) == pytest.approx(KNOWN[case], rel=1e-5)
    one_line = (
        f"def f(y_true, y_pred, {arguments}):\n"
        f"    return {OF} if {test.removeprefix('if ').removesuffix(':')} else {AB}"
    )
    assert float(losses.compile_loss(one_line).on(B)) == pytest.approx(KNOWN[case], rel=1e-5)


def test_a_number_in_a_condition_is_a_parameter_that_does_not_move() -> None:
    head = "def f(y_true, y_pred, n=2):\n    if n > 1 and n < 3:\n"
    text = f"{head}        return {OF}\n    return {AB}"
    loss = losses.compile_loss(text)
    assert loss.parameters["n"].fixed
    assert float(losses.compile_loss(text, n=3).on(B)) == pytest.approx(MAE, rel=1e-5)


SURE = P.max(-1).mean()
RUN = {
    "    if K.mean(K.max(y_pred, axis=-1)) > {}:\n        loss = MSE\n    else:\n"
    "        loss = 2 * MAE\n    return loss": (MSE, 2 * MAE),
    "    loss = MSE\n    if K.mean(K.max(y_pred, axis=-1)) > {}:\n        loss = loss * 3\n"
    "    return loss": (3 * MSE, MSE),
    "    if tf.reduce_mean(K.max(y_pred, axis=-1)) > {}:\n        return MSE\n    return MAE":
        (MSE, MAE),
    "    t = K.mean(K.max(y_pred, axis=-1))\n    if t > {} and t < 1.0:\n        return MSE\n"
    "    elif t > 0:\n        return MAE\n    return 2 * MAE": (MSE, MAE),
    "    t = K.mean(K.max(y_pred, axis=-1))\n    if not t > {}:\n        return MAE\n"
    "    return MSE": (MSE, MAE),
    "    t = K.mean(K.max(y_pred, axis=-1))\n    return MSE if t > {} else MAE": (MSE, MAE),
    "    t = K.mean(K.max(y_pred, axis=-1))\n    a = b = MSE\n    if t > {}:\n        a = a + b\n"
    "        c = 1.0\n    else:\n        b = 3 * b\n        c = 0.0\n    return a + b + c":
        (3 * MSE + 1, 4 * MSE),
}  # fmt: skip


@pytest.mark.parametrize("body", RUN)
def test_an_if_on_a_number_of_the_batch_runs_as_in_keras(body: str) -> None:
    for bound, expected in zip((SURE - 0.01, SURE + 0.01), RUN[body], strict=True):
        code = body.replace("{}", f"{bound:.6f}").replace("MSE", OF).replace("MAE", AB)
        loss = losses.compile_loss("def f(y_true, y_pred):\n" + code)
        assert float(loss.on(B)) == pytest.approx(expected, rel=1e-5)
        p = tf.constant(B["y_pred"])
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = loss.on({**B, "y_pred": p})
        assert np.isfinite(np.asarray(tape.gradient(value, p))).all()


REFUSED = {
    "if y_pred > 0.5:\n        return y_pred\n    return y_true": (2, "known before training"),
    "if K.mean(y_pred) > 0.5:\n        return y_pred": (2, "one branch"),
    "if y_pred > 0.5 and y_true > 0.5:\n        return y_pred": (2, "cannot join tensors"),
    "if K.mean(y_pred) > 0.5:\n        a = 1.0\n    return a * K.mean(y_pred)": (4, "no value"),
    "return K.mean(y_pred) if labels is None else y_pred": (2, "always there"),
    "return y_pred if y_pred in (1, 2) else y_true": (2, "not known"),
    "return y_pred if not y_pred > 0.5 else y_true": (2, "'not' cannot"),
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_not_known_is_refused(body: str) -> None:
    with pytest.raises(losses.LossError) as caught:
        losses.compile_loss(f"def f(y_true, y_pred):\n    {body}")
    line, words = REFUSED[body]
    assert words in caught.value.message
    assert caught.value.line == line
