"""What is said of sizes that do not fit, in the letters of a visitor."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import permutations

from .graph import BATCHES, Node, Shape, letter
from .sizes import SizeError

_NUMBER = re.compile(r"\d+(?:,\d{3})*")


def said(rule: Callable[[int], Shape], k: int) -> str | None:
    """What a rule says against the sizes at a batch; None where it says nothing."""
    try:
        rule(k)
    except SizeError as error:
        return error.message
    return None


def in_letters(
    one: str | None, two: str | None, letter_of: Callable[[int, int], str] = letter
) -> str:
    """What is said at both batch sizes, with B and D for the numbers that differ. Where it is said
    at one of them only, that size is the batch."""
    if one is None or two is None:
        batch = str(BATCHES[0 if two is None else 1])
        return _NUMBER.sub(lambda found: "B" if found[0] == batch else found[0], one or two or "")
    seen = iter(_NUMBER.findall(two))

    def shown(found: re.Match[str]) -> str:
        here, there = (int(text.replace(",", "")) for text in (found[0], next(seen, found[0])))
        return found[0] if here == there else letter_of(here, there)

    return _NUMBER.sub(shown, one)


def size_hint(args: Sequence[Node], letters: Callable[[Node], str]) -> str | None:
    """What may be meant where the sizes of two tensors do not fit."""
    for wide, flat in permutations(args, 2):
        reduced = flat.rank and all(
            w[:-1] == f for w, f in zip(wide.shapes, flat.shapes, strict=True)
        )
        if reduced and wide.rank == flat.rank + 1:
            return (
                f"keepdims=True in {flat.op}(...) keeps its axis: "
                if flat.attrs.get("keepdims") is False
                else "[..., None] adds an axis: "
            ) + f"{letters(flat)} would be {letters(flat)[:-1].rstrip(',')}, 1)"
    moving = any(a.shapes[0] != a.shapes[1] for a in args)
    fixed = [a for a in args if a.shapes[0] == a.shapes[1] and a.rank]
    if not (moving and fixed):
        return None
    lead = fixed[0].shapes[0][0]
    return (
        f"if {lead} is meant as the batch size: it changes, so write shape(y_pred)[0], "
        "zeros_like(y_pred) or ones_like(y_pred)"
    )
