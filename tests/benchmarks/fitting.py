"""The promises of the page Fitting, held against real runs: tests/benchmarks/fitting.py <what>

presets    the three nets and the five lessons over 5 seeds: numbers and verdicts
confusion  the verdict on the scripted curves of the tests, 100 draws of each
noise      loss x label noise, 3 seeds, on a part of MNIST (or: noise cifar10): likewise
descent    capacity against error under label noise: writes the stored result of the sweep
"""

import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from playground import RunSpec, models, train
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.verdicts import fit

SEEDS = range(5)
# Without decay, and for long enough that cross-entropy learns wrong labels by heart.
_LONG = {"schedule": "constant", "validation_images": 1000, "evaluations": 1, "watch_fit": True}
NOISE = {
    "mnist": {"dataset": "mnist", "train_images": 500, "batch_size": 32, "epochs": 25, **_LONG},
    "cifar10": {
        "dataset": "cifar10",
        "train_images": 2000,
        "width": 16,
        "dropout": 0.0,
        "epochs": 20,
        **_LONG,
    },
}
ROBUST = (
    "categorical_crossentropy",
    "gce",
    "sce",
    "mae_robust",
)
STORED = Path(__file__).parents[2] / "playground" / "analysis" / "descent.json"
# Nakkiran et al., "Deep double descent", ICLR 2020: width against error, with wrong labels.
NETS = ((2, 2), (2, 4), *((width, 4 * width) for width in (2, 4, 6, 8, 12, 16, 24, 32, 48, 64)))
DESCENT = {
    "dataset": "digits",
    "train_images": 400,
    "validation_images": 1000,
    "label_noise": 0.2,
    "depth": 2,
    "epochs": 120,
    "schedule": "constant",
    "evaluations": 1,
    "watch_fit": True,
}


def run(store: Store, spec: RunSpec) -> tuple[fit.Curves, fit.Verdict, dict[str, float]]:
    """Trains a spec and reads what the store then has of it."""
    run_id = store.create(spec, "benchmark", "preparing")
    for event in train(spec):
        if type(event).__name__ != "Snapshot":
            store.record(run_id, event)
    record = store.run(run_id)
    assert record is not None
    curves = fit.read(store, record)
    return curves, fit.judge(curves), record.metrics


def spread(values: list[float]) -> str:
    return f"{100 * np.mean(values):5.1f} ± {100 * np.std(values):3.1f}"


def presets(store: Store) -> None:
    from pages.parts.lessons import LESSONS, TRIO

    cases = dict(TRIO) | {f"lesson {each.title}": each.spec for each in LESSONS}
    for name, spec in cases.items():
        if len(sys.argv) > 2 and sys.argv[2] not in name:
            continue
        rows, kinds, began = [], Counter(), time.perf_counter()
        for seed in SEEDS:
            curves, verdict, metrics = run(store, RunSpec(**{**spec.model_dump(), "seed": seed}))
            kinds[verdict.kind] += 1
            best = int(np.nanargmin(curves.validation_nll))
            space = fit.gap(curves)
            rows.append(
                (
                    curves.train_accuracy[-1],
                    curves.validation_accuracy[-1],
                    curves.validation_accuracy[best],
                    metrics["test_accuracy"],
                    space.accuracy[-1],
                    0.0 if curves.given is None else curves.given[-1],
                    curves.validation_nll[-1] / 100,
                    curves.validation_nll[best] / 100,
                    curves.validation_ece[-1],
                )
            )
        seconds = (time.perf_counter() - began) / len(SEEDS)
        words = ("train", "validation", "at best", "test", "gap", "wrong learned", "NLL", "least",
                 "ECE")  # fmt: skip
        told = "  ".join(
            f"{word} {spread(list(column))}"
            for word, column in zip(words, zip(*rows, strict=True), strict=True)
        )
        print(f"{name:24s} {told}  {dict(kinds)}  {seconds:.1f} s a run", flush=True)


def confusion(_: Store) -> None:
    from tests.playground.verdicts.scripted import STORIES

    table: dict[str, Counter[str]] = {}
    for deserved, story in STORIES.values():
        for seed in range(100):
            said = fit.judge(story(np.random.default_rng(seed))).kind
            table.setdefault(deserved, Counter())[said] += 1
    kinds = [kind for kind in fit.KINDS if any(kind in (d, *table[d]) for d in table)]
    print(f"{'deserved / said':14s}" + "".join(f"{kind:>14s}" for kind in kinds))
    for deserved in filter(table.__contains__, fit.KINDS):
        print(f"{deserved:14s}" + "".join(f"{table[deserved][said]:14d}" for said in kinds))


def descent(store: Store) -> None:
    rows = []
    for width, embedding in NETS:
        found = []
        for seed in range(3):
            spec = RunSpec(**{**DESCENT, "width": width, "embedding": embedding, "seed": seed})
            curves, _, metrics = run(store, spec)
            found.append(
                [
                    1 - curves.train_accuracy[-1],
                    1 - curves.validation_accuracy[-1],
                    1 - np.nanmax(curves.validation_accuracy),
                    1 - metrics["test_accuracy"],
                ]
            )
        row = [width, models.parameter_count(spec), *np.mean(found, axis=0).round(4).tolist()]
        rows.append([*row, round(float(np.std([each[1] for each in found])), 4)])
        print(rows[-1], flush=True)
    names = ("width", "weights", "train", "held_out", "held_out_best", "test", "held_out_spread")
    STORED.write_text(json.dumps({"spec": DESCENT, "seeds": 3, "names": names, "rows": rows}))


def noise(store: Store) -> None:
    dataset = sys.argv[2] if len(sys.argv) > 2 else "mnist"
    seeds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    found: dict[tuple[float, str], list[list[float]]] = {}
    began = time.perf_counter()
    for seed in range(seeds):
        for rate in (0.0, 0.2, 0.4, 0.6):
            for loss in ROBUST:
                values = {**NOISE[dataset], "loss": loss, "label_noise": rate, "seed": seed}
                curves, _, metrics = run(store, RunSpec(**values))
                held = curves.validation_accuracy
                said = np.nan if curves.given is None else curves.given[-1]
                numbers = [metrics["test_accuracy"], np.nanmax(held), held[-1], said]
                found.setdefault((rate, loss), []).append(numbers)
                print(seed, rate, loss, np.round(numbers, 4).tolist(), flush=True)
        write_noise(dataset, seed + 1, time.perf_counter() - began, found)


def write_noise(dataset: str, seeds: int, seconds: float, found: dict) -> None:
    """What is known after so many seeds: means, and the spread of the test accuracy."""
    rows = []
    for (rate, loss), numbers in found.items():
        mean, spreads = np.mean(numbers, axis=0), np.std(numbers, axis=0)
        plain = [None if np.isnan(each) else round(float(each), 4) for each in mean]
        rows.append([rate, loss, *plain, round(float(spreads[0]), 4)])
    names = ("noise", "loss", "test", "held_out_best", "held_out", "given", "test_spread")
    told = {"spec": NOISE[dataset], "seeds": seeds, "seconds": round(seconds), "names": names}
    STORED.with_name(f"noise_{dataset}.json").write_text(json.dumps({**told, "rows": rows}) + "\n")


if __name__ == "__main__":
    commands = {"presets": presets, "confusion": confusion, "descent": descent, "noise": noise}
    with tempfile.TemporaryDirectory() as home, closing(open_store(Settings(home=home))) as store:
        commands[sys.argv[1]](store)
