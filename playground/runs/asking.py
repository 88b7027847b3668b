"""Questions to workers: asked of the one that a question's role names, completed from the store,
and answered from what is kept where that is there (`playground.questions` has the table).

The worker that looks into networks answers within a fraction of a second, or some for what is slow
there. Layouts of an embedding that take seconds are made by another, so that they keep nobody's
maps waiting; they need the features only.
"""

import functools
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from playground.errors import PlaygroundError, RunError
from playground.questions import QUESTIONS
from playground.runs import shipped
from playground.runs.cards import Card
from playground.runs.client import Client
from playground.runs.gallery import Gallery
from playground.runs.store import Store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.changes import as_changed

AHEAD = 8  # networks that are built ahead, as many as the worker keeps built
LAID_OUT = frozenset({"tsne", "umap"})  # methods that take seconds
_log = logging.getLogger(__name__)
_ROLES = sorted({question.role for question in QUESTIONS.values()})


class Kept:
    """The answers that are kept, as many of each question as the table says. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, OrderedDict[tuple[Any, ...], Any]] = {}

    def find(self, name: str, fields: Mapping[str, Any]) -> Any:
        """The answer to a question with these fields; None if it is not kept."""
        with self._lock:
            answers = self._answers.get(name)
            return None if answers is None else answers.get(_key(name, fields))

    def keep(self, name: str, fields: Mapping[str, Any], answer: Any) -> None:
        """Keeps an answer, if its question's are kept; the oldest goes for it."""
        with self._lock:
            answers = self._answers.setdefault(name, OrderedDict())
            answers[_key(name, fields)] = answer
            while len(answers) > QUESTIONS[name].kept:
                answers.popitem(last=False)


class Asking:
    """Asks workers what visitors and pages want to know. `on_look` is told the id of a run before
    its network is looked into; `admit` is asked before each question, with the role of its worker
    and the visitor, and may refuse it by what it raises. All methods may be called from any
    thread."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        command: Sequence[str],
        on_look: Callable[[str], None] = lambda run_id: None,
        admit: Callable[[str, str], None] = lambda role, visitor: None,
    ) -> None:
        self._store, self._admit = store, admit
        self._clients = {role: Client(settings, role, command) for role in _ROLES}
        self._kept = Kept()
        self._on_look = on_look
        self._ahead: deque[str] = deque(maxlen=AHEAD)
        known = shipped.read()
        if known is not None:
            self._kept.keep("catalog", {}, known.catalog)
        self._gallery = Gallery(
            lambda: [info["name"] for info in self.ask("catalog")],
            lambda name: self.ask("portrait", text=name, parameters={}, view="curve"),
            lambda name: self.ask("doctor", text=name, parameters={})["findings"],
            settings.home,
            None if known is None else known.cards,
        )

    def start(self) -> None:
        """Starts the worker that checks losses, which is warm after some seconds; the others start
        when they are asked."""
        self._clients["check"].start()

    def start_looking(self) -> None:
        """Starts the worker that looks into networks, if nobody did."""
        self._clients["look"].start()

    def look_ahead(self, run_id: str) -> None:
        """Lets the worker that looks into networks, if it is warm, build that of a run and read its
        data, so that the first look is answered as soon as the others. Returns at once; a run that
        has kept no weights yet is left for the next time."""
        if self.ready("look") and run_id not in self._ahead:
            self._ahead.append(run_id)
            threading.Thread(target=self._build, args=(run_id,), daemon=True).start()

    def _build(self, run_id: str) -> None:
        try:
            self.ask("maps", run=run_id, image={"test": 0})
        except PlaygroundError as error:
            _log.info("The network of %s is not built ahead: %s", run_id, type(error).__name__)
            if run_id in self._ahead:
                self._ahead.remove(run_id)

    def close(self) -> None:
        """Ends the workers; who waits for an answer is told so."""
        self._gallery.close()
        for client in self._clients.values():
            client.close()

    def ready(self, role: str) -> bool:
        """Whether the worker of a role is warm."""
        return self._clients[role].ready

    def knows(self, name: str, **fields: Any) -> bool:
        """Whether a question is answered without a worker."""
        return self._kept.find(name, fields) is not None

    @property
    def problem(self) -> str:
        """Why the worker that checks losses cannot be started, while that is so."""
        return self._clients["check"].problem

    def ask(self, name: str, visitor: str = "", newest: bool = False, /, **fields: Any) -> Any:
        """The answer to a question of the table; its fields are those of `answers`, or, of what the
        store adds to, `run` and `step` in their place.

        Visitors take turns. Of several questions of one name that a visitor wants the `newest`
        answered of, the others raise Superseded. The answer about a network says at which `step` it
        was, that of a portrait `of` which run the batch is, "" for the reference. Raises
        WorkerError and DataError; of a run also StoreError, and RunError if it is unknown or has
        kept no weights; TooOften where the visitor asks too often.
        """
        self._admit(QUESTIONS[name].role, visitor)
        match QUESTIONS[name].adds:
            case "answers":
                run_id = fields.pop("run", "")
                batch = self._batch(run_id) if run_id else None
                answer = self._ask(name, visitor, newest, {**fields, **(batch or {})})
                return {**answer, "of": run_id if batch else ""}
            case "weights":
                return self._look(name, visitor, newest, fields)
            case _:
                return self._ask(name, visitor, newest, fields)

    def network_file(
        self, form: str, spec: RunSpec, weights: Mapping[str, np.ndarray], visitor: str = ""
    ) -> bytes:
        """The content of a file of a spec's network with these weights, of a form of
        `analysis.files`. Raises WorkerError, also where the run has no such file."""
        answer = self.ask("file", visitor, form=form, spec=spec.to_json(), weights=dict(weights))
        content: np.ndarray = answer["file"]
        return content.tobytes()

    def gallery(self) -> tuple[dict[str, Card], bool]:
        """What is known by now of every named loss, by name (see `Gallery`), and whether that is
        all. Asking begins the work, which the checking worker does while it has no other."""
        return self._gallery.cards()

    def _ask(
        self,
        name: str,
        visitor: str,
        newest: bool,
        fields: dict[str, Any],
        beside: Mapping[str, Any] | None = None,
    ) -> Any:
        """Asks the worker, unless the answer is kept; `beside` is kept with it."""
        question = QUESTIONS[name]
        client = self._clients[question.role]
        if question.role != "check":
            client.start()
        if not question.kept:
            return client.ask(name, visitor, newest, **fields)
        known = functools.partial(self._kept.find, name, fields)
        found = known()
        if found is None:
            found = client.ask(name, visitor, newest, known, **fields)
            found = {**beside, **found} if beside else found
            self._kept.keep(name, fields, found)
        return found

    def _look(self, name: str, visitor: str, newest: bool, fields: dict[str, Any]) -> Any:
        """What the network of a run does with the weights kept nearest to a step, or the latest."""
        run_id, step = fields.pop("run"), fields.pop("step", None)
        self._on_look(run_id)
        asked = {**fields, **self._weights(run_id, step)}
        if "other" in fields:
            asked["other"] = self._weights(fields["other"], asked.pop("other_step", None))
        if name == "embedding" and asked.get("method") in LAID_OUT:
            answer = self._laid_out(run_id, visitor, newest, asked)
        else:
            answer = self._ask(name, visitor, newest, asked)
        return {**answer, "step": asked["step"]}

    def _laid_out(self, run_id: str, visitor: str, newest: bool, asked: dict[str, Any]) -> Any:
        """An embedding as a method lays it out that takes long; each is made once."""
        wanted = {
            "run": f"{run_id} {asked.get('split', 'test')}",
            "step": asked["step"],
            "method": asked["method"],
            "dims": asked.get("dims", 2),
        }
        found = self._kept.find("project", wanted)
        if found is not None:
            return found
        answer = self._ask("embedding", visitor, newest, {**asked, "project": False})
        if (
            answer["method"] != wanted["method"]
        ):  # of so few numbers that they are shown as they are
            return answer
        asked = {**wanted, "points": answer["points"], "centers": answer["centers"]}
        return self._ask("project", visitor, newest, asked, beside=answer)

    def _batch(self, run_id: str) -> dict[str, Any] | None:
        """Labels and predicted probabilities of a run's strip, as it was evaluated last."""
        started, evaluated = self._store.started(run_id), self._store.evaluation(run_id)
        if started is None or evaluated is None:
            return None
        labels = started.arrays.get("strip_labels")
        probabilities = evaluated.arrays.get("strip_probabilities")
        if labels is None or probabilities is None or len(labels) != len(probabilities):
            return None
        return {"labels": labels, "probabilities": probabilities}

    def _weights(self, run_id: str, step: int | None) -> dict[str, Any]:
        """A run's spec, with its loss as it was changed up to then, and a snapshot of its
        weights."""
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
        spec = as_changed(record.spec, self._store.marks(run_id), kept.step)
        started = self._store.started(run_id)
        return {
            "spec": spec.to_json(),
            "weights": kept.arrays,
            "step": kept.step,
            "steps_per_epoch": 0 if started is None else started.steps_per_epoch,
        }


def _key(name: str, fields: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(fields.get(field) for field in QUESTIONS[name].by)
