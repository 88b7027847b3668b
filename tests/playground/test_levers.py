"""The levers of fitting: what they do to the data, to a batch and to the end of a run."""

from typing import Annotated

import numpy as np
import pytest
import tensorflow as tf

from playground import RunSpec, datasets, train
from playground.errors import DataError, SpecError
from playground.knobs import Knob
from playground.tasks.classification import FIT_METRICS, ClassificationSpec, fit_series
from playground.training import fit_record
from playground.training.augmentation import Augmentation
from playground.training.events import (
    Changed,
    Evaluated,
    Event,
    Finished,
    Progress,
    Snapshot,
    Started,
)


def digits(**fields: object) -> RunSpec:
    small = {"train_images": 200, "width": 4, "depth": 1, "embedding": 16, "epochs": 2}
    return RunSpec(**{"dataset": "digits", **small, **fields})


def split(**fields: object) -> datasets.Split:
    return datasets.split(datasets.load("digits"), digits(**fields))


def test_levers_that_are_off_leave_a_spec_the_digest_it_had() -> None:
    assert RunSpec().digest == "a0f4f49716abe61a"
    plain = RunSpec(dataset="cifar10", width=8, batch_norm=False)  # which trains otherwise since
    assert plain.digest == "e3fcb1dabcf12dba"
    for name, value in {"label_noise": 0.1, "flip": True, "patience": 3, "watch_fit": True}.items():
        assert RunSpec(**{name: value}).digest != RunSpec().digest


def test_a_knob_that_is_added_leaves_the_digests_of_before() -> None:
    """Without an entry in any list: a field that the first version had not counts when moved."""

    class Later(ClassificationSpec):
        brand_new: Annotated[float, Knob("New", "Brand new.", low=0, high=1)] = 0.0

    assert Later().digest == RunSpec().digest != Later(brand_new=0.5).digest


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.6])
def test_symmetric_noise_makes_exactly_its_share_wrong_and_all_ways(rate: float) -> None:
    found = split(train_images=1000, validation_images=300, label_noise=rate)
    wrong = found.train_labels != found.true_labels
    assert np.array_equal(wrong, found.corrupted) and wrong.sum() == round(1000 * rate)
    offsets = (found.train_labels - found.true_labels)[wrong] % 10
    assert set(offsets) == set(range(1, 10))
    clean = split(train_images=1000, validation_images=300)
    assert np.array_equal(found.true_labels, clean.train_labels)
    assert np.array_equal(found.validation_labels, clean.validation_labels)


def test_pair_noise_takes_the_next_class_and_more_noise_keeps_what_was_wrong() -> None:
    some = split(label_noise=0.2, noise_kind="pair")
    assert np.array_equal((some.true_labels + some.corrupted) % 10, some.train_labels)
    more = split(label_noise=0.5, noise_kind="pair")
    assert np.all(more.corrupted[some.corrupted])


def test_held_out_images_beside_the_others_are_the_same_however_many_train() -> None:
    few, many = (split(train_images=n, validation_images=300) for n in (100, 900))
    assert np.array_equal(few.validation_images, many.validation_images)
    assert len(few.train_images) == 100 and len(many.train_images) == 900
    assert np.array_equal(few.train_images, many.train_images[:100])


def test_too_many_images_are_refused_with_what_to_choose() -> None:
    with pytest.raises(SpecError, match="validation_images"):
        RunSpec.parse({"dataset": "digits", "train_images": 1400, "validation_images": 300})
    with pytest.raises(DataError, match="were asked for"):
        datasets.split(datasets.load("digits"), RunSpec(train_images=1400, validation_images=300))


def test_imbalance_has_an_exponential_tail() -> None:
    found = split(train_images=1400, validation_split=0.02, imbalance=10)
    counts = np.bincount(found.train_labels)
    assert counts.argmax() == 0 and counts[0] / counts[9] == pytest.approx(10, rel=0.1)
    np.testing.assert_allclose(counts / counts[0], 10 ** (-np.arange(10) / 9), atol=0.02)
    assert len(np.unique(split(train_images=50, imbalance=100).train_labels)) == 10


def batch() -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).uniform(1, 255, (64, 8, 8, 3)), tf.float32)


def test_flips_are_exact_and_of_about_half() -> None:
    images = batch()
    moved = Augmentation(digits(flip=True)).moved(images, tf.constant(3)).numpy()
    same = [np.allclose(a, b, atol=1e-3) for a, b in zip(moved, images, strict=True)]
    mirrored = [np.allclose(a, b[:, ::-1], atol=1e-3) for a, b in zip(moved, images, strict=True)]
    assert all(np.logical_or(same, mirrored)) and 16 < sum(mirrored) < 48


def test_shifts_are_whole_pixels_with_black_coming_in() -> None:
    images = batch()
    moved = Augmentation(digits(shift=2)).moved(images, tf.constant(1)).numpy()
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    seen = set()
    for place in range(64):
        ways = [
            (dy, dx)
            for dy in range(5)
            for dx in range(5)
            if np.allclose(moved[place], padded[place, dy : dy + 8, dx : dx + 8], atol=1e-3)
        ]
        assert len(ways) == 1
        seen.update(ways)
    assert len(seen) > 15


def test_a_crop_keeps_to_the_image_and_what_is_drawn_depends_on_seed_and_step() -> None:
    images = tf.ones((32, 8, 8, 1)) * 100
    change = Augmentation(digits(crop=0.5))
    np.testing.assert_allclose(change.moved(images, tf.constant(1)), 100, rtol=1e-4)
    images = batch()
    first = change.moved(images, tf.constant(1)).numpy()
    assert np.array_equal(first, change.moved(images, tf.constant(1)))
    assert not np.array_equal(first, change.moved(images, tf.constant(2)))
    other = Augmentation(digits(crop=0.5, seed=1)).moved(images, tf.constant(1))
    assert not np.array_equal(first, other)


def test_mixup_draws_from_its_beta() -> None:
    change = Augmentation(digits(mixup=0.4))
    draws = np.array([change.share(tf.constant(step)) for step in range(1, 400)])
    assert np.all((draws >= 0) & (draws <= 1))
    assert draws.mean() == pytest.approx(0.5, abs=0.06)
    assert draws.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.2)


def test_mixup_gives_the_same_numbers_every_time() -> None:
    spec = digits(mixup=0.2, epochs=20)
    runs = [[event.series for event in train(spec) if isinstance(event, Progress)] for _ in "1234"]
    for name in runs[0][0].keys() - {"seconds"}:
        each = [np.concatenate([series[name] for series in run]) for run in runs]
        assert all(np.array_equal(one, each[0]) for one in each), name


def kinds(events: list[Event], kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


def test_a_run_with_every_lever_learns_repeats_and_says_what_it_measured() -> None:
    spec = digits(
        label_noise=0.2, imbalance=2, shift=1, crop=0.1, mixup=0.2, watch_fit=True, epochs=3,
        evaluations=2, validation_images=200,
    )  # fmt: skip
    once, again = list(train(spec)), list(train(spec))
    metrics = [[event.metrics for event in kinds(run, Evaluated)] for run in (once, again)]
    assert metrics[0] == metrics[1]
    for name in fit_series(spec):
        which, _, metric = name.partition("_")
        found = [event for event in kinds(once, Evaluated) if event.split == which]
        assert found and all(metric in event.metrics for event in found), name
    baseline = kinds(once, Started)[0].baseline
    assert 0.05 < baseline["accuracy"] < 0.3 and baseline["nll"] == pytest.approx(2.3, abs=0.3)
    held = [event for event in kinds(once, Evaluated) if event.split == "validation"]
    for event in held:
        count, sure, right = event.arrays["reliability"]
        assert count.sum() == event.images
        assert right.sum() / event.images == pytest.approx(event.metrics["accuracy"], abs=1e-5)
        ece = np.abs(sure - right).sum() / event.images
        assert ece == pytest.approx(event.metrics[FIT_METRICS[2]], abs=1e-4)
        assert event.metrics["nll_error"] > 0


def test_early_stopping_restores_the_best_epoch_and_tests_it() -> None:
    spec = digits(
        label_noise=0.5, width=16, embedding=64, epochs=40, patience=2, schedule="constant",
        evaluations=1, learning_rate=0.01,
    )  # fmt: skip
    events = list(train(spec))
    started, finished = kinds(events, Started)[0], events[-1]
    assert isinstance(finished, Finished) and finished.reason == "completed"
    assert finished.step < started.steps
    held = [e for e in kinds(events, Evaluated) if e.split == "validation" and e.full]
    losses = {round(event.epoch): event.metrics["loss"] for event in held}
    best = min(losses, key=losses.__getitem__)
    assert finished.step == (best + 2) * started.steps_per_epoch
    mark = next(event for event in kinds(events, Changed) if event.kind == "best")
    assert (mark.value, mark.step) == (best, best * started.steps_per_epoch)
    kept = kinds(events, Snapshot)
    at_best = next(each for each in kept if each.step == mark.step)
    assert all(np.array_equal(kept[-1].arrays[k], v) for k, v in at_best.arrays.items())
    test = kinds(events, Evaluated)[-1]
    assert test.split == "test" and test.metrics == finished.metrics


def test_patience_longer_than_the_run_ends_it_on_the_best_epoch() -> None:
    events = list(train(digits(patience=50, epochs=3)))
    assert [event.kind for event in kinds(events, Changed)] == ["best"]
    assert isinstance(events[-1], Finished) and events[-1].step == kinds(events, Started)[0].steps


def test_memorised_parts_clean_given_and_true() -> None:
    sure = np.eye(3)[[0, 1, 2, 0]] * 0.94 + 0.02
    found = fit_record.memorised(sure, np.array([0, 1, 0, 0]), np.array([0, 2, 2, 1]))
    assert (found["clean_accuracy"], found["given_accuracy"]) == (1.0, pytest.approx(2 / 3))
    assert found["true_accuracy"] == pytest.approx(1 / 3)
    assert found["clean_nll"] == pytest.approx(-np.log(0.96))
