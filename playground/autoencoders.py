"""Autoencoders to begin with: Keras' own example, and what is mended by how the loss is written."""

from typing import Any

from playground.presets import Preset
from playground.spec import RunSpec
from playground.tasks.autoencoder import OBJECTIVE

_PARTS = """\
reconstruction = -sum(x * log(x_hat) + (1 - x) * log(1 - x_hat), axis=(1, 2, 3))
divergence = -0.5 * sum(1 + log_var - square(mu) - exp(log_var), axis=-1)
"""
TOO_LARGE = f"""\
beta = 100.0  # 0..200    weight of the KL divergence
{_PARTS}reconstruction + beta * divergence"""
# Bowman et al., "Generating sentences from a continuous space", CoNLL 2016.
WARM_UP = f"""\
beta = 1.0  # 0..10    weight of the KL divergence at the end
warm = 0.5  # 0.05..1    share of the run over which it rises from 0
{_PARTS}reconstruction + beta * minimum(progress / warm, 1.0) * divergence"""
# Burgess et al., "Understanding disentangling in beta-VAE", 2018: the capacity C grows.
CAPACITY = f"""\
gamma = 10.0  # 0..100    how hard the capacity is held
most = 10.0  # 0..25    nats of the code at the end
{_PARTS}reconstruction + gamma * abs(divergence - most * progress)"""
# Kingma et al., "Improved variational inference with inverse autoregressive flow", NIPS 2016.
FREE_BITS = """\
free = 0.5  # 0..4    nats of each dimension that cost nothing
reconstruction = -sum(x * log(x_hat) + (1 - x) * log(1 - x_hat), axis=(1, 2, 3))
each = -0.5 * mean(1 + log_var - square(mu) - exp(log_var), axis=0)
reconstruction + sum(maximum(each, free))"""
# Tolstikhin et al., "Wasserstein auto-encoders", ICLR 2018; with a code that is drawn it is InfoVAE
# of alpha 1 (Zhao, Song & Ermon 2017).
DISCREPANCY = """\
lam = 100.0  # 0..1000    weight of the discrepancy
reconstruction = -sum(x * log(x_hat) + (1 - x) * log(1 - x_hat), axis=(1, 2, 3))
reconstruction + lam * mmd(z)"""
SIMILARITY = "1 - ssim(x, x_hat)"
PLAIN = "mean(square(x - x_hat), axis=(1, 2, 3))"
HEADED = f"""\
beta = 1.0  # 0..10    weight of the KL divergence
gamma = 50.0  # 0..200    weight of the class
{_PARTS}reconstruction + beta * divergence + gamma * cross_entropy(labels, p_class)"""
EXAMPLE_SEED = 1
FALLING = {"learning_rate": 0.003, "schedule": "cosine"}  # in place of 0.001 throughout


def spec(**changes: Any) -> RunSpec:
    """A run of Autoencoder."""
    return RunSpec(**{"task": "autoencoder", "epochs": 10, **changes})


def keras_example(epochs: int = 30, falling: bool = False) -> RunSpec:
    """Keras' own example of a VAE (keras.io/examples/generative/vae): its network, optimiser and
    batch, and all 70,000 images. With some seeds, here as there, one dimension is found epochs
    later than the other; with this one both are from the first epoch on. A `falling` rate is not
    the example's: it begins three times as high and ends at 0."""
    rate = FALLING if falling else {}
    return spec(with_test_images=True, epochs=epochs, seed=EXAMPLE_SEED, loss=OBJECTIVE, **rate)


STARTS: dict[str, Preset] = {
    "keras": Preset(
        "Keras' own example",
        "A code of two numbers, trained on all 70,000 images of MNIST, the test images among them.",
        lambda: [keras_example()],
    ),
    "keras_falling": Preset(
        "Keras' own example, with a falling rate",
        "The same network, batches and images; the learning rate begins at 0.003 in place of 0.001 "
        "and falls to 0 along a cosine, which ends several nats lower.",
        lambda: [keras_example(falling=True)],
    ),
    "plain": Preset(
        "Plain",
        "The code is a number, not a draw: it is free to spread, and between images there are "
        "places that decode to nothing.",
        lambda: [spec(kind="plain", loss=PLAIN)],
    ),
    "denoising": Preset(
        "Denoising",
        "The encoder is given noise on the image, and the loss asks for the image without it.",
        lambda: [spec(kind="plain", noise=0.4, latent=16, hidden=64, loss=PLAIN)],
    ),
    "collapse": Preset(
        "Posterior collapse",
        "β is so large that saying nothing is cheapest: every dimension goes to the prior, and all "
        "images decode to their mean.",
        lambda: [spec(loss=TOO_LARGE)],
    ),
    "warm_up": Preset(
        "Warm-up of β",
        "β rises from 0 over the first half of the run, so that the code is used before it costs.",
        lambda: [spec(latent=8, hidden=64, loss=WARM_UP)],
    ),
    "capacity": Preset(
        "Capacity",
        "The KL divergence is held at a capacity that grows from 0 to so many nats.",
        lambda: [spec(latent=8, hidden=64, loss=CAPACITY)],
    ),
    "free_bits": Preset(
        "Free bits",
        "Each dimension may say so many nats for nothing; only what is beyond costs.",
        lambda: [spec(latent=8, hidden=64, loss=FREE_BITS)],
    ),
    "discrepancy": Preset(
        "Maximum mean discrepancy",
        "A Wasserstein autoencoder: the code is no draw, and all codes together, instead of each, "
        "are to be normal. So the prior can be drawn from, and no dimension collapses.",
        lambda: [spec(kind="plain", loss=DISCREPANCY)],
    ),
    "similarity": Preset(
        "Structural similarity",
        "The reconstruction is judged window by window, by mean, contrast and structure, not pixel "
        "by pixel.",
        lambda: [spec(kind="plain", latent=16, hidden=64, loss=SIMILARITY)],
    ),
    "conditional": Preset(
        "Conditional",
        "Encoder and decoder are told the class: the code is left with the hand it is written in.",
        lambda: [spec(conditional=True)],
    ),
    "headed": Preset(
        "With a class head",
        "A softmax on the code learns the class beside the image.",
        lambda: [spec(class_head=True, loss=HEADED)],
    ),
}
