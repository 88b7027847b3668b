"""Where the time of a training step goes: TensorFlow's own profile, by kind of kernel.

    python tests/benchmarks/step.py [--dataset cifar10] [--precision float32] [--width 64]

A kernel's time is the lower quartile of its runs times their number, summed over both halves of the
batch, so that what else the machine does counts little. What of the cores' time the kernels do not
take goes to scheduling, and to waiting for the other half or for other programs. Set
PLAYGROUND_DATA.
"""

import argparse
import collections
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground import RunSpec

GROUPS = {  # the first that a kernel's kind contains
    "convolution, gradient by the weights": ("Conv2DBackpropFilter",),
    "convolution, gradient by the maps": ("Conv2DBackpropInput",),
    "convolution, bias and ReLU": ("Conv2D",),
    "batch norm, gradient": ("FusedBatchNormGrad",),
    "batch norm and ReLU": ("FusedBatchNorm",),
    "pooling": ("MaxPool",),
    "ReLU, gradient": ("ReluGrad",),
    "ReLU": ("Relu",),
    "dense": ("MatMul", "BiasAdd"),
    "transposes": ("Transpose",),
    "optimiser and gradient norm": ("ResourceApply", "L2Loss", "AddN"),
    "gather and normalisation": ("Gather", "Sub", "RealDiv"),
    "dropout": ("RandomUniform", "SelectV2"),
    "casts": ("Cast",),
    "the rest: loss, report, statistics": ("",),
}


def step(options: argparse.Namespace) -> tuple[float, dict[str, float]]:
    """Milliseconds of a step on the clock, the best of a few intervals, and of each kernel's kind,
    by its name, summed over the cores."""
    import tensorflow as tf

    from playground.training import loop

    fields = {"width": options.width} if options.width else {}
    training = loop.prepare(
        RunSpec(dataset=options.dataset, precision=options.precision, train_images=6000, **fields)
    )
    batches, rates = training.shuffled(0)[: options.steps], training.rates[: options.steps]

    def interval() -> float:
        began = time.perf_counter()
        int(training.graph.train(batches, rates, 1)[0])
        return 1e3 * (time.perf_counter() - began) / len(batches)

    interval()
    clock = min(interval() for _ in range(8))
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        interval()
        tf.profiler.experimental.stop()
        content = next(Path(folder).rglob("*.xplane.pb")).read_bytes()
    return clock, _kernels(content, len(batches))


def _kernels(content: bytes, steps: int) -> dict[str, float]:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(content)
    runs = collections.defaultdict(list)
    for plane in space.planes:
        names = {key: kept.name for key, kept in plane.event_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                name = names[event.metadata_id]
                if name.startswith("while/body") and ":" in name:
                    runs[name].append(event.duration_ps / 1e9)
    if not runs:
        raise SystemExit("the profile names no kernel of the loop's body")
    kinds: dict[str, float] = collections.Counter()
    for name, took in runs.items():
        kinds[name.rsplit(":", 1)[1]] += float(np.percentile(took, 25)) * len(took) / steps
    return kinds


def main() -> None:
    """Prints the table's rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--precision", default="float32", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--width", type=int, default=0, help="0: the data set's default")
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()
    clock, kinds = step(options)
    groups: dict[str, float] = dict.fromkeys(GROUPS, 0.0)
    for kind, took in kinds.items():
        groups[next(g for g, parts in GROUPS.items() if any(p in kind for p in parts))] += took
    total = sum(groups.values())
    print(f"| {options.dataset}, {options.precision} | ms of a core | share |\n|---|---|---|")
    for group, took in sorted(groups.items(), key=lambda each: -each[1]):
        if took > 0.0005:
            print(f"| {group} | {took:.3f} | {took / total:.1%} |")
    cores = os.cpu_count() or 1
    busy = total / cores / clock
    print(f"| all kernels, of the {cores} cores' time | {total:.3f} | {busy:.1%} |")
    print(f"| a step of 64 images on the clock | {clock:.3f} | {64e3 / clock:,.0f} images/s |")


if __name__ == "__main__":
    main()
