"""The verdict on the heads of a siamese network: on numbers set by hand, and on real runs."""

from pathlib import Path

import pytest

import losses
from playground import RunSpec, train, trainable
from playground.runs.store import open_store
from playground.settings import Settings
from playground.training import objective
from playground.verdicts import heads
from playground.verdicts.heads import Head
from playground.verdicts.words import Verdict


def head(name: str = "left", trained: float = 0.99, held: float = 0.98, guess: float = 0.1) -> Head:
    return Head(name, trained, held, 0.003, guess, guess, held)


def said(*found: Head, **measured: float) -> Verdict:
    return heads.judge(found, {"weighting": "fixed", "epochs": 3}, measured, True)


def test_heads_that_hold_fit_and_the_widest_gap_is_named() -> None:
    found = said(head(), head("right", 0.99, 0.985), head("verification", 0.98, 0.975, 0.5))
    assert found.kind == "fitting" and not found.change
    assert "left 98.0%, right 98.5% and verification 97.5%" in found.sentence
    assert "1.0 points (left)" in found.sentence


def test_the_head_whose_validation_pairs_lag_overfits() -> None:
    found = said(head(), head("verification", 0.99, 0.9, 0.5))
    assert found.kind == "overfitting" and "verification head has 99.0%" in found.sentence
    assert found.change == {"dropout": 0.3}
    assert said(head(trained=0.99, held=0.95)).kind == "fitting"  # 4 points


def test_a_head_at_guessing_is_named_and_its_term_made_heavier() -> None:
    found = said(head(), head("verification", 0.51, 0.5, 0.5))
    assert found.kind == "plateau" and "verification head says no more" in found.sentence
    assert found.change == {"weighting": "gradnorm"}
    # Of training pairs nine in ten the same, nine in ten are right by guessing.
    lopsided = Head("verification", 0.9, 0.5, 0.003, 0.5, 0.9, 0.5)
    assert said(head(), lopsided).kind == "plateau"


def test_a_head_that_has_not_learned_its_own_pairs_underfits() -> None:
    found = said(head(trained=0.6, held=0.6), head("right"))
    assert found.kind == "underfitting" and "the left head has 60.0%" in found.sentence
    assert found.change == {"epochs": 6}


def test_terms_that_conflict_are_offered_surgery_and_the_hindmost_head_more_weight() -> None:
    found = said(head(), validation_cosine12=0.2, validation_cosine13=-0.4)
    assert found.change == {"weighting": "surgery"} and "Terms 1 and 3" in found.step
    found = said(head(), head("verification", 0.94, 0.93, 0.5), validation_cosine12=0.2)
    assert "verification head's term" in found.step


@pytest.mark.parametrize(
    ("own", "kind", "words"),
    [
        ({"epochs": 3}, "underfitting", "verification head"),
        ({"epochs": 1}, "early", "1 of 2 epochs"),
        (
            {"epochs": 2, "loss": "cross_entropy(y_left, p_left)", "learning_rate": 1e-6},
            "plateau",
            "The left head says no more than guessing",
        ),
    ],
)
def test_a_run_is_judged_by_what_the_store_has_of_it(
    tmp_path: Path, own: dict[str, object], kind: str, words: str
) -> None:
    spec = RunSpec(task="siamese", dataset="digits", **own)
    store = open_store(Settings(home=tmp_path))
    run_id = store.create(spec, "me", "preparing")
    for event in train(spec):
        store.record(run_id, event)
    record = store.run(run_id)
    assert record is not None
    found = heads.verdict(store, record)
    assert found.kind == kind and words in found.sentence
    assert ("Equal error rate" in dict(found.evidence)) == (kind != "early")
    if "p_same" not in spec.loss:
        assert "No term of the loss trains the right and verification heads" in found.sentence
        assert "Add cross_entropy(y_right, p_right) and" in found.step
        mended = RunSpec.parse({**spec.model_dump(), **found.change})
        assert mended.loss.endswith(spec.loss)
        assert trainable.of_heads(objective.build(mended), mended) is None
        assert found.change["weighting"] == "gradnorm"  # what its own head needs stays
    store.close()


@pytest.mark.parametrize(
    ("loss", "weights"),
    [
        ("cross_entropy(y_left, p_left)", {"b", "s"}),
        ("a = 0.3  # 0..1\na * cross_entropy(y_right, p_right)", {"a2", "a", "s"}),
        ("def f(y_left, p_left):\n    return cross_entropy(y_left, p_left)\n", {"b", "s"}),
        ("  cross_entropy(y_left, p_left)", {"b", "s"}),
        ("stop_gradient(cross_entropy(same, p_same)) + square(p_left[:, 0])", {"b", "s"}),
        ("contrastive(same, distance)", {"a", "b", "s"}),
        ("triplet", {"a", "b", "s", "margin"}),
    ],
)
@pytest.mark.parametrize("same_head", ["softmax", "none"])
def test_a_loss_gets_the_terms_that_it_lacks_and_stays_what_it_was(
    loss: str, weights: set[str], same_head: str
) -> None:
    spec = RunSpec(task="siamese", dataset="digits", loss=loss, same_head=same_head)
    built = objective.build(spec)
    remark = trainable.of_heads(built, spec)
    assert remark is not None and remark.fix is not None
    mended = spec.model_copy(update={"loss": remark.fix})
    with_all = objective.build(mended)
    assert trainable.of_heads(with_all, mended) is None
    pair = same_head == "none" and {"distance", "features"} & set(built.inputs)
    assert set(with_all.parameters) == weights - ({"s"} if pair else set())
    assert [part.text for part in with_all.terms][-1] in remark.fix
    sound = {each["name"]: each for each in losses.doctor(with_all).as_dict()["findings"]}["sound"]
    assert sound["state"] == "yes", sound
