"""One run trained in a terminal: its events recorded and shown, and how it is broken off."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from types import FrameType
from typing import Any, Self

from playground import terminal
from playground.errors import CheckpointError, DataError, SpecError, StoreError
from playground.runs import address
from playground.runs.going_on import GoingOn
from playground.runs.records import TERMINAL
from playground.runs.store import Store
from playground.settings import settings
from playground.spec import RunSpec
from playground.training import checkpoint
from playground.training.checkpoint import Start
from playground.training.control import Control
from playground.training.events import Event, Failed, Finished, Preparing, Started
from playground.verdicts.words import Verdict


def watch(
    spec: RunSpec,
    view: terminal.View,
    store: Store | None,
    run_id: str = "",
    start: Start | None = None,
) -> int:
    """Trains, records with checkpoints, where there is a store, which is closed in the end, and
    shows a run; one that goes on has its `run_id` and a `start`. Returns the exit code. What is
    refused before it has begun is said and leaves no run in the list."""
    began = time.monotonic()
    stopping = Stopping(keeping=store is not None)
    end: Finished | Failed | None = None
    if run_id:
        view.recorded(run_id, address.link(settings().home, run_id))
    try:
        with view, stopping, closing(_events(spec, stopping.control, start)) as events:
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
            _tell_of_resume(store, run_id, end)
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
        return 2 if end.step == 0 and end.kind in {"loss", "data", "spec", "checkpoint"} else 1
    return 0 if end is not None and end.reason == "completed" else 128 + stopping.signal


def resume(store: Store, run_id: str) -> tuple[RunSpec, Start]:
    """Lets a run of a terminal that was stopped, killed or broke off go on in this process: what it
    is trained with, and where it begins. Raises RunError where it cannot, StoreError."""
    store.interrupt_dead(settings().resumes)  # one whose program was killed has ended with that
    spec = GoingOn(settings(), store).resumed(run_id, TERMINAL).spec
    return spec, store.start(run_id, paused=False)


def _tell_of_resume(store: Store, run_id: str, end: Finished | Failed) -> None:
    """How a run that is not done goes on."""
    stopped = isinstance(end, Finished) and end.reason == "stopped"
    if stopped and store.snapshots(run_id, checkpoint.KIND):
        terminal.note(f"It goes on with: python -m playground resume {run_id}")


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


def _events(spec: RunSpec, control: Control, start: Start | None) -> Generator[Event, None, None]:
    """The run's events; what is refused before the first step is one of them, a Failed."""
    with ExitStack() as quiet:
        quiet.enter_context(stderr_kept_back())  # TensorFlow greets there, whatever it is told
        import playground
        from losses import LossError

        try:
            for event in playground.train(spec, control, start):
                if isinstance(event, Started):
                    quiet.close()
                yield event
        except LossError as error:
            where = error.as_dict() if _is_written(spec.loss) else None
            yield Failed(0, "loss", error.message, error.hint or "", where)
        except DataError as error:
            yield Failed(0, "data", error.message, error.hint)
        except CheckpointError as error:
            yield Failed(0, "checkpoint", error.message, error.hint)
        except SpecError as error:
            yield Failed(0, "spec", error.message, error.hint)


@contextmanager
def stderr_kept_back() -> Iterator[None]:
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

    def __init__(self, keeping: bool = False) -> None:
        self.control = Control(keeping=keeping)
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
