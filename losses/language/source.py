"""The text as typed: its limits, its characters, and places in it."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right

from .errors import LossError, Span

MAX_CHARACTERS = 10_000
MAX_LINES = 300

# Look-alikes that come with text pasted from papers, slides and word processors.
LOOKALIKES = {
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2010": "-",
    "\u2011": "-",
    "\u00d7": "*",
    "\u00b7": "*",
    "\u22c5": "*",
    "\u2217": "*",
    "\u2219": "*",
    "\u00f7": "/",
    "\u2215": "/",
    "\u2044": "/",
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "\u2018": "'",
    "\u2019": "'",
    "\u00b4": "'",
    "\u2032": "'",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
    "\u2026": "...",
    "\u00a0": " ",
    "\u2002": " ",
    "\u2003": " ",
    "\u2009": " ",
    "\u200a": " ",
    "\u202f": " ",
    "\u3000": " ",
    "\uff08": "(",
    "\uff09": ")",
    "\uff3b": "[",
    "\uff3d": "]",
    "\uff0c": ",",
    "\uff1d": "=",
    "\uff0b": "+",
    "\uff0d": "-",
    "\uff0a": "*",
    "\uff0f": "/",
    "\uff1a": ":",
    "\uff0e": ".",
}

_CALLED = {"\u221a": "sqrt", "\u2211": "sum", "\u220f": "prod"}
_SUPERSCRIPTS = str.maketrans(
    "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "-0123456789"
)

# Characters that are invisible, turn the direction of writing, or break lines unseen.
_HIDDEN = {
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    0x061C,
    0x00AD,
    0x180E,
    0xFEFF,
}


# What a pasted text has that the language has not; comments and strings may hold it.
EXAMPLE = "-sum(y_true * log(y_pred), axis=-1)"
# What surrounds code on the pages that it is copied from.
_WRAPPING = re.compile(r"^[ \t]*```.*|^(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)
_STRAY = re.compile(
    r"""
    (?P<skip>\#[^\r\n]*|'[^'\r\n]*'|"[^"\r\n]*")
  | (?P<power>\u207b?[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+)
  | (?P<called>[\u221a\u2211\u220f](?=[ ]*\())
  | \u221a(?P<operand>[^\W0-9]\w*(?![\w(.\[])|[0-9.]+)
  | (?P<other>[LOOKALIKES])
    """.replace("LOOKALIKES", "".join(map(re.escape, LOOKALIKES))),
    re.VERBOSE,
)


def _is_hidden(char: str) -> bool:
    code = ord(char)
    control = (code < 32 and char not in "\t\n\r") or 127 <= code < 160
    return control or code in _HIDDEN or 0xD800 <= code < 0xE000


class Source:
    """A text with its line starts; turns offsets and syntax nodes into spans.

    A leading byte-order mark is dropped, and the columns of line 1 still count it.
    Raises `LossError` where the text is too long or holds a character it must not hold.
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise LossError("a loss is given as text", hint="pass a string")
        self.shift = 1 if text.startswith("\ufeff") else 0
        self.text = text[self.shift :]
        self.starts = [0]
        for place, char in enumerate(self.text):
            if char == "\n" or (char == "\r" and self.text[place + 1 : place + 2] != "\n"):
                self.starts.append(place + 1)
        self._check_length()
        self._check_characters()
        self.lines = [self._line(number) for number in range(1, len(self.starts) + 1)]

    def _line(self, number: int) -> str:
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r\n")

    def _check_length(self) -> None:
        if not self.text.strip():
            raise LossError(
                "the loss is empty",
                hint=f"type an expression such as {EXAMPLE}",
            )
        if len(self.text) > MAX_CHARACTERS:
            raise LossError(
                f"the text has {len(self.text):,} characters; at most {MAX_CHARACTERS:,} are read",
                self.span(MAX_CHARACTERS, MAX_CHARACTERS + 1),
                hint="keep only the loss itself",
            )
        if len(self.starts) > MAX_LINES:
            raise LossError(
                f"the text has {len(self.starts):,} lines; at most {MAX_LINES} are read",
                self.span(self.starts[MAX_LINES], self.starts[MAX_LINES] + 1),
                hint="keep only the loss itself",
            )

    def _check_characters(self) -> None:
        hidden = [place for place, char in enumerate(self.text) if _is_hidden(char)]
        if hidden:
            spans = [self.span(place, place + 1) for place in hidden]
            raise LossError(
                f"the character U+{ord(self.text[hidden[0]]):04X} cannot stand in a loss "
                "(it is invisible)",
                spans[0],
                hint="delete it",
                fix="",
                also=[(span, "") for span in spans[1:]],
            )

    def strays(self) -> list[tuple[Span, str]]:
        """The look-alikes of the text, outside comments and strings, with what is meant."""
        found = []
        for match in _STRAY.finditer(self.text):
            if match["skip"]:
                continue
            if match["power"]:
                meant = "**" + match["power"].translate(_SUPERSCRIPTS)
            elif match["operand"]:
                meant = f"sqrt({match['operand']})"
            elif match["called"]:
                meant = _CALLED[match["called"]]
            else:
                meant = LOOKALIKES[match["other"]]
            found.append((self.span(match.start(), match.end()), meant))
        return found

    def unwrap(self, start: int) -> LossError | None:
        """The error for a Markdown fence or a prompt of Python at an offset, which one click
        removes with all others; None if there is none."""
        spans = {m.start(): self.span(*m.span()) for m in _WRAPPING.finditer(self.text)}
        here = next((s for place, s in spans.items() if place <= start < place + 4), None)
        if here is None:
            return None
        what = "a Markdown fence" if "`" in self.fragment(here) else "a prompt of Python"
        also = [(span, "") for span in spans.values() if span is not here]
        message = f"{what} came along with the text: it is not part of the loss"
        return LossError(message, here, hint="remove it", fix="", also=also)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of a character offset."""
        line = bisect_right(self.starts, offset)
        shift = self.shift if line == 1 else 0
        return line, offset - self.starts[line - 1] + 1 + shift

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset `start` up to `end`."""
        return Span(*self.place(start), *self.place(end))

    def offset(self, line: int, column: int) -> int:
        """The offset of a line and column counted from 1."""
        shift = self.shift if line == 1 else 0
        return self.starts[line - 1] + column - 1 - shift

    def byte_offset(self, line: int, byte_column: int) -> int:
        """The offset of a place as `ast` gives it: the column in UTF-8 bytes, from 0."""
        raw = self.lines[line - 1].encode("utf-8")[:byte_column]
        return self.starts[line - 1] + len(raw.decode("utf-8", errors="ignore"))

    def node_offsets(self, node: ast.AST, line_shift: int = 0, indent: int = 0) -> tuple[int, int]:
        """Start and end offsets of a syntax node, parsed that many lines down and columns in."""
        line, column = node.lineno, node.col_offset  # type: ignore[attr-defined]
        end_line, end_column = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
        start = self.byte_offset(line - line_shift, max(column - indent, 0))
        return start, self.byte_offset(end_line - line_shift, max(end_column - indent, 0))

    def fragment(self, span: Span) -> str:
        """The typed characters of a span."""
        start = self.offset(span.line, span.column)
        return self.text[start : self.offset(span.end_line, span.end_column)]
