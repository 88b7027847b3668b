"""A run as files that another server opens: what it said while it trained, as JSON, and its arrays
as .npz. Nothing of it is pickled, and nothing in it is run.

    run/record.json           format, version, origin, spec, the facts of own data, and the events
                              of `playground.training.events` in order; NaN is null. What each
                              may have, `playground.intake.forms` says
    run/arrays.npz            the arrays of the events: "12/confusion" of event 12
    run/weights-000000012.npz the network's weights at some steps, the last one among them

`record.json` alone is a run, too: its settings, curves and numbers without pictures and weights.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from playground import replay
from playground.datasets import own
from playground.errors import SpecError
from playground.runs.files import to_npz
from playground.runs.records import RunRecord
from playground.runs.snapshots import spare
from playground.runs.store import Store
from playground.training.events import (
    Arrays,
    Event,
    Failed,
    Finished,
    Progress,
)

FORMAT, VERSION = "loss-playground-run", 1
RECORD, ARRAYS, WEIGHTS = "run/record.json", "run/arrays.npz", "run/weights-{:09d}.npz"
ROOM = 16 * 2**20  # bytes of weights that are taken along


def members(store: Store, run_id: str, room: int = ROOM) -> Iterator[tuple[str, bytes]]:
    """The files of a run, by their names in a zip; of its weights those of as many steps as `room`
    allows, evenly over the run. Raises SpecError for an unknown run, StoreError."""
    record = store.run(run_id)
    if record is None:
        raise SpecError("run", f"there is no run {run_id[:20]!r} in the history")
    told = list(_events(store, record))
    arrays: dict[str, np.ndarray] = {}
    events = [_plain(event, number, arrays) for number, event in enumerate(told)]
    yield RECORD, _record(record, events).encode()
    if arrays:
        yield ARRAYS, to_npz(arrays, compressed=True)
    yield from _weights(store, run_id, room)


def record_json(store: Store, run_id: str) -> str:
    """`record.json` alone. Raises as `members`."""
    return next(content for _, content in members(store, run_id, 0)).decode()


def _weights(store: Store, run_id: str, room: int) -> Iterator[tuple[str, bytes]]:
    steps = store.snapshots(run_id, "weights") if room else []
    last = store.snapshot(run_id, "weights") if steps else None
    if last is None:
        return
    size = max(1, sum(array.nbytes for array in last.arrays.values()))
    gone = set(spare(steps, max(2, room // size)))
    for step in steps:
        found = store.snapshot(run_id, "weights", step) if step not in gone else None
        if found is not None and found.step == step:
            yield WEIGHTS.format(step), to_npz(found.arrays)


def _record(record: RunRecord, events: list[dict[str, Any]]) -> str:
    facts = own.facts(record.spec.dataset)
    packages = zip(replay.PACKAGES.values(), replay.versions().split("_"), strict=True)
    return json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "origin": {
                "run": record.id,
                "number": record.number,
                "created": record.created.timestamp(),
                "versions": ", ".join(f"{name} {version}" for name, version in packages),
            },
            "spec": record.spec.model_dump(),
            "data": None if facts is None else json.loads(facts.to_json()),
            "events": events,
        },
        ensure_ascii=False,
        allow_nan=False,
    )


def _events(store: Store, record: RunRecord) -> Iterator[Event]:
    """All that the store has of what a run said, by steps."""
    started = store.started(record.id)
    if started is not None:
        yield started
    yield from _progress(store, record)
    yield from store.evaluations(record.id)
    yield from store.marks(record.id)
    yield _end(record)


def _progress(store: Store, record: RunRecord) -> Iterator[Progress]:
    """The series of every step, each stretch of it without a step that is missing; stretches that
    end at one step are one event."""
    names = store.series_names(record.id)
    ending: dict[int, dict[str, np.ndarray]] = {}
    for name, (steps, values) in store.all_series(record.id, dict.fromkeys(names, 0)).items():
        if len(steps):
            ends = np.flatnonzero(np.append(np.diff(steps) != 1, True))
            for end, stretch in zip(ends, np.split(values, ends[:-1] + 1), strict=True):
                ending.setdefault(int(steps[end]), {})[name] = stretch
    for step, series in sorted(ending.items()):
        yield Progress(step, record.epoch, record.seconds, record.images_per_second, series)


def _end(record: RunRecord) -> Event:
    """How a run ended; one that goes on ends where it is."""
    if record.state == "failed":
        said = record.message, record.hint, record.where
        return Failed(record.step, record.kind or "worker", *said)
    metrics = {
        name.removeprefix("test_"): value
        for name, value in record.metrics.items()
        if name.startswith("test_")
    }
    reason = "completed" if record.state == "completed" else "stopped"
    return Finished(record.step, reason, record.seconds, metrics)


def _plain(event: Event, number: int, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """An event for JSON; its arrays go to `arrays`, but for the series of every step."""
    told: dict[str, Any] = {"event": type(event).__name__}
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name == "arrays":
            told["arrays"] = _put(value, number, arrays)
        elif isinstance(event, Progress) and field.name == "series":
            told["series"] = {
                name: list(map(_short, each.tolist())) for name, each in value.items()
            }
        else:
            told[field.name] = _finite(value)
    return told


def _put(value: Arrays, number: int, arrays: dict[str, np.ndarray]) -> list[str]:
    arrays.update({f"{number}/{name}": array for name, array in value.items()})
    return sorted(value)


def _short(value: float) -> float | None:
    """A float32 with as many digits as it has."""
    return float(f"{value:.9g}") if math.isfinite(value) else None


def _finite(value: Any) -> Any:
    """For JSON, which knows no NaN: it becomes null."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
