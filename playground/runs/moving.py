"""A store copied to another database, and its files, where that is asked for, to another folder or
bucket: from SQLite to PostgreSQL, back, or to another of the same kind.

Files are copied before the rows that name them. All rows go in one transaction, out of one moment
of the store, and before it ends both are read again, and counted and compared, so that the new
database has all of them or none. What is copied stays as it is.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, insert, inspect, literal, select

from playground.errors import StoreError
from playground.runs import liveness, tables
from playground.runs.address import link
from playground.runs.bucket import open_files
from playground.runs.connection import Database, url_of
from playground.runs.engines import without_nul
from playground.runs.files import AnyFiles, file_error
from playground.runs.holding import Holding
from playground.runs.race_rows import ACTIVE
from playground.runs.records import LIVE
from playground.settings import Settings

BATCH = 100  # rows that are held in memory at once
LOOK_SECONDS = 0.5  # between two looks at whether a server of another machine lives
_BITS = 256
_NOBODY = {"holder": liveness.NOBODY, "heartbeat": 0.0}


@dataclass(frozen=True)
class Moved:
    """What was copied: rows by table, files and their bytes, 0 where these stay. `left` are rows of
    runs that are gone, which SQLite may have and which were not copied."""

    rows: dict[str, int]
    files: int
    bytes: int
    left: int


def move(settings: Settings, url: str, files_url: str | None = None) -> Moved:
    """Copies the store of these settings to an empty database, and its files to where `files_url`
    says (as PLAYGROUND_FILES_URL does; None: they stay). Runs that wait or train are taken up by
    the server that is started there. Raises StoreError where the target is not empty, a server
    works with the store, or the copy is not as what it was made of."""
    if link(settings.home, "").up:
        raise StoreError(
            f"A server of {settings.home} is up, and what it is given meanwhile would be lost.",
            "End it, then ask again.",
        )
    source = Database(url_of(settings), settings.lock_seconds)
    target = Database(url, settings.lock_seconds)
    new = _refuse_full(target)
    source.open()
    try:
        _refuse_held(source, settings.lease_seconds)
        files, size = (0, 0) if files_url is None else _copy_files(settings, files_url)
        target.open()
        with source.reading() as reading:
            with target.writing(patient=True) as writing:
                for table in _tables():
                    for rows in _batches(reading, table):
                        writing.execute(insert(table), rows)
                if not target.sqlite:
                    _count_on(writing)
                copied = {table.name: _same(table, reading, writing) for table in _tables()}
            left = sum(_count(reading, table) for table in _tables()) - sum(copied.values())
    except BaseException:
        target.close()
        if new is not None:
            _remove(new)
        raise
    finally:
        source.close()
    target.close()
    return Moved(copied, files, size, left)


def _tables() -> list[Table]:
    """The tables, each after those that it refers to; not that of versions, which every store
    has of its own."""
    return [one for one in tables.metadata.sorted_tables if one is not tables.schema]


def _refuse_full(target: Database) -> Path | None:
    """Raises StoreError where something is in a database; gives the file that it will be."""
    if target.sqlite:
        file = Path(target.place)
        if file.exists():
            raise StoreError(f"There is a file {file} already.", "Name one that is not there yet.")
        return file
    with target.reading() as connection:
        names = set(inspect(connection).get_table_names()) & set(tables.metadata.tables)
        full = [
            table.name
            for table in _tables()
            if table.name in names
            and connection.execute(select(literal(1)).select_from(table)).first()
        ]
    target.close()
    if full:
        raise StoreError(
            f"{target.place} is not empty: there are rows in {', '.join(full)}.",
            "Make a new database for the store, or remove what is in that one.",
        )
    return None


def _refuse_held(source: Database, lease_seconds: float) -> None:
    """Raises StoreError where a living process holds a run or a race; waits until what died on
    another machine counts as dead."""
    holding = Holding(source, lambda: None, lease_seconds)
    end = time.monotonic() + 1.5 * lease_seconds
    live = [
        (tables.runs, tables.runs.c.state.in_(LIVE)),
        (tables.races, tables.races.c.state == ACTIVE),
    ]
    while True:
        with source.reading() as connection:
            rows = [
                row
                for table, is_so in live
                for row in connection.execute(select(table).where(is_so))
            ]
        held = [row for row in rows if holding.alive(row)]
        if not held:
            return
        if time.monotonic() > end or any(row.host == liveness.host() for row in held):
            raise StoreError(
                f"{source.place} is in use: a server or a terminal has {len(held)} of its runs and "
                "races.",
                "End the servers and terminals that work with it, then ask again.",
            )
        time.sleep(LOOK_SECONDS)


def _copy_files(settings: Settings, files_url: str) -> tuple[int, int]:
    """Copies the files of all runs; how many and how many bytes they are. Those that a try before
    has copied stay."""
    here = open_files(settings.files_url, settings.home / "runs", settings.lock_seconds)
    there = open_files(files_url, settings.home / "runs", settings.lock_seconds)
    here.open()
    there.open()
    runs = here.runs()
    foreign = there.runs() - runs
    if foreign:
        raise StoreError(
            f"There are files of {len(foreign):,} other runs where these are to go.",
            "Name an empty folder or an empty prefix of a bucket.",
        )
    sizes = [_copy_run(here, there, run_id) for run_id in sorted(runs)]
    return sum(map(len, sizes)), sum(sum(one.values()) for one in sizes)


def _copy_run(here: AnyFiles, there: AnyFiles, run_id: str) -> dict[str, int]:
    """Copies the files of one run; the bytes of each."""
    wanted, known = here.sizes(run_id), there.sizes(run_id)
    for name, size in wanted.items():
        if known.get(name) != size:
            there.write(run_id, name, here.raw(run_id, name))
    found = there.sizes(run_id)
    if found != wanted:
        raise StoreError(
            f"The files of run {run_id} are not as they were: {len(wanted)} went, {len(found)} "
            "came, or their sizes differ.",
            "See that nobody else writes there, then ask again.",
        )
    return wanted


def _batches(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    """The rows of a table as they are to stand in the new database, some at a time."""
    query = select(table)
    for column in table.c:
        if column.foreign_keys:  # SQLite holds nobody to them
            query = query.where(column.in_(select(tables.runs.c.id)))
    found = connection.execution_options(stream_results=True).execute(query)
    for rows in found.partitions(BATCH):
        yield [_row(table, row._asdict()) for row in rows]


def _row(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """A row without the process that held its run or race, and without what a database refuses."""
    if table is tables.races or (table is tables.runs and values["state"] in LIVE):
        values = {**values, **_NOBODY}
    return dict(without_nul(values))


def _count_on(connection: Connection) -> None:
    """The numbers that PostgreSQL gives go on after those that were given."""
    for table in _tables():
        for column in table.primary_key:
            if column.autoincrement is not True:
                continue
            also = [tables.removed] if table is tables.runs else []
            highest = func.greatest(
                *(select(func.max(one.c[column.name])).scalar_subquery() for one in (table, *also))
            )
            place = func.pg_get_serial_sequence(table.name, column.name)
            connection.execute(select(func.setval(place, highest)).where(highest.is_not(None)))


def _same(table: Table, reading: Connection, written: Connection) -> int:
    """How many rows of a table were copied. Raises StoreError where they are not the same in both
    databases, in whatever order."""
    here, there = _digest(reading, table), _digest(written, table)
    if here != there:
        raise StoreError(
            f"The copy of {table.name} is not as the table: {here[0]:,} rows went, {there[0]:,} "
            "came, or what is in them differs.",
            "See that nobody else writes into the new database, then ask again.",
        )
    return here[0]


def _digest(connection: Connection, table: Table) -> tuple[int, int]:
    """How many rows there are, and a sum of their digests that no order changes."""
    count, total = 0, 0
    for rows in _batches(connection, table):
        for row in rows:
            said = repr(
                [bytes(one) if isinstance(one, memoryview) else one for one in row.values()]
            )
            total += int.from_bytes(hashlib.sha256(said.encode()).digest())
        count += len(rows)
    return count, total % 2**_BITS


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _remove(file: Path) -> None:
    """Takes away the file of a copy that did not come about."""
    for end in ("", "-wal", "-shm"):
        path = Path(f"{file}{end}")
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise file_error(error, path) from error
