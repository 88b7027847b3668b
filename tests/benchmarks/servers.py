"""How soon one server of a store hears of another's run, its commands are done there and its runs
go on when it dies; and what connections that break cost.

    python tests/benchmarks/servers.py [--times 40] [--moments 100]

Of a PostgreSQL of its own, then of SQLite, which has no connections to break. The worker needs no
TensorFlow: the times are those of the servers and the store.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground.runs import liveness
from playground.runs.store import Store, open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Changed, Evaluated, Finished
from tests.playground.runs.serving import QUICK
from tests.playground.runs.test_several_servers import Server
from tests.playground.runs.test_store import progress, started
from tests.postgresql import PostgreSQL


def until(condition: Callable[[], bool]) -> float:
    """When it was so."""
    while not condition():
        time.sleep(0.002)
    return time.monotonic()


def measure(settings: Settings, times: int) -> dict[str, list[float]]:
    """Seconds from a command here to its answer, and to its state in the store; from a server's
    end to the moment when its run waits here."""
    other = Server(settings, "other", lease=settings.lease_seconds)
    here = Supervisor(settings, open_store(settings), QUICK)
    here.start(checking=False)
    found: dict[str, list[float]] = {"answered": [], "done": [], "taken over": []}
    try:
        run_id = other.submit(RunSpec(seed=0))
        until(lambda: here.store.run(run_id).step > 0)
        for number in range(times):
            do, then = ("pause", "paused") if number % 2 == 0 else ("resume", "running")
            begun = time.monotonic()
            here.command(run_id, "me", do)
            found["answered"].append(time.monotonic() - begun)
            ended = until(lambda then=then: here.store.run(run_id).state == then)
            found["done"].append(ended - begun)
            time.sleep(0.1)
        other.process.kill()
        begun = time.monotonic()
        found["taken over"].append(until(lambda: here.store.run(run_id).resumed == 1) - begun)
    finally:
        other.close()
        here.close()
        here.store.close()
    return found


def broken(settings: Settings, database: PostgreSQL, moments: int) -> str:
    """What became of four runs that recorded while connections broke at so many moments."""
    store = open_store(settings)
    ids = [store.create(RunSpec(dataset="digits"), "me") for _ in range(4)]
    over, told = threading.Event(), dict.fromkeys(ids, 0)

    def record(run_id: str) -> None:
        store.record(run_id, started())
        while not over.is_set():
            step = told[run_id] + 2
            store.record(run_id, progress(step, 2))
            store.record(run_id, Evaluated(step, 0.1, "validation", 9, True, {"loss": step}, {}))
            store.record(run_id, Changed(step, "rate", "learning_rate", step))
            told[run_id] = step
        store.record(run_id, Finished(told[run_id], "completed", 1.0))

    threads = [threading.Thread(target=record, args=(run_id,)) for run_id in ids]
    for thread in threads:
        thread.start()
    draw, count, ended = random.Random(1), 0, 0
    while count < moments:
        time.sleep(draw.uniform(0.01, 0.25))
        now = database.break_connections()
        count, ended = count + (now > 0), ended + now
    over.set()
    for thread in threads:
        thread.join()
    whole = sum(is_whole(store, run_id, told[run_id]) for run_id in ids)
    store.close()
    return f"{ended} connections at {count} moments; {whole} of 4 runs whole, steps {told.values()}"


def is_whole(store: Store, run_id: str, last: int) -> bool:
    """Whether a run has each step, evaluation and mark, once, and its end."""
    steps = list(range(2, last + 1, 2))
    return (
        store.series(run_id, "loss")[1].tolist() == list(range(1, last + 1))
        and [step for _, _, step, _ in store.numbers(run_id)] == steps
        and [mark.step for mark in store.marks(run_id)] == steps
        and store.run(run_id).state == "completed"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--moments", type=int, default=100)
    given = parser.parse_args()
    liveness.host = lambda: "here"
    with PostgreSQL() as database:
        print(f"load {os.getloadavg()[0]:.1f}", flush=True)
        for name, store_url in {"PostgreSQL": database.new_schema(), "SQLite": ""}.items():
            home = Path(tempfile.mkdtemp(prefix="home-"))
            settings = Settings(home=home, store_url=store_url, workers=1, looker_free_gib=1e6)
            for what, seconds in measure(settings, given.times).items():
                said = {"median": statistics.median(seconds), "most": max(seconds)}
                print(name, what, json.dumps({k: round(v, 3) for k, v in said.items()}), flush=True)
        home = Path(tempfile.mkdtemp(prefix="home-"))
        other = Settings(home=home, store_url=database.new_schema())
        print(broken(other, database, given.moments))
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
