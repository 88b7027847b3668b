"""Metrics: the named ones against scikit-learn, SciPy and values by hand; written ones; bounds."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import wasserstein_distance
from sklearn import metrics as sklearn_metrics

import losses

EVERY = [pytest.param(info, id=info.name) for info in losses.metrics()]
CLASSES = 5


def evaluation(seed: int = 0, count: int = 400, sure: float = 2.0) -> dict[str, np.ndarray]:
    """Images whose true class is often, not always, the likeliest, and a class that is rare."""
    random = np.random.default_rng(seed)
    labels = random.choice(CLASSES, count, p=[0.4, 0.3, 0.2, 0.09, 0.01])
    y_true = np.eye(CLASSES, dtype=np.float32)[labels]
    logits = random.normal(size=(count, CLASSES)) * sure + 1.5 * y_true
    return of_logits(labels, logits.astype(np.float32))


def of_logits(labels: np.ndarray, logits: np.ndarray) -> dict[str, np.ndarray]:
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    y_pred = (exp / exp.sum(axis=1, keepdims=True)).astype(np.float32)
    y_true = np.eye(logits.shape[1], dtype=np.float32)[labels]
    p_true = (y_true * y_pred).sum(axis=1)
    return {
        "y_true": y_true, "y_pred": y_pred, "logits": logits, "labels": labels, "p_true": p_true,
    }  # fmt: skip


def of(metric: str, tensors: dict[str, np.ndarray], **parameters: float | str) -> float:
    return float(built(metric, tensors["y_pred"].shape[1], **parameters).on(tensors))


@functools.cache
def built(metric: str, classes: int, **parameters: float | str) -> losses.WrittenLoss:
    return losses.get_metric(metric, num_classes=classes, **parameters)


def written(text: str, tensors: dict[str, np.ndarray]) -> float:
    return float(losses.compile_metric(text, num_classes=CLASSES).on(tensors))


# The named ones -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_scikit_learn_agrees(seed: int) -> None:
    given_ = evaluation(seed)
    truth, p = given_["labels"], given_["y_pred"].astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    guess = p.argmax(axis=1)
    every = list(range(CLASSES))
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(truth, guess),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(truth, guess),
        "macro_f1": sklearn_metrics.f1_score(truth, guess, average="macro"),
        "negative_log_likelihood": sklearn_metrics.log_loss(truth, p, labels=every),
    }
    for name, value in expected.items():
        assert of(name, given_) == pytest.approx(value, rel=1e-5), name
    for k in range(1, CLASSES):
        value = sklearn_metrics.top_k_accuracy_score(truth, p, k=k, labels=every)
        assert of("top_k_accuracy", given_, k=k) == pytest.approx(value, rel=1e-6)


def words(call: str, tensors: dict[str, np.ndarray]) -> float:
    """A metric called with words, as a text does."""
    classes = tensors["y_pred"].shape[1]
    return float(losses.compile_metric(call, num_classes=classes).on(tensors))


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("seed", range(3))
def test_scikit_learn_agrees_on_averages(seed: int, average: str) -> None:
    given_ = evaluation(seed, sure=1.0)
    truth, p = given_["labels"], given_["y_pred"].astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)
    guess, more = p.argmax(axis=1), {"average": average, "zero_division": 0}
    expected = {
        f"precision(average='{average}')": sklearn_metrics.precision_score(truth, guess, **more),
        f"recall(average='{average}')": sklearn_metrics.recall_score(truth, guess, **more),
        f"f_beta(beta=0.5, average='{average}')": sklearn_metrics.fbeta_score(
            truth, guess, beta=0.5, **more
        ),
        f"roc_auc(average='{average}')": sklearn_metrics.roc_auc_score(
            truth, p, multi_class="ovr", average=average, labels=range(CLASSES)
        ),
    }
    for call, value in expected.items():
        assert words(call, given_) == pytest.approx(value, rel=1e-5), call


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_scikit_learn_agrees_on_agreement(weights: str) -> None:
    given_ = evaluation(1)
    truth, guess = given_["labels"], given_["y_pred"].argmax(axis=1)
    kappa = sklearn_metrics.cohen_kappa_score(
        truth, guess, weights=None if weights == "none" else weights
    )
    assert words(f"cohens_kappa(weights='{weights}')", given_) == pytest.approx(kappa, rel=1e-5)
    correlation = sklearn_metrics.matthews_corrcoef(truth, guess)
    assert of("matthews_correlation", given_) == pytest.approx(correlation, rel=1e-5)


def test_the_defaults_are_macro_and_recall_counts_double() -> None:
    given_ = evaluation(2)
    truth, guess = given_["labels"], given_["y_pred"].argmax(axis=1)
    more = {"average": "macro", "zero_division": 0}
    assert of("precision", given_) == pytest.approx(
        sklearn_metrics.precision_score(truth, guess, **more), rel=1e-5
    )
    assert of("recall", given_) == pytest.approx(
        sklearn_metrics.recall_score(truth, guess, **more), rel=1e-5
    )
    assert of("f_beta", given_) == pytest.approx(
        sklearn_metrics.fbeta_score(truth, guess, beta=2, **more), rel=1e-5
    )
    assert of("f_beta", given_, beta=1.0) == pytest.approx(of("macro_f1", given_))


def test_area_under_the_curve_counts_pairs() -> None:
    """Every two images of one class and of others, ties half, pair by pair."""
    given_ = evaluation(3, count=60)
    p = np.round(given_["y_pred"].astype(np.float64), 1)  # many ties
    found = []
    for c in range(CLASSES):
        own, rest = p[given_["labels"] == c, c], p[given_["labels"] != c, c]
        if len(own) and len(rest):
            pairs = [(a > b) + 0.5 * (a == b) for a in own for b in rest]
            found.append(np.mean(pairs))
    rounded = {**given_, "y_pred": p.astype(np.float32)}
    assert of("roc_auc", rounded) == pytest.approx(np.mean(found), rel=1e-5)


def test_guessing_one_class_agrees_with_nothing() -> None:
    labels = np.array([0, 0, 1, 2])
    blind = of_logits(labels, np.tile(np.eye(3, dtype=np.float32)[0] * 5, (4, 1)))
    for name in ("matthews_correlation", "cohens_kappa"):
        assert of(name, blind) == pytest.approx(0, abs=1e-6)
    assert of("roc_auc", blind) == pytest.approx(0.5)
    assert of("precision", blind) == pytest.approx(0.5 / 3)


def test_a_word_that_is_none_is_refused_with_those_there_are() -> None:
    for text in ("precision(average='marco')", "cohens_kappa(weights='square')"):
        with pytest.raises(losses.LossError) as caught:
            losses.compile_metric(text)
        assert "it is one of '" in str(caught.value.hint)
    with pytest.raises(losses.LossError, match="did you mean 'macro'"):
        losses.compile_metric("precision(average='marco')")
    with pytest.raises(losses.LossError, match="cannot be 'both'"):
        losses.compile_loss("lovasz_softmax(classes='both')")
    with pytest.raises(losses.LossError, match="cannot be 'both'"):
        losses.get("lovasz_softmax", classes="both")
    for word in ("both", 2.0, "'macro') + accuracy("):
        with pytest.raises(losses.LossError, match="cannot be"):
            losses.get_metric("precision", average=word)
    assert of("precision", evaluation(), average="micro") == of("accuracy", evaluation())


def test_a_name_of_a_metric_may_be_a_variable() -> None:
    text = (
        "guess = cast(y_pred > 0.5, 'float32')\ntp = sum(y_true * guess)\n"
        "precision = tp / maximum(sum(guess), 1)\nrecall = tp / sum(y_true)\n"
        "2 * precision * recall / maximum(precision + recall, 1e-7)"
    )
    given_ = evaluation()
    guess = given_["y_pred"] > 0.5
    expected = sklearn_metrics.f1_score(given_["y_true"], guess, average="micro")
    assert written(text, given_) == pytest.approx(expected, rel=1e-5)


def test_a_class_that_is_neither_there_nor_guessed_does_not_count() -> None:
    given_ = of_logits(np.array([0, 0, 1, 1]), np.eye(4, dtype=np.float32)[[0, 1, 1, 1]] * 5)
    truth, guess = given_["labels"], given_["y_pred"].argmax(axis=1)
    score = sklearn_metrics.f1_score(truth, guess, average="macro")
    assert of("macro_f1", given_) == pytest.approx(score) == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert of("balanced_accuracy", given_) == pytest.approx((0.5 + 1.0) / 2)


def test_earth_movers_distance_is_scipys() -> None:
    given_ = evaluation(count=40)
    places = np.arange(CLASSES)
    distances = [
        wasserstein_distance(places, places, y, p)
        for y, p in zip(given_["y_true"], given_["y_pred"], strict=True)
    ]
    assert of("earth_movers_distance", given_) == pytest.approx(np.mean(distances), rel=1e-5)


def test_earth_movers_distance_by_hand() -> None:
    """All of the probability two classes off, half of it one class off."""
    y_true = np.eye(4, dtype=np.float32)[[1, 1]]
    y_pred = np.array([[0, 0, 0, 1], [0, 0.5, 0.5, 0]], np.float32)
    tensors = {"y_true": y_true, "y_pred": y_pred}
    assert of("earth_movers_distance", tensors) == pytest.approx((2 + 0.5) / 2)
    assert of("squared_earth_movers_distance", tensors) == pytest.approx((1 + 1 + 0.25) / 2)


def test_brier_by_hand() -> None:
    y_true = np.eye(3, dtype=np.float32)[[0, 1]]
    y_pred = np.array([[1, 0, 0], [1, 0, 0]], np.float32)
    assert of("brier", {"y_true": y_true, "y_pred": y_pred}) == pytest.approx(1.0)  # 0 and 2


def calibration_error(y_true: np.ndarray, y_pred: np.ndarray, bins: int) -> float:
    """Guo et al. 2017, equation 3, bin by bin."""
    right, sure = y_pred.argmax(axis=1) == y_true.argmax(axis=1), y_pred.max(axis=1)
    total = 0.0
    for m in range(1, bins + 1):
        inside = (sure > (m - 1) / bins) & (sure <= m / bins)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    return float(total)


@pytest.mark.parametrize("bins", [1, 2, 15, 100])
def test_calibration_error_is_guos(bins: int) -> None:
    given_ = evaluation(count=1000)
    expected = calibration_error(given_["y_true"], given_["y_pred"].astype(np.float64), bins)
    found = of("expected_calibration_error", given_, bins=bins)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("bins", [2, 15])
def test_the_maximum_calibration_error_is_that_of_the_worst_bin(bins: int) -> None:
    given_ = evaluation(count=300)
    right = given_["y_pred"].argmax(axis=1) == given_["labels"]
    sure = given_["y_pred"].astype(np.float64).max(axis=1)
    gaps = []
    for m in range(1, bins + 1):
        inside = (sure > (m - 1) / bins) & (sure <= m / bins)
        if inside.any():
            gaps.append(abs(right[inside].mean() - sure[inside].mean()))
    found = of("maximum_calibration_error", given_, bins=bins)
    assert found == pytest.approx(max(gaps), abs=1e-5)


def test_calibration_error_by_hand() -> None:
    """90% sure and right 3 times of 4; 60% sure and always right."""
    sure = np.array([0.9, 0.9, 0.9, 0.9, 0.6, 0.6], np.float32)
    y_pred = np.stack([sure, 1 - sure], axis=1)
    y_true = np.eye(2, dtype=np.float32)[[0, 0, 0, 1, 0, 0]]
    found = of("expected_calibration_error", {"y_true": y_true, "y_pred": y_pred})
    assert found == pytest.approx(4 / 6 * 0.15 + 2 / 6 * 0.4, abs=1e-6)


def test_it_is_not_a_mean_over_batches() -> None:
    """What 15 bins and a macro mean are of the whole, they are not of the mean of halves."""
    given_ = evaluation(count=200)
    halves = [{name: a[part::2] for name, a in given_.items()} for part in (0, 1)]
    for name in ("expected_calibration_error", "macro_f1"):
        assert np.mean([of(name, half) for half in halves]) != pytest.approx(of(name, given_))
    whole = calibration_error(given_["y_true"], given_["y_pred"].astype(np.float64), 15)
    assert of("expected_calibration_error", given_) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("info", EVERY)
def test_perfect_predictions_are_the_best_there_are(info: losses.MetricInfo) -> None:
    labels = np.arange(20) % CLASSES
    perfect = of_logits(labels, 60 * np.eye(CLASSES, dtype=np.float32)[labels])
    best = {"higher": info.high, "lower": info.low}[info.better]
    assert of(info.name, perfect) == pytest.approx(best, abs=1e-5)
    hopeless = of_logits((labels + 2) % CLASSES, 60 * np.eye(CLASSES, dtype=np.float32)[labels])
    worse = of(info.name, hopeless)
    assert worse < best if info.better == "higher" else worse > best


@st.composite
def evaluations(draw: st.DrawFn) -> dict[str, np.ndarray]:
    """Any logits, ties and extremes among them, with any labels."""
    count = draw(st.integers(1, 12))
    numbers = st.floats(-40, 40, width=32) | st.sampled_from([-40.0, 0.0, 40.0])
    logits = draw(arrays(np.float32, (count, CLASSES), elements=numbers))
    return of_logits(draw(arrays(np.int64, count, elements=st.integers(0, CLASSES - 1))), logits)


@settings(deadline=None, max_examples=50)
@given(evaluations(), st.integers(0, 9))
def test_values_lie_in_their_range_and_know_no_order(
    tensors: dict[str, np.ndarray], seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(len(tensors["labels"]))
    moved = {name: array[order] for name, array in tensors.items()}
    for info in losses.metrics():
        value = of(info.name, tensors)
        assert value >= info.low - 1e-6
        if info.high is not None:
            assert value <= info.high + 1e-6
        assert of(info.name, moved) == pytest.approx(value, rel=1e-5, abs=1e-6)
    assert of("top_k_accuracy", tensors, k=1) == of("accuracy", tensors)
    assert of("top_k_accuracy", tensors, k=CLASSES) == 1.0
    far = of("earth_movers_distance", tensors)
    assert of("squared_earth_movers_distance", tensors) <= far + 1e-6 <= CLASSES - 1 + 2e-6


@pytest.mark.parametrize("info", EVERY)
def test_what_is_said_about_it(info: losses.MetricInfo) -> None:
    assert info.title and info.short and info.latex and info.paper and info.function.__doc__
    assert info.when.endswith(".")
    assert info.better in ("higher", "lower")
    assert info.unit != "%" or (info.low, info.high) == (0.0, 1.0)
    assert info.as_dict()["short"] == info.short
    for knob in info.parameters:
        assert knob.default in knob.choices or knob.low <= knob.default <= knob.high


# Written ones ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("argmax(y_true, axis=-1) == argmax(y_pred, axis=-1)", "accuracy"),
        ("-log(p_true)", "negative_log_likelihood"),
        ("sum(square(y_true - y_pred), axis=-1)", "brier"),
        ("sum(abs(cumsum(y_true, axis=-1) - cumsum(y_pred, axis=-1)), axis=-1)",
         "earth_movers_distance"),
        ("def top(y_true, y_pred, k=3):\n    return top_k_accuracy(k=3)", "top_k_accuracy"),
        (" brier\n", "brier"),
        ("1 - accuracy() - (1 - macro_f1()) + accuracy()", "macro_f1"),
    ],
)  # fmt: skip
def test_a_text_is_the_named_metric(text: str, name: str) -> None:
    given_ = evaluation()
    assert written(text, given_) == pytest.approx(of(name, given_), rel=1e-5)


def test_a_text_goes_over_the_whole_set() -> None:
    given_ = evaluation()
    worst = written("max(-log(p_true))", given_)
    assert worst == pytest.approx(-np.log(given_["p_true"].min()), rel=1e-5)
    tempered = written("expected_calibration_error(y_true, softmax(logits / 3))", given_)
    cooler = of_logits(given_["labels"], given_["logits"] / 3)
    assert tempered == pytest.approx(of("expected_calibration_error", cooler), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brierr", "unknown name 'brierr': did you mean 'brier'?"),
        ("y_true", "the metric does not use the prediction"),
        ("x = [1.0, 2.0]", "the metric is its last expression"),
        ("y_pred[:, :2]", "a metric is one value a sample"),
        ("top_k_accuracy(k=0)", "'k' of top_k_accuracy is a whole number from 1 to 100"),
        ("expected_calibration_error(bins=1000000)", "a whole number from 1 to 100"),
        ("mean(abs(p_true[:, None] - p_true[None, :]))", "needs 900,000,000 numbers"),
        ("brier() + supcon()", "needs 900,000,000 numbers"),
        ("mean(y_ture)", "unknown name 'y_ture'"),
    ],
)
def test_a_faulty_text_is_refused_in_a_metrics_words(text: str, said: str) -> None:
    with pytest.raises(losses.LossError) as caught:
        losses.compile_metric(text)
    assert said in caught.value.message
    report = losses.check(text, metric=True)
    assert not report["ok"]
    assert report["error"]["message"] == caught.value.message


def test_a_report_on_a_metric_asks_for_no_gradient() -> None:
    report = losses.check("argmax(y_pred, axis=-1) == labels", metric=True)
    assert report["ok"]
    assert report["warnings"] == []
    assert report["latex"]


def test_wrong_names_and_parameters_are_explained() -> None:
    with pytest.raises(losses.LossError, match="did you mean 'brier'"):
        losses.get_metric("brierr")
    with pytest.raises(losses.LossError, match="no argument 'kk': did you mean 'k'"):
        losses.get_metric("top_k_accuracy", kk=3)
    with pytest.raises(losses.LossError, match="finite"):
        losses.get_metric("top_k_accuracy", k=float("nan"))


def test_a_loss_cannot_call_a_metric() -> None:
    """It has no gradient."""
    with pytest.raises(losses.LossError, match="unknown name 'macro_f1'"):
        losses.compile_loss("macro_f1()")
