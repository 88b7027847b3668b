"""Class centres: the paper's rule by hand, the pull on the features, the Keras layer."""

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf

import losses


def moved(centers, features, labels, alpha):
    found = losses.moved_centers(
        np.float32(centers), np.float32(features), np.array(labels), np.float32(alpha)
    )
    return np.asarray(found)


def test_one_update_by_hand() -> None:
    # Class 0 has samples (2, 0) and (4, 0): dc = ((0-2)+(0-4), 0) / (1+2) = (-2, 0), and half of
    # it is taken off (0, 0). Class 1 has (0, 3): dc = (1-0, 1-3) / 2 = (0.5, -1).
    found = moved([[0, 0], [1, 1]], [[2, 0], [4, 0], [0, 3]], [0, 0, 1], 0.5)
    np.testing.assert_allclose(found, [[1, 0], [0.75, 1.5]], rtol=1e-6)


def test_an_absent_class_and_a_rate_of_zero_move_nothing() -> None:
    centers = np.random.default_rng(0).normal(size=(3, 4))
    features = np.random.default_rng(1).normal(size=(8, 4))
    found = moved(centers, features, [0, 2] * 4, 0.5)
    np.testing.assert_array_equal(found[1], np.float32(centers[1]))
    assert np.abs(found[[0, 2]] - centers[[0, 2]]).min() > 0
    np.testing.assert_array_equal(moved(centers, features, [0, 1] * 4, 0.0), np.float32(centers))


def test_its_fixed_point_is_the_class_mean() -> None:
    draw = np.random.default_rng(2)
    features, labels = draw.normal(size=(30, 3)), np.arange(30) % 3
    means = np.stack([features[labels == c].mean(axis=0) for c in range(3)])
    centers = draw.normal(size=(3, 3))
    for _ in range(60):
        centers = moved(centers, features, labels, 0.5)
    np.testing.assert_allclose(centers, means, atol=1e-5)
    np.testing.assert_allclose(moved(means, features, labels, 1.0), means, atol=1e-6)


def test_the_pull_on_a_feature_is_lambda_times_its_way_to_the_centre() -> None:
    batch = reference.batch()
    loss = losses.compile_loss("λ = 0.01  # 0..1\ncross_entropy() + λ * center()")
    features = tf.constant(batch["features"])
    with tf.GradientTape() as tape:
        tape.watch(features)
        value = loss.on({**batch, "features": features})
    way = batch["features"] - batch["centers"][batch["labels"]]
    np.testing.assert_allclose(tape.gradient(value, features), 0.01 * way / 32, rtol=1e-5)
    loss.set_parameter("λ", 0.0)
    alone = losses.get("categorical_crossentropy").on(batch)
    assert float(loss.on(batch)) == pytest.approx(float(alone), rel=1e-5)


def test_contrastive_centre_by_hand() -> None:
    tensors = {
        "features": np.float32([[1, 0]]),
        "centers": np.float32([[0, 0], [1, 2], [4, 0]]),
        "y_true": np.float32([[1, 0, 0]]),
    }
    value = float(losses.get("contrastive_center", delta=1.0).on(tensors))
    assert value == pytest.approx(0.5 * 1 / (4 + 9 + 1))


def test_the_keras_layer_trains_and_is_saved_with_its_centres(tmp_path) -> None:
    draw = np.random.default_rng(3)
    labels = np.arange(64) % 4
    images = (np.eye(4)[labels] + 0.1 * draw.normal(size=(64, 4))).astype("float32")
    given, truth = keras.Input((4,)), keras.Input((), dtype="int32")
    features = keras.layers.Dense(2, name="features")(given)
    held = losses.CenterLoss(4, weight=0.1, alpha=0.5, name="centre")([features, truth])
    model = keras.Model([given, truth], keras.layers.Dense(4, activation="softmax")(held))
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    before = np.asarray(model.get_layer("centre").centers).copy()
    model.fit([images, labels], labels, epochs=5, batch_size=32, verbose=0)
    after = np.asarray(model.get_layer("centre").centers)
    assert np.abs(after - before).min() > 0
    x = np.asarray(keras.Model(given, features)(images))
    expected = 0.05 * np.square(x - after[labels]).sum(axis=1).mean()
    model([images, labels])
    assert float(model.losses[0]) == pytest.approx(float(expected), rel=1e-4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again.get_layer("centre").centers), after)
    with pytest.raises(ValueError, match="alpha"):
        losses.CenterLoss(4, alpha=2.0)


POLICIES = ["float32", "mixed_float16", "mixed_bfloat16", "float16"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("form", ["(B,)", "(B, 1)", "one-hot"])
@pytest.mark.parametrize("kind", ["int64", "uint8", "float32"])
def test_the_keras_layer_takes_labels_of_every_form_under_every_policy(
    policy: str, form: str, kind: str
) -> None:
    """CIFAR-10's labels are (B, 1): all were of class 0."""
    draw = np.random.default_rng(3)
    x, labels = draw.normal(size=(9, 2)).astype("float32"), np.arange(9) % 3
    given = {"(B,)": labels, "(B, 1)": labels[:, None], "one-hot": np.eye(3)[labels]}[form]
    layer = losses.CenterLoss(3, weight=0.1, alpha=0.5, dtype=policy)
    layer.build([(None, 2), (None,)])
    first = np.asarray(layer.centers).copy()
    held = keras.ops.cast(x, layer.compute_dtype)
    out = layer([held, keras.ops.convert_to_tensor(given.astype(kind))], training=True)
    assert out.dtype == held.dtype
    seen = np.asarray(keras.ops.cast(held, "float32"))  # what rounding has left
    expected = 0.05 * np.square(seen - first[labels]).sum(axis=1).mean()
    assert layer.losses[0].dtype == "float32"
    assert float(layer.losses[0]) == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(layer.centers, moved(first, seen, labels, 0.5), rtol=1e-5)


def test_class_numbers_beyond_what_float16_can_count() -> None:
    layer = losses.CenterLoss(3000, dtype="mixed_float16")
    layer.build([(None, 2), (None,)])
    labels = np.array([2049.0, 2999.0], "float32")
    before = np.asarray(layer.centers).copy()
    layer([np.ones((2, 2), "float16"), keras.ops.convert_to_tensor(labels)], training=True)
    changed = np.flatnonzero(np.abs(np.asarray(layer.centers) - before).max(axis=1))
    assert changed.tolist() == [2049, 2999]


@pytest.mark.parametrize("shape", [(4, 2), (4, 1, 1), ()])
def test_labels_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    layer = losses.CenterLoss(3)
    with pytest.raises(losses.LossError, match=r"Expected labels of shape \(B,\) or \(B, 1\)"):
        layer([np.ones((4, 2), "float32"), np.zeros(shape, "int32")])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_of_mixed_precision_is_fitted_with_centres(policy: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        images, truth = keras.Input((4,)), keras.Input((1,), dtype="int32")
        features = keras.layers.Dense(2)(images)
        held = losses.CenterLoss(4, weight=0.1)([features, truth])
        soft = keras.layers.Dense(4, activation="softmax", dtype="float32")(held)
        model = keras.Model([images, truth], soft)
        model.compile("adam", losses.get("sparse_categorical_crossentropy"))
        labels = (np.arange(32) % 4)[:, None]
        found = model.fit([np.eye(4)[labels[:, 0]], labels], labels, epochs=2, verbose=0)
        assert np.isfinite(found.history["loss"]).all()
    finally:
        keras.config.set_dtype_policy(before)
