"""The recorded runs: their specs, what is written down of one, and a store full of them."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from playground import datasets
from playground.runs.store import Store
from playground.spec import RunSpec
from playground.training.control import Control
from playground.training.events import Evaluated, Event, Finished, Progress, Snapshot, Started

CENTER = "λ = 0.01  # 0..1\ncross_entropy() + λ * center()"
SMALL: dict[str, Any] = {"width": 8, "embedding": 16, "epochs": 1, "evaluations": 2}
SPECS: dict[str, RunSpec] = {
    name: RunSpec(**{**SMALL, **fields})
    for name, fields in {
        "mnist": {"dataset": "mnist", "train_images": 1000},
        "cifar10": {"dataset": "cifar10", "train_images": 600, "seed": 1},
        "fashion_mnist": {"dataset": "fashion_mnist", "train_images": 600, "normalise": "channel"},
        "digits": {"dataset": "digits", "optimizer": "momentum", "learning_rate": 0.05},
        "center": {
            "dataset": "digits",
            "loss": CENTER,
            "loss_parameters": {"λ": 0.1},
            "embedding": 2,
            "linear_embedding": True,
            "center_rate": 0.3,
            "epochs": 2,
        },
        "label_noise": {
            "dataset": "digits",
            "label_noise": 0.3,
            "watch_fit": True,
            "epochs": 2,
            "seed": 3,
        },
        "mixup": {"dataset": "digits", "mixup": 0.4, "flip": True, "shift": 1, "crop": 0.1},
        "early_stopping": {
            "dataset": "digits",
            "train_images": 200,
            "learning_rate": 0.1,
            "patience": 2,
            "epochs": 12,
        },
        "imbalance": {
            "dataset": "digits",
            "imbalance": 10.0,
            "train_images": 900,
            "validation_images": 300,
            "dropout": 0.3,
            "l2": 1e-4,
            "batch_norm": True,
        },
        "own_metric": {
            "dataset": "digits",
            "metrics": ("mean(sum(square(y_true - y_pred), axis=-1))", "macro_f1"),
            "model": "lenet",
            "activation": "prelu",
            "precision": "mixed_bfloat16",
        },
    }.items()
}


CURVES = ("accuracy", "gradient_norm", "learning_rate", "loss")  # those there have always been


def described(spec: RunSpec) -> dict[str, Any]:
    """A spec as JSON, URL and digest."""
    return {"spec": spec.to_json(), "query": spec.to_query(), "digest": spec.digest}


def trained(spec: RunSpec) -> dict[str, Any]:
    """Trains a run and returns what is written down of it."""
    from playground.training.loop import run

    with mock.patch.object(datasets, "load", _load):
        return summed_up(run(spec, Control()))


def summed_up(events: Iterable[Event]) -> dict[str, Any]:
    """Of a run's events: the exact numbers of every evaluation and of the end, and digests of the
    curves, the evaluations' arrays and the last weights."""
    curves, evaluations, weights, end = defaultdict(list), [], {}, {}
    arrays = hashlib.sha256()
    for event in events:
        if isinstance(event, Started):
            assert event.steps, "a run of no steps"
        elif isinstance(event, Progress):
            for name, values in event.series.items():
                curves[name].append(values)
        elif isinstance(event, Evaluated):
            numbers = {name: float(value).hex() for name, value in sorted(event.metrics.items())}
            evaluations.append({"step": event.step, "split": event.split, "metrics": numbers})
            for name in sorted(event.arrays):
                arrays.update(np.ascontiguousarray(event.arrays[name]).tobytes())
        elif isinstance(event, Snapshot):
            weights = event.arrays
        elif isinstance(event, Finished):
            end = {name: float(value).hex() for name, value in sorted(event.metrics.items())}
    return {
        "end": end,
        "evaluations": evaluations,
        "arrays": arrays.hexdigest()[:16],
        "curves": {name: _digest(np.concatenate(curves[name])) for name in CURVES},
        "weights": _digest(*(weights[name] for name in sorted(weights))),
    }


def _digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(map(np.ndarray.tobytes, arrays))).hexdigest()[:16]


def _load(name: str, on_progress: Any = None) -> datasets.Dataset:
    """As `datasets.load`; Fashion-MNIST, which need not be here, is digits drawn larger."""
    if name != "fashion_mnist":
        return _real_load(name, on_progress)
    digits, known = _real_load("digits"), datasets.source_of(name)
    parts = []
    for rows in (digits.rows, digits.test_rows):
        larger = rows["images"].repeat(3, 1).repeat(3, 2)
        larger = np.pad(larger, ((0, 0), (2, 2), (2, 2), (0, 0)))
        parts.append({"images": larger, "labels": rows["labels"]})
    return datasets.Dataset(name, known.title, *parts, known.class_names)


_real_load = datasets.load


def write_store(folder: Path) -> None:
    """A store with four runs: plain, with centres and changed midway, ended early, and broken."""
    from playground.training.loop import run

    tiny: dict[str, Any] = {**SMALL, "dataset": "digits", "train_images": 200, "width": 2}
    runs: list[tuple[RunSpec, list[tuple[Any, ...]]]] = [
        (RunSpec(**tiny), []),
        (
            RunSpec(**{**tiny, "loss": CENTER, "embedding": 2, "epochs": 4}),
            [
                ("pause",),
                ("change", "rate", "learning_rate", 0.001),
                ("change", "rate", "center_rate", 0.25),
                ("change", "parameter", "λ", 0.5),
                ("resume",),
                ("change", "loss", "", '{"loss": "brier", "loss_parameters": {}}'),
            ],
        ),
        (RunSpec(**{**tiny, "patience": 1, "epochs": 12, "learning_rate": 0.1}), []),
        (RunSpec(**{**tiny, "loss": "log(-mean(y_pred))"}), []),
    ]
    url = f"sqlite:///{(folder / 'playground.sqlite').as_posix()}"
    with closing(Store(url, folder / "runs", 2**16)) as store:
        for spec, commands in runs:
            run_id, control = store.create(spec, "somebody"), Control(attended=False)
            waiting = list(commands)
            for event in run(spec, control):
                store.record(run_id, event)
                if waiting and isinstance(event, Evaluated):
                    while waiting:
                        control.send(*waiting.pop(0))
