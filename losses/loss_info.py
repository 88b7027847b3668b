"""How a named loss is declared: a pure function and what there is to say about it.

    @named(title="Focal loss", also="imbalance", group="classification", when="...", latex="...",
           paper="...", gamma=Range(0, 5), text="...")
    def focal(y_true, y_pred, *, gamma=2.0): ...

Positional arguments are inputs (names of `losses.language.inputs.INPUTS`), keyword-only
arguments are parameters. The function returns one value a sample, (B,), or a scalar.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras

ops: Any = keras.ops
Tensor = Any


@dataclass(frozen=True, slots=True)
class Range:
    """Where a parameter makes sense, and the step of its slider; one that is `per_class` may also
    be a list, a number a class."""

    low: float
    high: float
    step: float | None = None
    per_class: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """What a parameter that is a word may be."""

    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter of a named loss. `fixed` ones are not numbers a slider can move live; `choices`
    are the words that one may be."""

    name: str
    default: Any
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    per_class: bool = False

    @property
    def fixed(self) -> bool:
        return self.low is None


@dataclass(frozen=True, slots=True)
class LossInfo:
    """All there is to say about a named loss."""

    name: str
    title: str
    group: str
    when: str
    latex: str
    paper: str
    parameters: tuple[ParameterInfo, ...]
    inputs: tuple[str, ...]
    text: str | None
    function: Callable[..., Any]
    per_sample: bool = True
    aliases: tuple[str, ...] = ()
    pairs: bool = False  # compares every sample of a batch with every other: (B, B) numbers
    also: str = ""  # what else it is called and looked for by
    link: str = "softmax"  # or sigmoid: what makes its y_pred of logits
    each: Callable[..., Any] | None = None  # (B,) values, of a loss that is their mean
    axis: str = ""  # which axes Keras lets one choose: "one" instead of the last, "some" of all

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able copy, for the page."""
        knobs = [
            {"name": k.name, "default": k.default, "low": k.low, "high": k.high, "step": k.step}
            for k in self.parameters
        ]
        return {
            "name": self.name,
            "title": self.title,
            "also": self.also,
            "group": self.group,
            "when": self.when,
            "latex": self.latex,
            "paper": self.paper,
            "parameters": knobs,
            "inputs": list(self.inputs),
            "text": self.text or self._called(),
            "formula": (self.function.__doc__ or "").strip(),
        }

    def _called(self) -> str:
        """A text that calls the loss by name, its parameters above for sliders."""
        moved = [k for k in self.parameters if not k.fixed]
        lines = [f"{k.name} = {k.default}  # {k.low:g}..{k.high:g}" for k in moved]
        given = ", ".join(f"{k.name}={k.name}" for k in moved)
        return "\n".join([*lines, f"{self.name}({given})"])


REGISTRY: dict[str, LossInfo] = {}


def read_signature(
    function: Callable[..., Any], ranges: Mapping[str, Range | Words]
) -> tuple[tuple[str, ...], tuple[ParameterInfo, ...]]:
    """The inputs of a function, which are its positional arguments, and its parameters."""
    inputs, knobs = [], []
    for argument in inspect.signature(function).parameters.values():
        if argument.kind is not inspect.Parameter.KEYWORD_ONLY:
            inputs.append(argument.name)
            continue
        if argument.name == "axis":  # no number of the loss: `losses.axes`
            continue
        bounds = ranges.get(argument.name)
        if isinstance(bounds, Words):
            knobs.append(ParameterInfo(argument.name, argument.default, choices=bounds.choices))
            continue
        if bounds is None:
            knobs.append(ParameterInfo(argument.name, argument.default))
            continue
        step = bounds.step or (bounds.high - bounds.low) / 100
        knobs.append(
            ParameterInfo(
                argument.name,
                argument.default,
                bounds.low,
                bounds.high,
                step,
                per_class=bounds.per_class,
            )
        )
    return tuple(inputs), tuple(knobs)


def named(
    *,
    title: str,
    group: str,
    when: str,
    latex: str,
    paper: str,
    text: str | None = None,
    per_sample: bool = True,
    aliases: tuple[str, ...] = (),
    pairs: bool = False,
    also: str = "",
    link: str = "softmax",
    each: Callable[..., Any] | None = None,
    axis: str = "",
    **ranges: Range | Words,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function into the catalog under its own name. `each` gives the values of the samples
    where the function, which a text calls, gives their mean over the batch. One that has `axis`
    "some" takes these axes by that name; of "one" the others are moved before it is called.

    A family's file is a table of such declarations: they are alike in shape, since what losses
    share is in here already and each says just what it differs in."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        inputs, knobs = read_signature(function, ranges)
        REGISTRY[name] = LossInfo(
            name, title, group, when, latex, paper, knobs, inputs, text, function,
            per_sample, aliases, pairs, also, link, each, axis,
        )  # fmt: skip
        return function

    return enter
