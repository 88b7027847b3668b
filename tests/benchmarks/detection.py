"""What the detector reaches, and what each loss of boxes does in its place, with the same seeds.

python tests/benchmarks/detection.py                     the default, 3 seeds
python tests/benchmarks/detection.py --losses smooth_l1 iou_loss giou_loss diou_loss ciou_loss
python tests/benchmarks/detection.py --set stages=two    the detector of two stages
... --seeds 0 --set canvases=3000 epochs=5               smaller
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground import RunSpec, train
from playground.tasks.detection import OBJECTIVES
from playground.training.events import Finished

MEASURED = ("ap50", "ap", "mask_iou")


def reached(spec: RunSpec) -> dict[str, float]:
    """What a run measures on its test canvases, and its seconds."""
    began = time.perf_counter()
    for event in train(spec):
        if isinstance(event, Finished):
            return {**event.metrics, "seconds": time.perf_counter() - began}
    raise RuntimeError("the run did not finish")


def value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", nargs="*", default=["giou_loss"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--set", nargs="*", default=[])
    asked = parser.parse_args()
    more = {name: value(text) for name, text in (each.split("=", 1) for each in asked.set)}
    objective = OBJECTIVES[str(more.get("stages", "one"))]
    for loss in asked.losses:
        text = objective.replace("giou_loss(", f"{loss}(")
        rows = []
        for seed in asked.seeds:
            spec = RunSpec.parse({"task": "detection", "loss": text, "seed": seed, **more})
            rows.append(reached(spec))
            shown = ", ".join(f"{name} {rows[-1][name]:.4f}" for name in MEASURED)
            print(f"{loss}, seed {seed}: {shown}, {rows[-1]['seconds']:.0f} s", flush=True)
        means = {name: np.array([row[name] for row in rows]) for name in MEASURED}
        said = ", ".join(
            f"{n} {100 * m.mean():.1f} ± {100 * m.std():.1f}%" for n, m in means.items()
        )
        print(f"{loss}: {said}", flush=True)


if __name__ == "__main__":
    main()
