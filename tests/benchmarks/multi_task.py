"""What Multi-task reaches, what each weighting does to its heads, and how fast it is.

    python tests/benchmarks/multi_task.py seeds        the default spec, over seeds
    python tests/benchmarks/multi_task.py weightings   one run for each way of weighting the terms
    python tests/benchmarks/multi_task.py alone        the pair's loss without the class heads
    python tests/benchmarks/multi_task.py speed        beside the same network in model.fit, which
                                                       has a process and TensorFlow's threads of its
                                                       own, as at home; --our-threads: ours

Each ends within four minutes on two quiet cores. Set PLAYGROUND_DATA.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playground import Control, RunSpec, datasets, train
from playground.training import loop
from playground.training.events import Evaluated, Failed, Progress, Started
from playground.training.siamese import SiameseWork

WEIGHTINGS = ("fixed", "uncertainty", "gradnorm", "averaging", "surgery")
ALONE = "binary_cross_entropy(same, p_same)"


def main() -> None:
    """Prints what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["seeds", "weightings", "alone", "speed", "fit"])
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--images", type=int, default=0, help="to train on and hold out; 0: all")
    parser.add_argument("--our-threads", action="store_true", help="for model.fit as well")
    asked = parser.parse_args()
    own: dict[str, Any] = {"task": "siamese", "dataset": asked.dataset, "epochs": asked.epochs}
    own["train_images"] = asked.images
    if asked.what == "speed":
        beside(RunSpec(**{**own, "epochs": 1, "evaluations": 1}), asked.turns, asked.our_threads)
        return
    if asked.what == "fit":
        fit(RunSpec(**own), asked.our_threads)
        return
    print(f"{'':14} {'left':>7} {'right':>7} {'verif.':>7} {'EER':>7}  seconds  last weights")
    for seed in range(asked.seeds if asked.what == "seeds" else 0):
        row(f"seed {seed}", RunSpec(**own, seed=seed))
    for name in WEIGHTINGS if asked.what == "weightings" else ():
        row(name, RunSpec(**own, weighting=name))
    if asked.what == "alone":
        row("pairs alone", RunSpec(**own, loss=ALONE))


def row(name: str, spec: RunSpec) -> None:
    """A run's numbers on the test images, and the weights that its terms had at last."""
    began, test, weights = time.perf_counter(), {}, []
    for event in train(spec):
        if isinstance(event, Started):
            began = time.perf_counter()
        if isinstance(event, Failed):
            raise SystemExit(event.message)
        if isinstance(event, Evaluated) and event.split == "test":
            test = event.metrics
        elif isinstance(event, Evaluated):
            weights = [v for k, v in event.metrics.items() if k.endswith("_weight")]
    shown = " ".join(
        f"{100 * test[key]:6.2f}%" for key in ("left", "right", "verification", "equal_error")
    )
    last = " ".join(f"{weight:.2f}" for weight in weights)
    print(f"{name:14} {shown}  {time.perf_counter() - began:7.1f}  {last}", flush=True)


def beside(spec: RunSpec, turns: int, our_threads: bool) -> None:
    """An epoch of ours and of `model.fit` on the same network, whose pairs were drawn before."""
    ours, theirs = [], []
    command = [sys.executable, __file__, "fit", "--dataset", spec.dataset]
    command += ["--images", str(spec.train_images), *(["--our-threads"] if our_threads else [])]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        for turn in range(turns + 1):
            ours.append(epoch(spec))
            print("epoch", file=other.stdin, flush=True)
            theirs.append(float(other.stdout.readline()))
            said = " (with what is paid once; not counted)" if not turn else ""
            print(f"{turn}  ours {ours[-1]:6.2f} s  fit {theirs[-1]:6.2f} s{said}", flush=True)
        other.stdin.close()
    ratio = statistics.median(theirs[1:]) / statistics.median(ours[1:])
    print(f"{ratio:.2f} times the images a second of model.fit")


def fit(spec: RunSpec, our_threads: bool) -> None:
    """Trains an epoch by `model.fit` for each line that comes in, and prints its seconds."""
    if not our_threads:
        import tensorflow as tf

        # As TensorFlow has them by itself: our loop sets its own when it is imported.
        tf.config.threading.set_intra_op_parallelism_threads(0)
        tf.config.threading.set_inter_op_parallelism_threads(0)
    model, given = by_keras(spec)
    for _ in sys.stdin:
        began = time.perf_counter()
        model.fit(*given, batch_size=spec.batch_size, epochs=1, verbose=0)
        print(time.perf_counter() - began, flush=True)


def epoch(spec: RunSpec) -> float:
    """Seconds from the first step to the last, of a run that was prepared as a worker does."""
    prepared = loop.prepare(spec)
    began = ended = time.perf_counter()
    for event in loop.run(spec, Control(), prepared):
        if isinstance(event, Started):
            began = time.perf_counter()
        if isinstance(event, Failed):
            raise SystemExit(event.message)
        if isinstance(event, Progress):
            ended = time.perf_counter()
    return ended - began


def by_keras(spec: RunSpec) -> tuple[Any, tuple[Any, Any]]:
    """The network of Keras' own layers, compiled by its outputs, and pairs for an epoch."""
    import keras

    from playground import models

    work = SiameseWork(spec, datasets.load(spec.dataset))
    network = models.connect(spec, work.statistics, training=False).model
    rows = work.rows_of("train")
    sparse = "sparse_categorical_crossentropy"
    network.compile(
        optimizer=keras.optimizers.Adam(spec.learning_rate),
        loss=[sparse] * 3,
        loss_weights=[1.0, 1.0, 0.5],
        jit_compile=False,
    )
    same = (rows["labels"] == rows["partner_labels"]).astype("int64")
    images = [rows["images"].astype(np.float32), rows["partners"].astype(np.float32)]
    return network, (images, [rows["labels"], rows["partner_labels"], same])


if __name__ == "__main__":
    main()
