"""Logarithms of probabilities, right also where the probabilities round to 0 or 1.

log(softmax(z)) is -inf, or the clip's constant, as soon as p < 1e-45 or 1e-7; log_softmax(z) is the
right number with the right gradient at every z. All named losses and all texts of the loss language
take their logarithms (and fractional powers) of probabilities from here: from the logits where it
can be told that a softmax or a sigmoid made the probabilities, and of what, as in every training
step. Where that cannot be told they are kept inside [1e-7, 1 - 1e-7], as in Keras, whose 1 - p is
then 2^-23 at least, and only their gradient is that of the logarithm itself.

p (..., C) probabilities; all logarithms are float32.
"""

from __future__ import annotations

from typing import Any

import keras

from .loss_info import Tensor, ops

EPSILON = 1e-7
EPSILON_REST = 2.0**-23  # what is left of 1 by 1 - 1e-7 in float32
NOTHING = -1e9  # log 0, kept finite so that no gradient becomes inf - inf
_LEAST = 1e-37  # 1 / p is a float32 down to here
_PASSED = ("Cast", "Identity")  # operations that leave the numbers as they are
_MARK = "_made_of"


def softmax(logits: Tensor) -> Tensor:
    """Probabilities that remember their logits, also outside of a TensorFlow graph."""
    return _marked(ops.softmax(logits, axis=-1), "Softmax", logits)


def sigmoid(logits: Tensor) -> Tensor:
    """The same, each for itself."""
    return _marked(ops.sigmoid(logits), "Sigmoid", logits)


def _marked(p: Tensor, how: str, logits: Tensor) -> Tensor:
    if hasattr(p, "__dict__"):
        setattr(p, _MARK, (how, logits))
    return p


def made_of(probabilities: Any) -> tuple[str, Any] | None:
    """How a tensor was made, "Softmax" or "Sigmoid", and of what logits, in float32; None where
    that cannot be told.

    A TensorFlow graph knows it; Keras' own cross-entropies look there too.
    """
    if keras.backend.backend() != "tensorflow" or not keras.ops.is_tensor(probabilities):
        return None
    marked = getattr(probabilities, _MARK, None)
    if marked is not None:
        return marked[0], ops.cast(marked[1], "float32")
    while type(probabilities).__name__ == "SymbolicTensor":
        made_by = probabilities.op
        if made_by.type in ("Softmax", "Sigmoid"):
            return made_by.type, ops.cast(made_by.inputs[0], "float32")
        if made_by.type not in _PASSED or not made_by.inputs[0].dtype.is_floating:
            return None
        probabilities = made_by.inputs[0]
    return None


def clipped(p: Tensor) -> Tensor:
    """Probabilities kept inside [1e-7, 1 - 1e-7], for what must divide by them."""
    return ops.clip(p, EPSILON, 1 - EPSILON)


def kept(p: Tensor) -> Tensor:
    """The probabilities as they are where their logits are known, else clipped as in Keras."""
    return clipped(p) if made_of(p) is None else p


def log_p(p: Tensor) -> Tensor:
    """log p: (..., C)."""
    made = made_of(p)
    if made is None:
        return log_held(ops.minimum(p, 1 - EPSILON))
    kind, z = made
    return ops.log_softmax(z, axis=-1) if kind == "Softmax" else ops.log_sigmoid(z)


def log_normalised(p: Tensor) -> Tensor:
    """log p, with p first made to sum to one, as Keras' categorical losses do."""
    made = made_of(p)
    if made is None:
        whole = p / ops.sum(p, axis=-1, keepdims=True)
        return log_held(ops.minimum(whole, 1 - EPSILON))
    if made[0] == "Softmax":
        return ops.log_softmax(made[1], axis=-1)
    log_each = ops.log_sigmoid(made[1])
    return log_each - ops.logsumexp(log_each, axis=-1, keepdims=True)


def log_rest(p: Tensor) -> Tensor:
    """log(1 - p): (..., C)."""
    made = made_of(p)
    if made is None:
        return log_held(ops.minimum(1 - p, 1 - EPSILON), EPSILON_REST)
    kind, z = made
    return log_rest_of_softmax(z) if kind == "Softmax" else ops.log_sigmoid(-z)


def log_rest_of_softmax(z: Tensor) -> Tensor:
    """log(1 - softmax(z)): of the largest, which alone may be near 1, the sum of the others; of
    each other one log1p(-p)."""
    classes = ops.arange(ops.shape(z)[-1], dtype="int32")
    top = ops.equal(ops.expand_dims(ops.cast(ops.argmax(z, axis=-1), "int32"), -1), classes)
    others = ops.logsumexp(ops.where(top, NOTHING, z), axis=-1, keepdims=True)
    of_top = others - ops.logsumexp(z, axis=-1, keepdims=True)
    small = ops.where(top, -1.0, ops.log_softmax(z, axis=-1))
    return ops.where(top, of_top, ops.log1p(-ops.exp(small)))


def log_true(y_true: Tensor, p: Tensor) -> Tensor:
    """log p_t, p_t = sum_c y_c p_c: (...). 0 where the target names no class (padding)."""
    return counted(log_sum(logarithm(y_true) + log_p(p)))


def log_false(y_true: Tensor, p: Tensor) -> Tensor:
    """log(1 - p_t): (...)."""
    made = made_of(p)
    if made is not None and made[0] == "Softmax":
        return log_sum(logarithm(1 - y_true) + log_p(p))
    return log_held(ops.minimum(1 - ops.sum(y_true * p, axis=-1), 1 - EPSILON), EPSILON_REST)


def log_sum(logs: Tensor, axis: Any = -1, keepdims: bool = False) -> Tensor:
    """The logarithm of a sum, from the logarithms of what is added up."""
    return ops.logsumexp(logs, axis=axis, keepdims=keepdims)


def counted(logs: Tensor) -> Tensor:
    """0, without a gradient, where it is the logarithm of nothing at all."""
    return ops.where(logs < 0.1 * NOTHING, 0.0, logs)


def logarithm(x: Tensor) -> Tensor:
    """log x of any x >= 0; finite, without a gradient, at 0."""
    x = ops.convert_to_tensor(x, dtype="float32")
    there = x > 0
    return ops.where(there, ops.log(ops.where(there, x, 1.0)), NOTHING)


def log_held(x: Tensor, least: float = EPSILON) -> Tensor:
    """log x, x kept above `least`. Below, its gradient is 1 / x all the same: through a softmax
    that is no larger than a cross-entropy's, and what is most wrong is still taught. None at 0."""
    small = ops.logical_and(x > _LEAST, x < least)
    log_small = ops.log(ops.where(small, x, 1.0))
    return ops.log(ops.maximum(x, least)) + (log_small - ops.stop_gradient(log_small))
