"""A metric, named or written, as a Keras metric: `compile_metric` and `get_metric`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from . import targets
from .base import Tensor
from .language.errors import LossError, quote, suggest
from .language.graph import Program
from .language.parameters import checked, checked_word
from .metrics import METRICS
from .written import WrittenLoss


@keras.saving.register_keras_serializable(package="losses")
class WrittenMetric(keras.metrics.Metric):
    """The metric that a text describes. Raises `LossError` where the text is refused.

    `metric.on(tensors)` is meant for all images of an evaluation at once, as one batch: what goes
    over axis 0 goes over all of them. In `model.compile(metrics=[...])` it is right over an epoch,
    too: one value a sample is averaged over all samples; of one number a batch, such as the
    calibration error, which no mean of batches gives, targets and predictions of the epoch are kept
    and it is computed on all of them. That takes their memory, and time after every batch; it
    does not work with `jit_compile=True`, and takes no sample weights.
    """

    def __init__(
        self,
        text: str,
        parameters: Mapping[str, float] | None = None,
        *,
        num_classes: int = 10,
        from_logits: bool | None = None,
        name: str | None = None,
    ) -> None:
        measure = WrittenLoss(
            text,
            parameters,
            num_classes=num_classes,
            metric=True,
            from_logits=from_logits,
            reduction="none",
        )
        result = measure.program.result
        own = result.attrs["name"] if result.op == "named" else "metric"
        super().__init__(name=name or own, dtype="float32")
        self.measure = measure
        measure.name = self.name
        self._whole = result.rank == 0
        if self._whole:
            self._kept = _Kept()
        else:
            self.total = self.add_variable((), "zeros", dtype="float32", name="total")
            self.count = self.add_variable((), "zeros", dtype="float32", name="count")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the tensors it takes."""
        return self.measure.inputs

    @property
    def sources(self) -> tuple[str, ...]:
        """The tensors an evaluation hands over (`PlaygroundLoss.sources`)."""
        return self.measure.sources

    @property
    def program(self) -> Program:
        return self.measure.program

    def on(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The metric of all samples in `tensors`, by the names of its inputs: a float32 scalar."""
        return self.measure.on(tensors)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Takes a batch: y_true class numbers or as wide as y_pred. Raises LossError for shapes
        that do not fit."""
        if not self._whole:
            values, weights = self._weighed(y_true, y_pred, sample_weight)
            self.total.assign_add(keras.ops.sum(values * weights))
            self.count.assign_add(keras.ops.sum(weights))
            return
        if sample_weight is not None:
            raise LossError(
                f"{self.name} is one number of all samples, which weights cannot tell apart",
                hint="put it into metrics=, not weighted_metrics=",
            )
        mask = getattr(y_pred, "_keras_mask", None)
        self._kept.add(self.measure.offered(y_true, y_pred), mask)

    def _weighed(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any) -> tuple[Tensor, Tensor]:
        """One value a sample, and its weight, which a mask makes 0."""
        ops = keras.ops
        values = self.measure(y_true, y_pred)
        weights = ops.ones_like(values)
        mask = getattr(y_pred, "_keras_mask", None)
        if mask is not None:
            weights = weights * ops.cast(mask, "float32")
        if sample_weight is not None:
            targets.check_weights(sample_weight, self.measure.value_shape(y_pred), self.name)
            given = ops.convert_to_tensor(sample_weight, "float32")
            flat = len(given.shape) == len(values.shape) + 1
            weights = weights * (ops.squeeze(given, -1) if flat else given)
        return values, weights

    def result(self) -> Tensor:
        """The metric of all that came since `reset_state`; 0 of nothing."""
        if not self._whole:
            return keras.ops.divide_no_nan(self.total, self.count)
        tensors = self._kept.tensors()
        return keras.ops.zeros(()) if tensors is None else self.measure.called(tensors)

    def reset_state(self) -> None:
        """Forgets what came."""
        super().reset_state()
        if self._whole:
            self._kept.clear()

    def get_config(self) -> dict[str, Any]:
        own = self.measure.get_config()
        names = ("text", "parameters", "num_classes", "from_logits", "name")
        return {name: own[name] for name in names}


class _Kept:
    """Targets and predictions of all batches so far, in TensorFlow variables that grow."""

    def __init__(self) -> None:
        import tensorflow as tf

        self._tf = tf
        self._flat = [tf.Variable(tf.zeros((0,)), shape=(None,), trainable=False) for _ in "tp"]
        self._names: list[str] = []
        self._widths: list[int | None] = []

    def add(self, tensors: Mapping[str, Tensor], mask: Tensor | None) -> None:
        """A target and a prediction of one more batch, by the names of their inputs."""
        names = [n for n in ("labels", "y_true") if n in tensors][:1]
        names += [n for n in ("logits", "features", "y_pred") if n in tensors][:1]
        pred = tensors[names[1]]
        wide = len(pred.shape) > 1
        self._names = names
        self._widths = [tensors[n].shape[-1] if wide and n != "labels" else None for n in names]
        for held, name, width in zip(self._flat, names, self._widths, strict=True):
            rows = self._tf.reshape(
                self._tf.cast(tensors[name], "float32"), (-1,) if width is None else (-1, width)
            )
            if mask is not None:
                rows = self._tf.boolean_mask(rows, self._tf.reshape(mask, (-1,)))
            held.assign(self._tf.concat([held, self._tf.reshape(rows, (-1,))], axis=0))

    def tensors(self) -> dict[str, Tensor] | None:
        """All of them as one batch; None where nothing came."""
        tf = self._tf
        if not self._names or (tf.executing_eagerly() and not int(tf.size(self._flat[0]))):
            return None
        return {
            name: held.read_value() if width is None else self._tf.reshape(held, (-1, width))
            for name, held, width in zip(self._names, self._flat, self._widths, strict=True)
        }

    def clear(self) -> None:
        """Forgets them."""
        for held in self._flat:
            held.assign(self._tf.zeros((0,)))


def compile_metric(
    text: str,
    /,
    *,
    num_classes: int = 10,
    name: str | None = None,
    from_logits: bool | None = None,
    **parameters: float,
) -> WrittenMetric:
    """The metric that `text` describes, in the loss language; or the name of one of
    `losses.metrics()`, which a text can also call: `top_k_accuracy(k=5)`.

    It need not be differentiable. It carries the name of the metric that it is, or `name`. Raises
    `LossError`, also where it would need more memory than there may be (`losses.language.whole`).
    """
    return WrittenMetric(
        text, parameters, num_classes=num_classes, from_logits=from_logits, name=name
    )


def get_metric(
    name: str,
    /,
    *,
    num_classes: int = 10,
    from_logits: bool | None = None,
    **parameters: Any,
) -> WrittenMetric:
    """A metric of `losses.metrics()`, as `compile_metric` gives it. Raises `LossError` where the
    name or a parameter is unknown, or a parameter is out of its range."""
    if name not in METRICS:
        near = suggest(name, METRICS)
        raise LossError(
            f"there is no metric called {quote(name)}"
            + (f": did you mean '{near}'?" if near else ""),
            hint="see losses.metrics()",
        )
    words = {knob.name: knob.choices for knob in METRICS[name].parameters if knob.choices}

    def held(key: str, value: Any) -> Any:
        return checked_word(key, str(value), words[key]) if key in words else checked(key, value)

    given = ", ".join(f"{key}={held(key, value)!r}" for key, value in parameters.items())
    return compile_metric(
        f"{name}({given})", num_classes=num_classes, name=name, from_logits=from_logits
    )
