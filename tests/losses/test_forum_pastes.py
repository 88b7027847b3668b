"""Minimal texts after public posts, each with what must become of it (`forum_pastes.jsonl`)."""

import json
from pathlib import Path

import pytest
import reference

import losses

ENTRIES = [
    json.loads(line)
    for line in Path(__file__).with_name("forum_pastes.jsonl").read_text("utf-8").splitlines()
]


def answered(entry: dict) -> None:
    """Fails where the answer is another than the entry's."""
    if entry["expect"] == "reject":
        with pytest.raises(losses.LossError):
            losses.compile_loss(entry["text"])
        return
    loss = losses.compile_loss(entry["text"])
    if entry["value"] is not None:
        assert float(loss.on(reference.batch())) == pytest.approx(entry["value"], rel=1e-4)
    assert entry["expect"] != "warn" or loss.warnings


@pytest.mark.parametrize("entry", [pytest.param(e, id=e["id"]) for e in ENTRIES])
def test_a_post_gets_its_answer(entry: dict) -> None:
    answered(entry)
