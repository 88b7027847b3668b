"""The named losses and their cards as they are shipped, so that no page waits until a worker has
worked them out: `python -m playground.runs.shipped` makes the file anew, where the code of the
losses has changed. It takes half a minute. A server whose code is another one does without."""

import gzip
import json
import logging
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.answers import ANSWERS
from playground.runs.cards import Card, digest, examined, pictured
from playground.training.control import Control

FILE = Path(__file__).with_name("named_losses.json.gz")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shipped:
    """`catalog` as the question of this name is answered, and a card of each loss by its name."""

    catalog: list[dict[str, Any]]
    cards: dict[str, Card]


def read(file: Path = FILE) -> Shipped | None:
    """What is shipped; None if it is of other losses than are here, or damaged, which is logged."""
    try:
        found = json.loads(gzip.decompress(file.read_bytes()))
        if found["digest"] == digest():
            shipped = Shipped(found["catalog"], found["cards"])
            if {info["name"] for info in shipped.catalog} == set(shipped.cards):
                return shipped
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        _log.warning("%s cannot be read; the losses are drawn anew: %r", file, error)
        return None
    _log.info("%s is of other losses; they are drawn anew.", file)
    return None


def make(names: Sequence[str] | None = None) -> Shipped:
    """The same worked out in this process, of all losses or of some; needs TensorFlow."""
    import losses

    cards = {}
    catalog = [info.as_dict() for info in losses.catalog()]
    for name in names if names is not None else [info["name"] for info in catalog]:
        asked: dict[str, Any] = {"text": name, "parameters": {}, "view": "curve"}
        findings = losses.doctor(losses.get(name), seconds=1e9).as_dict()["findings"]
        cards[name] = {**pictured(ANSWERS["portrait"](asked, Control())), **examined(findings)}
    return Shipped(catalog, cards)


def write(shipped: Shipped, file: Path = FILE) -> None:
    """Makes the file, the same bytes of the same content."""
    content = {"digest": digest(), "catalog": shipped.catalog, "cards": shipped.cards}
    packed = json.dumps(content, separators=(",", ":"), sort_keys=False).encode()
    file.write_bytes(gzip.compress(packed, 9, mtime=0))


if __name__ == "__main__":
    write(make())
    print(f"{FILE} is made: {FILE.stat().st_size / 1000:.0f} kB")
