"""Targets and predictions in each other's place, and bounds in the place of an axis."""

import pytest

import losses

SWAPPED = [
    "def f(map_pred, map_true):\n    return K.categorical_crossentropy(map_true, map_pred)",
    "def f(student_logits, true_labels):\n    return K.square(student_logits - true_labels)",
    "def f(y_true, y_pred):\n    keep = K.cast(y_true > -1, 'float32')\n"
    "    return K.categorical_crossentropy(y_pred * keep, y_true * keep)",
    "def f(y_true, y_pred):\n    keep = K.cast(y_true > -1, 'float32')\n"
    "    return keras.losses.kl_divergence(y_pred * keep, y_true)",
    "K.categorical_crossentropy(softmax(logits / 2.0), softmax(teacher_logits / 2.0))",
    "keras.losses.kl_divergence(softmax(logits), softmax(teacher_logits))",
]
RIGHT = [
    "def f(map_true, map_pred):\n    return K.categorical_crossentropy(map_true, map_pred)",
    "def f(p_true, p):\n    return K.categorical_crossentropy(p_true, p)",
    "def f(y_true, y_pred):\n    keep = K.cast(y_true > -1, 'float32')\n"
    "    return K.categorical_crossentropy(y_true * keep, y_pred * keep)",
    "K.categorical_crossentropy(softmax(teacher_logits), softmax(logits))",
    "K.categorical_crossentropy(0.5 * y_true + 0.5 * stop_gradient(y_pred), y_pred)",
]


@pytest.mark.parametrize("text", SWAPPED)
def test_swapped_arguments_are_told(text: str) -> None:
    assert "swapped" in {w.code for w in losses.compile_loss(text).warnings}


@pytest.mark.parametrize("text", RIGHT)
def test_arguments_in_their_places_are_not(text: str) -> None:
    assert "swapped" not in {w.code for w in losses.compile_loss(text).warnings}


@pytest.mark.parametrize(
    ("body", "told"),
    [("K.mean(K.max(1 - y_true * y_pred, 0))", True),
     ("K.mean(K.min(K.square(y_true - y_pred), 1))", True),
     ("K.mean(K.max(K.square(y_true - y_pred), axis=0))", False),
     ("K.mean(K.max(K.square(y_true - y_pred), 1))", False),
     ("K.mean(tf.reduce_min(K.square(y_true - y_pred), 1))", False),
     ("K.mean(K.maximum(1 - y_true * y_pred, 0))", False)],
)  # fmt: skip
def test_a_bound_in_the_place_of_an_axis_is_told(body: str, told: bool) -> None:
    loss = losses.compile_loss(f"def f(y_true, y_pred):\n    return {body}")
    said = [w for w in loss.warnings if w.code == "bound-as-axis"]
    assert bool(said) == told
    assert all("imum(x" in (w.hint or "") and w.line == 2 for w in said)
