"""The line of waiting runs."""

from collections import Counter

import hypothesis.strategies as st
from hypothesis import given

from playground.runs.waiting import Line, Waiting
from playground.spec import RunSpec

SPEC = RunSpec()
visitors = st.lists(st.sampled_from("abcd"), max_size=12)


def line_of(names) -> Line:
    line = Line()
    for number, name in enumerate(names):
        line.join(Waiting(f"{name}{number}", name, SPEC, float(number)))
    return line


def taken(line: Line) -> list[str]:
    return [line.take().run_id for _ in range(len(line))]


def test_visitors_take_turns():
    assert taken(line_of("aaabbc")) == ["a0", "b3", "c5", "a1", "b4", "a2"]


def test_who_was_served_before_lets_others_go_first():
    line = line_of("aab")
    assert line.take().run_id == "a0"
    line.join(Waiting("c", "c", SPEC, 9.0))
    assert [one.run_id for one in line.order()] == ["b2", "c", "a1"]
    assert line.take().run_id == "b2"
    line.join(Waiting("b9", "b", SPEC, 9.0))  # asks again at once, and does not get ahead
    assert taken(line) == ["c", "a1", "b9"]


def test_a_run_given_back_is_next():
    line = line_of("abc")
    one = line.take()
    line.rejoin(one)
    assert taken(line) == ["a0", "b1", "c2"]


def test_who_is_full_lets_others_pass_and_waits_for_nobody_else():
    line = line_of("aab")
    assert line.take({"a"}).run_id == "b2"
    assert line.take({"a"}).run_id == "a0" and line.take({"a", "b"}).run_id == "a1"


def test_since_when_others_wait():
    line = line_of("ab")
    assert line.others_since("a") == 1.0 and line.others_since("c") == 0.0
    line.leave("b1")
    assert line.others_since("a") is None and line.count("a") == 1 and line.count("b") == 0


@given(visitors, visitors)
def test_the_order_shown_is_the_order_kept(before, names):
    line = line_of(before)
    taken(line)
    for number, name in enumerate(names):
        line.join(Waiting(f"{number}", name, SPEC, 0.0))
    order = [one.run_id for one in line.order()]
    assert sorted(order, key=int) == [str(number) for number in range(len(names))]
    assert taken(line) == order and line.take() is None


@given(visitors)
def test_nobody_is_two_turns_ahead_of_someone_who_waits(names):
    line = line_of(names)
    left, had = Counter(names), Counter({name: 0 for name in names})
    for _ in names:
        visitor = line.take().visitor
        had[visitor] += 1
        left[visitor] -= 1
        assert all(had[visitor] - had[other] <= 1 for other in left if left[other])
