"""Class weights: what a spec may say, what they are, and what they do to training."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.utils.class_weight import compute_class_weight

import losses
from losses.weighing import weighed
from playground import RunSpec, train
from playground.__main__ import _spec
from playground.errors import SpecError
from playground.training import objective
from playground.training.events import Evaluated
from playground.training.weights import class_weights

HAND = "1,1,1,1,1,1,1,1,1,5"
RNG = np.random.default_rng(0)
LABELS = np.array([0, 0, 0, 1, 2, 0, 1, 9], np.int32)
LOGITS = RNG.normal(size=(8, 10)).astype("float32")
CE = "-sum(y_true * log(y_pred), axis=-1)"


def spec(weights: str, **more: object) -> RunSpec:
    return RunSpec(dataset="digits", class_weights=weights, **more)


@pytest.mark.parametrize("weights", ["none", "balanced", HAND])
def test_a_link_the_command_line_and_json_say_the_same(weights: str) -> None:
    wanted = spec(weights)
    query = wanted.to_query()
    assert query.get("class_weights", "none") == weights
    assert RunSpec.from_query(query) == (wanted, [])
    assert RunSpec.from_json(wanted.to_json()) == wanted
    assert _spec({"dataset": "digits", "class_weights": weights}) == wanted


def test_a_run_of_before_keeps_its_digest() -> None:
    before = json.loads(RunSpec(dataset="digits").to_json())
    del before["class_weights"]
    assert RunSpec(**before).digest == RunSpec(dataset="digits").digest
    assert spec("balanced").digest != spec("none").digest != spec(HAND).digest


def test_numbers_are_kept_in_one_spelling() -> None:
    assert spec(" 1, 1.0,1,1,1,1,1,1,1, 5.50").class_weights == "1,1,1,1,1,1,1,1,1,5.5"
    assert spec(" balanced ").class_weights == "balanced"


@pytest.mark.parametrize(
    "weights", ["", "1,2", "equal", "1,1,1,1,1,1,1,1,1,-1", "1,1,1,1,1,1,1,1,1,nan",
                "1,1,1,1,1,1,1,1,1,1e9", "1,1,1,1,1,1,1,1,1,x"]
)  # fmt: skip
def test_what_is_no_weight_is_refused_and_the_hint_works(weights: str) -> None:
    with pytest.raises(SpecError, match="expected none, balanced, or 10 numbers") as caught:
        RunSpec.parse({"dataset": "digits", "class_weights": weights})
    assert caught.value.field == "class_weights"
    example = str(caught.value).partition("as in ")[2].partition(";")[0]
    assert spec(example).class_weights == HAND
    with pytest.raises(SpecError, match="a class that counts"):
        RunSpec.parse({"class_weights": ",".join("0" * 10)})


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    found = class_weights(spec("balanced"), LABELS, 10)
    there = np.unique(LABELS)
    expected = compute_class_weight("balanced", classes=there, y=LABELS)
    np.testing.assert_allclose(found[there], expected, rtol=1e-6)
    assert np.mean(found[LABELS]) == pytest.approx(1)
    assert class_weights(spec("none"), LABELS, 10) is None
    np.testing.assert_array_equal(class_weights(spec(HAND), LABELS, 10), [1] * 9 + [5])


def known(weights: np.ndarray | None) -> dict:
    features = tf.constant(RNG.normal(size=(8, 4)).astype("float32"))
    kernel = tf.constant(RNG.normal(size=(4, 10)).astype("float32"))
    return objective.provided(
        features, tf.constant(LOGITS), tf.constant(LABELS), kernel, 1.0, 0.0, 0.0,
        class_weights=weights,
    )  # fmt: skip


WEIGHTS = np.linspace(0.1, 4, 10).astype("float32")


@pytest.mark.parametrize(
    "loss", ["categorical_crossentropy", CE, f"mean({CE})", f"0.5 * -mean(-2 * ({CE}))",
             "-mean(sum(y_true * log(y_pred), axis=-1))", "K.mean(K.categorical_crossentropy("
             "y_true, y_pred))", f"class_weights[labels] * {CE}", f"sample_weight * {CE}"]
)  # fmt: skip
def test_they_act_as_sample_weights_do_in_keras(loss: str) -> None:
    """Once, too, for a text that names them itself, and inside of a text that ends in a mean."""
    made = objective.build(RunSpec(dataset="digits", loss=loss))
    y, p = tf.one_hot(LABELS, 10), tf.nn.softmax(LOGITS)
    theirs = keras.losses.CategoricalCrossentropy()(y, p, sample_weight=WEIGHTS[LABELS])
    assert float(objective.trained(made, known(WEIGHTS))) == pytest.approx(float(theirs), rel=1e-5)
    plain = keras.losses.CategoricalCrossentropy()(y, p)
    assert float(objective.trained(made, known(None))) == pytest.approx(float(plain), rel=1e-5)


def test_one_number_of_a_batch_and_values_a_class_are_weighed_as_keras_does() -> None:
    y, p = tf.one_hot(LABELS, 10), tf.nn.softmax(LOGITS)
    each = WEIGHTS[LABELS]
    tensors = {"y_true": y, "y_pred": p}
    dice = weighed(losses.get("dice_keras"), tensors, each)
    assert float(dice) == pytest.approx(float(keras.losses.Dice()(y, p)) * each.mean(), rel=1e-5)
    table = losses.compile_loss("square(y_true - y_pred)")
    assert float(weighed(table, tensors, each)) == pytest.approx(
        float(keras.losses.MeanSquaredError()(y, p, sample_weight=each)), rel=1e-5
    )
    beside = losses.compile_loss("mean(sum(square(y_true - y_pred), axis=-1)) + mean(y_pred) * 2")
    squares = np.sum(np.square(y - p), axis=-1, dtype="float64")
    rest = 2 * np.mean(p * each[:, None], dtype="float64")
    assert float(weighed(beside, tensors, each)) == pytest.approx(
        np.mean(squares * each) + rest, rel=1e-5
    )


@pytest.mark.parametrize("first", [CE, f"mean({CE})"])
def test_terms_are_weighed_like_their_sum(first: str) -> None:
    loss = objective.build(RunSpec(dataset="digits", loss=f"{first} - 0.1 * mean(square(y_pred))"))
    provided = known(WEIGHTS)
    terms = objective.trained_terms(loss, provided)
    assert len(terms) == 2
    total = float(objective.trained(loss, provided))
    assert float(sum(terms)) == pytest.approx(total, rel=1e-5)


def last(wanted: RunSpec) -> dict[str, float]:
    """What is measured on the test images, which have every class alike."""
    found = [e.metrics for e in train(wanted) if isinstance(e, Evaluated) and e.split == "test"]
    return found[-1]


def test_they_help_rare_classes() -> None:
    """Digits with a hundred times as many zeros as nines."""
    rare = {"imbalance": 100.0, "epochs": 6, "validation_split": 0.3, "metrics": ("macro_f1",)}
    plain, balanced = (last(spec(weights, **rare)) for weights in ("none", "balanced"))
    assert balanced["macro_f1"] > plain["macro_f1"] + 0.1
    assert balanced["accuracy"] > plain["accuracy"] + 0.1


def test_a_class_of_weight_0_is_not_learned() -> None:
    weights = "1,1,1,1,1,1,1,1,1,0"
    recall = "sum(y_true[:, 9] * cast(argmax(y_pred, axis=-1) == 9, 'float32')) / sum(y_true[:, 9])"
    found = last(spec(weights, epochs=3, metrics=(recall,)))
    assert found["accuracy"] > 0.6
    assert [value for name, value in found.items() if name.startswith("text_")] == [0.0]


def test_a_run_recorded_when_class_weights_were_the_kernel_trains_as_it_did() -> None:
    """ArcFace as it was spelled then: its text is kept as it was, and so is its digest."""
    text = (
        "cosine = matmul(l2_normalize(features, axis=-1), l2_normalize(class_weights, axis=0))\n"
        "-sum(y_true * log_softmax(16.0 * (cosine - 0.1 * y_true)), axis=-1)"
    )
    recorded = RunSpec.from_json(json.dumps({"dataset": "digits", "loss": text, "epochs": 2}))
    assert recorded.loss == text
    assert (
        objective.build(recorded).inputs
        == objective.build(
            RunSpec(dataset="digits", loss=text.replace("class_weights", "last_kernel"))
        ).inputs
    )
    assert last(recorded)["accuracy"] > 0.5
