"""What of a run is too large for a row: files of arrays in a folder of its own."""

import io
import os
import shutil
import struct
import threading
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np

from playground.errors import StoreError
from playground.training.events import Arrays


class AnyFiles(Protocol):
    """Where the files of all runs are: a folder (`Files`) or a bucket (`bucket.Bucket`)."""

    def open(self) -> None: ...
    def write(self, run_id: str, name: str, content: bytes) -> None: ...
    def read(self, run_id: str, name: str) -> dict[str, np.ndarray]: ...
    def raw(self, run_id: str, name: str) -> bytes: ...
    def sizes(self, run_id: str) -> dict[str, int]: ...
    def runs(self) -> set[str]: ...
    def remove(self, run_id: str, names: list[str]) -> None: ...
    def remove_all(self, run_id: str) -> None: ...
    def size(self, run_id: str) -> int: ...


class Files:
    """The folders of all runs, below `folder`. Thread-safe; every method raises StoreError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        """Makes the folder."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_error(error, self._folder) from error

    def write(self, run_id: str, name: str, content: bytes) -> None:
        """Whole or not at all: a reader never sees half a file."""
        path = self._folder / run_id / name
        part = path.with_suffix(f".{threading.get_ident()}.part")
        try:
            path.parent.mkdir(exist_ok=True)
            try:
                part.write_bytes(content)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise file_error(error, path) from error

    def read(self, run_id: str, name: str) -> dict[str, np.ndarray]:
        """The arrays of a file, by name."""
        try:
            return from_npz(self.raw(run_id, name))
        except ValueError as error:
            raise damaged(str(self._folder / run_id / name)) from error

    def raw(self, run_id: str, name: str) -> bytes:
        """A file as it is."""
        path = self._folder / run_id / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise file_error(error, path) from error

    def runs(self) -> set[str]:
        """The ids of the runs that have a folder."""
        try:
            with os.scandir(self._folder) as entries:
                return {entry.name for entry in entries if entry.is_dir()}
        except OSError as error:
            raise file_error(error, self._folder) from error

    def remove(self, run_id: str, names: list[str]) -> None:
        """Removes files of a run, as far as they are there."""
        for name in names:
            path = self._folder / run_id / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise file_error(error, path) from error

    def remove_all(self, run_id: str) -> None:
        """Removes the folder of a run, if it has one."""
        path = self._folder / run_id
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise file_error(error, path) from error

    def size(self, run_id: str) -> int:
        """Bytes that the files of a run take."""
        return sum(self.sizes(run_id).values())

    def sizes(self, run_id: str) -> dict[str, int]:
        """The bytes of each file of a run, by name."""
        path = self._folder / run_id
        try:
            with os.scandir(path) as entries:
                return {entry.name: entry.stat().st_size for entry in entries}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise file_error(error, path) from error


def file_error(error: OSError, path: Path) -> StoreError:
    """What went wrong with a file, in plain words."""
    return StoreError(
        f"{error.filename or path} cannot be used: {error.strerror or error}.",
        "Free some space, give this user the right to write there, or set PLAYGROUND_HOME "
        "to another folder.",
    )


def damaged(path: str) -> StoreError:
    """What to say of a file that cannot be read."""
    return StoreError(
        f"{path} is damaged.",
        "The run's curves are kept. Start it again; the same seed gives the same numbers.",
    )


def to_npz(arrays: Arrays, compressed: bool = False) -> bytes:
    """Arrays by their names, as a file of NumPy's. Weights gain nothing from being compressed."""
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def from_npz(content: bytes) -> dict[str, np.ndarray]:
    """Raises ValueError for what is no such file."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except _DAMAGED as error:
        raise ValueError("not an .npz") from error


# What reading a file raises that was cut or overwritten; RuntimeError for one that now says that
# it is encrypted, AttributeError for one that is now a single array.
_DAMAGED = (
    AttributeError,
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
