"""Where the pages are: the server leaves its address beside the store, and a terminal that trains
into the same store prints links to it."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.runs import liveness

USUAL = "http://localhost:8501"
_FILE = "server.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Link:
    """The address of a run's page; `up` says whether a server answers there."""

    url: str
    up: bool


@contextmanager
def announced(home: Path, url: str) -> Iterator[None]:
    """Says for the length of the block that this process serves the pages of a store at `url`."""
    path = home / _FILE
    mine = {"url": url, "host": liveness.host(), "pid": os.getpid(), "holder": liveness.holder()}
    try:
        path.write_text(json.dumps(mine), "utf-8")
    except OSError as error:
        _log.warning("Terminals cannot be told where the pages are: %s", error)
    try:
        yield
    finally:
        try:
            if _read(path) == mine:  # and not of a server that was started later
                path.unlink(missing_ok=True)
        except OSError as error:
            _log.info("%s stays: %s", path, error)


def link(home: Path, run_id: str, page: str = "") -> Link:
    """The link to a run, on the server of this store or, if none is up, the usual one; on the page
    "race" to a race."""
    found = _read(home / _FILE)
    up = (
        found.get("host") == liveness.host()
        and isinstance(found.get("pid"), int)
        and isinstance(found.get("url"), str)
        and liveness.identity(found["pid"]) == found.get("holder")
    )
    return Link(f"{found['url'] if up else USUAL}/{page}?{page or 'run'}={run_id}", up)


def run_of(text: str) -> str:
    """The id of a run that was named by its link, or by its id."""
    return text.rpartition("run=")[2].partition("&")[0]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
