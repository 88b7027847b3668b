"""What a control needs to know of a field of a spec, and what is said of a value that is wrong."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

MAX_LOSS_CHARACTERS = 10_000  # of a metric, too


class Titles(Mapping[str, str]):
    """Choices by their titles: those that a table has at the moment. `absent` says of a value that
    is not among them what else there is to say than what the choices are, or nothing."""

    def __init__(
        self, table: Callable[[], Mapping[str, Any]], absent: Callable[[Any], str] = lambda _: ""
    ) -> None:
        self._table, self.absent = table, absent

    def __getitem__(self, name: str) -> str:
        return str(self._table()[name].title)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table())

    def __len__(self) -> int:
        return len(self._table())


@dataclass(frozen=True)
class Knob:
    """What a control needs to know of a field; numbers have a range, the rest has choices.

    Specs are tables of these, alike in shape, since each says just what it differs in.
    """

    label: str
    help: str
    group: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: Mapping[str, str] | None = None  # value -> label
    zero: str = ""  # what 0 means, where it stands for more than a number

    def check(self, value: Any) -> None:
        """Raises PydanticCustomError for a value outside the choices or the range."""
        if self.choices is not None and value not in self.choices:
            absent = self.choices.absent(value) if isinstance(self.choices, Titles) else ""
            expected = f"expected one of {', '.join(self.choices)}; got {shown(value)}"
            raise PydanticCustomError("choice", absent or expected)
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            raise PydanticCustomError(
                "range", f"expected {self.low:.10g} to {self.high:.10g}; got {shown(value)}"
            )


def knob_of(field: FieldInfo) -> Knob:
    """The knob among a field's annotations."""
    return next(mark for mark in field.metadata if isinstance(mark, Knob))


def kind_of(field: FieldInfo) -> str:
    """What a field holds, in words."""
    names: dict[Any, str] = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "text",
    }
    kind = field.annotation
    if get_origin(kind) is tuple:
        return "a list of names or texts"
    known = kind is not None and not get_args(kind)
    return names.get(kind, "names with numbers") if known else "names with numbers"


def is_name(text: str) -> bool:
    """Whether a loss or a metric is given by the name of one rather than by a text."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text) is not None


def metric_key(metric: str) -> str:
    """Under what a metric of a spec is recorded, beside "loss" and "accuracy": its name, or a
    short word for its text that is the same in every run."""
    if is_name(metric):
        return metric
    return f"text_{hashlib.sha256(metric.encode()).hexdigest()[:8]}"


def checked_text(value: str, what: str) -> str:
    """The text of a loss or a metric. Raises PydanticCustomError for one that is none."""
    if not value.strip():
        raise PydanticCustomError("empty", f"expected the name or the text of a {what}; got none")
    if len(value) > MAX_LOSS_CHARACTERS:
        raise PydanticCustomError(
            "length", f"expected at most {MAX_LOSS_CHARACTERS:,} characters; got {len(value):,}"
        )
    if any(0xD800 <= ord(character) <= 0xDFFF or character == "\0" for character in value):
        raise PydanticCustomError("text", "expected plain text; got characters that are none")
    return value


def shown(value: Any) -> str:
    """A value as an error quotes it: cut where it is long."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def to_text(value: Any) -> str:
    """A value as a URL has it."""
    if isinstance(value, tuple):
        plain = all(map(is_name, value))
        return ",".join(value) if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
