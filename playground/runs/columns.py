"""What of listed runs a table shows, filters and sorts by: every setting and every number, as a
column with a title and a kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, get_origin

from playground import datasets, naming
from playground.knobs import Knob
from playground.runs.listing import Listed
from playground.spec import DEFAULT_TASK, fields, knobs
from playground.tasks import TASKS, Measure

TEXT, CHOICE, FLAG = "text", "choice", "flag"
NUMBER, PERCENT, SECONDS, BYTES, TIME = "number", "percent", "seconds", "bytes", "time"
NUMBERS = frozenset({NUMBER, PERCENT, SECONDS, BYTES})
# Numbers under which the same is recorded, the first that is there counts.
NLL = ("nll", "negative_log_likelihood", "categorical_crossentropy")
ECE = ("ece", "expected_calibration_error")
SPLITS = ("test", "validation")
MOST_TEXT = 300  # characters of a loss in words
# What a table shows where nothing else was chosen.
PLAIN: tuple[str, ...] = (
    *("run", "starred", "task", "dataset", "loss", "result", "nll", "ece", "validation_loss"),
    *("state", "epochs_done", "seconds", "created", "bytes"),
)


@dataclass(frozen=True)
class Column:
    """`value` gives a run's value: a text, a number, a truth, seconds since 1970 of a TIME, a share
    of a PERCENT; None where it has none. `choices` are the texts that a CHOICE has."""

    key: str
    title: str
    kind: str
    value: Callable[[Listed], Any] = field(repr=False)
    help: str = ""


def columns(rows: Sequence[Listed]) -> dict[str, Column]:
    """Every column that these runs have, by its key: facts, then numbers, then settings."""
    tasks = sorted({task_of(row) for row in rows} | {DEFAULT_TASK})
    found = [*_facts(rows), *_measured(rows)]
    known = {column.key for column in found}
    for task in tasks:
        for name in _knobs(task):
            if name not in known:
                known.add(name)
                found.append(_setting(task, name))
    return {column.key: column for column in found}


def task_of(row: Listed) -> str:
    """The task of a run; one that this version does not know is its own."""
    return str(row.settings.get("task", DEFAULT_TASK))


def title(row: Listed) -> str:
    """What a run is called in a list: by its number, and its name or else its loss."""
    return f"#{row.number} {row.name or loss_of(row)}"


def loss_of(row: Listed) -> str:
    """What the loss of a run is called."""
    return _loss_name(str(row.settings.get("loss", "")))


def matches(row: Listed, words: Iterable[str]) -> bool:
    """Whether each of these words stands in what a run is called, its loss, notes, data or state;
    case does not count."""
    text = "\n".join(
        (title(row), loss_of(row), str(row.settings.get("loss", "")), row.notes,
         _choice("dataset", row.settings.get("dataset", "")), _choice("task", task_of(row)),
         row.state)
    ).casefold()  # fmt: skip
    return all(word.casefold() in text for word in words)


def within(
    row: Listed, column: Column, low: float | None, high: float | None, scale: float = 1
) -> bool:
    """Whether a run's number, times a scale, is there and within the bounds that are given."""
    value = column.value(row)
    if value is None:
        return False
    return (low is None or value * scale >= low) and (high is None or value * scale <= high)


def arranged(rows: Iterable[Listed], column: Column, ascending: bool) -> list[Listed]:
    """The runs by a column's values, the newest first among equal ones; those that have none come
    last."""
    newest = sorted(rows, key=lambda row: -row.number)
    some = [row for row in newest if column.value(row) is not None]
    none = [row for row in newest if column.value(row) is None]
    text = column.kind in (TEXT, CHOICE)

    def order(row: Listed) -> Any:
        value = column.value(row)
        return value.casefold() if text else value

    return sorted(some, key=order, reverse=not ascending) + none


def differing(rows: Sequence[Listed], every: bool = False) -> list[Column]:
    """The settings in which runs differ, or `every` one that they have."""
    names = {"task"}.union(*(row.settings for row in rows))
    wanted = [column for column in columns(rows).values() if column.key in names]
    return [column for column in wanted if every or len({_raw(column, row) for row in rows}) > 1]


def _raw(column: Column, row: Listed) -> str:
    """What tells two values apart: two losses of one name may have different texts."""
    return repr(row.settings.get("loss") if column.key == "loss" else column.value(row))


def said(column: Column, row: Listed) -> str:
    """A value in words; "" where there is none."""
    value = column.value(row)
    if value is None:
        return ""
    if column.key == "loss":
        lines = naming.code_lines(str(row.settings.get("loss", "")))
        text = "; ".join(line.strip() for line in lines)
        return str(value) if len(lines) < 2 else naming.cut(f"{value}: {text}", MOST_TEXT)
    if column.kind == FLAG:
        return "on" if value else "off"
    if column.kind == PERCENT:
        return f"{value:.1%}"
    if column.kind in NUMBERS:
        return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
    return str(value)


def state_of(row: Listed, short: bool = False) -> str:
    """How a run is, with how far it is while it lives; `short` where there is little room."""
    share = f"{row.step / row.steps:.0%}" if row.live and row.steps and row.step else ""
    if short:
        return share or {"completed": "done", "queued": "waits"}.get(row.state, row.state)
    return f"{row.state} · {share}" if share else row.state


def _facts(rows: Sequence[Listed]) -> list[Column]:
    mains = {_main(row).key: _main(row) for row in rows}
    one = next(iter(mains.values())) if len(mains) == 1 else None
    alike = all(main.unit == "%" for main in mains.values())
    return [
        Column("run", "Run", TEXT, title),
        Column("starred", "★", FLAG, lambda row: row.starred),
        Column("task", "Task", CHOICE, lambda row: _choice("task", task_of(row))),
        Column("dataset", "Data", CHOICE, lambda row: _choice("dataset", _set(row))),
        Column("loss", "Loss", TEXT, loss_of),
        Column(
            "result",
            one.title if one is not None else "Result",
            PERCENT if alike else NUMBER,
            lambda row: _number(row, (_main(row).key,)),
            "On the test images; until these are measured, on the validation images.",
        ),
        Column("nll", "NLL", NUMBER, lambda row: _number(row, NLL),
               "Negative log-likelihood, which compares runs of different losses."),
        Column("ece", "ECE", PERCENT, lambda row: _number(row, ECE),
               "Expected calibration error, of runs that measured it."),
        Column("state", "State", TEXT, lambda row: state_of(row)),
        Column("epochs_done", "Epochs done", NUMBER, lambda row: round(row.epoch, 2)),
        Column("step", "Steps", NUMBER, lambda row: row.step),
        Column("seconds", "Seconds", SECONDS, lambda row: row.seconds, "Of training."),
        Column("images_per_second", "Images/s", NUMBER, lambda row: row.images_per_second or None),
        Column("parameters", "Weights", NUMBER, lambda row: row.parameters or None),
        Column("created", "Begun", TIME, lambda row: row.created),
        Column("bytes", "Storage", BYTES, lambda row: row.bytes,
               "Files and rows of the store, measured once a minute."),
        Column("notes", "Notes", TEXT, lambda row: row.notes or None),
        Column("number", "Number", NUMBER, lambda row: row.number),
    ]  # fmt: skip


def _measured(rows: Sequence[Listed]) -> list[Column]:
    """Every number that an evaluation of these runs recorded."""
    names = sorted({name for row in rows for name in row.metrics} | {"validation_loss"})
    found = []
    for name in names:
        split, _, metric = name.partition("_")
        if split in (*SPLITS, "train") and metric:
            known = _measures().get(metric)
            words = known.words if known is not None else metric.replace("_", " ")
            percent = known is not None and known.unit == "%"
            found.append(
                Column(
                    name,
                    f"{split.capitalize()} {words}",
                    PERCENT if percent else NUMBER,
                    lambda row, name=name: row.metrics.get(name),  # type: ignore[misc]
                )
            )
    return found


def _setting(task: str, name: str) -> Column:
    knob, spec = _knobs(task)[name], fields(task)[name]
    kind: Any = spec.annotation
    if knob.choices is not None:
        return Column(name, knob.label, CHOICE, lambda row: _choice(name, row.settings.get(name)))
    if get_origin(kind) is not None or kind not in (bool, int, float):
        return Column(name, knob.label, TEXT, lambda row: _text(row.settings.get(name)))
    default = spec.default

    def value(row: Listed) -> Any:
        # What came after a run was trained stood at its default; other tasks have no such setting.
        return row.settings.get(name, default if name in _knobs(task_of(row)) else None)

    return Column(name, knob.label, FLAG if kind is bool else NUMBER, value, knob.help)


def _main(row: Listed) -> Measure:
    return TASKS[task_of(row)].main if task_of(row) in TASKS else TASKS[DEFAULT_TASK].main


def _set(row: Listed) -> str:
    return str(row.settings.get("dataset", ""))


def _number(row: Listed, names: Sequence[str]) -> float | None:
    """The number of the first of these names, of the test images or else of those for
    validation."""
    for split in SPLITS:
        for name in names:
            value = row.metrics.get(f"{split}_{name}")
            if value is not None:
                return value
    return None


def _choice(name: str, value: Any) -> str:
    if name == "dataset":
        return _set_title(str(value))
    if name == "task":
        return TASKS[value].title if value in TASKS else str(value)[:32]
    for task in TASKS:
        choices = _knobs(task)[name].choices if name in _knobs(task) else None
        if choices is not None and value in choices:
            return choices[value]
    return "" if value is None else str(value)


@lru_cache(maxsize=256)
def _set_title(name: str) -> str:
    """Of a visitor's own data set that is gone its name."""
    found = datasets.find(name)
    return name[:64] if found is None else found.title


def _text(value: Any) -> str | None:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number:g}" for name, number in value.items()) or None
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or None
    return None if value is None else str(value)


@cache
def _knobs(task: str) -> Mapping[str, Knob]:
    return knobs(task)


@cache
def _measures() -> Mapping[str, Measure]:
    return {each.key: each for task in TASKS.values() for each in task.measures}


@cache
def _loss_name(text: str) -> str:
    return naming.cut(naming.loss_name(text), 60)
