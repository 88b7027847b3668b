"""The commands that keep a store: `backup` and `restore`."""

from pathlib import Path
from typing import Annotated

import typer

from playground import terminal
from playground.runs import backup as backups
from playground.settings import settings


def add(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    app.command("backup")(_backup)
    app.command("restore")(_restore)


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
