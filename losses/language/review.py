"""What looks wrong in a loss that is right as far as the language goes."""

from __future__ import annotations

from .build import Builder
from .graph import Node, Program
from .inputs import PREDICTIONS

STEPS = ("floor", "ceil", "round", "sign", "floordiv")
CUTS = ("argmax", "argmin", "argsort", "eq", "ne", "lt", "le", "gt", "ge", "stop_gradient",
        "cast_int", *STEPS)  # fmt: skip


def review(program: Program, b: Builder) -> None:
    """Add warnings that can be read off the graph."""
    order = program.order
    depends = prediction_nodes(order)
    for node in order:
        if node.op == "log" and _is_input(node.args[0], "y_true"):
            b.warn(
                "log-of-target",
                "log(y_true) is -inf wherever the one-hot target is 0: are the arguments swapped?",
                "write log(y_pred)",
                node.span,
            )
        if node.op == "div" and _is_input(node.args[1], "y_true"):
            b.warn(
                "divide-by-target",
                "this divides by y_true, which is 0 for every class but one",
                "add epsilon() to the denominator",
                node.span,
            )
        if node.op in STEPS and id(node.args[0]) in depends:
            b.warn(
                "no-gradient",
                f"{node.op} has a zero gradient: nothing is learnt through it",
                "leave it out of the loss",
                node.span,
            )
    _check_batch_size(program, b)
    live = gradient_nodes(order)
    if id(program.result) not in live:
        first = next((n for n in order if n.op in CUTS and id(n.args[0]) in live), None)
        first = first or next((n for n in order if n.op == "cast" and id(n.args[0]) in live), None)
        name = first.op if first is not None else "this"
        b.warn(
            "no-gradient-path",
            f"the gradient does not reach the prediction (it ends at {name}): nothing is learnt",
            "use a smooth step instead, such as sigmoid or the probability itself",
            first.span if first is not None else program.result.span,
        )
    _check_reductions(order, b)


def _check_batch_size(program: Program, b: Builder) -> None:
    """A sum over the whole batch: divided by a fixed batch size, or by nothing."""
    node, scaled = program.result, False
    while node.op in ("neg", "mul", "div", "add", "sub") and not node.rank:
        const = next((a for a in node.args if a.is_const), None)
        rest = [a for a in node.args if not a.is_const]
        if len(rest) != 1:
            return
        if node.op == "div" and const is node.args[1]:
            scaled = True
            if node.args[1].attrs["value"] in (8, 16, 32, 64, 100, 128, 256, 512, 1024):
                hint = "use mean(...), or divide by shape(y_pred)[0]"
                if _is_batch_sum(rest[0]):
                    message = "this divides by a fixed batch size, and batches differ in size"
                    b.warn("fixed-batch", message, hint, node.span)
        node = rest[0]
    if _is_batch_sum(node) and not scaled:
        b.warn(
            "batch-sum",
            "this sums over the whole batch: the loss grows with the batch size",
            "use sum(..., axis=-1), one value a sample",
            node.span,
        )


def _is_batch_sum(node: Node) -> bool:
    return node.op == "sum" and node.args[0].shapes[0] != node.args[0].shapes[1] and not node.rank


def _check_reductions(order: list[Node], b: Builder) -> None:
    """A mean over the batch axis only, kept per class: (C,) is refused elsewhere."""
    for node in order:
        soft = node.op in ("softmax", "log_softmax")
        if soft and node.attrs["axis"] == 0 and node.args[0].rank > 1:
            b.warn(
                "softmax-batch",
                "this softmax runs over the batch (axis=0), not over the classes",
                "write axis=-1",
                node.span,
            )


def _is_input(node: Node, name: str) -> bool:
    return node.op == "input" and node.attrs["name"] == name


def prediction_nodes(order: list[Node]) -> set[int]:
    """The ids of nodes whose value depends on the prediction."""
    found: set[int] = set()
    for node in order:
        if node.op == "input":
            if node.attrs["name"] in PREDICTIONS:
                found.add(id(node))
        elif node.op not in ("dim", "shape", "size", "full_like") and any(
            id(a) in found for a in node.args
        ):
            found.add(id(node))
    return found


def gradient_nodes(order: list[Node]) -> set[int]:
    """The ids of nodes through which a gradient reaches the prediction."""
    found: set[int] = set()
    for node in order:
        if node.op == "input":
            if node.attrs["name"] in PREDICTIONS:
                found.add(id(node))
            continue
        if node.op in CUTS or node.dtype != "float" or node.op in ("dim", "shape", "full_like"):
            continue
        sources = node.args[1:] if node.op == "where" else node.args
        if any(id(a) in found for a in sources):
            found.add(id(node))
    return found
