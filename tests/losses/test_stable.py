"""Stable by itself: the rewritten loss is the loss as typed, and stays finite beyond."""

import keras
import numpy as np
import pytest
import reference
import tensorflow as tf

import losses
from losses.language import canonical, emit, stable
from losses.language.graph import topological
from losses.language.program import analyse

B = reference.batch()
GIVEN = {n: tf.constant(v) for n, v in B.items()}
LEARNT = ("y_pred", "logits", "features")

# a text, the operation it becomes (None: the same one, with care), and what it is said of
FORMS = [
    ("-sum(y_true * log(softmax(logits)), axis=-1)", "log_softmax", "log(softmax(logits))"),
    ("-K.sum(y_true * K.log(K.softmax(logits)), axis=1)", "log_softmax",
     "K.log(K.softmax(logits))"),
    ("-tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(logits, -1)), axis=-1)", "log_softmax",
     "tf.math.log(tf.nn.softmax(logits, -1))"),
    ("z = softmax(logits)\n-sum(y_true * log(z), axis=-1)", "log_softmax", "log(z)"),
    ("e = exp(logits)\nmean(square(e / sum(e, axis=-1, keepdims=True) - y_true), axis=-1)",
     "softmax", "e / sum(e, axis=-1, keepdims=True)"),
    ("-sum(y_true * log(exp(logits) / sum(exp(logits), axis=1, keepdims=True)), axis=-1)",
     "log_softmax", None),
    ("log(sum(exp(logits), axis=-1)) - sum(y_true * logits, axis=-1)", "logsumexp",
     "log(sum(exp(logits), axis=-1))"),
    ("K.log(K.sum(K.exp(logits), axis=-1)) - K.sum(y_true * logits, axis=-1)", "logsumexp", None),
    ("-mean(y_true * log(sigmoid(logits)), axis=-1)", "log_sigmoid", "log(sigmoid(logits))"),
    ("-mean((1 - y_true) * log(1 - sigmoid(logits)), axis=-1)", "log_sigmoid",
     "log(1 - sigmoid(logits))"),
    ("p = 1 / (1 + exp(-logits))\n-mean(y_true * log(p) + (1 - y_true) * log(1 - p), axis=-1)",
     "log_sigmoid", None),
    ("mean(square(1 / (1 + K.exp(-logits)) - y_true), axis=-1)", "sigmoid", None),
    ("mean(log(1 + exp(logits)) - y_true * logits, axis=-1)", "softplus", "log(1 + exp(logits))"),
    ("mean(log(exp(logits) + 1) - y_true * logits, axis=-1)", "softplus", None),
    ("mean(tf.math.log1p(tf.exp(logits)) - y_true * logits, axis=-1)", "softplus", None),
    ("-mean(log(1 - exp(-abs(logits))) * y_true, axis=-1)", "expm1", "log(1 - exp(-abs(logits)))"),
    ("-sum(y_true * log(y_pred), axis=-1)", None, "log(y_pred)"),
    ("sqrt(sum(square(y_true - y_pred), axis=-1))", None, None),
    ("sum(abs(y_true - y_pred), axis=-1) ** 0.75", None, None),
]  # fmt: skip


def plain(text: str, monkeypatch) -> losses.WrittenLoss:
    """The loss as typed, nothing rewritten."""
    with monkeypatch.context() as patch:
        patch.setattr("losses.language.program.stabilise", lambda result, builder: result)
        return losses.compile_loss(text, probe=False)


def slopes(loss, given) -> tuple[float, list[np.ndarray]]:
    watched = [given[n] for n in loss.inputs if n in LEARNT]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        value = loss.on(given)
    return float(value), [np.asarray(g) for g in tape.gradient(value, watched)]


@pytest.mark.parametrize(("text", "op", "fragment"), FORMS)
def test_the_stable_form_is_the_same_loss(text, op, fragment, monkeypatch):
    made, typed = losses.compile_loss(text, probe=False), plain(text, monkeypatch)
    (value, slope), (expected, wanted) = slopes(made, GIVEN), slopes(typed, GIVEN)
    assert value == pytest.approx(expected, rel=1e-5)
    for ours, theirs in zip(slope, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    ops = [n.op for n in made.program.order]
    assert op in ops if op else any(n.attrs.get("stable") for n in made.program.order)
    notes = [n for n in made.notes if n.code == "stable"]
    assert notes
    if fragment:
        assert fragment in [made.program.fragment(n.span) for n in notes]


@pytest.mark.parametrize(("text", "op", "fragment"), FORMS)
def test_it_stays_finite_where_the_typed_form_does_not(text, op, fragment):
    """At logits of a few hundred, and where the prediction is the target."""
    given = {**B, "logits": 300 * B["logits"], "y_pred": B["y_true"]}
    value, slope = slopes(
        losses.compile_loss(text, probe=False), {n: tf.constant(v) for n, v in given.items()}
    )
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in slope)


@pytest.mark.parametrize(("text", "op", "fragment"), FORMS)
def test_the_rewritten_graph_is_written_and_read_again(text, op, fragment):
    program = analyse(text)
    again = analyse(canonical.text(program))
    assert canonical.digest(again) == canonical.digest(program)
    for node in program.order:
        assert program.fragment(node.span)


@pytest.mark.parametrize(
    "text",
    [
        "sum(y_true * log(y_true / y_pred), axis=-1)",
        "sum(y_true * (log(y_true) - log(y_pred)), axis=-1)",
        "K.sum(y_true * K.log(y_true) - y_true * K.log(y_pred), axis=-1)",
        "sum(log(y_true / y_pred) * y_true, axis=-1)",
    ],
)
def test_nothing_times_log_of_nothing_is_nothing(text):
    expected = -np.log((B["y_true"] * B["y_pred"]).sum(-1)).mean()
    value, slope = slopes(losses.compile_loss(text), GIVEN)
    assert value == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(slope[0]).all()


@pytest.mark.parametrize(
    "text", ["mean(log(y_true * y_pred), axis=-1)", "mean(sqrt(y_pred - y_true), axis=-1)"]
)
def test_what_has_no_value_is_still_said(text):
    assert "nonfinite" in {w.code for w in losses.compile_loss(text).warnings}


@pytest.mark.parametrize(
    "text",
    [
        "mean(sqrt(square(y_true - y_pred) + 1e-6), axis=-1)",
        "mean(sqrt(y_pred) * y_true, axis=-1)",
        "sum(y_pred * log(y_pred), axis=-1) - p_true",
        "mean(log(1 + square(y_true - y_pred)), axis=-1)",
        "mean((1 - y_pred)**0.5 * y_true, axis=-1)",
    ],
)
def test_what_is_safe_is_left_alone(text):
    order = analyse(text).order
    assert not any(n.attrs.get("stable") is True for n in order)


@pytest.mark.parametrize(
    "text",
    ["-sum(y_true * log(y_pred), axis=-1)", "cross_entropy()", "sparse_categorical_crossentropy()"],
)
def test_in_a_training_step_log_of_y_pred_has_a_gradient_beyond_the_clip(text):
    loss = losses.compile_loss(text, probe=False)
    z = tf.constant(200.0 * np.roll(B["y_true"], 1, axis=-1))  # surely wrong: p is 0 in float32

    @tf.function
    def step(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            found = {"y_true": GIVEN["y_true"], "y_pred": tf.nn.softmax(logits)}
            value = loss.on({**found, "labels": GIVEN["labels"]})
        return value, tape.gradient(value, logits)

    value, slope = step(z)
    assert float(value) == pytest.approx(200.0, rel=1e-5)
    np.testing.assert_allclose(slope, (tf.nn.softmax(z) - GIVEN["y_true"]) / 32, atol=1e-6)
    value, _ = step(GIVEN["logits"])
    assert float(value) == pytest.approx(float(loss.on(GIVEN)), rel=1e-5)


def test_a_classifier_that_is_wrong_throughout_learns():
    """Keras' own fit: the loss finds the softmax of the last layer."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(
        10, activation="softmax", bias_initializer=lambda s, dtype: [-90.0] + [0] * 9
    )
    model = keras.Sequential([keras.Input((16,)), layer])
    model.compile(
        keras.optimizers.SGD(50.0), loss=losses.compile_loss("-sum(y_true * log(y_pred), axis=-1)")
    )
    x, y = B["features"], np.eye(10, dtype="float32")[np.zeros(32, int)]
    model.fit(x, y, epochs=5, verbose=0)
    assert model.predict(x, verbose=0)[:, 0].mean() > 0.5


def test_equal_parts_are_one_node():
    named = analyse("d = y_true - y_pred\nmean(d * d + abs(d), axis=-1)")
    typed = analyse("mean((y_true - y_pred)**2 + abs(y_true - y_pred), axis=-1)")
    assert canonical.digest(named) == canonical.digest(typed)
    assert [n.op for n in named.order].count("sub") == 1


def test_every_marked_operation_has_its_emitter():
    assert set(emit.CAREFUL) == {"sqrt", "pow"}
    assert topological(analyse("sqrt(y_true[:, 0]) * p_true").result)
    assert stable.__doc__
