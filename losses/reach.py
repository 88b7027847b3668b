"""What a loss trains: the inputs that its gradient comes to, and a text with what trains the rest.

A loss of features alone never moves the last layer, whose answers therefore stay where they began;
of several heads one without a term stays there, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .base import PlaygroundLoss
from .language import canonical
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


@dataclass(frozen=True)
class Added:
    """A summand to be added to a loss: a `term`, times a parameter where it has the name of one,
    which the text `line` declares, as in "1.0  # 0..2"."""

    term: str
    weight: str = ""
    line: str = ""

    @property
    def text(self) -> str:
        return f"{self.weight} * {self.term}" if self.weight else self.term


def with_cross_entropy(loss: PlaygroundLoss) -> str | None:
    """A text of the loss with cross-entropy added to it, its parameters still parameters; None
    where the place to add it is not found."""
    return with_terms(loss, [Added(TERM)])


def with_terms(
    loss: PlaygroundLoss, added: Sequence[Added], inputs: Provided | None = None
) -> str | None:
    """A text of the loss with summands before its own, their weights under names that are free in
    it; None where the place to add them is not found. `inputs` are what a text may name in place of
    a named loss that stands alone."""
    program: Program | None = getattr(loss, "program", None)
    if program is None:
        return _of_name(loss, _free(added, loss.parameters), inputs)
    typed = _of_text(program, program.text, added)
    return typed or _of_text(program, canonical.text(program), added)


def _free(added: Sequence[Added], taken: Iterable[str]) -> list[Added]:
    """The same with weights that are called as nothing else is."""
    names, found = set(taken), []
    for each in added:
        name, count = each.weight, 1
        while name and name in names:
            count += 1
            name = f"{each.weight}{count}"
        names.add(name)
        found.append(replace(each, weight=name))
    return found


def _lines(added: Sequence[Added]) -> list[str]:
    return [f"{each.weight} = {each.line}" for each in added if each.weight]


def _of_name(loss: Any, added: Sequence[Added], inputs: Provided | None) -> str | None:
    lines, given = _lines(added), []
    for name, parameter in loss.parameters.items():
        limits = "" if parameter.low is None else f"  # {parameter.low:g}..{parameter.high:g}"
        lines.append(f"{name} = {float(parameter.value)!r}{limits}")
        given.append(f"{name}={name}")
    summands = [*(each.text for each in added), f"{loss.info.name}({', '.join(given)})"]
    text = "\n".join([*lines, " + ".join(summands)])
    return text if _understood(text, {}, inputs) is not None else None


def _of_text(of: Program, text: str, added: Sequence[Added]) -> str | None:
    """The same in a text of a program, as it was typed or in its agreed spelling."""
    values = {name: parameter.value for name, parameter in of.parameters.items()}
    program = of if text == of.text else _understood(text, values, of.provided)
    if program is None:
        return None
    source = Source(program.text)
    first, last, result = program.parts[0].span, program.parts[-1].span, program.result.span
    summands = Span(first.line, first.column, last.end_line, last.end_column)
    added = _free(added, re.findall(r"[A-Za-z_]\w*", text))
    more = " + ".join(each.text for each in added)
    wanted = [*((each.text, 1) for each in added), *_texts(program.parts)]
    for span in (summands, result):
        start = source.offset(span.line, span.column)
        end = source.offset(span.end_line, span.end_column)
        before, typed, after = source.text[:start], source.text[start:end], source.text[end:]
        for sum_ in (f"{more} + {typed}", f"{more} + ({typed})"):
            new = "\n".join([*_lines(added), before + sum_ + after])
            made = _understood(new, values, program.provided)
            # As summands of their own: where they went into another operation, they are none.
            if made is not None and _texts(made.parts) == wanted:
                return new
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
