"""The losses of a network with several outputs, one for each, as the sum that Keras makes of them.

`compile(loss={"left": ..., "right": ...}, loss_weights={...})`, also with lists, becomes
`a * loss(y_left, p_left) + b * loss(y_right, p_right)` by the names of a run whose predictions are
called p_left and p_right.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .errors import LossError, quote
from .inputs import Provided
from .syntax import Tree

# Keras' short names of losses.
_SHORT = {"bce": "binary_crossentropy", "mse": "mean_squared_error", "mae": "mean_absolute_error"}
# What a key says of an output that judges pairs.
_OF_PAIRS = ("same", "pair", "sim", "dist", "verif", "match")


@dataclass(frozen=True)
class Head:
    """An output of a run: its name without p_, its prediction and target, and the class numbers
    where the target has those as well."""

    name: str
    prediction: str
    target: str
    numbers: str


def heads(inputs: Provided | None) -> list[Head]:
    """The outputs of a run that has several; none of one with a single output."""
    offered = inputs.offered if inputs is not None else {}
    found = []
    for name, each in offered.items():
        head = name.removeprefix("p_")
        target = next((n for n in (f"y_{head}", head) if n in offered), "")
        if each.role == "prediction" and name != head and target and name != "p_true":
            numbers = f"labels_{head}"
            found.append(Head(head, name, target, numbers if numbers in offered else ""))
    return found if len(found) > 1 else []


def summed(
    tree: Tree, call: ast.Call, given: ast.expr, inputs: Provided
) -> tuple[ast.expr, str, str]:
    """The sum of the losses of `compile`: as a node that stands where they do, as a text with a
    slider for each weight, and what is said of it. Raises `LossError` where the outputs are not
    those of the run."""
    known = heads(inputs)
    keys, values = _entries(tree, given)
    chosen = _matched(tree, given, keys, values, known)
    weights = _weights(tree, call, keys, len(values))
    lines, named, plain = [], [], []
    for letter, head, value, weight in zip("abcdefgh", chosen, values, weights, strict=False):
        if isinstance(value, ast.Constant) and value.value is None:
            continue
        text = _called(tree, value, head)
        plain.append(f"({weight}) * {text}")
        number = _number(weight)
        if number is None:
            named.append(f"{weight} * {text}")
        else:
            letter = "s" if head.name == "same" else letter
            most = 2 if number <= 2 else round(2 * number)
            lines.append(f"{letter} = {number}  # 0..{most}")
            named.append(f"{letter} * {text}")
    node = ast.parse(" + ".join(plain), mode="eval").body
    for each in ast.walk(node):
        ast.copy_location(each, given)
    read = ", ".join(f"{key} as {head.name}" for key, head in zip(keys, chosen, strict=False))
    said = "the losses of the outputs are added, each times its weight" + (read and f" ({read})")
    return node, "\n".join([*lines, " + ".join(named)]) + "\n", said


def _entries(tree: Tree, given: ast.expr) -> tuple[list[str], list[ast.expr]]:
    """The keys, none of a list, and what stands at each."""
    if isinstance(given, ast.Dict):
        keys = []
        for key, value in zip(given.keys, given.values, strict=True):
            if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                raise LossError(
                    "the losses of several outputs are named by words in quotes",
                    tree.span(key or value),
                    hint='write loss={"left": ..., "right": ...}',
                )
            keys.append(key.value)
        return keys, given.values
    assert isinstance(given, (ast.List, ast.Tuple))  # noqa: S101  (its caller asked)
    return [], given.elts


def _matched(
    tree: Tree, given: ast.expr, keys: list[str], values: list[ast.expr], known: list[Head]
) -> list[Head]:
    """The output of the run that each of these is: by a key that has its name in it, or else in
    their order."""
    if len(values) > len(known):
        raise LossError(
            f"here are losses of {len(values)} outputs, and this run has {len(known)}: "
            + ", ".join(head.name for head in known),
            tree.span(given),
            hint="keep the losses of those",
        )
    by_name = [_by_key(key, known) for key in keys]
    named = [head for head in by_name if head is not None]
    if keys and len(named) == len(keys) == len({head.name for head in named}):
        return named
    if keys and len(keys) != len(known):
        lost = next((k for k, head in zip(keys, by_name, strict=True) if head is None), keys[0])
        raise LossError(
            f"{quote(lost)} is no output of this run",
            tree.span(given),
            hint="its outputs are " + ", ".join(head.name for head in known),
        )
    return known[: len(values)]


def _by_key(key: str, known: list[Head]) -> Head | None:
    word = key.lower()
    for head in known:
        words = _OF_PAIRS if head.name == "same" else (head.name,)
        if any(each in word for each in words):
            return head
    return None


def _weights(tree: Tree, call: ast.Call, keys: list[str], count: int) -> list[str]:
    """The text of each output's weight, 1.0 where none is given, as in Keras."""
    given = next((k.value for k in call.keywords if k.arg == "loss_weights"), None)
    if isinstance(given, ast.Dict):
        found = {
            key.value: tree.fragment(value)
            for key, value in zip(given.keys, given.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        return [found.get(key, "1.0") for key in keys] if keys else ["1.0"] * count
    if isinstance(given, (ast.List, ast.Tuple)):
        found_ = [tree.fragment(value) for value in given.elts]
        if len(found_) != count:
            raise LossError(
                f"{len(found_)} loss_weights are given for {count} losses",
                tree.span(given),
                hint="give one for each",
            )
        return found_
    return ["1.0"] * count


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e6 else None


def _called(tree: Tree, node: ast.expr, head: Head) -> str:
    """The loss of an output, called on its target and prediction."""
    quoted = isinstance(node, ast.Constant) and isinstance(node.value, str)
    name = node.value if quoted else tree.fragment(node)  # type: ignore[attr-defined]
    name = _SHORT.get(name.lower(), name) if quoted else name
    word = name.lower().replace("_", "")
    if "contrastive" in word and not head.numbers:
        return f"{'contrastive' if quoted else name}({head.target}, distance)"
    if "sparse" in word:
        return (
            f"{name}({head.numbers}, {head.prediction})"
            if head.numbers
            else f"cross_entropy({head.target}, {head.prediction})"
        )
    return f"{name}({head.target}, {head.prediction})"
