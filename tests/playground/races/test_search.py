"""Mutations of a loss and the search among them."""

import pytest

import losses
from playground.errors import SpecError
from playground.races import mutation, race_file, search
from playground.spec import RunSpec

BASE = RunSpec(dataset="digits", epochs=8)
GCE = "q = 0.7  # 0.01..1\n(1 - sum(y_true * y_pred, axis=-1)**q) / q"


def test_a_mutation_is_another_sound_loss_that_can_be_read() -> None:
    made, digest = mutation.mutant(GCE, 1)
    report = losses.check(made)
    assert report["ok"] and report["digest"] == digest != losses.check(GCE)["digest"]
    assert made.startswith("q = 0.7  # 0.01..1")  # names, comments and ranges stay
    assert losses.doctor(losses.compile_loss(made))["sound"].state == "yes"
    assert mutation.mutant(GCE, 1) == (made, digest)
    again = mutation.mutant(GCE, 1, frozenset({digest}))
    assert again is None or again[1] != digest


def test_named_losses_have_their_texts_and_what_is_none_is_refused() -> None:
    assert mutation.text_of("gce") == GCE
    with pytest.raises(losses.LossError):
        mutation.text_of("no_such_loss")
    with pytest.raises(losses.LossError):
        mutation.mutant("log(y_pre)", 0)


def test_a_search_races_cross_entropy_the_text_and_its_mutations_by_halving() -> None:
    asked = []

    def mutate(text, seed, known):
        asked.append((text, seed, tuple(known)))
        return None if seed == 1 else (f"{seed} * ({text})", f"d{seed}")

    texts = search.mutations(GCE, 6, mutate)
    assert len(texts) == 5 and asked[-1][2] == ("d0", "d2", "d3", "d4")
    assert any(text != GCE for text, _, _ in asked)  # some are two changes away
    race = search.search(BASE, GCE, texts)
    assert [race.spec(lane).loss for lane in range(2)] == ["categorical_crossentropy", GCE]
    assert len(race.lanes) == 7 and race.rungs == [2, 4, 8]
    last = search.final(race, 3)
    assert last.base.seed == BASE.seed + 1 and last.seeds == search.FRESH_SEEDS
    assert [last.spec(n).loss for n in (0, 1)] == ["categorical_crossentropy", texts[1]]


def test_a_search_of_a_file_says_what_is_wrong() -> None:
    with pytest.raises(SpecError, match="expected the loss to begin with"):
        race_file.parse({"search": {}})
    with pytest.raises(SpecError, match="from a terminal"):
        race_file.parse({"search": {"loss": "gce"}})
    with pytest.raises(SpecError, match="expected 1 to"):
        race_file.parse({"search": {"loss": "gce", "mutations": 999}}, lambda *_: None)
