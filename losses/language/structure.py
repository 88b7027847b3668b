"""Building reductions, products, and operations that move or create entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import lookups, sizes
from .build import Builder, at_batch, common_kind
from .elementwise import binary, unary
from .graph import BATCHES, Node, Shape, topological
from .inputs import is_numbers
from .numbers import BadNumber, checked

Axis = int | tuple[int, ...] | None


def reduce(b: Builder, op: str, x: Node, axis: Axis = None, keepdims: bool = False) -> Node:
    """A sum, mean, maximum... over some axes."""
    if op in ("any", "all"):
        x = b.cast(x, "bool")
    elif op in ("sum", "max", "min", "prod"):
        x = b.cast(x, "int") if x.dtype == "bool" else x
    elif op == "count_nonzero":
        pass
    else:
        x = b.floats(x)
    kind = {"any": "bool", "all": "bool", "count_nonzero": "int"}.get(op, x.dtype)
    shape = [sizes_of(b, lambda k: sizes.reduce(x.shapes[k], axis, keepdims), k) for k in (0, 1)]
    axis = _agreed(axis, x.rank)
    if x.is_const and op in ("sum", "mean", "max", "min", "prod", "logsumexp"):
        return x
    return b.node(op, (x,), lambda k: shape[k], kind, axis=axis, keepdims=keepdims)


def _agreed(axis: Axis, rank: int) -> Axis:
    """One spelling for the same axes: None for all, -1 for the last, others from the start."""
    places = sizes.axes_in(axis, rank)
    if len(places) == rank:
        return None
    if len(places) > 1:
        return tuple(sorted(places))
    return -1 if places == (rank - 1,) else places[0] if places else ()


def sizes_of(b: Builder, rule: Callable[[int], Shape], k: int) -> Shape:
    try:
        return rule(k)
    except sizes.SizeError as error:
        raise b.size_error(error, rule=rule) from None


def along(b: Builder, op: str, x: Node, axis: int = -1) -> Node:
    """Softmax, cumulative sum, sorting...: along an axis, the shape kept."""
    x = b.cast(x, "int") if x.dtype == "bool" else x
    if op not in ("cumsum", "cumprod", "sort", "flip", "roll"):
        x = b.floats(x)
    kind = "int" if op == "argsort" else x.dtype

    def rule(k: int) -> Shape:
        sizes.axis_in(axis, len(x.shapes[k]))
        return x.shapes[k]

    sizes_of(b, rule, 0)
    last = axis % x.rank == x.rank - 1
    return b.node(op, (x,), rule, kind, axis=-1 if last else axis % x.rank)


def arg_extreme(b: Builder, op: str, x: Node, axis: int | None, keepdims: bool = False) -> Node:
    """The index of the largest or smallest entry."""
    sizes_of(b, lambda k: sizes.reduce(x.shapes[k], axis, keepdims), 0)
    agreed = _agreed(axis, x.rank) if x.rank > 1 else axis
    return b.node(
        op, (b.floats(x),), lambda k: sizes.reduce(x.shapes[k], axis, keepdims), "int",
        axis=agreed, keepdims=keepdims,
    )  # fmt: skip


def matmul(b: Builder, x: Node, y: Node) -> Node:
    x, y = b.floats(x), b.floats(y)
    return b.node("matmul", (x, y), lambda k: sizes.matmul(x.shapes[k], y.shapes[k]))


def dot(b: Builder, x: Node, y: Node) -> Node:
    """NumPy's dot: a plain product where one side is a number."""
    return binary(b, "mul", x, y) if not x.rank or not y.rank else matmul(b, x, y)


def outer(b: Builder, x: Node, y: Node) -> Node:
    x, y = b.floats(x), b.floats(y)
    return b.node(
        "outer", (x, y), lambda k: (sizes.elements(x.shapes[k]), sizes.elements(y.shapes[k]))
    )


def einsum(b: Builder, pattern: str, operands: Sequence[Node]) -> Node:
    args = [b.floats(x) for x in operands]
    return b.node(
        "einsum", args, lambda k: sizes.einsum(pattern, [a.shapes[k] for a in args]),
        pattern=pattern.replace(" ", ""),
    )  # fmt: skip


def reshape(b: Builder, x: Node, shape: Sequence[int | Node]) -> Node:
    wanted = tuple(shape)
    return b.node(
        "reshape", (x,), lambda k: sizes.reshape(x.shapes[k], at_batch(wanted, k)), x.dtype,
        shape=wanted,
    )  # fmt: skip


def squeeze(b: Builder, x: Node, axis: Axis = None) -> Node:
    return b.node("squeeze", (x,), lambda k: sizes.squeeze(x.shapes[k], axis), x.dtype, axis=axis)


def expand(b: Builder, x: Node, axis: Axis) -> Node:
    if axis is None:
        raise b.error("an axis is needed here", "axis=-1 adds one at the end")
    return b.node(
        "expand_dims", (x,), lambda k: sizes.expand(x.shapes[k], axis), x.dtype, axis=axis
    )


def transpose(b: Builder, x: Node, axes: Axis = None) -> Node:
    if isinstance(axes, int):
        raise b.error("the order of the axes is a list, such as (1, 0)")
    return b.node(
        "transpose", (x,), lambda k: sizes.transpose(x.shapes[k], axes), x.dtype, axes=axes
    )


def join(b: Builder, op: str, xs: Sequence[Node], axis: int) -> Node:
    """concatenate or stack."""
    kind = common_kind(xs)
    args = [b.cast(x, kind) for x in xs]
    rule = sizes.concatenate if op == "concatenate" else sizes.stack
    if op == "concatenate" and any(not a.rank for a in args):
        raise b.error("numbers cannot be joined", "use stack")
    return b.node(op, args, lambda k: rule([a.shapes[k] for a in args], axis), kind, axis=axis)


def tile(b: Builder, x: Node, repeats: Sequence[int | Node]) -> Node:
    times = tuple(repeats)
    return b.node(
        "tile", (x,), lambda k: sizes.tile(x.shapes[k], at_batch(times, k)), x.dtype, repeats=times
    )


def repeat(b: Builder, x: Node, repeats: int, axis: int | None) -> Node:
    if repeats < 1:
        raise b.error(
            f"the number of repeats must be at least 1, not {repeats}", None, b.blame.get("repeats")
        )

    def rule(k: int) -> Shape:
        shape = x.shapes[k]
        if axis is None:
            return (sizes.elements(shape) * repeats,)
        place = sizes.axis_in(axis, len(shape))
        return tuple(n * repeats if i == place else n for i, n in enumerate(shape))

    return b.node("repeat", (x,), rule, x.dtype, repeats=repeats, axis=axis)


def broadcast_to(b: Builder, x: Node, shape: Sequence[int | Node]) -> Node:
    wanted = tuple(shape)
    return b.node(
        "broadcast_to", (x,), lambda k: sizes.broadcast_to(x.shapes[k], at_batch(wanted, k)),
        x.dtype, shape=wanted,
    )  # fmt: skip


def full(b: Builder, shape: Sequence[int | Node], value: Node, dtype: str = "float") -> Node:
    wanted = tuple(shape)

    def rule(k: int) -> Shape:
        found = at_batch(wanted, k)
        if any(n < 0 for n in found):
            raise sizes.SizeError("a size must not be negative")
        return found

    if value.rank:
        raise b.error("the value to fill with must be a number")
    return b.node("full", (b.cast(value, dtype),), rule, dtype, shape=wanted)


def like(b: Builder, x: Node, value: float, dtype: str | None = None) -> Node:
    """zeros_like and ones_like."""
    kind = dtype or x.dtype
    return b.node("full_like", (x,), lambda k: x.shapes[k], kind, value=value)


def arange(
    b: Builder, start: Node, stop: Node | None, step: Node | None, dtype: str | None
) -> Node:
    if stop is None:
        start, stop = b.const(0), start
    step = step or b.const(1)
    parts = (start, stop, step)
    values = [b.static(p, "the bounds of a range") for p in parts]
    kind = dtype or ("float" if any(p.dtype == "float" for p in parts) else "int")

    def rule(k: int) -> Shape:
        first, last, stride = (v[k] for v in values)
        if stride == 0:
            raise sizes.SizeError("the step of a range must not be 0")
        count = -((first - last) // stride)
        if count > sizes.MAX_ELEMENTS:
            raise sizes.SizeError(f"this range holds {count:,.0f} numbers, which is too many")
        return (max(int(count), 0),)

    return b.node("arange", tuple(b.cast(p, kind) for p in parts), rule, kind)


def eye(b: Builder, rows: int | Node, columns: int | Node | None, dtype: str = "float") -> Node:
    shape = (rows, rows if columns is None else columns)

    def rule(k: int) -> Shape:
        n, m = at_batch(shape, k)
        if n < 1 or m < 1:
            raise sizes.SizeError("a size must be at least 1")
        return n, m

    return b.node("eye", (), rule, dtype, shape=shape)


def one_hot(b: Builder, x: Node, depth: int | Node, axis: int = -1) -> Node:
    if x.dtype == "float" and not is_numbers(x):
        raise b.error(
            "one_hot needs whole numbers, and this tensor holds floats",
            "take argmax(x, axis=-1) first, or cast(x, 'int32')",
        )

    span = b.blame.get("x") or b.blame.get("indices")
    lookups.needs_numbers(b, x, at_batch((depth,), 0)[0], span)

    def rule(k: int) -> Shape:
        n = at_batch((depth,), k)[0]
        if n < 1:
            raise sizes.SizeError("the number of classes must be at least 1")
        shape = list(x.shapes[k])
        shape.insert(sizes.axis_in(axis, len(shape) + 1), n)
        return tuple(shape)

    return b.node("one_hot", (b.cast(x, "int"),), rule, depth=(depth,), axis=axis)


def take(b: Builder, x: Node, index: Node, axis: int | None) -> Node:
    """Entries of `x` at whole-number positions along an axis."""
    if index.dtype != "int":
        raise b.error("an index must be a whole number", "cast it with cast(x, 'int32')")
    where = 0 if axis is None else axis
    if axis is None and x.rank != 1:
        x = reshape(b, x, (-1,))
    place = sizes_of(b, lambda k: (sizes.axis_in(where, x.rank),), 0)[0]
    if index.static is not None:
        for k in (0, 1):
            size = x.shapes[k][place]
            if not -size <= index.static[k] < size:
                raise b.error(
                    f"there is no entry {index.static[k]}: the axis has size {size}",
                    None,
                    b.blame.get("indices"),
                )
        if not place:
            _warn_of_few(b, x, 1)
    else:
        lookups.check_reach(b, x, place, index, b.blame.get("indices"))
        samples = (x.shapes[0][place], x.shapes[1][place]) == BATCHES
        if samples and index.op not in ("argsort", "array"):
            b.warn(
                "gather-batch",
                "this picks samples of the batch by number, not classes",
                "to pick the true class write sum(y_true * y_pred, axis=-1)",
            )

    def rule(k: int) -> Shape:
        shape = x.shapes[k]
        return shape[:place] + index.shapes[k] + shape[place + 1 :]

    return b.node("take", (x, index), rule, x.dtype, axis=place)


def take_along_axis(b: Builder, x: Node, index: Node, axis: int) -> Node:
    if index.dtype != "int":
        raise b.error("an index must be a whole number", "cast it with cast(x, 'int32')")

    def rule(k: int) -> Shape:
        one, two = x.shapes[k], index.shapes[k]
        if len(one) != len(two):
            raise sizes.SizeError(
                "the index needs as many axes as the tensor", "add one with [:, None]"
            )
        place = sizes.axis_in(axis, len(one))
        rest = sizes.broadcast(
            tuple(1 if i == place else n for i, n in enumerate(one)),
            tuple(1 if i == place else n for i, n in enumerate(two)),
        )
        return tuple(two[place] if i == place else n for i, n in enumerate(rest))

    if x.rank == index.rank and x.rank:
        place = sizes_of(b, lambda k: (sizes.axis_in(axis, x.rank),), 0)[0]
        lookups.check_reach(b, x, place, index, b.blame.get("indices"))
    return b.node("take_along_axis", (x, index), rule, x.dtype, axis=axis)


def split(b: Builder, x: Node, parts: int | tuple[int, ...], axis: int) -> tuple[Node, ...]:
    """`x` cut along an axis into equal parts, or into parts of the given sizes."""
    place = sizes_of(b, lambda k: (sizes.axis_in(axis, x.rank),), 0)[0]
    size = x.shapes[0][place]
    if x.shapes[1][place] != size:
        raise b.error("the batch axis cannot be split: its size changes", "split along axis=-1")
    if isinstance(parts, int):
        if parts < 1 or size % parts or parts > 64:
            raise b.error(f"size {size} cannot be split into {parts} equal parts")
        parts = (size // parts,) * parts
    if sum(parts) != size or min(parts) < 1:
        raise b.error(f"the parts must add up to {size}")
    found, start = [], 0
    for part in parts:
        index = (*((None, None, None),) * place, (start, start + part, None))
        found.append(slices(b, x, index))
        start += part
    return tuple(found)


Index = int | None | str | tuple[int | None, int | None, int | None]


def slices(b: Builder, x: Node, index: Sequence[Index]) -> Node:
    """Basic indexing: whole numbers, (start, stop, step), 'new' for a new axis."""
    used = sum(i != "new" for i in index)
    if used > x.rank:
        raise b.error(
            f"{used} indices for a tensor of {x.rank} " + ("axis" if x.rank == 1 else "axes")
        )

    def rule(k: int) -> Shape:
        rest = iter(x.shapes[k])
        shape: list[int] = []
        for item in index:
            if item == "new":
                shape.append(1)
                continue
            size = next(rest)
            if isinstance(item, int):
                if not -size <= item < size:
                    raise sizes.SizeError(f"there is no entry {item}: the axis has size {size}")
            elif isinstance(item, tuple):
                left = sizes.sliced(size, *item)
                if not left and size and x.op == "input" and x.attrs["name"] == "y_true":
                    raise sizes.SizeError(
                        f"nothing is left: y_true has {size} columns, one a class",
                        "what stands behind the target elsewhere has a name here, such as "
                        "teacher_logits",
                    )
                shape.append(left)
        return (*shape, *rest)

    first = next((i for i in index if i != "new"), None)
    if isinstance(first, int):
        _warn_of_few(b, x, 1)
    elif isinstance(first, tuple) and x.rank:
        sizes_left = {sizes.sliced(shape[0], *first) for shape in x.shapes if first[2] != 0}
        if len(sizes_left) == 1:
            _warn_of_few(b, x, sizes_left.pop())
    return b.node("slice", (x,), rule, x.dtype, index=tuple(index))


def _warn_of_few(b: Builder, x: Node, count: int) -> None:
    """The first samples of a batch, whatever its size: a class was meant, or an axis forgotten."""
    if not x.rank or (x.shapes[0][0], x.shapes[1][0]) != BATCHES:
        return
    # the first after sorting or adding up the samples are not just any
    if not any(n.op in ("sort", "argsort", "cumsum") for n in topological(x)):
        samples = "a single sample" if count == 1 else f"{count} samples"
        b.warn(
            "one-sample",
            f"this takes {samples} of the batch; the others are ignored",
            "to take a class write [:, i]",
        )


def norm(b: Builder, x: Node, order: object, axis: Axis, keepdims: bool) -> Node:
    """The 1-, 2- or maximum norm."""
    if order == 1:
        return reduce(b, "sum", unary(b, "abs", x), axis, keepdims)
    if order == "inf":
        return reduce(b, "max", unary(b, "abs", x), axis, keepdims)
    if isinstance(order, (int, float)) and not isinstance(order, bool) and order > 0 and order != 2:
        powers = binary(b, "pow", unary(b, "abs", b.floats(x)), b.const(float(order)))
        root = b.const(1.0 / order)
        return binary(b, "pow", reduce(b, "sum", powers, axis, keepdims), root)
    if order not in (2, "euclidean", "fro", None):
        raise b.error("the order of a norm is a number above 0, 'euclidean' or 'inf'")
    return unary(b, "sqrt", reduce(b, "sum", unary(b, "square", x), axis, keepdims))


def shape_vector(b: Builder, x: Node) -> Node:
    """tf.shape(x): useful for its entries and as an argument."""
    if not x.rank:
        raise b.error("a single number has no sizes", "give a tensor, such as y_pred")
    return b.node("shape", (x,), lambda k: (x.rank,), "int")


def size_of(b: Builder, x: Node) -> Node:
    static = (sizes.elements(x.shapes[0]), sizes.elements(x.shapes[1]))
    return b.node("size", (x,), lambda k: (), "int", static)


def bounded(b: Builder, value: float) -> float:
    try:
        return float(checked(value))
    except BadNumber as error:
        raise b.error(str(error)) from None
