"""Entries chosen by a condition: `x[condition]`, boolean_mask, gather_nd(x, where(condition)).

A sum or a mean of them is one of all entries, in which those that are not chosen do not count.
"""

from __future__ import annotations

from . import elementwise as el
from . import sizes
from . import structure as st
from .build import Builder, Places, letters
from .graph import Node

# What stands where nothing was chosen: logarithms, quotients and differences of a target and a
# prediction are finite there, and so are their slopes.
_OF_PREDICTION, _OF_REST = 0.5, 0.25
HUGE = 3e38


def choose(b: Builder, x: Node, mask: Node) -> Node:
    """The entries (or rows) of `x` where a condition on its first axes holds."""
    mask = b.cast(mask, "bool")
    fits = 0 < mask.rank <= x.rank and all(
        x.shapes[k][: mask.rank] == mask.shapes[k] for k in (0, 1)
    )
    if not fits:
        raise b.error(
            f"a condition of the size {letters(mask, b)} cannot choose from {letters(x, b)}",
            "it has the size of the tensor, or of its first axis",
        )
    if x in b.chosen or mask in b.chosen:
        raise b.error(
            "entries already chosen cannot be chosen from again",
            "join the two conditions with logical_and",
        )
    if x.dtype == "float":
        rest = b.const(_OF_PREDICTION if b.learns(x) else _OF_REST)
    else:
        rest = b.const(False if x.dtype == "bool" else 0)
    made = el.where(b, _as_wide(b, mask, x.rank), x, rest)
    b.chosen[made] = mask
    return made


def taken(b: Builder, x: Node, places: Places) -> Node:
    """`x` at the places that `where(condition)` gave."""
    return choose(b, x, places.mask)


def count(b: Builder, x: Node) -> Node:
    """How many numbers were chosen."""
    return b.cast(_total(b, st.like(b, x, 1.0, "float"), None), "int", implicit=False)


def reduce(b: Builder, op: str, x: Node, axis: st.Axis, keepdims: bool) -> Node:
    """A reduction of what was chosen; of nothing, a sum and a mean are 0."""
    rank = b.chosen[x].rank
    places = sizes.axes_in(axis, x.rank - rank + 1)  # the chosen ones are one axis
    if 0 not in places:
        shifted = tuple(place + rank - 1 for place in places)
        return st.reduce(b, op, x, shifted if len(shifted) > 1 else shifted[0], keepdims)
    if keepdims:
        raise b.error("keepdims is not read where a condition has chosen", "leave it out")
    over = None if len(places) > 1 or x.rank == rank else tuple(range(rank))
    if op in ("any", "all"):
        held = x if x.dtype == "bool" else b.cast(x, "bool", implicit=False)
        rest = _rest(b, held, b.const(op == "all"))
        return st.reduce(b, op, rest, over)
    if op == "count_nonzero":
        there = el.binary(b, "ne", x, b.const(0))
        return b.cast(_total(b, b.cast(there, "float"), over), "int", implicit=False)
    if op in ("max", "min"):
        rest = _rest(b, b.floats(x), b.const(-HUGE if op == "max" else HUGE))
        return st.reduce(b, op, rest, over)
    x = b.floats(x)
    if op == "sum":
        return _total(b, x, over)
    if op == "mean":
        return _mean(b, x, over)
    if op in ("var", "std") and over is None:
        off = el.binary(b, "sub", x, _mean(b, x, None))
        spread = _mean(b, el.unary(b, "square", off), None)
        return spread if op == "var" else el.unary(b, "sqrt", spread)
    raise b.error(f"{op} of entries that a condition chooses is not read", "take their reduce_mean")


def settled(b: Builder, x: Node) -> Node:
    """What Keras makes of chosen entries that are a loss: their mean."""
    return reduce(b, "mean", x, None, False)


def _as_wide(b: Builder, mask: Node, rank: int) -> Node:
    while mask.rank < rank:
        mask = st.expand(b, mask, -1)
    return mask


def _rest(b: Builder, values: Node, rest: Node) -> Node:
    """The values where chosen, `rest` elsewhere: no longer chosen entries, but all."""
    mask = b.chosen.pop(values)
    try:
        return el.where(b, _as_wide(b, mask, values.rank), values, rest)
    finally:
        b.chosen[values] = mask


def _total(b: Builder, values: Node, over: st.Axis) -> Node:
    return st.reduce(b, "sum", _rest(b, values, b.const(0.0)), over)


def _mean(b: Builder, values: Node, over: st.Axis) -> Node:
    number = _total(b, st.like(b, values, 1.0, "float"), over)
    least = el.binary(b, "maximum", number, b.const(1.0))
    return el.binary(b, "div", _total(b, values, over), least)
