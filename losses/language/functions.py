"""Functions of the visitor's: called, they run their bodies over nodes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from . import statements
from .build import NONE, Value
from .errors import LossError, quote, suggest
from .named_calls import reduced
from .scope import Scope
from .syntax import REDUCTION, WEIGHTS

if TYPE_CHECKING:
    from .reader import Reader

MAX_CALL_DEPTH = 24


class UserFunction:
    """A function of the visitor's: called, it runs its body over nodes."""

    def __init__(
        self, reader: Reader, node: ast.FunctionDef, scope: Scope, defaults: dict[str, Value]
    ) -> None:
        self.reader = reader
        self.node = node
        self.scope = scope
        self.defaults = defaults
        arguments = node.args
        self.positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        self.names = [*self.positional, *(a.arg for a in arguments.kwonlyargs)]

    @property
    def required(self) -> list[str]:
        return [name for name in self.names if name not in self.defaults]

    @property
    def is_factory(self) -> bool:
        """Whether it defines a function and returns it."""
        inner = {s.name for s in self.node.body if isinstance(s, ast.FunctionDef)}
        last = self.node.body[-1]
        if not isinstance(last, ast.Return):
            return False
        named = isinstance(last.value, ast.Name) and last.value.id in inner
        return named or isinstance(last.value, ast.Lambda)

    def __call__(self, args: list[Value], keywords: dict[str, Value], span: Any) -> Value:
        reader, name = self.reader, self.node.name
        if self.node in reader.active:
            raise LossError(f"{quote(name)} calls itself", span, hint="write the steps out")
        if len(reader.active) >= MAX_CALL_DEPTH:
            raise LossError("helpers call helpers too deeply", span, hint="simplify the loss")
        scope = Scope(self.scope, self.bind(args, keywords, span))
        reader.active.append(self.node)
        try:
            result = statements.block(reader, self.node.body, scope)
        finally:
            reader.active.pop()
        if result is None:
            raise LossError(
                f"{quote(name)} returns nothing", reader.tree.span(self.node), hint="add a return"
            )
        reader.b.at = span
        if self.node in reader.tree.reduced:
            weights = scope.values.get(WEIGHTS, NONE)
            return reduced(reader.b, result, self.scope.find(REDUCTION), weights)
        return result

    def bind(self, args: list[Value], keywords: dict[str, Value], span: Any) -> dict[str, Value]:
        if len(args) > len(self.positional):
            raise LossError(
                f"{quote(self.node.name)} takes {len(self.positional)} arguments, "
                f"and {len(args)} are given",
                span,
                hint="remove some",
            )
        bound = dict(self.defaults)
        bound.update(zip(self.positional, args, strict=False))
        for key, value in keywords.items():
            if key not in self.names or key in self.positional[: len(args)]:
                near = suggest(key, self.names)
                raise LossError(
                    f"{quote(self.node.name)} does not take {quote(key)} here",
                    span,
                    hint=f"did you mean '{near}'?" if near else None,
                )
            bound[key] = value
        missing = [n for n in self.names if n not in bound]
        if missing:
            raise LossError(
                f"{quote(self.node.name)} needs {quote(missing[0])} as well",
                span,
                hint=f"give {missing[0]}=...",
            )
        return bound
