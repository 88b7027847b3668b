"""A store that is slow: while the end of a run is being written, nobody waits for that but who
asked for it, and what is asked of the run meanwhile is refused as if it was written."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from playground.errors import RunError
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from tests.playground.runs.serving import LONG, STUCK_BEFORE, state, supervisors, training, until

PATIENCE = 30.0  # of a test that has gone wrong


@pytest.fixture
def make(tmp_path):
    with supervisors(home=tmp_path, resumes=0) as made:
        yield made


class Slow:
    """Ends of runs are written when a test lets them."""

    def __init__(self, service: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self._let = threading.Event(), threading.Event()
        write = service.store.set_state

        def slow(*given, **named) -> None:
            self.begun.set()
            self._let.wait(PATIENCE)
            write(*given, **named)

        monkeypatch.setattr(service.store, "set_state", slow)

    @contextmanager
    def writing(self, ask: Callable[[], None] | None) -> Iterator[None]:
        """The block is while what somebody asks is being written."""
        thread = threading.Thread(target=ask or (lambda: None))
        thread.start()
        assert self.begun.wait(PATIENCE)
        try:
            yield
        finally:
            self._let.set()
            thread.join(PATIENCE)


def answers(ask: Callable[[], object]) -> bool:
    """Whether somebody else is answered."""
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(5)
    return not thread.is_alive()


def waiting(service: Supervisor) -> str:
    training(service, service.submit(LONG, "me"))
    return service.submit(LONG, "me")


def unbegun(service: Supervisor) -> str:
    run_id = service.submit(STUCK_BEFORE, "me")
    until(lambda: state(service, run_id) == "preparing")
    return run_id


def overdue(service: Supervisor) -> str:
    run_id = unbegun(service)
    service.submit(LONG, "other")
    return run_id


def by_visitor(service: Supervisor, run_id: str) -> None:
    service.command(run_id, "me", "stop")


def by_race(service: Supervisor, run_id: str) -> None:
    service.withdraw(run_id, "me")


CASES = {
    "a waiting run is stopped": (waiting, by_visitor),
    "a run is stopped before its first step": (unbegun, by_visitor),
    "a waiting run is withdrawn": (waiting, by_race),
    "a run is withdrawn before its first step": (unbegun, by_race),
    "a run has held its worker for too long": (overdue, None),
}


@pytest.mark.parametrize("case", CASES)
def test_nobody_waits_for_an_end_that_is_being_written(make, monkeypatch, case):
    begin, end = CASES[case]
    service = make(run_minutes=1e-3) if end is None else make()
    slow = Slow(service, monkeypatch) if end is None else None
    run_id = begin(service)
    slow = slow or Slow(service, monkeypatch)
    with slow.writing((lambda: end(service, run_id)) if end else None):
        assert answers(service.status) and answers(lambda: service.submit(LONG, "third"))
        assert state(service, run_id) in ("queued", "preparing")
        for do in ("stop", "pause"):
            with pytest.raises(RunError, match="This run has ended"):
                service.command(run_id, "me", do)
        with pytest.raises(RunError):
            service.resume(run_id, "me")
    until(lambda: state(service, run_id) == "stopped")


def test_nobody_waits_while_it_is_written_that_no_worker_can_be_started(make, monkeypatch):
    service = make(command=(sys.executable, "-c", "raise SystemExit(3)"))
    slow = Slow(service, monkeypatch)
    run_id = service.submit(RunSpec(seed=0), "me")
    with slow.writing(None):
        assert answers(service.status)
    until(lambda: state(service, run_id) == "failed")


def test_a_server_that_ends_waits_until_a_stop_is_written(make, monkeypatch):
    service = make()
    run_id = waiting(service)
    slow = Slow(service, monkeypatch)
    closing = threading.Thread(target=service.close)
    with slow.writing(lambda: by_visitor(service, run_id)):
        closing.start()
        closing.join(1)
        assert closing.is_alive()
    closing.join(PATIENCE)
    assert not closing.is_alive() and state(service, run_id) == "stopped"
