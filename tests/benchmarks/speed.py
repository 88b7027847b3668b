"""Images per second: the playground with all that it reports beside the best that others can do.

    python tests/benchmarks/speed.py --dataset mnist --against pytorch [--width 64] [--turns 2]

The same network, images, batch size and optimiser for all, each in float32 and with bfloat16. Each
contender is a process of its own and they take turns, so that a ratio says more than a number. The
table has for each the images per second of a warm process (the median of its turns), the ratio of
the playground's best to it, and the seconds from the start of its process to its 20th step. What is
not installed (PyTorch, JAX: `pip install torch jax`) takes no part. Set PLAYGROUND_DATA.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playground import RunSpec  # noqa: E402
from tests.benchmarks import contenders  # noqa: E402

# Evaluations per trained image are those of a run over all images.
IMAGES, EVALUATIONS = 20_000, 4


def spec_of(dataset: str, width: int, precision: str) -> RunSpec:
    """What all contenders train; a constant learning rate, so that none pays for a schedule."""
    fields = {"width": width} if width else {}
    return RunSpec(
        dataset=dataset,
        train_images=IMAGES,
        evaluations=EVALUATIONS,
        epochs=2,
        schedule="constant",
        precision=precision,
        **fields,
    )


def measured(name: str, dataset: str, width: int) -> dict[str, float]:
    """One contender in a process of its own."""
    command = [sys.executable, __file__, "--only", name, "--dataset", dataset]
    done = subprocess.run(
        [*command, "--width", str(width)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "BEGAN": repr(time.time())},
    )
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Lets the contenders take turns and prints the table's rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--width", type=int, default=0, help="0: the data set's default")
    parser.add_argument("--against", choices=("pytorch", "keras", "jax"), default="pytorch")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--only", choices=contenders.ALL, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        entry = contenders.ALL[arguments.only]
        spec = spec_of(arguments.dataset, arguments.width, entry.precision)
        print(json.dumps(entry.measure(spec, float(os.environ["BEGAN"]))))
        return
    names = [
        name
        for name, entry in contenders.ALL.items()
        if entry.group in ("playground", arguments.against)
        and importlib.util.find_spec(entry.package) is not None
    ]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for turn in range(arguments.turns):
        for name in names:
            found[name].append(measured(name, arguments.dataset, arguments.width))
            said = found[name][-1]
            print(
                f"{turn + 1}  {name:44} {said['rate']:8,.0f}/s  {said['cold']:5.1f} s", flush=True
            )
    rates = {n: statistics.median(one["rate"] for one in each) for n, each in found.items()}
    best = max(rate for name, rate in rates.items() if contenders.ALL[name].group == "playground")
    where = arguments.dataset + (f", width {arguments.width}" if arguments.width else "")
    print(
        f"\n| {where} | images/s | the playground's best is | to the 20th step |\n|---|---|---|---|"
    )
    for name, rate in rates.items():
        cold = statistics.median(one["cold"] for one in found[name])
        print(f"| {name} | {rate:,.0f} | {best / rate:.2f} × | {cold:.1f} s |")
    others = [rate for name, rate in rates.items() if contenders.ALL[name].group != "playground"]
    if others:
        print(f"\nThe playground is {best / max(others):.2f} × the best of the others.")


if __name__ == "__main__":
    main()
