"""A loss of ours as `model.compile` takes it: the kinds of cases of Keras' own `losses_test.py`,
each value from Keras in the same process or by hand."""

from typing import Any

import keras
import numpy as np
import pytest

import losses

K = keras.losses
REGRESSION = (np.array([[1, 9, 2], [-5, -2, 6]]), np.array([[4, 8, 12], [8, 1, 3]], "float32"))
P = np.array([[0.9, 0.05, 0.05], [0.05, 0.89, 0.06], [0.05, 0.01, 0.94]], "float32")
CLASSES = (np.eye(3)[[0, 2, 1]], P)
POSITIVE = (np.array([[4.0, 8, 12], [8, 1, 3]]), np.array([[1, 9, 2], [5, 2, 6]], "float32"))
MANY = (np.eye(2)[np.arange(12).reshape(2, 6) % 2], np.random.default_rng(0).dirichlet(
    [1, 1], (2, 6)).astype("float32"))  # fmt: skip
# Name, parameters, Keras' class, a batch; a text that says the same.
CASES: dict[str, tuple[dict[str, Any], Any, Any, str]] = {
    "mean_squared_error": ({}, K.MeanSquaredError, REGRESSION,
                           "mean(square(y_true - y_pred), axis=-1)"),
    "mean_absolute_error": ({}, K.MeanAbsoluteError, REGRESSION,
                            "mean(abs(y_true - y_pred), axis=-1)"),
    "mean_absolute_percentage_error": (
        {}, K.MeanAbsolutePercentageError, REGRESSION,
        "100 * mean(abs((y_true - y_pred) / maximum(abs(y_true), 1e-7)), axis=-1)"),
    "mean_squared_logarithmic_error": (
        {}, K.MeanSquaredLogarithmicError, POSITIVE,
        "mean(square(log(1 + y_true) - log(1 + y_pred)), axis=-1)"),
    "huber": ({"delta": 0.8}, K.Huber, REGRESSION,
              "d = 0.8\ne = abs(y_true - y_pred)\n"
              "mean(where(e <= d, 0.5 * e**2, d * e - 0.5 * d**2), axis=-1)"),
    "log_cosh": ({}, K.LogCosh, REGRESSION, "mean(log(cosh(y_pred - y_true)), axis=-1)"),
    "cosine_similarity": ({}, K.CosineSimilarity, REGRESSION,
                          "-sum(y_true * y_pred, axis=-1) / norm(y_true, axis=-1)"
                          " / norm(y_pred, axis=-1)"),
    "poisson": ({}, K.Poisson, POSITIVE, "mean(y_pred - y_true * log(y_pred), axis=-1)"),
    "hinge": ({}, K.Hinge, (CLASSES[0], 3 * P - 1),
              "mean(maximum(1 - (2 * y_true - 1) * y_pred, 0), axis=-1)"),
    "squared_hinge": ({}, K.SquaredHinge, (CLASSES[0], 3 * P - 1),
                      "mean(square(maximum(1 - (2 * y_true - 1) * y_pred, 0)), axis=-1)"),
    "categorical_hinge": (
        {}, K.CategoricalHinge, (CLASSES[0], 3 * P - 1),
        "maximum(0, max((1 - y_true) * y_pred, axis=-1) - sum(y_true * y_pred, axis=-1) + 1)"),
    "kl_divergence": ({}, K.KLDivergence, CLASSES, "-sum(y_true * log(y_pred), axis=-1)"),
    "binary_crossentropy": (
        {"label_smoothing": 0.1}, K.BinaryCrossentropy, CLASSES,
        "y = 0.9 * y_true + 0.05\n"
        "-mean(y * log(y_pred) + (1 - y) * log(1 - y_pred), axis=-1)"),
    "categorical_crossentropy": ({"label_smoothing": 0.1}, K.CategoricalCrossentropy, CLASSES,
                                 "-sum((0.9 * y_true + 0.1 / 3) * log(y_pred), axis=-1)"),
    "categorical_focal_crossentropy": (
        {"gamma": 1.5}, K.CategoricalFocalCrossentropy, CLASSES,
        "sum(0.25 * y_true * (1 - y_pred)**1.5 * -log(y_pred), axis=-1)"),
    "sparse_categorical_crossentropy": (
        {}, K.SparseCategoricalCrossentropy, (np.array([0, 2, 1]), P),
        "-log(sum(one_hot(labels, num_classes) * y_pred, axis=-1))"),
    "categorical_generalized_cross_entropy": (
        {"q": 0.8}, K.CategoricalGeneralizedCrossEntropy, (np.array([0, 2, 1]), P),
        "q = 0.8\n(1 - sum(one_hot(labels, num_classes) * y_pred, axis=-1)**q) / q"),
    "dice": ({}, K.Dice, CLASSES,
             "1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + 1e-7)"),
    "tversky": ({"alpha": 0.2, "beta": 0.8}, K.Tversky, (CLASSES[0], P / 2),
                "tp = sum(y_true * y_pred)\n"
                "1 - tp / (tp + 0.2 * (sum(y_true) - tp) + 0.8 * (sum(y_pred) - tp) + 1e-7)"),
}  # fmt: skip
NAMES = list(CASES)
SCALAR = ("dice", "tversky")
SPARSE = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def ours(name: str, written: bool, /, **options: Any) -> losses.PlaygroundLoss:
    parameters, _, _, text = CASES[name]
    if written:
        return losses.compile_loss(text, num_classes=3, probe=False, **options)
    return losses.get(name, **parameters, **options)


def theirs(name: str, /, **options: Any) -> Any:
    parameters, make, _, _ = CASES[name]
    return make(**parameters, **options)


def same(found: Any, expected: Any, rtol: float = 2e-5) -> None:
    found, expected = (np.asarray(keras.ops.cast(x, "float32")) for x in (found, expected))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=2e-6)


both = pytest.mark.parametrize("written", [False, True], ids=["named", "written"])
each = pytest.mark.parametrize("name", NAMES)


@both
@each
def test_values_are_those_of_keras(name: str, written: bool) -> None:
    batch = CASES[name][2]
    same(ours(name, written)(*batch), theirs(name)(*batch))


def weights_of(name: str) -> list[Any]:
    count = len(CASES[name][2][0])
    one_each = np.array([1.2, 3.4, 0.0])[:count]
    return [2.3, 0, one_each, one_each[:, None], one_each.tolist()]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@both
@each
def test_weights_and_reductions_are_those_of_keras(
    name: str, written: bool, reduction: str | None
) -> None:
    batch = CASES[name][2]
    loss, held = ours(name, written, reduction=reduction), theirs(name, reduction=reduction)
    same(loss(*batch), held(*batch))
    for weight in weights_of(name):
        if name in SCALAR and np.ndim(weight) == 2:
            continue  # of a number and (B, 1) Keras makes (B, 1)
        same(loss(*batch, sample_weight=weight), held(*batch, sample_weight=weight))


@both
@pytest.mark.parametrize("name", [n for n in NAMES if n not in SCALAR])
def test_time_steps_weigh_and_are_masked_one_by_one(name: str, written: bool) -> None:
    y, p = CASES[name][2]
    y, p = (np.stack([x, x[::-1]]) for x in (y, p))
    weight = np.linspace(0, 3, p[..., 0].size).reshape(p.shape[:-1]).astype("float32")
    loss, held = ours(name, written), theirs(name)
    same(loss(y, p, sample_weight=weight), held(y, p, sample_weight=weight))
    for reduction in REDUCTIONS:
        masked = keras.ops.convert_to_tensor(p)
        masked._keras_mask = keras.ops.convert_to_tensor(weight > 1)
        loss, held = ours(name, written, reduction=reduction), theirs(name, reduction=reduction)
        same(loss(y, masked), held(y, masked))
        same(loss(y, masked, sample_weight=weight), held(y, masked, sample_weight=weight))


@both
@each
def test_a_mask_of_a_batch_is_kept(name: str, written: bool) -> None:
    y, p = CASES[name][2]
    masked = keras.ops.convert_to_tensor(p)
    masked._keras_mask = keras.ops.convert_to_tensor(np.arange(len(p)) != 1)
    same(ours(name, written)(y, masked), theirs(name)(y, masked))


@both
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64", keras.DTypePolicy("float16")])
def test_dtype_is_what_a_call_returns_and_float32_what_it_computes(
    dtype: Any, written: bool
) -> None:
    labels, p = np.arange(300), np.full((300, 300), 1 / 300, "float32")  # 299 is no bfloat16
    p[np.arange(300), labels] = 2 / 300
    text = "-log(sum(one_hot(labels, num_classes) * y_pred, axis=-1))"
    named = losses.get("sparse_categorical_crossentropy", dtype=dtype)
    loss = losses.compile_loss(text, dtype=dtype, probe=False) if written else named
    name = dtype if isinstance(dtype, str) else dtype.compute_dtype
    assert keras.backend.standardize_dtype(loss(labels, p).dtype) == name
    share = p / p.sum(-1, keepdims=True) if not written else p
    assert float(loss(labels, p)) == pytest.approx(-np.log(share[0, 0]), rel=1e-2)


@both
@each
def test_the_config_holds_everything(name: str, written: bool) -> None:
    loss = ours(name, written, reduction="sum", dtype="float16", name="mine")
    again = type(loss).from_config(loss.get_config())
    assert again.get_config() == loss.get_config()
    assert (again.reduction, again.name) == ("sum", "mine")
    batch = CASES[name][2]
    assert float(again(*batch)) == float(loss(*batch))
    assert keras.backend.standardize_dtype(again(*batch).dtype) == "float16"


def test_a_reduction_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="reduction"):
        losses.get("hinge", reduction="abc")


# -- targets

TAKE_NUMBERS = [
    *[losses.get(n) for n in SPARSE],
    *[
        losses.compile_loss(text, num_classes=3, probe=False)
        for text in (
            CASES["sparse_categorical_crossentropy"][3],
            "-log(p_true)",
            "-take_along_axis(log(y_pred), labels[:, None], axis=-1)[:, 0]",
            "0.0 * labels - sum(y_true * log(y_pred), axis=-1)",
        )
    ],
]


@pytest.mark.parametrize("loss", TAKE_NUMBERS, ids=lambda loss: loss.name)
@pytest.mark.parametrize("kind", ["int32", "int64", "uint8", "float32"])
def test_the_rank_says_what_are_class_numbers(loss: losses.PlaygroundLoss, kind: str) -> None:
    labels = np.array([0, 2, 1])
    expected = loss(np.eye(3)[labels], P)
    for given in (labels.astype(kind), labels.astype(kind)[:, None]):
        same(loss(given, P), expected)
        same(loss(keras.ops.convert_to_tensor(given), P), expected)
    # by hand, in float64: of the plain cross-entropies among them
    if "generalized" not in loss.name:
        own = P.astype("float64")[np.arange(3), labels]
        assert float(expected) == pytest.approx(-np.log(own).mean(), rel=1e-5)


@both
def test_a_model_learns_from_class_numbers(written: bool) -> None:
    """The case of the practitioner: 24% where Keras had 98%."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    x = (np.eye(3)[labels] * 3 + rng.normal(size=(300, 3))).astype("float32")
    for given in (labels, labels[:, None]):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation="softmax")])
        loss = ours("sparse_categorical_crossentropy", written)
        model.compile(keras.optimizers.SGD(1.0), loss=loss, metrics=["accuracy"])
        history = model.fit(x, given, epochs=3, batch_size=50, verbose=0).history
        assert history["accuracy"][-1] > 0.95
        assert model.evaluate(x, given, verbose=0)[0] == pytest.approx(
            float(theirs("sparse_categorical_crossentropy")(given, model(x))), rel=1e-4
        )


ELEMENTWISE = ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh")


@both
@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize(
    ("true", "pred"),
    [((3,), (3, 1)), ((3, 1), (3,)), ((3, 1), (3, 1)), ((3,), (3,)), ((2, 3), (2, 3, 1)),
     ((2, 3, 1), (2, 3))],
)  # fmt: skip
def test_squeezed_where_keras_squeezes(
    name: str, written: bool, true: tuple[int, ...], pred: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    y, p = (rng.normal(size=shape).astype("float32") for shape in (true, pred))
    for reduction in ("sum_over_batch_size", None):
        loss, held = ours(name, written, reduction=reduction), theirs(name, reduction=reduction)
        same(loss(y, p), held(y, p))


@both
@pytest.mark.parametrize("name", [n for n in NAMES if n not in SPARSE])
@pytest.mark.parametrize("numbers", [np.array([0, 1, 2]), np.array([[0], [1], [2]])])
def test_class_numbers_into_a_loss_of_one_hot_are_refused(
    name: str, written: bool, numbers: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"Expected y_true one-hot, of shape \(3, 3\)") as caught:
        ours(name, written)(numbers, P)
    assert isinstance(caught.value, losses.LossError)
    assert "got class numbers of shape" in caught.value.message
    assert "keras.utils.to_categorical(y_true, 3)" in str(caught.value.hint)
    # the hint, followed
    assert np.isfinite(float(ours(name, written)(keras.utils.to_categorical(numbers, 3), P)))
    if name == "categorical_crossentropy" and not written:
        assert "losses.get('sparse_categorical_crossentropy')" in str(caught.value.hint)


@both
@each
@pytest.mark.parametrize("shape", [(2,), (3, 2), (4, 3), (3, 3, 1, 1), (1, 3), ()])
def test_shapes_that_do_not_fit_are_refused(
    name: str, written: bool, shape: tuple[int, ...]
) -> None:
    with pytest.raises(losses.LossError, match=r"Expected y_true .*, got "):
        ours(name, written)(np.zeros(shape, "float32"), P)


@both
@pytest.mark.parametrize("shape", [(2,), (3, 3), (4, 1), (1, 3)])
def test_weights_that_do_not_fit_are_refused(written: bool, shape: tuple[int, ...]) -> None:
    with pytest.raises(losses.LossError, match=r"Expected sample weights of shape \(3,\)"):
        ours("categorical_crossentropy", written)(*CLASSES, sample_weight=np.ones(shape))


def test_one_value_a_class_is_averaged_before_it_is_weighed() -> None:
    loss = losses.compile_loss("square(y_true - y_pred)", num_classes=3, probe=False)
    held, weight = K.MeanSquaredError(), np.array([1.0, 0.0, 5.0])
    same(loss(*CLASSES, sample_weight=weight), held(*CLASSES, sample_weight=weight))
    column = losses.compile_loss("mean(square(y_true - y_pred), axis=-1, keepdims=True)")
    same(column(*CLASSES, sample_weight=weight), held(*CLASSES, sample_weight=weight))


INSIDE = {  # what a text averages itself, by hand
    "-mean(sum(y_true * log(y_pred), axis=-1))": lambda ce, se: ce,
    "0.5 * mean(square(y_true - y_pred)) - mean(sum(y_true * log(y_pred), axis=-1))": (
        lambda ce, se: 0.5 * se + ce
    ),
}


@pytest.mark.parametrize("text", INSIDE)
def test_a_text_that_averages_the_batch_is_weighed_inside_of_it(text: str) -> None:
    """Not times the mean weight, which tells no samples apart."""
    y, p = CLASSES[0], P.astype("float64")
    each = INSIDE[text](-np.log((y * p).sum(-1)), np.square(y - p).mean(-1))
    loss, weight = losses.compile_loss(text, probe=False), np.array([1.0, 0.0, 5.0])
    for given in (weight, weight[:, None], weight.tolist()):
        assert float(loss(*CLASSES, sample_weight=given)) == pytest.approx(
            (each * weight).mean(), rel=1e-5
        )
    assert float(loss(*CLASSES, sample_weight=2.0)) == pytest.approx(2 * each.mean(), rel=1e-5)
    share = losses.compile_loss(text, probe=False, reduction="mean_with_sample_weight")
    assert float(share(*CLASSES, sample_weight=weight)) == pytest.approx(
        (each * weight).sum() / weight.sum(), rel=1e-5
    )


def test_a_text_that_names_the_weights_is_given_them_and_not_weighed_again() -> None:
    ce = "-sum(y_true * log(y_pred), axis=-1)"
    loss = losses.compile_loss(f"sample_weight * {ce} / sum(sample_weight) * 3", probe=False)
    held = K.CategoricalCrossentropy(reduction="mean_with_sample_weight")
    weight = np.array([1.0, 0.0, 5.0])
    for given in (weight, weight[:, None]):
        same(loss(*CLASSES, sample_weight=given), held(*CLASSES, sample_weight=weight))
    same(loss(*CLASSES), K.CategoricalCrossentropy()(*CLASSES))


# -- what y_pred is


def test_a_regression_is_not_clipped() -> None:
    """21.67 for 36.67, of the issue's own text."""
    y, p = np.array([[0.0, 0, 0]]), np.array([[1.0, 3, 10]])
    loss = losses.compile_loss("mean(square(y_true - y_pred), axis=-1)")
    assert float(loss(y, p)) == pytest.approx(110 / 3)
    assert float(losses.compile_loss("brier()")(y, p)) == pytest.approx(110)


BY_HAND = {  # rates above 1 and values below 0 stay what they are
    "y_true / y_pred + log(y_pred)": lambda y, p: y / p + np.log(p),
    "y_pred - y_true * log(y_pred)": lambda y, p: p - y * np.log(p),
    "square(y_true - y_pred) + 0.0 * log(y_pred)": lambda y, p: (y - p) ** 2,
    "square(y_true - y_pred) / norm(y_pred, axis=-1, keepdims=True)": lambda y, p: (
        (y - p) ** 2 / np.linalg.norm(p, axis=-1, keepdims=True)
    ),
    "abs(y_true - y_pred)**1.5": lambda y, p: np.abs(y - p) ** 1.5,
}


@pytest.mark.parametrize("text", BY_HAND)
def test_a_logarithm_clips_what_it_takes_and_nothing_else(text: str) -> None:
    y = np.array([[1.0, 2, 3], [0.5, 1, 7]])
    p = np.array([[2.0, 30, 0.5], [1.5, 4, 9]])
    found = losses.compile_loss(text, num_classes=3, probe=False)(y, p)
    assert float(found) == pytest.approx(BY_HAND[text](y, p).mean(), rel=1e-5)


@pytest.mark.parametrize(
    "text",
    ["-log(y_pred)", "-log(1 - y_pred)", "1 / y_pred", "1 / (1 - y_pred)", "y_pred**-0.5",
     "-log(sum(y_true * y_pred, axis=-1))", "sum(y_true * y_pred, axis=-1)**-0.5",
     "-xlogy(y_true, y_pred)", "-log1p(-y_pred)"],
)  # fmt: skip
def test_what_needs_the_clip_has_it(text: str) -> None:
    y, p = np.eye(3)[[0, 1]], np.array([[0.0, 1, 0], [0, 1, 0]])
    loss = losses.compile_loss(text, num_classes=3, probe=False)
    assert np.isfinite(float(loss(y, p)))


def test_probabilities_says_what_y_pred_is() -> None:
    y, p = np.array([[0.0, 0, 0]]), np.array([[1.0, 3, 10]])
    text = "mean(square(y_true - y_pred), axis=-1)"
    assert float(losses.compile_loss(text, probabilities=True)(y, p)) == pytest.approx(1, rel=1e-5)
    log = "mean(log(y_pred), axis=-1)"
    assert np.isneginf(float(losses.compile_loss(log, probabilities=False, probe=False)(y, y)))
    # as a training run hands them over, always
    on = losses.compile_loss(text).on({"y_true": y, "y_pred": p})
    assert float(on) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("gap", [5.0, 20.0, 100.0])
@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("categorical_crossentropy", False),
        ("categorical_crossentropy", True),  # of a text, logits are those of a softmax
        ("binary_crossentropy", False),
    ],
)
def test_from_logits(name: str, written: bool, gap: float) -> None:
    z = np.array([[gap, -gap, 0.0], [-gap, gap, -gap]], "float32")
    y = np.eye(3)[[0, 0]]
    loss = ours(name, written, from_logits=True)
    same(loss(y, z), theirs(name, from_logits=True)(y, z), rtol=1e-4)


OF_LOGITS = {
    "ldam": {"counts": (5.0, 3.0, 2.0)},
    "logit_adjusted_ce": {"counts": (5.0, 3.0, 2.0)},
    "bi_tempered_logistic": {},
}


@pytest.mark.parametrize("name", OF_LOGITS)
def test_a_loss_of_logits_trains_a_model_that_ends_in_them(name: str) -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 300, p=[0.5, 0.3, 0.2])
    x = (np.eye(3)[labels] * 3 + rng.normal(size=(300, 3))).astype("float32")
    loss = losses.get(name, **OF_LOGITS[name])
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.05), loss=loss, metrics=["accuracy"])
    y = np.eye(3, dtype="float32")[labels]
    assert model.fit(x, y, epochs=4, batch_size=50, verbose=0).history["accuracy"][-1] > 0.85
    z = model(x)
    same(loss(y, z), loss.on({"y_true": y, "logits": z}))
    # of a model that ends in a softmax: the same loss, by the logarithm of what it says
    soft = losses.get(name, **OF_LOGITS[name], from_logits=False)
    same(soft(y, keras.ops.softmax(z)), loss(y, z), rtol=1e-3)


def test_the_number_of_classes_is_read_off_y_pred() -> None:
    text = "s = 0.3\n-sum((y_true * (1 - s) + s / num_classes) * log(y_pred), axis=-1)"
    held = K.CategoricalCrossentropy(label_smoothing=0.3)
    same(losses.compile_loss(text, probe=False)(*CLASSES), held(*CLASSES))  # made for 10
    with pytest.raises(losses.LossError, match="for 10 classes, and y_pred has 3"):
        losses.compile_loss(f"w = array({[1.0] * 10})\n-sum(w * log(y_pred), axis=-1)")(*CLASSES)
    with pytest.raises(losses.LossError, match="counts of 10 classes, and there are 3"):
        losses.get("ldam")(*CLASSES)


@pytest.mark.parametrize(
    ("name", "hint"), [("center_loss", "losses.CenterLoss"), ("arcface", r"loss.on\(")]
)
def test_what_keras_does_not_hand_over_is_said(name: str, hint: str) -> None:
    with pytest.raises(losses.LossError, match=hint):
        losses.get(name)(*CLASSES)


def test_an_embedding_is_compared_by_class_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 4)).astype("float32")
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    labels = np.array([1, 1, 2, 2, 3, 3])
    loss = losses.get("circle")
    expected = K.Circle()(labels, x)
    for y in (labels, labels[:, None], np.eye(4)[labels]):
        same(loss(y, x), expected, rtol=1e-4)
