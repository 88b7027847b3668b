"""Trying a loss on small fixed batches: what only numbers show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from losses.gradient import gradient_of

from . import emit
from .draws import batch, drawn, extreme, own
from .errors import LossError, Remark, quote
from .graph import Node, Parameter, Program
from .inputs import INPUTS, OF_THE_PROBABILITY, Provided
from .ranges import ranges
from .review import prediction_nodes


class TriedLoss(Protocol):
    """What is asked of a written loss to try it: `losses.WrittenLoss` is one."""

    program: Program
    inputs: tuple[str, ...]
    num_classes: int
    parameters: dict[str, Parameter]
    provided: Provided | None

    @property
    def warnings(self) -> list[Remark]:
        """The remarks, which what is found is added to."""

    def gather(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that the loss takes, out of tensors by name."""

    def on(self, tensors: Mapping[str, Any]) -> Any:
        """The batch mean."""

    def parameter_values(self) -> dict[str, Any]:
        """The value of each parameter by name."""


def gradients(loss: TriedLoss, tensors: Mapping[str, Any]) -> tuple[float, dict[str, np.ndarray]]:
    """The batch mean, and its gradient with respect to each prediction it takes.

    Where it takes y_pred, the gradient by what goes into the softmax is given as `softmax`.
    """
    known = {**INPUTS, **own(loss)}
    names = [n for n in loss.inputs if known[n].learnt]
    given = {n: tf.convert_to_tensor(v) for n, v in loss.gather(tensors).items()}
    with tf.GradientTape() as tape:
        tape.watch([given[n] for n in names])
        value = loss.on(given)
    found = gradient_of(tape, value, [given[n] for n in names])
    result = {n: np.asarray(g) for n, g in zip(names, found, strict=True)}
    if "y_pred" in result and known["y_pred"] is INPUTS["y_pred"]:
        g, p = result["y_pred"].astype("float64"), np.asarray(given["y_pred"]).astype("float64")
        with np.errstate(invalid="ignore"):
            result["softmax"] = p * (g - (p * g).sum(-1, keepdims=True))
    return float(value), result


def probe_loss(loss: TriedLoss) -> dict[str, Any]:
    """Try the loss on two batches; adds warnings to it and returns the numbers.

    Raises `LossError` where it cannot be computed at all.
    """
    say = _Sayer(loss)
    results = []
    try:
        for seed in (0, 1):
            results.append(gradients(loss, drawn(loss, seed)))
    except LossError:
        raise
    except Exception as error:  # whatever the library raises, the visitor gets our words
        raise LossError(
            "the loss was understood, but cannot be computed",
            hint="simplify it; this is a fault of the playground",
        ) from error
    value, slopes = results[0]
    norm = math.sqrt(sum(float((g.astype("float64") ** 2).sum()) for n, g in slopes.items()
                         if n != "softmax"))  # fmt: skip
    finite = all(math.isfinite(v) for v, _ in results)
    report = {"value": value, "gradient_norm": norm, "finite": finite and math.isfinite(norm)}
    if not report["finite"]:
        _say_nonfinite(loss, say)
    elif not any(w.code == "no-gradient-path" for w in loss.warnings):
        _say_flat(loss, say, results, norm)
        _say_direction(loss, say)
        _say_bottomless(loss, say)
        _say_pushed_apart(loss, say)
    if finite and norm > 1e6:
        big = max((n for n in loss.program.order if n.is_const and abs(n.attrs["value"]) > 1e3),
                  key=lambda n: abs(n.attrs["value"]), default=loss.program.result)  # fmt: skip
        say("huge", f"the gradient is huge (norm {norm:.1e}): training will diverge",
            "scale the loss down", big)  # fmt: skip
    return {k: (v if not isinstance(v, float) or math.isfinite(v) else None)
            for k, v in report.items()}  # fmt: skip


class _Sayer:
    def __init__(self, loss: TriedLoss) -> None:
        self.loss = loss

    def __call__(
        self, code: str, message: str, hint: str, node: Node, fix: str | None = None
    ) -> None:
        remark = Remark(code, message, node.span, hint, fix)
        if remark not in self.loss.warnings:
            self.loss.warnings.append(remark)


def _say_nonfinite(loss: TriedLoss, say: _Sayer) -> None:
    for seed in (0, 1):
        found = find_nonfinite(loss, drawn(loss, seed))
        if found is not None:
            node = found.pop("node")
            what = "value" if found["kind"] == "value" else "gradient"
            shown = {"nan": "not a number"}.get(found["value"], "infinite")
            say(
                "nonfinite",
                f"the {what} of {quote(found['fragment'])} is {shown}",
                "guard it: log(x + epsilon()), x / (y + epsilon()), sqrt(x + 1e-12)",
                node,
            )
            return


def _say_flat(loss: TriedLoss, say: _Sayer, results: list[Any], norm: float) -> None:
    root = loss.program.result
    values = [v for v, _ in results]
    scale = max(abs(v) for v in values)
    same = abs(values[0] - values[1]) <= 1e-5 * scale
    if same and norm <= 1e-5 * scale:
        message = f"the loss is always {values[0]:.4g}: nothing is learnt"
        hint = "is it divided by itself, or y_true replaced by y_pred?"
        say("constant", message, hint, root if norm else _flat_at(loss))
        return
    if norm == 0:
        message = "the gradient is zero everywhere: nothing is learnt"
        say("zero-gradient", message, "use the probability itself", _flat_at(loss))
        return
    for _, slopes in results:
        if "softmax" in slopes and set(slopes) == {"softmax", "y_pred"}:
            through = float(np.sqrt((slopes["softmax"] ** 2).sum()))
            if through > 1e-5 * norm:
                return
        else:
            return
    say("constant", f"for probabilities the loss is constant ({values[0]:.4g}): softmax outputs "
        "sum to one", "compare y_pred with y_true", root)  # fmt: skip


def _flat_at(loss: TriedLoss) -> Node:
    kinds = ("where", "clip", "cast", "full_like", "maximum", "minimum", "relu", "sign")
    return next((n for n in loss.program.order if n.op in kinds), loss.program.result)


def _say_direction(loss: TriedLoss, say: _Sayer) -> None:
    """A right prediction must cost less than a wrong one: else a minus is missing."""
    names = set(loss.inputs)
    of_classes = names <= set(OF_THE_PROBABILITY) and not own(loss)
    if not names & {"y_true", "labels", "p_true"} or not of_classes:
        return
    count = loss.num_classes
    base = dict(batch(0, count))
    values = []
    for shift in (0, 1):
        target = np.eye(count, dtype="float32")[(base["labels"] + shift) % count]
        logits = 6.0 * target.astype("float32")
        e = np.exp(logits)
        p = (e / e.sum(-1, keepdims=True)).astype("float32")
        given = {**base, "logits": logits, "y_pred": p, "p_true": (base["y_true"] * p).sum(-1)}
        values.append(float(loss.on(given)))
    right, wrong = values
    if math.isfinite(right) and math.isfinite(wrong) and right > wrong + 1e-6 * abs(wrong):
        message = (
            f"a right prediction costs more ({right:.4g}) than a wrong one ({wrong:.4g}): "
            "is a minus missing?"
        )
        root = loss.program.result
        one_line = root.span.line == root.span.end_line
        fix = f"-({loss.program.fragment(root.span)})" if one_line else None
        say("upside-down", message, "negate the loss", root, fix)


def _say_bottomless(loss: TriedLoss, say: _Sayer) -> None:
    """The more extreme the prediction the lower the loss, without end: training will not stop.

    Tried by making the logits (or the embedding) a hundred times larger, twice, and the
    probabilities a hundred times nearer to 0 and 1, twice; what keeps falling as fast has no end.
    """
    program = loss.program
    bounds = ranges(program.order, loss.parameters, clipped=False)[id(program.result)]
    if bounds[0] > -math.inf:
        return
    base = drawn(loss, 0)
    values = _falling(loss, base)
    if values is None:
        return
    binary = {**base, "labels": np.minimum(base["labels"], 1)}
    if "labels" in loss.inputs and _falling(loss, binary) is None:
        loss.warnings[:] = [each for each in loss.warnings if each.code != "upside-down"]
        say(
            "target-beyond-1",
            f"labels are the numbers of the classes, up to {loss.num_classes - 1}, and this loss "
            "falls without end where a target is beyond 1",
            "write y_true in its place, which is 0 or 1 for each class",
            program.result,
        )
        return
    say(
        "unbounded",
        "the loss has no lower bound: it keeps falling as the prediction grows extreme "
        f"({values[0]:.4g}, {values[1]:.4g}, {values[2]:.4g})",
        "is a minus missing? bound it with maximum, clip or log(1 + ...)",
        program.result,
    )


def _falling(loss: TriedLoss, base: Mapping[str, Any]) -> list[float] | None:
    """The values as the prediction grows extreme, where they fall as fast and faster; or None."""
    truth = base["y_true"]
    for target in (truth, np.roll(truth, 1, axis=-1), base["logits"]):
        values: list[float] = []
        for k in (1, 2, 3):
            if k == 3 and not values[1] - values[0] < -0.5:
                break
            given = dict(base)
            given["logits"] = (10.0**k * target).astype("float32")
            rest = 10.0 ** (1 - 2 * k)
            p = np.where(target == target.max(-1, keepdims=True), 1 - rest, rest / 9)
            given["y_pred"] = p.astype("float32")
            given["p_true"] = (truth * p).sum(-1).astype("float32")
            for name in ("features", "partner_features", "last_kernel"):
                given[name] = (10.0**k * base[name]).astype("float32")
            given = extreme(given, loss, 0, 10.0**k)
            values.append(float(loss.on(given)))
        first, second = values[1] - values[0], values[-1] - values[1]
        if len(values) == 3 and math.isfinite(second) and second < 0.9 * first:
            return values
    return None


def _say_pushed_apart(loss: TriedLoss, say: _Sayer) -> None:
    """A pair of one class (`same` is 1) must cost more the farther apart it is, and one of two
    classes no more: else the two are swapped."""
    if not {"same", "features", "partner_features"} <= set(loss.inputs):
        return
    base = drawn(loss, 0)
    step = np.ones_like(base["features"]) / math.sqrt(base["features"].shape[-1])
    costs = []
    for same in (1.0, 0.0):
        near, far = (
            float(loss.on({**base, "same": np.full_like(base["same"], same),
                           "partner_features": base["features"] + by * step}))
            for by in (0.05, 0.5)
        )  # fmt: skip
        costs.append(far - near)
    alike, other = costs
    if math.isfinite(alike + other) and alike < 0 < other:
        say(
            "swapped-pairs",
            "pairs of one class are pushed apart and others drawn together: here same is 1 for a "
            "pair of one class",
            "swap same and (1 - same)",
            loss.program.result,
        )


def find_nonfinite(loss: TriedLoss, tensors: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first sub-expression, in the order of evaluation, that is not finite on this batch.

    If all values are finite, the first whose gradient is not. A record with the place, the
    typed fragment, the value, the sample and the kind ('value' or 'gradient'); or None.
    """
    order = loss.program.order
    learnt = prediction_nodes(order)
    seen: list[tuple[Node, Any]] = []

    def watch(node: Node, value: Any) -> Any:
        if node.dtype == "float" and not isinstance(value, int):
            value = tf.identity(value)
            if id(node) in learnt:
                tape.watch(value)
            seen.append((node, value))
        return value

    given = {n: tf.convert_to_tensor(v) for n, v in loss.gather(tensors).items()}
    with tf.GradientTape() as tape:
        values = emit.run(order, given, loss.parameter_values(), watch)
        total = keras.ops.mean(values[id(loss.program.result)])
    for node, value in seen:
        record = _record(loss, node, np.asarray(value), "value", tensors)
        if record is not None:
            return record
    inner = [(n, v) for n, v in seen if id(n) in learnt]
    slopes = gradient_of(tape, total, [v for _, v in inner])
    # A bad slope arises at an operation and flows down: the culprit is the first operation
    # whose own output still has a finite slope and whose argument has not.
    bad = {id(n): np.asarray(g) for (n, _), g in zip(inner, slopes, strict=True)
           if not np.isfinite(np.asarray(g)).all()}  # fmt: skip
    for node in order:
        wrong = [a for a in node.args if id(a) in bad]
        if wrong and id(node) not in bad:
            return _record(loss, node, bad[id(wrong[0])], "gradient", tensors)
    if bad:
        node = next(n for n in order if id(n) in bad)
        return _record(loss, node, bad[id(node)], "gradient", tensors)
    return None


def _record(
    loss: TriedLoss, node: Node, value: np.ndarray, kind: str, tensors: Mapping[str, Any]
) -> dict[str, Any] | None:
    wrong = ~np.isfinite(value)
    if not wrong.any():
        return None
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    size = next((len(tensors[n]) for n in ("y_true", "y_pred", "features", "logits")
                 if n in tensors and np.ndim(tensors[n])), 0)  # fmt: skip
    given = (np.shape(tensors[n])[0] for n, i in own(loss).items() if i.shape.startswith("B"))
    size = size or next(given, 0)
    lead = place[0] if place and value.shape[0] == size else None
    shown = value[place] if place else value
    return {
        **node.span.as_dict(),
        "fragment": loss.program.fragment(node.span),
        "value": str(float(shown)),
        "sample": lead,
        "kind": kind,
        "op": node.op,
        "node": node,
    }
