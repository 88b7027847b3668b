"""A loss of a batch whose samples count more and less, as `sample_weight` has it in Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .language import emit
from .language.graph import Node
from .language.samples import weighed_mean
from .loss_info import Tensor, ops
from .masks import mean

# A loss that names one of these says itself what they are for, and is not weighed from outside.
WORDS = ("sample_weight", "class_weights")


def weighs_itself(loss: Any) -> bool:
    """Whether a loss names weights of samples or of classes."""
    return any(word in loss.inputs for word in WORDS)


def weighed(loss: Any, tensors: Mapping[str, Tensor], weights: Tensor) -> Tensor:
    """The batch mean of `loss` with each sample counting `weights` (B,) times: the sum of value
    times weight over B, a float32 scalar, as Keras' "sum_over_batch_size".

    A text that takes the mean or the sum over the batch itself is weighed inside of it; a loss that
    compares its samples is one number, and is taken times the mean weight, as in Keras.
    """
    program = getattr(loss, "program", None)
    if program is None:
        return _mean(loss.values(tensors), weights)
    found = emit.run(program.order, loss.gather(tensors), loss.parameter_values())
    return _part(program.result, found, weights)


def weighed_terms(loss: Any, tensors: Mapping[str, Tensor], weights: Tensor) -> list[Tensor]:
    """The terms of a written loss (`loss.terms_on`), each weighed in the same way."""
    program = loss.program
    found = emit.run(program.order, loss.gather(tensors), loss.parameter_values())
    if program.result.rank:  # a term that is one number is beside every sample
        return [part.sign * _mean(found[id(part.node)], weights) for part in program.parts]
    return [part.sign * _part(part.node, found, weights) for part in program.parts]


def _part(node: Node, found: Mapping[int, Tensor], weights: Tensor) -> Tensor:
    inside = weighed_mean(node, found, weights)
    return _mean(found[id(node)], weights) if inside is None else inside


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    weights = ops.cast(weights, "float32")
    if len(values.shape) > 1:  # (B, C), one value a class
        weights = ops.reshape(weights, (-1,) + (1,) * (len(values.shape) - 1))
    return mean(values, weights)
