"""Functions of images and codes: SSIM and PSNR as TensorFlow has them, MMD by hand in float64."""

import numpy as np
import pytest
import tensorflow as tf

import losses
from playground import trainable

OFFERED = trainable.offered("autoencoder")
SIDES = {"mnist": (3, 28, 28, 1), "cifar10": (2, 32, 32, 3), "oblong": (2, 11, 17, 2)}


def value(text: str, **tensors: np.ndarray) -> float:
    loss = losses.WrittenLoss(text, provided=OFFERED)
    return float(loss.on({name: tf.constant(each, tf.float32) for name, each in tensors.items()}))


def pictures(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(7)
    # Ramps with noise: neighbours are alike, as in pictures.
    ramp = np.linspace(0, 1, shape[1])[None, :, None, None] * np.ones(shape)
    noisy = ramp + 0.2 * draw.standard_normal(shape)
    return {"x": ramp, "x_hat": noisy.clip(0, 1)}


def by_hand(x: np.ndarray, y: np.ndarray, size: int, peak: float = 1.0) -> float:
    """The mean of (13) of Wang et al. 2004 over all windows, in float64."""
    at = np.arange(size) - (size - 1) / 2
    weight = np.exp(-0.5 * (at[:, None] ** 2 + at[None, :] ** 2) / 1.5**2)
    weight /= weight.sum()
    one, two = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    found = []
    for image, other in zip(np.moveaxis(x, -1, 1), np.moveaxis(y, -1, 1), strict=True):
        for a, b in zip(image, other, strict=True):
            for i in range(a.shape[0] - size + 1):
                for j in range(a.shape[1] - size + 1):
                    p, q = a[i : i + size, j : j + size], b[i : i + size, j : j + size]
                    mean_p, mean_q = (weight * p).sum(), (weight * q).sum()
                    var_p = (weight * (p - mean_p) ** 2).sum()
                    var_q = (weight * (q - mean_q) ** 2).sum()
                    both = (weight * (p - mean_p) * (q - mean_q)).sum()
                    found.append(
                        (2 * mean_p * mean_q + one)
                        * (2 * both + two)
                        / ((mean_p**2 + mean_q**2 + one) * (var_p + var_q + two))
                    )
    return float(np.mean(found))


@pytest.mark.parametrize("shape", SIDES.values(), ids=SIDES)
def test_ssim_and_psnr_are_those_of_tensorflow_and_of_the_paper(shape: tuple[int, ...]) -> None:
    seen = pictures(shape)
    single = {name: each.astype("float32") for name, each in seen.items()}
    ours = value("ssim(x, x_hat)", **seen)
    theirs = float(tf.reduce_mean(tf.image.ssim(single["x"], single["x_hat"], 1.0)))
    assert ours == pytest.approx(theirs, abs=2e-6)
    assert ours == pytest.approx(by_hand(seen["x"], seen["x_hat"], 11), abs=2e-5)
    smaller = value("tf.image.ssim(x, x_hat, max_val=1.0, filter_size=7)", **seen)
    assert smaller == pytest.approx(by_hand(seen["x"], seen["x_hat"], 7), abs=2e-5)
    peaks = tf.reduce_mean(tf.image.psnr(single["x"], single["x_hat"], 1.0))
    assert value("tf.image.psnr(x, x_hat, 1.0)", **seen) == pytest.approx(float(peaks), rel=1e-5)


def test_an_image_smaller_than_the_window_is_one_window() -> None:
    seen = pictures((3, 8, 8, 1))
    assert value("ssim(x, x_hat)", **seen) == pytest.approx(
        by_hand(seen["x"], seen["x_hat"], 8), abs=2e-5
    )


def test_equal_images_are_as_similar_as_can_be_and_have_a_finite_gradient() -> None:
    x = tf.constant(pictures((2, 28, 28, 1))["x"], tf.float32)
    loss = losses.WrittenLoss("1 - ssim(x, x_hat)", provided=OFFERED)
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = loss.on({"x": tf.stop_gradient(x), "x_hat": x})
    assert float(found) == pytest.approx(0, abs=1e-6)
    assert np.isfinite(tape.gradient(found, x)).all()


def codes(count: int, width: int) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((count, width)) * 1.7 + 0.4


def kernel(x: np.ndarray, y: np.ndarray, width: float) -> float:
    total = 0.0
    for a in x:
        for b in y:
            total += np.exp(-((a - b) ** 2).sum() / (2 * width**2))
    return float(total / (len(x) * len(y)))


@pytest.mark.parametrize("width", [None, 0.8])
def test_the_discrepancy_of_two_samples_is_that_worked_out_by_hand(width: float | None) -> None:
    x, y = codes(9, 3), codes(13, 3)[4:] - 0.9
    scale = np.sqrt(2 * 3) if width is None else width
    wanted = kernel(x, x, scale) + kernel(y, y, scale) - 2 * kernel(x, y, scale)
    text = "mmd(z, mu)" if width is None else f"mmd(z, mu, width={width})"
    assert value(text, z=x, mu=y) == pytest.approx(wanted, rel=1e-4)
    assert value("mmd(z, mu)", z=x, mu=x) == pytest.approx(0, abs=1e-6)


def test_the_discrepancy_from_the_normal_distribution_is_that_by_quadrature() -> None:
    x, width = codes(7, 1), 1.3
    t = np.linspace(-9, 9, 1801)
    mass = np.exp(-0.5 * t**2) / np.sqrt(2 * np.pi) * (t[1] - t[0])

    def k(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.exp(-((a[:, None] - b[None, :]) ** 2) / (2 * width**2))
        return found

    points = x[:, 0]
    wanted = k(points, points).mean() + mass @ k(t, t) @ mass - 2 * (k(points, t) @ mass).mean()
    assert value("mmd(z, width=1.3)", z=x) == pytest.approx(wanted, rel=1e-4)


def test_a_pasted_draw_of_the_prior_is_refused_with_what_needs_none() -> None:
    text = "true_samples = tf.random.normal(tf.stack([200, 2]))\nmean(z) - mean(true_samples)"
    found = losses.check(text, inputs=OFFERED)
    assert "mmd(z)" in found["error"]["hint"]


def test_a_similarity_beside_the_divergence_of_a_code_is_told_apart_in_scale() -> None:
    found = losses.check("1 - ssim(x, x_hat) + kl(mu, log_var)", inputs=OFFERED)
    assert found["warnings"][0]["code"] == "pixel-mean"
