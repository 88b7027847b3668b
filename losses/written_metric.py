"""A metric, named or written, as a Keras metric: `compile_metric` and `get_metric`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from . import guards, targets
from .base import Tensor
from .catalog import CATALOG
from .language import emit
from .language.errors import LossError, Remark, quote, suggest
from .language.graph import Node, Program, topological
from .language.inputs import Provided
from .language.parameters import checked, checked_word
from .metric_info import METRICS, Sums
from .written import WrittenLoss


@keras.saving.register_keras_serializable(package="losses")
class WrittenMetric(keras.metrics.Metric):
    """The metric that a text describes. Raises `LossError` where the text is refused.

    `metric.on(tensors)` is meant for all images of an evaluation at once, as one batch: what goes
    over axis 0 goes over all of them. In `model.compile(metrics=[...])` it is right over an epoch,
    too. One value a sample is averaged over all samples; of macro F1, the calibration error and
    whatever else is made of sums over samples (`losses.sums`), these are added up. Of any other
    number of all samples, as the area under the ROC curve, or one that a text computes, targets and
    predictions of the epoch are kept and it is computed on all of them: that takes their memory,
    and time after every batch, takes no sample weights, and no `jit_compile=True`.
    """

    def __init__(
        self,
        text: str,
        parameters: Mapping[str, float] | None = None,
        *,
        num_classes: int = 10,
        from_logits: bool | None = None,
        name: str | None = None,
        provided: Provided | Mapping[str, Any] | None = None,
    ) -> None:
        measure = WrittenLoss(
            text,
            parameters,
            num_classes=num_classes,
            metric=True,
            from_logits=from_logits,
            reduction="none",
            provided=provided,
        )
        result = measure.program.result
        own = result.attrs["name"] if result.op == "named" else "metric"
        super().__init__(name=name or own, dtype="float32")
        self.measure = measure
        measure.name = self.name
        self._sums: Any = None  # of the first batch on, which says how many classes there are
        self._kept: _Kept | None = None
        self._adding = _adds_up(result)
        self._of_classes = _of_classes(measure.program.order)
        if result.rank:
            self.total = self.add_variable((), "zeros", dtype="float32", name="total")
            self.count = self.add_variable((), "zeros", dtype="float32", name="count")
        elif self._adding is None:
            self._kept = _Kept(self.name)

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

    @property
    def warnings(self) -> list[Remark]:
        return self.program.warnings

    def on(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The metric of all samples in `tensors`, by the names of its inputs: a float32 scalar."""
        return self.measure.on(tensors)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Takes a batch: y_true class numbers or as wide as y_pred. Raises LossError for shapes
        that do not fit."""
        ops = keras.ops
        y_true = guards.tensor(y_true, "y_true", self.name)
        y_pred = guards.tensor(y_pred, "y_pred", self.name)
        self._check_classes(y_pred)
        if sample_weight is None:  # what has a weight of 0 may have any number
            targets.check_numbers((*self.inputs, "labels"), y_true, y_pred, self.name)
        if self._kept is not None:
            if sample_weight is not None:
                raise LossError(
                    f"{self.name} is one number of all samples, which weights cannot tell apart",
                    hint="put it into metrics=, not weighted_metrics=",
                )
            self._kept.add(_rows(self.measure.offered(y_true, y_pred)), _mask(y_pred))
            return
        weights = self._weights(y_pred, sample_weight)
        if self._adding is not None:
            self._add(
                self._adding,
                _rows(self.measure.offered(y_true, y_pred)),
                ops.reshape(weights, (-1,)),
            )
            return
        self.total.assign_add(ops.sum(self.measure(y_true, y_pred) * weights))
        self.count.assign_add(ops.sum(weights))

    def _check_classes(self, y_pred: Tensor) -> None:
        shape = tuple(y_pred.shape)
        if self._of_classes and (len(shape) < 2 or shape[-1] == 1):
            raise LossError(
                f"{self.name}: Expected y_pred with a probability for each of two classes or more, "
                f"got shape {shape}",
                hint="of one output p make two classes: keras.ops.concatenate([1 - p, p], axis=-1)",
            )

    def _weights(self, y_pred: Tensor, sample_weight: Any) -> Tensor:
        """How much each value counts, which a mask makes 0."""
        ops = keras.ops
        each = ops.shape(y_pred)[:-1] if len(y_pred.shape) > 1 else ops.shape(y_pred)
        weights, mask = ops.ones(each, "float32"), _mask(y_pred)
        if mask is not None:
            weights = weights * ops.cast(mask, "float32")
        if sample_weight is not None:
            given = guards.weights(sample_weight, self.name)
            targets.check_weights(given, self.measure.value_shape(y_pred), self.name)
            lone = len(given.shape) == len(weights.shape) + 1
            weights = weights * (ops.squeeze(given, -1) if lone else given)
        return weights

    def _add(self, adding: Sums, rows: Mapping[str, Tensor], weights: Tensor) -> None:
        order, values = self.measure.computed(rows)
        true, pred = (values[id(node)] for node in order[-1].args[:2])
        more = adding.made(true, pred, weights, **self._knobs())
        if self._sums is None:
            self._sums = self.add_variable(tuple(more.shape), "zeros", dtype="float32", name="sums")
        self._sums.assign_add(more)

    def _knobs(self) -> dict[str, Any]:
        """The parameters of the named metric that the text is."""
        node = self.program.result
        given = node.args[2:]
        order = list(dict.fromkeys(each for arg in given for each in topological(arg)))
        values = emit.run(order, {}, self.measure.parameter_values())
        live = zip(node.attrs["live"], (values[id(arg)] for arg in given), strict=True)
        return {**dict(live), **dict(node.attrs["fixed"])}

    def result(self) -> Tensor:
        """The metric of all that came since `reset_state`; 0 of nothing."""
        ops = keras.ops
        if self._kept is not None:
            tensors = self._kept.tensors()
            return ops.zeros(()) if tensors is None else self.measure.called(tensors)
        if self._adding is None:
            return ops.divide_no_nan(self.total, self.count)
        if self._sums is None:
            return ops.zeros(())
        value = self._adding.read(self._sums, **self._knobs())
        return ops.where(ops.any(self._sums != 0), value, 0.0)

    def reset_state(self) -> None:
        """Forgets what came."""
        super().reset_state()
        if self._kept is not None:
            self._kept.clear()

    def get_config(self) -> dict[str, Any]:
        own = self.measure.get_config()
        names = ("text", "parameters", "num_classes", "from_logits", "name")
        given = ("provided",) if "provided" in own else ()
        return {name: own[name] for name in (*names, *given)}


def _of_classes(order: list[Node]) -> bool:
    """Whether a text takes the class of the highest probability, or that of the truth."""
    names = {node.attrs["name"] for node in order if node.op == "named"}
    return any(name in METRICS and name not in CATALOG for name in names)


def _adds_up(result: Node) -> Sums | None:
    """The sums over samples of the named metric that a text is, where it is made of such and its
    parameters are no numbers of the batch."""
    info = METRICS.get(result.attrs["name"]) if result.op == "named" else None
    if info is None or info.sums is None:
        return None
    moved = [node for arg in result.args[2:] for node in topological(arg)]
    return None if any(node.op == "input" for node in moved) else info.sums


def _mask(y_pred: Tensor) -> Tensor | None:
    return getattr(y_pred, "_keras_mask", None)


def _rows(offered: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A target and a prediction by the names of their inputs, time steps as samples: (N,) class
    numbers, (N, C) all else that is wide."""
    names = [n for n in ("labels", "y_true") if n in offered][:1]
    names += [n for n in ("logits", "features", "y_pred") if n in offered][:1]
    wide = len(offered[names[1]].shape) > 1
    return {
        name: _flat(offered[name], offered[name].shape[-1] if wide and name != "labels" else None)
        for name in names
    }


def _flat(tensor: Tensor, width: int | None) -> Tensor:
    rank = 1 if width is None else 2
    if len(tensor.shape) == rank:  # as it is, so that it is known what made it
        return tensor
    return keras.ops.reshape(tensor, (-1,) if width is None else (-1, width))


class _Kept:
    """Targets and predictions of all batches so far, in TensorFlow variables that grow."""

    def __init__(self, name: str) -> None:
        import tensorflow as tf

        self._tf = tf
        # XLA, which has no variables that grow, says where it fails: in these words.
        self._scope = f"{name}_keeps_all_samples_and_needs_jit_compile_False"
        self._flat = [tf.Variable(tf.zeros((0,)), shape=(None,), trainable=False) for _ in "tp"]
        self._names: list[str] = []
        self._widths: list[int | None] = []

    def add(self, rows: Mapping[str, Tensor], mask: Tensor | None) -> None:
        """A target and a prediction of one more batch, by the names of their inputs."""
        tf = self._tf
        self._names = list(rows)
        self._widths = [x.shape[-1] if len(x.shape) > 1 else None for x in rows.values()]
        with tf.name_scope(self._scope):
            for held, given in zip(self._flat, rows.values(), strict=True):
                more = tf.cast(given, "float32")
                if mask is not None:
                    more = tf.boolean_mask(more, tf.reshape(mask, (-1,)))
                held.assign(tf.concat([held, tf.reshape(more, (-1,))], axis=0))

    def tensors(self) -> dict[str, Tensor] | None:
        """All of them as one batch; None where nothing came."""
        tf = self._tf
        if not self._names or (tf.executing_eagerly() and not int(tf.size(self._flat[0]))):
            return None
        return {
            name: held.read_value() if width is None else tf.reshape(held, (-1, width))
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
    probe: bool = True,
    name: str | None = None,
    from_logits: bool | None = None,
    inputs: Provided | None = None,
    **parameters: float,
) -> WrittenMetric:
    """The metric that `text` describes, in the loss language; or the name of one of
    `losses.metrics()`, which a text can also call: `top_k_accuracy(k=5)`.

    It need not be differentiable. It carries the name of the metric that it is, or `name`. With
    `probe` it is also tried on the predictions of a network that has learnt nothing, which adds to
    `metric.warnings` where it is not finite. With `inputs` a name that a run does not have is
    refused where it stands. Raises `LossError`, also where it would need more memory than there may
    be (`losses.language.metric_size`).
    """
    made = WrittenMetric(
        text,
        parameters,
        num_classes=num_classes,
        from_logits=from_logits,
        name=name,
        provided=inputs,
    )
    if probe:
        from .language.probe_metric import probe_metric

        probe_metric(made.measure)
    return made


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
        f"{name}({given})", num_classes=num_classes, probe=False, name=name, from_logits=from_logits
    )
