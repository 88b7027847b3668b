"""Does bfloat16 cost accuracy? A data set's default run in both precisions, from the same seeds.

    python tests/benchmarks/precision.py --dataset mnist --seeds 0 1 2 [--epochs 3]

Prints a row a run, then mean and standard deviation of the test accuracy and the ratio of the
seconds. Set PLAYGROUND_DATA.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground import RunSpec, train
from playground.training.events import Finished


def main() -> None:
    """Trains in turns and prints the table's rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=0, help="0: the data set's default")
    parser.add_argument("--images", type=int, default=0, help="0: all")
    options = parser.parse_args()
    fields = {"epochs": options.epochs} if options.epochs else {}
    found: dict[str, list[Finished]] = {"float32": [], "mixed_bfloat16": []}
    for seed in options.seeds:
        for precision, ends in found.items():
            spec = RunSpec(
                dataset=options.dataset,
                precision=precision,
                seed=seed,
                train_images=options.images,
                evaluations=1,
                **fields,
            )
            end = list(train(spec))[-1]
            if not isinstance(end, Finished):
                raise SystemExit(f"{precision}, seed {seed}: {end}")
            ends.append(end)
            accuracy = end.metrics["accuracy"]
            print(f"{precision:15} seed {seed}: {accuracy:.2%}, {end.seconds:.1f} s", flush=True)
    print(f"\n| {options.dataset}, {spec.epochs} epochs | test accuracy | seconds |\n|---|---|---|")
    for precision, ends in found.items():
        values = [100 * end.metrics["accuracy"] for end in ends]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        seconds = statistics.median(end.seconds for end in ends)
        print(f"| {precision} | {statistics.mean(values):.2f} ± {spread:.2f}% | {seconds:.1f} |")


if __name__ == "__main__":
    main()
