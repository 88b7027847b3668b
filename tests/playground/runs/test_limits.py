"""Which run has to end while others wait, and who gets no other worker."""

from collections import Counter

import hypothesis.strategies as st
from hypothesis import given

from playground.runs.limits import Held, at_most, full, overdue
from playground.settings import Settings

HOUR = 3600.0
LIMITS = Settings(workers=3, pause_minutes=10, run_minutes=30, share_minutes=5)
MINUTE = 60.0
names = st.sampled_from("abc")


def held(visitor: str, began: float, paused_at: float | None = None) -> Held:
    return Held(f"{visitor}{began:g}", visitor, began, paused_at)


def since(moment: float | None):
    return lambda visitor: moment


def test_while_nobody_waits_a_run_may_take_days() -> None:
    runs = [held("a", 0.0), held("a", 1.0, paused_at=2.0), held("a", 3.0)]
    assert overdue(runs, since(None), LIMITS, 100 * HOUR) is None
    assert at_most(runs[0], None, LIMITS, 100 * HOUR) == 30 * MINUTE


def test_a_run_is_given_its_time_from_when_others_wait() -> None:
    run = held("a", 0.0)
    assert overdue([run], since(HOUR), LIMITS, HOUR + 29 * MINUTE) is None
    assert at_most(run, HOUR, LIMITS, HOUR + 29 * MINUTE) == MINUTE
    found = overdue([run], since(HOUR), LIMITS, HOUR + 31 * MINUTE)
    assert found == (run, "after more than 30 minutes")
    assert at_most(run, HOUR, LIMITS, HOUR + 31 * MINUTE) == 0
    late = held("a", HOUR)  # others waited before it began
    assert overdue([late], since(0.0), LIMITS, HOUR + 29 * MINUTE) is None


def test_a_pause_is_shorter() -> None:
    run = held("a", 0.0, paused_at=HOUR)
    assert overdue([run], since(0.0), LIMITS, HOUR + 9 * MINUTE) == (
        run,
        "after more than 30 minutes",
    )
    run = held("a", HOUR, paused_at=HOUR)
    assert overdue([run], since(0.0), LIMITS, HOUR + 9 * MINUTE) is None
    found = overdue([run], since(0.0), LIMITS, HOUR + 11 * MINUTE)
    assert found == (run, "after a pause of more than 10 minutes")


def test_of_one_who_holds_every_worker_the_newest_run_ends() -> None:
    runs = [held("a", 2.0), held("a", 9.0), held("a", 5.0)]
    found = overdue(runs, since(HOUR), LIMITS, HOUR + 6 * MINUTE)
    assert found is not None and found[0].began == 9.0 and "took all workers" in found[1]
    assert overdue(runs, since(HOUR), LIMITS, HOUR + 4 * MINUTE) is None
    assert overdue(runs[:2], since(HOUR), LIMITS, HOUR + 6 * MINUTE) is None
    shared = [*runs[:2], held("b", 0.0)]
    assert overdue(shared, since(HOUR), LIMITS, HOUR + 6 * MINUTE) is None


def test_the_only_worker_is_nobodys_share() -> None:
    alone = LIMITS.model_copy(update={"workers": 1})
    assert overdue([held("a", 0.0)], since(HOUR), alone, HOUR + 6 * MINUTE) is None
    assert full("a", 1) == set()


@given(st.lists(names, max_size=8), st.integers(2, 8))
def test_who_is_full_has_all_workers_but_one(visitors: list[str], workers: int) -> None:
    counts = Counter(visitors)
    assert full(visitors, workers) == {who for who in counts if counts[who] >= workers - 1}


@given(
    st.lists(st.tuples(names, st.floats(0, HOUR), st.booleans()), max_size=5),
    st.floats(0, HOUR),
    st.floats(0, 3 * HOUR),
)
def test_whoever_ends_has_had_the_least_of_the_limits(runs, others, after) -> None:
    holding = [held(who, began, began if paused else None) for who, began, paused in runs]
    now = max([others, *(one.began for one in holding)]) + after
    found = overdue(holding, since(others), LIMITS, now)
    if found is not None:
        one, _ = found
        assert one in holding and now - max(others, one.began) > LIMITS.share_minutes * 60
    elif holding:
        assert all(now - max(others, one.began) <= LIMITS.run_minutes * 60 for one in holding)
