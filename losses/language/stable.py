"""Forms that overflow, or lose their gradient, put into ones that do not: a pass over the graph.

| typed | computed |
|---|---|
| log(softmax(x)) | log_softmax(x) |
| log(sigmoid(x)), log(1 - sigmoid(x)) | log_sigmoid(x), log_sigmoid(-x) |
| log(1 + exp(x)) | softplus(x) |
| log(1 - exp(x)) | log(-expm1(x)) |
| log(sum(exp(x))) | logsumexp(x) |
| exp(x) / sum(exp(x)) | softmax(x) |
| 1 / (1 + exp(-x)) | sigmoid(x) |
| x * log(x), x * log(x / y), x * (log(x) - y) | 0 where x is 0 |
| sqrt(x), x**q with 0 < q < 1, where x can be 0 | the same; the slope at 0 counts as 0 |
| log(p), log1p(-p), sqrt(p), p**q with q >= 0 | from the logits, where p still knows them |

All are equal wherever both sides are finite, so a loss keeps its values; each is noted with its
place. The last line needs a word: p is y_pred, p_true, a softmax or a sigmoid, one minus such a
thing, sum(y_true * y_pred), and all that `losses.language.logarithms` can take a logarithm of.
Where a probability rounds to 0, or is clipped at 1e-7 as in Keras, a cross-entropy has no
gradient, so that what is most wrong learns nothing. Asking for `logits` in its place would change
what a loss takes; so it stays as it is where only y_pred is given, and in a training step, whose
graph knows that y_pred is a softmax and of what, the logarithm is taken from there. Keras' own
cross-entropy does the same, at the same places. A sum over the classes of a target that names none
(padding) has the logarithm 0, without a gradient.

Equal parts become one node on the way, and x**2 and x * x become square(x), so that a loss does
not depend on how it was spelled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .build import Builder
from .graph import EITHER_WAY, Node, Shape, topological
from .inputs import is_prediction
from .logarithms import KnownLogarithms
from .ranges import Range, range_of

Rule = Callable[["_Pass", Node], Node | None]


def stabilise(result: Node, b: Builder) -> Node:
    """The graph of `result` with what the table says; a note for each place it changes."""
    done = _Pass(b)
    for node in topological(result):
        made = done.shared(_on(node, done.new))
        rule = _RULES.get(made.op)
        better = rule(done, made) if rule else None
        if better is not None:
            made = done.shared(better)
        better = _from_logits(done, made)
        if better is not None:
            made = done.shared(better)
        done.new[id(node)] = made
        if node in b.labels:
            b.labels.setdefault(made, b.labels[node])
    return done.new[id(result)]


class _Pass:
    def __init__(self, b: Builder) -> None:
        self.b = b
        self.new: dict[int, Node] = {}
        self.known: dict[Any, Node] = {}
        self.ranges: dict[int, Range] = {}
        self.logarithms = KnownLogarithms()

    def shared(self, node: Node) -> Node:
        """The node, or an equal one that is already there."""
        args = [*map(id, node.args)]
        if node.op in EITHER_WAY:
            args.sort()
        key = (node.op, node.dtype, node.shapes, tuple(args), _frozen(node.attrs))
        kept = self.known.setdefault(key, node)
        if kept is node:
            self.ranges[id(node)] = range_of(
                node, [self.ranges[id(a)] for a in node.args], self.b.parameters
            )
            self.logarithms.add(node, self.ranges[id(node)][0])
        return kept

    def make(self, op: str, at: Node, *args: Node, like: Node | None = None, **attrs: Any) -> Node:
        """A float node with the place of `at`, and its size or that of `like`."""
        shapes: tuple[Shape, Shape] = (like or at).shapes
        return self.shared(Node(op, args, attrs, at.span, shapes, "float"))

    def note(self, at: Node, message: str) -> None:
        self.b.note("stable", message, at.span)

    def noted(self, node: Node, what: str) -> Node:
        """The node marked to be computed from the logits, which is noted."""
        self.note(
            node,
            f"{what} is taken from the logits while training: the gradient does not end where a "
            "probability rounds to 0",
        )
        return self.marked(node, "probability")

    def marked(self, node: Node, how: bool | str = True) -> Node:
        """The same operation, to be computed by its careful emitter, or from the logits."""
        return replace(node, attrs={**node.attrs, "stable": how})


def _on(node: Node, new: dict[int, Node]) -> Node:
    """A node on the new arguments."""
    args = tuple(new[id(a)] for a in node.args)
    attrs = {name: _renewed(value, new) for name, value in node.attrs.items()}
    same = all(a is b for a, b in zip(args, node.args, strict=True))
    if same and all(attrs[name] is value for name, value in node.attrs.items()):
        return node
    return replace(node, args=args, attrs=attrs)


def _renewed(value: Any, new: dict[int, Node]) -> Any:
    if isinstance(value, Node):
        return new[id(value)]
    if isinstance(value, tuple) and any(isinstance(v, (Node, tuple)) for v in value):
        return tuple(_renewed(v, new) for v in value)
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, Node):
        return ("node", id(value))
    if isinstance(value, tuple):
        return tuple(_frozen(v) for v in value)
    if hasattr(value, "items"):
        return tuple(sorted((name, _frozen(v)) for name, v in value.items()))
    # 1, 1.0 and True are equal to Python and not to us
    return type(value).__name__, value


def _is_one(node: Node) -> bool:
    return node.is_const and node.attrs["value"] == 1


def _one_plus(node: Node) -> Node | None:
    """x, of 1 + x or x + 1."""
    if node.op == "add":
        for one, other in (node.args, node.args[::-1]):
            if _is_one(one):
                return other
    return None


def _of(op: str, node: Node | None) -> Node | None:
    """x, where the node is op(x)."""
    return node.args[0] if node is not None and node.op == op else None


def _log(done: _Pass, node: Node) -> Node | None:
    x = node.args[0]
    if x.op == "softmax":
        done.note(node, "log(softmax(x)) is computed as log_softmax(x), which never meets log(0)")
        return replace(node, op="log_softmax", args=x.args, attrs=x.attrs)
    if x.op == "sigmoid":
        done.note(node, "log(sigmoid(x)) is computed as log_sigmoid(x), which never meets log(0)")
        return replace(node, op="log_sigmoid", args=x.args)
    inner = _of("exp", _one_plus(x))
    if inner is not None:
        done.note(node, "log(1 + exp(x)) is computed as softplus(x), which does not overflow")
        return replace(node, op="softplus", args=(inner,))
    if x.op == "sub" and _is_one(x.args[0]):
        inner = _of("sigmoid", x.args[1])
        if inner is not None:
            done.note(
                node, "log(1 - sigmoid(x)) is computed as log_sigmoid(-x), which never meets log(0)"
            )
            return replace(node, op="log_sigmoid", args=(done.make("neg", x, inner),))
        inner = _of("exp", x.args[1])
        if inner is not None:
            done.note(node, "1 - exp(x) is computed as -expm1(x), which keeps small differences")
            return replace(node, args=(done.make("neg", x, done.make("expm1", x, inner)),))
    inner = _of("exp", _of("sum", x))
    if inner is not None:
        done.note(node, "log(sum(exp(x))) is computed as logsumexp(x), which does not overflow")
        return replace(node, op="logsumexp", args=(inner,), attrs=x.attrs)
    return None


def _from_logits(done: _Pass, node: Node) -> Node | None:
    """Logarithms and fractional powers of probabilities."""
    if node.dtype != "float" or node.op not in _FROM_LOGITS:
        return None
    if node.attrs.get("stable") == "probability":
        return None
    x = node.args[0]
    of_x = done.logarithms[x]
    if node.op == "log1p":
        if x.op != "neg" or not done.logarithms[x.args[0]].usable[1]:
            return None
        return done.noted(node, "this logarithm")
    if node.op == "xlogy":
        inner = done.logarithms[node.args[1]]
        top = node.args[1].op == "div" and node.args[1].args[0] is x
        finite = inner.positive or (top and done.logarithms[node.args[1].args[1]].positive)
        return done.noted(node, "this logarithm") if inner.usable[0] and finite else None
    if not (of_x.has[0] and of_x.positive):
        return None
    if node.op == "pow" and done.ranges[id(node.args[1])][0] < 0:
        return None
    what = "this power" if node.op in ("pow", "sqrt") else "this logarithm"
    known = is_prediction(x) and node.op == "log"
    return done.noted(node, f"log({x.attrs['name']})" if known else what)


_FROM_LOGITS = ("log", "log2", "log10", "log1p", "xlogy", "pow", "sqrt")


def _log1p(done: _Pass, node: Node) -> Node | None:
    inner = _of("exp", node.args[0])
    if inner is None:
        return None
    done.note(node, "log1p(exp(x)) is computed as softplus(x), which does not overflow")
    return replace(node, op="softplus", args=(inner,))


def _div(done: _Pass, node: Node) -> Node | None:
    top, bottom = node.args
    x = _of("exp", top)
    total = bottom.attrs if bottom.op == "sum" else {}
    if x is not None and bottom.op == "sum" and bottom.args[0] is top:
        axis = total["axis"]
        if isinstance(axis, int) and total["keepdims"]:
            done.note(node, "exp(x) / sum(exp(x)) is computed as softmax(x), which cannot overflow")
            return replace(node, op="softmax", args=(x,), attrs={"axis": axis})
    inner = _of("exp", _one_plus(bottom))
    if _is_one(top) and inner is not None:
        done.note(node, "1 / (1 + exp(-x)) is computed as sigmoid(x), which does not overflow")
        back = _of("neg", inner)
        inner = back if back is not None else done.make("neg", inner, inner)
        return replace(node, op="sigmoid", args=(inner,))
    return None


_AT_ZERO = "x * log(x) counts as 0 where x is 0"


def _vanishes_with(x: Node, a: Node) -> bool:
    """Whether x is 0 wherever a is: a itself, or a times or divided by something."""
    if x is a:
        return True
    if x.op == "mul":
        return any(y is a for y in x.args)
    return x.op == "div" and x.args[0] is a


def _mul(done: _Pass, node: Node) -> Node | None:
    if node.args[0] is node.args[1] and node.dtype == "float":
        return replace(node, op="square", args=node.args[:1])
    for a, other in (node.args, node.args[::-1]):
        if done.ranges[id(a)][0] > 0 or other.attrs.get("stable") == "probability":
            continue
        inner = _of("log", other)
        if inner is not None and _vanishes_with(inner, a):
            done.note(node, _AT_ZERO)
            return replace(node, op="xlogy", args=(a, inner))
        if other.op == "sub" and _of("log", other.args[0]) is a:
            done.note(node, _AT_ZERO)
            left = done.make("xlogy", node, a, a, like=a)
            return replace(node, op="sub", args=(left, done.make("mul", node, a, other.args[1])))
    return None


def _sqrt(done: _Pass, node: Node) -> Node | None:
    if done.ranges[id(node.args[0])][0] > 0:
        return None
    done.note(node, "the slope of a root is infinite at 0: there it counts as 0")
    return done.marked(node)


def _pow(done: _Pass, node: Node) -> Node | None:
    base, exponent = node.args
    if node.dtype == "float" and exponent.is_const and exponent.attrs["value"] in (2, 0.5):
        root = exponent.attrs["value"] == 0.5
        made = replace(node, op="sqrt" if root else "square", args=(base,))
        return (_sqrt(done, made) or made) if root else made
    now = exponent.static[0] if exponent.static else 1
    if node.dtype != "float" or done.ranges[id(base)][0] > 0 or not 0 < now < 1:
        return None
    done.note(node, "the slope of a root is infinite at 0: there it counts as 0")
    return done.marked(node)


_RULES: dict[str, Rule] = {
    "log": _log,
    "log1p": _log1p,
    "div": _div,
    "mul": _mul,
    "sqrt": _sqrt,
    "pow": _pow,
}
