"""Metrics as Keras takes them: named as asked, and right over an epoch, where a mean of batches is
not; against scikit-learn, or by hand in float64."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from sklearn import metrics as sk

import losses

DRAW = np.random.default_rng(0)
LABELS = DRAW.choice(3, 100, p=[0.6, 0.3, 0.1])
P = DRAW.dirichlet(np.ones(3), 100).astype("float32")
P = (P + 0.4 * np.eye(3, dtype="float32")[np.where(DRAW.random(100) < 0.6, LABELS, 0)]) / 1.4
GUESS = P.argmax(-1)


def ece(y: np.ndarray, p: np.ndarray) -> float:
    sure, right = p.astype("float64").max(-1), p.argmax(-1) == y
    place = np.clip(np.ceil(sure * 15) - 1, 0, 14)
    return sum(abs((right - sure)[place == m].sum()) for m in range(15)) / len(y)


EXPECTED: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "macro_f1": lambda y, p: sk.f1_score(y, p.argmax(-1), average="macro"),
    "balanced_accuracy": lambda y, p: sk.balanced_accuracy_score(y, p.argmax(-1)),
    "matthews_correlation": lambda y, p: sk.matthews_corrcoef(y, p.argmax(-1)),
    "cohens_kappa": lambda y, p: sk.cohen_kappa_score(y, p.argmax(-1)),
    "expected_calibration_error": ece,
    "accuracy": lambda y, p: sk.accuracy_score(y, p.argmax(-1)),
    "brier": lambda y, p: np.square(np.eye(3)[y] - p.astype("float64")).sum(-1).mean(),
    "negative_log_likelihood": lambda y, p: -np.log(p[np.arange(len(y)), y]).mean(),
    "max(sum(y_true, axis=0)) / sum(y_true) + 0 * mean(y_pred)": lambda y, p: (
        np.bincount(y).max() / len(y)
    ),
}


def model_of(*measured: Any) -> keras.Model:
    """Passes probabilities on."""
    given = keras.Input((3,))
    model = keras.Model(given, keras.layers.Identity()(given))
    model.compile(loss=losses.get("brier"), metrics=list(measured))
    return model


def test_over_an_epoch_they_are_what_they_are_of_all_samples() -> None:
    measured = {text: losses.compile_metric(text, name=f"m{i}") for i, text in enumerate(EXPECTED)}
    model = model_of(*measured.values())
    one_hot = np.eye(3)[LABELS]
    for _ in range(2):  # nothing is left of the epoch before
        found = model.evaluate(P, one_hot, batch_size=7, verbose=0, return_dict=True)
        for text, metric in measured.items():
            assert found[metric.name] == pytest.approx(EXPECTED[text](LABELS, P), rel=1e-4), text


def test_a_mean_of_batches_is_something_else() -> None:
    """That the test above can fail."""
    for name in ("macro_f1", "expected_calibration_error", "matthews_correlation"):
        parts = [EXPECTED[name](LABELS[i : i + 7], P[i : i + 7]) for i in range(0, 98, 7)]
        assert abs(np.mean(parts) - EXPECTED[name](LABELS, P)) > 0.003


@pytest.mark.parametrize("form", [LABELS, LABELS[:, None], np.eye(3)[LABELS]])
@pytest.mark.parametrize("name", ["macro_f1", "accuracy", "expected_calibration_error"])
def test_class_numbers_will_do(name: str, form: np.ndarray) -> None:
    metric = losses.get_metric(name)
    for i in range(0, 100, 30):
        metric.update_state(form[i : i + 30], P[i : i + 30])
    assert float(metric.result()) == pytest.approx(EXPECTED[name](LABELS, P), rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0.0
    metric.update_state(form[:10], P[:10])
    assert float(metric.result()) == pytest.approx(EXPECTED[name](LABELS[:10], P[:10]), rel=1e-5)


def test_fit_reports_them_of_training_and_validation_by_their_names() -> None:
    given = keras.Input((3,))
    model = keras.Model(given, keras.layers.Dense(3, activation="softmax")(given))
    measured = [losses.get_metric("macro_f1"), losses.get_metric("top_k_accuracy", k=2),
                losses.compile_metric("f_beta(beta=0.5)"), losses.compile_metric("brier"),
                losses.compile_metric("mean(y_pred[:, 0])")]  # fmt: skip
    model.compile("sgd", loss=losses.get("sparse_categorical_crossentropy"), metrics=measured)
    rest = P[60:], LABELS[60:]
    names = ["macro_f1", "top_k_accuracy", "f_beta", "brier", "metric"]
    found = model.fit(P[:60], LABELS[:60], batch_size=16, epochs=2, verbose=0, validation_data=rest)
    assert set(names) | {"val_" + name for name in names} <= set(found.history)
    expected = EXPECTED["macro_f1"](LABELS[60:], model.predict(P[60:], verbose=0))
    assert found.history["val_macro_f1"][-1] == pytest.approx(expected, rel=1e-5)


def test_one_value_a_sample_is_weighed_and_masked() -> None:
    weights = np.linspace(0, 2, 100).astype("float32")
    right = (GUESS == LABELS).astype("float64")
    for shape in ((100,), (100, 1)):
        metric = losses.get_metric("accuracy")
        metric.update_state(LABELS, P, sample_weight=weights.reshape(shape))
        assert float(metric.result()) == pytest.approx((right * weights).sum() / weights.sum())
    for name in ("accuracy", "macro_f1"):
        metric, kept = losses.get_metric(name), weights > 0.5
        masked = keras.ops.convert_to_tensor(P)
        masked._keras_mask = keras.ops.convert_to_tensor(kept)
        metric.update_state(LABELS, masked)
        assert float(metric.result()) == pytest.approx(
            EXPECTED[name](LABELS[kept], P[kept]), rel=1e-5
        )
    with pytest.raises(losses.LossError, match="one number of all samples"):
        losses.get_metric("roc_auc").update_state(LABELS, P, sample_weight=weights)


WEIGHED: dict[str, Callable[[np.ndarray], float]] = {
    "macro_f1": lambda w: sk.f1_score(LABELS, GUESS, average="macro", sample_weight=w),
    "f_beta(beta=2, average='weighted')": lambda w: sk.fbeta_score(
        LABELS, GUESS, beta=2, average="weighted", sample_weight=w
    ),
    "precision(average='micro')": lambda w: sk.precision_score(
        LABELS, GUESS, average="micro", sample_weight=w
    ),
    "recall": lambda w: sk.recall_score(LABELS, GUESS, average="macro", sample_weight=w),
    "balanced_accuracy": lambda w: sk.balanced_accuracy_score(LABELS, GUESS, sample_weight=w),
    "matthews_correlation": lambda w: sk.matthews_corrcoef(LABELS, GUESS, sample_weight=w),
    "cohens_kappa(weights='quadratic')": lambda w: sk.cohen_kappa_score(
        LABELS, GUESS, weights="quadratic", sample_weight=w
    ),
    "expected_calibration_error": lambda w: ece(np.repeat(LABELS, w), np.repeat(P, w, axis=0)),
}


@pytest.mark.parametrize("text", WEIGHED)
def test_what_is_made_of_sums_is_weighed(text: str) -> None:
    """Whole weights: each sample so many times."""
    weights = DRAW.integers(0, 4, 100)
    metric = losses.compile_metric(text)
    for i in range(0, 100, 30):
        part = slice(i, i + 30)
        metric.update_state(LABELS[part], P[part], sample_weight=weights[part, None])
    assert float(metric.result()) == pytest.approx(WEIGHED[text](weights), rel=1e-4)


def test_time_steps_are_samples_and_a_mask_leaves_some_out() -> None:
    steps, kept = P.reshape(20, 5, 3), DRAW.random((20, 5)) > 0.3
    for name in ("macro_f1", "accuracy", "expected_calibration_error", "max(y_true + 0 * y_pred)"):
        metric = losses.compile_metric(name)
        masked = keras.ops.convert_to_tensor(steps)
        masked._keras_mask = keras.ops.convert_to_tensor(kept)
        metric.update_state(LABELS.reshape(20, 5), masked)
        flat = kept.reshape(-1)
        right = EXPECTED[name](LABELS[flat], P[flat]) if name in EXPECTED else 1.0
        assert float(metric.result()) == pytest.approx(right, rel=1e-4), name


def test_what_is_made_of_sums_runs_under_xla() -> None:
    """As `compile` does on its own where there is a GPU."""
    names = [info.name for info in losses.metrics() if info.name != "roc_auc"]
    found = []
    for jit in (True, False):
        given = keras.Input((3,))
        model = keras.Model(given, keras.layers.Identity()(given))
        measured = [losses.get_metric(name) for name in names]
        model.compile(loss=losses.get("brier"), metrics=measured, jit_compile=jit)
        found.append(
            model.evaluate(P, np.eye(3)[LABELS], batch_size=7, verbose=0, return_dict=True)
        )
    assert found[0].keys() > set(names)
    for name in names:
        assert found[0][name] == pytest.approx(found[1][name], rel=1e-4), name


def test_what_must_keep_all_samples_says_what_xla_needs() -> None:
    given = keras.Input((3,))
    model = keras.Model(given, keras.layers.Identity()(given))
    model.compile(
        loss=losses.get("brier"), metrics=[losses.get_metric("roc_auc")], jit_compile=True
    )
    with pytest.raises(Exception, match="roc_auc_keeps_all_samples_and_needs_jit_compile_False"):
        model.evaluate(P, np.eye(3)[LABELS], batch_size=7, verbose=0)


@pytest.mark.parametrize("text", ["macro_f1", "roc_auc", "accuracy", "1 - recall()"])
def test_one_output_is_no_classes(text: str) -> None:
    metric = losses.compile_metric(text)
    for shape in ((4, 1), (4,)):
        with pytest.raises(losses.LossError, match="two classes or more, got shape"):
            metric.update_state(np.ones(shape), np.full(shape, 0.3))
    p = np.full((4, 1), 0.3)
    metric.update_state([1, 0, 0, 0], np.concatenate([1 - p, p], axis=-1))  # as the hint says
    assert 0 <= float(metric.result()) <= 1
    brier = losses.get_metric("brier")
    brier.update_state(np.ones((4, 1)), p)
    assert float(brier.result()) == pytest.approx(0.49)


def test_a_parameter_of_a_text_is_one_of_the_sum() -> None:
    metric = losses.compile_metric("s = 0.5\nf_beta(beta=s * 4)")
    metric.update_state(LABELS, P)
    right = sk.fbeta_score(LABELS, GUESS, beta=2, average="macro")
    assert float(metric.result()) == pytest.approx(right, rel=1e-5)


def test_logits_are_said_to_be_logits() -> None:
    z = np.log(P)
    for name in ("brier", "expected_calibration_error", "negative_log_likelihood"):
        metric = losses.get_metric(name, from_logits=True)
        metric.update_state(LABELS, z)
        assert float(metric.result()) == pytest.approx(EXPECTED[name](LABELS, P), rel=1e-4)


def test_the_config_gives_the_same_metric() -> None:
    metric = losses.compile_metric("s = 0.5\nf_beta(beta=s)", s=0.25, name="mine")
    again = losses.WrittenMetric.from_config(metric.get_config())
    assert again.get_config() == metric.get_config()
    for each in (metric, again):
        each.update_state(LABELS, P)
    assert float(again.result()) == float(metric.result())
    assert again.name == "mine"
