"""What a dubious loss is warned of, in several spellings and at its place; and no false alarm."""

import pytest
import reference

import losses

# the code of the warning -> texts, each with the fragment it is said of (None: anywhere)
TABLE: dict[str, list[tuple[str, str | None]]] = {
    "per-class": [
        ("-y_true * log(y_pred)", "-y_true * log(y_pred)"),
        ("K.square(y_true - y_pred)", None),
        ("tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=logits)", None),
        ("K.binary_crossentropy(y_true, y_pred)", None),
        ("def f(y_true, y_pred):\n    return tf.math.abs(y_true - y_pred)", None),
    ],
    "column": [
        ("-tf.reduce_sum(y_true * tf.math.log(y_pred), axis=-1, keepdims=True)", None),
        ("K.mean(K.square(y_true - y_pred), axis=-1, keepdims=True)", None),
        ("K.batch_dot(y_true - y_pred, y_true - y_pred, axes=1)", None),
    ],
    "batch-sum": [
        ("-sum(y_true * log(y_pred))", "sum(y_true * log(y_pred))"),
        ("K.mean(-K.sum(y_true * K.log(y_pred), axis=0))", "K.sum(y_true * K.log(y_pred), axis=0)"),
        ("tf.reduce_mean(tf.reduce_sum(tf.square(y_true - y_pred), axis=0))", None),
        ("sum(square(y_true - y_pred)) / 10", None),
        ("tf.einsum('bc,bc->', y_true - y_pred, y_true - y_pred)", None),
        ("keras.losses.CategoricalCrossentropy(reduction='sum')(y_true, y_pred)", None),
        ("tf.nn.l2_loss(y_true - y_pred)", None),
    ],
    "fixed-batch": [
        ("-sum(y_true * log(y_pred)) / 32", "-sum(y_true * log(y_pred)) / 32"),
        ("-K.sum(y_true * K.log(y_pred)) / 128.", None),
        ("batch_size = 64\n-tf.reduce_sum(y_true * tf.math.log(y_pred)) / batch_size", None),
        ("def f(t, p):\n    total = K.sum(K.square(t - p))\n    return total / 256", None),
    ],
    "softmax-batch": [
        ("-sum(y_true * log_softmax(logits, axis=0), axis=-1)", "log_softmax(logits, axis=0)"),
        ("-K.sum(y_true * K.log(K.softmax(logits, axis=0)), axis=-1)", None),
        ("-tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(logits, 0)), axis=-1)", None),
    ],
    "batch-axis": [
        ("K.mean(K.square(K.cumsum(y_true) - K.cumsum(y_pred)), axis=-1)", "K.cumsum(y_true)"),
        ("mean(square(cumsum(y_true, axis=0) - cumsum(y_pred, axis=0)), axis=-1)", None),
    ],
    "one-sample": [
        ("mean(square(y_true[0] - y_pred[0]))", "y_true[0]"),
        ("K.mean(K.square(y_true[0, :] - y_pred[0, :]))", "y_true[0, :]"),
        ("mean(square(y_true[:1] - y_pred[:1]))", "y_true[:1]"),
        ("tf.reduce_mean(tf.square(tf.gather(y_true, 0) - tf.gather(y_pred, 0)))", None),
        ("mean(abs(y_true[:16] - y_pred[:16]))", None),
    ],
    "no-gradient-path": [
        ("K.mean(K.cast(K.equal(K.argmax(y_true), K.argmax(y_pred)), 'float32'))", None),
        ("mean(cast(argmax(y_pred, axis=-1) != labels, 'float32'))", "argmax(y_pred, axis=-1)"),
        ("tf.reduce_mean(tf.cast(tf.argmax(y_pred, 1) - tf.argmax(y_true, 1), tf.float32))", None),
        ("mean(where(y_pred > 0.5, 1.0, 0.0) * y_true)", "y_pred > 0.5"),
        ("mean(abs(y_true - stop_gradient(y_pred)))", "stop_gradient(y_pred)"),
    ],
    "no-gradient": [
        ("mean(abs(y_true - round(y_pred)), axis=-1)", "round(y_pred)"),
        ("K.mean(K.abs(y_true - K.round(y_pred)), axis=-1)", "K.round(y_pred)"),
        ("tf.reduce_mean(tf.abs(y_true - tf.sign(y_pred - .5)), axis=-1)", "tf.sign(y_pred - .5)"),
        ("cross_entropy() + mean(cast(argmax(y_pred, axis=-1) != labels, 'float32'))",
         "argmax(y_pred, axis=-1)"),
    ],
    "upside-down": [
        ("sum(y_true * log(y_pred), axis=-1)", "sum(y_true * log(y_pred), axis=-1)"),
        ("K.sum(y_true * K.log(y_pred + K.epsilon()), axis=-1)", None),
        ("tf.reduce_mean(tf.reduce_sum(y_true * tf.math.log(y_pred), axis=1))", None),
        ("-keras.losses.categorical_crossentropy(y_true, y_pred)", None),
        ("sum(y_true * log_softmax(logits), axis=-1)", None),
        ("p_true", None),
        ("def f(y_true, y_pred):\n    return K.mean(y_true * K.log(y_pred), axis=-1)", None),
    ],
    "from-logits": [
        ("keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=True)", None),
        ("keras.losses.CategoricalCrossentropy(from_logits=True)(y_true, y_pred)", None),
        ("tf.keras.losses.BinaryCrossentropy(True)(y_true, y_pred)", None),
        ("K.categorical_crossentropy(y_true, y_pred, from_logits=True)", None),
        ("K.binary_crossentropy(y_true, y_pred, from_logits=True)", None),
        ("tf.nn.softmax_cross_entropy_with_logits(y_true, y_pred)", None),
        ("tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)", None),
        ("tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=y_pred)", None),
        ("tf.nn.softmax_cross_entropy_with_logits(y_true, K.clip(y_pred, 1e-7, 1))", None),
        ("tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=softmax(logits))", None),
    ],
    "softmax-twice": [
        ("-sum(y_true * log(softmax(y_pred)), axis=-1)", None),
        ("-K.sum(y_true * K.log(K.softmax(y_pred)), axis=-1)", None),
        ("-tf.reduce_sum(y_true * tf.nn.log_softmax(y_pred), axis=-1)", None),
        ("mean(square(y_true - sigmoid(y_pred)), axis=-1)", "sigmoid(y_pred)"),
        ("e = exp(y_pred)\n-log(sum(y_true * (e / sum(e, axis=-1, keepdims=True)), axis=-1))",
         None),
    ],
    "log-of-target": [
        ("-sum(y_pred * log(y_true), axis=-1)", "log(y_true)"),
        ("-K.sum(y_pred * K.log(y_true), axis=-1)", "K.log(y_true)"),
        ("-tf.reduce_sum(y_pred * tf.math.log(y_true * 1.0), axis=-1)", None),
        ("-mean((1 - y_pred) * log(1 - y_true), axis=-1)", "log(1 - y_true)"),
    ],
    "divide-by-target": [
        ("mean(abs(y_true - y_pred) / y_true, axis=-1)", None),
        ("K.mean(K.abs((y_true - y_pred) / (2 * y_true)), axis=-1)", None),
    ],
    "swapped": [
        ("keras.losses.categorical_crossentropy(y_pred, y_true)", None),
        ("keras.losses.KLDivergence()(y_pred, y_true)", None),
        ("tf.keras.losses.CategoricalCrossentropy()(y_pred, y_true)", None),
        ("K.categorical_crossentropy(y_pred, y_true)", None),
        ("K.binary_crossentropy(y_pred, y_true)", None),
        ("tf.nn.softmax_cross_entropy_with_logits(labels=logits, logits=y_true)", None),
        ("def loss(y_pred, y_true):\n    return mean(abs(y_true - y_pred))", "y_pred"),
        ("def loss(output, target):\n    return mean(abs(target - output))", "output"),
    ],
    "constant": [
        ("sum(y_pred, axis=-1)", None),
        ("K.sum(y_pred, axis=-1) * 2 + 1", None),
        ("mean(y_pred * 0 + y_true)", None),
        ("mean(y_true - y_pred, axis=-1)", None),
        ("tf.reduce_sum(tf.nn.softmax(logits), axis=-1)", None),
        ("mean(square(y_pred - y_pred), axis=-1)", None),
    ],
    "unbounded": [
        ("-sum(square(logits), axis=-1)", None),
        ("sum(y_true * log(1 - y_pred), axis=-1)", None),
        ("-K.sum(y_true * logits, axis=-1)", None),
        ("-tf.reduce_sum(tf.square(features - partner_features), axis=-1)", None),
        ("cross_entropy() - sum(square(features - centers[labels]), axis=-1)", None),
        ("K.sum(y_true * K.log(y_pred), axis=-1)", None),
        ("-1 / (1 - p_true)", None),
    ],
    "no-target": [("1 - max(y_pred, axis=-1)", None), ("mean(K.square(logits))", None)],
}  # fmt: skip
CASES = [(code, *case) for code, cases in TABLE.items() for case in cases]


@pytest.mark.parametrize(("code", "text", "fragment"), CASES)
def test_it_is_warned_of_at_its_place(code, text, fragment):
    loss = losses.compile_loss(text)
    found = [w for w in loss.warnings if w.code == code]
    assert found, [w.code for w in loss.warnings]
    assert all(w.message and w.hint for w in found)
    if fragment is not None:
        assert fragment in [loss.program.fragment(w.span) for w in found]


@pytest.mark.parametrize(
    "text",
    [
        "mean(square(y_true - y_pred), axis=0)",
        "-K.sum(y_true * K.log(y_pred), axis=0)",
        "tf.reduce_mean(tf.square(y_true - y_pred), 0)",
    ],
)
def test_a_mean_over_the_batch_alone_is_told_with_the_axis_named(text):
    """Keras takes the mean over the classes of it; which of the two is meant is the author's."""
    said = [w for w in losses.compile_loss(text).warnings if w.code == "per-class"]
    assert len(said) == 1
    assert "axis=-1" in said[0].hint
    assert "mean(...)" in said[0].hint


SOUND = [
    *[e["text"] for e in reference.lines("loss_language.jsonl") if e["expect"] == "accept"],
    *[info.text for info in losses.catalog() if info.text],
    "n = tf.cast(tf.shape(y_pred)[0], tf.float32)\n-tf.reduce_sum(y_true * log(y_pred)) / n",
    "tp = sum(y_true * y_pred, axis=0)\n"
    "1 - mean(2 * tp / (sum(y_true, axis=0) + sum(y_pred, axis=0) + 1e-7))",
    "w = stop_gradient(1 - y_pred)\n-sum(w * y_true * log(y_pred), axis=-1)",
    "right = cast(argmax(y_pred, axis=-1) == labels, 'float32')\n-(2 - right) * log(p_true)",
    "tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=log(y_pred))",
    "cross_entropy() + 1e-4 * sum(square(last_kernel))",
    "y = clip(y_true, 1e-4, 1)\n-sum(y_pred * log(y), axis=-1)",
    "def loss(y, p):\n    return -K.sum(y * K.log(p), axis=-1)",
]


@pytest.mark.parametrize("text", SOUND)
def test_no_false_alarm(text):
    codes = {w.code for w in losses.compile_loss(text).warnings}
    if "maximum(abs(y_true)" in text.replace("K.", ""):  # its slope is 1e8 indeed
        codes.discard("huge")
    assert not codes


def test_a_missing_minus_is_mended_with_one_click():
    text = "gamma = 2.0\n(1 - p_true)**gamma * log(p_true)"
    warning = next(w for w in losses.compile_loss(text).warnings if w.code == "upside-down")
    assert warning.fix == "-((1 - p_true)**gamma * log(p_true))"
    mended = text.split("\n")[0] + "\n" + warning.fix
    assert not losses.compile_loss(mended).warnings
    assert losses.check(text)["warnings"][0]["fix"] == warning.fix


PAIRS = "d = sqrt(sum(square(features - partner_features), axis=-1) + 1e-9)\n"


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        (PAIRS + "same * square(d) + (1 - same) * square(maximum(1 - d, 0))", False),
        # Chopra, Hadsell & LeCun 2005 call a pair of two classes 1, as Keras' example does.
        (PAIRS + "(1 - same) * square(d) + same * square(maximum(1 - d, 0))", True),
        (PAIRS + "cross_entropy() + mean((1 - same) * d + same * maximum(1 - d, 0))", True),
        ("contrastive()", False),
    ],
)
def test_pairs_that_are_pushed_the_wrong_way_are_told(text: str, swapped: bool) -> None:
    found = {each["code"] for each in losses.check(text)["warnings"]}
    assert ("swapped-pairs" in found) == swapped


def test_class_numbers_as_a_binary_target_are_told_and_no_minus_is_asked_for() -> None:
    text = "-(labels * log(p_true) + (1 - labels) * log(1 - p_true))"
    found = losses.check(text)["warnings"]
    assert [each["code"] for each in found] == ["target-beyond-1"]
    assert "y_true" in found[0]["hint"] and "minus" not in str(found)
    mended = text.replace("labels", "y_true").replace("p_true", "y_pred")
    assert not losses.check(f"mean({mended}, axis=-1)")["warnings"]
    # A loss that has no end whatever the target is told so, as before.
    assert "unbounded" in {
        w["code"] for w in losses.check("labels * 0 - sum(logits, axis=-1)")["warnings"]
    }
