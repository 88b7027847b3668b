"""Which entries of a tensor a condition has chosen, as the operations on it go on.

`x[condition]` has a size that only the data tell. Here it stays as large as `x`; what is not chosen
holds a harmless number, and the condition is kept beside it until a sum or a mean takes the chosen
entries only (`masks`).
"""

from __future__ import annotations

from collections.abc import Mapping

from .graph import Node
from .rows import UNARY
from .sizes import SizeError, axes_in

# Operations element by element.
EACH = {
    *(op for op, _ in UNARY),
    *("add", "sub", "mul", "div", "floordiv", "mod", "pow", "maximum", "minimum", "arctan2"),
    *("squared_difference", "xlogy", "eq", "ne", "lt", "le", "gt", "ge", "relu", "gelu"),
    *("logical_and", "logical_or", "logical_xor", "logical_not", "isfinite", "isnan", "isinf"),
    *("where", "clip", "full_like", "stop_gradient", "cast"),
}
_ALONG = ("softmax", "log_softmax", "sort", "argsort", "cumsum", "cumprod", "flip")
_REDUCED = ("sum", "mean", "max", "min", "prod", "std", "var", "any", "all", "count_nonzero",
            "logsumexp", "argmax", "argmin")  # fmt: skip


def follow(chosen: Mapping[Node, Node], node: Node) -> Node | None:
    """The condition that has chosen the entries of a new node; None where none has. Raises
    `SizeError` where the operation needs to know how many there are."""
    given = [a for a in node.args if a in chosen]
    if not given:
        return None
    mask = chosen[given[0]]
    if not all(same(chosen[a], mask) for a in given[1:]):
        raise SizeError(
            "entries chosen by two conditions do not fit together", "choose both by one condition"
        )
    if node.op in EACH:
        _check_others(node, chosen, mask)
        return mask
    if mask.rank < given[0].rank and _by_row(node, mask.rank):
        return mask
    raise SizeError(
        f"how many a condition chooses is not known before training, and {node.op} needs it",
        "take their reduce_mean or reduce_sum first",
    )


def _check_others(node: Node, chosen: Mapping[Node, Node], mask: Node) -> None:
    """What the chosen entries meet is a number, or for chosen rows what is the same in each."""
    for other in node.args:
        if other in chosen or not other.rank:
            continue
        fixed = other.shapes[0] == other.shapes[1] and other.rank <= node.rank - mask.rank
        if not fixed:
            raise SizeError(
                "the entries that a condition chooses do not fit with those of all samples",
                "choose from both by the same condition",
            )


def _by_row(node: Node, rank: int) -> bool:
    """Whether an operation does the same to each chosen row, by itself."""
    x = node.args[0]
    if node.op in _REDUCED:
        axis = node.attrs["axis"]
        return axis is not None and min(axes_in(axis, x.rank)) >= rank
    if node.op in _ALONG:
        return bool(node.attrs["axis"] % x.rank >= rank)
    if node.op == "slice":
        return all(i == (None, None, None) for i in node.attrs["index"][:rank])
    if node.op == "expand_dims":
        return bool(axes_in(node.attrs["axis"], node.rank)[0] > rank)
    if node.op == "named":
        return node.rank == rank and all(a.rank == rank + 1 for a in node.args if a.rank)
    return False


def same(one: Node, two: Node, known: set[tuple[int, int]] | None = None) -> bool:
    """Whether two nodes compute the same, step by step."""
    known = set() if known is None else known
    if one is two or (id(one), id(two)) in known:
        return True
    alike = (
        one.op == two.op
        and one.dtype == two.dtype
        and one.shapes == two.shapes
        and len(one.args) == len(two.args)
        and one.attrs.keys() == two.attrs.keys()
        and all(_equal(value, two.attrs[key], known) for key, value in one.attrs.items())
        and all(same(a, b, known) for a, b in zip(one.args, two.args, strict=True))
    )
    if alike:
        known.add((id(one), id(two)))
    return alike


def _equal(one: object, two: object, known: set[tuple[int, int]]) -> bool:
    if isinstance(one, Node) and isinstance(two, Node):
        return same(one, two, known)
    if isinstance(one, tuple) and isinstance(two, tuple):
        return len(one) == len(two) and all(
            _equal(a, b, known) for a, b in zip(one, two, strict=True)
        )
    return type(one) is type(two) and bool(one == two)
