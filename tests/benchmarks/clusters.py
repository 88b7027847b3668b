"""What the embedding's numbers cost a run, and how many bytes a frame of 2,000 points takes.

    python tests/benchmarks/clusters.py [--pairs 6] [--dataset mnist] [--embedding 2]

One evaluation of the fixed sample, with the probe and without, in turns; its share of a run's time
follows from the seconds of an epoch and the evaluations in it. Set PLAYGROUND_DATA.
"""

import argparse
import gzip
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pages.live.packing import pack
from playground import RunSpec
from playground.analysis import answer
from playground.training import clusters, loop


def main() -> None:
    """Prints the probe's seconds, an epoch's, their ratio, and the bytes of a frame."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--embedding", type=int, default=2)
    options = parser.parse_args()
    spec = RunSpec(dataset=options.dataset, embedding=options.embedding)
    training = loop.prepare(spec)
    rows = training.work.rows_of("validation", training.sample)
    batches = training.shuffled(0)[:50]
    probes, steps = [], []
    for _ in range(options.pairs):
        began = time.perf_counter()
        training.graph.train(batches, training.rates[:50], 1)
        steps.append((time.perf_counter() - began) / len(batches))
        seen = training.graph.evaluate(rows, 1)
        assert seen is not None
        began = time.perf_counter()
        clusters.measure(seen.answers["features"], rows["labels"], seen.answers["probabilities"])
        probes.append(time.perf_counter() - began)
    probe, step = statistics.median(probes), statistics.median(steps)
    share = probe * spec.evaluations / (step * training.steps_per_epoch)
    print(f"probe {1e3 * probe:.1f} ms, step {1e3 * step:.2f} ms: {100 * share:.2f}% of an epoch")
    asked = {"what": "embedding", "spec": spec.to_json(), "weights": training.weights(), "step": 0}
    body = pack({**answer(asked), "step": 0})
    print(f"a frame: {len(body):,} bytes, {len(gzip.compress(body, 1)):,} as sent")


if __name__ == "__main__":
    main()
