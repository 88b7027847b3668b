"""Workers are killed at random steps, and the runs that go on are held against ones that were never
interrupted; and what checkpoints cost.

    python tests/benchmarks/resume.py            20 kills, over the tasks in turn
    python tests/benchmarks/resume.py --kills 5
    python tests/benchmarks/resume.py --cost     processor time a step with checkpoints and
                                                 without, one run each way in turn, and their size
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground.runs.files import to_npz
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec

DIGITS = {"dataset": "digits", "epochs": 6}
CENTERED = "cross_entropy() + 0.01 * sum(square(features - take(centers, labels, axis=0)), axis=-1)"
SPECS = {
    "classification": RunSpec(**DIGITS, dropout=0.3, mixup=0.2, flip=True, loss=CENTERED),
    "nadam, patience": RunSpec(**DIGITS, optimizer="nadam", patience=3, batch_norm=True),
    "incremental": RunSpec(
        **DIGITS, task="incremental", kept="exemplars", correction="nearest_mean"
    ),
    "siamese": RunSpec(**DIGITS, task="siamese", weighting="gradnorm", head_dropout=0.2),
    "autoencoder": RunSpec(**DIGITS, task="autoencoder"),
}


def told(service: Supervisor, run_id: str) -> dict:
    """All numbers that the store has of a run, exactly."""
    store = service.store
    steps = {name: store.series(run_id, name) for name in store.series_names(run_id)}
    return {
        "evaluations": [
            (step, split, {name: float(value).hex() for name, value in metrics.items()})
            for _, split, step, metrics in store.numbers(run_id)
        ],
        "curves": {
            name: (s.tolist(), v.tobytes()) for name, (s, v) in steps.items() if name != "seconds"
        },
        "state": store.run(run_id).state,
        "weights": {
            name: array.tobytes()
            for name, array in store.snapshot(run_id, "weights").arrays.items()
        },
    }


def finished(service: Supervisor, run_id: str) -> None:
    while service.store.run(run_id).live:
        time.sleep(0.05)


def killed(service: Supervisor, spec: RunSpec, step: int) -> tuple[str, int]:
    """A run of the spec whose worker was killed once it had done this step; the run, and the step
    that it had come to."""
    run_id = service.submit(spec, "me")
    while service.store.run(run_id).step < step:
        time.sleep(0.005)
    died = service.store.run(run_id).step
    os.kill(next(iter(service._slots)).pid, signal.SIGKILL)
    finished(service, run_id)
    return run_id, died


def kill(count: int) -> None:
    draw = np.random.default_rng(25)
    equal, sizes = 0, []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), workers=1, looker_free_gib=1e6)
        service = Supervisor(settings, open_store(settings))
        service.start()
        whole: dict[str, tuple[dict, int]] = {}
        for number in range(count):
            name = list(SPECS)[number % len(SPECS)]
            if name not in whole:
                run_id = service.submit(SPECS[name], "me")
                finished(service, run_id)
                whole[name] = told(service, run_id), service.store.run(run_id).steps
            known, steps = whole[name]
            step = int(draw.integers(1, max(2, int(0.9 * steps))))
            run_id, died = killed(service, SPECS[name], step)
            found, record = told(service, run_id), service.store.run(run_id)
            same = found == known
            equal += same
            kept = service.store.snapshots(run_id, "checkpoint")
            files = list((Path(folder) / "runs" / run_id).glob("checkpoint-*.npz"))
            sizes = [path.stat().st_size for path in files]
            differs = [part for part in known if known[part] != found[part]]
            print(
                f"{number + 1:3} {name:16} killed at {died:4} of {steps:4}, taken up "
                f"{record.resumed} times, {len(kept)} checkpoints of {max(sizes) / 1024:,.0f} KiB: "
                f"{'equal' if same else 'differs in ' + ', '.join(differs)}",
                flush=True,
            )
        service.close()
        service.store.close()
    print(f"{equal} of {count} equal bit for bit in every number of every step and in the weights")


def cost(rounds: int = 3) -> None:
    from playground.training import checkpoint, loop
    from playground.training.control import Control
    from playground.training.events import Snapshot

    for name, fields in (
        ("small", {"dataset": "digits", "epochs": 15}),
        ("mnist", {"dataset": "mnist", "epochs": 1, "train_images": 4_000}),
        ("wide", {"dataset": "mnist", "epochs": 1, "train_images": 2_000, "width": 64}),
    ):
        spec = RunSpec(**fields)
        costs: dict[bool, list[float]] = {False: [], True: []}
        taken, weighs = 0, 0
        for _ in range(rounds):
            for keeping in (False, True):
                prepared, writing, worked = loop.prepare(spec), 0.0, time.process_time()
                for event in loop.run(spec, Control(keeping=keeping), prepared):
                    if isinstance(event, Snapshot) and event.kind == checkpoint.KIND:
                        began = time.process_time()  # the server does that
                        weighs, taken = len(to_npz(event.arrays)), taken + 1
                        writing += time.process_time() - began
                worked = time.process_time() - worked - writing
                costs[keeping].append(1000 * worked / event.step)
        plain, with_them = (statistics.median(costs[each]) for each in (False, True))
        print(
            f"{name:6} {plain:7.2f} ms a step without, {with_them:7.2f} with checkpoints: "
            f"{with_them / plain:.3f} times; {taken / rounds:.0f} of {weighs / 1024:,.0f} KiB",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--cost", action="store_true")
    asked = parser.parse_args()
    cost() if asked.cost else kill(asked.kills)
