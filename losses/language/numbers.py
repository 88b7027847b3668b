"""Arithmetic on constants: finite floats and small integers, so nothing can grow or hang."""

from __future__ import annotations

import math
from collections.abc import Callable

from .graph import Number

MAX_INT = 2**53
MAX_FLOAT32 = 3.4028234663852886e38


class BadNumber(ValueError):
    """The result of constant arithmetic is not a usable number; the text says why."""


def checked(value: Number) -> Number:
    """`value` itself if it is a finite float or a small integer; else raises `BadNumber`."""
    if isinstance(value, int):
        if abs(value) > MAX_INT:
            raise BadNumber("this number is too large for an integer; write it as a float, 1e20")
        return value
    if not math.isfinite(value):
        raise BadNumber("this constant is not a finite number")
    return value


def _power(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int) and b >= 0:
        # log2 bounds the size before anything is computed
        if abs(a) > 1 and b * math.log2(abs(a)) > 54:
            raise BadNumber("this power is too large")
        return int(a) ** int(b)
    if a == 0 and b < 0:
        raise BadNumber("division by zero")
    if a < 0 and not float(b).is_integer():
        raise BadNumber("a fractional power of a negative number")
    return math.pow(a, b)


def _divide(a: Number, b: Number) -> Number:
    if b == 0:
        raise BadNumber("division by zero")
    return a / b


def _floor_divide(a: Number, b: Number) -> Number:
    if b == 0:
        raise BadNumber("division by zero")
    return a // b


def _modulo(a: Number, b: Number) -> Number:
    if b == 0:
        raise BadNumber("division by zero")
    return a % b


BINARY: dict[str, Callable[[Number, Number], Number]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _divide,
    "floordiv": _floor_divide,
    "mod": _modulo,
    "pow": _power,
    "maximum": max,
    "minimum": min,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "logical_and": lambda a, b: bool(a and b),
    "logical_or": lambda a, b: bool(a or b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
    "squared_difference": lambda a, b: (a - b) * (a - b),
    "arctan2": math.atan2,
}

UNARY: dict[str, Callable[[Number], Number]] = {
    "neg": lambda a: -a,
    "abs": abs,
    "square": lambda a: a * a,
    "exp": math.exp,
    "expm1": math.expm1,
    "log": math.log,
    "log1p": math.log1p,
    "log2": math.log2,
    "log10": math.log10,
    "sqrt": math.sqrt,
    "rsqrt": lambda a: 1 / math.sqrt(a),
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "reciprocal": lambda a: 1 / a,
    "sigmoid": lambda a: 0.5 * (1 + math.tanh(a / 2)),
    "softplus": lambda a: math.log1p(math.exp(-abs(a))) + max(a, 0.0),
    "relu": lambda a: max(a, 0),
    "sign": lambda a: (a > 0) - (a < 0),
    "erf": math.erf,
    "lgamma": math.lgamma,
    "logical_not": lambda a: not a,
    "floor": lambda a: float(math.floor(a)),
    "ceil": lambda a: float(math.ceil(a)),
    "round": lambda a: float(round(a)),
}


def unary(op: str, a: Number) -> Number:
    """A function of one constant; raises `BadNumber`."""
    try:
        return checked(UNARY[op](a))
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        if isinstance(error, BadNumber):
            raise
        raise BadNumber(f"{op}({a!r}) is not a finite number") from None


def binary(op: str, a: Number, b: Number) -> Number:
    """A function of two constants; raises `BadNumber`."""
    try:
        return checked(BINARY[op](a, b))
    except OverflowError:
        raise BadNumber("this constant is too large") from None
