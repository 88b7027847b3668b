"""What each idea gains: two prepared runs in one process, with it and without, take turns.

    python tests/benchmarks/ideas.py batch_norm --dataset cifar10 --precision float32

Prints the median ratio of the pairs and that of the fastest intervals. Set PLAYGROUND_DATA.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground import RunSpec


def without(idea: str) -> Any:
    """A context in which a run is built as it was before the idea."""
    import keras

    from playground import fused_layers, layers

    if idea == "batch_norm":
        own = keras.layers.BatchNormalization.call
        return mock.patch.object(fused_layers.BatchNormalization, "call", own)
    if idea == "pool_before_relu":
        return mock.patch.object(layers, "_pools_first", lambda *_: False)
    return mock.patch.object(layers, "build", layers.build)  # bfloat16: the spec says it


def interval(spec: RunSpec, steps: int) -> Callable[[], float]:
    """What trains so many steps and says how many seconds they took."""
    from playground.training import loop

    training = loop.prepare(spec)
    batches, rates = training.shuffled(0)[:steps], training.rates[:steps]

    def go() -> float:
        began = time.perf_counter()
        int(training.graph.train(batches, rates, 1)[0])
        return time.perf_counter() - began

    go()
    return go


def main() -> None:
    """Lets both take turns, the first to go alternating."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("idea", choices=("batch_norm", "pool_before_relu", "bfloat16"))
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--precision", default="float32", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--width", type=int, default=0, help="0: the data set's default")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--pairs", type=int, default=20)
    options = parser.parse_args()
    fields: dict[str, Any] = {"width": options.width} if options.width else {}
    fields |= {"dataset": options.dataset, "train_images": 6000}
    precision = "mixed_bfloat16" if options.idea == "bfloat16" else options.precision
    before = "float32" if options.idea == "bfloat16" else precision
    new = interval(RunSpec(precision=precision, **fields), options.steps)
    with without(options.idea):
        old = interval(RunSpec(precision=before, **fields), options.steps)
    ratios, fast, slow = [], [], []
    for pair in range(options.pairs):
        took = {go: go() for go in ((new, old), (old, new))[pair % 2]}
        fast.append(took[new])
        slow.append(took[old])
        ratios.append(took[old] / took[new])
    print(
        f"{options.idea}, {options.dataset}, {precision}: median {statistics.median(ratios):.3f} × "
        f"of {options.pairs} pairs, fastest {min(slow) / min(fast):.3f} ×"
    )


if __name__ == "__main__":
    main()
