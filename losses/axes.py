"""`axis`, of the named losses that have it in Keras: which axes of y_true and y_pred they reduce.

`LossInfo.axis` says what may be chosen: "one" axis instead of the last, where classes are; "some"
axes instead of all of them; "last", that one and no other. Everywhere else there is no such choice.
"""

from __future__ import annotations

from typing import Any

from .language.errors import LossError
from .loss_info import LossInfo, Tensor, ops

Axis = int | tuple[int, ...] | None


def default(info: LossInfo) -> Axis:
    """What is reduced where nothing is said: the last axis, or all."""
    return None if info.axis == "some" else -1


def checked(info: LossInfo, axis: Any) -> Axis:
    """An axis that this loss can be computed along. Raises LossError."""
    if isinstance(axis, list):
        axis = tuple(axis)
    each = axis if isinstance(axis, tuple) else (axis,)
    whole = all(isinstance(a, int) and not isinstance(a, bool) for a in each)
    if info.axis == "some" and (axis is None or (whole and each)):
        return axis
    if info.axis == "one" and whole and not isinstance(axis, tuple):
        return axis
    if info.axis == "last" and axis == -1:
        return axis
    if info.axis == "some":
        raise LossError(f"axis of {info.name} is one axis or more, not {axis!r}",
                        hint="such as -1, (1, 2), or None for all")  # fmt: skip
    if info.axis == "one":
        raise LossError(f"axis of {info.name} is a single axis, not {axis!r}", hint="such as -1")
    if info.per_sample and "y_pred" in info.inputs:
        raise LossError(
            f"{info.name} is computed along the last axis, not with axis={axis!r}",
            hint=f"leave axis out, and put that axis last: keras.ops.moveaxis(y_pred, {axis}, -1)",
        )
    raise LossError(f"{info.name} has no parameter 'axis'", hint="leave axis out")


def places(axis: Axis, rank: int, name: str) -> tuple[int, ...]:
    """The axes counted from the first of `rank`, in order. Raises LossError for one there is
    not."""
    given = tuple(range(rank)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for each in given:
        if not -rank <= each < rank:
            raise LossError(
                f"{name}: there is no axis {each} of y_pred, which has {rank}",
                hint=f"axis is one of {-rank} to {rank - 1}",
            )
    return tuple(sorted({each % rank for each in given}))


def last(x: Tensor, axis: Axis, name: str) -> Tensor:
    """The same tensor with `axis`, which is one, as its last."""
    (place,) = places(axis, len(x.shape), name)
    return x if place == len(x.shape) - 1 else ops.moveaxis(x, place, -1)
