"""The commands that keep a store: `backup`, `restore` and `move`."""

from pathlib import Path
from typing import Annotated

import typer

from playground import terminal
from playground.runs import backup as backups
from playground.runs import moving
from playground.settings import settings


def add(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    app.command("backup")(_backup)
    app.command("restore")(_restore)
    app.command("move")(_move)


def _backup(
    to: Annotated[Path, typer.Argument(help="A new folder for it.")],
) -> None:
    """Copy the store, its snapshots and visitors' data sets; servers may go on meanwhile."""
    with terminal.errors_in_plain_words():
        found = backups.backup(settings(), to)
        terminal.show(f"Wrote {to}: {found.runs:,} runs, {found.bytes / 1e6:,.1f} MB.")


def _restore(
    given: Annotated[Path, typer.Argument(help="The folder that `backup` has made.")],
) -> None:
    """Put a backup where there is no store yet, with PLAYGROUND_HOME as the place."""
    with terminal.errors_in_plain_words():
        found = backups.restore(settings(), given)
        terminal.show(
            f"{settings().home} has the {found.runs:,} runs of {found.taken}. Those that waited or "
            "trained then go on with the next server."
        )


def _move(
    to: Annotated[
        str,
        typer.Argument(
            help="The URL of an empty database, as PLAYGROUND_STORE_URL has it; its password may "
            "be in PGPASSWORD."
        ),
    ],
    files: Annotated[
        str | None,
        typer.Option(
            "--files",
            help="Copy the files of runs as well: a URL as PLAYGROUND_FILES_URL has it. Left out: "
            "they stay where they are.",
        ),
    ] = None,
) -> None:
    """Copy the store to another database, from SQLite to PostgreSQL or back, and check the copy.

    No server may work with the store meanwhile. What is copied stays as it is.
    """
    with terminal.errors_in_plain_words():
        found = moving.move(settings(), to, files)
        width = max(map(len, found.rows))
        for table, count in found.rows.items():
            terminal.show(f"{table:{width}}  {count:>12,}")
        if files is not None:
            terminal.show(f"{'files':{width}}  {found.files:>12,}  {found.bytes / 1e6:,.1f} MB")
        if found.left:
            terminal.show(f"{found.left:,} rows of runs that are gone were left out.")
        named = "PLAYGROUND_STORE_URL" + (" and PLAYGROUND_FILES_URL" if files is not None else "")
        terminal.show(
            f"Every row was read again and is the same. Set {named} to the new place, and start "
            "the servers."
        )
