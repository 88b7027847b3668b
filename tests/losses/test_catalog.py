"""Every named loss: its text, its slope, its configuration; the built-ins against Keras."""

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf

import losses

BATCH = reference.batch()
EVERY = [pytest.param(info, id=info.name) for info in losses.catalog()]
KERAS = {
    **{
        name: name
        for name in (
            "mean_squared_error",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
            "mean_squared_logarithmic_error",
            "huber",
            "log_cosh",
            "cosine_similarity",
            "binary_crossentropy",
            "categorical_crossentropy",
            "categorical_focal_crossentropy",
            "kl_divergence",
            "poisson",
            "hinge",
            "squared_hinge",
            "categorical_hinge",
        )
    },
    "dice_keras": "dice",
    "tversky_keras": "tversky",
}


@pytest.mark.parametrize("name", KERAS)
def test_a_builtin_equals_keras(name):
    ours = losses.get(name)
    y, p = (keras.ops.convert_to_tensor(BATCH[n]) for n in ("y_true", "y_pred"))
    theirs = keras.ops.mean(getattr(keras.losses, KERAS[name])(y, p))
    np.testing.assert_allclose(ours(y, p), theirs, rtol=2e-6)


def test_the_sparse_and_generalised_builtins_equal_keras():
    y, p = BATCH["labels"], BATCH["y_pred"]
    np.testing.assert_allclose(
        losses.get("sparse_categorical_crossentropy").on(BATCH),
        np.mean(keras.losses.sparse_categorical_crossentropy(y, p)),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        losses.get("categorical_generalized_cross_entropy").on(BATCH),
        np.mean(keras.losses.categorical_generalized_cross_entropy(y, p, q=0.5)),
        rtol=1e-6,
    )


def test_circle_equals_keras():
    features = BATCH["features"]  # Keras leaves it to the caller to normalise them
    unit = features / np.linalg.norm(features, axis=-1, keepdims=True)
    theirs = keras.losses.Circle()(BATCH["labels"], unit)
    np.testing.assert_allclose(losses.get("circle").on(BATCH), theirs, rtol=1e-5)


@pytest.mark.parametrize("info", EVERY)
def test_the_text_is_the_same_loss(info):
    written = losses.compile_loss(info.text, probe=False)
    expected = float(losses.get(info.name).on(BATCH))
    assert float(written.on(BATCH)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("info", EVERY)
def test_it_is_callable_in_an_expression(info):
    written = losses.compile_loss(f"keras.losses.{info.name}()", probe=False)
    expected = float(losses.get(info.name).on(BATCH))
    assert float(written.on(BATCH)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("info", EVERY)
def test_the_configuration_round_trips(info):
    loss = losses.get(info.name)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    np.testing.assert_allclose(again.on(BATCH), loss.on(BATCH))


@pytest.mark.parametrize("info", EVERY)
def test_the_slope_is_finite_at_the_corners(info):
    """Also for perfect and hopeless predictions, and for samples that coincide."""
    corner = dict(BATCH)
    corner["y_pred"] = np.roll(BATCH["y_true"], 16, axis=0)
    corner["logits"] = 30 * corner["y_pred"]
    corner["features"] = np.repeat(BATCH["features"][:2], 16, axis=0)
    corner["partner_features"] = corner["features"]
    corner["boxes_pred"] = np.concatenate([BATCH["boxes"][:16], np.zeros((16, 4), "float32")])
    loss = losses.get(info.name)
    given = {n: tf.convert_to_tensor(corner[n]) for n in loss.inputs}
    learnt = ("y_pred", "logits", "features", "last_kernel", "partner_features", "boxes_pred")
    watched = [v for n, v in given.items() if n in learnt]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        value = loss.on(given)
    assert np.isfinite(value)
    for slope in tape.gradient(value, watched, unconnected_gradients="zero"):
        assert np.isfinite(tf.convert_to_tensor(slope)).all()


@pytest.mark.parametrize("info", EVERY)
def test_what_is_said_about_it(info):
    assert info.title and info.latex and info.paper and info.group
    assert info.when.endswith(".")
    assert info.function.__doc__
    for knob in info.parameters:
        assert knob.fixed or knob.low <= knob.default <= knob.high


def test_parameters_move_without_a_new_trace():
    loss = losses.get("focal", gamma=0.0)
    traces = []

    @tf.function
    def value():
        traces.append(1)
        return loss.on(BATCH)

    before = float(value())
    loss.set_parameter("gamma", 2.0)
    assert float(value()) == pytest.approx(float(losses.get("focal", gamma=2.0).on(BATCH)))
    assert before != float(value())
    assert len(traces) == 1


def test_wrong_names_and_values_are_explained():
    with pytest.raises(losses.LossError, match="did you mean 'focal'"):
        losses.get("focall")
    with pytest.raises(losses.LossError, match=r"no parameter 'gama'.*'gamma'"):
        losses.get("focal", gama=2.0)
    with pytest.raises(losses.LossError, match="finite"):
        losses.get("focal", gamma=float("nan"))
    with pytest.raises(losses.LossError, match="needs centers"):
        losses.get("center_loss")(BATCH["y_true"], BATCH["y_pred"])


def test_bfloat16_tensors_are_computed_in_float32():
    y, p = (tf.cast(BATCH[n], tf.bfloat16) for n in ("y_true", "y_pred"))
    for loss in (losses.get("brier"), losses.compile_loss("sum((y_true-y_pred)**2, axis=-1)")):
        assert loss(y, p).dtype == tf.float32
