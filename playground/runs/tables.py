"""The store's tables. A change here raises VERSION and adds a step to `migrations`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

VERSION = 9
CHUNK = 1024  # steps of one series that share a row

# Names that visitors give; SQLite does not hold anybody to a length, PostgreSQL does.
_NAME = String(64).with_variant(Text(), "postgresql")

metadata = MetaData()

# One row for each migration that was done, the highest counts.
schema = Table("playground_schema", metadata, Column("version", Integer, nullable=False))

# Times are seconds since 1970; `holder` is the process that trains the run, `heartbeat` its last
# sign of life. Texts named like a Python value hold JSON.
runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(12), nullable=False, unique=True),
    Column("owner", String(128), nullable=False, index=True),
    Column("digest", String(16), nullable=False, index=True),
    Column("spec", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("step", Integer, nullable=False, default=0),
    Column("steps", Integer, nullable=False, default=0),
    Column("epoch", Float, nullable=False, default=0.0),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("images_per_second", Float, nullable=False, default=0.0),
    Column("preparing", Text, nullable=False, default=""),
    Column("preparing_fraction", Float),
    Column("metrics", Text, nullable=False, default="{}"),
    Column("kind", String(32), nullable=False, default=""),
    Column("message", Text, nullable=False, default=""),
    Column("hint", Text, nullable=False, default=""),
    Column("where", Text),
    Column("parameters", Integer, nullable=False, default=0),
    Column("built", Text),  # the fields of Started without its arrays
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("holder", String(32), nullable=False),
    Column("heartbeat", Float, nullable=False),
    Index("runs_of_holder", "holder", "state"),
)

# One row holds up to CHUNK steps of one series, those of chunk (step - 1) // CHUNK, as float32
# from step `first` on.
series = Table(
    "series",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("first", Integer, nullable=False),
    Column("points", LargeBinary, nullable=False),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("split", String(16), nullable=False),
    Column("step", Integer, nullable=False),
    Column("epoch", Float, nullable=False),
    Column("images", Integer, nullable=False),
    Column("full", Boolean, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("arrays", LargeBinary, nullable=False),  # an .npz
    Index("evaluations_of_run", "run_id", "split", "step"),
)

# `what` is the name of what was changed, `value` its kind and value; rows of before have one word
# for kind and name, and the value alone (`training.changes.of_before`).
marks = Table(
    "marks",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("step", Integer, nullable=False),
    Column("what", _NAME, nullable=False),
    Column("value", Text, nullable=False),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("file", String(128), nullable=False),
)

# Where a run comes from that did not only begin: how often it was taken up again by itself; of a
# branch, the run that it leaves, after which step, and whether its optimiser begins anew.
origins = Table(
    "origins",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("resumed", Integer, nullable=False),
    Column("parent", String(12), index=True),
    Column("parent_step", Integer),
    Column("fresh", Boolean, nullable=False),
)

# What a visitor gave a run: a name, notes, a star; since when it is deleted, which can be undone
# for a while. `changed` is when any of it was, in seconds since 1970.
labels = Table(
    "labels",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("notes", Text, nullable=False),
    Column("starred", Boolean, nullable=False),
    Column("deleted", Float, index=True),
    Column("changed", Float, nullable=False),
)

# How many bytes a run took when that was measured: its files, and its rows of numbers.
sizes = Table(
    "sizes",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("files", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("measured", Float, nullable=False),
)

# The runs of others whose links a visitor came by.
followed = Table(
    "followed",
    metadata,
    Column("visitor", String(128), primary_key=True),
    Column("run_id", ForeignKey("runs.id"), primary_key=True, index=True),
    Column("since", Float, nullable=False),
)

# Runs that nobody attends, such as those of a race: where their loss breaks they end.
unattended = Table(
    "unattended",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
)

# What visitors of one server want of runs that another trains, which takes it and answers: JSON,
# {} or a message and a hint. `sent` is by the database's clock.
commands = Table(
    "commands",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False, index=True),
    Column("visitor", String(128), nullable=False),
    Column("command", Text, nullable=False),
    Column("sent", Float, nullable=False),
    Column("answer", Text),
)

# Runs that were brought from elsewhere: `origin` is JSON (`playground.runs.imports`).
imported = Table(
    "imported",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("imported", Float, nullable=False),
)

# Lessons that teachers have pinned, in the order of their places: `page` is the stem of a page's
# file, `query` what stands in its address, as JSON.
pins = Table(
    "pins",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("title", String(60), nullable=False),
    Column("page", String(64), nullable=False),
    Column("query", Text, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("pinned", Float, nullable=False),
)

# Runs that are gone: their numbers are not given again, and their links say why.
removed = Table(
    "removed",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String(12), nullable=False, unique=True),
    Column("owner", String(128), nullable=False, index=True),
    Column("removed", Float, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("room", Boolean, nullable=False),  # to keep the store within its limit
)

# Races: `definition` is JSON (`playground.races`); who sees to the active ones, as with runs.
races = Table(
    "races",
    metadata,
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
