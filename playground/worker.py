"""A worker: the process that has TensorFlow. `python -m playground.worker train|check|look`; and
the one that lays out embeddings without it, `python -m playground.worker project`.

Requests come as frames (`playground.runs.wire`) on stdin, what it says goes out as frames on
stdout; both belong to the server that started it, and it ends with that server. It first says
{"ready": true}. Then, each answered under its "id":

    {"id", "do": "train", "spec": JSON}          {"id", "event", "fields"}..., {"id", "done": true}
    {"id", "do": "command", "command": {"do", "kind", "name", "value"}}  for the run "id", or a
                                                                         stop of a doctor; no answer
    {"id", "do": "check", "text", "parameters"}  {"id", "answer": report}
    {"id", "do": "doctor", "text", "parameters"} {"id", "answer": {"verdicts": [...]}}
    {"id", "do": "portrait", "text", "parameters", "view", ...}   {"id", "answer": of portrait}
    {"id", "do": "reference"}                    {"id", "answer": {images, labels, probabilities}}
    {"id", "do": "metric", "text"}               {"id", "answer": report}
    {"id", "do": "catalog"}                      {"id", "answer": [...]}
    {"id", "do": "metrics"}                      {"id", "answer": [...]}
    {"id", "do": "glossary"}                     {"id", "answer": {...}}
    {"id", "do": "sample", "dataset"}            {"id", "answer": {images, labels, class_names}}
    {"id", "do": "look", "what", "spec", "weights", ...}     {"id", "answer": of analysis.answer}
    {"id", "do": "project", "points", ...}       {"id", "answer": {points, centers}}
    {"id", "do": "prepare", "spec": JSON}        {"id", "answer": null}: built, if its data is here

or {"id", "error": {"kind", "message", "hint"}}. All but commands are done one after the other; a
run is not prepared when something newer has been asked for.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from playground.errors import DataError, PlaygroundError, SpecError, WorkerError
from playground.runs import wire
from playground.settings import settings
from playground.spec import RunSpec
from playground.training.control import Control
from playground.training.events import Event, Failed, Preparing

_log = logging.getLogger("playground.worker")


class Office:
    """Takes requests in one thread and does them, one after the other, in the main thread."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._writing = threading.Lock()
        self._todo: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._controls: dict[Any, Control] = {}
        self._newest: dict[str, Any] = {}  # request; commands do not count
        self._prepared: Any = None  # a loop.Training that can begin at once
        self._answers_of = {**_ANSWERS, "prepare": self._prepare, "doctor": self._examine}

    def serve(self, warm_up: Callable[[], None]) -> None:
        """Warms up, then works until stdin closes, which ends the process."""
        threading.Thread(target=self._take, name="requests", daemon=True).start()
        warm_up()
        self._say({"ready": True})
        while True:
            self._do(self._todo.get())

    def _take(self) -> None:
        """Runs while the main thread works, so that commands and the server's end are noticed."""
        while True:
            try:
                request = wire.receive(self._requests)
            except WorkerError:
                traceback.print_exc()
                request = None
            if request is None:
                _leave(0)
            elif request["do"] == "command":
                control = self._controls.get(request["id"])
                if control is not None:
                    control.send(**request["command"])
            else:
                if request["do"] in ("train", "doctor"):
                    self._controls[request["id"]] = Control(attended=True)
                self._newest = request
                self._todo.put(request)

    def _do(self, request: dict[str, Any]) -> None:
        if request["do"] == "train":
            self._train(request["id"], request["spec"])
            return
        try:
            answer = self._answers_of[request["do"]](request)
        except PlaygroundError as error:
            kind = "data" if isinstance(error, DataError) else "worker"
            self._say_error(request["id"], kind, error.message, error.hint)
        except Exception as error:
            traceback.print_exc()
            self._say_error(
                request["id"], "worker", f"The worker could not do that ({_name(error)}).", ""
            )
        else:
            self._say({"id": request["id"], "answer": answer})

    def _train(self, run_id: str, spec: str) -> None:
        step = 0
        try:
            prepared, self._prepared = self._prepared, None
            for event in _events(spec, self._controls[run_id], prepared):
                step = getattr(event, "step", step)
                self._say({"id": run_id, **wire.event_to_message(event)})
        except Exception as error:
            self._say({"id": run_id, **wire.event_to_message(_failed(error, step, spec))})
        del self._controls[run_id]
        self._say({"id": run_id, "done": True, "memory": _address_space()})

    def _examine(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return _doctor(request, self._controls[request["id"]])
        finally:
            del self._controls[request["id"]]

    def _prepare(self, request: dict[str, Any]) -> None:
        """Builds the run that will probably come next; a loss that is none is left to the check."""
        if request is not self._newest:
            return
        import losses
        from playground import datasets
        from playground.training import loop

        spec = RunSpec.from_json(request["spec"])
        if datasets.available(spec.dataset) != "here":
            return
        if self._prepared is not None and self._prepared.spec == spec:
            return
        self._prepared = None  # first, so that never two are in memory
        try:
            self._prepared = loop.prepare(spec)
        except (losses.LossError, SpecError) as error:
            _log.info("Not prepared: %s", error.message)

    def _say_error(self, number: Any, kind: str, message: str, hint: str) -> None:
        self._say({"id": number, "error": {"kind": kind, "message": message, "hint": hint}})

    def _say(self, message: Mapping[str, Any]) -> None:
        try:
            with self._writing:
                wire.send(self._answers, message)
        except OSError:
            _leave(0)  # nobody listens any more


def _events(spec: str, control: Control, prepared: Any) -> Iterator[Event]:
    yield Preparing("Starting")
    from playground.training import loop

    yield from loop.run(RunSpec.from_json(spec), control, prepared)


def _failed(error: Exception, step: int, spec: str) -> Failed:
    """What a run died of, as its last event; one that nobody foresaw is printed as well."""
    import losses

    if isinstance(error, losses.LossError):
        lines = json.loads(spec)["loss"].splitlines()
        line = lines[error.line - 1] if error.line <= len(lines) else ""
        end = error.end_column - 1 if error.end_line == error.line else len(line)
        where = {**error.span.as_dict(), "fragment": line[error.column - 1 : end]}
        return Failed(step, "loss", error.message, error.hint or "", where)
    if isinstance(error, PlaygroundError):
        kinds: dict[type, str] = {DataError: "data", SpecError: "spec"}
        return Failed(step, kinds.get(type(error), "worker"), error.message, error.hint)
    traceback.print_exc()
    if isinstance(error, MemoryError) or _name(error) == "ResourceExhaustedError":
        return Failed(
            step,
            "memory",
            f"The run needs more than the {settings().worker_memory_gib:g} GiB of memory that a "
            "worker may take.",
            "Make the batch, the width or the embedding smaller.",
        )
    return Failed(
        step,
        "worker",
        f"Training ended with an error nobody foresaw ({_name(error)}); the server's log has it.",
        "What was recorded is kept. Please report it with the run's settings.",
    )


def _check(request: dict[str, Any]) -> dict[str, Any]:
    """What `losses.check` says of a text, or the same of a named loss as far as it has meaning; and
    what `trainable` says of a run with it: `refusal` and `remark`, each
    with message, hint and fix, or None."""
    import losses
    from playground import trainable
    from playground.spec import DEFAULT_TASK
    from playground.tasks import TASKS

    text, parameters = request["text"], request["parameters"]
    task = request.get("task", DEFAULT_TASK)
    report: dict[str, Any]
    loss: losses.PlaygroundLoss | None = None
    if text.isidentifier():
        report = dict.fromkeys(("error", "latex", "canonical", "digest", "probe"))
        report |= {name: [] for name in ("warnings", "notes", "parameters", "terms", "inputs")}
        try:
            loss = losses.get(text, **parameters)
        except losses.LossError as error:
            report["error"] = error.as_dict()
        else:
            report["parameters"] = [each.as_dict() for each in loss.parameters.values()]
            report |= {"latex": loss.latex, "inputs": list(loss.inputs)}
        report["ok"] = loss is not None
    else:
        report = losses.check(text, parameters, inputs=trainable.offered(task))
        if report["ok"] and not trainable.EMBEDDING.isdisjoint(report["inputs"]):
            loss = losses.WrittenLoss(text, parameters)
    refused = trainable.refusal(report["inputs"], TASKS[task].inputs, task=task)
    remark = trainable.remark(loss) if loss is not None and refused is None else None
    return {
        **report,
        "refusal": None if refused is None else asdict(refused),
        "remark": None if remark is None else asdict(remark),
    }


def _doctor(request: dict[str, Any], control: Control) -> dict[str, Any]:
    """What `losses.doctor` says of a loss that `check` has found sound; no verdicts on another, and
    {"interrupted": true} if the control said stop meanwhile."""
    import losses
    from losses.diagnosis import Interrupted

    text, parameters = request["text"], request["parameters"]
    try:
        if text.isidentifier():
            loss: losses.PlaygroundLoss = losses.get(text, **parameters)
        else:
            loss = losses.WrittenLoss(text, parameters)
    except losses.LossError:
        return {"verdicts": []}
    # Half of what an answer may take: a slow loss gets the verdicts there was time for.
    seconds = settings().answer_seconds / 2
    try:
        return losses.doctor(loss, seconds=seconds, hurry=lambda: control.stopping).as_dict()
    except Interrupted:
        return {"interrupted": True}


def _portrait(request: dict[str, Any]) -> dict[str, Any]:
    """What `losses.portrait` says of a view of a loss, of the batch under "labels" and
    "probabilities" or else the reference; {"fault": message} of a text that is refused."""
    import losses

    given = request if "probabilities" in request else _reference({})
    batch = given["labels"], given["probabilities"]
    try:
        return losses.portrait(request["text"], request["parameters"], request["view"], batch)
    except losses.LossError as error:
        return {"fault": error.message}


def _reference(request: dict[str, Any]) -> dict[str, Any]:
    from playground.analysis.reference import reference

    return reference()


def _catalog(request: dict[str, Any]) -> list[dict[str, Any]]:
    import losses

    return [info.as_dict() for info in losses.catalog()]


def _glossary(request: dict[str, Any]) -> dict[str, Any]:
    import losses

    return losses.glossary()


def _metric(request: dict[str, Any]) -> dict[str, Any]:
    """What `losses.check` says of a metric's text; one that no run can measure has its error."""
    import losses
    from playground import trainable
    from playground.spec import DEFAULT_TASK

    offered = trainable.offered(request.get("task", DEFAULT_TASK), "metric")
    return losses.check(request["text"], metric=True, inputs=offered)


def _metrics(request: dict[str, Any]) -> list[dict[str, Any]]:
    import losses

    return [info.as_dict() for info in losses.metrics()]


def _sample(request: dict[str, Any]) -> dict[str, Any]:
    from playground import datasets

    images, labels, class_names = datasets.sample(request["dataset"])
    return {"images": images, "labels": labels, "class_names": class_names}


def _look(request: dict[str, Any]) -> dict[str, Any]:
    from playground.analysis import answer

    return answer(request)


def _project(request: dict[str, Any]) -> dict[str, Any]:
    """Points and centres of an embedding laid out in the plane or in space."""
    from playground.analysis.projection import laid_out

    names = ("points", "centers", "method", "dims", "run")
    points, centers = laid_out(*(request[name] for name in names))
    return {"points": points, "centers": centers}


_ANSWERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "check": _check,
    "portrait": _portrait,
    "reference": _reference,
    "catalog": _catalog,
    "metric": _metric,
    "metrics": _metrics,
    "glossary": _glossary,
    "sample": _sample,
    "look": _look,
    "project": _project,
}


def _warm_for_training() -> None:
    """Trains a few steps of a tiny run: imports, kernels and graph machinery are in place then."""
    from playground import train

    spec = RunSpec(dataset="digits", train_images=64, batch_size=32, epochs=1, evaluations=1)
    for _ in train(spec):
        pass


def _warm_for_checking() -> None:
    """Checks a text once; one thread is enough for what is tiny and leaves the rest to training."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from playground import datasets

    datasets.sample("digits")
    asked: dict[str, Any] = {"text": "-sum(y_true * log(y_pred), axis=-1)", "parameters": {}}
    _check(asked)
    for view in ("curve", "simplex", "weights"):
        _portrait({**asked, "view": view})


def _warm_for_looking() -> None:
    """Imports what looks need; one thread, so that a look takes little from training."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from playground.analysis import attribution, maps  # noqa: F401


def _warm_for_projecting() -> None:
    """Imports what layouts need, with one thread as well."""
    from threadpoolctl import threadpool_limits

    from playground.analysis import projection  # noqa: F401

    threadpool_limits(1)


def _bound_memory() -> None:
    """Bounds the address space where the platform can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = int(settings().worker_memory_gib * 2**30)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ValueError, OSError) as error:  # macOS has the name but not the means
        _log.info("The worker's memory cannot be bounded here: %s", error)


def _address_space() -> int:
    """Bytes of address space in use, 0 where the platform does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _own_stdout() -> BinaryIO:
    """The pipe to the server, for frames alone: what anyone prints goes to stderr from now on."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return answers


def _name(error: Exception) -> str:
    return type(error).__name__


def _leave(code: int) -> None:
    """Ends the process from any thread, whatever the others do."""
    os._exit(code)


def main(role: str) -> None:
    """Serves as a worker of a role, "train", "check" or "look", until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    answers = _own_stdout()
    _bound_memory()
    try:
        Office(sys.stdin.buffer, answers).serve(_WARM_UPS[role])
    except Exception:
        # The usual way out would wait for the thread that reads stdin, and crash.
        traceback.print_exc()
        sys.stderr.flush()
        _leave(1)


_WARM_UPS = {
    "train": _warm_for_training,
    "check": _warm_for_checking,
    "look": _warm_for_looking,
    "project": _warm_for_projecting,
}

if __name__ == "__main__":
    main(sys.argv[1])
