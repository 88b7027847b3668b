"""Which runs were brought from elsewhere, and where they were trained."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from playground.runs import tables
from playground.runs.connection import Database
from playground.runs.records import moment


@dataclass(frozen=True)
class Origin:
    """Where a run was trained: its id and number there, when it was created, and with which
    versions ("TensorFlow 2.21, Keras 3.15"); `imported` is when it came here, None before."""

    run: str
    number: int
    created: datetime
    versions: str
    imported: datetime | None = None

    @property
    def said(self) -> str:
        """In a sentence."""
        return (
            f"Run #{self.number} of another server, trained there on {self.created:%Y-%m-%d}, "
            f"exported with {self.versions}."
        )


def add(connection: Connection, run_id: str, origin: Mapping[str, Any]) -> None:
    """A run comes from elsewhere: the fields of Origin, "created" in seconds since 1970."""
    values = {"run_id": run_id, "origin": json.dumps(dict(origin)), "imported": time.time()}
    connection.execute(insert(tables.imported).values(values))


class Imports:
    """Reads them. Thread-safe; methods raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._read = database.read

    def of(self, run_id: str) -> Origin | None:
        """Where a run came from; None of one that was trained here."""
        query = select(tables.imported).where(tables.imported.c.run_id == run_id)
        row = self._read(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        told = json.loads(row.origin)
        created = moment(told.pop("created"))
        return Origin(**told, created=created, imported=moment(row.imported))
