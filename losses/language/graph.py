"""The graph a text becomes: small nodes with a place, sizes and a type, and nothing callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from .errors import Remark, Span
from .source import Source

T = TypeVar("T")
NOWHERE = Span()
# Operators whose two arguments can change places.
EITHER_WAY = ("add", "mul", "maximum", "minimum", "eq", "ne", "squared_difference",
              "logical_and", "logical_or", "logical_xor")  # fmt: skip
Shape = tuple[int, ...]
Number = bool | int | float

# How Python writes arithmetic and comparisons.
SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}
# All sizes are worked out at two batch sizes (and two widths of the embedding), so that
# what depends on them cannot be mistaken for a constant.
BATCHES = (17, 29)
WIDTHS = (16, 23)


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One operation: `shapes` at the two batch sizes, `dtype` one of float, int, bool.

    `static` holds the value at the two batch sizes where it is known before any data is.
    `attrs` are constants; a size in them may be a node. `label` is the name it was given.
    """

    op: str
    args: tuple[Node, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    span: Span = NOWHERE
    shapes: tuple[Shape, Shape] = ((), ())
    dtype: str = "float"
    static: tuple[Number, Number] | None = None

    @property
    def is_const(self) -> bool:
        return self.op == "const"

    @property
    def rank(self) -> int:
        return len(self.shapes[0])

    def needs(self) -> list[Node]:
        """The nodes that must be computed before this one."""
        found = list(self.args)
        for value in self.attrs.values():
            found += _nodes_in(value)
        return found


def _nodes_in(value: Any) -> list[Node]:
    if isinstance(value, Node):
        return [value]
    if isinstance(value, tuple):
        return [node for item in value for node in _nodes_in(item)]
    return []


def const(value: Number, span: Span, dtype: str | None = None) -> Node:
    """A constant number."""
    if dtype is None:
        dtype = {bool: "bool", int: "int"}.get(type(value), "float")
    if dtype == "float":
        value = float(value)
    return Node("const", (), {"value": value}, span, ((), ()), dtype, (value, value))


@dataclass(slots=True)
class Parameter:
    """A number of the text that a slider can move. `fixed` says it had to be folded."""

    name: str
    value: float
    low: float
    high: float
    step: float
    span: Span = NOWHERE
    fixed: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "step": self.step,
            "fixed": self.fixed,
            **self.span.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Part:
    """A top-level summand of the loss: its sign is part of `node`."""

    text: str
    span: Span
    node: Node
    sign: int


@dataclass
class Program:
    """A text understood: its result, its parameters, and what there is to say about it."""

    text: str
    result: Node
    parameters: dict[str, Parameter]
    parts: list[Part]
    warnings: list[Remark]
    notes: list[Remark]
    order: list[Node] = field(default_factory=list)
    labels: dict[Node, str] = field(default_factory=dict)  # what a node was called
    provided: Any = None  # what the run has (`inputs.Provided`), where it has said so

    def fragment(self, span: Span) -> str:
        """The typed characters of a span, on one line."""
        return " ".join(Source(self.text).fragment(span).split())

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the tensors it takes, in order of first use."""
        names = [n.attrs["name"] for n in self.order if n.op == "input"]
        return tuple(dict.fromkeys(names))

    @property
    def shape_kind(self) -> str:
        """`()`, `(B,)`, `(B, 1)`, `(B, C)`."""
        return describe(self.result)


def topological(root: Node, args: Mapping[int, tuple[Node, ...]] | None = None) -> list[Node]:
    """All nodes below `root`, each after what it needs, in the order of evaluation.

    `args` may give the arguments of a node, by its id, in an order other than its own.
    """
    order: list[Node] = []
    done: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            order.append(node)
            continue
        stack.append((node, True))
        needs = node.needs()
        if args is not None:
            needs[: len(node.args)] = args[id(node)]
        stack += [(need, False) for need in reversed(needs) if id(need) not in done]
    return order


def folded(root: Node, known: dict[Node, T], step: Callable[[Node], T]) -> T:
    """What `step` makes of a node from what is known of its arguments; each node is done once."""
    stack = [root]
    while stack:
        node = stack[-1]
        missing = [a for a in node.args if a not in known] if node not in known else []
        if missing:
            stack += missing
            continue
        if node not in known:
            known[node] = step(node)
        stack.pop()
    return known[root]


def describe(node: Node, num_classes: int = 10) -> str:
    """A shape in letters, such as (B, C): what a visitor knows it by."""
    return describe_shapes(node.shapes, num_classes)


def describe_shapes(
    shapes: tuple[Shape, Shape],
    num_classes: int = 10,
    own: Callable[[int, int], str | None] = lambda one, two: None,
) -> str:
    """The same of sizes; `own` knows letters beside B, C and D."""
    letters = [
        own(one, two) or letter(one, two, num_classes) for one, two in zip(*shapes, strict=True)
    ]
    return "(" + ", ".join(letters) + ("," if len(letters) == 1 else "") + ")"


def letter(one: int, two: int, num_classes: int | None = None) -> str:
    """A size seen at both batch sizes, as a visitor knows it: B, C, D, 10B or a number."""
    if (one, two) == BATCHES:
        return "B"
    if (one, two) == WIDTHS:
        return "D"
    if one == two:
        return "C" if one == num_classes else str(one)
    for name, (small, large) in (("B", BATCHES), ("D", WIDTHS)):
        if one * large == two * small and one % small == 0:
            return f"{one // small}{name}"
    for name, (small, large) in (("B * B", BATCHES), ("D * D", WIDTHS)):
        if (one, two) == (small**2, large**2):
            return name
    return "?"
