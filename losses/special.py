"""The logarithm of the gamma function and its derivative, of numbers above 0: Keras has neither.

Stirling's series (Abramowitz & Stegun 6.1.40, 6.3.18) from 8 on, to which smaller numbers are
brought by the recurrence. In float32 both are exact to about 2e-6, beside their values or beside 1.
"""

from __future__ import annotations

from .loss_info import Tensor, ops

_FROM = 8  # where the series is exact enough


def _shifted(x: Tensor) -> tuple[Tensor, Tensor]:
    small = x < _FROM
    return small, ops.where(small, x + _FROM, x)


def lgamma(x: Tensor) -> Tensor:
    """log of the gamma function of x > 0, of its shape."""
    small, z = _shifted(x)
    near = ops.where(small, x, 1.0)
    steps = ops.log(near)
    for k in range(1, _FROM):
        steps = steps + ops.log(near + k)
    square = z * z
    series = (1 / 12 - (1 / 360 - 1 / (1260 * square)) / square) / z
    whole = (z - 0.5) * ops.log(z) - z + 0.9189385332046727 + series
    return whole - ops.where(small, steps, 0.0)


def digamma(x: Tensor) -> Tensor:
    """The derivative of `lgamma` at x > 0, of its shape."""
    small, z = _shifted(x)
    near = ops.where(small, x, 1.0)
    steps = 1 / near
    for k in range(1, _FROM):
        steps = steps + 1 / (near + k)
    square = z * z
    series = (1 / 12 - (1 / 120 - 1 / (252 * square)) / square) / square
    return ops.log(z) - 0.5 / z - series - ops.where(small, steps, 0.0)
