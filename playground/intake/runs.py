"""A run of another server, out of the zip or the JSON that `playground.runs.portable` writes, into
the store of this one. All of it is held against what a run can be before any of it is kept."""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from playground.datasets import own, source_of
from playground.errors import IntakeError, PlaygroundError, SpecError
from playground.intake import forms, reading
from playground.intake.archive import Archive
from playground.intake.limits import Limits
from playground.runs import portable
from playground.runs.files import from_npz
from playground.runs.store import Store
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.training.events import (
    KINDS,
    Changed,
    Event,
    Failed,
    Finished,
    Progress,
    Snapshot,
    Started,
)

MOST_EVENTS, MOST_ARRAYS, MOST_AXES = 50_000, 64, 4
_MADE = "Take it from the Runs menu of the server that trained it, as Keras code."
_WEIGHTS = re.compile(r"run/weights-(\d{9})\.npz")


@dataclass(frozen=True)
class Brought:
    """A run that was read: its settings, where it was trained, what it said, in order, and whether
    the images that it was trained on are in the file, too."""

    spec: RunSpec
    origin: dict[str, Any]
    events: list[Event]
    data: bool = False


def read(path: Path, limits: Limits) -> Brought:
    """The run in a zip, or in the JSON alone. Keeps the facts of own data that it was trained on,
    for it to be shown with. Raises IntakeError."""
    try:
        if path.stat().st_size > limits.file_bytes:
            raise IntakeError(
                f"The file has more than {limits.file_bytes / 2**20:,.0f} MiB.",
                "Export the run without its data.",
            )
        with path.open("rb") as stream:
            head = stream.read(4)
            stream.seek(0)
            if head.startswith(b"PK"):
                return _zip(Archive(stream, limits.unpacked_bytes))
            return _brought(_record(stream.read()), {}, [])
    except OSError as error:
        raise IntakeError(f"{path} cannot be read: {error.strerror}.", "Name another.") from error


def keep(store: Store, brought: Brought, owner: str) -> str:
    """Records a run as this owner's; returns its id. Raises StoreError, and then keeps nothing."""
    run_id = store.create(brought.spec, owner, "preparing", origin=brought.origin)
    try:
        for event in brought.events:
            store.record(run_id, event)
    except BaseException:
        store.set_state(run_id, "failed", "It could not be brought here whole.")
        store.delete([run_id])
        raise
    return run_id


def _zip(archive: Archive) -> Brought:
    """The run in an archive, at its top or in its only folder, as some programs pack it anew."""
    records = [name for name in archive.names if f"/{name}".endswith(f"/{portable.RECORD}")]
    if len(records) != 1:
        older = {"train.py", "weights.npz"} <= set(archive.names)
        raise IntakeError(
            "This zip was exported by an earlier version, which put no record of the run into it."
            if older
            else "The zip has no run of the Loss Playground in it.",
            _MADE,
        )
    top = records[0].removesuffix(portable.RECORD)
    within = {name.removeprefix(top): name for name in archive.names if name.startswith(top)}
    told = _record(archive.read(records[0]))
    arrays = within.get(portable.ARRAYS)
    found = _arrays(archive.read(arrays), arrays) if arrays else {}
    snapshots = [
        Snapshot(int(known[1]), "weights", _arrays(archive.read(within[name]), name))
        for name in sorted(within)
        if (known := _WEIGHTS.fullmatch(name))
    ]
    brought = _brought(told, found, snapshots)
    return replace(brought, data=reading.OF_A_RUN in within and own.is_own(brought.spec.dataset))


def _record(content: bytes) -> dict[str, Any]:
    """The JSON of a run, of a version that this one reads."""
    try:
        told = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise IntakeError(
            "The file is damaged, or no run of the Loss Playground.", _MADE
        ) from error
    if not isinstance(told, dict) or told.get("format") != portable.FORMAT:
        raise IntakeError("The file is no run of the Loss Playground.", _MADE)
    version = told.get("version")
    if not isinstance(version, int) or not 1 <= version <= portable.VERSION:
        raise IntakeError(
            f"The run was exported by a newer version of the Loss Playground (format "
            f"{str(version)[:20]}, this one reads up to {portable.VERSION}).",
            "Bring this server up to date, or open it there.",
        )
    return told


def _brought(
    told: Mapping[str, Any], arrays: Mapping[str, np.ndarray], snapshots: list[Snapshot]
) -> Brought:
    """The run; the facts of its own data are kept once all of it is sound."""
    facts = _facts(told)
    with own.lent(facts):
        found = _sound(told, arrays, snapshots)
    if facts is not None:
        own.keep_facts(facts)
    return found


def _sound(
    told: Mapping[str, Any], arrays: Mapping[str, np.ndarray], snapshots: list[Snapshot]
) -> Brought:
    try:
        origin = forms.Origin(**told.get("origin", {})).model_dump()
        events = told["events"]
        if not isinstance(events, list) or len(events) > MOST_EVENTS:
            raise IntakeError(f"The run says more than {MOST_EVENTS:,} things.", _MADE)
        spec = _spec(told)
        said = [forms.FORMS[each["event"]](**each) for each in events]
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise IntakeError(
            f"The run is damaged: {where[:60]} is not what a run has there.", _MADE
        ) from error
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise IntakeError("The run is damaged: it says what no run says.", _MADE) from error
    classes = len(source_of(spec.dataset).class_names)
    read = [_event(form, number, arrays, classes) for number, form in enumerate(said)]
    ends = [event for event in read if isinstance(event, Finished | Failed)]
    if len(ends) != 1 or read[-1] is not ends[0]:
        raise IntakeError("The run is damaged: it has no end.", _MADE)
    _check_order(read)
    _check_changes(spec, read)
    _check_weights(snapshots)
    return Brought(spec, origin, [*read[:-1], *snapshots, read[-1]])


def _facts(told: Mapping[str, Any]) -> own.Facts | None:
    """What is told of the own data that a run was trained on; None of a run on other data."""
    given = told.get("spec")
    if not isinstance(given, dict) or not own.is_own(given.get("dataset")):
        return None
    try:
        facts = own.facts_of(json.dumps(told.get("data")))
    except (ValueError, RecursionError) as error:
        raise IntakeError("The run is damaged: of its data nothing is told.", _MADE) from error
    if facts.name != given["dataset"]:
        raise IntakeError("The run is damaged: it tells of other data.", _MADE)
    return facts


def _spec(told: Mapping[str, Any]) -> RunSpec:
    """The settings; those of a run on own data need the facts of these, kept or lent."""
    given = told.get("spec")
    if not isinstance(given, dict):
        raise IntakeError("The run is damaged: it has no settings.", _MADE)
    if given.get("task") not in TASKS:
        raise IntakeError(
            f"The run learns {str(given.get('task'))[:32]!r}, which this version does not know.",
            "Open it with the version that trained it.",
        )
    try:
        return RunSpec.from_json(json.dumps(given))
    except SpecError as error:
        raise IntakeError(
            f"This version has no such settings: {error}.", "Open it with the version that made it."
        ) from error


def _event(form: forms.Said, number: int, arrays: Mapping[str, np.ndarray], classes: int) -> Event:
    values = form.model_dump(exclude={"event"}, exclude_unset=True)
    if isinstance(form, forms.Progress):
        values["series"] = {n: _series(each, form.step) for n, each in form.series.items()}
    if "metrics" in values:
        values["metrics"] = _numbers(values["metrics"])
    if isinstance(form, forms.Started):
        if len(form.class_names) != classes:
            raise IntakeError("The run is damaged: it has other classes than its data.", _MADE)
        values["baseline"] = _numbers(values["baseline"])
    if "arrays" in values:
        if len(values["arrays"]) > MOST_ARRAYS:
            raise IntakeError(f"The run has more than {MOST_ARRAYS} arrays in a place.", _MADE)
        values["arrays"] = {
            name: _checked(arrays[f"{number}/{name}"], name, classes)
            for name in values["arrays"]
            if f"{number}/{name}" in arrays
        }
    event: Event = KINDS[form.event](**values)
    return event


def _series(values: list[float | None], step: int) -> np.ndarray:
    if len(values) > step:
        raise IntakeError("The run is damaged: it has numbers of more steps than it took.", _MADE)
    return np.array([np.nan if each is None else each for each in values], np.float32)


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float("nan") if each is None else each for name, each in values.items()}


def _arrays(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz within the archive: NumPy's numbers alone."""
    limit = len(content) * 1_100 + 2**20  # no deflate gives more than 1,032 times as much
    inner = Archive(io.BytesIO(content), min(limit, 512 * 2**20))
    unpacked = {each: inner.read(each) for each in inner.names}  # counted as it comes
    del unpacked
    try:
        found = from_npz(content)
    except ValueError as error:
        raise IntakeError(f"The run is damaged: {name[-40:]} holds no arrays.", _MADE) from error
    for each in found.values():
        if each.dtype.kind not in "biuf" or each.ndim > MOST_AXES or each.dtype.itemsize > 8:
            raise IntakeError(f"The run is damaged: {name[-40:]} holds no numbers.", _MADE)
    return found


def _checked(array: np.ndarray, name: str, classes: int) -> np.ndarray:
    """An array that has the shape and the numbers that pages expect of its name."""
    kind, last = array.dtype.kind, array.shape[-1] if array.ndim else 0
    of = name.rpartition("_")[2]
    fits = {
        "images": array.ndim == 4 and array.dtype == np.uint8 and last in (1, 3),
        "labels": kind in "iu" and (not array.size or bool(array.max() < classes)),
        "probabilities": kind == "f" and array.ndim >= 2 and last <= classes,
        "confusion": kind in "iu" and array.shape == (last, last) and 0 < last <= classes,
        "reliability": kind == "f" and array.ndim == 2 and len(array) == 3,
    }
    if not fits.get(of, True):
        raise IntakeError(f"The run is damaged: its {name[:40]} is of another shape.", _MADE)
    return array


def _check_order(read: list[Event]) -> None:
    steps = [event.step for event in read if isinstance(event, Progress)]
    if any(after <= before for before, after in pairwise(steps)):
        raise IntakeError("The run is damaged: its steps are out of order.", _MADE)


def _check_changes(spec: RunSpec, read: list[Event]) -> None:
    loss = next((event.loss for event in read if isinstance(event, Started)), {})
    marks = [event for event in read if isinstance(event, Changed)]
    try:
        forms.check_changes(spec, loss, marks)
    except (ValueError, PlaygroundError) as error:
        raise IntakeError("The run is damaged: no run can be changed so.", _MADE) from error


def _check_weights(snapshots: list[Snapshot]) -> None:
    if any(each.step > forms.MOST_STEPS for each in snapshots):
        raise IntakeError("The run is damaged: its weights are of no step.", _MADE)
    kept = [{n: a.shape for n, a in each.arrays.items()} for each in snapshots]
    if any(each != kept[0] for each in kept):
        raise IntakeError("The run is damaged: its weights are of more than one network.", _MADE)
