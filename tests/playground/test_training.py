"""The loop, by training for real: seeded runs on digits and a part of MNIST."""

import threading
import time
from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

import losses
from playground import Control, RunSpec, datasets, models, train
from playground.errors import SpecError
from playground.knobs import metric_key
from playground.training import loop, optimizers, signs
from playground.training.clusters import NUMBERS, PREFIX
from playground.training.events import (
    Changed,
    Evaluated,
    Event,
    Failed,
    Finished,
    Progress,
    Snapshot,
    Started,
)

CROSS_ENTROPY = "-sum(y_true * log(y_pred), axis=-1)"


def digits(**fields: object) -> RunSpec:
    """A run of a second: 400 of scikit-learn's digits, small network."""
    quick = {"train_images": 400, "width": 4, "depth": 1, "embedding": 16, "epochs": 2}
    return RunSpec(**{"dataset": "digits", **quick, **fields})


def kinds(events: list[Event], kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


def series(events: list[Event], name: str) -> np.ndarray:
    return np.concatenate([event.series[name] for event in kinds(events, Progress)])


def numbers(events: list[Event]) -> list[bytes]:
    """Every metric of a run, bit for bit."""
    found = [series(events, name).tobytes() for name in ("loss", "accuracy", "gradient_norm")]
    found += [repr(event.metrics).encode() for event in kinds(events, Evaluated)]
    found += [
        array.tobytes() for event in kinds(events, Snapshot) for array in event.arrays.values()
    ]
    return found


def test_a_written_loss_learns_mnist() -> None:
    spec = RunSpec(train_images=4000, epochs=2, loss=CROSS_ENTROPY)
    events = list(train(spec))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.reason == "completed"
    assert finished.metrics["accuracy"] > 0.93
    assert series(events, "loss")[-10:].mean() < 0.4
    started = kinds(events, Started)[0]
    assert len(series(events, "loss")) == started.steps == finished.step


def test_same_spec_gives_the_same_numbers_however_intervals_fall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = digits(dropout=0.3, batch_norm=True)
    first = list(train(spec))
    monkeypatch.setattr(loop, "INTERVAL", 0.0)  # one step an interval
    second = list(train(spec))
    assert numbers(first) == numbers(second)
    assert numbers(first) != numbers(list(train(digits(dropout=0.3, batch_norm=True, seed=1))))


def test_events_come_in_order_and_add_up() -> None:
    spec = digits(epochs=3, evaluations=4)
    events = list(train(spec))
    started = kinds(events, Started)[0]
    assert started.steps_per_epoch == 360 // spec.batch_size
    assert started.parameters == models.parameter_count(spec)
    assert started.train_images + started.validation_images == 400
    validation = [event for event in kinds(events, Evaluated) if event.split == "validation"]
    assert validation[0].step == 1
    assert [event.epoch for event in validation if event.full] == [1.0, 2.0, 3.0]
    evenly = {round(n * started.steps_per_epoch / 4 + 0.4) for n in range(1, 13)}
    assert {event.step for event in validation} == {1, 5, 10, 20} | evenly
    for event in kinds(events, Evaluated):
        confusion = event.arrays["confusion"]
        assert confusion.sum() == event.images
        assert np.trace(confusion) / event.images == pytest.approx(event.metrics["accuracy"])
        strip = event.arrays["strip_probabilities"]
        assert strip.shape == (len(started.arrays["strip_labels"]), 10)
        np.testing.assert_allclose(strip.sum(axis=1), 1, rtol=1e-4)
    steps = [event.step for event in kinds(events, Progress)]
    assert steps == sorted(set(steps))


METRICS = ("brier", "expected_calibration_error", "max(-log(p_true))", "macro_f1")


def test_chosen_metrics_are_measured_on_the_whole_evaluation() -> None:
    spec = digits(train_images=1400, validation_split=0.4, metrics=METRICS)  # 560, a sample of 512
    events = list(train(spec))
    evaluated = kinds(events, Evaluated)
    keys = {metric_key(text) for text in METRICS}
    for event in evaluated:
        probed = {PREFIX + name for name in NUMBERS}
        assert set(event.metrics) == {"loss", "accuracy", *keys, *probed, *signs.NAMES}
        assert all(np.isfinite(value) for value in event.metrics.values())
    first, last = evaluated[0].metrics, evaluated[-2].metrics
    assert last["brier"] < first["brier"]
    assert last["macro_f1"] > first["macro_f1"]

    dataset = datasets.load("digits")
    split = datasets.split(dataset, spec)
    model = models.restore(spec, kinds(events, Snapshot)[-1].arrays)
    for event, images, labels in (
        (evaluated[-2], split.validation_images, split.validation_labels),
        (evaluated[-1], dataset.test_images, dataset.test_labels),
    ):
        assert event.images == len(images)
        p = np.asarray(model(images.astype("float32")))
        y = np.eye(10, dtype=np.float32)[labels]
        tensors = {"y_true": y, "y_pred": p, "p_true": (y * p).sum(axis=1)}
        for text in METRICS:
            expected = float(losses.compile_metric(text).on(tensors))
            assert event.metrics[metric_key(text)] == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert events[-1].metrics == evaluated[-1].metrics


def test_metrics_change_no_number_of_the_training() -> None:
    plain, measured = list(train(digits())), list(train(digits(metrics=METRICS)))
    for name in ("loss", "accuracy", "gradient_norm"):
        np.testing.assert_array_equal(series(plain, name), series(measured, name))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mean(y_ture * y_pred)", "line 1, column 6 of 'mean(y_ture"),
        ("brierr", "did you mean 'brier'"),
        ("mean(square(logits - teacher_logits))", "this metric needs teacher_logits"),
        ("mean(abs(p_true[:, None] - p_true))", "numbers"),
    ],
)
def test_a_faulty_metric_is_refused_before_the_first_step(text: str, said: str) -> None:
    with pytest.raises(SpecError, match="metrics: ") as caught:
        list(train(digits(metrics=(text,))))
    assert said in caught.value.message


def test_a_metric_that_is_no_number_costs_the_run_nothing() -> None:
    text = "mean(p_true) / (mean(p_true) - mean(p_true))"
    events = list(train(digits(metrics=(text,), epochs=1)))
    assert isinstance(events[-1], Finished)
    assert not np.isfinite(events[-1].metrics[metric_key(text)])


def test_mistakes_of_the_test_set_are_wrong_and_worst_first() -> None:
    final = kinds(list(train(digits(epochs=1))), Evaluated)[-1]
    assert final.split == "test"
    labels = final.arrays["mistake_labels"]
    probabilities = final.arrays["mistake_probabilities"]
    assert len(labels) > 0
    assert (probabilities.argmax(axis=1) != labels).all()
    of_truth = probabilities[np.arange(len(labels)), labels]
    assert (np.diff(of_truth) >= 0).all()


def test_kept_weights_give_the_reported_accuracy() -> None:
    spec = digits(batch_norm=True)
    events = list(train(spec))
    dataset = datasets.load("digits")
    split = datasets.split(dataset, spec)
    model = models.build(spec, models.pixel_statistics(split.train_images, spec.normalise))
    kept = kinds(events, Snapshot)[-1].arrays
    for weight in model.weights:
        weight.assign(kept[weight.path])
    predicted = np.asarray(model(dataset.test_images.astype("float32"))).argmax(axis=1)
    assert np.mean(predicted == dataset.test_labels) == events[-1].metrics["accuracy"]


def test_penalty_steers_the_weights_but_is_not_in_the_curve() -> None:
    plain, penalised = list(train(digits(epochs=1))), list(train(digits(epochs=1, l2=0.1)))
    assert series(plain, "loss")[0] == pytest.approx(series(penalised, "loss")[0], rel=1e-5)

    def size(events: list[Event]) -> float:
        kept = kinds(events, Snapshot)[-1].arrays
        return sum(float((a**2).sum()) for path, a in kept.items() if path.endswith("kernel"))

    assert size(penalised) < 0.9 * size(plain)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "nadam", "sgd", "momentum", "rmsprop",
                                       "adagrad", "lion"])  # fmt: skip
def test_every_optimiser_lowers_the_loss(optimizer: str) -> None:
    rate = {"sgd": 0.1, "momentum": 0.03, "adagrad": 0.03, "lion": 3e-4}.get(optimizer, 3e-3)
    spec = digits(optimizer=optimizer, learning_rate=rate, epochs=3)
    losses = series(list(train(spec)), "loss")
    assert losses[-5:].mean() < losses[:5].mean()


def test_fused_adam_is_keras_adam() -> None:
    spec = RunSpec(optimizer="adam")
    draw = np.random.default_rng(0)
    start = [draw.normal(size=shape).astype("float32") for shape in ((3, 4), (5,))]
    ours, theirs = ([keras.Variable(array) for array in start] for _ in range(2))
    fused, plain = optimizers.build(spec), optimizers.build(spec)
    fused.build(ours)
    plain.build(theirs)
    for step in range(5):
        gradients = [tf.constant(draw.normal(size=a.shape).astype("float32")) for a in start]
        optimizers.apply(fused, gradients, ours, tf.constant(0.01 * (step + 1)))
        plain.learning_rate.assign(0.01 * (step + 1))
        plain.apply(gradients, theirs)
    for a, b in zip([*ours, *fused.variables], [*theirs, *plain.variables], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_mixed_precision_trains_and_reports_float32() -> None:
    exact, mixed = (
        series(list(train(digits(precision=precision, batch_size=16, epochs=3))), "loss")
        for precision in ("float32", "mixed_bfloat16")
    )
    assert mixed.dtype == np.float32
    assert mixed[-9:].mean() < 0.85 * mixed[0]
    np.testing.assert_allclose(mixed[-9:].mean(), exact[-9:].mean(), rtol=0.1)
    assert not np.array_equal(mixed, exact)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "warmup_cosine", "exponential",
                                      "steps"])  # fmt: skip
def test_schedules_stay_within_the_learning_rate(schedule: str) -> None:
    rates = optimizers.rates(RunSpec(schedule=schedule, learning_rate=0.01), 200)
    assert rates.shape == (200,)
    assert (rates > 0).all() if schedule != "cosine" else (rates >= 0).all()
    assert rates.max() == pytest.approx(0.01)
    assert (rates[-1] == rates[0]) == (schedule == "constant")


def steer(spec: RunSpec, after: int, *commands: tuple) -> list[Event]:
    """Trains and sends the commands when step `after` has been reported; the last events."""
    control, events = Control(), []
    for event in train(spec, control):
        events.append(event)
        if commands and isinstance(event, Progress) and event.step >= after:
            for command in commands:
                control.send(*command)
            commands = ()
    return events


def test_stop_ends_the_run_and_keeps_the_weights() -> None:
    events = steer(digits(epochs=200), 1, ("stop",))
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "stopped"
    assert events[-1].step < 200 * 11
    assert kinds(events, Snapshot)[-1].step == events[-1].step


def test_pausing_and_stepping_change_no_number() -> None:
    spec = digits(epochs=2)
    plain = list(train(spec))
    steered = steer(spec, 1, ("pause",), ("step",), ("step",), ("resume",))
    states = [event.value for event in kinds(steered, Changed)]
    assert states == ["paused", "paused", "paused", "running"]
    at = [event.step for event in kinds(steered, Changed)]
    assert at[1] == at[0] + 1
    assert at[2] == at[0] + 2
    assert numbers(plain) == numbers(steered)


def test_a_paused_run_waits_without_counting_time() -> None:
    control = Control()
    paused = threading.Event()
    events: list[Event] = []

    def watch() -> None:
        for event in train(digits(epochs=2), control):
            events.append(event)
            if isinstance(event, Changed) and event.value == "paused":
                paused.set()

    control.send("pause")
    thread = threading.Thread(target=watch)
    thread.start()
    assert paused.wait(60)
    before = len(events)
    time.sleep(1.5)
    assert len(events) == before
    control.send("resume")
    thread.join(60)
    assert isinstance(events[-1], Finished)
    began = kinds(events, Changed)[0]
    assert began.step == 0


def test_learning_rate_changes_mid_run() -> None:
    spec = digits(epochs=3, schedule="constant", learning_rate=0.01)
    events = steer(spec, 1, ("change", "rate", "learning_rate", 0.001))
    changed = kinds(events, Changed)[0]
    assert (changed.kind, changed.name, changed.value) == ("rate", "learning_rate", 0.001)
    rates = series(events, "learning_rate")
    np.testing.assert_allclose(rates[: changed.step], 0.01)
    np.testing.assert_allclose(rates[changed.step :], 0.001)


def test_a_parameter_of_a_written_loss_changes_mid_run() -> None:
    spec = digits(epochs=3, loss=f"scale = 1.0  # 0..10\nscale * {CROSS_ENTROPY[1:]} * -1")
    events = steer(spec, 1, ("change", "parameter", "scale", 0.0))
    changed = kinds(events, Changed)[0]
    values = series(events, "loss")
    assert (values[: changed.step] > 0).all()
    np.testing.assert_array_equal(values[changed.step :], 0)


@pytest.fixture(scope="module")
def broken() -> Iterator[list[Event]]:
    """A run whose loss divides by zero from step 6 on."""
    text = "late = where(step > 5, 0.0, 1.0)\n-sum(y_true * log(y_pred), axis=-1) / late"
    yield list(train(digits(loss=text)))


def test_a_loss_that_stops_being_finite_ends_the_run_and_says_where(broken: list[Event]) -> None:
    failed = broken[-1]
    assert isinstance(failed, Failed)
    assert failed.kind == "nonfinite"
    assert failed.step == 6
    assert "step 6" in failed.message
    assert failed.where is not None
    assert failed.where["line"] == 2
    assert "late" in failed.where["fragment"]
    assert not np.isfinite(series(broken, "loss")[-1])


def test_the_last_finite_weights_are_kept(broken: list[Event]) -> None:
    kept = kinds(broken, Snapshot)[-1]
    assert all(np.isfinite(array).all() for array in kept.arrays.values())


def test_an_exploding_run_ends_as_failed() -> None:
    spec = digits(loss="1e30 * mean(square(logits), axis=-1)", optimizer="sgd", learning_rate=10.0)
    failed = list(train(spec))[-1]
    assert isinstance(failed, Failed)
    assert failed.kind == "nonfinite"


def test_a_loss_of_inputs_the_task_lacks_is_refused_by_name() -> None:
    with pytest.raises(losses.LossError, match="teacher_logits"):
        list(train(digits(loss="mean(square(logits - teacher_logits), axis=-1)")))


def test_a_prepared_run_gives_the_same_numbers() -> None:
    spec = digits(dropout=0.3, batch_norm=True)
    prepared = loop.prepare(spec)
    assert numbers(list(loop.run(spec, Control(), prepared))) == numbers(list(train(spec)))
    other = digits(seed=1)
    assert numbers(list(loop.run(other, Control(), prepared))) == numbers(list(train(other)))


def test_training_images_are_in_memory_once() -> None:
    fields = {"task": "autoencoder", "dataset": "digits", "train_images": 50}
    spec = RunSpec.parse({**fields, "loss": "mean_squared_error(x, x_hat)"})
    training = loop.Training(spec, datasets.load("digits"))
    batch = np.arange(training.batch, dtype=np.int32)
    assert np.any(training.graph.targets_of(batch, 1)["x"])
    training.work.rows["train"]["images"][:] = 0  # which nobody else does
    assert not np.any(training.graph.targets_of(batch, 1)["x"])


def test_a_change_that_does_not_fit_is_left_out() -> None:
    events = steer(
        digits(), 1, ("change", "parameter", "nonsense", 1.0), ("change", "loss", "", "text")
    )
    assert kinds(events, Changed) == []
    assert isinstance(events[-1], Finished)


def test_fewer_images_than_a_batch_still_train() -> None:
    events = list(train(digits(train_images=50, batch_size=512, epochs=2)))
    assert kinds(events, Started)[0].steps_per_epoch == 1
    assert isinstance(events[-1], Finished)


class Hasty(Control):
    """Pauses and goes on in the middle of many an evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    @property
    def pressing(self) -> bool:
        self.asked += 1
        if self.asked % 7 == 1:  # an evaluation asks less often than that, so each comes to an end
            self.send("pause")
            self.send("resume")
        return super().pressing


def test_a_pause_in_an_evaluation_comes_first_and_changes_no_number() -> None:
    spec = digits(dropout=0.3, batch_norm=True)
    control = Hasty()
    events = list(train(spec, control))
    paused = [event for event in kinds(events, Changed) if event.value == "paused"]
    assert len(paused) > 5
    assert numbers(events) == numbers(list(train(spec)))


def test_a_stop_in_the_last_evaluation_is_obeyed() -> None:
    control = Control()
    events = []
    for event in train(digits(), control):
        events.append(event)
        if isinstance(event, Evaluated) and event.epoch == 2.0:
            control.send("stop")  # the test images are next
    assert isinstance(events[-1], Finished) and events[-1].reason == "stopped"
    assert not [event for event in kinds(events, Evaluated) if event.split == "test"]
