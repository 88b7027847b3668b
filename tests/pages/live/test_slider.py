"""What a slider takes of what a browser says it was moved to."""

from typing import Any

import pytest
import streamlit as st

from pages.live import component


@pytest.mark.parametrize(
    ("place", "taken"),
    [
        *((0.25, [0.25]), (1, [1.0]), (-3, [0.0]), (1e308, [1.0]), (10**400, [1.0])),
        *((float("inf"), [1.0]), (float("nan"), []), (True, []), ("0.5", []), (None, [])),
    ],
)
def test_a_place_is_brought_within_its_ends_and_what_is_none_is_left(
    monkeypatch: pytest.MonkeyPatch, place: Any, taken: list[float]
) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", {"rate": {"moved": {"value": place, "moves": 1}}})
    monkeypatch.setattr(component, "_view", lambda *_, **options: drawn.update(options))
    moves: list[float] = []
    component.slider("rate", "Rate", 0.5, moves.append, low=0.0, high=1.0, step=0.01)
    drawn["on_moved_change"]()
    assert moves == taken
