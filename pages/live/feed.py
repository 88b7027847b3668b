"""What viewers are told of runs: one watch reads a run from the store for all who look at it.

A watch compares what it reads with what it said last and passes on the difference, twice a second
while the run is live, up to four times where it has news, and at once where somebody waits for
them, so that a class of thirty watching one run costs one reading. A viewer who comes, or fell
behind, is told the whole.
"""

import asyncio
import contextlib
import json
import logging
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio
import anyio.to_thread
import numpy as np

from pages.live.series import Series
from playground import monitoring
from playground.analysis import curves as recorded
from playground.errors import PlaygroundError
from playground.runs.run_view import RunView
from playground.tasks import TASKS
from playground.training.changes import STATE
from playground.training.events import Evaluated, Started, seconds_left
from playground.verdicts import collapse as features_collapse
from playground.verdicts import fit
from playground.verdicts.best import best_epoch, restored

LIVE_SECONDS = 0.5
# Between two readings of a run, and between two messages to a viewer, but for what is awaited.
LEAST_SECONDS = 0.25
IDLE_SECONDS = 2.0
BACKLOG = 8  # messages of a run a slow viewer may be behind before it is told the whole anew
UNKNOWN = {"state": "unknown"}
FIRST_TIMES, TIMES = 240, 3  # steps whose seconds a viewer is told first, and with each message

# What is measured of the terms of a composite loss (`playground.training.terms`).
TERM = re.compile(r"validation_(term\d(_features|_logits|_share|_weight)?|cosine\d\d)")

reading = anyio.CapacityLimiter(4)
log = logging.getLogger(__name__)
Message = dict[str, Any]


class Queue(Protocol):
    """What the feed asks of the supervisor."""

    def place(self, run_id: str) -> int | None: ...
    def wait_seconds(self, run_id: str) -> float | None: ...
    def waits_for(self, run_id: str) -> str | None: ...


class Reader:
    """Reads one run from the store and says what is new. Blocking; one thread at a time."""

    def __init__(self, run_id: str, store: Any, queue: Queue) -> None:
        self.run_id, self.queue, self._recorded = run_id, queue, store
        self.live = False
        self._forget()

    def _forget(self) -> None:
        """Nothing was read or said of the run."""
        self.store = RunView(self._recorded, self.run_id)
        self.series: dict[str, Series] = defaultdict(Series)
        self.said: Message = {}
        self.awaited = False  # whether somebody waits for the last news: a state, a mark

    def whole(self) -> Message:
        """Everything known of the run, for a viewer who knows nothing."""
        curves = {name: curve.whole() for name, curve in self.series.items() if curve.end}
        return {"run": self.run_id, "whole": True, **self.said, "series": curves}

    def news(self) -> Message | None:
        """What changed since the last call, None if nothing did. A store that cannot be read is
        news too: the viewer is told why, and reading goes on."""
        try:
            with monitoring.STORE_SECONDS.labels("read").time():
                facts, curves = self._read()
        except PlaygroundError as error:
            facts, curves = {"trouble": f"{error.message} {error.hint}".strip()}, {}
        else:
            facts["trouble"] = ""
        if facts.get("step", 0) < (self.said.get("step") or 0):
            self._forget()  # it goes on from an earlier checkpoint: what came after comes again
            self.news()
            return self.whole()
        changed = {name: value for name, value in facts.items() if self.said.get(name) != value}
        if not changed and not curves:
            return None
        begins = "loss" in curves and not self.said.get("step")
        self.awaited = begins or bool({"state", "marks"} & set(changed))
        self.said.update(changed)
        return {"run": self.run_id, **changed, **({"series": curves} if curves else {})}

    def _read(self) -> tuple[Message, dict[str, Message]]:
        self.store.refresh()
        record = self.store.run(self.run_id)
        if record is None:
            self.live = False
            return dict(UNKNOWN), {}
        ended = self.live and not record.live
        self.live = record.live
        said_step, said_metrics = self.said.get("step"), self.said.get("metrics")
        facts = _facts(record)
        if record.state == "queued":
            facts["place"] = self.queue.place(self.run_id)
            facts["wait"] = self.queue.wait_seconds(self.run_id)
            facts["waits_for"] = self.queue.waits_for(self.run_id)
        curves: dict[str, Message] = {}
        if self.live or ended or said_step is None:
            facts["marks"] = [
                {
                    "step": mark.step,
                    "kind": mark.kind,
                    "name": mark.name,
                    "value": _short(mark.value),
                }
                for mark in self.store.marks(self.run_id)
                if mark.kind != STATE
            ]
            started = self.store.started(self.run_id)
            if started is not None:
                facts["baseline"] = started.baseline
                facts["steps_per_epoch"] = started.steps_per_epoch
                facts["train_images"] = started.train_images
                facts["validation_images"] = started.validation_images
            facts["snapshots"] = self.store.snapshots(self.run_id, "weights")
            known = [] if record.foreign else TASKS[record.spec.task].series(record.spec)
            if record.step != said_step:
                of_steps = [name for name in known if _of_steps(name)]
                asked = [*of_steps, recorded.CLOCK]
                self.store.read_steps({name: self.series[name].end for name in asked})
                for name in of_steps:
                    self._extend(name, curves)
            evaluated = facts["metrics"] != said_metrics or ended
            measured = [name for name in known if not _of_steps(name)]
            measured += filter(TERM.fullmatch, facts["metrics"])
            for name in measured if evaluated else ():
                self._extend(name, curves)
            if evaluated:
                if record.foreign:
                    facts["collapsed"], facts["advice"] = None, ""
                else:
                    facts["collapsed"], facts["advice"] = self._collapsed()
            self._derive(record, curves)
            if evaluated and not record.foreign:
                facts["best"] = self._best(record)
        if "validation_loss" in curves:
            facts["evaluation"] = self._evaluation(record)
        return facts, curves

    def _extend(self, name: str, curves: dict[str, Message]) -> None:
        self._add(name, self.store.series(self.run_id, name, after=self.series[name].end), curves)

    def _derive(self, record: Any, curves: dict[str, Message]) -> None:
        """What is worked out of all recorded steps, not of the few that a viewer is sent."""
        gap, clock = self.series["gap"], self.series[recorded.CLOCK]
        if self.series["validation_loss"].end > gap.end:
            self._add("gap", recorded.gap(self.store, self.run_id, gap.end), curves)
        if {"train_accuracy", "train_clean_accuracy"} & set(curves):
            end = self.series["fit_gap"].end
            steps, space, error = fit.gap_at_evaluations(self.store, record, end)
            self._add("fit_gap", (steps, space), curves)
            self._add("fit_gap_error", (steps, error), curves)
        if "loss" in curves:
            most = TIMES if clock.end else FIRST_TIMES
            times = recorded.clock(self.store, self.run_id, clock.end, most)
            self._add(recorded.CLOCK, times, curves)

    def _add(
        self, name: str, points: tuple[np.ndarray, np.ndarray], curves: dict[str, Message]
    ) -> None:
        added = self.series[name].add(*points)
        if added:
            curves[name] = added

    def _best(self, record: Any) -> Message | None:
        """The best epoch so far, its last step, the main measure on the validation images after
        it, and whether its weights were restored: that on the test images then goes with it."""
        marks, started = self.store.marks(self.run_id), self.store.started(self.run_id)
        epoch, main = best_epoch(self.store, self.run_id), TASKS[record.spec.task].main.key
        if not epoch or started is None:
            return None
        step = epoch * started.steps_per_epoch
        steps, values = self.store.series(self.run_id, f"validation_{main}")
        found = values[steps == step]
        if not len(found):
            return None
        found_at = {"epoch": epoch, "step": step, "restored": bool(restored(marks))}
        return {**found_at, "value": float(found[-1]) if math.isfinite(found[-1]) else None}

    def _collapsed(self) -> tuple[list[int] | None, str]:
        """Since when the features have fallen together, and what to do about it; None and nothing
        where they have not."""
        started = self.store.started(self.run_id)
        steps, _ = self.store.series(self.run_id, "validation_loss")
        if started is None or not len(steps):
            return None, ""
        evaluated = {name: self._at(key, steps) for name, key in features_collapse.ASKED.items()}
        guess = max(started.baseline.get("accuracy", 0.0), 1 / max(1, len(started.class_names)))
        since = features_collapse.collapsed(steps.tolist(), evaluated, guess)
        if since is None:
            return None, ""
        return list(since), fit.judge(fit.read(self.store, self.store.run(self.run_id))).step

    def _at(self, name: str, steps: np.ndarray) -> np.ndarray:
        """A series at these steps, NaN where it has nothing."""
        found, values = self.store.series(self.run_id, name)
        known = dict(zip(found.tolist(), values.tolist(), strict=True))
        return np.array([known.get(step, np.nan) for step in steps.tolist()])

    def _evaluation(self, record: Any) -> Message | None:
        return evaluation_message(
            record, self.store.evaluation(self.run_id), self.store.started(self.run_id)
        )


def evaluation_at(store: Any, run_id: str, step: int) -> Message | None:
    """What a run's evaluation on the validation images said at a step, or at the nearest to it of
    which that is known, with its numbers; None where there is none. Raises StoreError."""
    record, evaluated = store.run(run_id), store.evaluation(run_id, step=step)
    found = None if record is None else evaluation_message(record, evaluated, store.started(run_id))
    if found is None or evaluated is None:
        return None
    numbers = evaluated.metrics.items()
    known = {f"{evaluated.split}_{k}": v if math.isfinite(v) else None for k, v in numbers}
    return {**found, "metrics": known}


def evaluation_message(
    record: Any, evaluated: Evaluated | None, started: Started | None
) -> Message | None:
    """What viewers are told of an evaluation of a run."""
    if evaluated is None or started is None:
        return None
    probabilities = evaluated.arrays.get("strip_probabilities")
    labels = started.arrays.get("strip_labels")
    strip = []
    if probabilities is not None and labels is not None:
        for row, truth in zip(probabilities, labels.tolist(), strict=False):
            best = int(row.argmax())
            strip.append([best, round(float(row[best]), 3), truth])
    task = None if record.foreign else TASKS[record.spec.task]
    confusion = evaluated.arrays.get("confusion")
    reliability = evaluated.arrays.get("reliability")
    return {
        "step": evaluated.step,
        "split": evaluated.split,
        "images": evaluated.images,
        "confusion": None if confusion is None else confusion.tolist(),
        "reliability": None if reliability is None else np.round(reliability, 2).tolist(),
        "strip": strip,
        "views": {} if task is None else task.view_data(evaluated, started),
    }


def _of_steps(name: str) -> bool:
    """Whether a series has a value at every step; else one at every evaluation."""
    return not name.startswith(("validation_", "train_", "test_"))


def _short(value: Any) -> Any:
    """A mark's value as a chart needs it: a loss' text stays here."""
    return value if not isinstance(value, str) or len(value) <= 40 else ""


def _facts(record: Any) -> Message:
    """The plain facts of a run, rounded to what is shown so that only visible news is sent."""
    left = seconds_left(record.step, record.steps, record.seconds)
    return {
        "state": record.state,
        "message": record.message or "",
        "hint": record.hint or "",
        "where": record.where,
        "step": record.step,
        "steps": record.steps,
        "epoch": round(record.epoch or 0, 2),
        "epochs": record.spec.epochs,
        "seconds": round(record.seconds or 0, 1),
        "left": None if left is None else round(left, 1),
        "rate": round(record.images_per_second or 0),
        "place": None,
        "wait": None,
        "preparing": record.preparing or "",
        "fraction": record.preparing_fraction,
        "parameters": record.parameters,
        # None for what is no number: NaN, which equals nothing, would be news at every reading.
        "metrics": {
            name: value if math.isfinite(value) else None
            for name, value in (record.metrics or {}).items()
        },
    }


class Viewer:
    """One open stream: the encoded messages it has yet to be sent."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.counts: Counter[str] = Counter()  # of those that wait, by run
        self.behind: set[str] = set()
        self.ready = asyncio.Event()
        self.awaited = asyncio.Event()  # something that should not wait for its time

    def tell(self, run_id: str, encoded: bytes, awaited: bool = False) -> None:
        """Leaves a message; one too many and this viewer is owed the whole run instead."""
        if self.counts[run_id] >= BACKLOG:
            self.behind.add(run_id)
        elif run_id not in self.behind:
            self.waiting.append(encoded)
            self.counts[run_id] += 1
        self.ready.set()
        if awaited:
            self.awaited.set()


class Feed:
    """The watches of this process. `open` gives a run's messages to a viewer while it looks."""

    def __init__(self, store: Callable[[], Any], queue: Callable[[], Queue]) -> None:
        self._store, self._queue = store, queue
        self._watches: dict[str, _Watch] = {}
        self._viewers: set[Viewer] = set()
        self.closed = False

    def wake(self, run_id: str, awaited: bool = False) -> None:
        """Looks at a run sooner than at the next half second, at once if somebody waits for its
        news; from any thread."""
        watch = self._watches.get(run_id)
        if watch is not None and not self.closed:
            watch.wake(awaited)

    def close(self) -> None:
        """Ends every stream, so that the server can stop while pages are open."""
        self.closed = True
        for viewer in self._viewers:
            viewer.ready.set()

    @asynccontextmanager
    async def viewer(self, run_ids: list[str]) -> AsyncIterator[Viewer]:
        """A viewer of these runs until the block is left."""
        viewer = Viewer()
        self._viewers.add(viewer)
        try:
            for run_id in run_ids:
                watch = self._watches.get(run_id)
                if watch is None:
                    watch = self._watches[run_id] = _Watch(
                        Reader(run_id, self._store(), self._queue())
                    )
                watch.join(viewer)
            yield viewer
        finally:
            self._viewers.discard(viewer)
            for run_id in run_ids:
                watch = self._watches.get(run_id)
                if watch is not None and watch.leave(viewer):
                    del self._watches[run_id]

    def take(self, viewer: Viewer) -> bytes:
        """All that waits for this viewer, encoded as Server-Sent Events."""
        viewer.ready.clear()
        viewer.awaited.clear()
        parts, viewer.waiting = viewer.waiting, []
        viewer.counts.clear()
        for run_id in viewer.behind:
            if run_id in self._watches:
                parts.append(encode(self._watches[run_id].reader.whole()))
        viewer.behind.clear()
        return b"".join(parts)


class _Watch:
    """One run's reader, the task that drives it and those who look."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._viewers: set[Viewer] = set()
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._awaited = asyncio.Event()
        self._news_at = math.inf  # since when there is news that nobody was told
        self._task = asyncio.create_task(self._watch())

    def wake(self, awaited: bool) -> None:
        self._news_at = min(self._news_at, time.monotonic())
        for event in (self._woken, self._awaited)[: 1 + awaited]:
            self._loop.call_soon_threadsafe(event.set)

    def join(self, viewer: Viewer) -> None:
        self._viewers.add(viewer)
        if self.reader.said:
            viewer.tell(self.reader.run_id, encode(self.reader.whole()))

    def leave(self, viewer: Viewer) -> bool:
        """Whether that was the last one; the watch has then ended."""
        self._viewers.discard(viewer)
        if not self._viewers:
            self._task.cancel()
        return not self._viewers

    async def _watch(self) -> None:
        first = True
        while self.reader.said.get("state") != "unknown":
            read_at = self._loop.time()
            news_at, self._news_at = self._news_at, math.inf
            try:
                news = await anyio.to_thread.run_sync(self.reader.news, limiter=reading)
            except Exception:
                log.exception("run %s cannot be shown", self.reader.run_id)
                news = {"run": self.reader.run_id, "trouble": "This run cannot be read."}
            if news:
                encoded = encode(self.reader.whole() if first else news)
                first = False
                for viewer in self._viewers:
                    viewer.tell(self.reader.run_id, encoded, self.reader.awaited)
                if news_at < math.inf:
                    monitoring.LAG_SECONDS.observe(time.monotonic() - news_at)
            await within(LIVE_SECONDS if self.reader.live else IDLE_SECONDS, self._woken)
            await within(LEAST_SECONDS - (self._loop.time() - read_at), self._awaited)
            self._woken.clear()
            self._awaited.clear()


async def within(seconds: float, event: asyncio.Event) -> None:
    """Waits for an event, so many seconds at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()


def encode(message: Message) -> bytes:
    """A message as one Server-Sent Event."""
    return b"data: " + to_json(message) + b"\n\n"


def to_json(value: Any) -> bytes:
    """JSON as browsers read it: arrays as lists, and null for a number that is not finite."""
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError):
        text = json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
