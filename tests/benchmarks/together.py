"""Runs side by side: what they train in sum beside one alone, and how long a sweep takes.

    python tests/benchmarks/together.py [--runs 4] [--dataset mnist] [--turns 3]
    python tests/benchmarks/together.py --sweep l2 [--workers 2] [--before ../earlier]

Each run is a process of its own, warm and prepared before the clock starts, as a worker's is. With
`--sweep` the runs of one of Fitting's sweeps on digits go through so many workers one after the
other, each built and traced within the time; `--before` lets another checkout take turns.
Prints images per second and their ratio, or seconds and theirs. On a busy machine, where more
processes get more of it, the ratio of CPU seconds tells more: a run alone uses at most all cores,
runs side by side use them all, so that together they train at least so many times as much. Set
PLAYGROUND_DATA.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import json, sys, time
from playground import RunSpec, train
from playground.training import loop
from playground.training.control import Control

try:
    from playground.training.traces import TRACES
    TRACES.keep()
except ImportError:
    pass  # a checkout of before
list(train(RunSpec(dataset="digits", epochs=1)))
specs = [RunSpec.from_json(each) for each in json.loads(sys.argv[1])]
prepared = loop.prepare(specs[0]) if sys.argv[2] == "prepared" else None
print("ready", flush=True)
sys.stdin.readline()
for spec in specs:
    began = time.process_time()
    *_, last = loop.run(spec, Control(), prepared)
    cpu = time.process_time() - began
    print(json.dumps({"state": last.reason, "at": time.time(), "cpu": cpu}), flush=True)
"""


def seconds(code: Path, shares: list[list[str]], prepared: bool) -> tuple[float, float]:
    """From the start of all processes, each with its specs, to the end of the last; and the CPU
    seconds of a run."""
    kind = "prepared" if prepared else "plain"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, json.dumps(share), kind],
            cwd=code,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    for child in children:
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise SystemExit("a run could not be prepared")
    began = time.time()
    for child in children:  # all of them before the first is waited for
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    said = [child.communicate()[0].splitlines() for child in children]
    ends = [json.loads(line) for lines in said for line in lines]
    if any(end["state"] != "completed" for end in ends):
        raise SystemExit("a run did not complete")
    cpu = statistics.mean(end["cpu"] for end in ends)
    return max(end["at"] for end in ends) - began, cpu


def side_by_side(options: argparse.Namespace) -> None:
    """One run alone and several together, in turns."""
    from playground import RunSpec

    spec = RunSpec(dataset=options.dataset, train_images=options.images, epochs=2, evaluations=4)
    images = spec.train_images * spec.epochs
    ratios: list[float] = []
    costs: list[float] = []
    for _ in range(options.turns):
        took, cpu_alone = seconds(ROOT, [[spec.to_json()]], prepared=True)
        alone = images / took
        shares = [[spec.model_copy(update={"seed": i}).to_json()] for i in range(options.runs)]
        took, cpu = seconds(ROOT, shares, prepared=True)
        summed = options.runs * images / took
        ratios.append(summed / alone)
        costs.append(cpu_alone / cpu)
        print(
            f"alone {alone:8,.0f}/s, {options.runs} together {summed:8,.0f}/s: {ratios[-1]:.2f} x; "
            f"CPU of a run {cpu_alone:.1f} s, {cpu:.1f} s: {costs[-1]:.3f} x",
            flush=True,
        )
    print(f"median {statistics.median(ratios):.2f} x, of CPU {statistics.median(costs):.3f} x")


def sweep(options: argparse.Namespace) -> None:
    """The runs of a sweep by some workers, of this code and of another in turns."""
    from playground import RunSpec, sweeps

    planned = sweeps.specs(sweeps.SWEEPS[options.sweep], RunSpec(dataset="digits"))
    texts = [spec.to_json() for spec in planned]
    shares = [texts[i :: options.workers] for i in range(options.workers)]
    codes = {"now": ROOT} | ({"before": Path(options.before)} if options.before else {})
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in codes}
    for _ in range(options.turns):
        for name, code in codes.items():
            found[name].append(seconds(code, shares, prepared=False))
            took, cpu = found[name][-1]
            print(f"{name:7} {took:6.1f} s, CPU of a run {cpu:.2f} s", flush=True)
    middle = {
        name: [statistics.median(x) for x in zip(*f, strict=True)] for name, f in found.items()
    }
    if options.before:
        took, cpu = (b / n for b, n in zip(middle["before"], middle["now"], strict=True))
        print(f"{took:.2f} x as fast as before, by CPU {cpu:.2f} x")


def main() -> None:
    """Measures what the options say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--sweep", default="", help="a sweep of Fitting, such as l2")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--before", default="", help="another checkout to compare with")
    options = parser.parse_args()
    if options.sweep:
        sweep(options)
    else:
        side_by_side(options)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
