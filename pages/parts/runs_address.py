"""What the page Runs lists, as a part of its address: JSON of what its controls hold other than to
begin with, so that a link or F5 shows the same list."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pages.parts import runs_list, session
from playground.errors import SpecError

PAGE = "runs"
KEY = "list"  # of the address
MOST = 4000  # characters of it
MOST_WORDS = 64  # of a list of names
LARGEST = 2**53 - 1  # of a bound, which a browser's control takes
_KEYS: Mapping[str, session.Key[Any]] = {
    "search": runs_list.SEARCH,
    "show": runs_list.SHOW,
    "tasks": runs_list.TASKS,
    "data": runs_list.DATA,
    "states": runs_list.STATE,
    "starred": runs_list.STARRED,
    "by": runs_list.CONDITIONS,
    "bounds": runs_list.BOUNDS,
    "sort": runs_list.SORT,
    "ascending": runs_list.ASCENDING,
    "columns": runs_list.CHOSEN,
}
_AMONG = "among"  # the values of the settings under "by" that are listed


def said() -> str:
    """The list as it is; "" where it is as it was to begin with."""
    values = {name: key.get() for name, key in _KEYS.items() if key.get() != key.default()}
    among = {name: runs_list.choices(name).get() for name in runs_list.CONDITIONS.get()}
    if chosen := {name: values for name, values in among.items() if values}:
        values[_AMONG] = chosen
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) if values else ""


def parsed(text: str) -> dict[str, Any]:
    """What such a text says, by the controls' names. Raises SpecError."""
    if not text:
        return {}
    try:
        values = json.loads(text) if len(text) <= MOST else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise SpecError(KEY, "expected JSON of what the list is narrowed down by")
    if not _can_be_written(values):
        raise SpecError(KEY, "there is half a character in it")
    for name, value in values.items():
        if name not in _FITS or not _FITS[name](value):
            raise SpecError(KEY, f"{name[:20]!r} is nothing that a list is narrowed down by so")
    return {name: _once(value) for name, value in values.items()}


def _can_be_written(values: Mapping[str, Any]) -> bool:
    """Whether it has no half of a surrogate pair, of which no address can be made again."""
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _once(value: Any) -> Any:
    """A list without what is in it already."""
    return list(dict.fromkeys(value)) if isinstance(value, list) else value


def show(values: Mapping[str, Any]) -> None:
    """Sets the controls to that, and the others to what they are to begin with."""
    for name, key in _KEYS.items():
        key.set(values.get(name, key.default()))
    runs_list.CONDITIONS.set(runs_list.CONDITIONS.get()[: runs_list.MOST_CONDITIONS])
    for name, chosen in values.get(_AMONG, {}).items():
        if name in runs_list.CONDITIONS.get():
            runs_list.choices(name).set(_once(chosen))


def _is_words(value: Any) -> bool:
    words = isinstance(value, list) and len(value) <= MOST_WORDS
    return words and all(isinstance(each, str) for each in value)


def _is_bounds(value: Any) -> bool:
    return isinstance(value, dict) and all(
        each is None
        or (isinstance(each, int | float) and not isinstance(each, bool) and abs(each) <= LARGEST)
        for each in value.values()
    )


def _is_among(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_words, value.values()))


_BY_TYPE: Mapping[type, Callable[[Any], bool]] = {
    str: lambda value: isinstance(value, str),
    bool: lambda value: isinstance(value, bool),
    list: _is_words,
    dict: _is_bounds,
}
_FITS: Mapping[str, Callable[[Any], bool]] = {
    **{name: _BY_TYPE[type(key.default())] for name, key in _KEYS.items()},
    _AMONG: _is_among,
}
