"""Rules for sizes: plain integers in, plain integers out, nothing computed.

Each function raises `SizeError` with a sentence for the visitor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .graph import Shape

MAX_RANK = 8
MAX_ELEMENTS = 1_000_000
MAX_AT_256 = 32_000_000


class SizeError(ValueError):
    """Sizes do not fit; `hint` says what to do, `about` names the argument that is to blame."""

    def __init__(self, message: str, hint: str | None = None, about: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.about = about


def show(shape: Sequence[int]) -> str:
    return "(" + ", ".join(str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"


def elements(shape: Shape) -> int:
    return math.prod(shape)


def broadcast(*shapes: Shape) -> Shape:
    """The common shape of operands, by NumPy's rule."""
    rank = max(len(s) for s in shapes)
    padded = [(1,) * (rank - len(s)) + s for s in shapes]
    result = []
    for sizes in zip(*padded, strict=True):
        wide = {n for n in sizes if n != 1}
        if len(wide) > 1:
            raise SizeError(
                "the sizes " + " and ".join(show(s) for s in shapes) + " do not fit together"
            )
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def axis_in(axis: int, rank: int) -> int:
    """A counted-from-the-end axis made positive."""
    if not -rank <= axis < rank:
        raise SizeError(
            f"axis {axis} does not exist: the tensor has {rank} "
            + ("axis" if rank == 1 else "axes"),
            "axis=-1 is the last axis (the classes), axis=0 the batch",
            "axis",
        )
    return axis % rank


def axes_in(axis: int | tuple[int, ...] | None, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    axes = (axis,) if isinstance(axis, int) else axis
    found = tuple(axis_in(a, rank) for a in axes)
    if len(set(found)) != len(found):
        raise SizeError("an axis is named twice", about="axis")
    return found


def reduce(shape: Shape, axis: int | tuple[int, ...] | None, keepdims: bool) -> Shape:
    axes = axes_in(axis, len(shape))
    if keepdims:
        return tuple(1 if i in axes else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def reshape(shape: Shape, wanted: Shape) -> Shape:
    """`wanted` with its -1 filled in."""
    total = elements(shape)
    free = [i for i, n in enumerate(wanted) if n == -1]
    if len(free) > 1 or any(n < -1 for n in wanted):
        raise SizeError(f"{show(wanted)} is not a shape", "at most one size may be -1")
    known = math.prod(n for n in wanted if n != -1)
    if free:
        if known == 0 or total % known:
            raise SizeError(
                f"{show(shape)} cannot be reshaped to {show(wanted)}", _BATCH_HINT, "shape"
            )
        return tuple(total // known if n == -1 else n for n in wanted)
    if known != total:
        raise SizeError(f"{show(shape)} cannot be reshaped to {show(wanted)}", _BATCH_HINT, "shape")
    return wanted


_BATCH_HINT = "the batch size changes from batch to batch: write -1 or shape(y_pred)[0] for it"


def broadcast_to(shape: Shape, wanted: Shape) -> Shape:
    if elements(wanted) > MAX_ELEMENTS:
        raise SizeError(f"{show(wanted)} is too large", "make it smaller")
    fits = len(wanted) >= len(shape) and all(
        n in (1, m) for n, m in zip(reversed(shape), reversed(wanted), strict=False)
    )
    if not fits:
        raise SizeError(
            f"{show(shape)} cannot be broadcast to {show(wanted)}", _BATCH_HINT, "shape"
        )
    return wanted


def matmul(a: Shape, b: Shape) -> Shape:
    if not a or not b:
        raise SizeError("a matrix product needs tensors, not numbers", "write * to multiply")
    left = a if len(a) > 1 else (1, *a)
    right = b if len(b) > 1 else (*b, 1)
    if left[-1] != right[-2]:
        raise SizeError(
            f"the sizes {show(a)} and {show(b)} do not fit a matrix product",
            "the last axis of the first must match the first axis of the second",
        )
    batch = broadcast(left[:-2], right[:-2]) if len(left) > 2 or len(right) > 2 else ()
    tail = ((left[-2],) if len(a) > 1 else ()) + ((right[-1],) if len(b) > 1 else ())
    return batch + tail


def transpose(shape: Shape, axes: tuple[int, ...] | None) -> Shape:
    if axes is None:
        return shape[::-1]
    if sorted(a % max(len(shape), 1) for a in axes) != list(range(len(shape))):
        raise SizeError(
            f"{show(axes)} does not reorder the {len(shape)} axes of the tensor", about="axes"
        )
    return tuple(shape[a] for a in axes)


def squeeze(shape: Shape, axis: int | tuple[int, ...] | None) -> Shape:
    if axis is None:
        return tuple(n for n in shape if n != 1)
    axes = axes_in(axis, len(shape))
    for place in axes:
        if shape[place] != 1:
            raise SizeError(f"axis {place} has size {shape[place]}, only size 1 can be squeezed")
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def expand(shape: Shape, axis: int | tuple[int, ...]) -> Shape:
    axes = (axis,) if isinstance(axis, int) else axis
    rank = len(shape) + len(axes)
    places = {axis_in(a, rank) for a in axes}
    if len(places) != len(axes):
        raise SizeError("an axis is named twice", about="axis")
    rest = iter(shape)
    return tuple(1 if i in places else next(rest) for i in range(rank))


def concatenate(shapes: Sequence[Shape], axis: int) -> Shape:
    first = shapes[0]
    place = axis_in(axis, len(first))
    for other in shapes[1:]:
        same = len(other) == len(first) and all(
            i == place or n == m for i, (n, m) in enumerate(zip(first, other, strict=True))
        )
        if not same:
            raise SizeError(f"{show(first)} and {show(other)} cannot be joined along axis {axis}")
    return tuple(sum(s[place] for s in shapes) if i == place else n for i, n in enumerate(first))


def stack(shapes: Sequence[Shape], axis: int) -> Shape:
    if len(set(shapes)) > 1:
        raise SizeError(f"{show(shapes[0])} and {show(shapes[1])} cannot be stacked")
    place = axis_in(axis, len(shapes[0]) + 1)
    return (*shapes[0][:place], len(shapes), *shapes[0][place:])


def tile(shape: Shape, repeats: tuple[int, ...]) -> Shape:
    if any(n < 1 for n in repeats):
        raise SizeError("a number of repeats must be at least 1", about="repeats")
    rank = max(len(shape), len(repeats))
    wide = (1,) * (rank - len(shape)) + shape
    times = (1,) * (rank - len(repeats)) + repeats
    return tuple(n * m for n, m in zip(wide, times, strict=True))


def einsum(pattern: str, shapes: Sequence[Shape]) -> Shape:
    """The result of an einsum pattern such as bi,bi->b (letters only, no dots)."""
    text = pattern.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if not all((t.isascii() and t.isalpha()) or not t for t in [*terms, right]):
        raise SizeError("an einsum pattern is made of letters, commas and ->", "such as 'bi,bi->b'")
    if len(terms) != len(shapes):
        raise SizeError(f"the pattern names {len(terms)} tensors and {len(shapes)} are given")
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        if len(term) != len(shape):
            raise SizeError(f"'{term}' has {len(term)} letters for a tensor of size {show(shape)}")
        for letter, size in zip(term, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise SizeError(f"the index {letter} has sizes {sizes[letter]} and {size}")
    if not arrow:
        joined = "".join(terms)
        right = "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    if len(set(right)) != len(right) or any(c not in sizes for c in right):
        raise SizeError("each letter after -> must stand before it, and once")
    if elements(tuple(sizes.values())) > MAX_AT_256:
        raise SizeError("this einsum is too large")
    return tuple(sizes[c] for c in right)


def sliced(size: int, start: int | None, stop: int | None, step: int | None) -> int:
    """How many entries a slice takes out of `size`."""
    if step == 0:
        raise SizeError("the step of a slice must not be 0")
    return len(range(*slice(start, stop, step).indices(size)))


def check_bounds(shapes: tuple[Shape, Shape], batches: tuple[int, int]) -> None:
    """Refuse a tensor that is empty, of too many axes, or too large at a batch of 256."""
    one, two = (elements(s) for s in shapes)
    if one == 0 or two == 0:
        raise SizeError("this tensor is empty", "check the bounds of slices and the sizes")
    if any(n < 0 for s in shapes for n in s):
        raise SizeError("a size must not be negative")
    if len(shapes[0]) > MAX_RANK:
        raise SizeError(f"this tensor has more than {MAX_RANK} axes", "reduce it with sum or mean")
    growth = max(0.0, math.log(two / one) / math.log(batches[1] / batches[0]))
    at_256 = two * (256 / batches[1]) ** growth
    if two > MAX_ELEMENTS or at_256 > MAX_AT_256:
        raise SizeError(
            f"this tensor would hold {max(two, int(at_256)):,} numbers, which is too many",
            "reduce with sum or mean before combining, or make it smaller",
        )
