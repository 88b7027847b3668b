"""What Keras hands to a loss, y_true and y_pred of any shape, as the inputs that the loss names.

The rank of y_true decides, as in Keras. One axis fewer than y_pred, or a last axis of 1 beside
several classes, are class numbers; the shape of y_pred is one value for each. A lone last axis is
squeezed, or added, where Keras does so. Whatever else would only broadcast is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import guards
from .language.errors import LossError
from .loss_info import ops

Tensor = Any
Shape = tuple[int | None, ...]

# A loss that takes one of these can be given class numbers.
TAKES_NUMBERS = ("labels", "p_true", "features", "centers")
# What a call of Keras' gives, or what can be worked out from it.
HANDED = ("y_true", "y_pred", "logits", "labels", "p_true", "num_classes", "sample_weight",
          "class_weights")  # fmt: skip
ELSEWHERE = {
    "centers": "losses.CenterLoss is a Keras layer that holds them",
    "": "call loss.on({...}) with them, in a layer that passes it to add_loss",
}


def prediction(inputs: Sequence[str]) -> str:
    """What a model that is trained on this loss ends in: y_pred (probabilities), logits or
    features."""
    if "y_pred" in inputs or "p_true" in inputs:
        return "y_pred"
    return next((name for name in ("logits", "features") if name in inputs), "y_pred")


def takes_numbers(inputs: Sequence[str]) -> bool:
    """Whether a loss of these inputs can be given class numbers."""
    return any(each in TAKES_NUMBERS for each in inputs)


def offered(
    inputs: Sequence[str], y_true: Tensor, y_pred: Tensor, name: str, like: str, instead: str = ""
) -> dict[str, Tensor]:
    """The tensors of a call as Keras makes it: `y_pred` under the name `like`, `y_true` as labels
    (class numbers) or y_true (one value for each of y_pred's).

    Raises LossError for shapes that do not fit, with `instead`, and for inputs that no call of
    Keras' provides.
    """
    lacking = sorted(set(inputs) - {*HANDED, like})
    if lacking:
        raise LossError(
            f"{name} needs {', '.join(lacking)}, which Keras does not hand to a loss",
            hint=ELSEWHERE.get(lacking[0], ELSEWHERE[""]),
        )
    numbers = takes_numbers(inputs)
    true, pred = _shape(y_true), _shape(y_pred)
    if like == "features" and len(pred) < 2:
        raise LossError(
            f"{name}: Expected y_pred of feature vectors, (B, D), got shape {_show(pred)}",
            hint="a model that is trained on it ends in its features: a row a sample",
        )
    wide = like == "features" or not pred or pred[-1] != 1
    if numbers and are_numbers(y_true, y_pred):
        labels = y_true if len(true) < len(pred) else ops.squeeze(y_true, axis=-1)
        return {"labels": labels, like: y_pred}
    if like == "features" and len(true) == len(pred) and _fit(true[:-1], pred[:-1]):
        return {"y_true": y_true, "labels": ops.argmax(y_true, axis=-1), like: y_pred}
    if len(true) + 1 == len(pred) and not wide:  # (B,) beside (B, 1)
        if len(true) == 1:
            y_true = ops.expand_dims(y_true, axis=-1)
        else:
            y_pred = ops.squeeze(y_pred, axis=-1)
    elif len(true) == len(pred) + 1 and true[-1] == 1:
        if len(pred) == 1:
            y_pred = ops.expand_dims(y_pred, axis=-1)
        else:
            y_true = ops.squeeze(y_true, axis=-1)
    if not _fit(_shape(y_true), _shape(y_pred)):
        raise _misfit(name, true, pred, numbers, instead)
    return {"y_true": y_true, like: y_pred}


def are_numbers(y_true: Tensor, y_pred: Tensor) -> bool:
    """Whether y_true has the shape of class numbers, (B,) or (B, 1), beside y_pred (B, ...)."""
    true, pred = _shape(y_true), _shape(y_pred)
    if len(true) + 1 == len(pred):
        return _fit(true, pred[:-1])
    return len(true) == len(pred) > 1 and true[-1] == 1 and _fit(true[:-1], pred[:-1])


def check_numbers(inputs: Sequence[str], y_true: Tensor, y_pred: Tensor, name: str) -> None:
    """Raises LossError where y_true is class numbers, outside of a graph, that are not those of
    y_pred's classes."""
    if takes_numbers(inputs) and _shape(y_pred)[-1] != 1 and are_numbers(y_true, y_pred):
        classes = None if prediction(inputs) == "features" else y_pred.shape[-1]
        guards.class_numbers(y_true, y_pred, classes, name)


def check_weights(sample_weight: Any, each: Shape, name: str) -> None:
    """Raises LossError where there is not one weight for each of the values, which have the shape
    `each`: (B,), (B, 1), or a number a sample; with time steps (B, T), also one a step."""
    given = _shape(sample_weight)
    if len(given) > len(each) and given[-1] == 1:
        given = given[:-1]
    fits = len(given) == len(each) and all(
        one is None or two is None or one in (1, two) for one, two in zip(given, each, strict=True)
    )
    if given and given != (1,) and not fits:
        raise LossError(
            f"{name}: Expected sample weights of shape {_show(each)}, one a sample, got "
            f"{_show(_shape(sample_weight))}",
            hint=f"reshape them to {_show(each)}",
        )


def _misfit(name: str, true: Shape, pred: Shape, numbers: bool, instead: str) -> LossError:
    apart = len(true) < len(pred) or (true and true[-1] == 1)
    leading = true[:-1] if len(true) == len(pred) else true
    if not numbers and apart and pred and _fit(leading, pred[:-1]):
        return LossError(
            f"{name}: Expected y_true one-hot, of shape {_show(pred)} as y_pred is, got class "
            f"numbers of shape {_show(true)}",
            hint=f"write {instead}keras.utils.to_categorical(y_true, {pred[-1] or 'classes'})",
        )
    wanted = _show(pred)
    if numbers:
        wanted += f", or class numbers of shape {_show(pred[:-1])}"
    return LossError(
        f"{name}: Expected y_true of shape {wanted}, got {_show(true)}",
        hint="one row of y_true belongs to each row of y_pred",
    )


def _shape(x: Any) -> Shape:
    return tuple(x.shape) if hasattr(x, "shape") else tuple(ops.shape(ops.convert_to_tensor(x)))


def _fit(one: Shape, two: Shape) -> bool:
    """Whether two shapes can be one, as far as they are known."""
    return len(one) == len(two) and all(
        a is None or b is None or a == b for a, b in zip(one, two, strict=True)
    )


def _show(shape: Shape) -> str:
    inner = ", ".join("B" if n is None else str(n) for n in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"
