"""All named losses at a glance: their curves and verdicts, worked out once and kept."""

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from playground.errors import PlaygroundError

Card = dict[str, Any]
LOSSES = Path(__file__).resolve().parents[2] / "losses"
KEPT = 49  # points of a curve
ATTEMPTS = 3
PAUSE_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Gallery:
    """Asks a worker about one loss after the other, in a thread, while nobody else asks it.

    What came of it lies in a file of `folder` named after the code of the losses, so that the next
    server, unless the losses have changed, knows at once. A card holds "lines" and "ghost", or
    "points", for a thumbnail; "curve", lists p, loss, slope and slope_p, where it has one; and
    "verdicts", the state of each by name.
    """

    def __init__(
        self,
        names: Callable[[], list[str]],
        portrait: Callable[[str], dict[str, Any]],
        doctor: Callable[[str], list[dict[str, Any]]],
        folder: Path,
    ) -> None:
        self._names, self._portrait, self._doctor = names, portrait, doctor
        self._file = folder / f"losses-{_digest()}.json"
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._cards: dict[str, Card] = {}
        self._complete = False
        self._closed = threading.Event()

    def cards(self) -> tuple[dict[str, Card], bool]:
        """What is known by now, and whether that is all; begins to find out if nobody did."""
        with self._lock:
            if not self._complete and not self._closed.is_set() and not self._working:
                self._thread = threading.Thread(target=self._work, name="gallery", daemon=True)
                self._thread.start()
            return dict(self._cards), self._complete

    def close(self) -> None:
        """Ends after the question in progress."""
        self._closed.set()

    def wait(self) -> None:
        """Until the work that was begun is done."""
        if self._thread is not None:
            self._thread.join()

    @property
    def _working(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _work(self) -> None:
        self._read()
        try:
            names = self._names()
        except PlaygroundError as error:
            _log.warning("The losses cannot be drawn yet: %s", error)
            self._closed.wait(PAUSE_SECONDS)  # before somebody begins anew
            return
        for name in names:
            if name not in self._cards:
                self._try(name, lambda name=name: _pictured(self._portrait(name)))  # type: ignore[misc]
        for name in names:
            if "verdicts" not in self._cards.get(name, {}):
                self._try(name, lambda name=name: {"verdicts": self._states(name)})  # type: ignore[misc]
                self._write()
        with self._lock:
            self._complete = not self._closed.is_set()

    def _states(self, name: str) -> dict[str, str]:
        return {each["name"]: each["state"] for each in self._doctor(name)}

    def _try(self, name: str, find: Callable[[], Card]) -> None:
        """Adds to a card; one that a busy machine keeps from it stays as it is until the next
        server."""
        for _ in range(ATTEMPTS):
            if self._closed.is_set():
                return
            try:
                found = find()
            except PlaygroundError as error:
                _log.info("%s is tried again: %s", name, error)
                self._closed.wait(PAUSE_SECONDS)
                continue
            with self._lock:
                self._cards[name] = {**self._cards.get(name, {}), **found}
            return

    def _read(self) -> None:
        """What an earlier server found out; a file that is none is found out again."""
        try:
            found = json.loads(self._file.read_text())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be read and is made anew: %s", self._file, error)
            return
        with self._lock:
            self._cards = {**found, **self._cards}

    def _write(self) -> None:
        part = self._file.with_suffix(".part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(self._cards))
            part.replace(self._file)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, error)


def _pictured(found: dict[str, Any]) -> Card:
    """A card out of what a portrait's curve view says."""
    kind = found.get("kind", "")
    if kind == "curve" and "p" in found:
        chosen = np.linspace(0, len(found["p"]) - 1, 3 * KEPT).round().astype(int)
        curve = _lists({n: found[n] for n in ("p", "loss", "slope", "slope_p")}, chosen)
        inside = [i for i, p in enumerate(curve["p"]) if 0.03 <= p <= 0.97][::3]
        x = [curve["p"][i] for i in inside]
        ghost = _lists({n: found["ghost"][n] for n in ("p", "loss")}, chosen)
        return {
            "lines": _lines(x, [[curve["loss"][i] for i in inside]]),
            "ghost": _lines(x, [[ghost["loss"][i] for i in inside]])[0],
            "curve": curve,
        }
    if kind in ("pairs", "triplets"):
        rows = [_plain(row) for row in found["loss"]]
        return {"lines": _lines(_plain(found["distance"]), rows)}
    if kind == "points":
        return {"points": [_plain(row) for row in found["points"]]}
    if kind == "batch":
        return {"points": [[float(p), -float(pull)] for p, pull in
                           zip(found["p"], found["pull"], strict=True)]}  # fmt: skip
    return {}


def _lines(x: list[Any], rows: list[list[Any]]) -> list[list[list[float]]]:
    """Lines of (x, y) places out of a common x and rows of y; what is None is left out."""
    return [[[a, b] for a, b in zip(x, row, strict=True) if b is not None] for row in rows]


def _lists(arrays: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, list[Any]]:
    return {name: _plain(array[chosen]) for name, array in arrays.items()}


def _plain(values: np.ndarray) -> list[Any]:
    """Five digits; None where there is no number."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values.tolist()]


def _digest() -> str:
    """12 hexadecimal digits of the code of the losses, and of this file."""
    found = hashlib.sha256()
    for path in sorted([*LOSSES.rglob("*.py"), Path(__file__)]):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]
