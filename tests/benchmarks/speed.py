"""Images per second: the playground with all that it reports beside the best that others can do.

    python tests/benchmarks/speed.py --dataset mnist --against pytorch compile [--width 64]
        [--turns 2] [--images 20000] [--seconds 3]

The same network, images, batch size and optimiser for all, each in float32 and with bfloat16. Each
contender is a process of its own and they take turns, so that a ratio says more than a number. The
table has for each the images per second of a warm process (the median of its turns), the ratio of
the playground's best to it, and the seconds from the start of its process to its 20th step. What is
not installed (PyTorch, JAX: `pip install torch jax`) takes no part. With fewer images and seconds a
turn is shorter; evaluations per image stay those of a run over all images. Set PLAYGROUND_DATA.
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

EVALUATED = 5_000  # images from one evaluation to the next, as of a run over all images


def spec_of(dataset: str, width: int, images: int, precision: str) -> RunSpec:
    """What all contenders train; a constant learning rate, so that none pays for a schedule."""
    fields = {"width": width} if width else {}
    return RunSpec(
        dataset=dataset,
        train_images=images,
        evaluations=max(1, images // EVALUATED),
        epochs=2 if images >= 4 * EVALUATED else 3,
        schedule="constant",
        precision=precision,
        **fields,
    )


def measured(name: str, given: list[str]) -> dict[str, float]:
    """One contender in a process of its own, with what was `given` on the command line."""
    done = subprocess.run(
        [sys.executable, __file__, *given, "--only", name],
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
    parser.add_argument(
        "--against",
        nargs="+",
        choices=("pytorch", "compile", "keras", "jax"),
        default=("pytorch", "compile"),
    )
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="that others are measured")
    parser.add_argument("--only", choices=contenders.ALL, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        entry = contenders.ALL[arguments.only]
        spec = spec_of(arguments.dataset, arguments.width, arguments.images, entry.precision)
        contenders.SECONDS = arguments.seconds
        print(json.dumps(entry.measure(spec, float(os.environ["BEGAN"]))))
        return
    names = [
        name
        for name, entry in contenders.ALL.items()
        if entry.group in ("playground", *arguments.against)
        and importlib.util.find_spec(entry.package) is not None
    ]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for turn in range(arguments.turns):
        for name in names:
            found[name].append(measured(name, sys.argv[1:]))
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
