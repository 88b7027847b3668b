"""What the errors of the store's database mean, in plain words."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from playground.errors import StoreError

# SQLSTATEs of PostgreSQL (its manual, appendix A), by how they begin.
_DISK = ("53100", "58030")
# Another transaction was in the way, or has put there, or taken away, what this one counted on.
_BUSY = ("40001", "40P01", "55P03", "23503", "23505")
_GONE = ("08", "57P01", "57P02", "57P03", "53300")  # no connection, or none any more
_REFUSED = ("25006", "42501", "28", "3D000", "3F000")


def passing(error: Exception) -> bool:
    """Whether the same may be done a little later: somebody holds a lock, or the database is
    gone for now."""
    return _busy(error) or _gone(error)


def in_words(error: Exception, place: str) -> StoreError:
    """The error of a store that is called `place`."""
    found = _in_words(error, place)
    found.passing = passing(error)
    return found


def _in_words(error: Exception, place: str) -> StoreError:
    name, state = _name(error), _state(error)
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR") or state.startswith(_DISK):
        return StoreError(
            f"{place} cannot be written: the disk is full or broken.",
            "Free some space on it. What was recorded before is kept.",
        )
    if _busy(error):
        return StoreError(
            f"{place} is locked by another program.", "Close what holds it open, then try again."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreError(
            f"{place} cannot be opened for writing.",
            "Give this user the right to write there, or set PLAYGROUND_HOME to another folder.",
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return StoreError(
            f"{place} is not a store of the Loss Playground, or is damaged.",
            "Move it away, or set PLAYGROUND_HOME to another folder.",
        )
    if state.startswith(_REFUSED):
        return StoreError(
            f"{place} does not let this program write.",
            "Give the user of PLAYGROUND_STORE_URL the right to make tables there and to write.",
        )
    if _gone(error):
        return StoreError(
            f"{place} cannot be reached, or does not let this program in.",
            "See that it runs, and that PLAYGROUND_STORE_URL names its host, user and password.",
        )
    return StoreError(f"{place} does not answer as expected.")


def _name(error: Exception) -> str:
    """SQLite's name of an error; empty for one of another database."""
    return getattr(getattr(error, "orig", error), "sqlite_errorname", "")


def _state(error: Exception) -> str:
    """The SQLSTATE of an error of PostgreSQL; empty where it has none."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) or ""


def _busy(error: Exception) -> bool:
    return _name(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) or _state(error).startswith(
        _BUSY
    )


def _gone(error: Exception) -> bool:
    if isinstance(error, PoolTimeout) or _state(error).startswith(_GONE):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # libpq's own: it did not come to a server, or lost it, that would have said a state.
    kinds = {kind.__name__ for kind in type(getattr(error, "orig", error)).__mro__}
    return "OperationalError" in kinds and not _name(error) and not _state(error)
