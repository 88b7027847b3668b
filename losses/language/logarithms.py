"""Which parts of a graph have a logarithm that can be told from the logits, and that logarithm.

log(y_pred), log(1 - y_pred), log(sum(y_true * y_pred)), of softmax(x) or sigmoid(x) in their place,
and of what products, quotients, sums of nonnegative things, choices, powers and places make of
them: all are computed in logarithms from the start, by `losses.probabilities`, so that none rounds
to log(0). `KnownLogarithms` decides before anything is computed; `Logarithms` computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from losses import probabilities as prob
from losses.loss_info import Tensor, ops

from .graph import Node
from .inputs import is_chance, is_distribution, is_prediction

DEEP = 24  # operations from the probabilities to a logarithm of them
# These only move numbers, or choose among them: they go before a logarithm as well as after it.
_MOVED = ("reshape", "squeeze", "expand_dims", "transpose", "slice", "take", "take_along_axis",
          "broadcast_to", "tile", "repeat", "flip", "roll")  # fmt: skip
_CHOSEN = ("max", "min")
_MADE = ("softmax", "sigmoid")


def is_leaf(node: Node) -> bool:
    """Whether a node holds probabilities of which logits can be known."""
    if node.op == "input":
        return is_chance(node)
    return node.op in _MADE


def is_same(node: Node) -> bool:
    return node.op == "cast" and node.dtype == "float" == node.args[0].dtype


def is_guard(node: Node) -> bool:
    """Whether a node is clip(x, 1e-7, 1 - 1e-7): the clip that y_pred has in any case, as Keras
    has it, and for the same reason."""
    bounds = [a.attrs["value"] for a in node.args[1:] if a.is_const]
    return node.op == "clip" and bounds == [prob.EPSILON, 1 - prob.EPSILON]


def _is_one(node: Node) -> bool:
    one = node.op == "full_like" and node.attrs["value"] == 1
    return one or (node.is_const and node.attrs["value"] == 1)


def complement(node: Node) -> Node | None:
    """x, of 1 - x."""
    return node.args[1] if node.op == "sub" and _is_one(node.args[0]) else None


def weighted(node: Node) -> tuple[Node, Node] | None:
    """a and p, of sum(a * p) over the classes of probabilities p."""
    if node.op == "sum" and node.args[0].op == "mul":
        for a, p in (node.args[0].args, node.args[0].args[::-1]):
            over = node.attrs["axis"] in (-1, p.rank - 1)
            if _classes(p) and over and node.args[0].shapes == p.shapes:
                return a, p
    return None


def _classes(node: Node) -> bool:
    """Whether a node holds probabilities that add up to one over its last axis."""
    last = node.op == "softmax" and node.attrs["axis"] in (-1, node.rank - 1)
    return last or is_distribution(node)


def mixed(node: Node) -> tuple[Node, Node, Node, Node] | None:
    """a, x, 1 - a and y, of a * x + (1 - a) * y."""
    if node.op != "add" or any(part.op != "mul" for part in node.args):
        return None
    for one, other in (node.args, node.args[::-1]):
        for a, x in (one.args, one.args[::-1]):
            for b, y in (other.args, other.args[::-1]):
                if complement(b) is a:
                    return a, x, b, y
    return None


@dataclass(frozen=True, slots=True)
class KnownLogarithm:
    """Of a node and, in the second of each pair, of one minus it. `has`: whether there is something
    in it whose logarithm is known better than its value; `depth`: through how many operations.
    `usable`: whether neither it nor what it is made of can be negative; `positive`: nor 0, or only
    as a sum over no class."""

    has: tuple[bool, bool] = (False, False)
    usable: tuple[bool, bool] = (False, False)
    positive: bool = False
    depth: int = 0


class KnownLogarithms:
    """What is known of the nodes of a graph; each is added after its arguments."""

    def __init__(self) -> None:
        self._of: dict[int, KnownLogarithm] = {}

    def __getitem__(self, node: Node) -> KnownLogarithm:
        return self._of[id(node)]

    def add(self, node: Node, low: float = 0.0) -> None:
        """Works a node out; `low` is the least value it can have."""
        depth = 1 + max((self[a].depth for a in node.args), default=0)
        has = (self._has(node), self._has_rest(node))
        if depth > DEEP:
            has = (False, False)
        if not any(has):
            self._of[id(node)] = KnownLogarithm(usable=(low >= 0, False), positive=low > 0)
            return
        usable = (self._usable(node) if has[0] else low >= 0, has[1] and self._usable_rest(node))
        positive = usable[0] and (self._positive(node) if has[0] else low > 0)
        self._of[id(node)] = KnownLogarithm(has, usable, positive, depth)

    def _any(self, nodes: Iterable[Node]) -> bool:
        return any(self[a].has[0] for a in nodes)

    def _has(self, node: Node) -> bool:
        inner = complement(node)
        if is_leaf(node) or (inner is not None and self[inner].has[1]):
            return True
        if is_same(node) or is_guard(node):
            return self[node.args[0]].has[0]
        if node.op in (*_MOVED, *_CHOSEN, "sum", "pow", "sqrt", "square"):
            return self[node.args[0]].has[0]
        if node.op == "minimum":
            return self._any(node.args) and any(a.is_const for a in node.args)
        if node.op == "add":  # + epsilon is a guard of its own
            return self._any(node.args) and not any(a.is_const for a in node.args)
        if node.op in ("mul", "div"):
            return self._any(node.args)
        return node.op == "where" and self._any(node.args[1:])

    def _has_rest(self, node: Node) -> bool:
        if is_leaf(node) or weighted(node) is not None:
            return True
        inner, mixture = complement(node), mixed(node)
        if inner is not None:
            return self[inner].has[0]
        if is_same(node) or is_guard(node) or node.op in _MOVED:
            return self[node.args[0]].has[1]
        if mixture is not None:
            return self[mixture[1]].has[1] and self[mixture[3]].has[1]
        return node.op == "where" and all(self[a].has[1] for a in node.args[1:])

    def _usable(self, node: Node) -> bool:
        inner = complement(node)
        if is_leaf(node) or inner is not None:
            return inner is None or self[inner].usable[1]
        if node.op == "pow" or is_guard(node) or node.op in _MOVED:
            return self[node.args[0]].usable[0]
        return all(self[a].usable[0] for a in node.args[node.op == "where" :])

    def _usable_rest(self, node: Node) -> bool:
        sum_, mixture, inner = weighted(node), mixed(node), complement(node)
        if sum_ is not None:
            return self[sum_[0]].usable[0]
        if mixture is not None:
            a, x, b, y = mixture
            return all(self[n].usable[0] for n in (a, b)) and all(self[n].usable[1] for n in (x, y))
        if inner is not None:
            return self[inner].usable[0]
        if is_same(node) or is_guard(node) or node.op in _MOVED:
            return self[node.args[0]].usable[1]
        return all(self[a].usable[1] for a in node.args[node.op == "where" :])

    def _positive(self, node: Node) -> bool:
        if is_leaf(node) or complement(node) is not None:
            return True
        if node.op in ("sum", "max"):
            inner = node.args[0]
            return (inner.op == "mul" and self._any(inner.args)) or self[inner].positive
        if node.op == "add":
            each = [self[a] for a in node.args]
            return any(f.positive for f in each) or all(f.has[0] for f in each)
        if node.op in ("mul", "div", "minimum", "where"):
            return all(self[a].positive for a in node.args[node.op == "where" :])
        return self[node.args[0]].positive


class Logarithms:
    """The logarithms of a run's nodes, of whose values some are known. `attrs` gives a node's
    attributes with the sizes in them worked out, `emit` computes an operation from them."""

    def __init__(
        self,
        order: list[Node],
        values: Mapping[int, Tensor],
        tensors: Mapping[str, Tensor],
        attrs: Callable[[Node], dict[str, Any]],
        emit: Mapping[str, Callable[..., Tensor]],
    ) -> None:
        self._values, self._tensors, self._attrs, self._emit = values, tensors, attrs, emit
        self._kinds: dict[str, str | None] = {}  # of a prediction: Softmax, Sigmoid or neither
        self._done: dict[tuple[int, bool], Tensor] = {}
        self._logarithms, self._known = KnownLogarithms(), dict[int, bool]()
        for node in order:
            self._logarithms.add(node)
            self._known[id(node)] = (
                self._knows(node) if is_leaf(node) else all(self._known[id(a)] for a in node.args)
            )

    def _knows(self, leaf: Node) -> bool:
        if leaf.op != "input":
            return True
        if is_prediction(leaf):
            return self._kind(leaf.attrs["name"]) is not None
        return self._kind("y_pred") is not None and "y_true" in self._tensors

    def _kind(self, name: str) -> str | None:
        """What made a prediction of logits, where that is known."""
        if name not in self._kinds:
            given = self._tensors.get(name)
            made = prob.made_of(given) if given is not None else None
            self._kinds[name] = made[0] if made is not None else None
        return self._kinds[name]

    def known(self, node: Node) -> bool:
        """Whether the logits of all probabilities below a node are known."""
        return self._known[id(node)]

    def log(self, node: Node) -> Tensor:
        """The logarithm of a node that is `positive`; 0 of a sum over no class."""
        return prob.counted(self.of(node))

    def of(self, node: Node) -> Tensor:
        """The logarithm of a node; NOTHING of 0."""
        return self._once(node, False)

    def rest(self, node: Node) -> Tensor:
        """log(1 - x) of a node x."""
        return self._once(node, True)

    def _once(self, node: Node, rest: bool) -> Tensor:
        key = (id(node), rest)
        if key not in self._done:
            self._done[key] = self._rest(node) if rest else self._log(node)
        return self._done[key]

    def _log(self, node: Node) -> Tensor:
        if not self._logarithms[node].has[0]:
            return prob.logarithm(self._values[id(node)])
        if is_leaf(node):
            return self._of_leaf(node)
        inner = complement(node)
        if inner is not None:
            return self.rest(inner)
        if is_same(node) or is_guard(node):
            known = is_same(node) or self.known(node)
            return self.of(node.args[0]) if known else prob.log_held(self._values[id(node)])
        if node.op in (*_MOVED, *_CHOSEN):
            return self._moved(node, self.of)
        if node.op == "sum":
            a = node.attrs
            return prob.log_sum(self.of(node.args[0]), a["axis"], a["keepdims"])
        if node.op == "where":
            condition = self._values[id(node.args[0])]
            return ops.where(condition, *map(self.of, node.args[1:]))
        if node.op == "pow":
            return self._values[id(node.args[1])] * self.of(node.args[0])
        if node.op in ("sqrt", "square"):
            return (0.5 if node.op == "sqrt" else 2.0) * self.of(node.args[0])
        return _JOINED[node.op](*map(self.of, node.args))

    def _rest(self, node: Node) -> Tensor:
        sum_, mixture, inner = weighted(node), mixed(node), complement(node)
        if not self._logarithms[node].has[1]:
            return prob.logarithm(1 - self._values[id(node)])
        if is_leaf(node):
            return self._rest_of_leaf(node)
        if sum_ is not None:
            a, p = sum_
            if p.op == "softmax" or self._kind(p.attrs["name"]) == "Softmax":
                rest = prob.logarithm(1 - self._values[id(a)])
                return prob.log_sum(rest + self.of(p), -1, node.attrs["keepdims"])
            return prob.log_held(1 - self._values[id(node)])
        if inner is not None:
            return self.of(inner)
        if is_same(node) or is_guard(node):
            known = is_same(node) or self.known(node)
            return self.rest(node.args[0]) if known else prob.log_held(1 - self._values[id(node)])
        if node.op in _MOVED:
            return self._moved(node, self.rest)
        if mixture is not None:
            a, x, b, y = mixture
            one, other = (prob.logarithm(self._values[id(n)]) for n in (a, b))
            return ops.logaddexp(one + self.rest(x), other + self.rest(y))
        condition = self._values[id(node.args[0])]
        return ops.where(condition, *map(self.rest, node.args[1:]))

    def _moved(self, node: Node, take: Callable[[Node], Tensor]) -> Tensor:
        others = [self._values[id(a)] for a in node.args[1:]]
        return self._emit[node.op](self._attrs(node), take(node.args[0]), *others)

    def _of_leaf(self, node: Node) -> Tensor:
        if node.op == "softmax":
            return ops.log_softmax(self._values[id(node.args[0])], axis=node.attrs["axis"])
        if node.op == "sigmoid":
            return ops.log_sigmoid(self._values[id(node.args[0])])
        known, value = self.known(node), self._values[id(node)]
        if is_prediction(node):
            given = self._tensors[node.attrs["name"]]
            return prob.log_p(given) if known else prob.log_held(value)
        if "y_true" not in self._tensors:
            return prob.log_held(value)
        y_true = ops.cast(self._tensors["y_true"], "float32")
        if known:
            return prob.log_sum(prob.logarithm(y_true) + prob.log_p(self._tensors["y_pred"]))
        meant = ops.any(y_true > 0, axis=-1)
        return ops.where(meant, prob.log_held(value), prob.NOTHING)

    def _rest_of_leaf(self, node: Node) -> Tensor:
        if node.op == "softmax" and node.attrs["axis"] in (-1, node.rank - 1):
            return prob.log_rest_of_softmax(self._values[id(node.args[0])])
        if node.op == "sigmoid":
            return ops.log_sigmoid(-self._values[id(node.args[0])])
        if node.op == "softmax" or not self.known(node):
            return prob.log_held(1 - self._values[id(node)])
        if is_prediction(node):
            return prob.log_rest(self._tensors[node.attrs["name"]])
        y_true = ops.cast(self._tensors["y_true"], "float32")
        return prob.log_false(y_true, self._tensors["y_pred"])


_JOINED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mul": lambda x, y: x + y,
    "div": lambda x, y: x - y,
    "add": lambda x, y: ops.logaddexp(x, y),
    "minimum": lambda x, y: ops.minimum(x, y),
}
