"""Arrays in one body with JSON."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.live.packing import TYPES, pack


def unpacked(body: bytes) -> object:
    """As `look.js` does it."""
    (length,) = struct.unpack("<I", body[:4])
    base = 4 + length
    assert base % 4 == 0

    def revive(value: dict) -> object:
        if "at" not in value:
            return value
        assert (base + value["at"]) % 4 == 0
        count = int(np.prod(value["shape"]))
        kind = np.dtype(value["type"]).newbyteorder("<")
        return np.frombuffer(body, kind, count, base + value["at"]).reshape(value["shape"])

    return json.loads(body[4:base], object_hook=revive)


@given(
    st.lists(
        st.tuples(st.sampled_from(list(TYPES)), st.lists(st.integers(0, 5), max_size=3)), max_size=5
    ),
    st.text(max_size=20),
)
def test_what_is_packed_comes_out(kinds: list, text: str) -> None:
    arrays = [
        np.full(shape, 3, kind) + np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind)
        for kind, shape in kinds
    ]
    arrays = [np.asarray(array) for array in arrays]
    found = unpacked(pack({"arrays": arrays, "text": text, "none": None, "deep": [{"one": 1.5}]}))
    assert found["text"] == text and found["none"] is None and found["deep"] == [{"one": 1.5}]
    for array, out in zip(arrays, found["arrays"], strict=True):
        assert out.dtype == array.dtype
        np.testing.assert_array_equal(out, array)


def test_numbers_that_are_none_become_null() -> None:
    assert unpacked(pack({"a": float("nan"), "b": float("inf")})) == {"a": None, "b": None}


def test_other_kinds_of_arrays_are_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        pack({"a": np.array(["text"])})
