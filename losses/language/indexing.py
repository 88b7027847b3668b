"""Indices and slices, read by a `Reader`: entries, new axes, lookups and conditions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from . import masks
from . import structure as st
from .build import DOTS, NONE, Items, Places, Value, dims
from .graph import Node
from .scope import Scope

if TYPE_CHECKING:
    from .reader import Reader


def subscript(r: Reader, node: ast.Subscript, scope: Scope) -> Value:
    value = r.value(node.value, scope)
    if isinstance(value, Places) and value.mask.rank == 1:
        return value  # one column, whichever way it is taken
    if isinstance(value, Node) and value.op == "shape":
        value = Items(dims(r.b, value.args[0]))
    if isinstance(value, Items) and not _table_index(node.slice):
        return item(r, node, value, scope)
    r.b.at = r.tree.span(node)
    x = r.b.tensor(value)
    pieces = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    index: list[st.Index] = []
    gathers: list[tuple[int, Node]] = []
    entries = [read_index(r, piece, scope) for piece in pieces]
    wide = sum(e is not None and e != "new" and e != "..." for e in entries)
    for piece, entry in zip(pieces, entries, strict=True):
        if entry == "...":
            index += [(None, None, None)] * (x.rank - wide)
        elif isinstance(entry, Node):
            gathers.append((len(index), entry))
            index.append((None, None, None))
        else:
            index.append(entry)
        del piece
    r.b.at = r.tree.span(node)
    if sum(e == "..." for e in entries) > 1:
        raise r.error(node, "'...' can stand only once in an index")
    if gathers:
        return gather(r, x, index, gathers, node)
    return st.slices(r.b, x, index)


def gather(
    r: Reader, x: Node, index: list[st.Index], gathers: list[tuple[int, Node]], at: ast.expr
) -> Node:
    plain = all(i == (None, None, None) for i in index)
    if len(gathers) > 1 or not plain:
        raise r.error(
            at,
            "an index can hold one tensor, and nothing else but ':'",
            "to pick the true class write sum(y_true * y_pred, axis=-1)",
        )
    place, which = gathers[0]
    if which.dtype == "bool" and not place:
        return masks.choose(r.b, x, which)
    if which.dtype == "bool":
        raise r.error(at, "a condition cannot be an index", "use where, or multiply by the mask")
    return st.take(r.b, x, which, place)


def read_index(r: Reader, node: ast.expr, scope: Scope) -> st.Index | Node:
    if isinstance(node, ast.Slice):
        return (
            bound(r, node.lower, scope),
            bound(r, node.upper, scope),
            bound(r, node.step, scope),
        )
    value = r.value(node, scope)
    r.b.at = r.tree.span(node)
    if value == NONE:
        return "new"
    if value == DOTS:
        return "..."
    x = r.b.tensor(value, "an index")
    if x.static is not None and not x.rank:
        return r.b.integer(x, "an index")
    if x.dtype == "float":
        raise r.error(node, "an index must be a whole number", "cast it to 'int32'")
    return x


def bound(r: Reader, node: ast.expr | None, scope: Scope) -> int | None:
    if node is None:
        return None
    value = r.value(node, scope)
    r.b.at = r.tree.span(node)
    return None if value == NONE else r.b.integer(value, "the bound of a slice")


def item(r: Reader, node: ast.Subscript, items: Items, scope: Scope) -> Value:
    """An entry (or a slice) of a list, such as a shape."""
    entry = read_index(r, node.slice, scope)
    r.b.at = r.tree.span(node)
    if isinstance(entry, tuple):
        return Items(items.values[slice(*entry)])
    if not isinstance(entry, int) or not -len(items.values) <= entry < len(items.values):
        raise r.error(node.slice, f"there is no such entry: the list has {len(items.values)}")
    return items.values[entry]


def _table_index(node: ast.expr) -> bool:
    """Whether an index reads a table of numbers as a tensor: w[:, None]."""
    return isinstance(node, ast.Tuple)
