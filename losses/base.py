"""What every loss here is: a `keras.losses.Loss` that says what it takes and can be watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from .language.errors import LossError, quote
from .language.inputs import INPUTS
from .language.parameters import checked

Tensor = Any

# Inputs that can be worked out from others.
_DERIVED = {
    "labels": ("y_true",),
    "p_true": ("y_true", "y_pred"),
    "num_classes": ("y_pred",),
    "y_pred": ("logits",),
    "y_true": ("labels", "y_pred"),
}
# Of what weights are the weights: its first axis are the samples, its last the classes.
_WEIGHED = {
    "sample_weight": ("y_true", "y_pred", "logits", "labels", "features"),
    "class_weights": ("y_true", "y_pred", "logits"),
}


class PlaygroundLoss(keras.losses.Loss):
    """A loss with named inputs and parameters that can be moved while it is in use.

    `values(tensors)` gives (B,) or a scalar, `on(tensors)` the batch mean; `loss(y_true, y_pred)`
    is the batch mean as Keras calls it. Everything is computed in float32.
    """

    inputs: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        super().__init__(name=name, reduction="sum_over_batch_size", dtype="float32")
        self._variables: dict[str, Any] = {}

    def _make_variables(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._variables[name] = keras.Variable(
                value, dtype="float32", trainable=False, name=name
            )

    def set_parameter(self, name: str, value: float) -> None:
        """Move a parameter; a compiled training step sees it without being traced again."""
        if name not in self._variables:
            known = ", ".join(self._variables) or "none"
            raise LossError(
                f"the loss has no live parameter {quote(name)}", hint=f"its parameters are {known}"
            )
        self._variables[name].assign(checked(name, value))

    def values(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """One value a sample, (B,), or a scalar; from a mapping of input names to tensors."""
        raise NotImplementedError

    def on(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The batch mean, a float32 scalar."""
        return keras.ops.mean(self.values(tensors))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.values({"y_true": y_true, "y_pred": y_pred})

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> Tensor:
        if sample_weight is None:
            return self.on({"y_true": y_true, "y_pred": y_pred})
        return super().__call__(y_true, y_pred, sample_weight)

    def find_nonfinite(self, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """Where in its text the loss is not finite on this batch; a named loss has no text."""
        return None

    def mended(self, tensors: Mapping[str, Tensor]) -> str | None:
        """A text in which what is not finite on this batch is guarded; a named loss has none."""
        return None

    def gather(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The inputs this loss takes, worked out from others where that can be done."""
        found = dict(tensors)
        for name in self.inputs:
            _derive(name, found)
        return found


def _derive(name: str, found: dict[str, Tensor]) -> None:
    ops = keras.ops
    if name in found:
        return
    weighed = next((found[n] for n in _WEIGHED.get(name, ()) if n in found), None)
    if weighed is not None:  # nobody gave weights: all count alike
        size = ops.shape(weighed)[0 if name == "sample_weight" else -1]
        found[name] = ops.ones((size,), dtype="float32")
        return
    needs = _DERIVED.get(name)
    if needs is None or (name != "y_pred" and not all(n in found or n == "y_pred" for n in needs)):
        raise LossError(
            f"this loss needs {name} ({INPUTS[name].what}), which is not provided here",
            hint="it trains in a task that provides it",
        )
    for need in needs:
        if need not in found and need != name:
            _derive(need, found)
    if name == "labels":
        found[name] = ops.argmax(found["y_true"], axis=-1)
    elif name == "p_true":
        y, p = (ops.cast(found[n], "float32") for n in ("y_true", "y_pred"))
        found[name] = ops.sum(y * p, axis=-1)
    elif name == "num_classes":
        found[name] = ops.shape(found["y_pred"])[-1]
    elif name == "y_pred":
        found[name] = ops.softmax(ops.cast(found["logits"], "float32"), axis=-1)
    else:
        found[name] = ops.one_hot(ops.cast(found["labels"], "int32"), found["y_pred"].shape[-1])
