"""Class numbers where y_true is one-hot, and lookups beyond the end of a table."""

import numpy as np
import pytest
import reference

import losses

B = reference.batch()
PT = (B["y_true"].astype("float64") * B["y_pred"]).sum(-1)
K_OF = B["labels"]


def refused(text: str) -> losses.LossError:
    with pytest.raises(losses.LossError) as caught:
        losses.compile_loss(text)
    return caught.value


def followed(text: str, error: losses.LossError) -> str:
    lines = text.split("\n")
    at, end = error.line - 1, error.end_line - 1
    assert at == end and error.fix
    line = lines[at]
    lines[at] = line[: error.column - 1] + error.fix + line[error.end_column - 1 :]
    return "\n".join(lines)


SPARSE = [
    "keras.losses.sparse_categorical_crossentropy(y_true, y_pred)",
    "tf.keras.losses.SparseCategoricalCrossentropy()(y_true, y_pred)",
    "sparse_categorical_crossentropy(y_true, y_pred)",
    "K.sparse_categorical_crossentropy(y_true, y_pred)",
    "K.sparse_categorical_crossentropy(K.cast(y_true, 'int32'), y_pred)",
    "tf.keras.losses.sparse_categorical_crossentropy(y_true=y_true, y_pred=y_pred)",
    "K.sparse_categorical_crossentropy(K.flatten(y_true), y_pred)",
    "K.sparse_categorical_crossentropy(K.max(y_true, axis=-1), y_pred)",
    "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=K.log(y_pred))",
    "-K.sum(K.one_hot(K.cast(y_true[..., 0], 'int32'), 10) * K.log(y_pred), axis=-1)",
    "-tf.reduce_sum(tf.one_hot(tf.cast(y_true[:, 0], tf.int32), depth=10)"
    " * tf.math.log(y_pred), axis=-1)",
    "-K.sum(K.one_hot(K.cast(K.squeeze(y_true[:, :1], -1), 'int32'), 10) * K.log(y_pred), axis=-1)",
    "-K.sum(K.one_hot(K.cast(K.flatten(y_true), 'uint8'), 10) * K.log(y_pred), axis=-1)",
    "-K.log(tf.gather(y_pred, tf.cast(y_true[:, 0], tf.int32), axis=1, batch_dims=1))",
    "-K.log(tf.squeeze(tf.gather(y_pred, tf.cast(y_true[:, :1], 'int32'), batch_dims=1, axis=1)))",
]


@pytest.mark.parametrize("body", SPARSE)
def test_class_numbers_are_asked_for_where_y_true_is_one_hot(body: str) -> None:
    for text in (body, f"def f(y_true, y_pred):\n    return {body}"):
        error = refused(text)
        assert "class numbers" in error.message
        assert "labels" in (error.hint or "")
        mended = followed(text, error)
        assert "labels" in mended
        if ":1]" in body and "gather" in body:
            continue  # of a column, which labels is not: the next fault
        loss = losses.compile_loss(mended)
        assert float(loss.on(B)) == pytest.approx(-np.log(PT).mean(), rel=1e-5)


def test_a_sparse_class_by_itself_takes_the_labels() -> None:
    for text in (
        "keras.losses.SparseCategoricalCrossentropy()",
        "ce = tf.keras.losses.SparseCategoricalCrossentropy()",
    ):
        loss = losses.compile_loss(text)
        assert loss.inputs == ("labels", "y_pred")
        assert float(loss.on(B)) == pytest.approx(-np.log(PT).mean(), rel=1e-5)


def test_no_fix_where_the_text_calls_the_target_labels() -> None:
    error = refused(
        "def f(labels, logits):\n"
        "    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)"
    )
    assert error.fix is None
    assert "argmax" in (error.hint or "")
    assert losses.compile_loss(
        "def f(labels, logits):\n    return K.sparse_categorical_crossentropy("
        "K.argmax(labels, axis=-1), logits)"
    )


def test_a_table_of_two_by_the_entries_of_y_true() -> None:
    """The weights of absent and present classes."""
    loss = losses.compile_loss(
        "def f(y_true, y_pred):\n"
        "    w = tf.gather([0.5, 2.0], tf.cast(y_true, tf.int32))\n"
        "    return K.mean(w * K.square(y_true - y_pred), axis=-1)"
    )
    y, p = B["y_true"].astype("float64"), B["y_pred"]
    expected = (np.where(y == 1, 2.0, 0.5) * (y - p) ** 2).mean()
    assert float(loss.on(B)) == pytest.approx(expected, rel=1e-5)


CE = "K.categorical_crossentropy(y_true, y_pred)"
SHORT = [
    f"w[labels] * {CE}",
    f"w[K.argmax(y_true, axis=-1)] * {CE}",
    f"tf.gather(w, tf.argmax(y_true, axis=-1)) * {CE}",
    f"K.gather(w, K.argmax(y_true)) * {CE}",
    f"K.gather(K.constant(w), K.cast(K.argmax(y_true), 'int32')) * {CE}",
    f"tf.gather_nd(w, tf.expand_dims(labels, -1)) * {CE}",
    f"np.take(w, labels) * {CE}",
    f"tf.squeeze(tf.gather(w, tf.reshape(labels, (-1, 1)))) * {CE}",
    f"tf.gather(w, [0, 3, 1])[0] * {CE}",
]


@pytest.mark.parametrize("body", SHORT)
def test_a_table_shorter_than_the_numbers_looked_up_is_refused(body: str) -> None:
    text = f"w = tf.constant([1.0, 2.0, 3.0])\ndef f(y_true, y_pred):\n    return {body}"
    error = refused(text)
    assert error.line == 3
    assert "3" in error.message and ("9" in error.message or "entry 3" in error.message)


def test_a_table_with_an_entry_a_class_is_looked_up() -> None:
    weights = np.arange(1.0, 11.0)
    text = (
        f"w = K.constant({weights.tolist()})\n"
        f"def f(y_true, y_pred):\n    return K.gather(w, K.argmax(y_true)) * {CE}"
    )
    found = float(losses.compile_loss(text).on(B))
    assert found == pytest.approx((weights[K_OF] * -np.log(PT)).mean(), rel=1e-5)
    longer = text.replace(str(weights.tolist()), str([*weights, 99.0])).replace(
        "K.argmax(y_true)", "K.argmax(y_true) + 1"
    )
    found = float(losses.compile_loss(longer).on(B))
    assert found == pytest.approx(((weights[K_OF] + 1) * -np.log(PT))[K_OF < 9].sum() / 32
                                  + (99 * -np.log(PT))[K_OF == 9].sum() / 32, rel=1e-5)  # fmt: skip


@pytest.mark.parametrize(
    "body",
    ["y_pred[K.argmax(y_true)]", "tf.gather(y_pred, labels)", "y_pred[labels]",
     "tf.gather_nd(y_pred, tf.expand_dims(tf.argmax(y_true, axis=1), 1))"],
)  # fmt: skip
def test_the_batch_is_not_indexed_by_class_numbers(body: str) -> None:
    error = refused(f"def f(y_true, y_pred):\n    return -K.log({body})")
    assert error.line == 2
    assert "samples of the batch" in error.message
    assert error.hint == "to pick the true class write sum(y_true * y_pred, axis=-1)"
