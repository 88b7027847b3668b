"""What the loss language says when a text is wrong, and where.

    ValueError
        LossError       the text (or a parameter) is refused; has a place, a hint, perhaps a fix

A `Remark` is the milder thing: a warning or a note about a text that is accepted.
Lines and columns count from 1, in characters of the text as typed; the end is exclusive.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """A stretch of the typed text: from (line, column) up to, not including, the end."""

    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1

    def begins(self, other: Span) -> bool:
        """Whether both begin at one character."""
        return (self.line, self.column) == (other.line, other.column)

    def as_dict(self) -> dict[str, int]:
        return {
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
        }


class LossError(ValueError):
    """A loss text (or a parameter) that is refused.

    `message` says what is wrong, `hint` what to do (or None), `fix` the text that can
    replace the marked stretch in an editor (or None), `also` the same fault elsewhere in the
    text, each place with its own replacement.
    """

    def __init__(
        self,
        message: str,
        span: Span | None = None,
        *,
        hint: str | None = None,
        fix: str | None = None,
        also: Iterable[tuple[Span, str]] = (),
    ) -> None:
        self.span = span or Span()
        self.message = message
        self.hint = hint
        self.fix = fix
        self.also = tuple(also)
        super().__init__(message)

    def __str__(self) -> str:
        here = self.span == Span()  # no place in a text
        text = self.message if here else f"line {self.line}, column {self.column}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.message, self.span, self.hint, self.fix, self.also)

    @property
    def line(self) -> int:
        return self.span.line

    @property
    def column(self) -> int:
        return self.span.column

    @property
    def end_line(self) -> int:
        return self.span.end_line

    @property
    def end_column(self) -> int:
        return self.span.end_column

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able copy, for the page."""
        return {
            "message": self.message,
            "hint": self.hint,
            "fix": self.fix,
            "also": [{"fix": fix, **span.as_dict()} for span, fix in self.also],
            **self.span.as_dict(),
        }


def _rebuild(
    message: str,
    span: Span,
    hint: str | None,
    fix: str | None,
    also: tuple[tuple[Span, str], ...],
) -> LossError:
    return LossError(message, span, hint=hint, fix=fix, also=also)


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning or a note about an accepted text; `code` is a stable name of its kind.

    `fix` is as in a `LossError`: what can stand in place of the marked stretch.
    """

    code: str
    message: str
    span: Span = Span()
    hint: str | None = None
    fix: str | None = None

    @property
    def line(self) -> int:
        return self.span.line

    @property
    def column(self) -> int:
        return self.span.column

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able copy, for the page."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "fix": self.fix,
            **self.span.as_dict(),
        }


def quote(fragment: str, limit: int = 60) -> str:
    """`fragment` in quotes, on one line, without characters that could disturb a terminal."""
    shown = "".join(c if c.isprintable() else " " for c in fragment)
    shown = " ".join(shown.split())
    if len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    return f"'{shown}'"


def suggest(wrong: str, known: Iterable[str]) -> str | None:
    """The known name nearest to `wrong`, or None when none is near."""
    names = sorted(set(known))
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.lower(), name)
    near = difflib.get_close_matches(wrong.lower(), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None
