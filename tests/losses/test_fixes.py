"""Every fix that the editor offers on a shared text, followed to the letter: the text is accepted,
or shows its next fault. And where the faults of the shared texts are told to be.

    python -m tests.losses.test_fixes        # counts, and what is told at another place
"""

import re
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import pytest
from test_forum import PASTED
from test_forum_pastes import ENTRIES as PASTES
from test_reference import ENTRIES, READ_SINCE, is_inside

import losses
from losses.language.errors import Remark, Span

TEXTS = {
    **{e["id"]: e["text"] for e in ENTRIES},
    **{f"paste-{e['id']}": e["text"] for e in PASTES},
    **{f"forum-{name}": text for name, text in PASTED.items()},
}
MOST = 12  # fixes one after the other
Place = tuple[str, int, int]


def replaced(text: str, changes: list[tuple[Span, str]]) -> str:
    """The text with each stretch replaced, as the editor does it with one click."""
    starts = [0, *(found.end() for found in re.finditer("\r\n|\r|\n", text))]
    spots = [
        (starts[s.line - 1] + s.column - 1, starts[s.end_line - 1] + s.end_column - 1, words)
        for s, words in changes
    ]
    for start, end, words in sorted(spots, reverse=True):
        text = text[:start] + words + text[end:]
    return text


@cache
def answer(text: str) -> losses.LossError | list[Remark]:
    """What the editor gets: the error, or the warnings and notes."""
    try:
        loss = losses.compile_loss(text)
    except losses.LossError as error:
        return error
    return [*loss.warnings, *loss.notes]


def followed(text: str) -> Iterator[tuple[str, Place]]:
    """Each text on the way and the fault that it shows; ends where no fix is offered."""
    for _ in range(MOST):
        told = answer(text)
        if not isinstance(told, losses.LossError) or told.fix is None:
            return
        yield text, (told.message, told.line, told.column)
        text = replaced(text, [(told.span, told.fix), *told.also])
    raise AssertionError(f"there is no end to the fixes: {text!r}")


@pytest.mark.parametrize("name", TEXTS)
def test_a_fix_of_a_fault_leads_on(name: str) -> None:
    steps = list(followed(TEXTS[name]))
    assert len({text for text, _ in steps}) == len(steps)
    for (before, one), (after, two) in pairwise(steps):
        assert one != two, f"the same fault again: {one} in {before!r} and {after!r}"
    if steps:
        last, place = steps[-1]
        told = answer(last)
        assert isinstance(told, losses.LossError) and told.fix is not None
        told_after = answer(replaced(last, [(told.span, told.fix), *told.also]))
        if isinstance(told_after, losses.LossError):
            assert (told_after.message, told_after.line, told_after.column) != place


@pytest.mark.parametrize("name", TEXTS)
def test_a_fix_of_a_remark_removes_it(name: str) -> None:
    text = TEXTS[name]
    told = answer(text)
    for remark in told if isinstance(told, list) else []:
        if remark.fix is None:
            continue
        after = answer(replaced(text, [(remark.span, remark.fix)]))
        assert isinstance(after, list), f"{remark}: {after}"
        kept = {(r.code, r.message, r.line, r.column) for r in after}
        assert (remark.code, remark.message, remark.line, remark.column) not in kept


def misplaced() -> tuple[int, list[str]]:
    """How many shared texts are refused at a known place, and those told to be at another."""
    count, wrong = 0, []
    for entry in ENTRIES:
        if entry["expect"] != "reject" or "near" not in entry or entry["id"] in READ_SINCE:
            continue
        count += 1
        told = answer(entry["text"])
        if not isinstance(told, losses.LossError) or not is_inside(entry, told):
            wrong.append(f"{entry['id']}: {told}")
    return count, wrong


def test_faults_are_told_where_they_are() -> None:
    count, wrong = misplaced()
    assert count > 150 and len(wrong) <= 0.02 * count, wrong


def main() -> None:
    """Print how many fixes there are, and how many faults are told at their place."""
    fixes = sum(len(list(followed(text))) for text in TEXTS.values())
    answers = [answer(text) for text in TEXTS.values()]
    remarks = sum(r.fix is not None for told in answers if isinstance(told, list) for r in told)
    count, wrong = misplaced()
    print(f"{len(TEXTS)} texts, {fixes} fixes of faults, {remarks} of remarks")
    print(f"{count - len(wrong)} of {count} refused at their place; others: {wrong}")


if __name__ == "__main__":
    main()
