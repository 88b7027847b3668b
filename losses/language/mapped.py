"""tf.map_fn and tf.vectorized_map: what is done to each entry of the first axis, done to all.

The function is read once, over a row: a tensor without its first axis. What it makes of the row is
then made of the whole tensor, operation by operation, each along the axes that it has of the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import elementwise as el
from . import sizes
from . import structure as st
from .build import Builder, Callee, Items, Value
from .chosen import EACH
from .graph import Node, topological
from .sizes import axes_in

_REDUCED = ("sum", "mean", "max", "min", "prod", "std", "var", "any", "all", "count_nonzero",
            "logsumexp")  # fmt: skip
_ALONG = ("softmax", "log_softmax", "sort", "argsort", "cumsum", "cumprod", "flip")
_HINT = "operate on the whole tensor, such as sum(..., axis=-1)"


def mapped(b: Builder, function: Callee, given: Value) -> Value:
    """What `function` makes of each entry of one tensor, or of several side by side."""
    several = isinstance(given, Items)
    wholes = [b.tensor(v) for v in given.values] if isinstance(given, Items) else [b.tensor(given)]
    if any(not x.rank for x in wholes):
        raise b.error("a function is mapped over the first axis of a tensor", _HINT)
    if len({(x.shapes[0][0], x.shapes[1][0]) for x in wholes}) > 1:
        raise b.error("these tensors differ in their first axis, over which a function is mapped")
    rows = [_row(x) for x in wholes]
    at = b.at
    result = function.call([Items(tuple(rows)) if several else rows[0]], {}, at)
    b.at = at
    lifting = _Lifting(b, dict(zip(rows, wholes, strict=True)))
    if isinstance(result, Items):
        return Items(tuple(lifting.whole(b.tensor(v)) for v in result.values))
    return lifting.whole(b.tensor(result))


def _row(x: Node) -> Node:
    """A tensor without its first axis; it is never computed."""
    one, two = x.shapes
    return Node("row", (), {}, x.span, (one[1:], two[1:]), x.dtype)


class _Lifting:
    """Makes of the whole tensors what was made of their rows."""

    def __init__(self, b: Builder, known: dict[Node, Node]) -> None:
        self.b = b
        self.known = known

    def whole(self, result: Node) -> Node:
        order = topological(result)
        if not any(node in self.known for node in order):
            raise self.b.error("the mapped function does not use what it is given", _HINT)
        for node in order:
            if node not in self.known and any(n in self.known for n in node.needs()):
                self.b.at = node.span
                self.known[node] = self.lifted(node)
        return self.known[result]

    def lifted(self, node: Node) -> Node:
        b = self.b
        x = self.known.get(node.args[0]) if node.args else None
        if node.op in EACH:
            return self.each(node)
        if x is None or any(arg in self.known for arg in node.args[1:]) or len(node.args) > 1:
            return self.several(node)
        rank, axis = node.args[0].rank, node.attrs.get("axis")
        if node.op in _REDUCED:
            places = tuple(place + 1 for place in axes_in(axis, rank))
            return st.reduce(b, node.op, x, places, node.attrs["keepdims"]) if places else x
        if node.op in _ALONG:
            return st.along(b, node.op, x, int(node.attrs["axis"]) % rank + 1)
        if node.op in ("argmax", "argmin") and (axis is not None or rank == 1):
            return st.arg_extreme(b, node.op, x, (axis or 0) % rank + 1, node.attrs["keepdims"])
        made = _SHAPED.get(node.op)
        if made is None:
            raise self.refused(node)
        return made(b, x, rank, {name: self.renewed(value) for name, value in node.attrs.items()})

    def renewed(self, value: Any) -> Any:
        """An attribute, the sizes of a row in it those of all."""
        if isinstance(value, Node):
            return self.known.get(value, value)
        return tuple(map(self.renewed, value)) if isinstance(value, tuple) else value

    def each(self, node: Node) -> Node:
        """An operation element by element: the first axis before those that the rows broadcast."""
        rank = max(arg.rank for arg in node.args)
        args = []
        for arg in node.args:
            made = self.known.get(arg, arg)
            while arg in self.known and made.rank <= rank:
                made = st.expand(self.b, made, 1)
            args.append(made)
        if node.op == "where":
            return el.where(self.b, *args)
        if node.op == "cast":
            return self.b.cast(args[0], node.dtype, node.attrs["implicit"])
        shapes = [sizes.broadcast(*(a.shapes[k] for a in args)) if args else () for k in (0, 1)]
        return self.b.node(node.op, args, shapes.__getitem__, node.dtype, **node.attrs)

    def several(self, node: Node) -> Node:
        b = self.b
        if node.op in ("concatenate", "stack") and all(a in self.known for a in node.args):
            rank = node.args[0].rank + (node.op == "stack")
            parts = [self.known[a] for a in node.args]
            return st.join(b, node.op, parts, node.attrs["axis"] % rank + 1)
        vectors = [a for a in node.args if a.rank == 1]
        if node.op == "matmul" and len(vectors) == 2:
            product = el.binary(b, "mul", *(self.known.get(a, a) for a in node.args))
            return st.reduce(b, "sum", product, -1)
        if node.op == "take" and node.args[1] not in self.known:
            return st.take(b, self.known[node.args[0]], node.args[1], node.attrs["axis"] + 1)
        if node.op == "named" and all(a in self.known or not a.rank for a in node.args):
            tensors = [self.known.get(a, a) for a in node.args]
            if not node.rank and all(a.rank == 1 for a in node.args if a in self.known):
                shape = tensors[0].shapes
                return b.node("named", tensors, lambda k: shape[k][:1], **node.attrs)
        raise self.refused(node)

    def refused(self, node: Node) -> Exception:
        return self.b.error(f"{node.op} is not read within a mapped function", _HINT)


Shaped = Callable[[Builder, Node, int, Any], Node]


def _squeezed(b: Builder, x: Node, rank: int, a: Any) -> Node:
    places = axes_in(a["axis"], rank) if a["axis"] is not None else tuple(
        i for i in range(rank) if x.shapes[0][i + 1] == x.shapes[1][i + 1] == 1
    )  # fmt: skip
    return st.squeeze(b, x, tuple(place + 1 for place in places)) if places else x


def _expanded(b: Builder, x: Node, rank: int, a: Any) -> Node:
    axes: Sequence[int] = (a["axis"],) if isinstance(a["axis"], int) else a["axis"]
    places = sorted(axis % (rank + len(axes)) + 1 for axis in axes)
    return st.expand(b, x, tuple(places))


_SHAPED: dict[str, Shaped] = {
    "squeeze": _squeezed,
    "expand_dims": _expanded,
    "slice": lambda b, x, rank, a: st.slices(b, x, ((None, None, None), *a["index"])),
    "reshape": lambda b, x, rank, a: st.reshape(
        b, x, (b.node("dim", (x,), lambda k: (), "int", (x.shapes[0][0], x.shapes[1][0]), axis=0),
               *a["shape"]),
    ),
    "transpose": lambda b, x, rank, a: st.transpose(
        b, x, (0, *(i % rank + 1 for i in (a["axes"] or range(rank)[::-1])))
    ),
    "dim": lambda b, x, rank, a: b.node(
        "dim", (x,), lambda k: (), "int",
        (x.shapes[0][a["axis"] + 1], x.shapes[1][a["axis"] + 1]), axis=a["axis"] + 1,
    ),
}  # fmt: skip
