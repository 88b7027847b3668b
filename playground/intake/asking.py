"""Hands a file that a visitor brought to the process that reads it, and hears how it went."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from playground.errors import IntakeError
from playground.runs.environment import ROOT, environment
from playground.settings import Settings

Doing = Callable[[str, float | None], None]  # what is done, and how far it is
_OF_STORE = (
    *("home", "store_url", "files_url", "snapshot_mib", "checkpoint_mib", "store_gib"),
    "lock_seconds",
)
_KEYS = ("AWS_", "FSSPEC_", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_STORAGE_")
_log = logging.getLogger(__name__)
_one = threading.Lock()  # at a time: reading takes a processor and memory
_waiting: set[str] = set()  # owners of whom a file waits to be read
_of_waiting = threading.Lock()


class Busy(IntakeError):
    """A file is not read now, whatever is in it."""


def take(what: str, path: Path, order: dict[str, Any], settings: Settings, on_doing: Doing) -> str:
    """Lets a process of its own read a file: "data" gives the name of the data set, "run" the id of
    the run. Raises IntakeError, whose words are for who brought it; Busy where one file of its
    owner waits already."""
    if not _one.acquire(blocking=False):
        _wait(order.get("owner", ""), on_doing)
    try:
        return _read(what, path, order, settings, on_doing)
    finally:
        _one.release()


def _wait(owner: str, on_doing: Doing) -> None:
    """Takes the turn to read when it is free."""
    with _of_waiting:
        if owner in _waiting:
            raise Busy(
                "Another file of yours waits to be read.", "Bring this one when that has been read."
            )
        _waiting.add(owner)
    try:
        on_doing("Waiting: another file is being read", None)
        _one.acquire()
    finally:
        with _of_waiting:
            _waiting.discard(owner)


def _read(what: str, path: Path, order: dict[str, Any], settings: Settings, on_doing: Doing) -> str:
    late = threading.Event()
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "playground.intake", what, str(path.resolve())],
            cwd=ROOT,
            env=_environment(settings, what),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        ) as process,
    ):

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(settings.upload_seconds, give_up)
        timer.start()
        try:
            orders = cast(IO[str], process.stdin)
            orders.write(json.dumps(order) + "\n")
            orders.flush()
            found = _heard(cast(IO[str], process.stdout), on_doing)
        except BrokenPipeError:
            found = None  # it ended before it had heard all
        finally:
            timer.cancel()
            process.kill()
        if found is not None:
            return found
        errors.seek(0)
        _log.warning("The process that reads a file ended: %s", errors.read()[-2000:])
    if late.is_set():
        raise IntakeError(
            f"Reading the file took more than {settings.upload_seconds:,.0f} seconds.",
            "Bring fewer images.",
        )
    raise IntakeError(
        "The file could not be read: the process that reads it ended.",
        "Bring fewer images, or another kind of file.",
    )


def _heard(lines: IO[str], on_doing: Doing) -> str | None:
    """What the process says in the end; None if it says nothing."""
    for line in lines:
        said = json.loads(line)
        if "done" in said:
            return str(said["done"])
        if "error" in said:
            raise IntakeError(*said["error"])
        on_doing(said["doing"], said["fraction"])
    return None


def _environment(settings: Settings, what: str) -> dict[str, str]:
    """A worker's, and what of the settings it goes by; of the store, and of the keys of the bucket
    where its weights may be, only where it keeps a run."""
    names = [name for name in type(settings).model_fields if name.startswith("upload_")]
    names += ["picture_megapixels", *(_OF_STORE if what == "run" else ())]
    ours = {f"PLAYGROUND_{name.upper()}": str(getattr(settings, name)) for name in names}
    keys = {name: os.environ[name] for name in os.environ if name.startswith(_KEYS)}
    return {**environment(settings), **ours, **(keys if what == "run" else {})}
