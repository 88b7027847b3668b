"""The queue of waiting runs."""

from collections import Counter

import hypothesis.strategies as st
from hypothesis import given

from playground.runs.run_queue import GATHER_SECONDS, PATIENCE_SECONDS, QueuedRun, RunQueue
from playground.spec import RunSpec

SPEC = RunSpec()
visitors = st.lists(st.sampled_from("abcd"), max_size=12)


def queue_of(names) -> RunQueue:
    queue = RunQueue()
    for number, name in enumerate(names):
        queue.join(QueuedRun(f"{name}{number}", name, SPEC, float(number)))
    return queue


def taken(queue: RunQueue) -> list[str]:
    return [queue.take().run_id for _ in range(len(queue))]


def test_visitors_take_turns():
    assert taken(queue_of("aaabbc")) == ["a0", "b3", "c5", "a1", "b4", "a2"]


def test_who_was_served_before_lets_others_go_first():
    queue = queue_of("aab")
    assert queue.take().run_id == "a0"
    queue.join(QueuedRun("c", "c", SPEC, 9.0))
    assert [one.run_id for one in queue.order()] == ["b2", "c", "a1"]
    assert queue.take().run_id == "b2"
    queue.join(QueuedRun("b9", "b", SPEC, 9.0))  # asks again at once, and does not get ahead
    assert taken(queue) == ["c", "a1", "b9"]


def test_a_run_given_back_is_next():
    queue = queue_of("abc")
    one = queue.take()
    queue.rejoin(one)
    assert taken(queue) == ["a0", "b1", "c2"]


def test_who_is_full_lets_others_pass_and_waits_for_nobody_else():
    queue = queue_of("aab")
    assert queue.take({"a"}).run_id == "b2"
    assert queue.take({"a"}).run_id == "a0" and queue.take({"a", "b"}).run_id == "a1"


def test_the_lanes_of_a_race_wait_for_workers_that_are_starting():
    queue = RunQueue()
    for number in range(4):
        queue.join(QueuedRun(f"lane{number}", "a", SPEC, 100.0, attended=False))
    assert queue.gathers((), idle=1, coming=3, now=101.0)
    assert queue.gathers((), idle=2, coming=1, now=101.0)  # three is all that there will be
    assert not queue.gathers((), idle=3, coming=0, now=101.0)
    assert not queue.gathers((), idle=4, coming=1, now=101.0)
    assert not queue.gathers((), idle=1, coming=3, now=100.0 + GATHER_SECONDS + 1)
    queue.join(QueuedRun("hand", "b", SPEC, 100.0))
    assert queue.gathers((), idle=1, coming=3, now=101.0)
    assert not queue.gathers({"a"}, idle=1, coming=3, now=101.0)  # its turn: it waits for nobody
    assert queue.unattended() == queue.unattended("a") == 4 and not queue.unattended("b")


def test_short_runs_go_first_until_others_have_waited_for_long():
    now = [50.0]
    queue = RunQueue(lambda spec: spec.epochs == 1, lambda: now[0])
    long, short = RunSpec(epochs=9), RunSpec(epochs=1)
    for name, spec, since in [("a", long, 0.0), ("b", short, 20.0), ("b", short, 21.0)]:
        queue.join(QueuedRun(f"{name}{since:g}", name, spec, since))
    assert [one.run_id for one in queue.order()] == ["b20", "b21", "a0"]
    now[0] = PATIENCE_SECONDS
    assert [one.run_id for one in queue.order()] == ["a0", "b20", "b21"]


def test_a_long_run_given_back_is_next_all_the_same():
    queue = RunQueue(lambda spec: spec.epochs == 1, lambda: 0.0)
    queue.join(QueuedRun("a", "a", RunSpec(epochs=9), 0.0))
    one = queue.take()
    queue.join(QueuedRun("b", "b", RunSpec(epochs=1), 0.0))
    queue.rejoin(one)
    assert taken(queue) == ["a", "b"]


def test_since_when_others_wait():
    queue = queue_of("ab")
    assert queue.others_since("a") == 1.0 and queue.others_since("c") == 0.0
    queue.leave("b1")
    assert queue.others_since("a") is None and queue.count("a") == 1 and queue.count("b") == 0


@given(visitors, visitors)
def test_the_order_shown_is_the_order_kept(before, names):
    queue = queue_of(before)
    taken(queue)
    for number, name in enumerate(names):
        queue.join(QueuedRun(f"{number}", name, SPEC, 0.0))
    order = [one.run_id for one in queue.order()]
    assert sorted(order, key=int) == [str(number) for number in range(len(names))]
    assert taken(queue) == order and queue.take() is None


@given(visitors)
def test_nobody_is_two_turns_ahead_of_someone_who_waits(names):
    queue = queue_of(names)
    left, had = Counter(names), Counter({name: 0 for name in names})
    for _ in names:
        visitor = queue.take().visitor
        had[visitor] += 1
        left[visitor] -= 1
        assert all(had[visitor] - had[other] <= 1 for other in left if left[other])
