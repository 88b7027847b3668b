"""Posterior collapse: told of real runs and of no others, and mended by what is said."""

from pathlib import Path

import pytest

from playground import RunSpec
from playground.autoencoders import PLAIN, TOO_LARGE
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.verdicts import diagnosis, posterior
from playground.verdicts.words import Verdict
from tests.playground.verdicts.told import judged, trained

SPEC = RunSpec(
    task="autoencoder", dataset="digits", epochs=14, width=8, hidden=16, learning_rate=3e-3
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(Settings(home=Path(tmp_path_factory.mktemp("home"))))


@pytest.fixture(scope="module")
def collapsed(store: Store) -> Verdict:
    return judged(store, SPEC.model_copy(update={"loss": TOO_LARGE}))


def test_a_collapse_is_told_with_its_cause_and_its_numbers(collapsed: Verdict) -> None:
    assert (collapsed.kind, collapsed.cause) == ("collapsed", "divergence")
    assert "none of its 2 dimensions moves from image to image" in collapsed.sentence
    assert "weighed by beta, 100." in collapsed.sentence
    assert ("Dimensions that are used", "0 of 2") in collapsed.evidence


def test_obeying_mends_it(store: Store, collapsed: Verdict) -> None:
    obeyed = SPEC.model_copy(update={"loss": TOO_LARGE, **collapsed.change})
    assert "beta * minimum(progress / 0.5, 1.0) * divergence" in obeyed.loss
    assert obeyed.loss_parameters == {"beta": 1.0}
    found = judged(store, RunSpec.parse(obeyed.model_dump()))
    assert found.kind == "fitting" and "Every dimension of the code is used" in found.sentence
    metrics = trained(store, obeyed).metrics
    assert metrics["validation_active"] == 2 and metrics["validation_divergence"] > 1


def test_a_plain_code_does_not_collapse(store: Store) -> None:
    found = judged(store, SPEC.model_copy(update={"loss": PLAIN, "kind": "plain"}))
    assert found.kind == "fitting" and "ELBO" not in found.sentence


def test_a_few_steps_say_nothing(store: Store) -> None:
    found = judged(store, SPEC.model_copy(update={"epochs": 3}))
    assert found.kind == "early" and "of the 400 steps" in found.sentence
    assert found.change["epochs"] > 3


@pytest.mark.parametrize(
    ("loss", "terms", "words"),
    [
        ("a + 4 * kl(mu, log_var)", ("a", "4 * kl(mu, log_var)"), "Let the divergence cost"),
        (
            "w = 8.0\na + w * minimum(progress, 1) * d",
            ("a", "w * minimum(progress, 1) * d"),
            "Lower w to 0.8.",
        ),
        ("w = 0.5\na + w * d", ("a", "w * d"), "Let w rise from 0 to 0.5"),
    ],
)
def test_the_step_goes_by_how_the_divergence_is_weighed(
    loss: str, terms: tuple[str, ...], words: str
) -> None:
    known = diagnosis.of({"terms": terms, "parameters": [{"name": "w", "value": float(loss[4:7])}]
                          if loss.startswith("w") else []})  # fmt: skip
    spec = SPEC.model_copy(update={"loss": loss})
    step, _ = posterior.rising(spec, known, dict(zip(terms, (30.0, 0.01), strict=True)))
    assert step.words.startswith(words)
