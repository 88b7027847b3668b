"""From published files to rows: where they lie, whether they are those published, what to say of
one that is missing."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from playground.datasets import download
from playground.datasets.source import Rows, Source
from playground.errors import DataError
from playground.settings import settings

OnProgress = Callable[[str, float | None], None]


def location(source: Source) -> Path | None:
    """The folder that has all files of a data set (unverified), or None; None of one that has no
    files."""
    if source.place is not None:
        return source.place.parent if source.place.exists() else None
    for folder in _folders(source):
        if all(os.path.isfile(folder / file.name) for file in source.files):
            return folder
    return None


def available(source: Source) -> str:
    """ "here", "download" (`read` would fetch it) or "missing"; looks whether files exist, only."""
    if (not source.files and source.place is None) or location(source) is not None:
        return "here"
    return "download" if source.files and settings().download else "missing"


def read(
    source: Source, wanted: Sequence[str], on_progress: OnProgress, may_download: bool
) -> Mapping[str, Rows]:
    """The "train" and "test" parts `wanted`. Raises DataError."""
    on_progress(f"Reading {source.title}", None)
    if not source.files:
        return source.read(lambda name: b"", wanted)
    missing: Path | None = None
    for folder in _folders(source):
        try:
            return _read(source, folder, wanted)
        except FileNotFoundError as error:
            missing = missing or Path(error.filename)
        except DataError:
            # Perhaps another process is still downloading it: then wait for that one.
            if not (may_download and download.under_way() and _in_cache(folder)):
                raise
    if may_download and settings().download:
        download.fetch(source, lambda: location(source) is not None, on_progress)
        for folder in _folders(source):
            try:
                return _read(source, folder, wanted)
            except FileNotFoundError as error:
                missing = Path(error.filename)
    raise _missing(source, settings().data.expanduser(), missing, may_download)


def _folders(source: Source) -> Iterator[Path]:
    """Where the data set's files may lie, in the order they are looked for."""
    roots = [settings().data.expanduser()]
    if settings().download and (cache := download.keras_cache()) not in roots:
        roots.append(cache)  # what an earlier download left
    for root in roots:
        for layout in source.layouts:
            yield root / layout


def _missing(source: Source, root: Path, missing: Path | None, may_download: bool) -> DataError:
    title, at = source.title, root / source.layouts[-1]
    if not os.path.isdir(root):
        message = f"{title} is not on this machine: the folder {root} does not exist."
    elif missing is not None and os.path.isdir(missing.parent):
        message = f"{title} is not on this machine: {missing.parent} has no {missing.name}."
    else:
        message = f"{title} is not on this machine: {root} has no {source.layouts[-1]}."
    hint = _advice(source, at)
    if settings().download and not may_download:
        hint = f"It is downloaded ({source.bytes / 1e6:.0f} MB) when first trained on."
    return DataError(message, hint)


def _advice(source: Source, folder: Path) -> str:
    files = source.files
    what = files[0].name if len(files) == 1 else f"its {len(files)} published files"
    return (
        f"Choose Digits, which comes with scikit-learn, or put {what} into {folder}, or set "
        "PLAYGROUND_DATA to the folder that has them."
    )


def _in_cache(path: Path) -> bool:
    return path.is_relative_to(download.keras_cache())


def _read(source: Source, folder: Path, wanted: Sequence[str]) -> Mapping[str, Rows]:
    return source.read(lambda name: _content(source, folder, name), wanted)


def _content(source: Source, folder: Path, file: str) -> bytes:
    """A file's bytes, which are those published. Raises FileNotFoundError if there is no such
    file, DataError if it cannot be read or is another."""
    published = next(known for known in source.files if known.name == file)
    path = folder / file
    title, advice = source.title, _advice(source, folder)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"{title} cannot be read: {path} is not a file.", advice)
        with path.open("rb") as stream:
            content = stream.read(published.size + 1)  # no more, whatever lies there
            size = os.fstat(stream.fileno()).st_size
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(2, "not found", str(path)) from None
    except PermissionError:
        raise DataError(
            f"{title} cannot be read: this program may not open {path}.",
            f"Allow it to read that file. {advice}",
        ) from None
    except OSError as error:
        raise DataError(f"{title} cannot be read: {path}: {error.strerror}.", advice) from None
    fault = ""
    if len(content) != published.size:
        fault = f"it has {size:,} bytes, the published file {published.size:,}"
    else:
        algorithm = "sha256" if len(published.digest) == 64 else "md5"
        digest = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        if digest != published.digest:
            fault = f"its {algorithm} is {digest[:8]}…, the published one {published.digest[:8]}…"
    if fault:
        again = (
            "Delete it and it is downloaded again, or choose Digits, which comes with scikit-learn."
            if settings().download and _in_cache(path)
            else f"Replace it. {advice}"
        )
        raise DataError(f"{title} is not as published: {path} was changed or cut: {fault}.", again)
    return content
