"""The fused kernels against Keras' own layers, in float64 where Keras can: values, gradients, what
they keep, and that a network trained with them is one that plain Keras opens."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from playground import fused_layers, layers, models
from playground.analysis.files import network_file
from playground.layers import Layer, Plan
from playground.spec import RunSpec
from playground.training.loop import prepare

SIZES = [(32, 8, 8, 16), (31, 7, 5, 3), (2, 1, 1, 4), (1, 6, 6, 2)]


def layer(kind: type, dtype: str, channels: int) -> keras.layers.BatchNormalization:
    """A batch norm whose weights and moving statistics are not those it begins with."""
    made = kind(momentum=0.9, dtype=keras.DTypePolicy(dtype))
    made.build((None, None, None, channels))
    draw = np.random.default_rng(7)
    made.set_weights([draw.uniform(0.5, 2, channels) for _ in made.weights])
    return made


def passed(made: keras.layers.Layer, images: np.ndarray, **options: object) -> list[np.ndarray]:
    """Outputs, the gradients by inputs and weights of a sum that weighs each output differently,
    and the moving statistics after it; compiled, as in training."""
    weighing = np.random.default_rng(5).normal(size=images.shape)

    @tf.function(autograph=False)
    def step(inputs: tf.Tensor) -> list[tf.Tensor]:
        sources = [inputs, *(weight.value for weight in made.trainable_weights)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = made(inputs, **options)
            total = tf.reduce_sum(outputs * tf.cast(weighing, outputs.dtype))
        return [outputs, *tape.gradient(total, sources)]

    found = step(tf.constant(images, made.compute_dtype))
    return [each.numpy().astype(np.float64) for each in (*found, *made.non_trainable_weights)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_the_kernel_is_keras_own_batch_norm(size: tuple[int, ...], dtype: str) -> None:
    images = np.random.default_rng(3).normal(1.5, 2.0, size)
    if dtype != "float32":  # what both see, so that only the arithmetic differs
        images = tf.cast(images, tf.bfloat16).numpy().astype(np.float64)
    fused = passed(layer(fused_layers.BatchNormalization, dtype, size[-1]), images, training=True)
    exact = passed(layer(keras.layers.BatchNormalization, "float64", size[-1]), images,
                   training=True)  # fmt: skip
    # A gradient by an input is a difference that cancels: it is measured by the largest summand.
    near = 2e-5 if dtype == "float32" else 2e-2
    for index, (one, other) in enumerate(zip(fused, exact, strict=True)):
        largest = max(1.0, float(np.abs(other).max()))
        np.testing.assert_allclose(one, other, atol=near * largest, err_msg=str(index))
    statistics = slice(-2, None)
    rough = 1e-6 if dtype == "float32" else 1e-5
    np.testing.assert_allclose(fused[statistics], exact[statistics], rtol=rough)


def test_float32_is_about_as_near_to_the_truth_as_keras_own() -> None:
    """Of maps far from 0, where a variance out of squares would lose all its digits; the kernel
    adds up in one row what Keras adds up by parts, so its means are a few roundings less exact."""
    images = np.random.default_rng(3).normal(200.0, 1.0, (32, 16, 16, 8)).astype(np.float32)
    exact, own, fused = (
        passed(layer(kind, dtype, 8), images, training=True)
        for kind, dtype in [
            (keras.layers.BatchNormalization, "float64"),
            (keras.layers.BatchNormalization, "float32"),
            (fused_layers.BatchNormalization, "float32"),
        ]
    )
    for true, theirs, ours in zip(exact, own, fused, strict=True):
        of_own, of_ours = (float(np.abs(each - true).max()) for each in (theirs, ours))
        assert of_ours <= 5 * of_own + 1e-5 * float(np.abs(true).max())


@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({"training": False}, "float32"),
        ({"training": False}, "mixed_bfloat16"),
        ({"training": True}, "float64"),
        ({"training": True, "mask": np.arange(31 * 35).reshape(31, 7, 5) % 3 > 0}, "float32"),
    ],
    ids=["inference", "inference, bfloat16", "float64", "mask"],
)
def test_all_else_is_keras_own_bit_for_bit(options: dict[str, object], dtype: str) -> None:
    images = np.random.default_rng(3).normal(1.5, 2.0, (31, 7, 5, 3))
    ours, theirs = (
        passed(layer(kind, dtype, 3), images, **options)
        for kind in (fused_layers.BatchNormalization, keras.layers.BatchNormalization)
    )
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_trained_network_is_one_that_plain_keras_opens(tmp_path: Path) -> None:
    """Its file speaks of Keras' own layers alone; a process without this project opens it, and it
    answers what the trained one does."""
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 1)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    answers = {}
    for precision in ("float32", "mixed_bfloat16"):
        spec = RunSpec(
            dataset="digits", train_images=300, width=4, depth=2, embedding=8, epochs=1,
            batch_norm=True, precision=precision,
        )  # fmt: skip
        training = prepare(spec)
        training.graph.train(training.shuffled(0)[:3], training.rates[:3], 1)
        answers[precision] = training.model(images, training=False).numpy()
        path = tmp_path / f"{precision}.keras"
        path.write_bytes(network_file("network.keras", spec, training.weights()))
        with zipfile.ZipFile(path) as archive:
            told = json.loads(archive.read("config.json"))["config"]["layers"]
        assert {each["module"].split(".")[0] for each in told} == {"keras"}
        assert "BatchNormalization" in {each["class_name"] for each in told}
    script = (
        "import keras, numpy as np\n"
        "for name in ('float32', 'mixed_bfloat16'):\n"
        "    network = keras.saving.load_model(name + '.keras')\n"
        "    np.save(name + '.npy', network(np.load('images.npy'), training=False))\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    for (precision, ours), near in zip(answers.items(), (1e-6, 1e-2), strict=True):
        np.testing.assert_allclose(np.load(tmp_path / f"{precision}.npy"), ours, atol=near)


def test_only_the_network_that_is_trained_has_them() -> None:
    spec = RunSpec(dataset="digits", width=4, depth=1, batch_norm=True)
    norm = models.connect(spec, training=True).model.get_layer("block1_norm")
    assert type(norm) is fused_layers.BatchNormalization
    plain = models.build(spec).get_layer("block1_norm")
    assert type(plain) is keras.layers.BatchNormalization


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_pooling_before_relu_changes_no_bit(dtype: str) -> None:
    """Values and gradients, where places tie, where all are below 0, and at an edge that pads."""
    plan = Plan(
        {"images": (7, 6, 2)},
        (
            Layer("norm", "BatchNormalization"),
            Layer("relu", "Activation", {"activation": "relu"}),
            Layer("pool", "MaxPooling2D", {"pool_size": 2, "padding": "same"}),
        ),
        ("pool",),
        dtype,
    )
    draw = np.random.default_rng(2)
    images = draw.integers(-2, 3, (16, 7, 6, 2)).astype(np.float32)  # many ties
    images[:4] = -np.abs(images[:4])
    weighing = tf.constant(draw.normal(size=(16, 4, 3, 2)), tf.float32)
    found = []
    for pools_first in (True, False):
        model = layers.build(plan, {}, training=pools_first).model
        kinds = [type(each).__name__ for each in model.layers[-2:]]
        assert (kinds[-1] == "Activation") == pools_first
        with tf.GradientTape() as tape:
            inputs = tf.constant(images)
            tape.watch(inputs)
            outputs = model(inputs, training=False)  # batch norm is then Keras' own in both
            total = tf.reduce_sum(tf.cast(outputs, tf.float32) * weighing)
        found.append((outputs, tape.gradient(total, inputs)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
