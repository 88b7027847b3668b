"""Fetching a data set through `keras.datasets` into Keras' cache, with visible progress.

Keras is imported only while a download runs, which is in a worker or a terminal. What was fetched
is not trusted: `playground.datasets` reads it as it reads any file, by its published hash.
"""

import errno
import importlib
import os
import socket
import sqlite3
import tempfile
import threading
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playground.datasets.source import Source
from playground.errors import DataError

_SILENCE_SECONDS = 30.0  # of the server, after which a download is given up
_LOCK = ".loss-playground-download.lock"


def keras_cache() -> Path:
    """The folder where Keras keeps data sets: by its own rule, without importing it."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()
    if not os.access(home, os.W_OK):
        home = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()) / ".keras"  # noqa: S108
    return home / "datasets"


def fetch(
    source: Source,
    is_here: Callable[[], bool],
    on_progress: Callable[[str, float | None], None],
) -> None:
    """Downloads a data set unless another process just did (`is_here`), which is waited for.

    `on_progress` is called about five times a second, in the calling thread; what it raises ends
    the wait, not the download. Raises DataError saying why there was none.
    """
    title, download = source.title, source.download
    if download is None:
        raise DataError(f"{title} cannot be downloaded.", "Put its files into PLAYGROUND_DATA.")
    failures: list[Exception] = []

    def work() -> None:
        try:
            import keras

            folder = keras_cache()
            folder.mkdir(parents=True, exist_ok=True)
            loader = importlib.import_module(f"keras.datasets.{source.name}")
            with _only_one(folder), _quiet(keras), _timeout():
                if not is_here():
                    loader.load_data()
        except Exception as error:  # Keras raises a bare Exception for all that can go wrong
            failures.append(error)

    worker = threading.Thread(target=work, name=f"download-{source.name}", daemon=True)
    worker.start()
    while worker.is_alive():
        done = sum(_size(keras_cache() / file) for file in download.growing)
        if done < download.bytes:
            on_progress(
                f"Downloading {title}: {done / 1e6:.1f} of {download.bytes / 1e6:.1f} MB",
                done / download.bytes,
            )
        else:
            on_progress(f"Unpacking {title}", None)
        worker.join(0.2)
    if failures:
        raise DataError(
            f"{title} is not on this machine and could not be downloaded from {download.host}: "
            f"{_reason(failures[0])}.",
            "Choose Digits, which comes with scikit-learn, or set PLAYGROUND_DATA to a folder "
            f"that has the published files of {title}.",
        )


def under_way() -> bool:
    """Whether a process is downloading into Keras' cache at this moment."""
    path = keras_cache() / _LOCK
    if not os.path.isfile(path):  # not Path.is_file: it raises for a folder that may not be read
        return False
    with closing(sqlite3.connect(path, timeout=0)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        return False


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """One download at a time into a cache. SQLite's file lock works on every platform and is let
    go by the system when its process dies."""
    with closing(sqlite3.connect(folder / _LOCK, timeout=3600, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def _quiet(keras: object) -> Iterator[None]:
    """Keras draws no progress bar of its own."""
    config = keras.config  # type: ignore[attr-defined]
    loud = config.is_interactive_logging_enabled()
    config.disable_interactive_logging()
    try:
        yield
    finally:
        if loud:
            config.enable_interactive_logging()


@contextmanager
def _timeout() -> Iterator[None]:
    """Keras waits for a silent server forever; this bounds it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # not begun


def _reason(error: BaseException | None) -> str:
    """Why, in plain words, from the exception that Keras wrapped."""
    while error is not None:
        if isinstance(error, urllib.error.HTTPError):
            return f"the server answered {error.code}"
        if isinstance(error, urllib.error.ContentTooShortError):
            return "the connection broke off"
        if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
            error = error.reason
        if isinstance(error, TimeoutError):
            return f"the server was silent for {_SILENCE_SECONDS:.0f} seconds"
        if isinstance(error, socket.gaierror):
            return "there is no internet connection"
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return f"the disk of {keras_cache()} is full"
        if isinstance(error, PermissionError):
            return f"{error.filename or keras_cache()} may not be written"
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        if isinstance(error, ValueError):
            return "what came is not the published file"
        error = error.__cause__ or error.__context__
    return "the download failed"
