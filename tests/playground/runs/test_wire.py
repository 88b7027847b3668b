"""Frames over a pipe: what goes in comes out, and nothing else is taken for a message."""

import io
import json
import struct

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from playground.errors import WorkerError
from playground.runs import wire
from playground.training import events

numbers = (
    arrays.boolean_dtypes()
    | arrays.integer_dtypes(endianness="?")
    | arrays.unsigned_integer_dtypes(endianness="?")
    | arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64))
)
any_array = arrays.arrays(numbers, arrays.array_shapes(min_dims=0, min_side=0, max_side=4))
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    plain | any_array,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def through(message):
    stream = io.BytesIO()
    wire.send(stream, message)
    stream.seek(0)
    found = wire.receive(stream)
    assert wire.receive(stream) is None
    return found


def same(one, other) -> bool:
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.shape == other.shape
            and one.dtype.newbyteorder("=") == other.dtype
            and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        )
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (one != one and other != other)


@given(st.dictionaries(st.text(), values, max_size=4))
def test_a_message_comes_out_as_it_went_in(message):
    assert same(message, through(message))


def test_received_arrays_can_be_written_and_tuples_come_as_lists():
    found = through({"a": np.arange(6)[::2], "b": (np.float32(0.5), np.int64(3))})
    found["a"][0] = 7
    assert found["a"].tolist() == [7, 2, 4] and found["b"] == [0.5, 3]


EVENTS = [
    events.Preparing("Reading MNIST", 0.25),
    events.Started(
        10, [{"name": "conv"}], 3, 1, 4, 1, 1, ["a"], {"title": "x"}, {"strip": np.ones(2)}
    ),
    events.Resumed(2, 1, 3),
    events.Progress(2, 0.5, 1.0, 64.0, {"loss": np.array([1, np.nan], np.float32)}),
    events.Evaluated(2, 0.5, "test", 4, True, {"loss": float("inf")}, {"confusion": np.eye(2)}),
    events.Snapshot(2, "weights", {"dense/kernel": np.zeros((2, 0, 3), np.float16)}),
    events.Changed(2, "loss", "", "mse()"),
    events.Finished(3, "completed", 1.5, {"loss": 0.1}),
    events.Failed(3, "nonfinite", "not finite", "try", {"line": 1}),
]


def test_every_kind_of_event_is_tried():
    assert {type(event).__name__ for event in EVENTS} == set(events.KINDS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_crosses(event):
    found = wire.message_to_event(through(wire.event_to_message(event)))
    assert type(found) is type(event) and same(vars(event), vars(found))


@pytest.mark.parametrize(
    "array", [np.array(["text"]), np.array([object()]), np.array([1j]), np.array(["2026"], "M8[Y]")]
)
def test_only_arrays_of_numbers_are_sent(array):
    with pytest.raises(TypeError, match="array of numbers"):
        wire.send(io.BytesIO(), {"a": array})


def frame(header: object, body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack(">II", len(text), len(body)) + text + body


@pytest.mark.parametrize(
    "content",
    [
        b"Traceback (most recent call last):\n",
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 0, 2**31),
        struct.pack(">II", 4, 0) + b"abcd",
        frame([1, 2]),
        frame({"message": [], "arrays": []}),
        frame({"message": {}, "arrays": []}, b"left over"),
        frame({"message": {"a": None}, "arrays": [[["a"], "|O", [1]]]}, b"12345678"),
        frame({"message": {"a": None}, "arrays": [[["a"], "<f4", [3]]]}, b"1234"),
        frame({"message": {"a": None}, "arrays": [[["a"], "<f4", [-1]]]}, b"1234"),
        frame({"message": {"a": None}, "arrays": [[["b", "c"], "<f4", [1]]]}, b"1234"),
        frame({"message": {"a": None}, "arrays": [[[], "<f4", [1]]]}, b"1234"),
    ],
)
def test_what_is_no_frame_is_refused(content):
    with pytest.raises(WorkerError, match="not a message"):
        wire.receive(io.BytesIO(content))


@given(st.data())
def test_a_frame_that_is_cut_off_is_told_from_an_end(data):
    stream = io.BytesIO()
    wire.send(stream, {"a": np.arange(3), "b": "text"})
    whole = stream.getvalue()
    length = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(WorkerError, match="in the middle"):
        wire.receive(io.BytesIO(whole[:length]))


def test_an_unknown_event_is_refused():
    with pytest.raises(WorkerError, match="unknown event"):
        wire.message_to_event({"event": "Exploded", "fields": {}})
    with pytest.raises(WorkerError, match="other fields"):
        wire.message_to_event({"event": "Preparing", "fields": {"nothing": 1}})
