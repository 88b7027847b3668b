"""A run that stays at chance is told so, and what to do about it works."""

import re

import numpy as np
import pytest

from playground import RunSpec, train
from playground.training import objective
from playground.training.events import Evaluated, Started
from playground.verdicts import chance, collapse

QUICK = {"dataset": "digits", "train_images": 400, "width": 4, "depth": 1, "embedding": 16}


def told(spec: RunSpec) -> bool:
    """Whether it is told of a run of a spec, trained to its end."""
    events = list(train(spec))
    started = next(event for event in events if isinstance(event, Started))
    looks = [e for e in events if isinstance(e, Evaluated) and e.split == "validation"]
    return chance.stays(
        [look.epoch for look in looks],
        [look.metrics["accuracy"] for look in looks],
        chance.guessing(started.baseline["accuracy"], len(started.class_names)),
        started.validation_images,
    )


def test_what_is_told_is_true_and_what_is_advised_works() -> None:
    wrong = RunSpec(**QUICK, learning_rate=10.0, epochs=4)
    assert told(wrong)
    rate = re.search(r"learning rate at ([0-9.]+[0-9])", chance.advice(wrong, {}))
    assert rate is not None
    assert not told(wrong.model_copy(update={"learning_rate": float(rate[1])}))


def test_the_advice_is_of_what_is_to_blame() -> None:
    spec = RunSpec(**QUICK)
    pull = "stop_gradient(p_true) + center()"  # which names the last layer and never moves it
    for text in ("center()", pull):
        loss = objective.build(spec.model_copy(update={"loss": text}))
        recorded = {"inputs": list(loss.inputs), "warnings": objective.warnings(loss)}
        assert "add cross_entropy()" in chance.advice(spec, recorded), text
        assert chance.advice(spec, recorded) == collapse.advice(recorded)
    slow = spec.model_copy(update={"learning_rate": 1e-6})
    assert "too small" in chance.advice(slow, {})
    fast = spec.model_copy(update={"learning_rate": 10.0, "optimizer": "lion"})
    assert "too large" in chance.advice(fast, {}) and "0.0003" in chance.advice(fast, {})
    assert "Train cross-entropy" in chance.advice(spec, {})


def test_two_standard_errors_above_guessing_are_no_chance() -> None:
    # Of 400 images with 10 equal classes the standard error is sqrt(0.1 * 0.9 / 400) = 0.015.
    epochs = [0.5, 1, 1.5, 2]
    assert chance.stays(epochs, [0.9, 0.1, 0.129, 0.05], 0.1, 400)
    assert not chance.stays(epochs, [0.1, 0.1, 0.1, 0.131], 0.1, 400)
    assert not chance.stays(epochs[:3], [0.1, 0.1, 0.1], 0.1, 400)  # two looks after an epoch
    assert not chance.stays([], [], 0.1, 0)


@pytest.mark.parametrize("images", [10, 100, 1000])
def test_guessing_is_told_and_learning_is_not(images: int) -> None:
    draw = np.random.default_rng(0)
    guessed = draw.binomial(images, 0.1, (500, 3)) / images
    learned = draw.binomial(images, 0.8, (500, 3)) / images
    epochs = [1.0, 2.0, 3.0]
    assert np.mean([chance.stays(epochs, row, 0.1, images) for row in guessed]) > 0.75
    assert not any(chance.stays(epochs, row, 0.1, images) for row in learned)
