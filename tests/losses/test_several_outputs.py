"""A pasted compile call of several outputs: the sum that Keras makes of its losses."""

import keras
import numpy as np
import pytest

import losses
from playground import trainable

DRAW = np.random.default_rng(0)
SAME = DRAW.integers(0, 2, 16).astype("float32")
NUMBERS = [DRAW.integers(0, 10, 16) for _ in range(2)]
CHANCES = [DRAW.dirichlet(np.ones(10), 16).astype("float32") for _ in range(2)]
Q = DRAW.uniform(0.05, 0.95, 16).astype("float32")
D = DRAW.uniform(0, 3, 16).astype("float32")
GIVEN = {
    "y_left": np.eye(10, dtype="float32")[NUMBERS[0]],
    "y_right": np.eye(10, dtype="float32")[NUMBERS[1]],
    "labels_left": NUMBERS[0].astype("int32"),
    "labels_right": NUMBERS[1].astype("int32"),
    "p_left": CHANCES[0],
    "p_right": CHANCES[1],
    "same": SAME,
    "p_same": Q,
    "distance": D,
}
LEFT, RIGHT = (
    float(keras.ops.mean(keras.losses.sparse_categorical_crossentropy(n, p)))
    for n, p in zip(NUMBERS, CHANCES, strict=True)
)
BINARY = float(keras.losses.binary_crossentropy(SAME[None], Q[None])[0])
CONTRASTIVE = float(np.mean(SAME * D**2 + (1 - SAME) * np.maximum(1 - D, 0) ** 2))

CALL = """\
left = Dense(10, activation='softmax', name='left_output')(features)
model = Model([a, b], [left, right, same])
model.compile(
    optimizer='adam',
    loss={LOSS},
    loss_weights={WEIGHTS},
    metrics=['accuracy'],
)
model.fit(x, y, epochs=3)
"""
BY_NAME = (
    "{'left_output': 'sparse_categorical_crossentropy', 'right_output': "
    "keras.losses.CategoricalCrossentropy(), 'similarity': 'binary_crossentropy'}"
)
LISTED = "['categorical_crossentropy', 'sparse_categorical_crossentropy', 'binary_crossentropy']"


@pytest.mark.parametrize(
    ("loss", "weights", "wanted"),
    [
        (BY_NAME, "{'left_output': 1.0, 'similarity': 0.5}", LEFT + RIGHT + 0.5 * BINARY),
        (BY_NAME, "None", LEFT + RIGHT + BINARY),
        (LISTED, "[0.3, 0.7, 2]", 0.3 * LEFT + 0.7 * RIGHT + 2 * BINARY),
        ("['sparse_categorical_crossentropy', None, 'bce']", "[1, 1, 4]", LEFT + 4 * BINARY),
        ("{'right': 'categorical_crossentropy', 'left': 'categorical_crossentropy'}",
         "{'left': 3.0}", 3 * LEFT + RIGHT),
    ],
)  # fmt: skip
def test_the_losses_are_added_by_their_outputs(loss: str, weights: str, wanted: float) -> None:
    text = CALL.replace("{LOSS}", loss).replace("{WEIGHTS}", weights)
    made = losses.compile_loss(text, inputs=trainable.offered("siamese"))
    assert value(made) == pytest.approx(wanted, rel=1e-5)
    note = next(each for each in made.notes if each.code == "left-out")
    assert "each times its weight" in note.message and note.fix is not None
    # The text that is offered in its place has a slider for each weight, and is the same loss.
    offered = losses.compile_loss(note.fix, inputs=trainable.offered("siamese"))
    assert value(offered) == pytest.approx(wanted, rel=1e-5)
    assert len(offered.parameters) == len(offered.terms)
    assert "left-out" not in {each.code for each in offered.notes}


def test_a_contrastive_loss_of_their_own_takes_the_distance() -> None:
    text = (
        "def contrastive_loss(y_true, y_pred):\n"
        "    return K.mean(y_true * K.square(y_pred)"
        " + (1 - y_true) * K.square(K.maximum(1 - y_pred, 0)))\n\n"
        "lw = [1.0, 1.0, 0.2]\n"
        "model.compile('adam', loss={'left': 'sparse_categorical_crossentropy', 'distance': "
        "contrastive_loss}, loss_weights={'distance': 0.2})\n"
    )
    made = losses.compile_loss(text, inputs=trainable.offered("siamese"))
    assert value(made) == pytest.approx(LEFT + 0.2 * CONTRASTIVE, rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "weights", "said"),
    [
        ("{'left': 'mse', 'boxes': 'mae'}", "None", "'boxes' is no output of this run"),
        ("['mse', 'mse', 'mse', 'mse']", "None", "losses of 4 outputs, and this run has 3"),
        ("['mse', 'mse']", "[1, 2, 3]", "3 loss_weights are given for 2 losses"),
    ],
)
def test_what_cannot_be_taken_is_said(loss: str, weights: str, said: str) -> None:
    text = CALL.replace("{LOSS}", loss).replace("{WEIGHTS}", weights)
    with pytest.raises(losses.LossError, match=said):
        losses.compile_loss(text, inputs=trainable.offered("siamese"))


def test_a_run_of_one_output_says_so() -> None:
    text = CALL.replace("{LOSS}", LISTED).replace("{WEIGHTS}", "None")
    with pytest.raises(losses.LossError, match="here there is one output"):
        losses.compile_loss(text, inputs=trainable.offered("classification"))


def value(loss: losses.WrittenLoss) -> float:
    return float(loss.on({name: keras.ops.convert_to_tensor(GIVEN[name]) for name in loss.sources}))
