"""A link says what its numbers are made of, and whoever opens it is told which part differs."""

from pathlib import Path

import pytest

from playground import replay
from playground.errors import SpecError
from playground.spec import RunSpec

SPEC = RunSpec(dataset="mnist", loss="focal", loss_parameters={"gamma": 2.0}, seed=3)


def test_the_same_settings_on_the_same_machine_give_the_same_numbers() -> None:
    assert "bit for bit" in replay.compared(replay.made(SPEC), SPEC)


@pytest.mark.parametrize(
    ("place", "other", "words"),
    [
        (0, "0" * 16, "a setting, or how this version trains"),
        (1, "0" * 8, "files of the data set"),
        (2, "1.0_2.0", "TensorFlow 1.0 and Keras 2.0 there, TensorFlow"),
        (3, "0" * 8, "but for their last digits"),
    ],
)
def test_the_part_that_differs_is_named(place: int, other: str, words: str) -> None:
    parts = replay.made(SPEC).split("~")
    parts[place] = other
    said = replay.compared("~".join(parts), SPEC)
    assert words in said and "bit for bit" not in said


def test_another_text_seed_or_data_set_is_another_spec() -> None:
    for changed in ({"seed": 4}, {"loss": "brier", "loss_parameters": {}}, {"dataset": "digits"}):
        other = RunSpec(**{**SPEC.model_dump(), **changed})
        assert "a setting" in replay.compared(replay.made(SPEC), other)
    assert replay.data_digest("mnist") != replay.data_digest("digits")


OTHER = "0" * 16 + "~" + "0" * 8 + "~1_2_3~" + "0" * 8  # of three packages


@pytest.mark.parametrize("said", ["", "x", "~~~", "0" * 16, "<b>" * 20, "1" * 10_000, OTHER])
def test_what_no_link_says_is_told(said: str) -> None:
    with pytest.raises(SpecError, match="expected what a copied link says"):
        replay.compared(said, SPEC)


def test_a_system_that_does_not_tell_its_processor_has_a_digest_all_the_same(
    tmp_path: Path,
) -> None:
    assert len(replay.machine(tmp_path / "none")) == 8
