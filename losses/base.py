"""What every loss here is: a `keras.losses.Loss` that says what it takes and can be watched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from . import guards, targets
from .language.errors import LossError, quote
from .language.inputs import INPUTS, Provided
from .language.parameters import checked
from .masks import mean
from .probabilities import log_p, sigmoid, softmax

Tensor = Any

# The options that every loss has, beside its parameters.
OPTIONS = ("name", "reduction", "dtype", "from_logits")
# Out of whose last axis the number of classes can be read.
_WIDE = ("y_pred", "logits", "y_true", "teacher_logits", "last_kernel")
# Of what weights are the weights: its first axis are the samples, its last the classes.
_WEIGHED = {
    "sample_weight": ("y_true", "y_pred", "logits", "labels", "features"),
    "class_weights": ("y_true", "y_pred", "logits"),
}


class PlaygroundLoss(keras.losses.Loss):
    """A loss with named inputs and parameters that can be moved while it is in use.

    `values(tensors)` gives (B,) or a scalar, `on(tensors)` the batch mean, both out of a mapping
    of input names to tensors. `loss(y_true, y_pred, sample_weight)` is Keras' call: y_true is class
    numbers, (B,) or (B, 1), or as wide as y_pred, one-hot; masks, weights and `reduction` are
    Keras' own. y_pred is what the loss names: probabilities, or logits where it takes only those,
    or features; `from_logits` says otherwise, and then those of a loss that takes probabilities are
    their softmax (sigmoid, of a binary cross-entropy). A loss that is one number a batch is
    multiplied by the mean of the sample weights, as Keras does: they do not tell samples apart. A
    text that takes the mean over the batch itself is weighed inside of it.

    Everything is computed in float32; `dtype` is what a call returns. Raises LossError, which is a
    ValueError, for what does not fit:
    shapes, a type that is no number, class numbers beyond the classes (`losses.guards`).
    """

    inputs: tuple[str, ...] = ()
    provided: Provided | None = None  # what a run has, where the loss is a text for it
    link = "softmax"  # from logits to what the loss calls y_pred
    numbers = False  # whether it can be given class numbers though it does not name them
    instead = ""  # what takes class numbers, where this does not

    def __init__(
        self,
        name: str,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
        from_logits: bool | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype="float32")
        self.returned_dtype = keras.dtype_policies.get(dtype or "float32").compute_dtype
        self.from_logits = from_logits
        self._variables: dict[str, Any] = {}

    @property
    def variables(self) -> list[Any]:
        """The variables of its parameters that can be moved, by name in the order of the loss."""
        return list(self._variables.values())

    @property
    def sources(self) -> tuple[str, ...]:
        """The inputs a training step hands over: those it takes, and what p_true is made of, so
        that its logarithm can be taken from the logits."""
        also = ("y_true", "y_pred") if "p_true" in self.inputs else ()
        return tuple(dict.fromkeys((*self.inputs, *also)))

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
        return mean(self.values(tensors))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.values(self.offered(y_true, y_pred))

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> Tensor:
        y_true = guards.tensor(y_true, "y_true", self.name)
        y_pred = guards.tensor(y_pred, "y_pred", self.name)
        guards.samples(y_pred, "y_pred", self.name)
        if sample_weight is not None:
            sample_weight = guards.weights(sample_weight, self.name)
            targets.check_weights(sample_weight, self.value_shape(y_pred), self.name)
            if self.takes_weights:
                y_true, sample_weight = {"y_true": y_true, "sample_weight": sample_weight}, None
        value = super().__call__(y_true, y_pred, sample_weight)
        return keras.ops.cast(value, self.returned_dtype)

    def value_shape(self, y_pred: Tensor) -> tuple[int | None, ...]:
        """The shape of the values that can be weighed one by one: y_pred without its last axis."""
        shape = tuple(y_pred.shape)
        return shape[:-1] if len(shape) > 1 else shape

    @property
    def takes_weights(self) -> bool:
        """Whether sample weights are handed to the loss, not multiplied with what it gives."""
        return "sample_weight" in self.inputs

    def offered(self, y_true: Tensor, y_pred: Tensor) -> dict[str, Tensor]:
        """The inputs that a call of Keras' gives. Raises LossError for shapes that do not fit."""
        weights = {}
        if isinstance(y_true, dict):
            given = y_true["sample_weight"]
            flat = keras.ops.squeeze(given, -1) if len(given.shape) == len(y_pred.shape) else given
            y_true, weights = y_true["y_true"], {"sample_weight": flat}
        asked = targets.prediction(self.inputs)
        like = {True: "logits", False: "y_pred", None: asked}[self.from_logits]
        wide = len(y_pred.shape) > 1 and y_pred.shape[-1] != 1
        inputs = (*self.inputs, "labels") if self.numbers and wide else self.inputs
        found = targets.offered(inputs, y_true, y_pred, self.name, like, self.instead)
        if like == "logits" and asked == "y_pred":
            make = softmax if self.link == "softmax" else sigmoid
            found["y_pred"] = make(found["logits"])
        elif like == "y_pred" and "logits" in self.inputs:  # up to a constant, which softmax drops
            found["logits"] = log_p(keras.ops.cast(found["y_pred"], "float32"))
        return found | weights

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "reduction": self.reduction,
            "dtype": self.returned_dtype,
            "from_logits": self.from_logits,
        }

    def find_nonfinite(self, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """Where in its text the loss is not finite on this batch; a named loss has no text."""
        return None

    def mended(self, tensors: Mapping[str, Tensor]) -> str | None:
        """A text in which what is not finite on this batch is guarded; a named loss has none."""
        return None

    def gather(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The inputs this loss takes, worked out from others where that can be done."""
        found = dict(tensors)
        if "labels" in found:
            found["labels"] = _flat(found["labels"], found)
        for name in self.inputs:
            if name not in found:
                found[name] = _derived(name, found)
        return found


def _flat(labels: Tensor, found: Mapping[str, Tensor]) -> Tensor:
    """Class numbers (B, 1) as (B,): one axis fewer than the prediction has."""
    ranks = [len(found[n].shape) for n in ("y_pred", "logits", "features") if n in found]
    shape: tuple[int | None, ...] = tuple(getattr(labels, "shape", ()))
    lone = len(shape) > 1 and shape[-1] == 1 and len(shape) in ranks
    return keras.ops.squeeze(labels, axis=-1) if lone else labels


def _derived(name: str, found: Mapping[str, Tensor]) -> Tensor:
    ops = keras.ops
    weighed = next((found[n] for n in _WEIGHED.get(name, ()) if n in found), None)
    if weighed is not None:  # nobody gave weights: all count alike
        return ops.ones((ops.shape(weighed)[0 if name == "sample_weight" else -1],), "float32")
    if name == "labels" and "y_true" in found:
        return ops.argmax(found["y_true"], axis=-1)
    if name == "y_pred" and "logits" in found:
        return softmax(ops.cast(found["logits"], "float32"))
    wide = next((found[n] for n in _WIDE if n in found), None)
    if name == "num_classes" and wide is not None:
        return ops.shape(wide)[-1]
    if name == "y_true" and "labels" in found and wide is not None:
        return ops.one_hot(ops.cast(found["labels"], "int32"), wide.shape[-1])
    given = found.keys() & {"y_true", "labels"} and found.keys() & {"y_pred", "logits"}
    if name == "p_true" and given:
        y, p = (found[n] if n in found else _derived(n, found) for n in ("y_true", "y_pred"))
        return ops.sum(ops.cast(y, "float32") * ops.cast(p, "float32"), axis=-1)
    said = f" ({INPUTS[name].what})" if name in INPUTS else ""
    raise LossError(
        f"this loss needs {name}{said}, which is not provided here",
        hint="it trains in a task that provides it",
    )
