"""Supervisors whose worker needs no TensorFlow (`quick_worker.py`), and what tests ask of them."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec

ROOT = Path(__file__).resolve().parents[3]
QUICK = (sys.executable, "-m", "tests.playground.runs.quick_worker")
LONG, SHORT, STUCK_BEFORE, STUCK_AFTER, DIES_FIRST, FAILS = (RunSpec(seed=s) for s in range(6))

EVERYWHERE = pytest.mark.parametrize("where", ["local", "ray"], indirect=True)


def until(condition, seconds: float = 60.0):
    """What `condition()` gives once it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return found


@contextmanager
def supervisors(**plain: Any) -> Iterator[Callable[..., Supervisor]]:
    """Makes started supervisors with these settings and those of a call, and closes them."""
    made = []

    def of(command=QUICK, **changes: Any) -> Supervisor:
        settings = Settings(**{"workers": 1, "looker_free_gib": 1e6, **plain, **changes})
        found = Supervisor(settings, open_store(settings), command)
        made.append(found)
        found.start()
        return found

    yield of
    for one in made:
        one.close()
        one.store.close()


def state(service: Supervisor, run_id: str) -> str:
    return service.store.run(run_id).state


def step_of(service: Supervisor, run_id: str) -> int:
    return service.store.run(run_id).step


def training(service: Supervisor, run_id: str, steps: int = 10) -> int:
    """Waits until a run has done some steps; its worker's number."""
    until(lambda: step_of(service, run_id) >= steps)
    return service.store.started(run_id).loss["pid"]


def ended(service: Supervisor, run_id: str):
    until(lambda: not service.store.run(run_id).live)
    return service.store.run(run_id)


@contextmanager
def killing(process):
    """Ends a process with the block, however that ends."""
    try:
        yield
    finally:
        process.kill()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


# A program with a supervisor that trains, of a folder and a worker's command.
SERVER = """
import sys, time
from pathlib import Path
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec

settings = Settings(home=Path(sys.argv[1]), workers=1, resumes=0)
service = Supervisor(settings, open_store(settings), sys.argv[2:])
service.start()
run_id = service.submit(RunSpec(seed=0), "me")
end = time.monotonic() + 20
while service.store.run(run_id).step < 10 or not service.status()["ready"]:
    assert time.monotonic() < end
    time.sleep(0.01)
checker = service.questions.ask("check", text="x")["pid"]
print(run_id, service.store.started(run_id).loss["pid"], checker, flush=True)
time.sleep(60)
"""
