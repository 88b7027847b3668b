"""The CNNs: what the plan says is what Keras builds."""

import keras
import numpy as np
import pytest

from playground import RunSpec, models

SPECS = [
    RunSpec(),
    RunSpec(dataset="cifar10"),
    RunSpec(dataset="cifar10", model="simple", depth=4, width=8, batch_norm=False),
    RunSpec(dataset="digits", depth=4, model="double", batch_norm=True, l2=0.01),
    RunSpec(dataset="digits", depth=1, embedding=2, activation="tanh", dropout=0.5),
    RunSpec(dataset="digits", model="lenet", activation="prelu", logits_bias=False),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.dataset}-{spec.digest}")
def test_plan_matches_the_built_model(spec: RunSpec) -> None:
    model = models.build(spec)
    for layer in models.plan(spec):
        built = model.get_layer(layer.name)
        assert type(built).__name__ == layer.kind
        assert built.output.shape[1:] == layer.shape
        assert sum(int(np.prod(w.shape)) for w in built.trainable_weights) == layer.parameters
    assert models.parameter_count(spec) == sum(
        int(np.prod(w.shape)) for w in model.trainable_weights
    )


def test_output_is_a_distribution_over_the_classes() -> None:
    model = models.build(RunSpec(dataset="digits", precision="mixed_bfloat16"))
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype("float32")
    probabilities = np.asarray(model(images))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_seed_decides_the_weights_and_the_loss_does_not() -> None:
    first = models.build(RunSpec(dataset="digits", seed=3))
    same = models.build(RunSpec(dataset="digits", seed=3, loss="mean_squared_error"))
    other = models.build(RunSpec(dataset="digits", seed=4))
    for a, b, c in zip(first.weights, same.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
        if a.path.endswith("kernel"):
            assert not np.array_equal(np.asarray(a), np.asarray(c))


@pytest.mark.parametrize("normalise", ["pixel", "channel", "unit", "raw"])
def test_normalisation_is_computed_from_the_images(normalise: str) -> None:
    images = np.random.default_rng(1).integers(0, 256, (400, 8, 8, 1)).astype(np.uint8)
    images[:, 0, 0] = 0  # a pixel that never changes
    statistics = models.pixel_statistics(images, normalise)
    model = models.build(RunSpec(dataset="digits"), statistics)
    seen = keras.Model(model.input, model.get_layer("normalise").output)
    values = np.asarray(seen(images.astype("float32")))
    assert np.isfinite(values).all()
    if normalise in ("unit", "raw"):
        scale = 255.0 if normalise == "unit" else 1.0
        np.testing.assert_allclose(values, images / scale, atol=1e-6)
    else:
        assert abs(values.mean()) < 1e-3
        assert abs(values.std() - 1) < 0.02
    if normalise == "pixel":
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-3)
