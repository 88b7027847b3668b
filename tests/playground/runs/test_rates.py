"""How often a visitor may ask."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from playground.errors import RunError
from playground.runs.rates import MINUTE, Rates, TooOften
from playground.settings import Settings

gaps = st.lists(st.floats(0.0, 40.0), min_size=1, max_size=60)


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def rates(clock: Clock, runs: int = 3, checks: int = 5) -> Rates:
    return Rates(Settings(runs_per_minute=runs, checks_per_minute=checks), clock)


@given(st.integers(1, 20), gaps)
def test_never_more_than_two_minutes_worth_in_a_minute(most: int, gaps: list[float]) -> None:
    """What may come at once and what comes back in a minute; from then on the rate."""
    clock = Clock()
    asked, taken = rates(clock, checks=most), []
    for gap in gaps:
        clock.now += gap
        try:
            asked.ask("check", "me")
        except TooOften:
            continue
        taken.append(clock.now)
    for first, began in enumerate(taken):
        for count, now in enumerate(taken[first:], start=1):
            assert count <= most + (now - began) * most / MINUTE + 1e-6


@given(gaps, st.integers(1, 20))
def test_who_waits_as_long_as_is_said_is_answered(gaps: list[float], most: int) -> None:
    clock = Clock()
    asked = rates(clock, checks=most)
    for gap in gaps:
        clock.now += gap
        try:
            asked.ask("check", "me")
        except TooOften as error:
            assert 0 < error.seconds <= MINUTE + 1
            clock.now += error.seconds
            asked.ask("check", "me")


def test_a_flood_is_told_when_to_go_on_and_nobody_else_is() -> None:
    clock = Clock()
    asked = rates(clock)
    for _ in range(5):
        asked.ask("check", "me")
    with pytest.raises(TooOften, match=r"asked for 5 checks .* this minute.* go on in 12 s"):
        asked.ask("check", "me")
    asked.ask("check", "you")
    asked.ask("look", "me")
    asked.ask("check", "")  # the server itself
    clock.now += 12
    asked.ask("check", "me")


def test_looks_and_layouts_are_one_allowance() -> None:
    asked = Rates(Settings(looks_per_minute=2), Clock())
    asked.ask("look", "me")
    asked.ask("project", "me")
    with pytest.raises(TooOften, match="looked into networks 2 times"):
        asked.ask("look", "me")


def test_runs_that_start_together_count_each() -> None:
    clock = Clock()
    asked = rates(clock)
    asked.begin("me", 2)
    with pytest.raises(RunError, match=r"started 3 runs this minute.* go on in 20 s"):
        asked.begin("me", 2)
    asked.begin("me")  # the other one was not counted
    clock.now += 60
    asked.begin("me", 8)  # more than there may ever be: when nothing else was asked for
    with pytest.raises(RunError, match="go on in 120 s"):
        asked.begin("me")


def test_visitors_who_left_are_forgotten() -> None:
    clock = Clock()
    asked = rates(clock)
    for number in range(3000):
        clock.now += 1
        asked.ask("check", f"visitor {number}")
    assert len(asked._full) <= 1024


def test_files_that_are_brought_have_an_allowance_of_their_own() -> None:
    asked = rates(Clock(), runs=2)
    asked.begin("me", 2)
    for _ in range(2):
        asked.ask("bring", "me")
    with pytest.raises(TooOften, match=r"brought 2 files this minute.* go on in 30 s"):
        asked.ask("bring", "me")
