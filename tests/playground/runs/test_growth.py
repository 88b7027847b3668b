"""That memory does not grow with the number of runs. PLAYGROUND_GROWTH_RUNS says how many; without
it there are none, for 200 of them take minutes:

    PLAYGROUND_GROWTH_RUNS=200 python -m pytest -s tests/playground/runs/test_growth.py
"""

import os
import time
from pathlib import Path

import pytest

from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec

RUNS = int(os.environ.get("PLAYGROUND_GROWTH_RUNS", "0"))
FEWEST = 20  # of which the first quarter fills what is kept once
MIB_A_RUN = 0.5
RUN_SECONDS = 120


def resident(pid: int) -> float:
    """MiB of a process' memory that are no file's."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def trainers() -> list[int]:
    """The processes that train for this one."""
    tasks = Path("/proc/self/task").iterdir()
    found = [int(each) for task in tasks for each in (task / "children").read_text().split()]
    return [pid for pid in found if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"train\0")]


def trained(service: Supervisor, seed: int) -> None:
    """Trains a small run to its end."""
    spec = RunSpec(dataset="digits", train_images=64, batch_size=32, epochs=1, seed=seed)
    run_id = service.submit(spec, "me")
    end = time.monotonic() + RUN_SECONDS
    while (record := service.store.run(run_id)) is None or record.live:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert record.state == "completed", record.message


def test_memory_does_not_grow_with_the_runs(tmp_path: Path) -> None:
    if RUNS < FEWEST or not Path("/proc/self/status").exists():
        pytest.skip(f"PLAYGROUND_GROWTH_RUNS says how many runs, from {FEWEST}, on Linux")
    settings = Settings(home=tmp_path, workers=1, looker_free_gib=1e6)
    service = Supervisor(settings, open_store(settings))
    service.start()
    pids, sizes = set(), []
    try:
        for seed in range(RUNS):
            trained(service, seed)
            (trainer,) = trainers()
            pids.add(trainer)
            sizes.append((resident(trainer), resident(os.getpid())))
    finally:
        service.close()
        service.store.close()
    assert len(pids) == 1  # none was replaced on the way
    first, last = sizes[RUNS // 4], sizes[-1]
    for who, before, after in zip(("worker", "server"), first, last, strict=True):
        growth = (after - before) / (RUNS - RUNS // 4)
        print(f"{who}: {before:.0f} to {after:.0f} MiB, {growth:.2f} a run")
        assert growth < MIB_A_RUN, who
