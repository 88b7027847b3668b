"""One pass over the characters, before Python's parser sees them.

The parser can be crashed by hostile nesting, and its messages differ from version to
version; so brackets, strings, numbers, operators and indentation are checked here first,
with messages and places of our own. All scans are loops, none recurses.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise

from .errors import LossError, quote
from .source import EXAMPLE, Source

MAX_BRACKETS = 100
MAX_UNARY_RUN = 40
MAX_POWERS = 40
MAX_KEYWORDS = 60
MAX_TOKENS_IN_A_LINE = 4_000
MAX_NUMBER_LENGTH = 40

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t]+|\\(?:\r\n|\n|\r))
  | (?P<newline>\r\n|\n|\r)
  | (?P<comment>\#[^\r\n]*)
  | (?P<string>(?i:[rbuft]|br|rb|fr|rf|tr|rt)?(?:'''|\"\"\"|'|"))
  | (?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+
        |(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?[jJ]?)
  | (?P<name>[^\W0-9]\w*)
  | (?P<operator>\*\*=|//=|<<=|>>=|\.\.\.|\*\*|//|<<|>>|<=|>=|==|!=|<>|->|:=
        |\+=|-=|\*=|/=|%=|&=|\|=|\^=|@=|&&|\|\||[-+*/%@&|^~<>=()\[\]{},:.;!])
    """,
    re.VERBOSE,
)
_CLOSER = {"(": ")", "[": "]", "{": "}"}
_BINARY_ONLY = {"/", "//", "%", "@", "&", "|", "^", "<", ">", "<=", ">=", "==", "!=", "<<", ">>"}
_UNARY = {"-", "+", "~", "not"}
_DANGLING = {"if", "else", "and", "or", "not", "in", "is", "for", "lambda", "import", "from", "as"}
_OPERATORS = _BINARY_ONLY | {"*", "**", "-", "+"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text: `kind` is name, keyword, number, string or operator."""

    kind: str
    text: str
    start: int
    end: int


@dataclass
class Scan:
    """The tokens, the comments by line, the logical lines and the indentation of the first."""

    tokens: list[Token] = field(default_factory=list)
    comments: dict[int, Token] = field(default_factory=dict)
    lines: list[list[Token]] = field(default_factory=list)
    indented: bool = False

    def between(self, start: int, end: int) -> list[Token]:
        """The tokens that begin in the offsets [start, end)."""
        first = bisect_left(self.tokens, start, key=_start)
        return self.tokens[first : bisect_left(self.tokens, end, key=_start)]


def _start(token: Token) -> int:
    return token.start


def scan(source: Source) -> Scan:
    """Split the text into tokens and check their order; raises `LossError`."""
    result = Scan()
    brackets: list[Token] = []
    line: list[Token] = []
    place, text = 0, source.text
    while place < len(text):
        match = _TOKEN.match(text, place)
        kind = str(match.lastgroup) if match else ""
        if match is None or (kind == "name" and not match.group().isidentifier()):
            raise _bad_character(source, place, match.group() if match else text[place])
        end = match.end()
        if kind == "newline" and not brackets and line:
            result.lines.append(line)
            line = []
        elif kind == "comment":
            result.comments[source.place(place)[0]] = Token(kind, match.group(), place, end)
        elif kind not in ("space", "newline"):
            if kind == "string":
                end = _end_of_string(source, place, match.group())
            elif kind == "name" and keyword.iskeyword(match.group()):
                kind = "keyword"
            token = Token(kind, text[place:end], place, end)
            if kind == "name":
                _check_letters(source, token)
            previous = line[-1] if line else None
            _check_token(source, token, previous, brackets)
            line.append(token)
            result.tokens.append(token)
        place = end
    if brackets:
        opener = brackets[-1]
        raise LossError(
            f"'{opener.text}' is never closed",
            source.span(opener.start, opener.end),
            hint=f"add a '{_CLOSER[opener.text]}' where it should end",
        )
    if line:
        result.lines.append(line)
    if not result.tokens:
        raise LossError(
            "there are only comments here",
            hint=f"add an expression such as {EXAMPLE}",
        )
    for tokens in result.lines:
        _check_line(source, tokens)
    result.indented = _check_indentation(source, result.lines)
    return result


def _bad_character(source: Source, place: int, piece: str) -> LossError:
    for step, char in enumerate(piece):
        if not (char == "_" or char.isidentifier() or ("a" + char).isidentifier()):
            place += step
            break
    char = source.text[place]
    wrapping = source.unwrap(place)
    if wrapping is not None:
        return wrapping
    span = source.span(place, place + 1)
    shown = f"'{char}'" if char.isprintable() else f"U+{ord(char):04X}"
    message = f"{shown} is not a character of the language"
    strays = source.strays()
    here = next((stray for stray in strays if stray[0].begins(span)), None)
    if here is not None:
        span, fix = here
        hint = "write a plain space" if fix == " " else f"write {fix}"
        also = [stray for stray in strays if stray != here]
        return LossError(message, span, hint=hint, fix=fix, also=also)
    hints = {
        "\\": f"this looks like LaTeX: write it as code, such as {EXAMPLE}",
        "$": f"this looks like LaTeX: write it as code, such as {EXAMPLE}",
        "?": "write a choice as where(condition, a, b)",
        "!": "write 'not equal' as !=",
        "\u221a": "write sqrt(...)",
        "\u2211": "write sum(..., axis=-1)",
        "\u220f": "write prod(..., axis=-1)",
    }
    return LossError(message, span, hint=hints.get(char, "remove it"))


def _end_of_string(source: Source, start: int, opening: str) -> int:
    prefix = opening.rstrip("'\"")
    mark = opening[len(prefix) :]
    if "f" in prefix.lower() or "t" in prefix.lower():
        raise LossError(
            "f-strings are not part of the language",
            source.span(start, start + len(opening)),
            hint="a loss needs no text; remove it",
        )
    place, text = start + len(opening), source.text
    while place < len(text):
        if text.startswith(mark, place):
            return place + len(mark)
        if text[place] in "\r\n" and len(mark) == 1:
            break
        place += 2 if text[place] == "\\" else 1
    raise LossError(
        "this quote is never closed",
        source.span(start, start + len(opening)),
        hint="for a transpose write transpose(x)" if mark == "'" else f"end it with {mark}",
    )


def _ends_operand(token: Token | None) -> bool:
    if token is None:
        return False
    if token.kind in ("name", "number", "string"):
        return True
    return token.text in (")", "]", "}", "...", "None", "True", "False")


def _check_letters(source: Source, token: Token) -> None:
    """Refuse a keyword in letters of another width or style, which the parser takes for a name."""
    plain = unicodedata.normalize("NFKC", token.text)
    if plain != token.text and keyword.iskeyword(plain):
        raise LossError(
            f"{quote(token.text)} is written in letters of another kind",
            source.span(token.start, token.end),
            hint=f"write {plain}",
            fix=plain,
        )


def _check_token(
    source: Source, token: Token, previous: Token | None, brackets: list[Token]
) -> None:
    if token.kind == "operator":
        _check_operator(source, token, previous, brackets)
        return
    if previous is not None and previous.kind == "number" and previous.end == token.start:
        raise LossError(
            f"the number {quote(previous.text)} runs into {quote(token.text)}",
            source.span(previous.start, previous.end),
            hint="put an operator or a space between them",
            fix=f"{previous.text} * " if token.kind == "name" else None,
        )
    if token.kind == "number" and len(token.text) > MAX_NUMBER_LENGTH:
        raise LossError(
            "this number has too many digits",
            source.span(token.start, token.end),
            hint="write it as 1e-7 or 2.5",
        )
    starts = token.kind in ("name", "number", "string")
    if starts and _ends_operand(previous):
        if previous is not None and previous.kind == token.kind == "string":
            return
        shown = quote(previous.text if previous else "")
        raise LossError(
            f"an operator or a comma is missing between {shown} and {quote(token.text)}",
            source.span(token.start, token.end),
            hint="write * to multiply, a comma between arguments",
        )


def _check_bracket(source: Source, token: Token, brackets: list[Token]) -> None:
    sign = token.text
    if sign in _CLOSER:
        brackets.append(token)
        if len(brackets) > MAX_BRACKETS:
            raise LossError(
                f"brackets are nested more than {MAX_BRACKETS} deep",
                source.span(token.start, token.end),
                hint="name the inner parts with assignments",
            )
    elif sign in _CLOSER.values():
        if not brackets:
            raise LossError(
                f"'{sign}' closes nothing",
                source.span(token.start, token.end),
                hint="remove it",
                fix="",
            )
        opener = brackets.pop()
        if _CLOSER[opener.text] != sign:
            raise LossError(
                f"'{sign}' does not match the '{opener.text}' it closes",
                source.span(token.start, token.end),
                hint=f"write '{_CLOSER[opener.text]}'",
                fix=_CLOSER[opener.text],
            )


def _check_operator(
    source: Source, token: Token, previous: Token | None, brackets: list[Token]
) -> None:
    sign = token.text
    if sign == ">>" and previous is None:
        wrapping = source.unwrap(token.start)
        if wrapping is not None:
            raise wrapping
    _check_bracket(source, token, brackets)
    # & and | bind closer than comparisons: they fit where both sides stand in brackets.
    bracketed = previous is not None and previous.text == ")"
    bracketed = bracketed and source.text[token.end :].lstrip(" \t").startswith("(")
    replaced = {
        "<>": ("!=", "write 'not equal' as !="),
        "&&": ("&" if bracketed else None, "write logical_and(a, b), or multiply the two masks"),
        "||": ("|" if bracketed else None, "write logical_or(a, b)"),
        ":=": (None if brackets else "=", "assign on a line of its own: name = value"),
        "!": (None, "write logical_not(a)"),
    }
    if sign in replaced:
        fix, hint = replaced[sign]
        raise LossError(
            f"'{sign}' is not an operator of the language",
            source.span(token.start, token.end),
            hint=hint,
            fix=fix,
        )
    if sign in _BINARY_ONLY or sign in ("*", "**"):
        opening = previous is None or previous.text in ("(", ",", "{")
        words = previous is not None and previous.text in ("[", "import", "except", "=")
        star = (sign in ("*", "**") and opening) or (sign == "*" and words)
        decorator = sign == "@" and previous is None
        if not _ends_operand(previous) and not (star or decorator or _slash(sign, previous)):
            raise LossError(
                f"'{sign}' has nothing on its left",
                source.span(token.start, token.end),
                hint="an operand is missing, or there is one operator too many",
            )


def _slash(sign: str, previous: Token | None) -> bool:
    # `def f(a, /)` is refused later, with a better message.
    return sign == "/" and previous is not None and previous.text == ","


def _check_line(source: Source, tokens: list[Token]) -> None:
    def refuse(token: Token, what: str) -> LossError:
        return LossError(
            f"this line has {what}",
            source.span(token.start, token.end),
            hint="split it: give parts of it names with assignments",
        )

    if len(tokens) > MAX_TOKENS_IN_A_LINE:
        raise refuse(tokens[MAX_TOKENS_IN_A_LINE], "too many parts")
    run = powers = keywords = 0
    for token in tokens:
        run = run + 1 if token.text in _UNARY else 0
        powers += token.text == "**"
        keywords += token.text in ("lambda", "if", "not", "for", "await", "yield")
        if run > MAX_UNARY_RUN:
            raise refuse(token, "too many signs in a row")
        if powers > MAX_POWERS:
            raise refuse(token, "too many powers")
        if keywords > MAX_KEYWORDS:
            raise refuse(token, f"too many '{token.text}'")
    last = tokens[-1]
    dangling = last.text in _DANGLING if last.kind == "keyword" else last.text in _OPERATORS | {"="}
    if tokens[0].text in ("from", "import") and last.text == "*":
        dangling = False  # refused later, with a better message
    if dangling and last.kind in ("keyword", "operator"):
        raise LossError(
            f"'{last.text}' has nothing on its right",
            source.span(last.start, last.end),
            hint="finish the line, or wrap the expression in ( ) to go on below",
        )
    _check_target(source, tokens)


def _check_target(source: Source, tokens: list[Token]) -> None:
    """Refuse `mean(y_pred) = 2` and `a + 1 = 2`; what else may be wrong is found later."""
    depth = 0
    if tokens[0].kind == "keyword":
        return
    place = 0
    for place, token in enumerate(tokens):  # noqa: B007  (used after the loop)
        depth += (token.text in _CLOSER) - (token.text in _CLOSER.values())
        if depth == 0 and token.text == "=":
            break
        if depth == 0 and token.text == ":":
            return
    else:
        return
    left = tokens[:place]
    calls = any(
        b.text == "(" and (a.kind == "name" or a.text in (")", "]")) for a, b in pairwise(left)
    )
    strange = any(
        t.kind in ("number", "string") or t.text in _OPERATORS - {"*"} for t in _outside(left)
    )
    if not left or calls or strange:
        span = source.span(tokens[0].start, left[-1].end if left else tokens[0].end)
        raise LossError(
            f"{quote(source.fragment(span))} cannot be assigned to",
            span,
            hint="left of = stands a name; to compare write ==",
        )


def _outside(tokens: list[Token]) -> list[Token]:
    """The tokens that stand outside square brackets."""
    depth, found = 0, []
    for token in tokens:
        depth += (token.text == "[") - (token.text == "]")
        if depth == 0:
            found.append(token)
    return found


def _check_indentation(source: Source, lines: list[list[Token]]) -> bool:
    """Check that blocks line up; tells whether the whole text is indented."""

    def indent(tokens: list[Token]) -> str:
        start = tokens[0].start
        line = source.place(start)[0]
        return source.text[source.starts[line - 1] : start]

    stack = [indent(lines[0])]
    opened = False
    for tokens in lines:
        here, first = indent(tokens), tokens[0]
        span = source.span(first.start, first.end)
        if not here.startswith(stack[-1]) and not stack[-1].startswith(here):
            raise LossError(
                "tabs and spaces are mixed in the indentation",
                span,
                hint="indent with four spaces throughout",
            )
        if opened and (len(here) <= len(stack[-1])):
            raise LossError(
                "this line must be indented: the line above ends with ':'",
                span,
                hint="indent it with four spaces",
            )
        if len(here) > len(stack[-1]):
            if not opened:
                raise LossError(
                    "this line is indented more than the one above it",
                    span,
                    hint="align it with the line above",
                )
            stack.append(here)
        while len(here) < len(stack[-1]):
            stack.pop()
            if not stack or len(here) > len(stack[-1]):
                raise LossError(
                    "the indentation of this line matches no line above",
                    span,
                    hint="align it with an earlier line",
                )
        opened = tokens[-1].text == ":"
    if opened:
        last = lines[-1][-1]
        raise LossError(
            "nothing follows this ':'",
            source.span(last.start, last.end),
            hint="add the indented body of the function",
        )
    return bool(stack[0])
