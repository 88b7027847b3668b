"""What a run costs in rows and bytes, and how long things take beside very many runs.

    python tests/benchmarks/many_runs.py [--runs 100000] [--times 20] [--url postgresql+psycopg://...]

A run of 4,000 steps and 100 evaluations is recorded as a worker's is, and what it takes is counted.
Then a store is filled with copies of a short recorded run, of so many visitors that each has 100,
but for one, who has 1,000; and what a server asks of it is timed: events of a run that trains,
submitting a run and stopping it before it begins, the lists of the page Runs, one run, the newest,
a sweep's search for its runs, and the look over all runs for room. Beside the full store stands one
of 100 runs, asked in turns. Prints medians in ms: what passed, and the CPU time of this process,
which other work on the machine changes less.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground.runs import moving, tables
from playground.runs.store import Store, open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Evaluated, Finished, Progress, Snapshot, Started

OF_ONE, OF_MANY = 100, 1000  # runs of a visitor, and of the one who has many
BATCH = 500
NAMES = ("loss", "accuracy", "gradient_norm", "learning_rate", "seconds")  # of every step
SPEC = RunSpec(dataset="digits", epochs=3)
OPEN = {"runs_per_minute": 10**6, "queue_limit": 10**6, "runs_per_visitor": 10**6}
Times = list[tuple[float, float]]  # seconds that passed, and of the CPU


def record(store: Store, steps: int, evaluations: int, owner: str) -> str:
    """Records a run that has completed."""
    run_id = store.create(SPEC, owner)
    store.record(run_id, Started(93_322, [], steps, 50, 900, 100, 360, [], {}, {}))
    every = steps // evaluations
    for step in range(every, steps + 1, every):
        values = {name: np.random.default_rng(step).random(every, np.float32) for name in NAMES}
        store.record(run_id, Progress(step, step / 50, 0.1 * step, 7000.0, values))
        numbers = {f"metric_{each}": step / (each + 1.7) for each in range(12)}
        arrays = {
            "confusion": np.full((10, 10), step, np.int32),
            "strip_probabilities": np.random.default_rng(step).random((64, 10), np.float32),
        }
        for split in ("validation", "test")[: 1 + (step == steps)]:
            full = Evaluated(step, step / 50, split, 100, True, numbers, arrays)
            store.record(run_id, full)
    store.record(run_id, Finished(steps, "completed", 0.1 * steps, {"accuracy": 0.9}))
    return run_id


def size_of(store: Store, run_id: str) -> None:
    """Prints the rows of a run and the bytes of what is in them."""
    with store._database.reading() as connection:
        for table in moving._tables():
            column = table.c.id if table is tables.runs else table.c.get("run_id")
            if column is None or table is tables.removed:
                continue
            rows = connection.execute(select(table).where(column == run_id)).all()
            if rows:
                held = sum(sum(map(_length, row)) for row in rows)
                print(f"  {table.name:12} {len(rows):6,} rows {held:10,} bytes")


def _length(value: Any) -> int:
    if isinstance(value, bytes | memoryview):
        return len(value)
    return len(value.encode()) if isinstance(value, str) else 0 if value is None else 8


def fill(store: Store, count: int) -> None:
    """Copies of a short run, with ids, numbers and owners of their own."""
    first = record(store, 30, 3, "visitor 0")
    with store._database.reading() as connection:
        made = {
            table: [row._asdict() for row in connection.execute(select(table))]
            for table in (tables.runs, tables.series, tables.evaluations)
        }
    for start in range(1, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        with store._database.writing() as connection:
            for table, rows in made.items():
                copies = [_copy(row, number, len(rows), at) for number in numbers
                          for at, row in enumerate(rows)]  # fmt: skip
                connection.execute(insert(table), copies)
            if not store._database.sqlite:
                moving._count_on(connection)
    assert store.run(first) is not None


def _copy(row: dict[str, Any], number: int, rows: int, at: int) -> dict[str, Any]:
    """A row of another run; each tenth has other settings than the one before."""
    owner = "many" if number < OF_MANY else f"visitor {number // OF_ONE}"
    if "owner" in row:
        own = {"id": f"r{number:011}", "number": number + 1, "owner": owner}
        return {**row, **own, "digest": f"{number // 10:016}"}
    own = {"run_id": f"r{number:011}"}
    return {**row, **own, **({"number": number * rows + at + 1} if "number" in row else {})}


@contextmanager
def serving(settings: Settings) -> Iterator[Supervisor]:
    """A supervisor whose workers never come."""
    with closing(open_store(settings)) as store:
        yield Supervisor(settings, store)


def asked(service: Supervisor) -> dict[str, Callable[[], object]]:
    """What is timed."""
    store = service.store
    with store._database.reading() as connection:
        number = connection.execute(select(func.max(tables.runs.c.number))).scalar_one()
    some = f"r{number // 2:011}"
    turn = iter(range(10**9))
    waiting: list[str] = []

    def submit() -> None:
        spec = SPEC.model_copy(update={"seed": next(turn)})
        waiting.append(service.submit(spec, "somebody"))

    def stop() -> None:
        service.command(waiting.pop(), "somebody", "stop")

    def listed(owner: str) -> Callable[[], object]:
        return lambda: store.listing.runs([owner], f"{owner} {next(turn)}")  # none is remembered

    live = store.create(SPEC, "live")
    store.record(live, Started(93_322, [], 10**6, 50, 900, 100, 360, [], {}, {}))
    step = iter(range(10, 10**6, 10))

    def report() -> None:
        values = {name: np.ones(10, np.float32) for name in NAMES}
        store.record(live, Progress(next(step), 1.0, 1.0, 7000.0, values))

    def evaluate() -> None:
        numbers = {f"metric_{each}": each / 1.7 for each in range(12)}
        arrays = {"confusion": np.ones((10, 10), np.int32)}
        store.record(live, Evaluated(next(step), 1.0, "validation", 100, True, numbers, arrays))

    def weights() -> None:
        arrays = {"w": np.ones(93_322, np.float32)}
        store.record(live, Snapshot(next(step), "weights", arrays))

    return {
        "a report of 10 steps": report,
        "an evaluation": evaluate,
        "93,322 weights": weights,
        "submit a run": submit,
        "stop it before it begins": stop,
        f"the list of a visitor of {OF_ONE}": listed(f"visitor {number // 2 // OF_ONE}"),
        f"the list of a visitor of {OF_MANY:,}": listed("many"),
        "one run": lambda: store.run(some),
        "its curve": lambda: store.series(some, "loss"),
        "the newest 50 of all": lambda: store.runs(limit=50),
        "a sweep's 20 points": lambda: store.by_digest([f"{each:016}" for each in range(20)]),
        "a look for room over all": store.make_room,
    }


def timed(do: Callable[[], object]) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    do()
    return time.perf_counter() - began, time.process_time() - cpu


def main() -> None:
    """Measures what the options say."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--url", default="", help="an empty database for the full store")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        plain: dict[str, Any] = {"workers": 1, "free_gib": 0, "store_gib": 1e6, **OPEN}
        few = Settings(home=Path(folder) / "few", **plain)
        full = Settings(home=Path(folder) / "full", store_url=options.url, **plain)
        with serving(few) as beside, serving(full) as service:
            print("a run of 4,000 steps and 100 evaluations:")
            with closing(open_store(Settings(home=Path(folder) / "one"))) as store:
                size_of(store, record(store, 4000, 100, "me"))
            fill(beside.store, 100)
            began, before = time.perf_counter(), service.store._database.size()
            fill(service.store, options.runs)
            took = time.perf_counter() - began
            grown = (service.store._database.size() - before) / options.runs
            print(f"{options.runs:,} runs of 30 steps and 4 evaluations, filled in {took:,.0f} s: "
                  f"{grown / 1e3:.1f} kB of the database a run, indexes included")  # fmt: skip
            kinds = {"100 runs": asked(beside), f"{options.runs:,} runs": asked(service)}
            print(f"{'ms: passed (CPU)':36}" + "".join(f"{name:>22}" for name in kinds))
            for what in kinds["100 runs"]:
                found: dict[str, Times] = {name: [] for name in kinds}
                for _ in range(options.times if "look" not in what else 3):
                    for name, does in kinds.items():
                        found[name].append(timed(does[what]))
                said = [
                    f"{statistics.median(one for one, _ in times) * 1e3:10.2f} "
                    f"({statistics.median(one for _, one in times) * 1e3:8.2f})"
                    for times in found.values()
                ]
                print(f"{what:36}" + "".join(f"{one:>22}" for one in said), flush=True)


if __name__ == "__main__":
    main()
