"""A copy of a store with all that belongs to it, taken while servers and terminals go on writing,
and put back where there is none.

A backup is a folder: the store as SQLite copies a live one (its backup API: as it was at one
moment), the other files of PLAYGROUND_HOME, runs' snapshots among them, and in `own` visitors' data
sets, from wherever PLAYGROUND_UPLOADS says; they are put back where it says then.
A file is written before the row that names it and removed after it, so files are copied before the
store and once more after it; what was thinned out meanwhile is taken out of the copy's rows.
"""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from playground.datasets import own
from playground.errors import StoreError
from playground.runs import liveness, tables
from playground.runs.files import file_error
from playground.runs.records import LIVE
from playground.settings import Settings

NOTE, STORE, OWN = "backup.json", "playground.sqlite", "own"
_FORMAT = 1
_NOT_TAKEN = ("server.json", NOTE)  # of this process, and of a backup


@dataclass(frozen=True)
class Backup:
    """What a backup says of itself: when it was taken (UTC), the version of its store and the
    SHA-256 of its file, how many runs it has and how many bytes all of it takes."""

    format: int
    taken: str
    version: int
    sha256: str
    runs: int
    bytes: int


def backup(settings: Settings, to: Path) -> Backup:
    """Copies the store of these settings into a new folder, whole or not at all. Raises
    StoreError."""
    store = _file(settings)
    if not store.is_file():
        raise StoreError(f"There is no store at {store}.", "Set PLAYGROUND_HOME to its folder.")
    if to.exists():
        raise StoreError(f"{to} is there already.", "Name a folder that is not there yet.")
    part = to.with_name(f"{to.name}.part")
    try:
        if to.resolve().is_relative_to(settings.home.resolve()):
            raise StoreError(f"{to} is within the store's own folder.", "Name one beside it.")
        if to.resolve().is_relative_to(own.root(settings).resolve()):
            raise StoreError(f"{to} is within the folder of visitors' data.", "Name one beside it.")
        shutil.rmtree(part, ignore_errors=True)  # of a backup that was broken off
        part.mkdir(parents=True)
        brought = sum(map(_size, _own_folders(settings)))
        _check_free(part, _size(settings.home) + brought)
        _copy_files(settings, part, store)
        _copy_store(store, part / STORE)
        _copy_files(settings, part, store)
        version, runs = _drop_missing(part)
        found = Backup(
            _FORMAT,
            datetime.now(UTC).isoformat(timespec="seconds"),
            version,
            _hash(part / STORE),
            runs,
            _size(part),
        )
        (part / NOTE).write_text(json.dumps(asdict(found), indent=2) + "\n", "utf-8")
        part.rename(to)
    except OSError as error:
        raise file_error(error, to) from error
    return found


def restore(settings: Settings, given: Path) -> Backup:
    """Puts a backup where these settings have no store yet. Runs that waited or trained when it was
    taken are taken up by the server that is started next. Raises StoreError."""
    found = _note(given)
    store = _file(settings)
    if store.exists():
        raise StoreError(
            f"There is a store at {store} already.",
            "Set PLAYGROUND_HOME to another folder, or move that one away.",
        )
    if found.version > tables.VERSION:
        raise StoreError(
            f"{given} is of a newer version of the Loss Playground (format {found.version}; this "
            f"one reads up to {tables.VERSION}).",
            "Use that version.",
        )
    part = store.with_name(f"{store.name}.part")
    try:
        if _hash(given / STORE) != found.sha256:
            raise StoreError(f"{given / STORE} is not as it was taken.", "Use another backup.")
        store.parent.mkdir(parents=True, exist_ok=True)
        settings.home.mkdir(parents=True, exist_ok=True)
        _check_free(settings.home, found.bytes)
        _copy_new(given, settings.home, given / STORE)
        _put_back(given, own.root(settings))
        shutil.copyfile(given / STORE, part)
        _let_go(part)
        part.rename(store)
    except OSError as error:
        raise file_error(error, given) from error
    return found


def _file(settings: Settings) -> Path:
    """The file of the store. Raises StoreError where it has none, or its files are elsewhere."""
    if settings.files_url:
        raise StoreError(
            "The files of runs are where PLAYGROUND_FILES_URL says, not in PLAYGROUND_HOME.",
            "Copy them and the store by their own tools; the README says in which order.",
        )
    if not settings.store_url:
        return settings.home / STORE
    try:
        url = make_url(settings.store_url)
    except ArgumentError as error:
        raise StoreError("PLAYGROUND_STORE_URL is not the URL of a database.") from error
    if url.get_backend_name() != "sqlite" or not url.database:
        raise StoreError(
            "This store is not a file: PLAYGROUND_STORE_URL names a server.",
            "Use the tools of that server; the README says in which order.",
        )
    return Path(url.database)


def _note(given: Path) -> Backup:
    try:
        said = json.loads((given / NOTE).read_text("utf-8"))
        found = Backup(**said)
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{given} is no whole backup: it has no {NOTE} that can be read.",
            "Name a folder that `python -m playground backup` has made.",
        ) from error
    if found.format != _FORMAT:
        raise StoreError(f"{given} is a backup of another format, {found.format}.")
    return found


def _check_free(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise StoreError(
            f"{folder} has {free / 1e6:,.0f} MB free, and {wanted / 1e6:,.0f} MB are needed.",
            "Free some space, or name another place.",
        )


def _own_folders(settings: Settings) -> list[Path]:
    """The folders of visitors' data. Raises OSError where they cannot be listed."""
    try:
        return sorted(path for path in own.root(settings).iterdir() if own.is_own(path.name))
    except FileNotFoundError:
        return []  # none was brought yet


def _put_back(given: Path, root: Path) -> None:
    """Copies the visitors' data of a backup, wherever in it they are, to where they belong."""
    brought = [path for path in given.rglob(f"{own.PREFIX}*") if own.is_own(path.name)]
    if brought:
        root.mkdir(parents=True, exist_ok=True)
        _check_free(root, sum(map(_size, brought)))
    for folder in brought:
        _copy_new(folder, root / folder.name, given / STORE)


def _copy_files(settings: Settings, to: Path, store: Path) -> None:
    """Copies the files of the home that are not in `to` yet, and those of visitors' data."""
    _copy_new(settings.home, to, store)
    for folder in _own_folders(settings):
        _copy_new(folder, to / OWN / folder.name, store)


def _copy_new(source: Path, to: Path, store: Path) -> None:
    """Copies the files that are not in `to` yet but for the store's own and visitors' data; one
    that goes meanwhile is left out."""
    of_store = {Path(f"{store}{end}") for end in ("", "-wal", "-shm", "-journal", ".part")}
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        wanted = path.suffix != ".part" and str(name) not in _NOT_TAKEN and path not in of_store
        wanted = wanted and not any(map(own.is_own, name.parts))
        if not wanted or path.is_symlink() or not path.is_file() or (to / name).exists():
            continue
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        half = to / f"{name}.part"
        try:
            shutil.copyfile(path, half)
        except FileNotFoundError:
            half.unlink(missing_ok=True)
            continue
        half.rename(to / name)


def _copy_store(store: Path, to: Path) -> None:
    """The store as it is at one moment, whoever writes."""
    try:
        with (
            closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(to)) as copy,
        ):
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            ((said,),) = copy.execute("PRAGMA integrity_check(1)")
    except sqlite3.Error as error:
        raise StoreError(f"{store} cannot be copied: {error}.") from error
    if said != "ok":
        raise StoreError(f"{store} is damaged: {said}.", "Use an earlier backup.")


def _drop_missing(part: Path) -> tuple[int, int]:
    """Takes the snapshots out of the copied store whose file was thinned out meanwhile. Returns its
    version and how many runs it has."""
    with closing(sqlite3.connect(part / STORE)) as copy, copy:
        for run_id, file in copy.execute("SELECT run_id, file FROM snapshots").fetchall():
            if not (part / "runs" / run_id / file).is_file():
                which = (run_id, file)
                copy.execute("DELETE FROM snapshots WHERE run_id = ? AND file = ?", which)
        ((runs,),) = copy.execute("SELECT count(*) FROM runs")
        ((version,),) = copy.execute(f"SELECT max(version) FROM {tables.schema.name}")  # noqa: S608
    return int(version), int(runs)


def _let_go(store: Path) -> None:
    """Nobody holds the live runs and races of a store that was restored."""
    with closing(sqlite3.connect(store)) as copy, copy:
        states = ", ".join(f"'{state}'" for state in sorted(LIVE))
        freed, nobody = "SET holder = ?, heartbeat = 0", (liveness.NOBODY,)
        copy.execute(f"UPDATE runs {freed} WHERE state IN ({states})", nobody)
        known = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if ("races",) in known.fetchall():  # stores before version 3 have none
            copy.execute(f"UPDATE races {freed}", nobody)


def _hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _size(folder: Path) -> int:
    found = 0
    for path in folder.rglob("*"):
        try:
            found += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # thinned out meanwhile
            continue
    return found
