"""The cross-entropies of the backends, from probabilities and from logits."""

from __future__ import annotations

from . import elementwise as el
from . import lookups, sizes
from . import structure as st
from .build import Builder
from .graph import Node
from .operands import Apply, Arguments, single_axis
from .review import is_probability, warn_of_swap


def softmax(op: str) -> Apply:
    return lambda b, a: st.along(b, op, a["x"], single_axis(b, a["axis"]))


def categorical(b: Builder, a: Arguments) -> Node:
    """-sum_c y log p, p normalised and clipped as Keras does; or from logits."""
    y, p, axis = a["target"], a["output"], single_axis(b, a["axis"])
    if is_a_chance(y, p) and not a["from_logits"]:
        return binary_ce(b, a)
    warn_of_swap(b, "categorical_crossentropy", y, p)
    if a["from_logits"]:
        return softmax_ce(b, {"labels": y, "logits": p, "axis": axis})
    if y.rank < p.rank and (refused := lookups.needs_one_hot(b, y)) is not None:
        raise refused
    st.sizes_of(b, lambda k: sizes.broadcast(y.shapes[k], p.shapes[k]), 0)
    p = el.binary(b, "div", p, st.reduce(b, "sum", p, axis, True))
    p = el.clip(b, p, b.const(1e-7), b.const(1 - 1e-7))
    product = el.binary(b, "mul", y, el.unary(b, "log", p))
    return el.unary(b, "neg", st.reduce(b, "sum", product, axis))


def is_a_chance(y: Node, p: Node) -> bool:
    """Whether a prediction is one probability a sample, of which the cross-entropy is the binary
    one: of the class, and of its complement. (Of a row of classes that is no row it would be a sum
    over the batch.)"""
    return y.rank == p.rank == 1 and p.op == "input" and p.attrs["of"].values == "unit"


def softmax_ce(b: Builder, a: Arguments) -> Node:
    y, z, axis = a["labels"], a["logits"], single_axis(b, a["axis"])
    warn_of_swap(b, "softmax_cross_entropy_with_logits", y, z)
    warn_of_logits(b, z)
    log_p = st.along(b, "log_softmax", z, axis)
    return el.unary(b, "neg", st.reduce(b, "sum", el.binary(b, "mul", y, log_p), axis))


def warn_of_logits(b: Builder, z: Node) -> None:
    if is_probability(z, b):
        name = z.attrs["name"] if z.op == "input" else "this"
        b.warn(
            "from-logits",
            f"{name} holds probabilities, not logits: softmax or sigmoid is applied a second time",
            "use the input named logits, or drop from_logits=True",
        )


def sparse(b: Builder, a: Arguments) -> Node:
    y, p = lookups.column(b, a["target"]), a["output"]
    if y.rank == p.rank:
        raise lookups.needs_labels(b, y)
    lookups.needs_numbers(b, y, p.shapes[0][-1], b.blame.get("target") or b.blame.get("labels"))
    hot = st.one_hot(b, b.cast(y, "int"), p.shapes[0][-1])
    return categorical(b, {**a, "target": hot, "output": p})


def binary_ce(b: Builder, a: Arguments) -> Node:
    """-(y log p + (1-y) log(1-p)), elementwise."""
    y, p, one = a["target"], a["output"], b.const(1.0)
    warn_of_swap(b, "binary_crossentropy", y, p)
    if a["from_logits"]:
        return sigmoid_ce(b, {"labels": y, "logits": p})
    p = el.clip(b, p, b.const(1e-7), b.const(1 - 1e-7))
    left = el.binary(b, "mul", y, el.unary(b, "log", p))
    other = el.unary(b, "log", el.binary(b, "sub", one, p))
    right = el.binary(b, "mul", el.binary(b, "sub", one, y), other)
    return el.unary(b, "neg", el.binary(b, "add", left, right))


def sigmoid_ce(b: Builder, a: Arguments) -> Node:
    y, z = a["labels"], a["logits"]
    warn_of_swap(b, "sigmoid_cross_entropy_with_logits", y, z)
    warn_of_logits(b, z)
    return el.binary(b, "sub", el.unary(b, "softplus", z), el.binary(b, "mul", y, z))


def weighted_ce(b: Builder, a: Arguments) -> Node:
    """sigmoid_ce, its positive half times a weight: (1-y) z + (1 + (w-1) y) softplus(-z)."""
    y, z, one = a["labels"], a["logits"], b.const(1.0)
    warn_of_swap(b, "weighted_cross_entropy_with_logits", y, z)
    warn_of_logits(b, z)
    more = el.binary(b, "mul", el.binary(b, "sub", a["pos_weight"], one), y)
    push = el.unary(b, "softplus", el.unary(b, "neg", z))
    pull = el.binary(b, "mul", el.binary(b, "sub", one, y), z)
    return el.binary(b, "add", pull, el.binary(b, "mul", el.binary(b, "add", one, more), push))


def l2_loss(b: Builder, a: Arguments) -> Node:
    half = b.const(0.5)
    return el.binary(b, "mul", half, st.reduce(b, "sum", el.unary(b, "square", a["x"])))


APPLY: dict[str, Apply] = {
    "categorical_crossentropy": categorical,
    "sparse_categorical_crossentropy": sparse,
    "binary_crossentropy": binary_ce,
    "softmax_ce": softmax_ce,
    "sparse_ce": lambda b, a: sparse(
        b, {"target": a["labels"], "output": a["logits"], "from_logits": True, "axis": -1}
    ),
    "sigmoid_ce": sigmoid_ce,
    "weighted_ce": weighted_ce,
    "l2_loss": l2_loss,
}
