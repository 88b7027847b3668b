"""Pieces of a formula, and how two become one: signs, brackets, fractions, letters for indices."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Binding strength: a part weaker than its place is put in brackets. A BIG operator such as a sum
# takes all to its right, so it is put in brackets where something is multiplied after it.
ADD, BIG, MUL, CALL, POW, ATOM = 1, 2, 3, 4, 5, 6
# Indices that nothing binds yet: of a class, a sample, an entry of an embedding, another sample.
CLASS, SAMPLE, ENTRY, OTHER = MARKS = "\x01", "\x02", "\x03", "\x04"
_LETTERS = {CLASS: "cjlmn", SAMPLE: "inab", ENTRY: "dhrs", OTHER: "jqab"}

_NAMES = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda"),
    *("mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)
_GREEK = {**{name: name for name in _NAMES}, "lam": "lambda", "lamda": "lambda", "lmbda": "lambda",
          "eps": "epsilon", "lambd": "lambda"}  # fmt: skip
_GREEK_LETTERS = dict(zip("αβγδεζηθκλμνξπρστφχψω", _NAMES, strict=True))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a formula, how strongly it holds together, and the letters its sums have bound."""

    text: str
    strength: int = ATOM
    bound: frozenset[str] = frozenset()
    fraction: tuple[Piece, Piece] | None = None

    def within(self, strength: int) -> str:
        """The text, in brackets where it is weaker than its place."""
        return self.text if self.strength >= strength else rf"\left({self.text}\right)"

    @property
    def plain(self) -> str:
        """The text without its indices: the whole tensor."""
        bare = re.sub(r"_\{[^{}]*\}", lambda m: re.sub(f"[{''.join(MARKS)}]", "", m[0]), self.text)
        return settled(Piece(emptied(bare), bound=self.bound))

    @property
    def is_negative(self) -> bool:
        """Whether it is minus something, so that the sign can be moved."""
        return self.text.startswith("-") and self.strength >= BIG

    def negated(self) -> Piece:
        if self.is_negative:
            return Piece(self.text[1:].strip(), self.strength, self.bound, self.fraction)
        strength = BIG if self.strength <= BIG else MUL
        return Piece(f"-{self.within(BIG)}", strength, self.bound, self.fraction)


def symbol(name: str) -> str:
    """A name of the text as a symbol."""
    if name == "pt":
        return "p_{t}"
    plain = "".join("\\" + _GREEK_LETTERS[c] + " " if c in _GREEK_LETTERS else c for c in name)
    head, _, tail = plain.partition("_")
    letters = head.rstrip("0123456789")
    digits = head[len(letters) :]
    if letters.strip() in _GREEK:
        head = "\\" + _GREEK[letters.strip()]
    elif len(letters) > 1 and not letters.startswith("\\"):
        head = rf"\mathrm{{{letters}}}"
    else:
        head = letters.strip()
    below = ",".join(part for part in (digits, *tail.split("_")) if part)
    if not below:
        return head
    worded = rf"\mathrm{{{below}}}" if any(c.isalpha() for c in below) and len(below) > 1 else below
    return rf"{head}_{{{worded}}}"


def number(value: float) -> str:
    """A number as one writes it: 0.5, 10^{-7}, 2.5 times 10 to the 9."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e6):
        return str(int(value))
    words = f"{value:.6g}"
    if "e" not in words:
        return words
    base, _, power = words.partition("e")
    scale = f"10^{{{int(power)}}}"
    return {"1": scale, "-1": f"-{scale}"}.get(base, rf"{base}\cdot {scale}")


def indexed(name: str, marks: str) -> str:
    """A symbol with indices added to what stands below it."""
    if not marks:
        return name
    head, below, rest = name.partition("_{")
    return f"{head}_{{{rest[:-1]}{marks}}}" if below else f"{name}_{{{marks}}}"


def emptied(text: str) -> str:
    """The text without places below a symbol where nothing is left."""
    return text.replace("_{}", "")


def settled(piece: Piece) -> str:
    """The text with no mark left."""
    text = piece.text.replace(SAMPLE, "").replace(OTHER, "")
    for mark in (CLASS, ENTRY):
        text = text.replace(mark, free_letter(mark, piece.bound))
    return emptied(text)


def free_letter(mark: str, bound: frozenset[str]) -> str:
    """A letter for an index that no sum inside has bound."""
    return next((c for c in _LETTERS[mark] if c not in bound), _LETTERS[mark][-1])


def bound_in(pieces: list[Piece]) -> frozenset[str]:
    """The letters that the sums of some pieces have bound."""
    return frozenset().union(*(p.bound for p in pieces))


def total(op: str, args: list[Piece], bound: frozenset[str]) -> Piece:
    """A sum or a difference, `op` add or sub, the signs joined."""
    left, right = args
    plus = op == "add"
    if left.text == "0":
        return right if plus else right.negated()
    if right.is_negative:
        plus, right = not plus, right.negated()
    text = right.within(ADD if plus else BIG)
    return Piece(f"{left.text} {'+' if plus else '-'} {text}", ADD, bound)


def product(left: Piece, right: Piece, bound: frozenset[str]) -> Piece:
    """Two factors, the sign before both and a number first."""
    if left.is_negative or right.is_negative:
        one = left.negated() if left.is_negative else left
        other = right.negated() if right.is_negative else right
        made = product(one, other, bound)
        return made if left.is_negative and right.is_negative else made.negated()
    if _is_number(right) and not left.text[:1].isdigit():
        left, right = right, left
    if "1" in (left.text, right.text):
        return right if left.text == "1" else left
    whole, share = left.text.isdigit(), r"\frac{1}{"
    if whole and right.text.startswith(share):
        return Piece(rf"\frac{{{left.text}}}{{" + right.text[len(share) :], right.strength, bound)
    first, second = left.within(MUL), right.within(BIG)
    brackets = first.endswith(r"\right)") or second.startswith(r"\left(")
    space = r"\cdot " if second[:1].isdigit() else " " if brackets else r"\,"
    return Piece(f"{first}{space}{second}", BIG if right.strength == BIG else MUL, bound)


def _is_number(piece: Piece) -> bool:
    return piece.strength >= MUL and piece.text[:1].isdigit()


def quotient(top: Piece, bottom: Piece, bound: frozenset[str]) -> Piece:
    """A fraction, the sign before it; one over another becomes one of products."""
    if top.is_negative or bottom.is_negative:
        one = top.negated() if top.is_negative else top
        other = bottom.negated() if bottom.is_negative else bottom
        made = quotient(one, other, bound)
        return made if top.is_negative and bottom.is_negative else made.negated()
    if top.fraction is not None:
        top, inner = top.fraction
        bottom = product(inner, bottom, bound)
    text = rf"\frac{{{top.text}}}{{{bottom.text}}}"
    return Piece(text, CALL, bound, (top, bottom))


def applied(name: str, x: Piece) -> Piece:
    """A function before its argument, which needs brackets only where it is not one thing."""
    big = x.strength == BIG and x.text.startswith(("\\sum", "\\prod", "\\max", "\\min"))
    bare = x.strength >= CALL or big
    text = f"{name} {x.text}" if bare else rf"{name}\left({x.text}\right)"
    return Piece(text, BIG if x.strength == BIG else CALL, x.bound)


def word(name: str) -> str:
    """The name of a function as an upright word."""
    return rf"\text{{{name.replace('_', '-')}}}" if "_" in name else rf"\operatorname{{{name}}}"


def plain_piece(piece: Piece) -> Piece:
    """The whole tensor instead of an entry of it."""
    return Piece(piece.plain, piece.strength, piece.bound)
