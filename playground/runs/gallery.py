"""All named losses at a glance: their curves and the findings on them, worked out once and kept."""

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playground.errors import PlaygroundError
from playground.runs.cards import Card, digest, examined, pictured

ATTEMPTS = 3
PAUSE_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Gallery:
    """Knows the cards that are `shipped`. Where there are none, it asks a worker about one loss
    after the other, in a thread, while nobody else asks it.

    What came of it lies in a file of `folder` named after the code of the losses, so that the next
    server, unless the losses have changed, knows at once.
    """

    def __init__(
        self,
        names: Callable[[], list[str]],
        portrait: Callable[[str], dict[str, Any]],
        doctor: Callable[[str], list[dict[str, Any]]],
        folder: Path,
        shipped: Mapping[str, Card] | None = None,
    ) -> None:
        self._names, self._portrait, self._doctor = names, portrait, doctor
        self._file = folder / f"losses-{digest()}.json"
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._cards: dict[str, Card] = dict(shipped or {})
        self._complete = bool(shipped)
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
                self._try(name, lambda name=name: pictured(self._portrait(name)))  # type: ignore[misc]
        for name in names:
            if "findings" not in self._cards.get(name, {}):
                self._try(name, lambda name=name: examined(self._doctor(name)))  # type: ignore[misc]
                self._write()
        with self._lock:
            self._complete = not self._closed.is_set()

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
        """What an earlier server found out, or one beside; a file that is none is made anew."""
        try:
            found = json.loads(self._file.read_text())
            if not (isinstance(found, dict) and all(isinstance(v, dict) for v in found.values())):
                raise ValueError("no cards by name")
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be read and is made anew: %s", self._file, error)
            return
        with self._lock:
            self._cards = {**found, **self._cards}

    def _write(self) -> None:
        part = self._file.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.write_text(json.dumps(self._cards))
                part.replace(self._file)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, error)
