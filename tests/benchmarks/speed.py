"""Images per second: the playground with all it reports, Keras' `model.fit`, a plain PyTorch loop.

    python tests/benchmarks/speed.py [--dataset mnist] [--images N] [--repeats 5]

The same network, images, batch size, optimiser and precision for all. Each contender is a process
of its own, the contenders take turns, and what counts is the ratio of the medians: machines are
noisy, turns are fair. Set PLAYGROUND_DATA. PyTorch takes part where it is installed.
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


def spec_of(dataset: str, images: int) -> RunSpec:
    """What all contenders train; a constant learning rate, so that none pays for a schedule."""
    return RunSpec(dataset=dataset, train_images=images, epochs=2, schedule="constant")


def playground(spec: RunSpec) -> float:
    """The second epoch of a run with every report, evaluation and strip it makes."""
    from playground import train
    from playground.training.events import Evaluated, Started

    marks: list[float] = []
    images = 0
    for event in train(spec):
        if isinstance(event, Started):
            images = event.train_images // spec.batch_size * spec.batch_size
        if isinstance(event, Evaluated) and event.split == "validation" and event.full:
            marks.append(time.perf_counter())
    return images / (marks[1] - marks[0])


def keras_fit(spec: RunSpec, jit: bool | str = "auto") -> float:
    """`model.fit` with its loss and accuracy, no validation, no callback."""
    import keras
    import numpy as np

    from playground import datasets, models
    from playground.training import optimizers

    keras.utils.set_random_seed(spec.seed)
    dataset = datasets.load(spec.dataset)
    split = datasets.split(dataset, spec)
    model = models.build(spec, models.pixel_statistics(split.train_images, spec.normalise))
    model.compile(
        optimizer=optimizers.build(spec),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=jit,
    )
    count = len(split.train_images) // spec.batch_size * spec.batch_size
    images = split.train_images[:count].astype("float32")
    targets = np.eye(len(dataset.class_names), dtype="float32")[split.train_labels[:count]]
    model.fit(images, targets, spec.batch_size, epochs=1, verbose=0)
    began = time.perf_counter()
    model.fit(images, targets, spec.batch_size, epochs=1, verbose=0)
    return count / (time.perf_counter() - began)


def keras_fit_without_xla(spec: RunSpec) -> float:
    """`model.fit` as a knowing user sets it on a CPU: `jit_compile=False`."""
    return keras_fit(spec, jit=False)


def pytorch(spec: RunSpec) -> float:
    """The plain eager loop, channels_last, reading loss and accuracy every step as fit does."""
    import numpy as np
    import torch
    from torch import nn

    from playground import datasets, models

    torch.manual_seed(spec.seed)
    torch.set_num_threads(os.cpu_count() or 1)
    dataset = datasets.load(spec.dataset)
    split = datasets.split(dataset, spec)
    statistics_ = models.pixel_statistics(split.train_images, spec.normalise)
    layers: list[nn.Module] = []
    channels = split.train_images.shape[-1]
    for layer in models.plan(spec):
        if layer.kind == "Conv2D":
            layers.append(
                nn.Conv2d(channels, layer.shape[-1], 3, padding=1, bias=not spec.batch_norm)
            )
            channels = layer.shape[-1]
        elif layer.kind == "BatchNormalization":
            layers.append(nn.BatchNorm2d(channels))
        elif layer.kind == "MaxPooling2D":
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        elif layer.kind == "Activation":
            layers.append(nn.ReLU())
        elif layer.kind == "Flatten":
            layers.append(nn.Flatten())
            flat = layer.shape[0]
        elif layer.kind == "Dropout":
            layers.append(nn.Dropout(spec.dropout))
        elif layer.name == "features":
            layers += [nn.Linear(flat, spec.embedding), nn.ReLU()]
        elif layer.name == "logits":
            layers.append(nn.Linear(spec.embedding, layer.shape[0]))
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), spec.learning_rate)
    objective = nn.CrossEntropyLoss()
    images = torch.from_numpy(split.train_images.transpose(0, 3, 1, 2).copy())
    labels = torch.from_numpy(split.train_labels.astype(np.int64))
    mean = torch.from_numpy(statistics_.mean.transpose(2, 0, 1).copy())
    spread = torch.from_numpy(np.sqrt(statistics_.variance).transpose(2, 0, 1).copy())
    count = len(images) // spec.batch_size * spec.batch_size

    def epoch() -> None:
        model.train()
        for batch in torch.randperm(len(images))[:count].reshape(-1, spec.batch_size):
            pixels = (images[batch].float() - mean) / spread
            target = labels[batch]
            optimizer.zero_grad()
            logits = model(pixels.to(memory_format=torch.channels_last))
            loss = objective(logits, target)
            loss.backward()
            optimizer.step()
            loss.item(), (logits.argmax(1) == target).float().mean().item()

    epoch()
    began = time.perf_counter()
    epoch()
    return count / (time.perf_counter() - began)


CONTENDERS = {
    "playground": playground,
    "model.fit": keras_fit,
    "model.fit, jit_compile=False": keras_fit_without_xla,
    "PyTorch eager": pytorch,
}


def main() -> None:
    """Lets the contenders take turns and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--images", type=int, default=0, help="0: all of the training images")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(CONTENDERS[arguments.only](spec_of(arguments.dataset, arguments.images))))
        return
    names = [
        name
        for name in CONTENDERS
        if name != "PyTorch eager" or importlib.util.find_spec("torch") is not None
    ]
    speeds: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(arguments.repeats):
        for name in names:
            command = [sys.executable, __file__, "--only", name]
            command += ["--dataset", arguments.dataset, "--images", str(arguments.images)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
            speeds[name].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"{repeat + 1}  {name:30} {speeds[name][-1]:8,.0f} images/s", flush=True)
    ours = statistics.median(speeds["playground"])
    print(f"\n{'median of ' + str(arguments.repeats):33} {ours:8,.0f} images/s  playground")
    for name in names[1:]:
        median = statistics.median(speeds[name])
        print(f"{'':33} {median:8,.0f} images/s  {name}: playground is {ours / median:.2f} ×")


if __name__ == "__main__":
    main()
