"""A worker: the process that has TensorFlow. `python -m playground.worker train|check|look`; and
the one that lays out embeddings without it, `python -m playground.worker project`.

Requests come as frames (`playground.runs.wire`) on stdin, what it says goes out as frames on
stdout; both belong to the server that started it, and it ends with that server. It first says
{"ready": true}. Then, each answered under its "id":

    {"id", "do": "train", "spec": JSON}          {"id", "event", "fields"}..., {"id", "done": true}
                                                 "start", too: the fields of a `checkpoint.Start`
    {"id", "do": "command", "command": {"do", "kind", "name", "value"}}  for the run "id", or a
                                                                 question's stop; no answer
    {"id", "do": a name of questions.QUESTIONS, ...}         {"id", "answer": as in `answers`}
    {"id", "do": "prepare", "spec": JSON}        {"id", "answer": null}: built, if its data is here

or {"id", "error": {"kind", "message", "hint"}}. All but commands are done one after the other; a
run is not prepared when something newer has been asked for.
"""

import gc
import json
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from playground.absent import absent
from playground.answers import ANSWERS
from playground.errors import (
    CheckpointError,
    DataError,
    PlaygroundError,
    SpecError,
    WorkerError,
)
from playground.questions import VIEWS
from playground.runs import wire
from playground.runs.memory import bound_memory
from playground.settings import settings
from playground.spec import RunSpec
from playground.training.checkpoint import Start
from playground.training.control import Control
from playground.training.events import Event, Failed, Preparing

_log = logging.getLogger("playground.worker")


class RequestLoop:
    """Takes requests in one thread and does them, one after the other, in the main thread."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers
        self._writing = threading.Lock()
        self._todo: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._controls: dict[Any, Control] = {}
        self._newest: dict[str, Any] = {}  # request; commands do not count
        self._prepared: Any = None  # a loop.Training that can begin at once

    def serve(self, warm_up: Callable[[], None]) -> None:
        """Warms up, then works until stdin closes, which ends the process."""
        threading.Thread(target=self._take, name="requests", daemon=True).start()
        warm_up()
        gc.collect()
        gc.freeze()  # what is there now stays: to look through it took 0.2 s, the rest 4 ms
        self._say({"ready": True})
        while True:
            request = self._todo.get()
            self._do(request)
            # Networks refer to themselves: of MNIST up to five runs' images stayed in memory until
            # Python looked by itself.
            if request["do"] == "train" or self._todo.empty():
                gc.collect()

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
                attended = request.get("attended", True)
                self._controls[request["id"]] = Control(attended, keeping=True)
                self._newest = request
                self._todo.put(request)

    def _do(self, request: dict[str, Any]) -> None:
        if request["do"] == "train":
            self._train(request["id"], request["spec"], request.get("start"))
            return
        try:
            answer = self._answer(request)
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
        finally:
            self._controls.pop(request["id"], None)  # "prepare" has one id for all

    def _train(self, run_id: str, spec: str, start: dict[str, Any] | None) -> None:
        step = 0
        try:
            prepared, self._prepared = self._prepared, None
            for event in _events(spec, self._controls[run_id], prepared, start):
                step = getattr(event, "step", step)
                self._say({"id": run_id, **wire.event_to_message(event)})
        except Exception as error:
            self._say({"id": run_id, **wire.event_to_message(_failed(error, step, spec))})
        del self._controls[run_id]
        self._say({"id": run_id, "done": True, "memory": _address_space()})

    def _answer(self, request: dict[str, Any]) -> Any:
        if request["do"] == "prepare":
            return self._prepare(request)
        return ANSWERS[request["do"]](request, self._controls[request["id"]])

    def _prepare(self, request: dict[str, Any]) -> None:
        """Builds the run that will probably come next; a loss that is none is left to the check."""
        if request is not self._newest:
            return
        from playground import datasets
        from playground.training import loop

        spec = RunSpec.from_json(request["spec"])
        if datasets.available(spec.dataset) != "here":
            return
        if self._prepared is not None and self._prepared.spec == spec:
            return
        self._prepared = None  # first, so that never two are in memory
        gc.collect()
        try:
            self._prepared = loop.prepare(spec)
        except PlaygroundError as error:
            _log.info("Not prepared: %s", error.message)

    def _say_error(self, number: Any, kind: str, message: str, hint: str) -> None:
        self._say({"id": number, "error": {"kind": kind, "message": message, "hint": hint}})

    def _say(self, message: Mapping[str, Any]) -> None:
        try:
            with self._writing:
                wire.send(self._answers, message)
        except OSError:
            _leave(0)  # nobody listens any more


def _events(
    spec: str, control: Control, prepared: Any, start: dict[str, Any] | None
) -> Iterator[Event]:
    yield Preparing("Starting")
    from playground.training import loop

    begins = None if start is None else Start(**start)
    yield from loop.run(RunSpec.from_json(spec), control, prepared, begins)


def _failed(error: Exception, step: int, spec: str) -> Failed:
    """What a run died of, as its last event; one that nobody foresaw is printed as well."""
    if isinstance(error, CheckpointError):
        return Failed(step, "checkpoint", error.message, error.hint)
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


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras without what Keras imports, if it is there, for data frames,
    wrappers and charts that nobody asks for here: 60, 57 and 26 MiB of a worker, SciPy's part among
    it, and a third of the import's time."""
    with absent("pandas", "sklearn", "matplotlib"):
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


def _warm_for_training() -> None:
    """Trains a few steps of a tiny run: imports, kernels and graph machinery are in place then.
    From there on runs share their graphs."""
    import_tensorflow()
    from playground import train
    from playground.training.traces import TRACES

    TRACES.keep()

    spec = RunSpec(dataset="digits", train_images=64, batch_size=32, epochs=1, evaluations=1)
    for _ in train(spec):
        pass


def _warm_for_checking() -> None:
    """Checks a text once; one thread is enough for what is tiny and leaves the rest to training."""
    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from playground import datasets

    datasets.sample("digits")
    asked = {"text": "-sum(y_true * log(y_pred), axis=-1)"}
    ANSWERS["check"](asked, Control())
    for view in VIEWS:
        ANSWERS["portrait"]({**asked, "view": view}, Control())


def _warm_for_looking() -> None:
    """Imports what looks need; one thread, so that a look takes little from training."""
    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from playground.analysis import attribution, maps  # noqa: F401


def _warm_for_projecting() -> None:
    """Imports what layouts need, with one thread as well."""
    from threadpoolctl import threadpool_limits

    with absent("pandas"):  # scikit-learn would import it
        from playground.analysis import projection  # noqa: F401

    threadpool_limits(1)


def _address_space() -> int:
    """Bytes of address space in use, 0 where the platform does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _name(error: Exception) -> str:
    return type(error).__name__


def _leave(code: int) -> None:
    """Ends the process from any thread, whatever the others do."""
    os._exit(code)


def main(role: str) -> None:
    """Serves as a worker of a role of `_WARM_UPS`, until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    answers = wire.own_stdout()
    bound_memory(int(settings().worker_memory_gib * 2**30))
    try:
        RequestLoop(sys.stdin.buffer, answers).serve(_WARM_UPS[role])
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
