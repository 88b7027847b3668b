"""The variables of a text and of its functions."""

from __future__ import annotations

from dataclasses import dataclass, field

from .build import Value


@dataclass
class Scope:
    """The variables of a function (or of the text), inside those around it."""

    parent: Scope | None = None
    values: dict[str, Value] = field(default_factory=dict)

    def find(self, name: str) -> Value | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.parent
        return None
