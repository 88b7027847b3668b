"""What viewers are told: the whole first, then only what changed, and never too much at once."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pages.live import feed
from pages.live.feed import BACKLOG, Feed, Reader, Viewer
from playground.errors import StoreError
from playground.knobs import metric_key
from playground.runs.store import Store
from playground.spec import RunSpec
from playground.training.events import Evaluated, Started
from playground.verdicts import fit
from tests.browser.recording import Recording


def finished(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What it gives, from a loop in a thread of its own: the browser tests' may run in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result(30)


class Line:
    def place(self, run_id: str) -> int | None:
        return 3

    def wait_seconds(self, run_id: str) -> float | None:
        return 40.0

    def waits_for(self, run_id: str) -> str | None:
        return None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}", tmp_path)
    yield store
    store.close()


def test_a_run_of_another_version_can_be_watched(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Recording(store).begin().advance(5).evaluate()
    foreign = RunSpec.model_construct(task="other", dataset="clouds", epochs=3, loss="center()")
    record = replace(store.run(run.id), spec=foreign)
    assert record.foreign
    monkeypatch.setattr(store, "run", lambda run_id: record)
    news = Reader(run.id, store, Line()).news()
    assert news["state"] == "running" and news["step"] == 5 and "collapsed" not in news


def test_news_is_only_what_changed(store: Store) -> None:
    run = Recording(store)
    reader = Reader(run.id, store, Line())
    assert reader.news()["state"] == "preparing"
    assert reader.news() is None
    run.begin().advance(5)
    news = reader.news()
    assert news["state"] == "running" and news["series"]["loss"]["end"] == 5
    run.advance(5).evaluate()
    news = reader.news()
    assert "state" not in news
    assert news["series"]["validation_loss"]["x"] == [10]
    assert news["evaluation"]["strip"][-1] == [0, 0.91, 7]
    run.finish()
    news = reader.news()
    assert news["state"] == "completed" and "series" not in news
    assert not reader.live
    whole = reader.whole()
    assert whole["whole"] and whole["step"] == 10 and whole["series"]["loss"]["end"] == 10


def test_the_runs_own_metrics_are_told_and_what_is_no_number_is_no_news(store: Store) -> None:
    text = "mean(p_true > 0.9)"
    run = Recording(store, metrics=("brier", text)).begin().advance(5)
    reader = Reader(run.id, store, Line())
    run.evaluate(brier=0.25, **{metric_key(text): float("nan")})
    news = reader.news()
    assert news["series"]["validation_brier"]["y"] == [0.25]
    assert news["series"][f"validation_{metric_key(text)}"]["y"] == [None]
    assert news["metrics"][f"validation_{metric_key(text)}"] is None
    assert reader.news() is None
    run.advance(5).evaluate(brier=0.125, **{metric_key(text): 0.5})
    news = reader.news()
    assert news["series"]["validation_brier"]["y"] == [0.125]
    assert news["series"][f"validation_{metric_key(text)}"]["x"] == [10]
    assert reader.whole()["series"]["validation_brier"]["y"] == [0.25, 0.125]


def test_of_restored_weights_the_accuracy_that_goes_with_them_is_told(store: Store) -> None:
    run = Recording(store).begin()
    reader = Reader(run.id, store, Line())
    for accuracy in (0.5, 0.75, 0.625):
        run.advance(200).evaluate(accuracy)
    assert not reader.news()["best"]["restored"]
    run.change("best", "", 2.0).finish()
    told = reader.news()["best"]
    assert told == {"epoch": 2, "step": 400, "restored": True, "value": 0.75}


def test_a_waiting_run_tells_its_place(store: Store) -> None:
    run_id = store.create(Recording(store).spec, "someone")
    news = Reader(run_id, store, Line()).news()
    assert (news["state"], news["place"], news["wait"]) == ("queued", 3, 40.0)


def test_an_unknown_run_and_a_store_in_trouble_are_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader("nosuchrun", store, Line())
    assert reader.news()["state"] == "unknown"

    def refuse(run_id: str) -> None:
        raise StoreError("The store cannot be read.", "Free some space.")

    with monkeypatch.context() as patched:
        patched.setattr(store, "run", refuse)
        assert reader.news()["trouble"] == "The store cannot be read. Free some space."
    assert reader.news()["trouble"] == ""


def test_a_viewer_who_falls_behind_is_told_the_whole(store: Store) -> None:
    run = Recording(store).begin()

    async def watch() -> bytes:
        told = Feed(lambda: store, Line)
        async with told.viewer([run.id]) as viewer:
            await asyncio.wait_for(viewer.ready.wait(), 10)
            for _ in range(BACKLOG + 3):
                viewer.tell(run.id, b"data: {}\n\n")
            assert len(viewer.waiting) == BACKLOG
            return told.take(viewer)

    said = finished(watch())
    last = json.loads(said.rstrip().rsplit(b"\n\n", 1)[1].removeprefix(b"data: "))
    assert last["whole"] and last["run"] == run.id


def test_viewers_of_one_run_share_one_watch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "LIVE_SECONDS", 0.02)
    run = Recording(store).begin()
    read: list[str] = []
    original = store.run

    def counted(run_id: str) -> object:
        read.append(run_id)
        return original(run_id)

    monkeypatch.setattr(store, "run", counted)

    async def watch() -> list[bytes]:
        told = Feed(lambda: store, Line)
        async with told.viewer([run.id]) as first:
            await asyncio.wait_for(first.ready.wait(), 10)
            async with told.viewer([run.id]) as second:
                assert second.ready.is_set()  # no need to read for the one who comes later
                said = [told.take(first), told.take(second)]
        before = len(read)
        await asyncio.sleep(0.1)
        assert len(read) <= before + 1  # nobody looks, nobody reads
        return said

    one, two = finished(watch())
    assert one == two


def test_what_is_not_finite_is_told_as_null() -> None:
    said = feed.to_json({"a": float("nan"), "b": [np.float32("inf"), np.arange(2)], "c": "\ud800"})
    assert json.loads(said) == {"a": None, "b": [None, [0, 1]], "c": "?"}


def test_closing_wakes_every_viewer(store: Store) -> None:
    async def watch() -> bool:
        told = Feed(lambda: store, Line)
        async with told.viewer(["nosuchrun"]) as viewer:
            await asyncio.wait_for(viewer.ready.wait(), 10)
            told.take(viewer)
            told.close()
            await asyncio.wait_for(viewer.ready.wait(), 1)
            return told.closed and isinstance(viewer, Viewer)

    assert finished(watch())


def test_what_is_measured_of_terms_is_told(store: Store) -> None:
    run = Recording(store).begin().advance(5)
    metrics = {"loss": 1.0, "accuracy": 0.5, "term1_features": 2.0, "cosine12": -0.4}
    store.record(run.id, Evaluated(5, 0.1, "validation", 10, False, metrics))
    told = Reader(run.id, store, Line()).news()["series"]
    assert told["validation_cosine12"]["y"] == [-0.4]
    assert told["validation_term1_features"]["y"] == [2.0]


def test_the_gap_that_is_drawn_is_the_verdicts_under_label_noise_too(store: Store) -> None:
    """One definition: of the training images whose label is right, and so many of them."""
    spec = RunSpec(dataset="digits", label_noise=0.5, watch_fit=True)
    run_id = store.create(spec, "me")
    names = [str(digit) for digit in range(10)]
    store.record(run_id, Started(10, [], 40, 10, 400, 100, 360, names, {"inputs": []}))
    for step in (10, 20, 30, 40):
        metrics = {"accuracy": 0.5, "clean_accuracy": 0.9, "clean_nll": 0.3, "loss": 1.0,
                   "given_accuracy": 0.1, "true_accuracy": 0.8, "nll": 0.5}  # fmt: skip
        metrics |= {"negative_log_likelihood": 0.6}
        store.record(run_id, Evaluated(step, step / 10, "train", 400, True, metrics))
        metrics = {"accuracy": 0.8, "loss": 0.6, "negative_log_likelihood": 0.6}
        store.record(run_id, Evaluated(step, step / 10, "validation", 100, True, metrics))
    reader = Reader(run_id, store, Line())
    assert reader.news() is not None
    drawn = {name: reader.series[name].buckets for name in ("fit_gap", "fit_gap_error")}
    record = store.run(run_id)
    told = fit.gap(fit.read(store, record))
    np.testing.assert_allclose(drawn["fit_gap"].mean, told.accuracy, atol=1e-6)
    np.testing.assert_allclose(drawn["fit_gap_error"].mean, told.accuracy_error, atol=1e-6)
    by_hand = np.sqrt(0.9 * 0.1 / 200 + 0.8 * 0.2 / 100)  # half of 400 labels are right
    assert told.accuracy[-1] == pytest.approx(0.1) and told.accuracy_error[-1] == pytest.approx(
        by_hand
    )
