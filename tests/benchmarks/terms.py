"""What watching the terms of a composite loss costs its training.

    python tests/benchmarks/terms.py [--dataset mnist] [--images 0] [--pairs 5]

The same run with the term monitor and without takes turns, an epoch each; what counts is the ratio
of the medians. Set PLAYGROUND_DATA.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground import RunSpec, train
from playground.training.events import Failed, Started
from playground.training.terms import TermGradients

LOSS = "cross_entropy() + 0.01 * center() + 0.1 * brier()"


def main() -> None:
    """Prints the seconds of each run and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--images", type=int, default=0, help="0: all of the training images")
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    spec = RunSpec(dataset=options.dataset, train_images=options.images, epochs=1, loss=LOSS)
    seconds(spec.model_copy(update={"train_images": 2000}))  # what the first run of all pays
    watched, alone = [], []
    for pair in range(options.pairs):
        watched.append(seconds(spec))
        with patch.object(TermGradients, "measure", lambda *_: {}):
            alone.append(seconds(spec))
        print(f"{pair + 1}  watched {watched[-1]:6.2f} s  alone {alone[-1]:6.2f} s", flush=True)
    ratio = statistics.median(watched) / statistics.median(alone)
    print(f"watching three terms: {100 * (ratio - 1):+.1f}% of an epoch's time, tracing included")


def seconds(spec: RunSpec) -> float:
    """From the first step to the end, with every evaluation on the way."""
    began = time.perf_counter()
    for event in train(spec):
        if isinstance(event, Started):
            began = time.perf_counter()
        if isinstance(event, Failed):
            raise SystemExit(event.message)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
