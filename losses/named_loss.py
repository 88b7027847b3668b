"""A named loss as a Keras loss: `get("focal", gamma=2.0)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from . import axes, guards, targets
from .base import OPTIONS, PlaygroundLoss, Tensor
from .catalog import CATALOG, KERAS_NAMES
from .language.errors import LossError, quote, suggest
from .language.graph import Parameter
from .language.parameters import checked, checked_word, integer
from .loss_info import LossInfo, ParameterInfo


@keras.saving.register_keras_serializable(package="losses")
class NamedLoss(PlaygroundLoss):
    """A loss of the catalog with its parameters; numbers among them can be moved live."""

    def __init__(
        self,
        loss: str,
        knobs: Mapping[str, Any] | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        info = KERAS_NAMES.get(loss)
        if info is None:
            near = suggest(loss, KERAS_NAMES)
            raise LossError(
                f"there is no loss called {quote(loss)}"
                + (f": did you mean '{near}'?" if near else ""),
                hint="see losses.catalog()",
            )
        own = axes.default(info)
        self.axis = axes.checked(info, options.pop("axis")) if "axis" in options else own
        super().__init__(name or info.name, **options)
        self.info: LossInfo = info
        self.inputs = info.inputs
        self.link = info.link
        if info.name == "categorical_crossentropy":
            self.instead = "losses.get('sparse_categorical_crossentropy'), or "
        given = dict(knobs or {})
        known = {k.name: k for k in info.parameters}
        for key in given:
            if key not in known:
                near = suggest(key, known)
                raise LossError(
                    f"{info.name} has no parameter {quote(key)}"
                    + (f": did you mean '{near}'?" if near else ""),
                    hint="its parameters are " + (", ".join(known) or "none"),
                )
        self.knobs = {n: _value(k, given.get(n, k.default)) for n, k in known.items()}
        fixed = {n for n, k in known.items() if k.fixed or isinstance(self.knobs[n], tuple)}
        live = {n: v for n, v in self.knobs.items() if n not in fixed}
        self._make_variables(live)
        self.parameters = {n: _parameter(known[n], v) for n, v in live.items()}
        self.warnings: list[Any] = []
        self.notes: list[Any] = []

    @property
    def latex(self) -> str:
        return self.info.latex

    def set_parameter(self, name: str, value: float) -> None:
        super().set_parameter(name, value)
        self.knobs[name] = self.parameters[name].value = float(value)

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> Tensor:
        # What has a weight of 0, or is to be ignored, may have any number.
        if sample_weight is None and self.knobs.get("ignore_class") is None:
            y_true = guards.tensor(y_true, "y_true", self.name)
            y_pred = guards.tensor(y_pred, "y_pred", self.name)
            targets.check_numbers(self.inputs, y_true, y_pred, self.name)
        return super().__call__(y_true, y_pred, sample_weight)

    def values(self, tensors: Mapping[str, Tensor]) -> Tensor:
        found = self.gather(tensors)
        moved = {n: self._last(found[n]) for n in self.inputs if n in ("y_true", "y_pred")}
        return self._computed(found | moved)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if not isinstance(y_true, dict) and len(y_true.shape) == len(y_pred.shape):
            # before there is a softmax of it
            y_true, y_pred = self._last(y_true), self._last(y_pred)
        return self._computed(self.gather(self.offered(y_true, y_pred)))

    def _last(self, x: Tensor) -> Tensor:
        """The tensor with the axis last that the loss is computed along."""
        return axes.last(x, self.axis, self.name) if self.info.axis == "one" else x

    def value_shape(self, y_pred: Tensor) -> tuple[int | None, ...]:
        if self.info.axis not in ("one", "some") or self.axis is None or len(y_pred.shape) < 2:
            return super().value_shape(y_pred)
        reduced = axes.places(self.axis, len(y_pred.shape), self.name)
        return tuple(n for i, n in enumerate(y_pred.shape) if i not in reduced)

    def _computed(self, found: Mapping[str, Tensor]) -> Tensor:
        args = [keras.ops.cast(found[n], "float32") for n in self.inputs]
        for knob in self.info.parameters:
            given, classes = self.knobs[knob.name], args[-1].shape[-1]
            if knob.per_class and isinstance(given, tuple) and len(given) != classes:
                raise LossError(
                    f"{quote(knob.name)} has {len(given)} numbers for {classes} classes",
                    hint="give one number for all, or one a class",
                )
        function = self.info.each or self.info.function
        given = {**self.knobs, **self._variables}
        if self.info.axis == "some" and self.axis is not None:
            given["axis"] = axes.places(self.axis, len(args[-1].shape), self.name)
        return function(*args, **given)

    def get_config(self) -> dict[str, Any]:
        plain = {n: list(v) if isinstance(v, tuple) else v for n, v in self.knobs.items()}
        axis = {"axis": self.axis} if self.info.axis else {}
        return {**super().get_config(), "loss": self.info.name, "knobs": plain, **axis}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> NamedLoss:
        return cls(**config)


def _value(knob: ParameterInfo, value: Any) -> Any:
    if knob.per_class and isinstance(value, (list, tuple)):
        return tuple(float(checked(knob.name, v)) for v in value)
    if not knob.fixed:
        return float(checked(knob.name, value))
    if isinstance(knob.default, tuple) or isinstance(value, (list, tuple)):
        return tuple(float(checked(knob.name, v)) for v in value)
    if isinstance(knob.default, float):
        return float(checked(knob.name, value))
    if isinstance(knob.default, str) and not isinstance(value, str):
        raise LossError(f"{quote(knob.name)} is a word", hint=f"such as {knob.default!r}")
    if knob.default is None and value is not None:
        return integer(knob.name, value)
    return checked_word(knob.name, value, knob.choices) if knob.choices else value


def _parameter(knob: ParameterInfo, value: float) -> Parameter:
    low, high = float(knob.low or 0), float(knob.high or 1)
    return Parameter(knob.name, value, min(low, value), max(high, value), float(knob.step or 0.01))


def get(name: str, /, **parameters: Any) -> NamedLoss:
    """A named loss, with values for its parameters; and, as Keras' losses take them, `name`,
    `reduction`, `dtype` and `from_logits`, of which `PlaygroundLoss` says more; `axis` where Keras
    has it. Raises `LossError` where the name or a parameter is unknown."""
    options = {key: parameters.pop(key) for key in (*OPTIONS, "axis") if key in parameters}
    return NamedLoss(name, parameters, **options)


def names() -> list[str]:
    """The names of the catalog."""
    return list(CATALOG)
