"""How a store of an earlier version is brought to this one's tables.

The steps are numbered; a store holds the number of the last that was done, its version. A new one
is added at the end with its own description of what it makes, is not changed afterwards, and is
tested with a store that the version before it wrote (`tests/playground/recorded`). Steps are
written with SQLAlchemy or plain SQL, so that SQLite and PostgreSQL take them alike. All that are
missing are done in one transaction: a store is as it was, or as it should be.

Alembic, which does the same for many developers and branches, would bring a folder of scripts, a
configuration and a second table of versions for what is a list here.
"""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    text,
)

from playground.runs import tables


def _to_2(connection: Connection) -> None:
    """The table of runs that are gone, which stores of version 1 came to have without a new number;
    indexes on what is asked at every tick, who holds which live runs, and on the digests of specs,
    by which a sweep finds its runs."""
    removed = Table(
        "removed",
        MetaData(),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("id", String(12), nullable=False, unique=True),
        Column("owner", String(128), nullable=False, index=True),
        Column("removed", Float, nullable=False),
        Column("bytes", BigInteger, nullable=False),
        Column("room", Boolean, nullable=False),
    )
    removed.create(connection, checkfirst=True)
    connection.execute(text("CREATE INDEX ix_runs_digest ON runs (digest)"))
    connection.execute(text("CREATE INDEX runs_of_holder ON runs (holder, state)"))


def _to_3(connection: Connection) -> None:
    """The table of races."""
    races = Table(
        "races",
        MetaData(),
        Column("id", String(12), primary_key=True),
        Column("owner", String(128), nullable=False, index=True),
        Column("definition", Text, nullable=False),
        Column("state", String(16), nullable=False, index=True),
        Column("message", Text, nullable=False),
        Column("created", Float, nullable=False),
        Column("begun", Float, nullable=False),
        Column("host", String(255), nullable=False),
        Column("pid", Integer, nullable=False),
        Column("holder", String(32), nullable=False),
        Column("heartbeat", Float, nullable=False),
    )
    races.create(connection)


def _to_4(connection: Connection) -> None:
    """The table of where runs come from: those that are there were begun, once."""
    origins = Table(
        "origins",
        MetaData(),
        Column("run_id", ForeignKey(_RUNS.c.id), primary_key=True),
        Column("resumed", Integer, nullable=False),
        Column("parent", String(12), index=True),
        Column("parent_step", Integer),
        Column("fresh", Boolean, nullable=False),
    )
    origins.create(connection)


def _to_5(connection: Connection) -> None:
    """The tables of what visitors call their runs, of the room that these take, and of whose links
    they came by: nothing of it is known of the runs that are there."""
    made = MetaData()
    Table(
        "labels",
        made,
        Column("run_id", ForeignKey(_RUNS.c.id), primary_key=True),
        Column("name", String(80), nullable=False),
        Column("notes", Text, nullable=False),
        Column("starred", Boolean, nullable=False),
        Column("deleted", Float, index=True),
        Column("changed", Float, nullable=False),
    )
    Table(
        "sizes",
        made,
        Column("run_id", ForeignKey(_RUNS.c.id), primary_key=True),
        Column("files", BigInteger, nullable=False),
        Column("rows", BigInteger, nullable=False),
        Column("measured", Float, nullable=False),
    )
    Table(
        "followed",
        made,
        Column("visitor", String(128), primary_key=True),
        Column("run_id", ForeignKey(_RUNS.c.id), primary_key=True, index=True),
        Column("since", Float, nullable=False),
    )
    made.create_all(connection)


def _to_6(connection: Connection) -> None:
    """The table of runs that nobody attends: of those that are there nobody knows."""
    unattended = Table(
        "unattended",
        MetaData(),
        Column("run_id", ForeignKey(_RUNS.c.id), primary_key=True),
    )
    unattended.create(connection)


def _to_7(connection: Connection) -> None:
    """The table of commands from server to server; names of any length in PostgreSQL, too, which
    holds a column to what it was made for."""
    commands = Table(
        "commands",
        MetaData(),
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("run_id", ForeignKey(_RUNS.c.id), nullable=False, index=True),
        Column("visitor", String(128), nullable=False),
        Column("command", Text, nullable=False),
        Column("sent", Float, nullable=False),
        Column("answer", Text),
    )
    commands.create(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE series ALTER COLUMN name TYPE text"))
        connection.execute(text("ALTER TABLE marks ALTER COLUMN what TYPE text"))


def _to_8(connection: Connection) -> None:
    """The table of runs that were brought from elsewhere: none was before."""
    imported = Table(
        "imported",
        MetaData(),
        Column("run_id", ForeignKey(_RUNS.c.id), primary_key=True),
        Column("origin", Text, nullable=False),
        Column("imported", Float, nullable=False),
    )
    imported.create(connection)


def _to_9(connection: Connection) -> None:
    """The table of lessons that teachers have pinned: none was before."""
    pins = Table(
        "pins",
        MetaData(),
        Column("id", String(12), primary_key=True),
        Column("place", Integer, nullable=False),
        Column("title", String(60), nullable=False),
        Column("page", String(64), nullable=False),
        Column("query", Text, nullable=False),
        Column("owner", String(128), nullable=False),
        Column("pinned", Float, nullable=False),
    )
    pins.create(connection)


_RUNS = Table("runs", MetaData(), Column("id", String(12)))  # for what refers to it

MIGRATIONS: dict[int, Callable[[Connection], None]] = {
    2: _to_2,
    3: _to_3,
    4: _to_4,
    5: _to_5,
    6: _to_6,
    7: _to_7,
    8: _to_8,
    9: _to_9,
}


def migrate(connection: Connection, version: int) -> None:
    """Brings a store of this version to `tables.VERSION`, in the transaction of the caller."""
    for number, step in sorted(MIGRATIONS.items()):
        if number > version:
            step(connection)
            connection.execute(insert(tables.schema).values(version=number))
