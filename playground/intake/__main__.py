"""The process that reads what a visitor brings: `python -m playground.intake data|run FILE`.

It gets its orders as JSON on stdin (owner, title, side), says how far it is and what came of it as
lines of JSON on stdout, and is bounded in memory, in files and in what it may open; who started it
bounds its time. A file that would break it breaks nothing else.
"""

import json
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from playground.datasets import own
from playground.errors import IntakeError, PlaygroundError
from playground.intake import reading, review, runs
from playground.intake.limits import limits
from playground.runs.memory import bound_memory
from playground.runs.store import open_store
from playground.settings import settings

PACE = 0.2  # seconds between two reports
_MEMORY = 1 << 30  # beside four times what may be unpacked


def main() -> None:
    """Does what it is told, and says how it went."""
    what, path = sys.argv[1], Path(sys.argv[2])
    order = json.loads(sys.stdin.readline())
    bound_memory(_MEMORY + 4 * limits(settings()).unpacked_bytes)
    try:
        say(done=TASKS[what](path, order))
    except PlaygroundError as error:
        say(error=[str(error), error.operator_hint])
    except MemoryError:
        say(error=["There is not enough memory to read the file.", "Bring fewer images."])


def say(**line: Any) -> None:
    """A line of JSON to who started this process."""
    print(json.dumps(line), flush=True)


def _data(path: Path, order: dict[str, Any]) -> str:
    """Reads, looks at and keeps own data; returns their name."""
    bounds, last = limits(settings()), 0.0

    def on_images(done: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last > PACE:
            last = time.monotonic()
            say(doing=f"Reading images: {done:,} of {of:,}", fraction=done / of)

    say(doing="Reading the file", fraction=None)
    found = reading.read(path, bounds, order["side"], on_images)
    say(doing="Looking at the images", fraction=None)
    facts, arrays = review.reviewed(found, order["title"], bounds)
    own.keep(facts, arrays, order["owner"])
    return facts.name


def _run(path: Path, order: dict[str, Any]) -> str:
    """Reads and keeps a run; returns its id. Images that came along are kept, too, if they are
    those of the run and there is room; without them the run is shown all the same."""
    say(doing="Reading the run", fraction=None)
    brought = runs.read(path, limits(settings()))
    with closing(open_store(settings())) as store:
        run_id = runs.keep(store, brought, order["owner"])
    if brought.data:
        known = own.facts(brought.spec.dataset)
        try:
            _data(path, {**order, "side": 0, "title": known.title if known else ""})
        except IntakeError as error:
            say(doing=f"The run is here, its images are not: {error.message}", fraction=None)
    return run_id


TASKS = {"data": _data, "run": _run}

if __name__ == "__main__":
    main()
