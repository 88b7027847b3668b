"""VAE losses as they are shared: each becomes a loss of an autoencoder by following the clicks that
the editor offers, and its value is that of the paper, worked out in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

import losses
from losses.language.errors import LossError
from playground import trainable

OFFERED = trainable.offered("autoencoder")
RNG = np.random.default_rng(0)
X = RNG.random((5, 6, 6, 1))
X_HAT = RNG.uniform(0.05, 0.95, (5, 6, 6, 1))
MU, LOG_VAR = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 2))
PIXELS = 36
ENTROPY = -(X * np.log(X_HAT) + (1 - X) * np.log(1 - X_HAT)).sum(axis=(1, 2, 3))
SQUARES = np.square(X - X_HAT).sum(axis=(1, 2, 3))
KL = -0.5 * (1 + LOG_VAR - MU**2 - np.exp(LOG_VAR)).sum(axis=1)

BLOG = """
def vae_loss(x, x_decoded_mean):
    xent_loss = objectives.binary_crossentropy(x, x_decoded_mean)
    kl_loss = - 0.5 * K.mean(1 + z_log_sigma - K.square(z_mean) - K.exp(z_log_sigma), axis=-1)
    return xent_loss + kl_loss

vae.compile(optimizer='rmsprop', loss=vae_loss)
"""
ADDED = """
xent_loss = original_dim * metrics.binary_crossentropy(x, x_decoded_mean)
kl_loss = - 0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
vae_loss = K.mean(xent_loss + kl_loss)
vae.add_loss(vae_loss)
vae.compile(optimizer='rmsprop')
vae.summary()
"""
FLAT = """
reconstruction_loss = mse(K.flatten(inputs), K.flatten(outputs))
reconstruction_loss *= image_size * image_size
kl_loss = 1 + z_log_var - K.square(z_mean) - K.exp(z_log_var)
kl_loss = K.sum(kl_loss, axis=-1)
kl_loss *= -0.5
vae_loss = K.mean(reconstruction_loss + kl_loss)
vae.add_loss(vae_loss)
"""
LAYER = """
class CustomVariationalLayer(keras.layers.Layer):
    def vae_loss(self, x, z_decoded):
        x = K.flatten(x)
        z_decoded = K.flatten(z_decoded)
        xent_loss = keras.metrics.binary_crossentropy(x, z_decoded)
        kl_loss = -5e-4 * K.mean(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
        return K.mean(xent_loss + kl_loss)

    def call(self, inputs):
        x = inputs[0]
        z_decoded = inputs[1]
        loss = self.vae_loss(x, z_decoded)
        self.add_loss(loss, inputs=inputs)
        return x

y = CustomVariationalLayer()([input_img, z_decoded])
"""
EXAMPLE = """
from keras import ops

class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.total_loss_tracker = keras.metrics.Mean(name="total_loss")

    @property
    def metrics(self):
        return [self.total_loss_tracker]

    def train_step(self, data):
        with tf.GradientTape() as tape:
            z_mean, z_log_var, z = self.encoder(data)
            reconstruction = self.decoder(z)
            reconstruction_loss = ops.mean(
                ops.sum(
                    keras.losses.binary_crossentropy(data, reconstruction),
                    axis=(1, 2),
                )
            )
            kl_loss = -0.5 * (1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
            kl_loss = ops.mean(ops.sum(kl_loss, axis=1))
            total_loss = reconstruction_loss + kl_loss
        grads = tape.gradient(total_loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        self.total_loss_tracker.update_state(total_loss)
        return {"loss": self.total_loss_tracker.result()}

vae = VAE(encoder, decoder)
vae.compile(optimizer=keras.optimizers.Adam())
vae.fit(mnist_digits, epochs=30, batch_size=128)
"""
STEP = "\n".join(line[4:] for line in EXAMPLE.splitlines()[14:29])
CLOSURE = """
def vae_loss(z_mean, z_log_var):
    def loss(y_true, y_pred):
        reconstruction = K.sum(K.binary_crossentropy(y_true, y_pred), axis=[1, 2, 3])
        kl = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
        return reconstruction + kl
    return loss

vae.compile(optimizer='adam', loss=vae_loss(z_mean, z_log_var))
"""
INNER = """
def my_vae_loss(y_true, y_pred):
    xent_loss = 6 * 6 * keras.losses.binary_crossentropy(K.flatten(y_true), K.flatten(y_pred))
    kl_loss = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
    return K.mean(xent_loss + kl_loss)
"""
TERMS = """
mse_loss = K.sum(K.square(input_img - decoded), axis=[1, 2, 3])
kl = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
K.mean(mse_loss + kl)
"""
BETA = """
beta = 4.0
xent = K.sum(K.binary_crossentropy(input_img, x_decoded_mean), axis=(1, 2, 3))
K.mean(xent + beta * kl(z_mean, z_log_var))
"""
SIGMA = """
kl = -0.5 * K.sum(1 + 2 * log_sigma - K.square(mu) - K.exp(2 * log_sigma), axis=-1)
K.mean(K.sum(K.binary_crossentropy(x, x_recon), axis=[1, 2, 3]) + kl)
"""
POSTS: dict[str, tuple[str, np.ndarray]] = {
    "inner function over outer tensors (Keras blog 2016)": (BLOG, ENTROPY / PIXELS + KL / 2),
    "add_loss (variational_autoencoder.py, 2017)": (ADDED, ENTROPY + KL),
    "add_loss of flat images (2018)": (FLAT, SQUARES.mean() + KL),
    "loss layer's call (Chollet 2017)": (LAYER, ENTROPY.mean() / PIXELS + 1e-3 * KL / 2),
    "a model's train_step (keras.io 2020)": (EXAMPLE, ENTROPY + KL),
    "train_step alone": (STEP, ENTROPY + KL),
    "closure": (CLOSURE, ENTROPY + KL),
    "inner function, flat": (INNER, ENTROPY.mean() + KL),
    "K.mean(mse + kl)": (TERMS, SQUARES + KL),
    "beta * kl(z_mean, z_log_var)": (BETA, ENTROPY + 4 * KL),
    "log_sigma": (SIGMA, ENTROPY + KL),
}


def followed(text: str, count: int = 9) -> tuple[str, list[str]]:
    """The text after every click that is offered, and what was said."""
    said = []
    for _ in range(count):
        try:
            losses.WrittenLoss(text, provided=OFFERED)
        except LossError as error:
            assert error.fix is not None and error.span is not None, error
            said.append(error.message)
            lines = text.split("\n")
            spots = [(error.span, error.fix), *error.also]
            for span, fix in sorted(spots, key=lambda each: each[0], reverse=True):
                assert span.line == span.end_line
                line = lines[span.line - 1]
                lines[span.line - 1] = line[: span.column - 1] + fix + line[span.end_column - 1 :]
            text = "\n".join(lines)
        else:
            return text, said
    raise AssertionError(said)


@pytest.mark.parametrize("name", POSTS)
def test_a_shared_vae_loss_is_a_few_clicks_away_and_right(name: str) -> None:
    post, wanted = POSTS[name]
    text, said = followed(post)
    assert len(said) <= 5 and all("here" in each or "each pixel" in each for each in said)
    given = {"x": X, "x_hat": X_HAT, "mu": MU, "log_var": LOG_VAR}
    loss = losses.WrittenLoss(text, provided=OFFERED)
    value = loss.on({n: tf.constant(each, tf.float32) for n, each in given.items()})
    assert float(value) == pytest.approx(wanted.mean(), rel=2e-5)


def test_the_click_says_what_a_name_is_here_and_replaces_it_everywhere() -> None:
    with pytest.raises(LossError, match="'z_mean' is mu here") as caught:
        losses.WrittenLoss("kl(z_mean, log_var) + sum(z_mean**2, axis=-1)", provided=OFFERED)
    assert caught.value.fix == "mu" and [fix for _, fix in caught.value.also] == ["mu"]
    # Elsewhere nothing is claimed.
    with pytest.raises(LossError, match="unknown name 'z_mean'"):
        losses.WrittenLoss("sum(z_mean**2, axis=-1)")


KL_TEXT = "-0.5 * sum(1 + log_var - square(mu) - exp(log_var), axis=-1)"


@pytest.mark.parametrize(
    "text",
    [
        f"mean(binary_crossentropy(x, x_hat), axis=(1, 2, 3)) + {KL_TEXT}",
        f"mean(square(x - x_hat)) + {KL_TEXT}",
        f"mean(binary_crossentropy(flatten(x), flatten(x_hat))) + {KL_TEXT}".replace(
            "flat", "K.flat"
        ),
        "mean(mean_squared_error(x, x_hat), axis=(1, 2)) + kl(mu, log_var)",
        f"beta = 2.0\nmean(abs(x - x_hat), axis=(1, 2, 3)) + beta * {KL_TEXT}",
    ],
)
def test_a_mean_over_pixels_beside_the_codes_divergence_is_told(text: str) -> None:
    found = losses.check(text, inputs=OFFERED)
    assert found["ok"] and [each["code"] for each in found["warnings"]] == ["pixel-mean"], found
    assert "784" in found["warnings"][0]["message"]


@pytest.mark.parametrize(
    "text",
    [
        f"sum(binary_crossentropy(x, x_hat), axis=(1, 2, 3)) + {KL_TEXT}",
        f"784 * mean(square(x - x_hat), axis=(1, 2, 3)) + {KL_TEXT}",
        f"mean(784 * square(x - x_hat), axis=(1, 2, 3)) + {KL_TEXT}",
        f"w = 784.0\nw * mean(square(x - x_hat), axis=(1, 2, 3)) + {KL_TEXT}",
        f"n = shape(x)[1] * shape(x)[2]\nn * mean(square(x - x_hat), axis=(1, 2, 3)) + {KL_TEXT}",
        f"mean(square(x - x_hat), axis=(1, 2, 3)) + 0.001 * {KL_TEXT}",
        f"mean(square(x - x_hat), axis=(1, 2, 3)) + {KL_TEXT} / 784",
        "mean(square(x - x_hat), axis=(1, 2, 3))",
    ],
)
def test_one_whose_weights_make_up_for_it_is_not(text: str) -> None:
    found = losses.check(text, inputs=OFFERED)
    assert found["ok"] and not found["warnings"], found


def divergence(text: str) -> Callable[[np.ndarray, np.ndarray], float]:
    loss = losses.WrittenLoss(text, provided=OFFERED)
    return lambda mu, log_var: float(
        loss.on({"mu": tf.constant(mu, tf.float32), "log_var": tf.constant(log_var, tf.float32)})
    )


def test_kl_of_a_code_is_that_of_the_paper_and_other_divergences_stay() -> None:
    assert divergence("kl(mu, log_var)")(MU, LOG_VAR) == pytest.approx(KL.mean(), rel=1e-5)
    named = divergence("mean(kl(log_var=log_var, mu=mu))")
    assert named(MU, LOG_VAR) == pytest.approx(KL.mean(), rel=1e-5)
    two = losses.WrittenLoss("kl(softmax(mu), softmax(mu * 2.0))", provided=OFFERED)
    p, q = (np.exp(k * MU) / np.exp(k * MU).sum(1, keepdims=True) for k in (1, 2))
    wanted = (p * np.log(p / q)).sum(axis=1).mean()
    assert float(two.on({"mu": tf.constant(MU, tf.float32)})) == pytest.approx(wanted, rel=1e-4)
    assert losses.compile_loss("kl(y_true, y_pred)").inputs == ("y_true", "y_pred")


def test_the_default_loss_is_sound_to_the_doctor() -> None:
    from playground.tasks.autoencoder import OBJECTIVE

    found = losses.doctor(losses.WrittenLoss(OBJECTIVE, provided=OFFERED)).as_dict()["findings"]
    states = {each["name"]: each["state"] for each in found}
    assert states["sound"] == "yes" and states["gradient"] == "yes", found
