"""Who takes part in `speed.py`: each trains a spec and says how fast, cold and warm."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground import RunSpec

SECONDS = 3.0  # of a warm contender that are measured
FIRST = 20  # steps that "cold" goes up to


@dataclass(frozen=True)
class Entry:
    """A contender: the packages that it needs, and what measures it."""

    group: str
    package: str
    precision: str
    measure: Callable[[RunSpec, float], dict[str, float]]


def playground(spec: RunSpec, began: float) -> dict[str, float]:
    """All epochs but the first of a run with every report, evaluation and strip that it makes."""
    from playground import train
    from playground.training.events import Evaluated, Progress, Started

    marks: list[float] = []
    images, cold = 0, 0.0
    for event in train(spec):
        if isinstance(event, Started):
            images = event.train_images // spec.batch_size * spec.batch_size
        if isinstance(event, Progress) and not cold and event.step >= FIRST:
            cold = time.time() - began
        if isinstance(event, Evaluated) and event.split == "validation" and event.full:
            marks.append(time.perf_counter())
    return {"rate": images * (len(marks) - 1) / (marks[-1] - marks[0]), "cold": cold}


def _timed(advance: Callable[[int], None], batch: int, began: float) -> dict[str, float]:
    """Of what trains so many steps: cold, and warm for `SECONDS`, by the half-second."""
    advance(FIRST)
    cold = time.time() - began
    before = time.perf_counter()
    advance(FIRST)
    steps = max(FIRST, int(FIRST * 0.5 / (time.perf_counter() - before)))
    taken, before = 0, time.perf_counter()
    while (passed := time.perf_counter() - before) < SECONDS:
        advance(steps)
        taken += steps
    return {"rate": taken * batch / (passed or 1.0), "cold": cold}


def _split(spec: RunSpec) -> tuple[Any, Any, int]:
    from playground import datasets, models

    dataset = datasets.load(spec.dataset)
    split = datasets.split(dataset, spec)
    known = models.pixel_statistics(split.train_images, spec.normalise)
    return split, known, len(dataset.class_names)


def keras_fit(jit: bool | str, at_once: int) -> Callable[[RunSpec, float], dict[str, float]]:
    """`model.fit` with its loss and accuracy, no validation, no callback."""

    def measure(spec: RunSpec, began: float) -> dict[str, float]:
        import keras

        from playground import models
        from playground.training import optimizers

        keras.utils.set_random_seed(spec.seed)
        split, known, classes = _split(spec)
        model = models.build(spec, known)
        model.compile(
            optimizer=optimizers.build(spec),
            loss="categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=jit,
            steps_per_execution=at_once,
        )
        images = split.train_images.astype("float32")
        targets = np.eye(classes, dtype="float32")[split.train_labels]

        def advance(steps: int) -> None:
            done = 0
            while done < steps:
                count = min(steps - done, len(images) // spec.batch_size)
                part = slice(count * spec.batch_size)
                model.fit(images[part], targets[part], spec.batch_size, epochs=1, verbose=0)
                done += count

        return _timed(advance, spec.batch_size, began)

    return measure


def _modules(plan: Any, spec: RunSpec, channels: int) -> list[Any]:
    """A plan's layers as PyTorch's, of images of so many channels."""
    from torch import nn

    made: list[nn.Module] = []
    flat = 0
    for layer in plan:
        if layer.kind == "Conv2D":
            wide = layer.shape[-1]
            made.append(nn.Conv2d(channels, wide, 3, padding=1, bias=not spec.batch_norm))
            channels = wide
        elif layer.kind == "BatchNormalization":
            made.append(nn.BatchNorm2d(channels))
        elif layer.kind == "MaxPooling2D":
            made.append(nn.MaxPool2d(2, ceil_mode=True))
        elif layer.kind == "Activation":
            made.append(nn.ReLU())
        elif layer.kind == "Flatten":
            made.append(nn.Flatten())
            flat = layer.shape[0]
        elif layer.kind == "Dropout":
            made.append(nn.Dropout(spec.dropout))
        elif layer.name == "features":
            made += [nn.Linear(flat, spec.embedding), nn.ReLU()]
        elif layer.name == "logits":
            made.append(nn.Linear(spec.embedding, layer.shape[0]))
    return made


def pytorch(compiled: bool, bfloat16: bool) -> Callable[[RunSpec, float], dict[str, float]]:
    """The plain loop in channels_last with the fused optimiser, which reads loss and accuracy
    every step as `fit` does."""

    def measure(spec: RunSpec, began: float) -> dict[str, float]:
        import torch
        from torch import nn

        from playground import models

        torch.manual_seed(spec.seed)
        torch.set_num_threads(os.cpu_count() or 1)
        split, known, _ = _split(spec)
        made = _modules(models.plan(spec), spec, split.train_images.shape[-1])
        model: Any = nn.Sequential(*made).to(memory_format=torch.channels_last).train()
        optimizer = torch.optim.Adam(model.parameters(), spec.learning_rate, fused=True)
        if compiled:
            model = torch.compile(model)
        objective = nn.CrossEntropyLoss()
        images = torch.from_numpy(split.train_images)
        labels = torch.from_numpy(split.train_labels.astype(np.int64))
        mean, spread = torch.from_numpy(known.mean), torch.from_numpy(np.sqrt(known.variance))

        def advance(steps: int) -> None:
            order = torch.randint(0, len(images), (steps, spec.batch_size))
            for batch in order:
                pixels = ((images[batch].float() - mean) / spread).permute(0, 3, 1, 2)
                target = labels[batch]
                optimizer.zero_grad()
                with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                    logits = model(pixels)
                loss = objective(logits.float(), target)
                loss.backward()
                optimizer.step()
                loss.item(), (logits.argmax(1) == target).float().mean().item()

        return _timed(advance, spec.batch_size, began)

    return measure


def jax_loop(bfloat16: bool) -> Callable[[RunSpec, float], dict[str, float]]:
    """A jitted step over images that stay on the device, with donated weights."""

    def measure(spec: RunSpec, began: float) -> dict[str, float]:
        from tests.benchmarks.in_jax import stepper

        split, known, classes = _split(spec)
        return _timed(stepper(spec, split, known, classes, bfloat16), spec.batch_size, began)

    return measure


EXACT, MIXED = "float32", "mixed_bfloat16"
ALL: dict[str, Entry] = {
    f"{name}, {'bfloat16' if precision == MIXED else 'float32'}": Entry(
        group, package, precision, maker(precision == MIXED)
    )
    for name, group, package, maker in (
        ("the playground", "playground", "tensorflow", lambda mixed: playground),
        ("PyTorch", "pytorch", "torch", lambda mixed: pytorch(False, mixed)),
        ("torch.compile", "compile", "torch", lambda mixed: pytorch(True, mixed)),
        ("`model.fit`", "keras", "keras", lambda mixed: keras_fit("auto", 1)),
        ("`model.fit`, no XLA", "keras", "keras", lambda mixed: keras_fit(False, 1)),
        ("`model.fit`, no XLA, 32 steps at once", "keras", "keras",
         lambda mixed: keras_fit(False, 32)),
        ("JAX, jitted step", "jax", "jax", jax_loop),
    )
    for precision in (EXACT, MIXED)
}  # fmt: skip
