"""How a run looks in a terminal: a progress bar for people, lines of JSON for scripts."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from playground import naming
from playground.cautions import cautions
from playground.errors import PlaygroundError
from playground.knobs import metric_key
from playground.runs.address import Link
from playground.spec import RunSpec
from playground.tasks import TASKS, Measure
from playground.training.events import (
    Evaluated,
    Event,
    Failed,
    Finished,
    Preparing,
    Started,
    seconds_left,
)
from playground.training.events import Progress as Trained
from playground.verdicts.words import Verdict


class View(Protocol):
    """Shows a run's events as they come, says where it is recorded, and at last sums it up: what
    the verdict on it is, how it ended (None: broken off), after how many seconds in all."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, event: Event) -> None: ...

    def recorded(self, run_id: str, link: Link) -> None: ...

    def judged(self, verdict: Verdict) -> None: ...

    def close(self, end: Finished | Failed | None, seconds: float) -> None: ...


class JsonLines:
    """One JSON object a line on stdout: `event`, `run` and its `link` from when it is recorded, and
    the event's fields. Of a Progress' series only the last values are given, as `last`; other
    arrays are left out."""

    def __init__(self) -> None:
        self._run: dict[str, str | None] = {"run": None, "link": None}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held open."""

    def recorded(self, run_id: str, link: Link) -> None:
        self._run = {"run": run_id, "link": link.url}

    def show(self, event: Event) -> None:
        line: dict[str, Any] = {"event": type(event).__name__, **self._run}
        for field in fields(event):
            value = getattr(event, field.name)
            if field.name == "series":
                line["last"] = {name: float(values[-1]) for name, values in value.items()}
            elif field.name != "arrays":
                line[field.name] = value
        print(json.dumps(_finite(line), ensure_ascii=False), flush=True)

    def judged(self, verdict: Verdict) -> None:
        """The verdict as an object of its own, beside the events: `change` has the settings that
        the next step changes."""
        said = {field.name: getattr(verdict, field.name) for field in fields(verdict)}
        line = {"event": "Verdict", **self._run, **said}
        print(json.dumps(_finite(line), ensure_ascii=False), flush=True)

    def close(self, end: Finished | Failed | None, seconds: float) -> None:
        """The last event said it all."""


class Bar:
    """A progress bar that follows the run, a line for each epoch, and a summary."""

    def __init__(self, spec: RunSpec) -> None:
        self._spec = spec
        self._measures = TASKS[spec.task].measures
        self._console = Console(markup=False, highlight=False, emoji=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[place]}"),
            expand=True,
        )
        self._task: TaskID = self._progress.add_task("", total=None, place="")
        self._live = Live(console=self._console, transient=True, refresh_per_second=8)
        self._validation = ""
        self._train = ""
        self._steps = 0
        self._rate = 0.0
        self._link: Link | None = None
        self._verdict: Verdict | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def recorded(self, run_id: str, link: Link) -> None:
        self._link = link
        if link.up:
            self._console.print(f"Watch it at {link.url}", soft_wrap=True)

    def judged(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def show(self, event: Event) -> None:
        if isinstance(event, Preparing):
            total = None if event.fraction is None else 1.0
            self._update(event.message, event.fraction or 0.0, total)
        elif isinstance(event, Started):
            self._started(event)
        elif isinstance(event, Trained):
            self._trained(event)
        elif isinstance(event, Evaluated):
            self._evaluated(event)

    def close(self, end: Finished | Failed | None, seconds: float) -> None:
        if isinstance(end, Finished):
            if end.metrics:
                measured = [
                    f"{each.words} {each.said(end.metrics[each.key])}" for each in self._measures
                ]
                measured.append(f"loss {end.metrics['loss']:.4f}")
                show(f"Test {', '.join(measured)}")
                for text in self._spec.metrics:
                    show(
                        f"  {one_line(naming.name(text), 60)}  {end.metrics[metric_key(text)]:.4g}"
                    )
            else:
                show(f"Stopped at step {end.step:,}")
            rate = f"{self._rate:,.0f} images/s"
            show(f"{end.seconds:.1f} s of training, {rate}, {seconds:.1f} s in all")
        elif end is None:
            show(f"Broken off after {seconds:.1f} s")
        if self._verdict is not None:
            show(self._verdict.sentence)
            show(f"Next: {self._verdict.step}")
        if self._link is not None:
            show(f"Run {self._link.url}")
            if not self._link.up:
                show("The page opens there after `streamlit run app.py`.")

    def _update(
        self, what: str, done: float, total: float | None, place: str = "", numbers: str = ""
    ) -> None:
        self._progress.update(
            self._task, description=what, completed=done, total=total, place=place
        )
        self._live.update(Group(self._progress, Text(numbers)) if numbers else self._progress)

    def _started(self, event: Started) -> None:
        self._steps = event.steps
        self._console.print(
            f"{self._spec.dataset}: {event.train_images:,} images to train on, "
            f"{event.validation_images:,} for validation; {event.parameters:,} parameters; "
            f"{event.steps:,} steps"
        )
        for warning in event.loss.get("warnings", ()):
            text = warning.get("message", warning) if isinstance(warning, dict) else warning
            self._console.print(f"Note on the loss: {text}")
        for each in cautions(self._spec):
            self._console.print(f"Note on the settings: {each.message}")
        self._update("Compiling the training step", 0, None)

    def _trained(self, event: Trained) -> None:
        series = event.series
        means = {each: np.mean(series[each.key]) for each in self._measures if each.of_steps}
        said = [f"{each.words} {_short(each, float(mean))}" for each, mean in means.items()]
        self._train = "  ".join([f"loss {np.mean(series['loss']):.4f}", *said])
        left = seconds_left(event.step, self._steps, event.seconds) or 0.0
        # Over all of the run: what the last interval took jumps about.
        self._rate = event.step * self._spec.batch_size / event.seconds if event.seconds else 0.0
        self._update(
            f"epoch {self._epoch(event.epoch)}/{self._spec.epochs}",
            event.step,
            self._steps,
            f"{event.step:,}/{self._steps:,}  {_clock(left)} left",
            f"{self._train}{self._validation}  {event.images_per_second:,.0f} images/s",
        )

    def _evaluated(self, event: Evaluated) -> None:
        if event.split != "validation":
            return
        loss = event.metrics["loss"]
        measured = [
            f"{each.words} {_short(each, event.metrics[each.key])}" for each in self._measures
        ]
        first = [_short(each, event.metrics[each.key]) for each in self._measures[:1]]
        self._validation = f"  validation {(first or [f'{loss:.4f}'])[0]}"
        whole = round(event.epoch)
        if whole and abs(event.epoch - whole) < 1e-6:
            self._console.print(
                f"epoch {whole}/{self._spec.epochs}  {self._train}  "
                + "  ".join([f"validation loss {loss:.4f}", *measured])
            )

    def _epoch(self, epoch: float) -> int:
        return min(self._spec.epochs, math.floor(epoch - 1e-9) + 1)


def show(line: str) -> None:
    """A line on stdout, as it is."""
    print(_printable(line))


def show_table(header: list[str], rows: list[list[str]]) -> None:
    """Columns of text on stdout, as wide as they need, cut nowhere."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        show(line.rstrip())


def complain(message: str, hint: str = "") -> None:
    """A fault and what to do about it, on stderr."""
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    console.print(f"Error: {_printable(message)}", soft_wrap=True)
    if hint:
        console.print(_printable(hint), soft_wrap=True)


def note(message: str) -> None:
    """Something to know that is no fault, on stderr."""
    Console(stderr=True, markup=False, highlight=False, emoji=False).print(
        _printable(message), soft_wrap=True
    )


def pointed(text: str, message: str, line: int, column: int) -> str:
    """`message`, and below it the line of `text` it is about with a caret under the column
    (both count from 1); `message` alone where there is no such place."""
    lines = text.splitlines()
    if not 1 <= line <= len(lines) or column < 1:
        return message
    shown = _printable(lines[line - 1]).replace("\t", " ")
    place = f"line {line}, column {column}: " if len(lines) > 1 else f"column {column}: "
    return f"{place}{message}\n  {shown}\n  {' ' * (column - 1)}^"


def one_line(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters."""
    return naming.cut(_printable(text), limit)


def _printable(text: str) -> str:
    """Without the control characters that could steer a terminal."""
    return "".join(mark if mark.isprintable() or mark in "\n\t" else "�" for mark in text)


def _short(measure: Measure, value: float) -> str:
    return f"{value:.1%}" if measure.unit == "%" else measure.said(value)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _finite(value: Any) -> Any:
    """For JSON, which knows no NaN or infinity: they become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


@contextmanager
def errors_in_plain_words() -> Iterator[None]:
    """What went wrong on purpose is one sentence and a hint on stderr, and exit code 2."""
    try:
        yield
    except PlaygroundError as error:
        complain(str(error), error.operator_hint)
        raise typer.Exit(2) from None
