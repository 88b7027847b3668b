"""The texts of `spellings`, read: what stands where in them is where they are called."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from functools import cache

from losses.catalog import KERAS_NAMES

from . import metric_spellings
from .errors import Span
from .graph import NOWHERE
from .names import Names
from .spellings import SPELLINGS
from .syntax import Tree, parse
from .vocabulary import signature

_ROWS = (*SPELLINGS, *metric_spellings.FUNCTIONS, *metric_spellings.CLASSES)
OPERATORS = frozenset(row[0] for row in _ROWS)


@dataclass
class Elsewhere(Tree):
    """A text that the visitor has not typed: everything in it stands at one place of theirs."""

    at: Span = NOWHERE

    def span(self, node: ast.AST) -> Span:
        """Where the text is called."""
        return self.at

    def operator_span(self, left: ast.AST, right: ast.AST) -> Span:
        """Where the text is called."""
        return self.at

    def from_operator(self, left: ast.AST, right: ast.AST) -> Span:
        """Where the text is called."""
        return self.at


@cache
def _read(op: str) -> tuple[Elsewhere, Names, ast.FunctionDef]:
    _, arguments, _, _, body = next(row for row in _ROWS if row[0] == op)
    *lines, last = body.rstrip("\n").split("\n")
    rows = "".join(f"    {line}\n" for line in (*lines, f"return {last}"))
    names = ", ".join(argument.name for argument in signature(arguments))
    tree = parse(f"def spelled({names}):\n{rows}")
    node = tree.body[0]
    assert isinstance(node, ast.FunctionDef)  # noqa: S101  (a text of ours)
    made = Elsewhere(tree.source, tree.scan, tree.body, tree.line_shift, tree.indent)
    return made, Names(made, KERAS_NAMES), node


def function(op: str, at: Span) -> tuple[Elsewhere, Names, ast.FunctionDef]:
    """The function that an operator is, called at a place: its tree, its names and its node."""
    tree, names, node = _read(op)
    return replace(tree, at=at), names, node
