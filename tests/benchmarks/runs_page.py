"""How long the server takes to draw the page Runs of a store with many runs.

    python tests/benchmarks/runs_page.py [--runs 1000] [--times 7]

A store is filled with short runs of one visitor, a race among them, and the page is drawn by
Streamlit's own test runner, without a browser: the first time in a process, again with nothing
changed, after a search, a filter by a number, another order, with two runs chosen, and after
another run has come, as it is while one trains. The runner's own time is in it. Beside it stands
the time of the list alone, from the store and as it is kept.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground.races.race import Lane, Race
from playground.runs import supervisor as module
from playground.runs.race_rows import DONE
from playground.runs.store import Store, open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Evaluated, Finished, Progress, Started

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"
ME = "me"
LOSSES = ("categorical_crossentropy", "focal", "gce", "brier", "-(1 - p_true)**2 * log(p_true)")
GOAL = 0.3  # seconds


def fill(store: Store, count: int) -> None:
    """Runs that differ in loss, data, rate, seed and numbers; each ninth has a name."""
    draw = random.Random(0)
    race = Race(RunSpec(dataset="digits"), (Lane({"loss": "gce"}), Lane({"loss": "focal"})), 5)
    store.races.create(race.to_json(), ME, DONE)
    for number in range(count):
        spec = RunSpec(
            dataset=draw.choice(("mnist", "cifar10", "digits")),
            loss=draw.choice(LOSSES),
            learning_rate=draw.choice((0.001, 0.003, 0.01)),
            seed=number,
        )
        run_id = store.create(spec, ME)
        store.record(run_id, Started(9, [], 3, 9, 9, 1, 1, [], {}, {}))
        store.record(run_id, Progress(9, 3.0, 9.0, 99.0, {"loss": np.linspace(2, 0.1, 9)}))
        numbers = {"loss": draw.random(), "accuracy": draw.random(), "nll": draw.random()}
        store.record(run_id, Evaluated(9, 3.0, "validation", 9, True, numbers, {}))
        store.record(run_id, Finished(9, "completed", draw.random() * 60, numbers))
        if number % 9 == 0:
            store.labels.name(run_id, [ME], f"try {number}")
    store.make_room()


def timed(times: int, do: Callable[[], object], before: Callable[[], object] = object) -> str:
    """Median and longest of so many times, in ms."""
    found = []
    for _ in range(times):
        before()
        began = time.perf_counter()
        do()
        found.append(time.perf_counter() - began)
    said = "" if max(found) < GOAL else "  over the goal"
    return f"{statistics.median(found) * 1e3:7.0f} {max(found) * 1e3:7.0f}{said}"


def opened() -> AppTest:
    """The page of a visitor who just came."""
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    page.session_state["visitor"] = ME
    page.run()
    return page.switch_page("runs.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--times", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Settings(home=Path(folder), workers=1)
        with closing(open_store(config)) as store:
            fill(store, chosen.runs)
            service = Supervisor(config, store)
            module.service = lambda: service  # type: ignore[assignment]
            print(f"{chosen.runs:,} runs, {chosen.times} times; ms: median, longest")
            page = opened()
            print(f"{'first in this process':36}{timed(1, page.run)}")
            measure(page, store, chosen.times)


def measure(page: AppTest, store: Store, times: int) -> None:
    """Prints how long each thing that a visitor does takes."""
    newest = [run.id for run in store.runs(limit=2)]
    state = page.session_state

    def name() -> None:
        store.labels.name(newest[0], [ME], f"name {random.random()}")

    def listing() -> object:
        return store.listing.runs([ME], ME)

    print(f"{'the list alone, something changed':36}{timed(times, listing, name)}")
    print(f"{'the list alone, nothing changed':36}{timed(times, listing)}")
    print(f"{'again, nothing changed':36}{timed(times, page.run)}")
    print(f"{'something changed':36}{timed(times, page.run, name)}")
    for what, values in {
        "search": {"runs-search": "focal try"},
        "a filter by a number": {
            "runs-conditions": ["result"],
            "runs-bounds": {"result.from": 50.0},
        },
        "order by loss": {"runs-sort": "loss"},
        "without runs of races": {"runs-show": "alone"},
        "two runs chosen": {"runs-picked": newest},
    }.items():
        for key, value in values.items():
            state[key] = value
        print(f"{what:36}{timed(times, page.run)}")
        assert not page.exception, page.exception
        for key, value in values.items():
            state[key] = type(value)() if key != "runs-sort" else "created"


if __name__ == "__main__":
    main()
