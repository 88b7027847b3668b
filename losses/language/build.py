"""Building nodes: from values of the language to operations with sizes, types and places."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import numbers, sizes
from .chosen import follow
from .errors import LossError, Remark, Span, quote
from .graph import (
    BATCHES,
    Node,
    Number,
    Parameter,
    Shape,
    const,
    describe_shapes,
    folded,
    letter,
    topological,
)
from .inputs import INPUTS, Input, Provided, Sizes
from .ranges import range_of
from .size_words import in_letters, said, size_hint
from .sizes import SizeError

MAX_GRAPH = 1_500
MAX_LIST = 1_024
# Numbers in all steps together, at the larger batch: all are held for the gradient.
MAX_TOTAL = 4_000_000


@dataclass(frozen=True, slots=True)
class Items:
    """A list or tuple of values: a constant table, a shape, several tensors."""

    values: tuple[Value, ...]
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A string, which only some arguments take."""

    text: str


@dataclass(frozen=True, slots=True)
class DType:
    """A number type: float, int or bool; `half` where it is a float of 16 bits."""

    name: str
    half: bool = False


@dataclass(frozen=True, slots=True)
class Special:
    """None or `...`."""

    name: str


@dataclass(frozen=True, slots=True)
class Callee:
    """A function of the visitor's or a configured loss: can be called, is not a value."""

    name: str
    call: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Places:
    """What `where(condition)` gives: the places at which a condition holds."""

    mask: Node
    span: Span


Value = Node | Items | Text | DType | Special | Callee | Places
NONE = Special("None")
DOTS = Special("...")
DONE = Special("nothing")  # what a step gives that is taken for what it does

# Floats of which this is the largest, and that are 0 below this.
HALF, HALF_LEAST = 65504.0, 2.0**-25
DTYPES = {
    "float32": "float",
    "float64": "float",
    "float16": "float",
    "half": "float",
    "bfloat16": "float",
    "float": "float",
    "double": "float",
    "int32": "int",
    "int64": "int",
    "int16": "int",
    "int8": "int",
    "uint8": "int",
    "int": "int",
    "bool": "bool",
}


class Builder:
    """Makes nodes for one text; `at` is where the operation being built stands."""

    def __init__(self, num_classes: int, provided: Provided | None = None) -> None:
        self.num_classes = num_classes
        self.provided = provided
        self.inputs: Mapping[str, Input] = INPUTS if provided is None else provided.known
        used = "".join(found.shape for found in self.inputs.values())
        self.sizes = Sizes(num_classes, provided.sizes if provided is not None else {}, used)
        self.at = Span()
        self.sign: Span | None = None
        self.blame: dict[str, Span] = {}
        self.count = 0
        self.total = 0
        self.warnings: list[Remark] = []
        self.notes: list[Remark] = []
        self.parameters: dict[str, Parameter] = {}
        self.labels: dict[Node, str] = {}  # what the visitor called a node
        self.used: dict[Node, frozenset[str]] = {}
        self.chosen: dict[Node, Node] = {}  # what a condition has chosen from, and that condition
        self.averaged: set[Node] = set()  # the means that configured losses take (`averages`)
        self.own: set[str] = set()  # the names that the text gives a meaning
        # The text of the call that is read, with another word as its target.
        self.with_target: Callable[[str], str | None] = lambda word: None
        self.ranges: dict[Node, tuple[float, float]] = {}
        self.halves: set[Node] = set()  # what the text computes in floats of 16 bits
        self.measured: dict[int, tuple[Callee, Value]] = {}  # what a metric was last given
        self.spelled: Callable[[str, Mapping[str, Value]], Value]  # of the reader

    @property
    def own_inputs(self) -> frozenset[str]:
        """The names that the run has given a meaning."""
        given = self.provided.inputs if self.provided is not None else {}
        return frozenset(name for name, found in given.items() if found is not None)

    def inputs_of(self, node: Node) -> frozenset[str]:
        """The names of the tensors a node is computed from."""

        def step(n: Node) -> frozenset[str]:
            own = {n.attrs["name"]} if n.op == "input" else set()
            return frozenset(own).union(*(self.used[a] for a in n.args))

        return folded(node, self.used, step)

    def learns(self, node: Node) -> bool:
        """Whether a node is computed from anything that is learnt."""
        return any(self.inputs[name].learnt for name in self.inputs_of(node))

    # -- saying things

    def error(self, message: str, hint: str | None = None, span: Span | None = None) -> LossError:
        return LossError(message, span or self.at, hint=hint)

    def warn(
        self, code: str, message: str, hint: str | None = None, span: Span | None = None
    ) -> None:
        remark = Remark(code, message, span or self.at, hint)
        if remark not in self.warnings:
            self.warnings.append(remark)

    def note(self, code: str, message: str, span: Span | None = None) -> None:
        remark = Remark(code, message, span or self.at)
        if all(n.message != message for n in self.notes):
            self.notes.append(remark)

    # -- making nodes

    def const(self, value: Number, dtype: str | None = None) -> Node:
        try:
            return const(numbers.checked(value), self.at, dtype)
        except numbers.BadNumber as error:
            raise self.error(str(error)) from None

    def node(
        self,
        op: str,
        args: Sequence[Node],
        rule: Callable[[int], Shape],
        dtype: str = "float",
        static: tuple[Number, Number] | None = None,
        **attrs: Any,
    ) -> Node:
        """A node whose shape at batch k (0 or 1) is `rule(k)`."""
        self.count += 1
        if self.count > MAX_GRAPH:
            raise self.error(
                f"the loss expands to more than {MAX_GRAPH:,} operations",
                "helpers called many times multiply; simplify it",
            )
        try:
            shapes = (rule(0), rule(1))
        except SizeError as error:
            raise self.size_error(error, args, rule) from None
        node = Node(op, tuple(args), attrs, self.at, shapes, dtype, static)
        self.total += sizes.elements(shapes[1]) if len(shapes[1]) <= sizes.MAX_RANK else 0
        try:
            sizes.check_bounds(shapes, BATCHES)
        except SizeError as error:
            raise self.error(error.message, error.hint, _origin(node).span) from None
        if self.total > MAX_TOTAL:
            raise self.error(
                "the steps of this loss hold too many numbers together", "reduce earlier, with sum"
            )
        self.check_half(node)
        return self.followed(node)

    def check_half(self, node: Node, cast: bool = False) -> None:
        """Tell what is infinite, or 0, in floats of 16 bits, where the text computes in them."""
        if not cast and not any(a in self.halves for a in node.args):
            return
        if node.dtype == "float":
            self.halves.add(node)
        if node.op in ("named", "row"):
            return
        for a in node.args:
            if a.is_const and 0 < abs(a.attrs["value"]) < HALF_LEAST:
                self.warn_of_half(
                    f"{a.attrs['value']:g} is 0 in float16",
                    "cast to float32, or add a larger number, such as 1e-4",
                )
        if any(HALF < abs(bound) < math.inf for bound in self.bounds(node)):
            self.warn_of_half(
                "this can be beyond 65,504, which float16 takes for infinite",
                "cast to float32, or scale it down",
            )

    def warn_of_half(self, message: str, hint: str) -> None:
        message = f"{message}; here it is computed in float32"
        if all(w.message != message for w in self.warnings):
            self.warn("float16", message, hint)

    def bounds(self, node: Node) -> tuple[float, float]:
        """Between which bounds the values of a node lie."""
        return folded(
            node,
            self.ranges,
            lambda n: range_of(n, [self.ranges[a] for a in n.args], self.parameters),
        )

    def followed(self, node: Node) -> Node:
        """A new node, remembered where it is of entries that a condition has chosen."""
        try:
            mask = follow(self.chosen, node)
        except SizeError as error:
            raise self.size_error(error) from None
        if mask is not None:
            self.chosen[node] = mask
        return node

    def size_error(
        self,
        error: SizeError,
        args: Sequence[Node] = (),
        rule: Callable[[int], Shape] | None = None,
    ) -> LossError:
        """What a rule of sizes said, at the argument that is to blame. Sizes are checked at
        made-up batch sizes: what the rule says at the other one tells which are the batch's."""
        hint, span = error.hint, self.blame.get(error.about, self.at)
        one, two = (said(rule, k) if rule is not None else None for k in (0, 1))
        if one or two:
            message = in_letters(one, two, self.letter)
        else:
            message = in_letters(error.message, None)
        return self.error(message, hint or size_hint(args, lambda node: letters(node, self)), span)

    def letter(self, one: int, two: int) -> str:
        """A size seen at both batch sizes, as the visitor knows it."""
        return self.sizes.letter(one, two) or letter(one, two)

    def cast(self, node: Node, dtype: str, implicit: bool = True) -> Node:
        if node.dtype == dtype and implicit:
            return node
        if node.is_const:
            value = node.attrs["value"]
            kinds: dict[str, Callable[[Any], Number]] = {"float": float, "int": int, "bool": bool}
            try:
                return const(numbers.checked(kinds[dtype](value)), node.span, dtype)
            except numbers.BadNumber as error:
                raise self.error(str(error)) from None
        made = Node(
            "cast",
            (node,),
            {"dtype": dtype, "implicit": implicit},
            node.span if implicit else self.at,
            node.shapes,
            dtype,
            node.static,
        )
        return self.followed(made)

    def floats(self, node: Node) -> Node:
        return self.cast(node, "float")

    # -- reading arguments

    def tensor(self, value: Value, what: str = "a tensor") -> Node:
        """A value as a tensor: numbers and lists of numbers become constants."""
        if isinstance(value, Node):
            return value
        if isinstance(value, Items):
            return self.array(value)
        if isinstance(value, Places):
            raise self.error(
                "where needs three arguments", "write where(condition, a, b)", value.span
            )
        if value == Text("inf"):
            raise self.error("infinity is not a number of a loss", "write a large one: 1e30")
        kinds = {Text: "a string", DType: "a type", Callee: "a function"}
        shown = value.name if isinstance(value, Special) else kinds.get(type(value), "this")
        raise self.error(f"{what} is expected here, not {shown}", _hint_for(value))

    def array(self, items: Items) -> Node:
        """A (nested) list as a constant table, or as a stack where it holds tensors."""
        flat = _flatten(items, self)
        if all(node.is_const for node in flat):
            values, shape = self._table(items)
            whole = all(n.dtype == "int" for n in flat)
            return self.node(
                "array", (), lambda k: shape, "int" if whole else "float", values=values
            )
        parts = [self.tensor(v) for v in items.values]
        kind = common_kind(parts)
        parts = [self.cast(p, kind) for p in parts]
        return self.node(
            "stack", parts, lambda k: sizes.stack([p.shapes[k] for p in parts], 0), kind, axis=0
        )

    def _table(self, items: Items) -> tuple[tuple[Any, ...], Shape]:
        rows = [
            self._table(v) if isinstance(v, Items) else (v.attrs["value"], ())
            for v in items.values
            if isinstance(v, (Node, Items))
        ]
        shapes = {shape for _, shape in rows}
        if len(shapes) > 1:
            raise self.error("the rows of this table differ in length", "give each the same length")
        return tuple(value for value, _ in rows), (len(rows), *(shapes.pop() if shapes else ()))

    def fixed(self, value: Value, what: str) -> Number:
        """A number that must be known now, the same for every batch; folds parameters."""
        one, two = self.static(value, what)
        if one != two:
            raise self.error(f"{what} must not depend on the batch size")
        return one

    def static(self, value: Value, what: str) -> tuple[Number, Number]:
        if not isinstance(value, Node) or value.static is None or value.rank:
            hint = _hint_for(value) or f"{what} cannot come from a tensor or a text"
            raise self.error(f"{what} must be a constant number", hint)
        for node in topological(value):
            if node.op == "parameter":
                self.parameters[node.attrs["name"]].fixed = True
        return value.static

    def integer(self, value: Value, what: str) -> int:
        number = self.fixed(value, what)
        if isinstance(number, (bool, float)):
            hint = "divide with //" if float(number).is_integer() else None
            raise self.error(f"{what} must be a whole number, not {number}", hint)
        return int(number)

    def axis(self, value: Value) -> int | tuple[int, ...] | None:
        if value == NONE:
            return None
        if isinstance(value, Items):
            return tuple(self.integer(v, "an axis") for v in value.values)
        return self.integer(value, "an axis")

    def flag(self, value: Value, what: str) -> bool:
        if value == NONE:
            return False
        return bool(self.fixed(value, what))

    def dtype(self, value: Value) -> str:
        if isinstance(value, DType):
            return value.name
        if isinstance(value, Text):
            if value.text in DTYPES:
                if value.text in ("float64", "float16", "bfloat16", "double"):
                    self.note("dtype", "losses are computed in float32")
                return DTYPES[value.text]
            raise self.error(
                f"{quote(value.text)} is not a number type", "write 'float32', 'int32' or 'bool'"
            )
        raise self.error("a number type is expected here", "write 'float32', 'int32' or 'bool'")

    def shape(self, value: Value) -> tuple[int | Node, ...]:
        """A list of sizes; a size that follows the batch stays a node."""
        if isinstance(value, Node) and value.op == "shape":
            return dims(self, value.args[0])
        values = value.values if isinstance(value, Items) else (value,)
        found: list[int | Node] = []
        for item in values:
            one, _ = self.static(item, "a size")
            if isinstance(one, (bool, float)):
                raise self.error(f"a size must be a whole number, not {one}", "divide with //")
            live = isinstance(item, Node) and any(n.op in LIVE for n in topological(item))
            found.append(item if live and isinstance(item, Node) else int(one))
        return tuple(found)


LIVE = ("dim", "input")


def at_batch(shape: Sequence[int | Node], k: int) -> Shape:
    """The sizes of a shape at batch k."""
    return tuple(
        int(n.static[k]) if isinstance(n, Node) and n.static else int(n)  # type: ignore[arg-type]
        for n in shape
    )


def dims(b: Builder, x: Node) -> tuple[Node, ...]:
    """The sizes of a tensor, each a node that is read when the loss runs."""
    return tuple(
        b.node("dim", (x,), lambda k: (), "int", (one, two), axis=place)
        for place, (one, two) in enumerate(zip(*x.shapes, strict=True))
    )


def common_kind(nodes: Sequence[Node]) -> str:
    """The type that holds the values of all these tensors: float, int or bool."""
    kinds = {node.dtype for node in nodes}
    return next(kind for kind in ("float", "int", "bool") if kind in kinds)


def letters(node: Node, b: Builder) -> str:
    """A node's shape as the visitor knows it, such as (B, C)."""
    return describe_shapes(node.shapes, b.num_classes, b.sizes.letter)


def _flatten(items: Items, b: Builder) -> list[Node]:
    found: list[Node] = []
    stack: list[Value] = list(reversed(items.values))
    if not stack:
        raise b.error("this list is empty", "put numbers in it")
    while stack:
        value = stack.pop()
        if isinstance(value, Items):
            stack += reversed(value.values)
        elif isinstance(value, Node):
            found.append(value)
        else:
            raise b.error("a list holds numbers or tensors", _hint_for(value))
        if len(found) > MAX_LIST:
            raise b.error(f"this list has more than {MAX_LIST:,} entries", "make it shorter")
    return found


def _hint_for(value: Value) -> str | None:
    if isinstance(value, Text):
        return "remove the quotes"
    if isinstance(value, Callee):
        return f"call it: {value.name}(...)"
    return None


def _origin(node: Node) -> Node:
    """The first of the chain of growing operations that led to a tensor too large."""

    def weight(n: Node) -> int:
        return sizes.elements(n.shapes[1])

    while node.args:
        largest = max(node.args, key=weight)
        small = weight(largest) < 100_000
        if largest.op in ("input", "cast") or (small and not largest.args):
            return node
        if small and weight(node) > 64 * weight(largest):
            return node
        inner = max((weight(a) for a in largest.args), default=0)
        if weight(largest) <= inner:
            return node
        node = largest
    return node
