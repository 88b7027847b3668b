"""Looks of many visitors: who waits for whom, and what is made once. With workers that need no
TensorFlow, whose layouts take a second."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from playground.runs.asking import Asking
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Snapshot

QUICK = (sys.executable, "-m", "tests.playground.runs.quick_worker")
STEPS = (10, 20)


@pytest.fixture
def store(tmp_path: Path):
    found = open_store(Settings(home=tmp_path))
    yield found
    found.close()


@pytest.fixture
def looks(tmp_path: Path, store: Store):
    found = Asking(Settings(home=tmp_path), store, QUICK)
    found.start_looking()
    yield found
    found.close()


@pytest.fixture
def run_id(store: Store) -> str:
    made = store.create(RunSpec(dataset="digits"), "me")
    for step in STEPS:
        arrays = {"normalise/mean": np.zeros(1, np.float32)}
        store.record(made, Snapshot(step, "weights", arrays))
    return made


def test_a_layout_keeps_nobodys_maps_waiting(looks: Asking, run_id: str) -> None:
    order = []

    def lay_out(step: int) -> None:
        looks.ask("embedding", f"loud {step}", True, run=run_id, step=step, method="tsne")
        order.append("layout")

    looks.ask("maps", "quiet", True, run=run_id)
    flood = [threading.Thread(target=lay_out, args=(step,)) for step in STEPS]
    for thread in flood:
        thread.start()
    for _ in range(10):
        looks.ask("maps", "quiet", True, run=run_id)
        order.append("maps")
    for thread in flood:
        thread.join()
    assert order == ["maps"] * 10 + ["layout"] * 2


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_layout_is_made_once_whoever_asks(looks: Asking, run_id: str, method: str) -> None:
    found = []

    def lay_out(visitor: str) -> None:
        found.append(looks.ask("embedding", visitor, True, run=run_id, step=10, method=method))

    class_of_eight = [threading.Thread(target=lay_out, args=(f"v{n}",)) for n in range(8)]
    for thread in class_of_eight:
        thread.start()
    for thread in class_of_eight:
        thread.join()
    lay_out("late")
    assert len({one["made"] for one in found}) == 1 and len(found) == 9
    first = found[0]
    assert first["points"].shape == (20, 2) and first["method"] == method and first["step"] == 10
    other = looks.ask("embedding", "me", True, run=run_id, step=20, method=method)
    space = looks.ask("embedding", "me", True, run=run_id, step=10, method=method, dims=3)
    assert len({one["made"] for one in (first, other, space)}) == 3
    assert space["points"].shape == (20, 3)


def test_what_is_quick_to_lay_out_needs_no_second_worker(looks: Asking, run_id: str) -> None:
    found = looks.ask("embedding", "me", True, run=run_id, step=10, method="pca")
    assert "made" not in found


def test_a_network_is_built_ahead_once_and_only_by_a_warm_worker(
    looks: Asking, store: Store, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, client = [], looks._clients["look"]
    ask = client.ask

    def noted(name: str, *rest: object, **fields: object) -> object:
        answer = ask(name, *rest, **fields)
        asked.append(name)
        return answer

    monkeypatch.setattr(client, "ask", noted)
    cold = Asking(Settings(home=tmp_path), store, QUICK)
    cold.look_ahead(run_id)
    assert not cold._clients["look"].started
    cold.close()

    soon(lambda: looks.ready("look"))
    empty = store.create(RunSpec(dataset="digits"), "me")
    looks.look_ahead(empty)  # it has no weights yet
    soon(lambda: empty not in looks._ahead)
    for _ in range(3):
        looks.look_ahead(run_id)
    soon(lambda: asked)
    arrays = {"normalise/mean": np.zeros(1, np.float32)}
    store.record(empty, Snapshot(10, "weights", arrays))
    looks.look_ahead(empty)
    soon(lambda: len(asked) == 2)
    assert asked == ["maps", "maps"]


def soon(true: Callable[[], object]) -> None:
    """Waits until something is so."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
