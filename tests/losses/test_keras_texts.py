"""Keras' losses in a text, with arguments as Keras takes them: what is typed, computed by Keras."""

import keras
import numpy as np
import pytest

import losses

K = keras.losses
P = np.array([[0.7, 0.2, 0.1], [0.2, 0.3, 0.5], [0.1, 0.85, 0.3]], "float32")  # no softmax
LABELS = np.array([0, 1, 1])
Y = np.eye(3, dtype="float32")[LABELS]
Z = np.array([[2.0, -1, 0.5], [0.3, 0, -2], [-1, 3, 1]], "float32")

CLASSES = {  # typed arguments after the class' name: all of Keras' own signatures
    "BinaryFocalCrossentropy()": K.BinaryFocalCrossentropy(),
    "BinaryFocalCrossentropy(True, 0.25)": K.BinaryFocalCrossentropy(True, 0.25),
    "BinaryFocalCrossentropy(True, 0.3, 1.5)": K.BinaryFocalCrossentropy(True, 0.3, 1.5),
    "BinaryFocalCrossentropy(False, 0.25, 1.0, True, 0.1)": K.BinaryFocalCrossentropy(
        False, 0.25, 1.0, True, 0.1
    ),
    "CategoricalFocalCrossentropy(0.5, 1.5)": K.CategoricalFocalCrossentropy(0.5, 1.5),
    "CategoricalFocalCrossentropy(0.5, 1.5, True)": K.CategoricalFocalCrossentropy(0.5, 1.5, True),
    "CategoricalCrossentropy(True, 0.1, -1)": K.CategoricalCrossentropy(True, 0.1, -1),
    "CategoricalCrossentropy(False, 0.1, 1, 'sum')": K.CategoricalCrossentropy(
        False, 0.1, 1, "sum"
    ),
    "BinaryCrossentropy(True, 0.1)": K.BinaryCrossentropy(True, 0.1),
    "Huber(0.1)": K.Huber(0.1),
    "Huber(0.1, 'sum')": K.Huber(0.1, "sum"),
    "MeanSquaredError('sum')": K.MeanSquaredError("sum"),
    "CosineSimilarity(-1)": K.CosineSimilarity(-1),
    "CosineSimilarity(1, reduction='sum')": K.CosineSimilarity(1, reduction="sum"),
    "Dice('sum', 'mine', None)": K.Dice("sum", "mine", None),
    "Tversky(0.2, 0.8)": K.Tversky(0.2, 0.8),
}


@pytest.mark.parametrize("typed", CLASSES)
def test_a_class_reads_its_arguments_in_the_order_of_keras(typed: str) -> None:
    logits = getattr(CLASSES[typed], "from_logits", False)
    text = f"keras.losses.{typed}(y_true, {'logits' if logits else 'y_pred'})"
    loss = losses.compile_loss(text, num_classes=3, probe=False)
    expected = float(CLASSES[typed](Y, Z if logits else P))
    assert float(loss.on({"y_true": Y, "y_pred": P, "logits": Z})) == pytest.approx(
        expected, rel=1e-4
    )


FUNCTIONS = {
    "binary_focal_crossentropy(y_true, y_pred)": K.binary_focal_crossentropy(Y, P),
    "binary_focal_crossentropy(y_true, y_pred, True, 0.3)": K.binary_focal_crossentropy(
        Y, P, True, 0.3
    ),
    "categorical_focal_crossentropy(y_true, logits, 0.5, 1.0, True)": (
        K.categorical_focal_crossentropy(Y, Z, 0.5, 1.0, True)
    ),
    "cosine_similarity(y_true, y_pred, -1)": K.cosine_similarity(Y, P, -1),
    "cosine_similarity(y_true, y_pred, axis=1)": K.cosine_similarity(Y, P, axis=1),
    "huber(y_true, y_pred, 0.1)": K.huber(Y, P, 0.1),
    "dice(y_true, y_pred, None)": K.dice(Y, P, None),
    "tversky(y_true, y_pred, 0.2, 0.8, axis=(0, 1))": K.tversky(Y, P, 0.2, 0.8, axis=(0, 1)),
}


@pytest.mark.parametrize("typed", FUNCTIONS)
def test_a_function_reads_its_arguments_in_the_order_of_keras(typed: str) -> None:
    loss = losses.compile_loss(f"keras.losses.{typed}", num_classes=3, probe=False)
    found = loss.values({"y_true": Y, "y_pred": P, "logits": Z})
    np.testing.assert_allclose(found, FUNCTIONS[typed], rtol=1e-4)


@pytest.mark.parametrize(
    "typed",
    ["mse(y_true, y_pred, axis=0)", "focal(axis=0)", "triplet_semi_hard(axis=-1)",
     "keras.losses.SparseCategoricalCrossentropy(axis=0)(labels, y_pred)"],
)  # fmt: skip
def test_an_axis_that_keras_does_not_have_is_refused_and_not_thrown_away(typed: str) -> None:
    error = losses.check(typed, numeric=False)["error"]
    assert "axis" in error["message"] and error["hint"] == "leave axis out"


@pytest.mark.parametrize(
    ("typed", "says"),
    [("keras.losses.binary_crossentropy(y_true, y_pred, axis=(0, 1))", "a single axis"),
     ("cosine_similarity(y_true, y_pred, axis=2)", "there is no axis 2 of y_pred, which has 2"),
     ("keras.losses.Dice(axis=(0, -3))(y_true, y_pred)", "there is no axis -3")],
)  # fmt: skip
def test_an_axis_that_cannot_be_is_refused(typed: str, says: str) -> None:
    assert says in losses.check(typed, numeric=False)["error"]["message"]


ALONG = {
    "keras.losses.CosineSimilarity(0)(y_true, y_pred)": K.CosineSimilarity(0),
    "cosine_similarity(y_true, y_pred, axis=0)": K.CosineSimilarity(0),
    "mean(cosine_similarity(y_true, y_pred, axis=-2))": K.CosineSimilarity(0),
    "keras.losses.CosineSimilarity(0, reduction='sum')(y_true, y_pred)": K.CosineSimilarity(
        0, reduction="sum"
    ),
    "keras.losses.BinaryCrossentropy(axis=0)(y_true, y_pred)": K.BinaryCrossentropy(axis=0),
    "keras.losses.CategoricalCrossentropy(axis=0)(y_true, y_pred)": K.CategoricalCrossentropy(
        axis=0
    ),
    "keras.losses.CategoricalCrossentropy(axis=0, from_logits=True)(y_true, logits)": (
        K.CategoricalCrossentropy(axis=0, from_logits=True)
    ),
    "keras.losses.Dice(axis=1)(y_true, y_pred)": K.Dice(axis=1),
    "keras.losses.Dice(axis=0)(y_true, y_pred)": K.Dice(axis=0),
    "dice(y_true, y_pred, axis=-1)": K.Dice(axis=-1),
    "keras.losses.Tversky(0.2, 0.9, axis=1)(y_true, y_pred)": K.Tversky(0.2, 0.9, axis=1),
}


@pytest.mark.parametrize("typed", ALONG)
def test_another_axis_is_obeyed(typed: str) -> None:
    loss = losses.compile_loss(typed, num_classes=3, probe=False)
    expected = float(ALONG[typed](Y, Z if "logits" in typed else P))
    tensors = {"y_true": Y, "y_pred": P, "logits": Z}
    assert float(loss.on(tensors)) == pytest.approx(expected, rel=1e-4)
    again = losses.compile_loss(loss.canonical, num_classes=3, probe=False)
    assert again.digest == loss.digest
    assert float(again.on(tensors)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("typed", "says"),
    [("keras.losses.Hinge('most')(y_true, y_pred)", "'most' is no reduction"),
     ("keras.losses.Huber(0.1, delta=0.2)(y_true, y_pred)", "given twice"),
     ("keras.losses.Hinge('sum', 'a', 'float32', 1)(y_true, y_pred)", "at most 3 arguments")],
)  # fmt: skip
def test_arguments_that_the_class_does_not_have_are_refused(typed: str, says: str) -> None:
    assert says in losses.check(typed, numeric=False)["error"]["message"]


@pytest.mark.parametrize("parameters", [{}, {"apply_class_balancing": True, "alpha": 0.4}])
def test_binary_focal_balances_classes_when_told_to(parameters: dict[str, float]) -> None:
    found = losses.get("binary_focal_crossentropy", **parameters)(Y, P)
    assert float(found) == pytest.approx(float(K.BinaryFocalCrossentropy(**parameters)(Y, P)))


def test_the_doctor_takes_a_name() -> None:
    named = losses.doctor("focal")
    assert named.as_dict() == losses.doctor(losses.get("focal")).as_dict()
    with pytest.raises(losses.LossError, match="did you mean 'focal'"):
        losses.doctor("focall")
    with pytest.raises(losses.LossError, match="compile_loss"):
        losses.doctor("-sum(y_true * log(y_pred), axis=-1)")
    with pytest.raises(losses.LossError, match="this is a MeanSquaredError"):
        losses.doctor(K.MeanSquaredError())  # type: ignore[arg-type]
