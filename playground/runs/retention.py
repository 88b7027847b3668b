"""Which runs are kept for some time alone: those of visitors that nobody knows."""

from sqlalchemy import func, select

from playground.people import ACCOUNT
from playground.runs import tables
from playground.runs.connection import Database
from playground.runs.records import LIVE, TERMINAL

MOST = 200  # runs that go in one sweep: the next one takes the others


def outlived(database: Database, before: float) -> list[str]:
    """The runs of anonymous visitors that ended before a time (in seconds since 1970), the oldest
    first, but for those with a star; at most MOST."""
    runs, labels = tables.runs.c, tables.labels.c
    query = (
        select(runs.id)
        .select_from(tables.runs.outerjoin(tables.labels, labels.run_id == runs.id))
        .where(
            runs.state.not_in(LIVE),
            func.coalesce(runs.finished, runs.created) < before,
            runs.owner != TERMINAL,
            runs.owner.not_like(f"{ACCOUNT}%"),
            func.coalesce(labels.starred, False).is_(False),
        )
        .order_by(runs.number)
        .limit(MOST)
    )
    return database.read(lambda connection: list(connection.execute(query).scalars()))
