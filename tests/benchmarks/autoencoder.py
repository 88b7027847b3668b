"""Keras' example of a variational autoencoder, beside its own train_step under `model.fit`.

    python tests/benchmarks/autoencoder.py              loss after 10 epochs, and the speed
    python tests/benchmarks/autoencoder.py --epochs 30 --pairs 0 --falling    the other preset
    python tests/benchmarks/autoencoder.py --pairs 3 --epochs 0    the speed alone
    python tests/benchmarks/autoencoder.py --looks      how long the page waits for its looks
    python tests/benchmarks/autoencoder.py --of-example    the losses of the example itself

The example (keras.io/examples/generative/vae) prints the mean of an epoch's training losses, of
drawn codes: so is what is printed here, 152.2 after 10 epochs and 147.0 after 30 there. The
speeds are of --steps steps, both in turns, a process each.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[2]


def learned(epochs: int, seed: int, falling: bool) -> None:
    """Trains the preset, or that of the falling rate, and prints each epoch's mean loss and parts,
    and the test ELBO."""
    import numpy as np

    from playground import train
    from playground.autoencoders import keras_example
    from playground.training.events import Evaluated, Progress, Started

    wanted = ("loss", "reconstruction", "divergence")
    seen: dict[str, list[Any]] = {name: [] for name in wanted}
    per_epoch, said, began = 0, 0, time.perf_counter()
    for event in train(keras_example(epochs, falling).model_copy(update={"seed": seed})):
        if isinstance(event, Started):
            per_epoch = event.steps_per_epoch
        if isinstance(event, Progress):
            for name in wanted:
                seen[name].append(event.series[name])
        if isinstance(event, Evaluated) and event.split == "test":
            print("test images, at the code's mean:", event.metrics, flush=True)
        if not per_epoch or not seen["loss"]:
            continue
        joined = {name: np.concatenate(each) for name, each in seen.items()}
        while (said + 1) * per_epoch <= len(joined["loss"]):
            part = slice(said * per_epoch, (said + 1) * per_epoch)
            said += 1
            means = ", ".join(f"{name} {joined[name][part].mean():.2f}" for name in wanted)
            print(f"epoch {said}: {means}; {time.perf_counter() - began:.0f} s", flush=True)


def looks() -> None:
    """Prints how long the preset's network takes for what the page draws of it."""
    import numpy as np

    from playground import models
    from playground.analysis import latent
    from playground.analysis.network import network
    from playground.autoencoders import keras_example

    spec = keras_example()
    weights = {each.path: each.numpy() for each in models.connect(spec).model.weights}
    weights |= models.pixel_statistics(np.zeros((1, 28, 28, 1), np.uint8), "unit").as_arrays()
    seen = network(spec.to_json(), weights, 546, 1)
    code, places = latent.Code(seen), np.random.default_rng(0).normal(size=(latent.GRID**2, 2))
    for name, look in {
        "the decoder's grid": lambda: code.decode(places, np.zeros(len(places))),
        "the plane and the grid": lambda: latent.latent(seen),
        "the place of the ring": lambda: latent.decode(seen, [[0.1, 0.2]]),
    }.items():
        look()
        took = []
        for _ in range(9):
            began = time.perf_counter()
            look()
            took.append(1000 * (time.perf_counter() - began))
        print(f"{name}: {statistics.median(took):.1f} ms, {min(took):.1f} ms at least", flush=True)


def ours(steps: int) -> float:
    """Images a second of the playground's steps."""
    from playground.autoencoders import keras_example
    from playground.training import loop

    training = loop.prepare(keras_example())
    batches, rates = training.shuffled(0)[:steps], training.rates[:steps]
    training.graph.train(batches, rates, 1)
    began = time.perf_counter()
    int(training.graph.train(batches, rates, 1)[0])
    return len(batches) * training.batch / (time.perf_counter() - began)


def example_model() -> Any:
    """The example's own model, compiled."""
    # In one piece, as Keras' page has it, so that the two can be laid side by side.
    import keras
    import tensorflow as tf
    from keras import layers, ops

    class Sampling(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seed_generator = keras.random.SeedGenerator(1337)

        def call(self, inputs: Any) -> Any:
            mean, log_var = inputs
            epsilon = keras.random.normal(shape=ops.shape(mean), seed=self.seed_generator)
            return mean + ops.exp(0.5 * log_var) * epsilon

    given = keras.Input(shape=(28, 28, 1))
    x = layers.Conv2D(32, 3, activation="relu", strides=2, padding="same")(given)
    x = layers.Conv2D(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    z_mean, z_log_var = layers.Dense(2)(x), layers.Dense(2)(x)
    encoder = keras.Model(given, [z_mean, z_log_var, Sampling()([z_mean, z_log_var])])
    code = keras.Input(shape=(2,))
    x = layers.Reshape((7, 7, 64))(layers.Dense(7 * 7 * 64, activation="relu")(code))
    x = layers.Conv2DTranspose(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x)
    decoder = keras.Model(code, x)

    class VAE(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = encoder, decoder
            names = ("total_loss", "reconstruction_loss", "kl_loss")
            self.trackers = [keras.metrics.Mean(name=name) for name in names]

        @property
        def metrics(self) -> list[Any]:
            return self.trackers

        def train_step(self, data: Any) -> dict[str, Any]:
            with tf.GradientTape() as tape:
                z_mean, z_log_var, z = self.encoder(data)
                again = self.decoder(z)
                entropy = keras.losses.binary_crossentropy(data, again)
                reconstruction = ops.mean(ops.sum(entropy, axis=(1, 2)))
                kl = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
                kl = ops.mean(ops.sum(kl, axis=1))
                total = reconstruction + kl
            gradients = tape.gradient(total, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
            for tracker, value in zip(self.trackers, (total, reconstruction, kl), strict=True):
                tracker.update_state(value)
            return {each.name: each.result() for each in self.trackers}

    vae = VAE()
    vae.compile(optimizer=keras.optimizers.Adam())
    return vae


def example_images() -> Any:
    """The example's images, 0 to 1: all of MNIST."""
    import numpy as np

    from playground import datasets
    from playground.autoencoders import keras_example

    return np.float32(datasets.split(datasets.load("mnist"), keras_example()).train_images) / 255


def example_learned(epochs: int, seed: int) -> None:
    """Trains the example and prints each epoch's mean loss and parts, as Keras' page does."""
    import keras

    keras.utils.set_random_seed(seed)
    vae, images, began = example_model(), example_images(), time.perf_counter()
    for epoch in range(1, epochs + 1):
        told = vae.fit(images, epochs=1, batch_size=128, verbose=0).history
        means = ", ".join(f"{name} {values[0]:.2f}" for name, values in told.items())
        print(f"epoch {epoch}: {means}; {time.perf_counter() - began:.0f} s", flush=True)


def example(steps: int) -> float:
    """Images a second of the example's own model under `model.fit`, its first epoch left out."""
    vae, scaled = example_model(), example_images()[: 128 * steps]
    vae.fit(scaled, epochs=1, batch_size=128, verbose=0)
    began = time.perf_counter()
    vae.fit(scaled, epochs=1, batch_size=128, verbose=0)
    return len(scaled) / (time.perf_counter() - began)


def main() -> None:
    """Prints the losses, then each pair of speeds and the median of their ratios."""
    from playground.autoencoders import EXAMPLE_SEED

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--seed", type=int, default=EXAMPLE_SEED, help="of the weights")
    parser.add_argument("--only", choices=("ours", "example"), help="one speed, for a process")
    parser.add_argument("--falling", action="store_true", help="the rate of the other preset")
    parser.add_argument("--looks", action="store_true", help="the looks alone")
    parser.add_argument("--of-example", action="store_true", help="the example's losses alone")
    options = parser.parse_args()
    if options.of_example:
        return example_learned(options.epochs, options.seed)
    if options.looks:
        return looks()
    if options.only:
        print({"ours": ours, "example": example}[options.only](options.steps))
        return
    ratios = []
    for pair in range(options.pairs):
        order = ("ours", "example") if pair % 2 else ("example", "ours")
        found = {}
        for which in order:
            command = [sys.executable, __file__, "--only", which, "--steps", str(options.steps)]
            done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True)
            found[which] = float(done.stdout)
        ratios.append(found["ours"] / found["example"])
        print({each: round(found[each]) for each in found}, f"{ratios[-1]:.3f}", flush=True)
    if ratios:
        print(f"median {statistics.median(ratios):.3f} × the example's speed", flush=True)
    if options.epochs:
        learned(options.epochs, options.seed, options.falling)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
