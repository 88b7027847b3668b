"""Whose question is answered next."""

import hypothesis.strategies as st
from hypothesis import given

from playground.runs.turns import Turn, Turns

PATIENCE = 20.0
Question = tuple[str, bool, float]  # visitor, whether it is slow, how long its answer takes
names = st.sampled_from("abcd")
lengths = st.floats(0.01, 8.0)
questions = st.lists(st.tuples(names, st.booleans(), lengths), max_size=25)


def answered(turns: Turns, lengths: dict[Turn, float], now: float = 0.0) -> list[Turn]:
    """All that wait, in the order in which they are answered."""
    found = []
    while (turn := turns.take(now)) is not None:
        now += lengths[turn]
        turns.charge(turn, lengths[turn])
        found.append(turn)
    return found


def joined(turns: Turns, asked: list[Question]) -> dict[Turn, float]:
    return {turns.join(who, "", slow, 0.0): length for who, slow, length in asked}


def test_visitors_take_turns_by_the_time_they_took() -> None:
    turns = Turns(PATIENCE)
    lengths = joined(turns, [("a", False, 2.0)] * 3 + [("b", False, 1.0)] * 4)
    assert "".join(turn.visitor for turn in answered(turns, lengths)) == "abbabba"


def test_quick_ones_go_first_until_a_slow_one_has_waited_long_enough() -> None:
    turns = Turns(PATIENCE)
    slow = turns.join("a", "", True, 0.0)
    quick = turns.join("b", "", False, 5.0)
    assert turns.next(5.0) is quick and turns.next(PATIENCE - 0.1) is quick
    assert turns.next(PATIENCE) is slow and not turns.slow(slow, PATIENCE)


def test_the_newest_of_a_topic_takes_the_place_of_the_others() -> None:
    turns = Turns(PATIENCE)
    old, other = turns.join("a", "maps", False, 0.0), turns.join("a", "kernel", False, 0.0)
    foreign, untold = turns.join("b", "maps", False, 0.0), turns.join("a", "", False, 0.0)
    new = turns.join("a", "maps", False, 1.0)
    assert old.superseded and not any(one.superseded for one in (other, foreign, untold, new))
    assert len(turns) == 4
    turns.leave(new)
    turns.leave(old)  # gone already
    assert len(turns) == 3


def test_being_away_earns_no_claim() -> None:
    turns = Turns(PATIENCE)
    answered(turns, joined(turns, [("a", False, 1.0)] * 50))
    asked = [("a", False, 1.0)] * 5 + [("b", False, 1.0)] * 5
    order = "".join(turn.visitor for turn in answered(turns, joined(turns, asked)))
    assert order == "bababababa"


@given(questions)
def test_every_question_is_answered_once(asked: list[Question]) -> None:
    turns = Turns(PATIENCE)
    lengths = joined(turns, asked)
    found = answered(turns, lengths)
    assert len(found) == len(set(found)) == len(asked) and len(turns) == 0


@given(questions, lengths, st.integers(1, 60))
def test_a_flood_delays_a_neighbour_by_one_question(
    before: list[Question], length: float, flood: int
) -> None:
    """However much "x" asks for, and whatever was before: a quick question of another visitor who
    has not used the worker more than that waits for what "x" has in progress, and no more."""
    turns = Turns(PATIENCE)
    answered(turns, joined(turns, before))
    lengths = joined(turns, [("x", False, length)] * flood)
    in_progress = turns.take(0.0)
    neighbour = turns.join("neighbour", "", False, 0.0)
    assert in_progress is not None
    turns.charge(in_progress, lengths[in_progress])
    assert turns.take(length) is neighbour


@given(lengths, lengths)
def test_two_who_always_ask_share_the_time(one: float, other: float) -> None:
    turns, taken = Turns(PATIENCE), {"a": 0.0, "b": 0.0}
    length, now = {"a": one, "b": other}, 0.0
    for who in "ab":
        turns.join(who, "", False, now)
    for _ in range(300):
        turn = turns.take(now)
        assert turn is not None
        now += length[turn.visitor]
        taken[turn.visitor] += length[turn.visitor]
        turns.charge(turn, length[turn.visitor])
        turns.join(turn.visitor, "", False, now)
    assert abs(taken["a"] - taken["b"]) <= 2 * max(one, other)


@given(questions)
def test_a_question_given_up_keeps_its_place(asked: list[Question]) -> None:
    turns = Turns(PATIENCE)
    joined(turns, asked)
    turn = turns.take(0.0)
    if turn is not None:
        turns.rejoin(turn)
        assert turns.next(0.0) is turn
