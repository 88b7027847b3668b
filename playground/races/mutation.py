"""Mutations of a loss: texts that differ from a given one in an operator, a constant or a term.

A mutation replaces a part of the text's own tree where it stands, so that names, comments and the
ranges of parameters stay and the result can be read. The loss language decides what is a loss, and
the doctor what is sound: finite, moved by what is learnt, bounded from below. Two texts of one
graph count once.
"""

import ast
import random
import time
from collections.abc import Iterator

UNARY = ("log", "exp", "sqrt", "square", "abs", "tanh", "sigmoid", "log1p")
BINARY: tuple[type[ast.operator], ...] = (ast.Add, ast.Sub, ast.Mult, ast.Div)
FACTORS = (0.25, 0.5, 0.8, 1.25, 2.0, 4.0)
POWERS = (0.5, 0.7, 1.5, 2.0)
# What may be added to a loss: terms of one number a sample, each known from the literature as a
# part of losses.
TERMS = (
    "-log(p_true)",
    "(1 - p_true)",
    "square(1 - p_true)",
    "sum(square(y_true - y_pred), axis=-1)",
    "-sum(y_pred * log(y_pred), axis=-1)",
    "sum(y_pred * log(y_pred), axis=-1)",
    "-mean(log(y_pred), axis=-1)",
    "sum(y_true / y_pred, axis=-1)",
)
MOST_TRIES = 40  # for one mutation
MOST_CHARACTERS = 600
SECONDS = 2.0  # after which no other is tried, and that the doctor may take


def text_of(loss: str) -> str:
    """The text of a named loss; a written one is its own. Raises LossError of no loss."""
    if not loss.isidentifier():
        return loss
    import losses

    name = losses.get(loss).info.name
    return next((info.text for info in losses.catalog() if info.name == name), None) or loss


def mutant(text: str, seed: int, known: frozenset[str] = frozenset()) -> tuple[str, str] | None:
    """A sound mutation of a text with its graph's digest, none of whose digests are `known`; the
    same for the same seed. None where so many tries made none. Raises LossError of a text that is
    no loss."""
    import losses
    from losses import LossError

    report = losses.check(text)
    if report["error"] is not None:
        losses.compile_loss(text)  # raises it
    taken = {*known, report["digest"]}
    draw = random.Random(f"{seed} {text}")  # noqa: S311 - no secret
    end = time.monotonic() + SECONDS
    for _ in range(MOST_TRIES):
        if time.monotonic() > end:
            return None
        made = changed(text, draw)
        if made is None or len(made) > MOST_CHARACTERS:
            continue
        found = losses.check(made)
        if not found["ok"] or found["digest"] in taken:
            continue
        try:
            sound = losses.doctor(losses.compile_loss(made), seconds=SECONDS)["sound"]
        except LossError:
            continue
        if sound.state == "yes":
            return made, found["digest"]
    return None


def changed(text: str, draw: random.Random) -> str | None:
    """The text with one part of it changed, sound or not; None where the drawn change is none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    if draw.random() < 0.25:
        return _with_term(text, tree, draw)
    places = list(_expressions(tree))
    if not places:
        return None
    node = draw.choice(places)
    new = _replaced(node, draw)
    return None if new is None else _spliced(text, node, new)


def _expressions(tree: ast.Module) -> Iterator[ast.expr]:
    """The parts of a text that may change: of what is computed, not of names that are given."""
    for statement in tree.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.keyword | ast.arg):
                continue
            if isinstance(node, ast.BinOp | ast.Call | ast.UnaryOp) or (
                isinstance(node, ast.Constant)
                and isinstance(node.value, int | float)
                and not isinstance(node.value, bool)
            ):
                yield node


def _replaced(node: ast.expr, draw: random.Random) -> str | None:
    """The source of what takes a part's place."""
    source = ast.unparse(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return f"{float(node.value) * draw.choice(FACTORS):g}"
    kind = draw.choice(("operator", "wrap", "scale", "power"))
    if kind == "operator" and isinstance(node, ast.BinOp):
        others = [each for each in BINARY if not isinstance(node.op, each)]
        return f"({ast.unparse(ast.BinOp(node.left, draw.choice(others)(), node.right))})"
    if kind == "operator" and isinstance(node, ast.UnaryOp):
        return f"({ast.unparse(node.operand)})"
    if kind == "operator" and isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id not in UNARY or len(node.args) != 1:
            return None
        other = draw.choice([name for name in UNARY if name != node.func.id])
        return f"{other}({ast.unparse(node.args[0])})"
    if kind == "scale":
        return f"({draw.choice(FACTORS):g} * ({source}))"
    if kind == "power":
        return f"(({source})**{draw.choice(POWERS):g})"
    return f"{draw.choice(UNARY)}({source})"


def _with_term(text: str, tree: ast.Module, draw: random.Random) -> str | None:
    """With a term beside the last expression."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return None
    weight, term = draw.choice((0.1, 0.25, 0.5, 1.0)), draw.choice(TERMS)
    return _spliced(text, last.value, f"{ast.unparse(last.value)} + {weight:g} * ({term})")


def _spliced(text: str, node: ast.expr, new: str) -> str:
    """The text with other source in a node's place."""
    lines = text.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    begin = starts[node.lineno - 1] + node.col_offset
    end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
    whole = b"".join(lines)
    return (whole[:begin] + new.encode() + whole[end:]).decode()
