"""The files of runs in a bucket of S3 or its kin: anywhere that fsspec has a file system for."""

import importlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

from playground.errors import StoreError
from playground.runs.files import AnyFiles, Files, damaged, from_npz

MARK = ".loss-playground"  # an empty object: the bucket is there and can be written
AGAIN_SECONDS = 0.5  # between two tries to write
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


def open_files(url: str, folder: Path, patience: float) -> AnyFiles:
    """The files of a URL's bucket or folder, or where it is empty of this folder. Raises
    StoreError."""
    scheme, _, path = url.rpartition("://")
    if scheme and scheme != "file":
        return Bucket(url, patience)
    return Files(Path(path) if url else folder)


class Bucket:
    """As `Files`, below a URL such as s3://bucket/prefix. An object is there whole or not at all.
    What has to be written waits up to `patience` seconds for a bucket that does not answer. Keys
    and the address of a server that is not Amazon's are read from the environment, as the file
    system's own documentation says. Thread-safe; methods raise StoreError."""

    def __init__(self, url: str, patience: float = 60.0) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        # For messages: without a name and a password before the host.
        self.place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
        self._patience = patience
        try:
            fsspec: Any = importlib.import_module("fsspec")
            # Other servers write there, too: no listing is remembered.
            self._system, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError, TypeError, OSError) as error:
            raise StoreError(
                f"PLAYGROUND_FILES_URL cannot be used: there is nothing here that opens "
                f"{parts.scheme[:20]}:// addresses.",
                "Run `pip install -r deploy/requirements.txt`, or install what fsspec's list of "
                "file systems names for it.",
            ) from error
        self._root = root.rstrip("/")

    def open(self) -> None:
        """Refuses a bucket that is not there or cannot be written."""
        path = f"{self._root}/{MARK}"
        if not self._do(lambda: self._system.exists(path)):
            self._do(lambda: self._system.pipe_file(path, b""))

    def write(self, run_id: str, name: str, content: bytes) -> None:
        """Whole or not at all: a reader never sees half a file."""
        path, end = self._path(run_id, name), time.monotonic() + self._patience
        while True:
            try:
                self._do(lambda: self._system.pipe_file(path, content))
                return
            except StoreError as error:
                if not error.passing or time.monotonic() > end:
                    raise
                _log.info("Writing is tried again: %s", error)
                time.sleep(AGAIN_SECONDS)

    def read(self, run_id: str, name: str) -> dict[str, np.ndarray]:
        """The arrays of a file, by name."""
        try:
            return from_npz(self.raw(run_id, name))
        except ValueError as error:
            raise damaged(f"{self.place}/{run_id}/{name}") from error

    def raw(self, run_id: str, name: str) -> bytes:
        """A file as it is."""
        path = self._path(run_id, name)
        return bytes(self._do(lambda: self._system.cat_file(path)))

    def runs(self) -> set[str]:
        """The ids of the runs that have files."""
        none: list[str] = []
        found = self._do(lambda: self._system.ls(self._root, detail=False), missing=none)
        names = {path.rstrip("/").rpartition("/")[2] for path in found}
        return names - {MARK, self._root.rpartition("/")[2]}

    def remove(self, run_id: str, names: list[str]) -> None:
        """Removes files of a run, as far as they are there."""
        for name in names:
            path = self._path(run_id, name)
            self._do(lambda path=path: self._system.rm_file(path), missing=None)  # type: ignore[misc]

    def remove_all(self, run_id: str) -> None:
        """Removes all files of a run."""
        path = f"{self._root}/{run_id}"
        self._do(lambda: self._system.rm(path, recursive=True), missing=None)

    def size(self, run_id: str) -> int:
        """Bytes that the files of a run take."""
        return sum(self.sizes(run_id).values())

    def sizes(self, run_id: str) -> dict[str, int]:
        """The bytes of each file of a run, by name."""
        path = f"{self._root}/{run_id}"
        none: dict[str, Any] = {}
        found = self._do(lambda: self._system.find(path, detail=True), missing=none)
        return {name.rpartition("/")[2]: int(each.get("size") or 0) for name, each in found.items()}

    def _path(self, run_id: str, name: str) -> str:
        return f"{self._root}/{run_id}/{name}"

    def _do(self, work: Callable[[], _T], **missing: _T) -> _T:
        """What `work` gives; `missing` where there is no such file, if that is said. What a file
        system raises beside OSErrors only its library knows, so all is told."""
        try:
            return work()
        except FileNotFoundError as error:
            if "missing" in missing:
                return missing["missing"]
            raise StoreError(
                f"{self.place} has no such file, or there is no such bucket.",
                "Make the bucket, or set PLAYGROUND_FILES_URL to one that there is.",
            ) from error
        except PermissionError as error:
            raise StoreError(
                f"{self.place} does not let this program in.",
                "Give the keys in its environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of "
                "s3://) the right to list, read, write and delete there.",
            ) from error
        except Exception as error:
            found = StoreError(
                f"{self.place} does not answer ({type(error).__name__}).",
                "See that it can be reached from here, and that its keys are set in the "
                "environment. What was recorded before is kept.",
            )
            found.passing = True
            raise found from error
