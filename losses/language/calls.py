"""Matching arguments to the signatures of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import arrangement, operators, sizes
from . import structure as st
from . import vocabulary as voc
from .build import DONE, NONE, Builder, Callee, DType, Items, Places, Text, Value
from .errors import LossError, Span, quote, suggest
from .graph import Node

InputNode = Callable[[str], Node]


def call_operator(
    b: Builder,
    function: voc.Function,
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
    places: Mapping[str | int | None, Span],
    inputs: InputNode,
) -> Value:
    """Apply a function of the table; raises `LossError` where an argument does not fit."""
    at = b.at
    given = match(b, function.arguments, name, args, keywords, places)
    if function.op == "where" and len(given) == 1:
        return Places(b.tensor(given["condition"]), b.at)
    if function.op == "clip" and {"min", "max"}.isdisjoint(given):
        raise b.error("clip needs bounds", "write clip(x, 1e-7, 1 - 1e-7)")
    if name == "sum" and len(args) == 1 and not keywords and _of_tensors(args[0]):
        return operators.APPLY["add_n"](b, {"xs": [b.tensor(v) for v in args[0].values]})  # type: ignore[union-attr]
    if function.op in ("max", "min") and len(args) > 1 and _is_builtin_pair(args):
        raise b.error(
            f"{function.op} of two tensors is {function.op}imum",
            f"write {function.op}imum(a, b)",
        )
    _warn_of_bound(b, function.op, name, args)
    read: dict[str, Any] = {}
    for argument in function.arguments:
        value = given.get(argument.name)
        if value is None:
            if argument.default is None and argument.kind != "O":
                raise b.error(
                    f"{quote(name)} needs the argument {quote(argument.name)}",
                    "write " + _usage(name, function.arguments),
                )
            value = _default(b, argument, inputs)
        if function.op not in ("cast_int", "cast_float"):
            b.at = b.blame.get(argument.name, at)
        read[argument.name] = _coerce(b, argument, value)
        b.at = at
    try:
        if function.op in operators.APPLY:
            return operators.APPLY[function.op](b, read)
        return b.spelled(function.op, {name: _as_value(b, read[name]) for name in read})
    except sizes.SizeError as error:
        raise b.size_error(error) from None
    finally:
        b.blame = {}


def _warn_of_bound(b: Builder, op: str, name: str, args: list[Value]) -> None:
    """K.max(x, 0) and K.min(x, 1), where the bound of a hinge or a clip is taken for an axis."""
    bound = {"max": 0, "min": 1}.get(op)
    second = args[1] if len(args) == 2 and "reduce" not in name else None
    if bound is None or not isinstance(second, Node) or not second.is_const:
        return
    if second.dtype == "int" and second.attrs["value"] == bound:
        b.warn(
            "bound-as-axis",
            f"the {bound} of {name}(x, {bound}) is read as an axis, not as a bound",
            f"write {op}imum(x, {bound}) for a bound, axis={bound} for an axis",
        )


def _of_tensors(value: Value) -> bool:
    """Whether this is a list of tensors, which Python's own sum adds one to the other."""
    return isinstance(value, Items) and any(isinstance(v, Node) and v.rank for v in value.values)


def _is_builtin_pair(args: list[Value]) -> bool:
    return isinstance(args[1], Node) and (bool(args[1].rank) or args[1].dtype == "float")


def _usage(name: str, arguments: tuple[voc.Argument, ...]) -> str:
    needed = [a.name for a in arguments if a.default is None]
    return f"{name}({', '.join(needed)})"


def match(
    b: Builder,
    arguments: tuple[voc.Argument, ...],
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
    places: Mapping[str | int | None, Span],
) -> dict[str, Value]:
    if len(args) > len(arguments):
        raise b.error(
            f"{quote(name)} takes at most {len(arguments)} arguments, and {len(args)} are given",
            "write " + _usage(name, arguments),
        )
    names = [a.name for a in arguments]
    given = dict(zip(names, args, strict=False))
    b.blame = {n: places[i] for i, n in enumerate(names) if i in places}
    for key, value in keywords.items():
        place = places.get(key)
        if key in voc.IGNORED and key not in names:
            continue
        found = key if key in names else _alias(key, names, given)
        if found is None:
            near = "keepdims" if key in ("keepdim", "keep_dims") else suggest(key, names)
            raise LossError(
                f"{quote(name)} has no argument {quote(key)}"
                + (f": did you mean '{near}'?" if near else ""),
                _name_only(place, key) or b.at,
                hint=f"its arguments are {', '.join(names)}" if names else "it takes none",
                fix=near,
            )
        if found in given:
            raise LossError(
                f"the argument {quote(key)} is given twice", place or b.at, hint="remove one"
            )
        given[found] = value
        if place is not None:
            b.blame[found] = places.get(f"={key}", place)
    if "newshape" in b.blame:
        b.blame["shape"] = b.blame["newshape"]
    return given


def _name_only(place: Span | None, key: str) -> Span | None:
    if place is None:
        return None
    return Span(place.line, place.column, place.line, place.column + len(key))


def _alias(key: str, names: list[str], given: dict[str, Value]) -> str | None:
    for name in names:
        if key in voc.ARGUMENTS.get(name, ()) and name not in given:
            return name
    return None


def _default(b: Builder, argument: voc.Argument, inputs: InputNode) -> Value:
    text = argument.default
    if text is None or text == "None":
        return NONE
    if text in ("y_true", "y_pred", "labels"):
        return inputs(text)
    if text in ("True", "False"):
        return b.const(text == "True")
    if argument.kind in ("D", "X") or text.startswith("'"):
        return Text(text.strip("'"))
    number = float(text)
    whole = argument.kind in "AI" or (argument.kind == "V" and number.is_integer())
    return b.const(int(number) if whole else number)


def _coerce(b: Builder, argument: voc.Argument, value: Value) -> Any:
    kind, what = argument.kind, f"the argument {quote(argument.name)}"
    if kind in "TF":
        node = b.tensor(value, what)
        return b.floats(node) if kind == "F" else node
    if kind == "O":
        return None if value == NONE else b.tensor(value, what)
    if kind == "L":
        if isinstance(value, Node) and value.rank:
            raise b.error(f"{what} is a list of tensors", "write [a, b]")
        if not isinstance(value, Items) or not value.values:
            raise b.error(f"{what} is a list of tensors", "write [a, b]")
        return [b.tensor(v) for v in value.values]
    if kind == "A":
        return b.axis(value)
    if kind == "I":
        return b.integer(value, what)
    if kind == "B":
        return b.flag(value, what)
    if kind == "D":
        return b.dtype(value)
    if kind == "S":
        return b.shape(value)
    if kind == "Z":
        return b.shape(value)[0]
    if kind == "N":
        node = b.tensor(value, what)
        if node.rank:
            raise b.error(f"{what} must be a number")
        return b.floats(node)
    return value


def _as_value(b: Builder, read: Any) -> Value:
    """An argument that was read, as a value again."""
    if read is None:
        return NONE
    if isinstance(read, (bool, int)):
        return b.const(read)
    if isinstance(read, str):
        return DType(read)
    if isinstance(read, (tuple, list)):
        return Items(tuple(_as_value(b, each) for each in read))
    made: Value = read
    return made


def einsum(b: Builder, args: list[Value], keywords: dict[str, Value]) -> Node:
    """einsum('bi,bi->b', x, y)."""
    if not args or not isinstance(args[0], Text):
        raise b.error("einsum begins with a pattern", "write einsum('bi,bi->b', x, y)")
    if set(keywords) - {"name"}:
        raise b.error("einsum takes no keywords here", "write einsum('bi,bi->b', x, y)")
    return st.einsum(b, args[0].text, [b.tensor(a) for a in args[1:]])


def call_method(
    b: Builder, method: str, owner: Value, args: list[Value], keywords: dict[str, Value]
) -> Value:
    """x.sum(axis=-1): the function of that name, the tensor first."""
    if isinstance(owner, Callee):
        return _of_metric(b, method, owner, args, keywords)
    op = voc.METHODS.get(method)
    if op is None:
        raise b.error(f"a value has no method {quote(method)}", "use a function instead")
    if method == "as_list" and isinstance(owner, Items) and not args and not keywords:
        return owner
    x = b.tensor(owner)
    if op == "shape":
        return arrangement.shape(b, {"x": x})
    if (op in ("reshape", "transpose") and len(args) > 1) or (op == "reshape" and args):
        args = [args[0] if isinstance(args[0], Items) and len(args) == 1 else Items(tuple(args))]
    if "dim" in keywords and "axis" not in keywords:
        keywords["axis"] = keywords.pop("dim")
    function = voc.OPERATORS[op]
    return call_operator(b, function, method, [x, *args], keywords, {}, _no_input)


def _no_input(name: str) -> Node:
    raise LossError(f"{name} is needed")


_RESULT = "call it, as in metric(y_true, y_pred)"


def _of_metric(
    b: Builder, method: str, owner: Callee, args: list[Value], keywords: dict[str, Value]
) -> Value:
    """A metric's `update_state` and `result`, which are of all samples here: what it was last
    given."""
    if method == "call":  # of a loss of Keras: before it is reduced
        return owner.call(args, {**keywords, "reduction": NONE}, b.at)
    if method == "update_state":
        b.measured[id(owner)] = owner, owner.call(args, keywords, b.at)
        return DONE
    if method in ("reset_state", "reset_states"):
        b.measured.pop(id(owner), None)
        return DONE
    if method != "result":
        raise b.error(f"{quote(owner.name)} has no method {quote(method)}", _RESULT)
    if id(owner) not in b.measured:
        raise b.error(f"{quote(owner.name)} was given nothing yet", _RESULT)
    return b.measured[id(owner)][1]
