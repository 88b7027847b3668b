"""Operators that move entries, choose among them or create them."""

from __future__ import annotations

from itertools import pairwise

from . import elementwise as el
from . import lookups, masks, sizes
from . import structure as st
from .build import NONE, Builder, Items, Places, Value, dims
from .graph import Node
from .operands import Apply, Arguments, numbers_of, single_axis


def flip(b: Builder, a: Arguments) -> Node:
    x, rank = a["x"], a["x"].rank
    for place in st.sizes_of(b, lambda k: sizes.axes_in(a["axis"], rank), 0):
        x = st.along(b, "flip", x, place)
    return x


def roll(b: Builder, a: Arguments) -> Node:
    if not isinstance(a["axis"], int):
        raise b.error("an axis is needed here", "axis=-1 is the last axis")
    x = a["x"]
    return b.node(
        "roll", (x,), st.along(b, "flip", x, a["axis"]).shapes.__getitem__, x.dtype,
        shift=a["shift"], axis=a["axis"],
    )  # fmt: skip


def ordered(op: str) -> Apply:
    def apply(b: Builder, a: Arguments) -> Node:
        x, axis = numbers_of(b, a["x"]), single_axis(b, a["axis"])
        down = a["direction"].text.upper() == "DESCENDING"
        if not down:
            return st.along(b, op, x, axis)
        if op == "argsort":
            return st.along(b, op, el.unary(b, "neg", x), axis)
        return el.unary(b, "neg", st.along(b, op, el.unary(b, "neg", x), axis))

    return apply


def top_k(b: Builder, a: Arguments) -> Items:
    """The k largest entries along the last axis, and where they were."""
    x, k = numbers_of(b, a["x"]), a["k"]
    if not x.rank or not 1 <= k <= x.shapes[0][-1]:
        raise b.error(f"there are no {k} entries along the last axis")
    every = ((None, None, None),) * (x.rank - 1)
    down = el.unary(b, "neg", x)
    first = (*every, (None, k, None))
    values = el.unary(b, "neg", st.slices(b, st.along(b, "sort", down, -1), first))
    return Items((values, st.slices(b, st.along(b, "argsort", down, -1), first)))


def swapaxes(b: Builder, a: Arguments) -> Node:
    x, order = a["x"], list(range(a["x"].rank))
    one, two = (sizes.axis_in(a[n], x.rank) for n in ("axis1", "axis2"))
    order[one], order[two] = order[two], order[one]
    return st.transpose(b, x, tuple(order))


def split(b: Builder, a: Arguments) -> Items:
    parts = a["parts"]
    if isinstance(parts, Items):
        sizes: int | tuple[int, ...] = tuple(b.integer(v, "a size") for v in parts.values)
    else:
        sizes = b.integer(parts, "the number of parts")
    return Items(st.split(b, a["x"], sizes, single_axis(b, a["axis"])))


def split_at(b: Builder, a: Arguments) -> Items:
    """NumPy's split, and Keras': a list says where it is cut, not how large the parts are."""
    parts = a["parts"]
    if not isinstance(parts, Items):
        return split(b, a)
    axis = single_axis(b, a["axis"])
    size = a["x"].shapes[0][sizes.axis_in(axis, a["x"].rank)]
    ends = [0, *(b.integer(v, "a place") for v in parts.values), size]
    return Items(st.split(b, a["x"], tuple(j - i for i, j in pairwise(ends)), axis))


def moveaxis(b: Builder, a: Arguments) -> Node:
    x = a["x"]
    source, destination = (sizes.axis_in(a[n], x.rank) for n in ("source", "destination"))
    order = [i for i in range(x.rank) if i != source]
    order.insert(destination, source)
    return st.transpose(b, x, tuple(order))


def pad(b: Builder, a: Arguments) -> Node:
    """One number around a tensor: so many before it and behind it along each axis."""
    x, value = a["x"], b.cast(a["constant_values"], a["x"].dtype)
    if a["mode"].text.lower() != "constant":
        raise b.error("padding is read with one number only", "leave mode out")
    widths = a["pad_width"].values if isinstance(a["pad_width"], Items) else ()
    pairs = [w.values for w in widths if isinstance(w, Items) and len(w.values) == 2]
    if len(pairs) != len(widths) or len(pairs) != x.rank:
        raise b.error("padding is two numbers for each axis", "write pad(x, [[0, 0], [1, 1]])")
    for place, pair in enumerate(pairs):
        before, behind = (b.integer(v, "a number of places") for v in pair)
        if min(before, behind) < 0:
            raise b.error("a number of places must not be negative")
        sides = [_filled(b, x, value, place, count) for count in (before, behind)]
        x = st.join(b, "concatenate", [*sides[0], x, *sides[1]], place)
    return x


def _filled(b: Builder, x: Node, value: Node, place: int, count: int) -> list[Node]:
    """A tensor of one number as large as x, but for so many entries along an axis."""
    sizes = [*dims(b, x)]
    sizes[place] = b.const(count)
    return [st.full(b, b.shape(Items(tuple(sizes))), value, x.dtype)] if count else []


def select(b: Builder, a: Arguments) -> Node:
    """Of several, the first whose condition holds."""
    conditions, values = a["condlist"], a["choicelist"]
    if len(conditions) != len(values):
        raise b.error(f"{len(conditions)} conditions choose among {len(values)} values")
    found = a["default"]
    for condition, value in zip(reversed(conditions), reversed(values), strict=True):
        found = el.where(b, condition, value, found)
    return found


def slice_tf(b: Builder, a: Arguments) -> Node:
    """TensorFlow's slice: from where and how far along each axis, -1 for the rest."""
    x, lists = a["x"], (a["begin"], a["size"])
    if any(not isinstance(v, Items) or len(v.values) != x.rank for v in lists):
        raise b.error(
            "slice needs a start and a size for each axis", "write slice(x, [0, 0], [-1, 5])"
        )
    begin, size = ([b.integer(v, "a size") for v in each.values] for each in lists)
    if any(n < -1 for n in size) or any(n < 0 for n in begin):
        raise b.error("a start is at least 0, and a size at least 1, or -1 for the rest")
    ends = [None if n == -1 else first + n for first, n in zip(begin, size, strict=True)]
    index = [(first or None, end, None) for first, end in zip(begin, ends, strict=True)]
    return st.slices(b, x, index)


def unstack(b: Builder, a: Arguments) -> Items:
    x, axis = a["x"], single_axis(b, a["axis"])
    place = sizes.axis_in(axis, x.rank)
    parts = st.split(b, x, x.shapes[0][place], axis)
    return Items(tuple(st.squeeze(b, p, place) for p in parts))


def gather(b: Builder, a: Arguments) -> Node:
    """tf.gather; with batch_dims=1 the entry of each sample at its own index."""
    x, axis = a["x"], single_axis(b, a["axis"])
    if isinstance(a["indices"], Places) and a["indices"].mask.rank == 1 and not axis:
        return masks.taken(b, x, a["indices"])
    index = b.tensor(a["indices"])
    if not a["batch_dims"]:
        return st.take(b, x, index, axis)
    if a["batch_dims"] != 1 or x.rank != 2 or index.rank not in (1, 2):
        raise b.error("batch_dims is read for one index a sample of a (B, C) tensor")
    if index.rank == 2:
        return st.take_along_axis(b, x, index, 1)
    return st.squeeze(b, st.take_along_axis(b, x, st.expand(b, index, -1), 1), -1)


def gather_nd(b: Builder, a: Arguments) -> Node:
    """tf.gather_nd: the last axis of the indices holds one place for each of the first axes."""
    x = a["x"]
    if isinstance(a["indices"], Places):
        return masks.taken(b, x, a["indices"])
    index = b.tensor(a["indices"])
    count, other = (shape[-1] if shape else 0 for shape in index.shapes)
    if count != other or not 1 <= count <= x.rank:
        raise b.error(
            "the last axis of the indices must hold one number for each axis they choose on",
            "stack them, as in tf.stack([rows, columns], axis=-1)",
        )
    if index.op == "stack" and index.attrs["axis"] in (-1, index.rank - 1):
        places = index.args
    else:
        every = [(None, None, None)] * (index.rank - 1)
        places = tuple(st.slices(b, index, (*every, place)) for place in range(count))
    if count == x.rank == 2 and _counts(b, places[0]) and places[0].shapes == places[1].shapes:
        # each sample at its own index, as it is mostly written
        return st.squeeze(b, st.take_along_axis(b, x, st.expand(b, places[1], -1), 1), -1)
    for axis, place in enumerate(places):
        lookups.check_reach(b, x, axis, place)
    sizes = dims(b, x)
    flat = places[0]
    for size, place in zip(sizes[1:], places[1:], strict=False):
        flat = el.binary(b, "add", el.binary(b, "mul", flat, size), place)
    return st.take(b, st.reshape(b, x, (-1, *sizes[count:])), flat, 0)


def _counts(b: Builder, node: Node) -> bool:
    """Whether a node is 0, 1, 2, ..."""
    while node.op == "cast":
        node = node.args[0]
    if node.op != "arange":
        return False
    start, _, step = (b.static(part, "the bounds of a range") for part in node.args)
    return start == (0, 0) and step == (1, 1)


def repeat(b: Builder, a: Arguments) -> Node:
    return st.repeat(b, a["x"], a["repeats" if "repeats" in a else "rep"], a["axis"])


def one_hot_tf(b: Builder, a: Arguments) -> Node:
    x = a["indices"]
    if x.dtype != "int":
        raise b.error(
            "one_hot needs whole numbers, and this tensor holds floats",
            "take argmax(x, axis=-1) first, or cast(x, 'int32')",
        )
    hot = st.one_hot(b, x, a["depth"], single_axis(b, a["axis"]))
    if a["on_value"] == NONE and a["off_value"] == NONE:
        return hot
    on = b.const(1.0) if a["on_value"] == NONE else b.tensor(a["on_value"])
    off = b.const(0.0) if a["off_value"] == NONE else b.tensor(a["off_value"])
    return el.where(b, el.binary(b, "gt", hot, b.const(0.5)), on, off)


def diagonal(b: Builder, a: Arguments) -> Node:
    x = a["x"]
    if x.rank == 1:
        n = dims(b, x)[0] if x.shapes[0] != x.shapes[1] else x.shapes[0][0]
        return el.binary(b, "mul", st.eye(b, n, None), st.expand(b, x, 0))
    if x.rank != 2:
        raise b.error("a diagonal is taken of a matrix")
    return b.node("diagonal", (x,), lambda k: (min(x.shapes[k]),), x.dtype)


def triangle(op: str) -> Apply:
    def apply(b: Builder, a: Arguments) -> Node:
        x = a["x"]
        if x.rank < 2:
            raise b.error("a triangle is taken of a matrix")
        return b.node(op, (x,), lambda k: x.shapes[k], x.dtype, k=a["k"])

    return apply


def like(value: float) -> Apply:
    def apply(b: Builder, a: Arguments) -> Node:
        kind = None if a["dtype"] == NONE else b.dtype(a["dtype"])
        return st.like(b, a["x"], value, kind)

    return apply


def arange(b: Builder, a: Arguments) -> Node:
    kind = None if a["dtype"] == NONE else b.dtype(a["dtype"])
    return st.arange(b, a["start"], a["stop"], a["step"], kind)


def eye(b: Builder, a: Arguments) -> Node:
    columns = None if a["M"] == NONE else b.shape(a["M"])[0]
    return st.eye(b, a["N"], columns, a["dtype"])


def linspace(b: Builder, a: Arguments) -> Node:
    n = a["num"]
    if not 2 <= n <= sizes.MAX_ELEMENTS:
        raise b.error("linspace takes from 2 to 1,000,000 points")
    low, high = a["start"], a["stop"]
    steps = st.arange(b, b.const(0.0), b.const(float(n)), None, "float")
    width = el.binary(b, "div", el.binary(b, "sub", high, low), b.const(float(n - 1)))
    return el.binary(b, "add", low, el.binary(b, "mul", steps, width))


def shape(b: Builder, a: Arguments) -> Items:
    return Items(dims(b, a["x"]))


def length(b: Builder, a: Arguments) -> Value:
    x = a["x"]
    if isinstance(x, Items):
        return b.const(len(x.values))
    if isinstance(x, Node) and x.rank:
        return dims(b, x)[0]
    raise b.error("len needs a list or a tensor")


def boolean_mask(b: Builder, a: Arguments) -> Node:
    if a["axis"] not in (None, 0):
        raise b.error("boolean_mask is read along the first axes", "leave axis out")
    return masks.choose(b, a["x"], a["mask"])


def size(b: Builder, a: Arguments) -> Node:
    return masks.count(b, a["x"]) if a["x"] in b.chosen else st.size_of(b, a["x"])


APPLY: dict[str, Apply] = {
    "flip": flip,
    "roll": roll,
    "swapaxes": swapaxes,
    "split": split,
    "split_at": split_at,
    "moveaxis": moveaxis,
    "pad": pad,
    "slice_tf": slice_tf,
    "unstack": unstack,
    "repeat": repeat,
    "repeat_elements": repeat,
    "diagonal": diagonal,
    "arange": arange,
    "eye": eye,
    "linspace": linspace,
    "top_k": top_k,
    "gather": gather,
    "gather_nd": gather_nd,
    "one_hot_tf": one_hot_tf,
    "boolean_mask": boolean_mask,
    "select": select,
    "shape": shape,
    "length": length,
    "size": size,
    **{op: ordered(op) for op in ("sort", "argsort")},
    **{op: triangle(op) for op in ("tril", "triu")},
    "zeros_like": like(0.0),
    "ones_like": like(1.0),
    "trace": lambda b, a: st.reduce(b, "sum", diagonal(b, a)),
}
