"""The loss language: how long a text takes to check, and what a written loss costs in training.

    python tests/benchmarks/language.py [--steps 40] [--repeats 7]

The checks are of the accepted reference texts, in a warm process. A written loss and the same loss
in Keras' own words train the playground's default network in turns, in one process; what counts is
the median of the ratios of neighbours: machines are noisy, turns are fair. Set PLAYGROUND_DATA.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "losses")]

import reference  # noqa: E402

import losses  # noqa: E402

FOCAL = "gamma = 2.0\npt = sum(y_true * y_pred, axis=-1)\n-(1 - pt)**gamma * log(pt)"
TEXTS = {
    "cross-entropy": "-sum(y_true * log(y_pred), axis=-1)",
    "squared error": "mean(square(y_true - y_pred), axis=-1)",
    "focal": FOCAL,
    "Dice": "1 - (2 * sum(y_true * y_pred, axis=-1) + 1)"
    " / (sum(y_true, axis=-1) + sum(y_pred, axis=-1) + 1)",
    "from logits": "logsumexp(logits, axis=-1) - sum(y_true * logits, axis=-1)",
}


def in_keras(name: str, y: Any, p: Any, z: Any) -> Any:
    """The same losses by hand; the logarithm of a probability guarded as Keras guards it."""
    import keras
    from keras import ops

    pt = ops.sum(y * ops.clip(p, 1e-7, 1 - 1e-7), axis=-1)
    values: dict[str, Callable[[], Any]] = {
        "cross-entropy": lambda: keras.losses.categorical_crossentropy(y, p),
        "squared error": lambda: keras.losses.mean_squared_error(y, p),
        "focal": lambda: -((1 - pt) ** 2.0) * ops.log(pt),
        "Dice": lambda: (
            1 - (2 * ops.sum(y * p, axis=-1) + 1) / (ops.sum(y, axis=-1) + ops.sum(p, axis=-1) + 1)
        ),
        "from logits": lambda: ops.logsumexp(z, axis=-1) - ops.sum(y * z, axis=-1),
    }
    return ops.mean(values[name]())


def of_checks() -> None:
    """Median and 95th percentile over the texts, each the median of five checks."""
    texts = [e["text"] for e in reference.lines("loss_language.jsonl") if e["expect"] == "accept"]
    for numeric in (False, True):
        times = []
        for text in texts:
            losses.check(text, numeric=numeric)
            spent = []
            for _ in range(5):
                began = time.process_time()
                losses.check(text, numeric=numeric)
                spent.append(1000 * (time.process_time() - began))
            times.append(statistics.median(spent))
        times.sort()
        middle, late = times[len(times) // 2], times[int(len(times) * 0.95)]
        kind = "with the probe" if numeric else "without numbers"
        print(f"check {kind}: median {middle:.1f} ms of CPU, p95 {late:.1f} ms, {len(texts)} texts")


def step_of(loss_of: Callable[[Any, Any, Any], Any], spec: Any, shape: tuple, classes: int) -> Any:
    """A compiled training step of the playground's network with a loss of (y, p, z)."""
    import keras
    import numpy as np
    import tensorflow as tf

    from playground import models
    from playground.training import optimizers

    keras.utils.set_random_seed(0)
    blank = np.zeros((2, *shape), "uint8")
    model = models.build(spec, models.pixel_statistics(blank, "unit"))
    network = keras.Model(model.input, model.get_layer("logits").output)
    optimizer = optimizers.build(spec)
    optimizer.build(network.trainable_variables)

    @tf.function
    def step(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            z = network(images, training=True)
            value = loss_of(tf.one_hot(labels, classes), tf.nn.softmax(z), z)
        slopes = tape.gradient(value, network.trainable_variables)
        optimizer.apply(slopes, network.trainable_variables)
        return value

    return step


def of_training(steps: int, repeats: int) -> None:
    import tensorflow as tf

    from playground import RunSpec, datasets

    spec = RunSpec(dataset="mnist", train_images=2048, schedule="constant", normalise="unit")
    split = datasets.split(datasets.load(spec.dataset), spec)
    images = tf.constant(split.train_images[: spec.batch_size], tf.float32)
    labels = tf.constant(split.train_labels[: spec.batch_size], tf.int32)
    shape = split.train_images.shape[1:]
    for name, text in TEXTS.items():
        loss = losses.compile_loss(text, probe=False)
        written = step_of(
            lambda y, p, z, loss=loss: loss.on({"y_true": y, "y_pred": p, "logits": z}),
            spec, shape, 10,
        )  # fmt: skip
        direct = step_of(
            lambda y, p, z, name=name: in_keras(name, y, p, z), spec, shape, 10
        )  # fmt: skip
        ratios = []
        for turn in range(repeats + 1):
            seconds = {}
            for step in (written, direct) if turn % 2 else (direct, written):
                began = time.perf_counter()
                for _ in range(steps):
                    value = step(images, labels)
                float(value)
                seconds[step] = time.perf_counter() - began
            if turn:  # the first turn traces
                ratios.append(seconds[direct] / seconds[written])
        print(f"{name}: {statistics.median(ratios):.3f} of the speed of the same loss in Keras")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    of_checks()
    of_training(options.steps, options.repeats)


if __name__ == "__main__":
    main()
