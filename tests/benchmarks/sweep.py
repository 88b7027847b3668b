"""The centre loss paper's sweep: MNIST in a two-dimensional embedding, cross-entropy plus λ times
the centre loss, from the same weights.

    python tests/benchmarks/sweep.py [--epochs 10] [--seeds 3] [--images 0] [--only 0.01]
                                     [--dataset mnist]

Prints a line a run as it ends, then the table: test accuracy, and of 512 test images the mean
distance to the own class mean (within), between class means, and their ratio.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground import RunSpec, train
from playground.presets import paper
from playground.training.events import Failed, Finished

NAMES = ("accuracy", "embedding_within", "embedding_between", "embedding_cross_entropy")


def main() -> None:
    """Trains every λ with every seed and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=0)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--only", type=float, nargs="*")
    options = parser.parse_args()
    specs = {
        weight: spec
        for weight, spec in paper().items()
        if not options.only or weight in options.only
    }
    rows: dict[float, list[dict[str, float]]] = {weight: [] for weight in specs}
    for seed in range(options.seeds):
        for weight, spec in specs.items():
            changed = {
                "dataset": options.dataset,
                "epochs": options.epochs,
                "seed": seed,
                "train_images": options.images,
                "evaluations": 1,
            }
            found = outcome(RunSpec(**{**spec.model_dump(), **changed}))
            print(f"λ {weight:g}, seed {seed}:", found, flush=True)
            rows[weight].append(found)
    print("\n| λ | test accuracy | within | between | within / between | cross-entropy |")
    print("|---|---|---|---|---|---|")
    for weight, found in rows.items():
        within, between = (column(found, name) for name in NAMES[1:3])
        ratio = [one / other for one, other in zip(within, between, strict=True)]
        cells = [
            spread([100 * value for value in column(found, "accuracy")], 2) + "%",
            spread(within, 2),
            spread(between, 2),
            spread(ratio, 3),
            spread(column(found, NAMES[3]), 3),
        ]
        print("|", " | ".join([f"{weight:g}" if weight else "0 (softmax)", *cells]), "|")


def outcome(spec: RunSpec) -> dict[str, float]:
    """What a run measured on the test images at its end."""
    *_, last = train(spec)
    if isinstance(last, Failed):
        raise SystemExit(last.message)
    assert isinstance(last, Finished)
    return {name: last.metrics[name] for name in NAMES}


def column(found: list[dict[str, float]], name: str) -> list[float]:
    """One number of every seed."""
    return [one[name] for one in found]


def spread(values: list[float], places: int) -> str:
    """Mean and standard deviation."""
    said = f"{statistics.mean(values):.{places}f}"
    return said if len(values) < 2 else f"{said} ± {statistics.stdev(values):.{places}f}"


if __name__ == "__main__":
    main()
