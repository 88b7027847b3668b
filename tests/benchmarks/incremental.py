"""The methods of incremental learning on split MNIST 5 × 2, class-incremental, over seeds: test
accuracy over all ten classes at the end, as mean ± standard deviation.

    PLAYGROUND_DATA=... python tests/benchmarks/incremental.py [--seeds 3] [--methods ...]
        [--dataset mnist] [--epochs 5] [--set exemplars=200 flip=true ...]

Methods that differ in the correction of the answers alone are one training, whose end is measured
with each (`--corrected`): what they forget on the way is then not in the table.

References for the same protocol: fine-tuning 19 to 20.5%, LwF 19 to 35% (van de Ven & Tolias 2019;
Hsu et al. 2018).
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from playground import RunSpec, methods
from playground.tasks.incremental import IncrementalSpec
from playground.training import loop
from playground.training.control import Control
from playground.training.events import Failed
from playground.training.incremental import IncrementalWork

FIVE = ["fine-tuning", "lwf", "exemplars", "bic", "joint"]
CORRECTED = ["end-to-end", "icarl", "bic", "aligning"]  # one training, four ways to answer
# What was found by trying on seed 0: exemplars moved by a pixel are more of them, and a constant
# rate leaves a short phase time to learn.
SETTINGS = {"exemplars": 50, "learning_rate": 1e-3, "schedule": "constant", "shift": 1}
COLUMNS = ("accuracy", "old_accuracy", "new_accuracy", "forgetting")


def trained(spec: RunSpec) -> loop.Training:
    """A run at its end."""
    training = loop.prepare(spec)
    for event in training.events(Control()):
        if isinstance(event, Failed):
            raise SystemExit(event.message)
    return training


def tested(training: loop.Training) -> dict[str, float]:
    """What a run has on the test images."""
    found = training.evaluation.measure("test", training.step, Control())
    assert found is not None
    return found.metrics


def runs_of(names: list[str], base: RunSpec) -> dict[str, dict[str, float]]:
    """What methods that train alike come to, each by its own correction."""
    training, found = trained(methods.spec(names[0], base)), {}
    work = training.work
    assert isinstance(work, IncrementalWork)
    for name in names:
        work.own = cast(IncrementalSpec, methods.spec(name, base))
        found[name] = tested(training)
        if name != names[0]:
            found[name]["forgetting"] = float("nan")
    return found


def row(name: str, runs: list[dict[str, float]], seconds: float) -> str:
    """A line of the table."""
    cells = []
    for key in COLUMNS:
        values = 100 * np.array([each[key] for each in runs])
        known = np.isfinite(values).all()
        cells.append(f"{values.mean():.1f} ± {values.std():.1f}" if known else "–")
    return f"| {methods.METHODS[name].title} | {' | '.join(cells)} | {seconds:.0f} |"


def main() -> None:
    """Trains and prints the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--methods", nargs="*", default=FIVE)
    parser.add_argument("--corrected", action="store_true", help=f"{CORRECTED} from one training")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    settings: dict[str, Any] = SETTINGS | dict(each.split("=", 1) for each in asked.set)
    began = time.perf_counter()
    print("| method | all classes | old | new | forgotten | s a run |\n|---|--:|--:|--:|--:|--:|")
    for together in [CORRECTED] if asked.corrected else [[name] for name in asked.methods]:
        start = time.perf_counter()
        seeds = []
        for seed in range(asked.seeds):
            base = RunSpec.parse(
                {
                    "task": "incremental",
                    "dataset": asked.dataset,
                    "epochs": asked.epochs,
                    "seed": seed,
                    "evaluations": 1,
                    **settings,
                }
            )
            seeds.append(runs_of(together, base))
        seconds = (time.perf_counter() - start) / asked.seeds
        for name in together:
            print(row(name, [each[name] for each in seeds], seconds), flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
