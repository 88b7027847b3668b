"""Layers as data: what the table says of a kind is what Keras builds, and what a script builds."""

import keras
import numpy as np
import pytest

from playground import layers
from playground.layers import KINDS, Given, Layer, Plan

# A network of every kind, with two inputs, a trunk called twice, maps made smaller and larger.
EVERY = Plan(
    inputs={"left": (9, 8, 2), "right": (9, 8, 2)},
    layers=(
        Layer("scale", "Normalization", {"axis": (1, 2, 3), "mean": Given("m"),
                                         "variance": Given("v")}, ("left",)),
        Layer("conv", "Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same"}),
        Layer("norm", "BatchNormalization", {"momentum": 0.9}),
        Layer("slope", "PReLU", {"shared_axes": (1, 2)}),
        Layer("pool", "MaxPooling2D", {"pool_size": 2, "padding": "same"}),
        Layer("valid", "Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "use_bias": False}),
        Layer("flatten", "Flatten"),
        Layer("dropout", "Dropout", {"rate": 0.5}),
        Layer("embed", "Dense", {"units": 6}),
        Layer("scale2", "Normalization", inputs=("right",), of="scale"),
        Layer("conv2", "Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same"}, of="conv"),
        Layer("average", "GlobalAveragePooling2D"),
        Layer("embed2", "Dense", {"units": 6}),
        Layer("act", "Activation", {"activation": "tanh"}),
        Layer("distance", "Distance", {"metric": "l1"}, ("embed", "act")),
        Layer("difference", "Difference", {"kind": "squared"}, ("embed", "act")),
        Layer("added", "Add", inputs=("embed", "difference")),
        Layer("both", "Concatenate", inputs=("added", "distance")),
        Layer("mu", "Dense", {"units": 2}),
        Layer("log_var", "Dense", {"units": 2}, ("both",)),
        Layer("z", "Sampling", inputs=("mu", "log_var")),
        Layer("grid", "Dense", {"units": 12}),
        Layer("map", "Reshape", {"target_shape": (2, 2, 3)}),
        Layer("up", "UpSampling2D", {"size": 2}),
        Layer("back", "Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2}),
        Layer("same", "Conv2DTranspose",
              {"filters": 1, "kernel_size": 3, "strides": 2, "padding": "same"}, ("up",)),
        Layer("says", "Softmax", inputs=("mu",)),
        Layer("sides", "Conv2D", {"filters": 4, "kernel_size": 1}, ("map",)),
        Layer("boxes", "CellBoxes"),
        Layer("chances", "Conv2D", {"filters": 2, "kernel_size": 1}, ("map",)),
        Layer("moves", "Conv2D", {"filters": 8, "kernel_size": 1}, ("map",)),
        Layer("scores", "Rows", {"width": 1}, ("chances",)),
        Layer("deltas", "Rows", {"width": 4}, ("moves",)),
        Layer("anchored", "AnchorBoxes", {"grids": [2], "sizes": [0.5], "ratios": [1.0, 2.0]}),
        Layer("proposals", "Proposals", {"count": 4, "overlap": 0.7}, ("scores", "anchored")),
        Layer("rois", "RoiAlign", {"side": 3}, ("map", "proposals")),
        Layer("rows", "Reshape", {"target_shape": (4, 27)}),
        Layer("classes", "Dense", {"units": 3}),
        Layer("further", "Dense", {"units": 4}, ("rows",)),
        Layer("refined", "Refined", {}, ("proposals", "further")),
        Layer("found", "Detections", {"count": 2, "overlap": 0.5}, ("refined", "classes")),
        Layer("cut", "RoiAlign", {"side": 2, "samples": 1}, ("map", "found")),
        Layer("folded", "Folded"),
        Layer("unfolded", "Unfolded", {"count": 2}),
    ),
    outputs=("says", "back", "boxes", "unfolded"),
    seed=3,
    l2=1e-3,
)  # fmt: skip
GIVEN = {"m": np.full((9, 8, 2), 100.0), "v": np.full((9, 8, 2), 50.0**2)}


def test_the_plan_has_every_kind() -> None:
    assert {layer.kind for layer in EVERY.layers} == set(KINDS)


def test_what_is_planned_is_what_is_built() -> None:
    built = layers.build(EVERY, GIVEN)
    for planned in EVERY:
        assert built.tensors[planned.name].shape[1:] == planned.shape, planned.name
        if not planned.layer.of:
            weights = built.model.get_layer if planned.name in _names(built.model) else None
            if weights is not None:
                trained = weights(planned.name).trainable_weights
                assert sum(int(np.prod(w.shape)) for w in trained) == planned.parameters
    whole = built.giving([layer.name for layer in EVERY.layers])
    assert sum(int(np.prod(w.shape)) for w in whole.trainable_weights) == EVERY.parameters


def _names(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers}


def test_a_layer_called_twice_has_one_kernel() -> None:
    built = layers.build(EVERY, GIVEN)
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 8, 2)).astype("float32")
    twice = built.giving(("conv", "conv2"))({"left": images, "right": images})
    np.testing.assert_array_equal(*(np.asarray(twice[name]) for name in ("conv", "conv2")))
    assert EVERY["conv2"].parameters == 0


def test_what_depends_on_one_input_takes_that_alone() -> None:
    built = layers.build(EVERY, GIVEN)
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 8, 2)).astype("float32")
    right = built.giving(("conv2",))(images)
    both = built.giving(("conv", "conv2"))({"left": images, "right": images})
    np.testing.assert_array_equal(np.asarray(right), np.asarray(both["conv2"]))
    assert "left" not in EVERY.needed(["conv2"]) and "left" in EVERY.needed(["distance"])


def test_a_script_builds_the_same_network() -> None:
    """Its lines, run, are a model that gives the same with the same weights."""
    from playground import own_layers

    built = layers.build(EVERY, GIVEN)
    known = {"keras": keras, "layers": keras.layers, "own_layers": own_layers, **GIVEN}
    exec("\n".join(layers.script(EVERY)), known)
    model = keras.Model([known["left"], known["right"]], {n: known[n] for n in EVERY.outputs})
    theirs = {weight.path: weight for weight in model.weights}
    for weight in built.model.weights:
        theirs[weight.path].assign(weight)
    draw = np.random.default_rng(1)
    images = [draw.integers(0, 256, (3, 9, 8, 2)).astype("float32") for _ in range(2)]
    mine = built.model(dict(zip(("left", "right"), images, strict=True)))
    for name, value in model(images).items():
        np.testing.assert_allclose(np.asarray(value), np.asarray(mine[name]), rtol=1e-5)
    assert layers.needs_own(EVERY)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("euclidean", 5.0), ("squared", 25.0), ("l1", 7.0), ("cosine", 1 - 0.96)],
)
def test_distances_by_hand(metric: str, expected: float) -> None:
    from playground.own_layers import Distance

    one, two = np.array([[3.0, 4.0]]), np.array([[6.0, 8.0]])
    if metric == "cosine":
        two = np.array([[4.0, 3.0]])  # 24 of 25
    found = Distance(metric)([one, two])
    assert found.shape == (1, 1) and float(found[0, 0]) == pytest.approx(expected, rel=1e-6)


def test_a_code_is_drawn_in_training_and_is_its_mean_otherwise() -> None:
    from playground.own_layers import Sampling

    mean, log_variance = np.full((4000, 2), 3.0), np.full((4000, 2), np.log(0.25))
    layer = Sampling(seed=0)
    np.testing.assert_array_equal(np.asarray(layer([mean, log_variance])), mean)
    drawn = np.asarray(layer([mean, log_variance], training=True))
    assert drawn.mean() == pytest.approx(3, abs=0.03) and drawn.std() == pytest.approx(
        0.5, abs=0.02
    )


def test_layers_of_our_own_are_loaded_with_a_model(tmp_path) -> None:
    built = layers.build(EVERY, GIVEN)
    model = built.giving(("distance", "z"))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(2).integers(0, 256, (2, 9, 8, 2)).astype("float32")
    for name, value in again({"left": images, "right": images}).items():
        expected = model({"left": images, "right": images})[name]
        np.testing.assert_allclose(np.asarray(value), np.asarray(expected), rtol=1e-6)
