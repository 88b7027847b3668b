"""The verdict: on scripted curves of each kind, and on real runs read back from the store."""

import re
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from playground import RunSpec, train
from playground.runs.store import open_store
from playground.settings import Settings
from playground.training.events import Snapshot
from playground.verdicts import fit
from playground.verdicts.curves import Curves
from tests.playground.verdicts.scripted import STORIES, recorded

DRAWS = 40


@pytest.mark.parametrize("name", STORIES)
def test_each_kind_of_run_is_told(name: str) -> None:
    deserved, story = STORIES[name]
    found = [fit.judge(story(np.random.default_rng(seed))) for seed in range(DRAWS)]
    kinds = Counter(verdict.kind for verdict in found)
    assert kinds[deserved] >= 0.95 * DRAWS, kinds
    for verdict in found:
        assert verdict.kind in fit.KINDS
        assert verdict.sentence.endswith(".") and verdict.step.endswith(".")
        assert verdict.evidence or verdict.kind == "early"


def test_the_epoch_it_names_is_where_the_script_turns() -> None:
    _, story = STORIES["held_out_gets_worse"]
    epochs = [fit.judge(story(np.random.default_rng(seed))).epoch for seed in range(DRAWS)]
    assert abs(np.median(epochs) - 10) <= 2


def test_an_unlucky_split_is_named_as_what_it_is() -> None:
    _, story = STORIES["an_unlucky_split"]
    notes = [fit.judge(story(np.random.default_rng(seed))).notes for seed in range(DRAWS)]
    assert sum("Another seed" in " ".join(each) for each in notes) > 0.8 * DRAWS


def test_training_values_with_dropout_on_are_named() -> None:
    _, story = STORIES["dropout_makes_training_look_worse"]
    assert any("dropout" in note for note in fit.judge(story(np.random.default_rng(0))).notes)


@pytest.mark.parametrize("name", STORIES)
def test_nobody_is_told_to_train_on_where_it_has_stopped(name: str) -> None:
    story = STORIES[name][1]
    for seed in range(DRAWS // 4):
        curves = story(np.random.default_rng(seed))
        curves = replace(curves, spec={**curves.spec, "patience": 5})
        for best in {2, 6, len(curves.epochs) - 1}:
            step = fit.judge(replace(curves, best_epoch=best, over=True)).step
            assert not re.search("[Ll]et it train|more epochs(?!,)|Stop early", step), (best, step)
        assert "et it train" not in fit.judge(replace(curves, over=True)).step


@pytest.mark.parametrize("name", STORIES)
def test_a_share_says_which_training_images_it_counts(name: str) -> None:
    curves = STORIES[name][1](np.random.default_rng(0))
    noisy = {"clean_nll": curves.train_nll, "clean_accuracy": curves.train_accuracy}
    for wrong, means in (({}, "training images(?! with)"), (noisy, "with a right label")):
        plain = replace(curves, clean_nll=None, clean_accuracy=None, given=None)
        said = fit.judge(replace(plain, **wrong)).sentence
        if "training images" in said:
            assert re.search(f"% of (the|its own) .*{means}", said), said


def test_the_gap_has_the_error_of_two_independent_means() -> None:
    flat = np.full(5, 0.0)
    curves = recorded(np.random.default_rng(0), (flat, flat + 0.9), (flat, flat + 0.8), images=400)
    space = fit.gap(curves)
    train, held = curves.train_accuracy, curves.validation_accuracy
    by_hand = np.sqrt(train * (1 - train) / 1000 + held * (1 - held) / 400)
    np.testing.assert_allclose(space.accuracy_error, by_hand)
    assert 0.05 < space.accuracy[-1] < 0.15


def judged(home: Path, **fields: object) -> tuple[fit.Curves, fit.Verdict]:
    """Trains on digits and judges what the store has of it."""
    shared = {"dataset": "digits", "validation_images": 400, "evaluations": 1, "watch_fit": True}
    with closing(open_store(Settings(home=home))) as store:
        run_id = store.create(RunSpec(**{**shared, **fields}), "me", "preparing")
        for event in train(RunSpec(**{**shared, **fields})):
            if not isinstance(event, Snapshot):
                store.record(run_id, event)
        record = store.run(run_id)
        assert record is not None
        curves = fit.read(store, record)
        return curves, fit.judge(curves)


def test_a_real_net_that_is_too_small_underfits(tmp_path: Path) -> None:
    curves, verdict = judged(
        tmp_path, train_images=300, width=2, depth=2, embedding=2, epochs=12, learning_rate=0.01
    )
    assert verdict.kind == "underfitting", verdict
    assert list(curves.epochs) == list(range(1, 13))


def test_a_real_net_that_is_too_large_memorises_wrong_labels(tmp_path: Path) -> None:
    curves, verdict = judged(
        tmp_path, train_images=200, label_noise=0.4, width=24, embedding=128, epochs=25,
        schedule="constant",
    )  # fmt: skip
    assert verdict.kind == "memorising", verdict
    assert curves.wrong_images == 80
    assert curves.given is not None and curves.true is not None
    assert curves.given[-1] > 0.8 > curves.given[3]
    assert curves.true[3] > curves.true[-1]


def test_a_learning_rate_far_too_high_is_to_blame(tmp_path: Path) -> None:
    _, verdict = judged(
        tmp_path, train_images=200, width=8, epochs=8, learning_rate=3.0, schedule="constant"
    )
    assert verdict.kind in ("diverging", "plateau"), verdict
    assert "learning rate" in verdict.step


def test_a_run_that_did_not_watch_its_fit_is_judged_by_its_batches(tmp_path: Path) -> None:
    curves, verdict = judged(
        tmp_path, train_images=300, width=4, embedding=16, epochs=6, watch_fit=False
    )
    assert curves.noisy_train and verdict.kind in fit.KINDS
    assert len(curves.train_nll) == len(curves.validation_nll) == 6


def test_nothing_is_concluded_from_what_an_earlier_version_did_not_record() -> None:
    """At chance from the beginning, with accuracies alone: no number is there to show a cause."""
    flat, accuracy = np.full(6, np.nan), np.full(6, 0.1)
    known = Curves(
        epochs=np.arange(1.0, 7), train_nll=flat + 0, train_accuracy=accuracy,
        validation_nll=flat, validation_accuracy=accuracy, train_images=500,
        validation_images=500, evaluations={"epochs": np.arange(1.0, 7), "accuracy": accuracy},
        spec={"learning_rate": 3e-3, "optimizer": "adam", "width": 8},
    )  # fmt: skip
    found = fit.judge(known)
    assert (found.kind, found.cause, found.change) == ("early", "", {}), found
