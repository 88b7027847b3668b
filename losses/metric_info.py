"""How a named metric is declared, as `loss_info.py` has it of a loss.

    @metric(title="Brier score", short="Brier", when="...", latex="...", paper="...",
            better="lower", low=0, high=2)
    def brier(y_true, y_pred): ...

As with losses, positional arguments are inputs and keyword-only ones parameters. A function
returns (N,), whose mean is the metric, or a scalar. One with `sums`, of `losses.sums`, is of what
these give, added up over the samples, instead of y_true and y_pred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, signature
from typing import Any

from .loss_info import LossInfo, Range, Tensor, Words, read_signature


@dataclass(frozen=True, slots=True)
class Sums:
    """What adds up over the samples, of `losses.sums`, and the metric of that."""

    made: Callable[..., Any]
    read: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class MetricInfo(LossInfo):
    """All there is to say about a named metric, and which way is better.

    `short` is its name where there is little room; `unit` is "%" for shares, which are shown
    100-fold; values lie from `low` to `high`, None where there is no bound.
    """

    short: str = ""
    better: str = "lower"  # or "higher"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    sums: Sums | None = None

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able copy, for the page."""
        more = ("short", "better", "unit", "low", "high")
        return {**LossInfo.as_dict(self), **{name: getattr(self, name) for name in more}}


METRICS: dict[str, MetricInfo] = {}


def metrics() -> list[MetricInfo]:
    """Every named metric."""
    return list(METRICS.values())


def metric(
    *,
    title: str,
    short: str,
    when: str,
    latex: str,
    paper: str,
    better: str,
    unit: str = "",
    low: float | None = 0.0,
    high: float | None = None,
    per_sample: bool = True,
    sums: Callable[..., Any] | None = None,
    **ranges: Range | Words,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function into the catalog of metrics under its own name."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        inputs, knobs = read_signature(function, ranges)
        over_all = function
        if sums is not None:
            inputs, over_all = ("y_true", "y_pred"), _at_once(sums, function)
        name = function.__name__
        METRICS[name] = MetricInfo(
            name, title, "Metrics", when, latex, paper, knobs, inputs, None, over_all,
            per_sample and sums is None, short=short, better=better, unit=unit, low=low, high=high,
            sums=Sums(sums, function) if sums else None,
        )  # fmt: skip
        return function

    return enter


def _at_once(sums: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    given = {
        name: each.default for name, each in signature(function).parameters.items()
        if each.kind is Parameter.KEYWORD_ONLY
    }  # fmt: skip

    @wraps(function)
    def over_all(y_true: Tensor, y_pred: Tensor, **knobs: Any) -> Tensor:
        return function(sums(y_true, y_pred, **(given | knobs)), **knobs)

    return over_all
