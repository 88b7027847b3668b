"""Is training as fast as it was? This checkout and another one take turns, a process each.

    python tests/benchmarks/before.py ../before --pairs 10

Prints the ratio of each pair's images a second, this one's over the other's, and the median.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[2]
CHILD = """
import sys, time
from playground import RunSpec
from playground.training import loop
dataset, steps, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
training = loop.prepare(RunSpec(dataset=dataset))
batches, rates = training.shuffled(0)[:steps], training.rates[:steps]
training.graph.train(batches, rates, 1)
seconds = []
for _ in range(repeats):
    began = time.perf_counter()
    int(training.graph.train(batches, rates, 1)[0])
    seconds.append(time.perf_counter() - began)
print(len(batches) * training.batch / min(seconds))
"""


def images_per_second(checkout: Path, options: argparse.Namespace) -> float:
    """The best of a few repeats in a fresh process of a checkout."""
    arguments = [options.dataset, str(options.steps), str(options.repeats)]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Lets both take turns, the first to go alternating."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    ratios = []
    for pair in range(options.pairs):
        order = [HERE, options.before.resolve()]
        found = {each: images_per_second(each, options) for each in order[:: -1 if pair % 2 else 1]}
        ratios.append(found[order[0]] / found[order[1]])
        print(
            f"{found[order[0]]:,.0f} to {found[order[1]]:,.0f} images/s: {ratios[-1]:.3f} ×",
            flush=True,
        )
    print(f"median of {len(ratios)} pairs: {statistics.median(ratios):.3f} ×")


if __name__ == "__main__":
    main()
