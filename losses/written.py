"""A loss that a visitor wrote, as a Keras loss: `compile_loss`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import keras

from .base import PlaygroundLoss, Tensor
from .language import canonical, emit
from .language.domain import unclipped
from .language.errors import LossError, Remark, Span, quote
from .language.graph import Node, Parameter, Part, Program
from .language.inputs import Provided, restored
from .language.latex import latex
from .language.parameters import checked
from .language.program import analyse
from .language.samples import averages, weighed_mean
from .probabilities import made_of

_SHARE = "mean_with_sample_weight"
MOST_CLASSES = 1_000  # that a text is read anew for
ROUNDS = 4  # operations of one text that may have to be guarded, one after the other


@keras.saving.register_keras_serializable(package="losses")
class WrittenLoss(PlaygroundLoss):
    """The loss that a text describes. Raises `LossError` where the text is refused."""

    def __init__(
        self,
        text: str,
        parameters: Mapping[str, float] | None = None,
        *,
        num_classes: int = 10,
        metric: bool = False,
        probabilities: bool | None = None,
        class_weights: Sequence[float] | None = None,
        name: str = "written_loss",
        provided: Provided | Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name, **options)
        self.text = text
        if isinstance(provided, Mapping):  # of a saved one
            provided = restored(provided)
        self.provided = provided
        num_classes = provided.sizes.get("C", num_classes) if provided is not None else num_classes
        self.num_classes = num_classes
        self.metric = metric
        self.numbers = metric  # one of a classifier, whatever it names
        self.probabilities = probabilities
        self.class_weights = _weights(class_weights, num_classes)
        self.program = analyse(
            text, parameters, num_classes=num_classes, metric=metric, inputs=provided
        )
        self.inputs = self.program.inputs
        self.parameters: dict[str, Parameter] = self.program.parameters
        live = {n: p.value for n, p in self.parameters.items() if not p.fixed}
        self._make_variables(live)
        self._graphs: dict[tuple[int, bool], list[Node]] = {}

    @property
    def warnings(self) -> list[Remark]:
        return self.program.warnings

    @property
    def notes(self) -> list[Remark]:
        return self.program.notes

    @property
    def terms(self) -> list[Part]:
        """The top-level summands, each with its place in the text."""
        return self.program.parts

    @property
    def latex(self) -> str:
        return latex(self.program)

    @property
    def canonical(self) -> str:
        """The same loss in one agreed spelling; a text of the language."""
        return canonical.text(self.program)

    @property
    def digest(self) -> str:
        return canonical.digest(self.program)

    def set_parameter(self, name: str, value: float) -> None:
        parameter = self.parameters.get(name)
        if parameter is not None and parameter.fixed:
            raise LossError(
                f"{quote(name)} sets a size or an axis, and cannot be moved while training",
                parameter.span,
                hint="change it in the text",
            )
        super().set_parameter(name, value)
        if parameter is not None:
            parameter.value = float(value)

    def parameter_values(self) -> dict[str, Any]:
        """The value of each parameter by name: a variable where it can be moved."""
        fixed = {n: p.value for n, p in self.parameters.items() if p.fixed}
        return {**self._variables, **fixed}

    def values(self, tensors: Mapping[str, Tensor]) -> Tensor:
        found = emit.run(self.program.order, self.gather(tensors), self.parameter_values())
        return found[id(self.program.result)]

    def gather(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.class_weights is not None and "class_weights" not in tensors:
            given = keras.ops.convert_to_tensor(self.class_weights, dtype="float32")
            tensors = {**tensors, "class_weights": given}
        return super().gather(tensors)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """As Keras calls it: one value a sample, or a scalar. One value a class is averaged."""
        return self.called(self.offered(y_true, y_pred))

    def called(self, offered: Mapping[str, Tensor]) -> Tensor:
        """The values of a call of Keras', from what `offered` made of it."""
        order, values = self.computed(offered)
        value = values[id(order[-1])]
        if "sample_weight" in offered and "sample_weight" not in self.inputs:
            return self._weighed(order[-1], values, offered["sample_weight"])
        rank = order[-1].rank
        return keras.ops.mean(value, axis=tuple(range(1, rank))) if rank > 1 else value

    def computed(self, offered: Mapping[str, Tensor]) -> tuple[list[Node], dict[int, Tensor]]:
        """What a call of Keras' computes, the result last, and the value of each by its id."""
        tensors = self.gather(offered)
        probabilities = self.from_logits or self.probabilities
        if probabilities is None and "y_pred" in tensors:
            probabilities = True if made_of(tensors["y_pred"]) is not None else None
        wide = tensors.get("y_pred", tensors.get("logits"))
        classes = wide.shape[-1] if wide is not None and len(wide.shape) > 1 else None
        order = self._graph(classes, probabilities is None)
        values = emit.run(
            order,
            tensors,
            self.parameter_values(),
            clip=bool(probabilities),
            plain=probabilities is False,
        )
        return order, values

    @cached_property
    def takes_weights(self) -> bool:
        """Whether it names the weights, or takes the mean over the batch itself."""
        result = self.program.result
        return super().takes_weights or (result.rank == 0 and averages(result))

    def _weighed(self, result: Node, values: dict[int, Tensor], weights: Tensor) -> Tensor:
        """The number of a batch whose samples count more and less."""
        ops = keras.ops
        weights = ops.cast(weights, "float32")
        if not len(weights.shape):
            return values[id(result)] * weights
        value = weighed_mean(result, values, weights)
        return ops.divide_no_nan(value, ops.mean(weights)) if self.reduction == _SHARE else value

    def _graph(self, classes: int | None, open_: bool) -> list[Node]:
        """What computes the text for so many classes, its result last; `open_` for a y_pred that
        may be no probability. Raises LossError where the text is made for another number."""
        if classes is None or classes > MOST_CLASSES:
            classes = self.num_classes
        if (classes, open_) not in self._graphs:
            program = self.program if classes == self.num_classes else self._for(classes)
            order = unclipped(program.result, program.parameters) if open_ else program.order
            self._graphs[classes, open_] = order
        return self._graphs[classes, open_]

    def _for(self, classes: int) -> Program:
        values = {name: parameter.value for name, parameter in self.parameters.items()}
        try:
            return analyse(
                self.text,
                values,
                num_classes=classes,
                metric=self.metric,
                inputs=self.provided,
            )
        except LossError as error:
            raise LossError(
                f"the text is for {self.num_classes} classes, and y_pred has {classes}: "
                + error.message,
                error.span,
                hint=f"compile_loss(text, num_classes={classes}) shows what to change",
            ) from error

    def terms_on(self, tensors: Mapping[str, Tensor]) -> list[Tensor]:
        """The batch mean of each term, with its sign; they add up to the loss."""
        found = emit.run(self.program.order, self.gather(tensors), self.parameter_values())
        return [p.sign * keras.ops.mean(found[id(p.node)]) for p in self.program.parts]

    def find_nonfinite(self, tensors: Mapping[str, Tensor]) -> dict[str, Any] | None:
        """The first sub-expression whose value, or else gradient, is not finite; or None."""
        from .language.probe import find_nonfinite

        return find_nonfinite(self, tensors)

    def mended(self, tensors: Mapping[str, Tensor]) -> str | None:
        """The text with each operation that is not finite on this batch guarded
        (`losses.language.guard`): finite there, as was tried. None where that does not help."""
        from .language.guard import guarded

        text, loss = self.text, self
        values = {name: parameter.value for name, parameter in self.parameters.items()}
        for _ in range(ROUNDS):
            found = loss.find_nonfinite(tensors)
            if found is None:
                return text if text != self.text else None
            span = Span(*(found[name] for name in ("line", "column", "end_line", "end_column")))
            made = guarded(text, span, found["op"])
            if made is None or made == text:
                return None
            text = made
            try:
                loss = WrittenLoss(
                    text, values, num_classes=self.num_classes, provided=self.provided
                )
            except LossError:
                return None
        return None

    def get_config(self) -> dict[str, Any]:
        values = {n: p.value for n, p in self.parameters.items()}
        own = self.provided.as_dict(self.inputs) if self.provided is not None else {}
        return {
            **super().get_config(),
            **({"provided": own} if own.get("inputs") else {}),
            "text": self.text,
            "parameters": values,
            "num_classes": self.num_classes,
            "metric": self.metric,
            "probabilities": self.probabilities,
            "class_weights": self.class_weights,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WrittenLoss:
        return cls(**config)


def _weights(given: Sequence[float] | None, classes: int) -> list[float] | None:
    if given is None:
        return None
    weights = [float(checked("class_weights", each)) for each in given]
    if len(weights) != classes:
        raise LossError(
            f"class_weights has {len(weights)} numbers for {classes} classes",
            hint="give one a class, and num_classes where there are not ten",
        )
    return weights


def compile_loss(
    text: str,
    values: Mapping[str, float] | None = None,
    /,
    *,
    num_classes: int = 10,
    probe: bool = True,
    name: str = "written_loss",
    reduction: str | None = "sum_over_batch_size",
    dtype: Any = None,
    from_logits: bool | None = None,
    probabilities: bool | None = None,
    class_weights: Sequence[float] | None = None,
    inputs: Provided | None = None,
    **parameters: float,
) -> WrittenLoss:
    """The loss that `text` describes, as a Keras loss.

    Keywords override its parameters, and so does the mapping `values`, whose names may be any,
    such as those of this function's own options. Raises `LossError`. With `probe` it is also
    tried on small batches, which adds to `loss.warnings` what only numbers show (not finite, no
    gradient, a missing minus...).

    `name`, `reduction`, `dtype` and `from_logits` are as `PlaygroundLoss` has them. Where Keras
    calls the loss, its y_pred is clipped to [1e-7, 1 - 1e-7] only below a logarithm, a power or a
    quotient that needs it, at the end that needs it, so that a regression stays one;
    `probabilities=True` clips it everywhere, as a training run does, and `False` nowhere.
    `class_weights`, a number a class, are what a text that names them gets; without, all are 1.
    With `inputs` (`losses.Provided`) a name that a run does not have is refused where it stands.
    """
    loss = WrittenLoss(
        text,
        {**(values or {}), **parameters},
        num_classes=num_classes,
        probabilities=probabilities,
        class_weights=class_weights,
        name=name,
        reduction=reduction,
        dtype=dtype,
        from_logits=from_logits,
        provided=inputs,
    )
    if probe:
        from .language.probe import probe_loss

        probe_loss(loss)
    return loss
