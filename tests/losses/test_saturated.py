"""Where the network is sure: by name, as text and by hand every loss is the same, and it teaches.

A training step's probabilities round to 0 at a logit gap of 104 and are below 1e-7, where Keras
clips them, from a gap of 16 on. After training, wrong labels lie there.
"""

import closed_forms
import keras
import numpy as np
import pytest
import reference
import tensorflow as tf
from closed_forms import FORMS, exact, saturated, traced

import losses
from losses.language.inputs import OF_THE_PROBABILITY

BATCH = reference.batch()
INFOS = {info.name: info for info in losses.catalog()}
OF_LOGITS = [name for name, info in INFOS.items() if set(info.inputs) <= set(OF_THE_PROBABILITY)]
GAPS = (5.0, 20.0, 100.0)
# 1e-7 of a probability is 9 of this one, which divides by 1e-7.
ROUGH = {"mean_absolute_percentage_error": 100.0}


def test_every_loss_of_a_prediction_is_here():
    assert sorted(OF_LOGITS) == sorted(FORMS), "write the new loss into closed_forms.py, by hand"


@pytest.mark.parametrize("name", OF_LOGITS)
def test_named_and_written_are_right_at_every_gap(name):
    named = traced(losses.get(name))
    written = traced(losses.compile_loss(INFOS[name].text, probe=False))
    for gap in GAPS:
        for z in saturated(gap).values():
            value, slope = exact(FORMS[name], 3, z)
            # A text multiplies by y_pred as it is clipped, 9e-7 in all, times a logarithm of 100.
            for ask, off in ((named, 2e-5), (written, 1e-4)):
                found, its_slope = ask(z)
                rough = ROUGH.get(name, 0.0)
                assert found == pytest.approx(value, rel=1e-5, abs=off + rough)
                np.testing.assert_allclose(
                    its_slope, slope, atol=2e-4 * max(np.abs(slope).max(), 1e-2) + rough
                )


PT = "pt = sum(y_true * y_pred, axis=-1)\n"
CE = FORMS["categorical_crossentropy"]
BCE = FORMS["binary_crossentropy"]
# How notebooks write them; by hand what they mean.
TYPED = {
    "-log(p_true)": CE,
    "-log(sum(y_true * softmax(logits), axis=-1))": CE,
    "-K.log(K.sum(y_true * K.clip(y_pred, K.epsilon(), 1 - K.epsilon()), axis=-1))": CE,
    "p = K.clip(y_pred, K.epsilon(), 1 - K.epsilon())\n-K.sum(y_true * K.log(p), axis=-1)": CE,
    "-log(max(y_true * y_pred, axis=-1))": CE,
    "-log(take_along_axis(y_pred, labels[:, None], axis=-1))[:, 0]": CE,
    "-sum(where(y_true > 0.5, log(y_pred), 0.0), axis=-1)": CE,
    "-K.log(K.sum(K.one_hot(labels, 10) * y_pred, axis=-1))": CE,
    "-sum(y_true * log(tf.cast(y_pred, tf.float32)), axis=-1)": CE,
    "-log(2 * p_true) + log(2.0)": CE,
    "-0.5 * log(square(p_true))": CE,
    "-log2(p_true) * log(2.0)": CE,
    "K.categorical_crossentropy(y_true, y_pred)": CE,
    "K.mean(K.binary_crossentropy(y_true, y_pred), axis=-1)": BCE,
    "-mean(log(where(y_true > 0.5, y_pred, 1 - y_pred)), axis=-1)": BCE,
    "-mean(log(y_true * y_pred + (1 - y_true) * (1 - y_pred)), axis=-1)": BCE,
    "-mean(y_true * log(y_pred) + (1 - y_true) * log1p(-y_pred), axis=-1)": BCE,
    PT + "-(1 - pt)**2.0 * log(pt)": FORMS["focal"],
    "gamma = 2.0\n-(1 - p_true)**gamma * log(p_true)": FORMS["focal"],
    "-log(1 - sum((1 - y_true) * y_pred, axis=-1))": CE,
    "(1 - sqrt(sum(y_true * y_pred, axis=-1))) / 0.5": FORMS[
        "categorical_generalized_cross_entropy"
    ],
}


@pytest.mark.parametrize("text", TYPED)
def test_what_notebooks_type_is_right_at_every_gap(text):
    loss = losses.compile_loss(text, probe=False)
    ask = traced(loss)
    for gap in GAPS:
        for z in saturated(gap).values():
            value, slope = exact(TYPED[text], 3, z)
            found, its_slope = ask(z)
            assert found == pytest.approx(value, rel=1e-5, abs=2e-5)
            np.testing.assert_allclose(its_slope, slope, atol=2e-5)


@pytest.mark.parametrize("text", TYPED)
def test_outside_of_a_training_step_they_are_what_they_say(text):
    """Where only probabilities are given, none of them saturated."""
    loss = losses.compile_loss(text, probe=False)
    y = tf.one_hot([3], 10)
    z = saturated(5.0)["wrong"]
    given = {"y_true": y, "y_pred": tf.nn.softmax(z[None]), "labels": tf.constant([3]),
             "logits": z[None]}  # fmt: skip
    value, _ = exact(TYPED[text], 3, z)
    assert float(loss.on(given)) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("text", ["-log(clip(p_true, 1e-4, 1))", "-log(p_true + 1e-4)"])
def test_a_guard_of_the_text_is_kept(text):
    value, slope = traced(losses.compile_loss(text, probe=False))(saturated(20.0)["wrong"])
    assert value == pytest.approx(-np.log(1e-4), rel=1e-3)
    assert np.abs(slope).max() < 1e-4


@pytest.mark.parametrize("name", ["binary_crossentropy", "binary_focal_crossentropy"])
@pytest.mark.parametrize("written", [False, True])
def test_of_sigmoids_as_well(name, written):
    """A multi-label model: each class by itself, 60 logits on the wrong side."""
    loss = losses.compile_loss(INFOS[name].text, probe=False) if written else losses.get(name)
    y, z = tf.constant([[1.0, 0.0, 1.0]]), tf.constant([[-60.0, 60.0, 2.0]])

    @tf.function
    def slope():
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = loss.on({"y_true": y, "y_pred": tf.sigmoid(z)})
        return value, tape.gradient(value, z)

    value, found = slope()
    if name == "binary_crossentropy":
        last = np.log1p(np.exp(-2.0))
        assert float(value) == pytest.approx((120 + last) / 3, rel=1e-5)
        np.testing.assert_allclose(found, [[-1 / 3, 1 / 3, -1 / (1 + np.exp(2)) / 3]], rtol=1e-4)
    else:
        np.testing.assert_allclose(found[0, :2], [-1 / 3, 1 / 3], rtol=1e-4)


@pytest.mark.parametrize("name", ["focal", "poly1", "sce", "binary_crossentropy", "gce", "nce"])
def test_half_precision_knows_its_logits_too(name):
    """Under mixed precision the softmax is of float16, and cast before the loss sees it."""
    loss = losses.get(name)

    @tf.function
    def slope(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = loss(tf.one_hot([3], 10), tf.cast(tf.nn.softmax(z), "float32"))
        return tape.gradient(value, z)

    z = saturated(20.0)["wrong"]
    found = slope(tf.constant(z[None], tf.float16))
    _, expected = exact(FORMS[name], 3, z.astype("float16").astype("float64"))
    np.testing.assert_allclose(found[0], expected, atol=2e-3)


@pytest.mark.parametrize("name", ["focal", "poly1", "sce", "class_balanced_ce"])
def test_where_only_probabilities_are_known_the_value_is_clipped_and_the_gradient_is_not(name):
    """A softmax by hand hides its logits; its p of 2e-9 still teaches."""
    loss = losses.get(name)
    z = tf.constant(saturated(20.0)["wrong"][None])
    with tf.GradientTape() as tape:
        tape.watch(z)
        e = tf.exp(z - tf.reduce_max(z))
        value = loss(tf.one_hot([3], 10), e / tf.reduce_sum(e))
    expected = exact(FORMS[name], 3, saturated(20.0)["wrong"])[1]
    np.testing.assert_allclose(tape.gradient(value, z)[0, 3], expected[3], rtol=1e-3)
    assert float(value) < 17 * 2


def test_cross_entropy_keeps_its_bits():
    """-sum(y log_softmax(z)), as ever, named and written."""
    z = tf.constant(3 * BATCH["logits"])
    y = tf.constant(BATCH["y_true"])

    @tf.function
    def values(loss):
        given = {"y_true": y, "y_pred": tf.nn.softmax(z), "labels": BATCH["labels"]}
        return loss.on(given)

    expected = tf.function(lambda: tf.reduce_mean(-tf.reduce_sum(y * tf.nn.log_softmax(z), -1)))()
    written = losses.compile_loss("-sum(y_true * log(y_pred), axis=-1)", probe=False)
    for loss in (losses.get("categorical_crossentropy"), written):
        assert float(values(loss)) == float(expected)


# Of a target that names no class these have nothing to say.
NAMES_A_CLASS = ("categorical_crossentropy", "focal", "poly1", "sce", "nce", "apl_nce_rce", "gce",
                 "taylor_ce", "class_balanced_ce", "categorical_focal_crossentropy", "ldam",
                 "logit_adjusted_ce", "normalised_focal", "apl_nfl_rce", "apl_nce_mae",
                 "apl_nfl_mae", "dice_per_sample", "jaccard", "tversky_per_sample", "baikal",
                 "sparsemax")  # fmt: skip


@pytest.mark.parametrize("name", [n for n in OF_LOGITS if "y_true" in INFOS[n].inputs])
@pytest.mark.parametrize("inside", [False, True], ids=["eager", "graph"])
def test_rows_without_a_class_are_finite_and_teach_nothing(name, inside):
    """Padding: three rows of zeros among others, which name and text take alike."""
    padded = {n: v.copy() for n, v in BATCH.items()}
    padded["y_true"][[0, 7, 31]] = 0
    z = tf.constant(padded["logits"])

    def slope(loss):
        with tf.GradientTape() as tape:
            tape.watch(z)
            p = tf.nn.softmax(z)
            value = loss.on({"y_true": padded["y_true"], "logits": z, "y_pred": p})
        return value, tape.gradient(value, z)

    run = tf.function(slope, autograph=False) if inside else slope
    value, found = run(losses.get(name))
    value_of_text, found_of_text = run(losses.compile_loss(INFOS[name].text, probe=False))
    assert np.isfinite(value) and np.isfinite(found).all()
    assert float(value_of_text) == pytest.approx(float(value), rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(found_of_text, found, rtol=1e-3, atol=1e-6)
    if name in NAMES_A_CLASS:
        np.testing.assert_allclose(found.numpy()[[0, 7, 31]], 0, atol=1e-8)


@pytest.mark.parametrize("text", ["-log(sum(y_true * y_pred, axis=-1))", "-log(p_true)",
                                  PT + "-(1 - pt)**2.0 * log(pt)"])  # fmt: skip
@pytest.mark.parametrize("inside", [False, True], ids=["eager", "graph"])
def test_in_a_text_the_logarithm_of_no_class_is_nothing(text, inside):
    loss = losses.compile_loss(text, probe=False)
    z = tf.constant(BATCH["logits"])

    def slope():
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = loss.on({"y_true": tf.zeros((32, 10)), "y_pred": tf.nn.softmax(z)})
        return value, tape.gradient(value, z)

    value, found = tf.function(slope)() if inside else slope()
    assert float(value) == 0
    np.testing.assert_array_equal(found, 0)


def test_a_model_that_is_sure_of_wrong_classes_learns_with_any_of_them():
    """Keras' own fit, from 40 logits on the wrong side: one step moves the true class up."""
    x = np.ones((8, 4), "float32")
    y = np.eye(10, dtype="float32")[np.zeros(8, int)]
    for name in ("focal", "poly1", "sce", "class_balanced_ce", "binary_crossentropy",
                 "confidence_penalty", "soft_bootstrapping", "asymmetric_loss"):  # fmt: skip
        for loss in (losses.get(name), losses.compile_loss(INFOS[name].text, probe=False)):
            layer = keras.layers.Dense(
                10,
                activation="softmax",
                kernel_initializer="zeros",
                bias_initializer=lambda s, dtype: [-40.0] + [0.0] * 9,
            )
            model = keras.Sequential([keras.Input((4,)), layer])
            model.compile(keras.optimizers.SGD(1.0), loss=loss)
            model.train_on_batch(x, y)
            assert float(layer.bias[0]) > -40 + 0.04, name


def test_the_table_prints(capsys, monkeypatch):
    monkeypatch.setattr(closed_forms, "FORMS", {"focal": FORMS["focal"]})
    closed_forms.main()
    assert len(capsys.readouterr().out.splitlines()) == 4
