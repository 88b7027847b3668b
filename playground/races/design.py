"""The points of a sweep: what is varied, and which combinations are trained.

A grid takes every combination of values. Random and quasi-random points (SciPy's scrambled Sobol
sequence, which leaves no large gaps) take a number of them within ranges; both are drawn from a
fixed seed, so that the same sweep has the same points everywhere.
"""

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.errors import SpecError
from playground.knobs import shown
from playground.races.race import MOST_POINTS, Lane
from playground.spec import fields, knobs

DESIGNS = {"grid": "Grid", "random": "Random", "sobol": "Quasi-random (Sobol)"}
PARAMETER = "loss."  # before the name of a parameter of the loss
MOST_VARIED = 6
MOST = 1e300  # that an end of a range may be
_SEED = 0


@dataclass(frozen=True)
class Axis:
    """What one field takes: these `values`, or numbers from `low` to `high`, evenly spread over
    their logarithms where `log`, whole ones where `whole`."""

    field: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def at(self, share: float) -> Any:
        """The value at a share, 0 to under 1, of the axis."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        if self.log:
            value = math.exp(
                math.log(self.low) + share * (math.log(self.high) - math.log(self.low))
            )
        else:
            value = self.low + share * (self.high - self.low)
        return round(value) if self.whole else float(f"{value:.4g}")

    def grid(self, count: int = 5) -> tuple[Any, ...]:
        """Its values; of a range so many, both ends among them."""
        if self.values:
            return self.values
        found = [self.at(share) for share in np.linspace(0, 1, count)]
        return tuple(dict.fromkeys(found))


def is_parameter(name: str) -> bool:
    """Whether what is varied is a parameter of the loss."""
    return name.startswith(PARAMETER)


def axis(name: str, given: Any) -> Axis:
    """An axis of plain values: a list, or low, high and log. Raises SpecError."""
    field = "loss_parameters" if name.startswith(PARAMETER) else name
    if field not in fields() or name in ("task", "seed", "loss_parameters"):
        expected = f"expected the name of a setting, or {PARAMETER} and that of a parameter"
        raise SpecError(f"vary: {name[:40]}", expected)
    if isinstance(given, Mapping):
        return _range(name, field, given)
    if isinstance(given, str | bytes) or not isinstance(given, Sequence) or len(given) < 2:
        raise SpecError(
            f"vary: {name}", f"expected two values or more, or low and high; got {shown(given)}"
        )
    if not all(isinstance(each, str | bool | int | float) for each in given):
        raise SpecError(f"vary: {name}", f"expected plain values; got {shown(list(given))}")
    return Axis(name, tuple(dict.fromkeys(given)))


def _range(name: str, field: str, given: Mapping[str, Any]) -> Axis:
    unknown = set(given) - {"low", "high", "log"}
    numbers = [given.get(end) for end in ("low", "high")]
    if unknown or not all(
        isinstance(each, int | float) and not isinstance(each, bool) and abs(each) < MOST
        for each in numbers
    ):
        raise SpecError(f"vary: {name}", f"expected low, high and log; got {shown(dict(given))}")
    low, high = (float(each) for each in numbers if each is not None)
    log = given.get("log", knobs()[field].log)
    if not isinstance(log, bool):
        raise SpecError(f"vary: {name}", f"expected log to be true or false; got {shown(log)}")
    if not low < high or (log and low <= 0):
        least = " above 0" if log else ""
        raise SpecError(
            f"vary: {name}", f"expected low{least} and below high; got {low:g}, {high:g}"
        )
    kind = fields()[field].annotation
    if field != "loss_parameters" and kind not in (int, float):
        raise SpecError(f"vary: {name}", "expected a list of values: it is no number")
    return Axis(name, (), low, high, bool(log), kind is int)


def points(axes: Sequence[Axis], design: str, count: int = 0) -> list[Lane]:
    """The points of a sweep over these axes as lanes; `count` of them, but for a grid. Raises
    SpecError."""
    if design not in DESIGNS:
        raise SpecError("design", f"expected one of {', '.join(DESIGNS)}; got {shown(design)}")
    if not 1 <= len(axes) <= MOST_VARIED:
        raise SpecError("vary", f"expected 1 to {MOST_VARIED} settings; got {len(axes)}")
    if design == "grid":
        size = math.prod(len(each.grid()) for each in axes)
        if size > MOST_POINTS:
            raise SpecError("vary", f"expected at most {MOST_POINTS} points; the grid has {size:,}")
        rows = [list(row) for row in itertools.product(*(each.grid() for each in axes))]
    else:
        if not 2 <= count <= MOST_POINTS:
            raise SpecError("points", f"expected 2 to {MOST_POINTS}; got {count}")
        shares = _shares(len(axes), count, design)
        rows = [[each.at(u) for each, u in zip(axes, row, strict=True)] for row in shares]
    lanes: dict[str, Lane] = {}
    for row in rows:
        lane = Lane(_changes(axes, row))
        lanes.setdefault(repr(sorted(lane.changes.items())), lane)
    return list(lanes.values())


def _shares(axes: int, count: int, design: str) -> np.ndarray:
    if design == "random":
        return np.random.default_rng(_SEED).random((count, axes))
    from scipy.stats import qmc

    with warnings.catch_warnings():  # that a count is no power of two costs its balance a little
        warnings.simplefilter("ignore", UserWarning)
        drawn: np.ndarray = qmc.Sobol(axes, scramble=True, seed=_SEED).random(count)
    return drawn


def _changes(axes: Sequence[Axis], row: Sequence[Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    parameters: dict[str, float] = {}
    for each, value in zip(axes, row, strict=True):
        if each.field.startswith(PARAMETER):
            parameters[each.field.removeprefix(PARAMETER)] = value
        else:
            changes[each.field] = value
    if parameters:
        changes["loss_parameters"] = parameters
    return changes


def value_of(lane: Lane, field: str) -> Any:
    """What a lane has in a field of a sweep; None where it leaves it as the base has it."""
    if field.startswith(PARAMETER):
        return dict(lane.changes.get("loss_parameters", {})).get(field.removeprefix(PARAMETER))
    return lane.changes.get(field)
