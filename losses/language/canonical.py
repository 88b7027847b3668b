"""One agreed spelling for a loss: the same graph gives the same text, and the text the graph."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from .graph import EITHER_WAY, SIGNS, Node, Program, topological
from .vocabulary import FUNCTIONS

_SIGNS = {
    **SIGNS,
    "matmul": "@",
    "logical_and": "&",
    "logical_or": "|",
    "logical_xor": "^",
}
_ATOMS = ("input", "const", "parameter")
_LONG = 200


def text(program: Program) -> str:
    """The canonical text: parameters, then shared parts as t1, t2..., then the loss."""
    whole = {
        a.attrs["name"]
        for node in program.order
        for a in node.args
        if a.op == "parameter" and a.dtype == "int" and node.op != "cast"
    }
    spelled = _spelled(program)
    order, args, keys = _ordered(program, whole, spelled)
    first: dict[str, Node] = {}  # of nodes that say the same, as a + b and b + a do
    for node in order:
        first.setdefault(keys[id(node)], node)
    uses = Counter(keys[id(need)] for node in first.values() for need in node.needs())
    used = {n.attrs["name"] for n in program.order if n.op == "parameter"}
    taken = {*spelled.values()}
    written: dict[int, str] = {}
    lines = [
        f"{spelled[p.name]} = {(int if p.name in whole else float)(p.value)!r}"
        f"  # {float(p.low)!r}..{float(p.high)!r} step {float(p.step)!r}"
        for p in sorted(program.parameters.values(), key=lambda p: spelled[p.name])
        if p.name in used
    ]
    count = 0
    for node in order:
        same = first[keys[id(node)]]
        if same is not node:
            written[id(node)] = written[id(same)]
            continue
        words = _write(node, [written[id(a)] for a in args[id(node)]], written)
        if node.op == "parameter":
            words = spelled[node.attrs["name"]]
        shared = uses[keys[id(node)]] > 1 or len(words) > _LONG
        last = keys[id(node)] == keys[id(program.result)]
        if shared and node.op not in (*_ATOMS, "dim") and not last:
            count += 1
            while f"t{count}" in taken:
                count += 1
            lines.append(f"t{count} = {words}")
            words = f"t{count}"
        written[id(node)] = words
    return "\n".join([*lines, written[id(program.result)]])


def digest(program: Program) -> str:
    """A short name for the loss: the same for every spelling of it."""
    return hashlib.sha256(text(program).encode("utf-8")).hexdigest()[:16]


def _spelled(program: Program) -> dict[str, str]:
    """What each parameter is called. One with the name of an input, which the text hid but a named
    loss in it needs, gets another name: written out, both stand in one text."""
    names = [*program.parameters]
    hidden = {n.attrs["name"] for n in program.order if n.op == "input"}
    taken, found = {*names, *hidden}, {}
    for name in sorted(names):
        other, count = name, 1
        while name in hidden and other in taken:
            count += 1
            other = f"{name}{count}"
        found[name] = other
        taken.add(other)
    return found


def _ordered(
    program: Program, whole: set[str], spelled: dict[str, str]
) -> tuple[list[Node], dict[int, tuple[Node, ...]], dict[int, str]]:
    """The nodes in an order of evaluation, and the arguments of each, that do not depend on which
    side of a sum or a product was typed first; and of each a key, the same for nodes that say the
    same."""
    keys: dict[int, str] = {}
    args: dict[int, tuple[Node, ...]] = {}
    for node in program.order:
        given = node.args
        if node.op in EITHER_WAY:
            given = tuple(sorted(given, key=lambda a: (_kind_of(a), keys[id(a)])))
        args[id(node)] = given
        if node.op == "cast" and node.attrs["implicit"]:
            keys[id(node)] = keys[id(node.args[0])]
            continue
        attrs = sorted(
            (n, _keyed(v, keys)) for n, v in node.attrs.items() if n not in ("stable", "of")
        )
        if node.op == "parameter":
            attrs = [("name", spelled[node.attrs["name"]])]
        kind = node.dtype
        if node.op == "parameter":  # 2 and 2.0 are one number, but where whole ones are needed
            kind = "int" if node.attrs["name"] in whole else "float"
        words = (node.op, kind, attrs, [keys[id(a)] for a in given])
        keys[id(node)] = hashlib.sha256(repr(words).encode("utf-8")).hexdigest()
    order = topological(program.result, args)
    return order, args, keys


def _kind_of(node: Node) -> int:
    while node.op == "cast":
        node = node.args[0]
    return ("const", "parameter", "input").index(node.op) if node.op in _ATOMS else 3


def _keyed(value: Any, keys: dict[int, str]) -> Any:
    if isinstance(value, Node):
        return keys[id(value)]
    return tuple(_keyed(v, keys) for v in value) if isinstance(value, tuple) else value


def _value(value: Any, written: dict[int, str]) -> str:
    if isinstance(value, Node):
        return written[id(value)]
    if isinstance(value, tuple):
        inner = ", ".join(_value(v, written) for v in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def _write(node: Node, args: list[str], written: dict[int, str]) -> str:
    a = node.attrs
    if node.op in ("input", "parameter"):
        return str(a["name"])
    if node.op == "const":
        return f"({a['value']!r})" if a["value"] < 0 else repr(a["value"])
    if node.op in _SIGNS:
        return f"({args[0]} {_SIGNS[node.op]} {args[1]})"
    if node.op == "neg":
        return f"(-{args[0]})"
    special = _SPECIAL.get(node.op)
    if special is not None:
        return special(node, args, written)
    extra = [
        f"{name}={_value(value, written)}"
        for name, value in a.items()
        if name not in ("implicit", "stable") and (value is not False or node.op == "gelu")
    ]
    return f"{node.op}({', '.join(args + extra)})"


def _list(node: Node, args: list[str], written: dict[int, str]) -> str:
    return f"{node.op}([{', '.join(args)}], axis={node.attrs['axis']})"


def _slice(node: Node, args: list[str], written: dict[int, str]) -> str:
    pieces = []
    for item in node.attrs["index"]:
        if item == "new":
            pieces.append("None")
        elif isinstance(item, tuple):
            start, stop, step = ("" if v is None else str(v) for v in item)
            pieces.append(f"{start}:{stop}" + (f":{step}" if step else ""))
        else:
            pieces.append(str(item))
    return f"{args[0]}[{', '.join(pieces)}]"


def _named(node: Node, args: list[str], written: dict[int, str]) -> str:
    live = node.attrs["live"]
    count = len(args) - len(live)
    knobs = [f"{n}={v}" for n, v in zip(live, args[count:], strict=True)]
    fixed = [
        f"{n}={list(v) if isinstance(v, tuple) else v!r}"
        for n, v in node.attrs["fixed"]
        if v is not None
    ]
    space = "keras.losses." if f"ops:{node.attrs['name']}" in FUNCTIONS else ""
    return f"{space}{node.attrs['name']}({', '.join([*args[:count], *knobs, *fixed])})"


def _cast(node: Node, args: list[str], written: dict[int, str]) -> str:
    if node.attrs["implicit"]:
        return args[0]
    return f"cast({args[0]}, { ({'float': 'float32', 'int': 'int32'}.get(node.dtype, 'bool'))!r})"


def _array(node: Node, args: list[str], written: dict[int, str]) -> str:
    return f"array({_nested(node.attrs['values'])})"


def _nested(values: Any) -> str:
    if isinstance(values, tuple):
        return "[" + ", ".join(_nested(v) for v in values) + "]"
    return repr(values)


_SPECIAL: dict[str, Any] = {
    "concatenate": _list,
    "stack": _list,
    "slice": _slice,
    "named": _named,
    "cast": _cast,
    "array": _array,
    "dim": lambda n, args, w: f"shape({args[0]})[{n.attrs['axis']}]",
    "shape": lambda n, args, w: f"tf.shape({args[0]})",
    "einsum": lambda n, args, w: f"einsum({n.attrs['pattern']!r}, {', '.join(args)})",
    "squared_difference": lambda n, args, w: f"tf.squared_difference({', '.join(args)})",
    "full": lambda n, args, w: f"full({_value(n.attrs['shape'], w)}, {args[0]}{_kind(n)})",
    "full_like": lambda n, args, w: (
        f"{'ones' if n.attrs['value'] else 'zeros'}_like({args[0]}{_kind_beside(n)})"
    ),
    "arange": lambda n, args, w: f"arange({', '.join(args)}, dtype='{n.dtype}')",
    "eye": lambda n, args, w: f"eye({', '.join(_value(v, w) for v in n.attrs['shape'])}{_kind(n)})",
    "one_hot": lambda n, args, w: (
        f"one_hot({args[0]}, {_value(n.attrs['depth'][0], w)}, axis={n.attrs['axis']})"
    ),
    "tile": lambda n, args, w: f"tile({args[0]}, {_value(n.attrs['repeats'], w)})",
    "reshape": lambda n, args, w: f"reshape({args[0]}, {_value(n.attrs['shape'], w)})",
}


def _kind_beside(node: Node) -> str:
    """The type of a node where it is not that of its argument, as that is written."""
    inner = node.args[0]
    while inner.op == "cast" and inner.attrs["implicit"]:
        inner = inner.args[0]
    return "" if node.dtype == inner.dtype == "float" else f", dtype='{node.dtype}'"


def _kind(node: Node) -> str:
    return "" if node.dtype == "float" else f", dtype='{node.dtype}'"
