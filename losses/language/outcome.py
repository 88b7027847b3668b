"""What comes out of a text: whether it is a loss, or a metric, and its terms."""

from __future__ import annotations

from dataclasses import dataclass

from losses.catalog import KERAS_NAMES

from . import averages, masks
from . import structure as st
from .build import Builder, Items, Special, Text, Value, letters
from .errors import LossError, Span
from .graph import BATCHES, WIDTHS, Node, Part, topological
from .syntax import Tree


@dataclass
class Outcome:
    """What is made of the last value of a text."""

    tree: Tree
    b: Builder
    metric: bool

    @property
    def what(self) -> str:
        return "metric" if self.metric else "loss"

    def finished(self, value: Value, span: Span) -> Node:
        """The node that a text ends with; raises `LossError` where it is no loss, and no metric."""
        self.b.at = span
        if isinstance(value, Text):
            raise quoted(value.text, self.what, span)
        if isinstance(value, Special):
            raise LossError(f"{value.name} is not a {self.what}", span, hint="return a tensor")
        if isinstance(value, Items):
            raise LossError(
                f"a list is not a {self.what}",
                span,
                hint="return one tensor; add several terms with +",
            )
        node = self.b.tensor(value)
        if node in self.b.chosen:
            node = masks.settled(self.b, node)
        node = averages.by_sample(self.b, node)
        used = {n.attrs["name"] for n in topological(node) if n.op == "input"}
        if node.dtype != "float":
            if not self.metric:
                kind = "whole numbers" if node.dtype == "int" else "true and false"
                raise LossError(
                    f"the result holds {kind}, which have no gradient",
                    span,
                    hint="a loss is made of differentiable steps",
                )
            node = self.b.floats(node)
        if not any(self.b.inputs[name].learnt for name in used):
            raise LossError(
                "the metric does not use the prediction"
                if self.metric
                else "the loss does not use the prediction, so nothing could be learnt",
                span,
                hint=self.learnt(),
            )
        node = self.one_number(node, span)
        self.check_shape(node, span)
        target = self.target()
        if target and not any(self.b.inputs[name].is_label for name in used) and not self.metric:
            self.b.warn(
                "no-target",
                f"the loss ignores {target}: it cannot tell right from wrong",
                f"compare {self.named_inputs()[1]} with {target}",
                span,
            )
        return node

    def named_inputs(self) -> tuple[str, str]:
        """What the run calls the target and the prediction."""
        own = self.b.provided.pair if self.b.provided is not None else ("y_true", "y_pred")
        return own[0] or "y_true", own[1] or "y_pred"

    def target(self) -> str:
        """What the run calls the target; "" where it has none."""
        return self.b.provided.pair[0] if self.b.provided is not None else "y_true"

    def learnt(self) -> str:
        """Which inputs a gradient comes to, for a hint."""
        if self.b.provided is None or "logits" in self.b.provided.inputs:
            return "use y_pred (or logits, features)"
        found = [n for n, each in self.b.provided.offered.items() if each.role == "prediction"]
        return f"use {' or '.join([', '.join(found[:-1]), found[-1]] if found[1:] else found)}"

    def one_number(self, node: Node, span: Span) -> Node:
        """Of a tensor with one entry, that; of one value a class, summed over the batch, the
        mean, which is what Keras makes of it."""
        if node.rank and {*node.shapes[0], *node.shapes[1]} == {1}:
            return st.squeeze(self.b, node)
        per_class = node.shapes == ((self.b.num_classes,),) * 2
        if not per_class or any(w.code == "one-sample" for w in self.b.warnings):
            return node
        self.b.warn(
            "per-class",
            "the result is (C,), one value a class of all samples together: Keras takes the mean "
            "over the classes",
            "write mean(...) around it; one value a sample, (B,), is axis=-1",
            span,
        )
        return st.reduce(self.b, "mean", node)

    def check_shape(self, node: Node, span: Span) -> None:
        shown = letters(node, self.b)
        shapes = node.shapes
        batch = len(shapes[0]) > 0 and (shapes[0][0], shapes[1][0]) == BATCHES
        if node.rank == 0 or (node.rank == 1 and batch):
            return
        if batch and node.rank == 2 and (shapes[0][1], shapes[1][1]) == (1, 1):
            return self.b.warn(
                "column",
                "the result is (B, 1), not (B,): Keras averages it all the same",
                "drop keepdims=True in the last step",
                span,
            )
        kind = self.spread(node) if batch else ""
        if kind:
            axes = "-1" if node.rank == 2 else str(tuple(range(1, node.rank)))
            return self.b.warn(
                "per-class",
                f"the result is {shown}, one value a {kind}: the mean over all is "
                + ("taken" if self.metric else "minimised"),
                f"add sum(..., axis={axes}) or mean(..., axis={axes})",
                span,
            )
        single = next((w for w in self.b.warnings if w.code == "one-sample"), None)
        if single is not None and not batch:
            raise LossError(
                f"this takes a single sample of the batch, and the {self.what} needs all of them",
                single.span,
                hint=single.hint,
            )
        hint = "reduce it with sum(..., axis=-1) or mean(..., axis=-1)"
        if not batch and node.rank == 1:
            hint = "axis=0 is the batch: to reduce over the classes write axis=-1"
        if shown == "(B, B)":
            hint = "(B, 1) with (B,) gives (B, B): use keepdims=True on both sides, or on neither"
        raise LossError(
            f"the result has the size {shown}; a {self.what} is one value a sample, (B,), or one "
            "number",
            span,
            hint=hint,
        )

    def spread(self, node: Node) -> str:
        """Of what a result of more than one axis, the batch first, has a value: of a class, or of
        the entries of an input that is as large but for its last axes; "" of neither."""
        width = (node.shapes[0][-1], node.shapes[1][-1])
        if node.rank == 2 and width in (WIDTHS, (self.b.num_classes,) * 2):
            return "class"
        for name in sorted(self.b.inputs_of(node) & self.b.own_inputs):
            sizes = self.b.sizes.of(self.b.inputs[name])
            if all(one[: node.rank] == two for one, two in zip(sizes, node.shapes, strict=True)):
                return "entry"
        return ""

    def parts(self, result: Node) -> list[Part]:
        """The top-level summands, each with the text it was typed as."""
        found: list[Part] = []
        stack: list[tuple[Node, int]] = [(result, 1)]
        while stack:
            node, sign = stack.pop()
            if node.op in ("add", "sub") and len(found) + len(stack) < 12:
                left, right = node.args
                stack.append((right, sign if node.op == "add" else -sign))
                stack.append((left, sign))
            elif node.op == "cast" and node.attrs["implicit"]:
                stack.append((node.args[0], sign))
            elif not (node.is_const and node.attrs["value"] == 0 and (found or stack)):
                text = " ".join(self.tree.source.fragment(node.span).split())
                found.append(Part(text, node.span, node, sign))
        return found


def quoted(text: str, what: str, span: Span) -> LossError:
    """A loss's name in quotes, or another text."""
    fix = f"{text}()" if text in KERAS_NAMES else None
    hint = f"for the named loss write {fix}" if fix else "remove the quotes"
    return LossError(f"a text in quotes is not a {what}", span, hint=hint, fix=fix)
