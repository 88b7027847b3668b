"""A series kept small keeps what matters of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages.live.series import LIMIT, PER_MESSAGE, RECENT, Buckets, Series

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
CHUNKS = st.lists(st.integers(1, 400), min_size=1, max_size=30)


def feed(sizes: list[int], seed: int) -> tuple[Series, np.ndarray, list[dict]]:
    random, series, values, messages = np.random.default_rng(seed), Series(), [], []
    for size in sizes:
        part = random.normal(size=size).astype(np.float32)
        message = series.add(np.arange(series.end + 1, series.end + 1 + size), part)
        assert message is not None
        values.append(part)
        messages.append(message)
    return series, np.concatenate(values), messages


@given(CHUNKS, st.integers(0, 1000))
def test_no_point_is_lost_and_the_size_is_bounded(sizes: list[int], seed: int) -> None:
    series, values, _ = feed(sizes, seed)
    buckets = series.buckets
    assert len(buckets) <= LIMIT
    assert series.end == buckets.last[-1] == buckets.count.sum() == len(values)
    assert buckets.low.min() == values.min() and buckets.high.max() == values.max()
    assert np.average(buckets.mean, weights=buckets.count) == pytest.approx(values.mean(), abs=1e-6)
    ends = np.cumsum(buckets.count)
    for first, end, low, high in zip(
        ends - buckets.count, ends, buckets.low, buckets.high, strict=True
    ):
        assert low == values[first:end].min() and high == values[first:end].max()


@given(CHUNKS, st.integers(0, 1000))
def test_the_newest_points_stay_as_they_are(sizes: list[int], seed: int) -> None:
    series, values, _ = feed(sizes, seed)
    recent = min(RECENT, len(values))
    assert (series.buckets.count[-recent:] == 1).all()
    assert np.array_equal(series.buckets.mean[-recent:].astype(np.float32), values[-recent:])


@given(CHUNKS, st.integers(0, 1000))
def test_messages_join_without_a_gap_and_are_bounded(sizes: list[int], seed: int) -> None:
    _, values, messages = feed(sizes, seed)
    at = 0
    for message in messages:
        assert message["start"] == at and len(message["y"]) <= PER_MESSAGE
        at = message["end"]
        counts = message.get("n", [1] * len(message["y"]))
        assert sum(counts) == message["end"] - message["start"]
    assert at == len(values)
    low = min(min(message.get("low", message["y"])) for message in messages)
    assert low == pytest.approx(values.min(), rel=1e-3)


@given(st.integers(1, 500), st.integers(1, 60))
def test_squeezing_again_keeps_the_bound(length: int, most: int) -> None:
    steps = np.arange(1, length + 1)
    once = Buckets.of(steps, np.sin(steps)).squeezed(2 * most)
    assert len(once.squeezed(most)) <= most


def test_values_that_are_no_numbers_are_told_as_none() -> None:
    message = Series().add(np.arange(1, 4), np.array([1.0, np.nan, np.inf]))
    assert message == {"start": 0, "end": 3, "y": [1.0, None, None]}


def test_sparse_steps_are_named() -> None:
    series = Series()
    message = series.add(np.array([10, 20]), np.array([0.5, 0.25]))
    assert message == {"start": 0, "end": 20, "y": [0.5, 0.25], "x": [10, 20]}
    assert series.add(np.empty(0, np.int64), np.empty(0)) is None


def test_a_curve_that_hardly_moves_is_sent_with_digits_that_differ() -> None:
    values = (16.12 + 1e-4 * np.arange(8)).astype(np.float32)
    message = Series().add(np.arange(1, 9), values)
    assert message is not None
    assert message["y"] == pytest.approx(values.tolist(), abs=1e-6)  # a hundredth of a step
    whole = Series()
    whole.add(np.arange(1, 9), np.array([2.3026, 2.31415, 1e-5, 0.123456, -1, 0, np.nan, np.inf]))
    assert whole.whole()["y"] == [2.303, 2.314, 1e-5, 0.1235, -1.0, 0.0, None, None]
