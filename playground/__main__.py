"""`python -m playground`: train a run, list the data sets and the recorded runs, export, delete,
back up and restore them.

The options of `train` are made from the knobs of RunSpec. TensorFlow is imported when a run
starts and not before, so that help and mistakes answer at once. Exit codes: 0 done, 1 the run
failed, 2 something asked for is wrong or missing (one sentence on stderr), 130 stopped by Ctrl-C,
143 by SIGTERM, 129 with its terminal.
"""

import inspect
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Self, get_origin

import numpy as np
import typer

from playground import datasets, keeping, naming, terminal
from playground.analysis import curves
from playground.errors import DataError, SpecError, StoreError
from playground.export_kinds import KINDS, kind_of
from playground.intake import terminal as intake_commands
from playground.runs import address
from playground.runs.records import TERMINAL
from playground.runs.store import Store, open_store
from playground.settings import settings
from playground.spec import RunSpec, fields, knobs
from playground.tasks import TASKS
from playground.terminal import errors_in_plain_words as _errors_in_plain_words
from playground.training.control import Control
from playground.training.events import Event, Failed, Finished, Preparing, Started
from playground.verdicts.words import Verdict

app = typer.Typer(
    help="Train a small CNN from any loss; see the data sets and the recorded runs.",
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
        raise typer.Exit(_watch(spec, view, store))


def _watch(spec: RunSpec, view: terminal.View, keep: bool) -> int:
    """Trains, records and shows a run. Returns the exit code. What is refused before it has begun
    is said and leaves no run in the list."""
    began = time.monotonic()
    store = open_store(settings()) if keep else None
    run_id = ""
    stopping = Stopping()
    end: Finished | Failed | None = None
    try:
        with view, stopping, closing(_events(spec, stopping.control)) as events:
            view.show(Preparing("Starting TensorFlow"))
            for event in events:
                stopping.started |= isinstance(event, Started)
                if store and not run_id and stopping.started:
                    run_id = store.create(spec, TERMINAL, "preparing")
                    view.recorded(run_id, address.link(settings().home, run_id))
                if store and run_id:
                    store.record(run_id, event)
                view.show(event)
                end = event if isinstance(event, Finished | Failed) else end
        if store and run_id and end is not None:
            view.judged(_verdict(store, run_id))
    except StoreError:
        raise
    except BaseException as error:
        broken_off = isinstance(error, KeyboardInterrupt)
        if store and run_id:
            state = "stopped" if broken_off else "failed"
            store.set_state(run_id, state, "The command that trained this run was broken off.")
        if not broken_off:
            raise
    finally:
        if store:
            _make_room(store)
            store.close()
    view.close(end, time.monotonic() - began)
    if isinstance(end, Failed):
        where = end.where or {}
        message = terminal.pointed(
            spec.loss, end.message, where.get("line", 0), where.get("column", 0)
        )
        terminal.complain(message, end.hint)
        return 2 if end.step == 0 and end.kind in {"loss", "data", "spec"} else 1
    return 0 if end is not None and end.reason == "completed" else 128 + stopping.signal


def _verdict(store: Store, run_id: str) -> Verdict:
    """What is to be said of a run that has ended."""
    from playground.verdicts import asked

    record = store.run(run_id)
    if record is None:
        raise StoreError("The run was deleted while it trained.", "Train it again.")
    return asked.verdict(store, record)


def _make_room(store: Store) -> None:
    """Keeps the store within its limit, and says what went for it."""
    try:
        gone = store.make_room()
    except StoreError as error:
        terminal.complain(str(error), error.operator_hint)
        return
    if gone:
        numbers = ", ".join(f"#{run.number}" for run in gone)
        terminal.note(
            f"To keep the store within {settings().store_gib:g} GiB (PLAYGROUND_STORE_GIB), and "
            f"each visitor's runs within {settings().visitor_gib:g} (PLAYGROUND_VISITOR_GIB), the "
            f"oldest runs were removed: {numbers}."
        )


def _events(spec: RunSpec, control: Control) -> Generator[Event, None, None]:
    """The run's events; what is refused before the first step is one of them, a Failed."""
    with ExitStack() as quiet:
        quiet.enter_context(_stderr_kept_back())  # TensorFlow greets there, whatever it is told
        import playground
        from losses import LossError

        try:
            for event in playground.train(spec, control):
                if isinstance(event, Started):
                    quiet.close()
                yield event
        except LossError as error:
            where = error.as_dict() if _is_written(spec.loss) else None
            yield Failed(0, "loss", error.message, error.hint or "", where)
        except DataError as error:
            yield Failed(0, "data", error.message, error.hint)
        except SpecError as error:
            yield Failed(0, "spec", error.message, error.hint)


@contextmanager
def _stderr_kept_back() -> Iterator[None]:
    """What is written to stderr inside, by C++ too, comes out only with an unforeseen exception."""
    sys.stderr.flush()
    terminal_stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:
            kept.seek(0)
            os.write(terminal_stderr, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal_stderr, 2)
            os.close(terminal_stderr)


def _is_written(loss: str) -> bool:
    """Whether a loss is a text in the loss language, where lines and columns mean something."""
    return not loss.isidentifier()


class Stopping:
    """While the block lasts, Ctrl-C or a signal to end asks the run to stop; the second one, or one
    before the first step, breaks it off."""

    _SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")

    def __init__(self) -> None:
        self.control = Control()
        self.started = False
        self.signal = int(signal.SIGINT)  # the one that came, if any
        self._asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (getattr(signal, name, None) for name in self._SIGNALS):
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        if self._asked or not self.started:
            raise KeyboardInterrupt
        self._asked = True
        self.control.send("stop")


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
                    terminal.one_line(naming.name(run.spec.loss), 32),
                    run.state,
                    f"{run.epoch:.3g}/{run.spec.epochs}",
                    "" if value is None else f"{main.said(value)} {main.key}",
                ]
            )
        if rows:
            header = ["run", "when", "data", "loss", "state", "epochs", "test"]
            terminal.show_table(header, rows)
        else:
            terminal.show("No run is recorded yet: python -m playground train")


def _network_file(form: str, spec: RunSpec, weights: Mapping[str, np.ndarray]) -> bytes:
    with _stderr_kept_back():  # TensorFlow's greetings
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
    with _stderr_kept_back():  # TensorFlow's greetings
        from losses import LossError
        from playground.races import mutation

        try:
            return mutation.mutant(mutation.text_of(text), seed, frozenset(known))
        except LossError as error:
            raise SpecError("search: loss", error.message, error.hint or "") from None


@app.command("race")
def _race(
    file: Annotated[Path, typer.Argument(help="The race or sweep, as TOML.")],
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
    """Train a race or a sweep of a TOML file: lanes that differ in one thing, over several seeds.

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
