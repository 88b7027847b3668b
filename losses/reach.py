"""What a loss trains: the inputs that its gradient comes to, and a text that trains the last layer.

A loss of features alone never moves the last layer, whose answers therefore stay where they began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import PlaygroundLoss
from .language.errors import LossError, Span
from .language.graph import Part, Program
from .language.inputs import PREDICTIONS, Provided
from .language.program import analyse
from .language.review import gradient_nodes
from .language.source import Source

TERM = "cross_entropy()"


def reached(loss: PlaygroundLoss) -> tuple[str, ...]:
    """The inputs, such as y_pred or features, that the gradient of a loss comes to."""
    program: Program | None = getattr(loss, "program", None)
    if program is None:
        return tuple(name for name in loss.inputs if name in PREDICTIONS)
    live = gradient_nodes(program.order)
    found: set[str] = set()
    seen: set[int] = set()
    waiting = [program.result]
    while waiting:
        node = waiting.pop()
        if id(node) not in live or id(node) in seen:
            continue
        seen.add(id(node))
        if node.op == "input":
            found.add(node.attrs["name"])
        waiting += node.args[1:] if node.op == "where" else node.args
    return tuple(dict.fromkeys(n for n in (*PREDICTIONS, *program.inputs) if n in found))


def with_cross_entropy(loss: PlaygroundLoss) -> str | None:
    """A text of the loss with cross-entropy added to it, its parameters still parameters; None
    where the place to add it is not found."""
    program: Program | None = getattr(loss, "program", None)
    return _of_name(loss) if program is None else _of_text(program)


def _of_name(loss: Any) -> str | None:
    lines, given = [], []
    for name, parameter in loss.parameters.items():
        limits = "" if parameter.low is None else f"  # {parameter.low:g}..{parameter.high:g}"
        lines.append(f"{name} = {float(parameter.value)!r}{limits}")
        given.append(f"{name}={name}")
    text = "\n".join([*lines, f"{TERM} + {loss.info.name}({', '.join(given)})"])
    return text if _understood(text, {}) is not None else None


def _of_text(program: Program) -> str | None:
    source = Source(program.text)
    first, last, result = program.parts[0].span, program.parts[-1].span, program.result.span
    values = {name: parameter.value for name, parameter in program.parameters.items()}
    summands = Span(first.line, first.column, last.end_line, last.end_column)
    for span in (summands, result):
        start = source.offset(span.line, span.column)
        end = source.offset(span.end_line, span.end_column)
        before, typed, after = source.text[:start], source.text[start:end], source.text[end:]
        for added in (f"{TERM} + {typed}", f"{TERM} + ({typed})"):
            made = _understood(before + added + after, values, program.provided)
            # As a summand of its own: where it went into another operation, it is none.
            if made is not None and _texts(made.parts) == [(TERM, 1), *_texts(program.parts)]:
                return before + added + after
    return None


def _texts(parts: list[Part]) -> list[tuple[str, int]]:
    return [(part.text, part.sign) for part in parts]


def _understood(
    text: str, values: Mapping[str, float], inputs: Provided | None = None
) -> Program | None:
    try:
        return analyse(text, values, inputs=inputs)
    except LossError:
        return None
