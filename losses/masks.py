"""Values of samples some of which do not count, marked where Keras' reductions look for it."""

from __future__ import annotations

from .loss_info import Tensor, ops


def with_mask(values: Tensor, counts: Tensor) -> Tensor:
    """The same values (B,), 0 where `counts` (B,) is false: what does not count in a mean."""
    kept = ops.where(counts, values, 0.0)
    if hasattr(kept, "__dict__"):
        kept._keras_mask = counts  # noqa: SLF001  # where Keras itself keeps it
    return kept


def mean(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """The mean of a loss' values, each times its weight, over those that count: where they carry a
    mask, as in Keras, over what it leaves."""
    weighed = values if weights is None else values * weights
    mask = getattr(values, "_keras_mask", None)
    if mask is None:
        return ops.mean(weighed)
    return ops.divide_no_nan(ops.sum(weighed), ops.sum(ops.cast(mask, "float32")))
