"""`python -m playground`: train a run or a race, or go on with one; list the data sets and the
recorded runs, and bring your own; export and delete runs; back up the store, restore and move it.

The options of `train` are made from the knobs of RunSpec. TensorFlow is imported when a run
starts and not before, so that help and mistakes answer at once. Exit codes: 0 done, 1 the run
failed, 2 something asked for is wrong or missing (one sentence on stderr), 130 stopped by Ctrl-C,
143 by SIGTERM, 129 with its terminal.
"""

import inspect
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, get_origin

import numpy as np
import typer

from playground import datasets, keeping, naming, terminal, terminal_run
from playground.analysis import curves
from playground.errors import PlaygroundError, SpecError, StoreError
from playground.export_kinds import KINDS, kind_of
from playground.intake import terminal as intake_commands
from playground.runs import address
from playground.runs.store import open_store
from playground.settings import settings
from playground.spec import RunSpec, fields, knobs
from playground.tasks import TASKS
from playground.terminal import errors_in_plain_words as _errors_in_plain_words

app = typer.Typer(
    help="Train a small CNN from any loss; race losses; see and bring data sets and runs.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


# train ----------------------------------------------------------------------------------------


def _train(*, json_lines: bool, store: bool, **given: Any) -> None:
    """Train one run and watch it.

    What is left out takes the data set's default. Ctrl-C stops the run and keeps what it learned;
    a second Ctrl-C breaks it off.
    """
    with _errors_in_plain_words():
        spec = _spec(given)
        view = terminal.JsonLines() if json_lines else terminal.Bar(spec)
        kept = open_store(settings()) if store else None
        raise typer.Exit(terminal_run.watch(spec, view, kept))


def _spec(given: Mapping[str, Any]) -> RunSpec:
    """The spec of the options that were given. Raises SpecError."""
    values = {name: value for name, value in given.items() if value not in (None, [])}
    for name, value in values.items():
        if get_origin(fields()[name].annotation) is dict:
            values[name] = dict(_pair(name, text) for text in value)
    return RunSpec.parse(values)


def _pair(field: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SpecError(field, f"expected name=number, as in gamma=2; got {text!r}")
    return name.strip(), value.strip()


def _option(name: str) -> inspect.Parameter:
    """The command line option of one field of RunSpec."""
    knob, field = knobs()[name], fields()[name]
    flag = "--" + name.replace("_", "-")
    kind: Any = str | None
    metavar: str | None = "TEXT"
    notes = []
    if field.annotation is bool:
        kind, flag, metavar = bool | None, f"{flag}/--no-{flag[2:]}", None
    elif get_origin(field.annotation) is dict:
        kind, flag, metavar = list[str] | None, flag.removesuffix("s"), "NAME=NUMBER"
        notes.append("may be repeated")
    elif get_origin(field.annotation) is tuple:
        kind, flag = list[str] | None, flag.removesuffix("s")
        notes.append("may be repeated")
    elif knob.choices is not None:
        metavar = "NAME"
        notes.append(", ".join(knob.choices))
    elif knob.low is not None and knob.high is not None:
        metavar = "INTEGER" if field.annotation is int else "NUMBER"
        notes.append(f"{knob.low:.10g} to {knob.high:.10g}")
        notes += [f"0: {knob.zero}"] if knob.zero else []
    if field.default not in ({}, ()):
        own = [
            f"{key} {source.defaults[name]}"
            for key, source in datasets.SETS.items()
            if name in source.defaults
        ]
        notes.append(f"default {', '.join([str(field.default), *own])}")
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=typer.Option(
            None,
            flag,
            metavar=metavar,
            help=f"{knob.help} ({'; '.join(notes)})",
            rich_help_panel=(knob.group or "run").capitalize(),
            show_default=False,
        ),
        annotation=kind,
    )


def _with_knobs(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with its **given spelled out as one option for each knob, for typer to read."""
    fixed = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=bool)
        for name, option in {
            "json_lines": typer.Option(
                False, "--json", help="Print one line of JSON for each event, without arrays."
            ),
            "store": typer.Option(
                True,
                "--store/--no-store",
                help="Record the run: the web page shows it, and a verdict sums it up.",
            ),
        }.items()
    ]
    parameters = [*map(_option, knobs()), *fixed]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


app.command("train")(_with_knobs(_train))


@app.command("resume")
def _resume(
    run: Annotated[str, typer.Argument(help="The run, as `runs` lists it, or its link.")],
    json_lines: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each event, without arrays.")
    ] = False,
) -> None:
    """Go on with a run of a terminal that was stopped or killed, from its last checkpoint.

    It gives the numbers that it would have had.
    """
    with _errors_in_plain_words():
        store, run_id = open_store(settings()), address.run_of(run)
        try:
            spec, start = terminal_run.resume(store, run_id)
        except PlaygroundError:
            store.close()
            raise
        view = terminal.JsonLines() if json_lines else terminal.Bar(spec)
        raise typer.Exit(terminal_run.watch(spec, view, store, run_id, start))


# The lists ------------------------------------------------------------------------------------


intake_commands.add(app)


@app.command("runs")
def _runs(
    limit: int = typer.Option(20, "--limit", min=1, max=1000, help="How many, newest first."),
) -> None:
    """List the recorded runs, newest first."""
    with _errors_in_plain_words():
        with closing(open_store(settings())) as store:
            found = store.runs(limit=limit)
        rows = []
        for run in found:
            main = TASKS[run.spec.task].main
            value = run.metrics.get(f"test_{main.key}")
            rows.append(
                [
                    run.id,
                    f"{run.created.astimezone():%Y-%m-%d %H:%M}",
                    run.spec.dataset,
                    terminal.one_line(run.name or naming.name(run.spec.loss), 32),
                    run.state,
                    f"{run.epoch:.3g}/{run.spec.epochs}",
                    "" if value is None else f"{main.said(value)} {main.key}",
                ]
            )
        if rows:
            header = ["run", "when", "data", "name or loss", "state", "epochs", "test"]
            terminal.show_table(header, rows)
        else:
            terminal.show("No run is recorded yet: python -m playground train")


def _network_file(form: str, spec: RunSpec, weights: Mapping[str, np.ndarray]) -> bytes:
    with terminal_run.stderr_kept_back():  # TensorFlow's greetings
        from playground.analysis.files import network_file

        return network_file(form, spec, weights)


@app.command("export")
def _export(
    run: Annotated[str, typer.Argument(help="The run, as `runs` lists it, or its link.")],
    to: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("network.zip"),
    kind: Annotated[
        str,
        typer.Option("--as", help=f"One of {', '.join(KINDS)}; left out: as the file's name ends."),
    ] = "",
) -> None:
    """Write a run as Keras code, its network for Keras or ONNX, or its curves."""
    with _errors_in_plain_words():
        wanted = kind_of(kind, to.name)
        with closing(open_store(settings())) as store:
            content = wanted.make(store, address.run_of(run), _network_file)
        try:
            to.write_bytes(content)
        except OSError as error:
            raise StoreError(
                f"{to} cannot be written: {error.strerror}.", "Name another file."
            ) from error
        terminal.show(f"Wrote {to}: {wanted.title}. {wanted.line}")


@app.command("series")
def _series(
    run: Annotated[str, typer.Argument(help="The run, as `runs` lists it, or its link.")],
    to: Annotated[
        Path | None, typer.Argument(help="Where to write it; left out: to the terminal.")
    ] = None,
) -> None:
    """Write the curves of a run as CSV: a row for each step, a column for each series."""
    with _errors_in_plain_words():
        with closing(open_store(settings())) as store:
            content = curves.table(store, address.run_of(run))
        if to is None:
            sys.stdout.write(content)
            return
        try:
            to.write_text(content, "utf-8")
        except OSError as error:
            raise StoreError(
                f"{to} cannot be written: {error.strerror}.", "Name another file."
            ) from error
        terminal.show(f"Wrote {to}: {content.count(chr(10)) - 1:,} rows.")


def _mutate(text: str, seed: int, known: Sequence[str]) -> tuple[str, str] | None:
    with terminal_run.stderr_kept_back():  # TensorFlow's greetings
        from losses import LossError
        from playground.races import mutation

        try:
            return mutation.mutant(mutation.text_of(text), seed, frozenset(known))
        except LossError as error:
            raise SpecError("search: loss", error.message, error.hint or "") from None


@app.command("race")
def _race(
    file: Annotated[Path, typer.Argument(help="The race, sweep or search, as TOML.")],
    seeds: Annotated[
        int | None, typer.Option(help="How many seeds, in place of the file's.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write it as a file of this name: .html, .md or .csv.")
    ] = None,
    final: Annotated[
        bool,
        typer.Option(
            "--final", help="Then race the best of a sweep or search over seeds it has not used."
        ),
    ] = False,
    json_lines: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON whenever a run has ended.")
    ] = False,
) -> None:
    """Train a race, a sweep or a search of a TOML file, over several seeds.

    What was trained before is not trained again: the same command goes on with a race that Ctrl-C
    has stopped. `playground/races/race_file.py` shows what such a file has in it.
    """
    from playground.races import race_file, reports, search
    from playground.races import terminal as race_terminal
    from playground.races.progress import ranked
    from playground.races.race import SWEEP

    with _errors_in_plain_words():
        race = race_file.read(file, _mutate)
        if seeds is not None:
            race = race.with_seeds(seeds)
        if report is not None:
            reports.check(report)
        with closing(open_store(settings())) as store:
            race_id, done = race_terminal.train(race, settings(), store, json_lines)
            found = race_terminal.followed(race, store)
            race_terminal.tell(store, race, found)
            best = ranked(race, found)[:1]
            if final and done and race.kind == SWEEP and best:
                race = search.final(race, best[0])
                terminal.show(f"\nThe best beside cross-entropy, {race.seeds} fresh seeds:\n")
                race_id, done = race_terminal.train(race, settings(), store, json_lines)
                found = race_terminal.followed(race, store)
                race_terminal.tell(store, race, found)
                terminal.show(f"\n{race.spec(1).loss}")
            if report is not None:
                reports.write(report, store, race, found)
                terminal.show(f"Wrote {report}.")
            terminal.show(f"Race {address.link(settings().home, race_id, 'race').url}")
        raise typer.Exit(0 if done else 128 + int(signal.SIGINT))


@app.command("delete")
def _delete(
    runs: Annotated[list[str], typer.Argument(help="Runs, as `runs` lists them, or their links.")],
) -> None:
    """Delete runs with all that was kept of them. One that still trains has to be stopped first."""
    with _errors_in_plain_words():
        with closing(open_store(settings())) as store:
            gone = store.delete([address.run_of(run) for run in runs])
        for one in gone:
            terminal.show(f"Deleted run #{one.number}, {one.id}: {one.bytes / 1e6:.1f} MB of files")


keeping.add(app)


def main() -> None:
    """The command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without × or Greek letters
    app()


if __name__ == "__main__":
    main()
