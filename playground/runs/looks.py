"""Looks into the networks of runs: two workers answer them, and long answers are kept.

The one that has TensorFlow answers within a fraction of a second, or some for what is SLOW there.
Layouts of an embedding that take seconds are made by another, so that they keep nobody's maps
waiting; they need the features only.
"""

import functools
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.errors import RunError
from playground.runs.checker import Checker
from playground.runs.store import Store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.changes import as_changed

LAID_OUT = frozenset({"tsne", "umap"})  # methods that take seconds
KEPT_LAYOUTS = 256  # some 20 kB each
Layout = tuple[str, int, str, str, int]  # run, step, split, method, dimensions


class Looks:
    """Answers what is asked about the networks of recorded and live runs."""

    def __init__(self, settings: Settings, store: Store, command: Sequence[str]) -> None:
        self._store = store
        self._looker = Checker(settings, "look", settings.look_seconds, command)
        self._projector = Checker(settings, "project", settings.look_seconds, command)
        self._lock = threading.Lock()
        self._started: set[Checker] = set()
        self._layouts: OrderedDict[Layout, dict[str, Any]] = OrderedDict()

    def start(self) -> None:
        """Starts the worker that looks, if nobody did; it is warm some seconds later."""
        self._start(self._looker)

    @property
    def ready(self) -> bool:
        """Whether the worker that looks is warm."""
        return self._looker.ready

    def close(self) -> None:
        """Ends the workers."""
        self._looker.close()
        self._projector.close()

    def look(
        self, run_id: str, what: str, step: int | None = None, visitor: str = "", **question: Any
    ) -> dict[str, Any]:
        """What the network of a run does with the weights kept nearest to a step, or the latest:
        the answer of `playground.analysis` to `what`, and under "step" whose weights they were.

        Visitors take turns. Of several questions of a kind that one `visitor` has waiting, only the
        newest is asked, the others raise Superseded. A second run goes in as `other` and
        `other_step`. Raises RunError for a run that is unknown or has kept no weights, WorkerError,
        DataError, StoreError.
        """
        asked = {"what": what, **question, **self._kept(run_id, step)}
        if "other" in question:
            asked["other"] = self._kept(str(question["other"]), question.get("other_step"))
        answer = (
            self._laid_out(run_id, visitor, asked)
            if what == "embedding" and asked.get("method") in LAID_OUT
            else self._ask(visitor, asked)
        )
        return {**answer, "step": asked["step"]}

    def keras_file(
        self, spec: RunSpec, weights: Mapping[str, np.ndarray], visitor: str = ""
    ) -> bytes:
        """The content of a `.keras` file of a spec's network with these weights. Raises
        WorkerError."""
        self.start()
        answer = self._looker.ask(
            "look", visitor, what="file", spec=spec.to_json(), weights=dict(weights)
        )
        content: np.ndarray = answer["file"]
        return content.tobytes()

    def _laid_out(self, run_id: str, visitor: str, asked: dict[str, Any]) -> dict[str, Any]:
        """An embedding as a method lays it out that takes long; each is made once."""
        split, method = str(asked.get("split", "test")), str(asked["method"])
        dims = int(asked.get("dims", 2))
        key = (run_id, asked["step"], split, method, dims)
        known = functools.partial(self._layouts.get, key)
        if (found := known()) is not None:
            return found
        answer = self._ask(visitor, {**asked, "project": False})
        if answer["method"] != method:  # of so few numbers that they are shown as they are
            return answer
        self._start(self._projector)
        layout = self._projector.ask(
            "project",
            visitor,
            "embedding" if visitor else "",
            known,
            points=answer["points"],
            centers=answer["centers"],
            method=method,
            dims=dims,
            run=f"{run_id} {split}",
        )
        found = {**answer, **layout}
        with self._lock:
            self._layouts[key] = found
            while len(self._layouts) > KEPT_LAYOUTS:
                self._layouts.popitem(last=False)
        return found

    def _ask(self, visitor: str, asked: dict[str, Any]) -> dict[str, Any]:
        topic = asked["what"] if visitor else ""
        answer: dict[str, Any] = self._looker.ask("look", visitor, topic, **asked)
        return answer

    def _start(self, worker: Checker) -> None:
        with self._lock:
            if worker in self._started:
                return
            self._started.add(worker)
        worker.start()

    def _kept(self, run_id: str, step: int | None) -> dict[str, Any]:
        """A run's spec and a snapshot of its weights."""
        record = self._store.run(run_id)
        if record is None:
            raise RunError("There is no such run.", "Check the link, or start a new run.")
        nearest = None
        if step is not None:
            far = {kept: abs(kept - step) for kept in self._store.snapshots(run_id, "weights")}
            nearest = min(far, key=far.__getitem__, default=None)
        kept = self._store.snapshot(run_id, "weights", nearest)
        if kept is None:
            raise RunError("This run has kept no weights yet.", "They come with its first steps.")
        if "normalise/mean" not in kept.arrays:
            raise RunError(
                "This run was trained before networks could be looked into.", "Train it again."
            )
        # its loss as it was changed up to then
        spec = as_changed(record.spec, self._store.marks(run_id), kept.step)
        return {"spec": spec.to_json(), "weights": kept.arrays, "step": kept.step}
