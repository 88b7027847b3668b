"""Weights of samples and of classes as words of the language, and the kernel, which had their name
before."""

import keras
import numpy as np
import pytest
import reference

import losses

BATCH = reference.batch()
CE = "-sum(y_true * log(y_pred), axis=-1)"
WEIGHTS = np.linspace(0.2, 3, 10).astype("float32")


def on(text: str, **more: np.ndarray) -> float:
    return float(losses.compile_loss(text).on({**BATCH, **more}))


def by_hand() -> np.ndarray:
    """Cross-entropy of each sample in float64."""
    p = BATCH["y_pred"].astype("float64")
    return -np.log(p[np.arange(len(p)), BATCH["labels"]])


@pytest.mark.parametrize(
    "text",
    [
        f"class_weights[labels] * {CE}",
        "-sum(class_weights * y_true * log(y_pred), axis=-1)",
        f"sum(class_weights * y_true, axis=-1) * {CE}",
    ],
)
def test_class_weights_are_one_number_a_class(text: str) -> None:
    expected = np.mean(WEIGHTS.astype("float64")[BATCH["labels"]] * by_hand())
    assert on(text, class_weights=WEIGHTS) == pytest.approx(expected, rel=1e-5)
    assert on(text) == pytest.approx(by_hand().mean(), rel=1e-5)  # nobody gave any
    assert losses.check(text)["inputs"].count("class_weights") == 1


def test_sample_weight_is_one_number_a_sample() -> None:
    weights = np.linspace(0, 2, 32).astype("float32")
    text = f"sample_weight * {CE}"
    expected = np.mean(weights.astype("float64") * by_hand())
    assert on(text, sample_weight=weights) == pytest.approx(expected, rel=1e-5)
    assert on(text) == pytest.approx(by_hand().mean(), rel=1e-5)


def test_the_weights_of_a_curve_and_of_the_doctor_are_one() -> None:
    weighed = losses.compile_loss(f"class_weights[labels] * {CE}")
    assert losses.doctor(weighed)["proper"].state == "yes"
    assert losses.portrait(f"sample_weight * {CE}", {}, "curve")["kind"] == "curve"


COSINE = "cosine = matmul(l2_normalize(features, axis=-1), l2_normalize({}, axis=0))\n"
OF_BEFORE = [
    COSINE + "-sum(y_true * log_softmax(30.0 * cosine), axis=-1)",
    "cross_entropy() + 1e-4 * sum(square({}))",
    "mse() + 0.1 * mean(norm({}, axis=0))",
    "arcface(features, {}, y_true, m=0.2)",
    "s = 20.0  # 1..64\narcface({}={}, s=s)",
    "k = {}\ncross_entropy() + 0.01 * mean(square(features @ k))",
    "def loss(y_true, y_pred):\n    return -sum(y_true * log_softmax(features @ {}), axis=-1)",
]


@pytest.mark.parametrize("text", OF_BEFORE)
def test_a_text_of_before_means_the_kernel(text: str) -> None:
    """`class_weights` was the last layer's kernel, (D, C): recorded runs and links say so."""
    old, new = text.replace("{}", "class_weights"), text.replace("{}", "last_kernel")
    found, meant = losses.check(old), losses.check(new)
    assert found["ok"] and meant["ok"]
    assert found["canonical"] == meant["canonical"]
    assert "class_weights" not in found["inputs"] and "last_kernel" in found["inputs"]
    assert on(old) == on(new)
    if "={}" not in text:
        assert any(note["code"] == "renamed" and "last_kernel" in note["message"]
                   for note in found["notes"])  # fmt: skip
    assert not any(note["code"] == "renamed" for note in meant["notes"])


def test_what_is_wrong_is_said_of_the_text_as_it_is_read_now() -> None:
    error = losses.check("-sum(class_weights * y_tru * log(y_pred), axis=-1)")["error"]
    assert "y_tru" in error["message"] and error["fix"] == "y_true"
    error = losses.check("matmul(features, sample_weight)")["error"]
    assert error is not None
    error = losses.check("arcface(features, sample_weight, y_true)")["error"]
    assert "last_kernel" in error["message"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("class_weight", "class_weights"), ("sample_weights", "sample_weight"),
     ("clas_weights", "class_weights"), ("kernel", "last_kernel")],
)  # fmt: skip
def test_one_click_leads_to_a_loss_that_works(typed: str, meant: str) -> None:
    """The help of the editor followed to the letter."""
    form = {"class_weights": "-sum({} * y_true * log(y_pred), axis=-1)",
            "sample_weight": "-{} * log(p_true)",
            "last_kernel": "cross_entropy() + 0.001 * sum(square({}))"}[meant]  # fmt: skip
    error = losses.check(form.format(typed))["error"]
    assert error["fix"] == meant
    assert losses.check(form.format(error["fix"]))["ok"]


def test_class_weights_go_home_with_the_loss() -> None:
    """In a model of one's own, where no run provides them."""
    text = f"class_weights[labels] * {CE}"
    loss = losses.compile_loss(text, class_weights=WEIGHTS)
    y, p = BATCH["y_true"], BATCH["y_pred"]
    expected = np.mean(WEIGHTS.astype("float64")[BATCH["labels"]] * by_hand())
    assert float(loss(y, p)) == pytest.approx(expected, rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(y, p)) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(losses.LossError, match="2 numbers for 10 classes"):
        losses.compile_loss(text, class_weights=[1, 2])


def test_a_text_that_names_sample_weight_takes_keras_own_once() -> None:
    weights = np.linspace(0, 2, 32).astype("float32")
    loss = losses.compile_loss(f"sample_weight * {CE}")
    found = loss(BATCH["y_true"], BATCH["y_pred"], weights)
    assert float(found) == pytest.approx(np.mean(weights * by_hand()), rel=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "sum(transpose(sum(class_weights, axis=-1)) / prod(y_pred, axis=-1), axis=-1)",
        "sum(class_weights, axis=-1) * p_true",
    ],
)
def test_weights_that_are_one_number_and_no_kernel_are_refused(text):
    """Their canonical text, read again, would be the kernel's: it would be another loss."""
    with pytest.raises(losses.LossError, match="as one number") as caught:
        losses.compile_loss(text)
    start = caught.value.column - 1
    assert text[start:].startswith("class_weights")
    losses.compile_loss("-sum(class_weights * y_true * log(y_pred), axis=-1)")  # the hint, followed
