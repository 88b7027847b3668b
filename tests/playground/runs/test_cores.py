"""Runs that train at once have cores of their own, as far as they suffice."""

import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from playground.runs import cores
from playground.runs.cores import Cores, shares

linux = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs Linux and two cores",
)


@pytest.mark.parametrize(
    ("count", "have"), [(2, 4), (2, 5), (3, 8), (4, 4), (3, 2), (4, 2), (8, 3)]
)
def test_every_core_is_used_and_in_turns_everybody_has_as_many(count: int, have: int) -> None:
    known = list(range(10, 10 + have))
    had: Counter[int] = Counter()
    for turn in range(count):
        found = shares(known, count, turn)
        assert set().union(*found) == set(known)
        if count <= have:
            assert sum(map(len, found)) == have  # no core is two runs'
        else:
            on = Counter(core for each in found for core in each)
            assert max(on.values()) - min(on.values()) <= 1
            assert all(len(each) == 1 for each in found)
        had.update({run: sum(1 / sum(c in o for o in found) for c in each)
                    for run, each in enumerate(found)})  # fmt: skip
    assert len({round(each, 9) for each in had.values()}) == 1


def test_one_run_has_all_cores() -> None:
    assert shares([0, 1, 2], 1) == [{0, 1, 2}]
    assert shares([5], 3) == [{5}] * 3


@linux
def test_all_threads_of_a_process_are_moved_and_come_back() -> None:
    waits = "import sys, threading; threading.Thread(target=input, daemon=True).start(); "
    waits += "print('ready', flush=True); threading.Event().wait()"
    command = [sys.executable, "-c", waits]
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            one = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.enter_context(one)
            stack.callback(one.kill)
            one.stdout.readline()
            found.append(one.pid)
        everything = os.sched_getaffinity(0)

        def of(pid: int) -> list[set[int]]:
            threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()]
            assert len(threads) == 2
            return [os.sched_getaffinity(thread) for thread in threads]

        sharing = Cores()
        sharing.share(found)
        (first, again), (second, _) = map(of, found)
        assert first == again and not first & second and first | second == everything
        sharing.share(found[:1], found[1:])
        assert of(found[0]) == of(found[1]) == [everything] * 2
        found_again = cores.Cores()
        found_again.share([2**22 + 1, found[0]])  # one that has ended
        assert of(found[0])[0] < everything
