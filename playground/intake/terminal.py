"""The commands for own data and for runs of other servers: `data`, `data add`, `data remove`,
`import`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from playground import datasets, terminal
from playground.datasets import own
from playground.errors import DataError
from playground.intake import asking
from playground.runs import address
from playground.runs.records import TERMINAL
from playground.settings import settings

data = typer.Typer(help="List the data sets, and bring your own.", invoke_without_command=True)


def add(app: typer.Typer) -> None:
    """Adds the commands to an app."""
    app.add_typer(data, name="data")
    app.command("import")(_bring)


@data.callback()
def _list(context: typer.Context) -> None:
    """List the data sets and whether their files are here; add and remove your own."""
    if context.invoked_subcommand is not None:
        return
    with terminal.errors_in_plain_words():
        rows = [_row(name) for name in datasets.SETS]
        rows += [_row(facts.name) for facts in own.of([TERMINAL])]
        terminal.show_table(["name", "title", "images", "size", "where"], rows)
        terminal.show(f"\nLooked in {settings().data} (PLAYGROUND_DATA says where).")


def _row(name: str) -> list[str]:
    known = datasets.source_of(name)
    where = {
        "here": str(datasets.location(name) or "comes with scikit-learn"),
        "download": f"not here; downloaded when used ({known.bytes / 1e6:.0f} MB)",
        "missing": "not here",
    }[datasets.available(name)]
    if own.is_own(name):
        where = f"yours; goes in {own.days_left(name)} days if it is not used"
    size = "×".join(map(str, known.shape))
    return [name, known.title, f"{known.train_count:,} + {known.test_count:,}", size, where]


@data.command("add")
def _add(
    file: Annotated[
        Path,
        typer.Argument(help="An .npz, a CSV, a zip or a folder of pictures by class."),
    ],
    title: Annotated[str, typer.Option(help="What it is called; left out: as the file.")] = "",
    side: Annotated[
        int, typer.Option(min=0, help="Pixels of a side of its images; 0: as they are.")
    ] = 0,
) -> None:
    """Bring images of your own: they are looked at and get a name to train on."""
    with terminal.errors_in_plain_words():
        order = {"owner": TERMINAL, "side": side, "title": own.titled(title or file.name)}
        name = asking.take("data", file, order, settings(), _shown())
        facts = own.facts(name)
        if facts is None:
            raise DataError("The data went as soon as they came.", "Bring them again.")
        for line in facts.told():
            terminal.show(line)
        terminal.show(f"\npython -m playground train --dataset {name}")


@data.command("remove")
def _remove(name: Annotated[str, typer.Argument(help="The name, as `data` lists it.")]) -> None:
    """Remove images of your own; runs that were trained on them stay."""
    with terminal.errors_in_plain_words():
        if name not in {facts.name for facts in own.of([TERMINAL])}:
            raise DataError(
                f"There are no own data {name[:40]!r}.", "`python -m playground data` lists them."
            )
        own.forget(name, [TERMINAL])
        terminal.show(f"Removed {name}.")


def _bring(
    file: Annotated[Path, typer.Argument(help="The zip of a run, or its record.json.")],
) -> None:
    """Open a run that another server exported: it is listed as yours, with where it came from."""
    with terminal.errors_in_plain_words():
        run_id = asking.take("run", file, {"owner": TERMINAL}, settings(), _shown())
        terminal.show(f"Imported as {address.link(settings().home, run_id).url}")


def _shown() -> Callable[[str, float | None], None]:
    """Shows on stderr what is done, each thing once."""
    last = ""

    def show(doing: str, fraction: float | None) -> None:
        nonlocal last
        if fraction is None and doing != last:
            terminal.note(doing)
            last = doing

    return show
