"""A race as a part of an address: all that repeats it anywhere, however many points it has.

A sweep is written as what draws its points; whatever is long is compressed. Both are read again
with the same checks as any other race.
"""

import base64
import binascii
import json
import zlib
from typing import Any
from urllib.parse import quote

from playground.errors import SpecError
from playground.races import race_file
from playground.races.race import Race

PAGE = "race"
COMPRESSED = "z."  # before what is compressed
SHORT = 1500  # characters up to which it stands there readably
MOST = 400_000  # characters that a compressed one may come to


def setup(race: Race) -> str:
    """A race as text: the inverse of `race_of`."""
    values: dict[str, Any] = json.loads(race.to_json())
    if race.sweep:
        for name in ("lanes", "kind", "halving"):
            del values[name]
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    if len(text) <= SHORT:
        return text
    return COMPRESSED + base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode()


def race_of(text: str) -> Race:
    """The race of such a text. Raises SpecError."""
    try:
        values = json.loads(_inflated(text) if text.startswith(COMPRESSED) else text)
    except (ValueError, RecursionError):
        raise SpecError("race", "expected JSON; got something else") from None
    if isinstance(values, dict) and "sweep" in values and "lanes" not in values:
        rest = {name: value for name, value in values.items() if name != "sweep"}
        return race_file.sweep(values["sweep"], rest)
    return Race.parse(values)


def link(race: Race, server: str = "") -> str:
    """The link that sets the page Race to a race, on any server: "/race?setup=...", after the
    address of a `server`."""
    return f"{server}/{PAGE}?setup={quote(setup(race), safe='')}"


def _inflated(text: str) -> str:
    """Raises ValueError for what was not compressed here, and for what would be too long."""
    try:
        packed = base64.urlsafe_b64decode(text.removeprefix(COMPRESSED))
        inflating = zlib.decompressobj()
        found = inflating.decompress(packed, MOST)
    except (binascii.Error, zlib.error) as error:
        raise ValueError(str(error)) from error
    if not inflating.eof:
        raise ValueError("cut off, or too long")
    return found.decode()
