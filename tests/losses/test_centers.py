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
