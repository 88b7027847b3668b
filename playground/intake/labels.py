"""Labels of any kind as class numbers and the classes' names."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from playground.datasets import own
from playground.errors import IntakeError
from playground.intake.limits import LEAST_CLASSES

NAME_CHARACTERS = 40


def numbered(
    labels: Mapping[str, Sequence[object] | np.ndarray], most: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """The class numbers (N,) int64 of each part's labels, and the names in order: numbers by
    their size, else by the alphabet. Raises IntakeError for fewer than two classes or more than
    `most`."""
    parts = {part: np.asarray(values) for part, values in labels.items()}
    if any(values.dtype.kind == "U" for values in parts.values()):
        parts = {part: values.astype(str) for part, values in parts.items()}
    kinds = np.unique(np.concatenate([values.ravel() for values in parts.values()]))
    check_count(len(kinds), most, "" if len(kinds) != 1 else str(kinds[0]))
    order = sorted(kinds.tolist(), key=_rank)
    place = {value: number for number, value in enumerate(order)}
    sorted_places = np.array([place[value] for value in kinds.tolist()], np.int64)
    found = {part: sorted_places[np.searchsorted(kinds, values)] for part, values in parts.items()}
    return found, distinct([str(value) for value in order])


def check_count(classes: int, most: int, only: str = "") -> None:
    """Raises IntakeError for fewer classes than two or more than `most`."""
    if classes < LEAST_CLASSES:
        named = f", {shown(only)}" if only else ""
        raise IntakeError(
            f"There is one class{named}: a classifier needs at least {LEAST_CLASSES}.",
            "Bring images of another class, too.",
        )
    if classes > most:
        raise IntakeError(
            f"There are {classes:,} classes, more than {most:,}.",
            "Bring fewer classes; check that the labels are classes and not, say, line numbers.",
        )


def distinct(names: Sequence[str]) -> list[str]:
    """Names that can be shown, cut where they are long, and no two alike."""
    found: list[str] = []
    for name in names:
        plain = shown(name) or "?"
        called, count = plain, 2
        while called in found:
            called, count = shown(f"{plain[: NAME_CHARACTERS - 4]} {count}"), count + 1
        found.append(called)
    return found


def counted(count: int, one: str, more: str) -> str:
    """How many of something: "1 picture was", "2 pictures were"."""
    return f"{count:,} {one if count == 1 else more}"


def shown(text: str) -> str:
    """A text of a stranger's on one line, short and without what means something elsewhere."""
    return own.plain(text)


def _rank(value: object) -> tuple[float, list[tuple[float, str]], str]:
    """Numbers by size, texts as people sort them: "class 2" before "class 10"."""
    if isinstance(value, int | float):
        return float(value), [], ""
    text = str(value)
    parts = re.split(r"(\d{1,15})", text.casefold())
    natural = [(float(part), "") if part.isdigit() else (-1.0, part) for part in parts]
    return 0.0, natural, text
