"""What the operators take: arguments that were read, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .build import Builder, Value
from .graph import Node

Arguments = dict[str, Any]


Apply = Callable[[Builder, Arguments], Value]


def numbers_of(b: Builder, x: Node) -> Node:
    """True and false as 1 and 0; whole numbers stay whole."""
    return b.cast(x, "int", implicit=False) if x.dtype == "bool" else x


def single_axis(b: Builder, axis: object) -> int:
    if not isinstance(axis, int):
        raise b.error("one axis is needed here", "axis=-1 is the last axis")
    return axis


def optional_axis(b: Builder, axis: object) -> int | None:
    return None if axis is None else single_axis(b, axis)
