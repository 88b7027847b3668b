"""From an operator's name and its arguments, already read, to nodes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from . import elementwise as el
from . import lookups, masks, sizes
from . import structure as st
from .build import NONE, Builder, Callee, DType, Items, Places, Text, Value, dims
from .graph import Node
from .mapped import mapped
from .review import is_probability, warn_of_swap
from .vocabulary import UNARY

Arguments = dict[str, Any]
Apply = Callable[[Builder, Arguments], Value]


def constant(b: Builder, a: Arguments) -> Value:
    """tf.constant, np.array: a table, perhaps of a given type and shape."""
    x = a["value"]
    if a["dtype"] != NONE:
        x = b.cast(x, b.dtype(a["dtype"]))
    if a.get("shape", NONE) != NONE:
        shape = b.shape(a["shape"])
        x = st.broadcast_to(b, x, shape) if not x.rank else st.reshape(b, x, shape)
    return x


def cast(b: Builder, a: Arguments) -> Node:
    """Another type of number; of 16 bits, which losses are not computed in, is remembered."""
    at, b.at = b.at, b.blame.get("dtype", b.at)
    kind = b.dtype(a["dtype"])
    b.at = at
    made = b.cast(a["x"], kind, implicit=False)
    if is_half(a["dtype"]):
        b.check_half(made, cast=True)
    return made


def is_half(kind: Value) -> bool:
    """Whether a type is a float of 16 bits whose range is small."""
    if isinstance(kind, DType):
        return kind.half
    return isinstance(kind, Text) and kind.text in ("float16", "half")


def average(b: Builder, a: Arguments) -> Node:
    x, weights = a["x"], a["weights"]
    if weights is None:
        return st.reduce(b, "mean", x, a["axis"])
    top = st.reduce(b, "sum", el.binary(b, "mul", x, weights), a["axis"])
    axis = a["axis"] if weights.rank == x.rank else None
    return el.binary(b, "div", top, st.reduce(b, "sum", weights, axis))


def relu(b: Builder, a: Arguments) -> Node:
    x, slope, top = a["x"], a["negative_slope"], a["max_value"]
    zero = slope.is_const and slope.attrs["value"] == 0
    y = el.unary(b, "relu", x) if zero else leaky(b, {"x": x, "negative_slope": slope})
    return y if top is None else el.clip(b, y, None, top)


def leaky(b: Builder, a: Arguments) -> Node:
    x = b.floats(a["x"])
    scaled = el.binary(b, "mul", a["negative_slope"], x)
    return el.where(b, el.binary(b, "gt", x, b.const(0.0)), x, scaled)


def elu(b: Builder, a: Arguments) -> Node:
    x = b.floats(a["x"])
    low = el.unary(b, "expm1", el.binary(b, "minimum", x, b.const(0.0)))
    low = el.binary(b, "mul", a["alpha"], low)
    return el.where(b, el.binary(b, "gt", x, b.const(0.0)), x, low)


def divide_no_nan(b: Builder, a: Arguments) -> Node:
    x, y = b.floats(a["x"]), b.floats(a["y"])
    zero = el.binary(b, "eq", y, b.const(0.0))
    safe = el.where(b, zero, b.const(1.0), y)
    return el.where(b, zero, b.const(0.0), el.binary(b, "div", x, safe))


def xlogy(b: Builder, a: Arguments) -> Node:
    x, y = b.floats(a["x"]), b.floats(a["y"])
    return b.node("xlogy", (x, y), lambda k: sizes.broadcast(x.shapes[k], y.shapes[k]))


def tensordot(b: Builder, a: Arguments) -> Node:
    """Contract the last axes of one with the first of the other, by an einsum pattern."""
    x, y, axes = a["x"], a["y"], a["axes"]
    if isinstance(axes, Items):
        pair = [b.axis(v) for v in axes.values]
        left, right = (list(p) if isinstance(p, tuple) else [p] for p in pair)
    else:
        n = b.integer(axes, "the number of axes")
        left, right = list(range(x.rank - n, x.rank)), list(range(n))
    one = [chr(97 + i) for i in range(x.rank)]
    two = [chr(110 + i) for i in range(y.rank)]
    for i, j in zip(left, right, strict=False):
        if i is None or j is None or not (-x.rank <= i < x.rank and -y.rank <= j < y.rank):
            raise b.error("these axes do not exist")
        two[j] = one[i]
    rest = [c for c in one if c not in two] + [c for c in two if c not in one]
    return st.einsum(b, f"{''.join(one)},{''.join(two)}->{''.join(rest)}", (x, y))


def batch_dot(b: Builder, a: Arguments) -> Node:
    """The legacy K.batch_dot of two matrices along their classes: (B, 1)."""
    x, y = a["x"], a["y"]
    if x.rank != 2 or y.rank != 2:
        raise b.error("batch_dot is read for two (B, C) tensors only", "write sum(x * y, axis=-1)")
    return st.reduce(b, "sum", el.binary(b, "mul", x, y), -1, True)


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


def numbers_of(b: Builder, x: Node) -> Node:
    """True and false as 1 and 0; whole numbers stay whole."""
    return b.cast(x, "int", implicit=False) if x.dtype == "bool" else x


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


def single_axis(b: Builder, axis: object) -> int:
    if not isinstance(axis, int):
        raise b.error("one axis is needed here", "axis=-1 is the last axis")
    return axis


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


def l2_normalize(b: Builder, a: Arguments) -> Node:
    x = b.floats(a["x"])
    square = st.reduce(b, "sum", el.unary(b, "square", x), a["axis"], True)
    low = a.get("epsilon", b.const(1e-12))
    return el.binary(b, "mul", x, el.unary(b, "rsqrt", el.binary(b, "maximum", square, low)))


def normalize(b: Builder, a: Arguments) -> Node:
    """x by its norm, which is taken to be epsilon at least."""
    x, least = b.floats(a["x"]), a["epsilon"]
    if a["order"] == 2:
        return l2_normalize(b, {**a, "epsilon": el.unary(b, "square", least)})
    length = st.norm(b, x, a["order"], a["axis"], True)
    return el.binary(b, "div", x, el.binary(b, "maximum", length, least))


def matmul(b: Builder, a: Arguments) -> Node:
    x, y = a["x"], a["y"]
    x = st.transpose(b, x) if a["transpose_a"] else x
    y = st.transpose(b, y) if a["transpose_b"] else y
    return st.matmul(b, x, y)


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


def rounded(b: Builder, a: Arguments) -> Node:
    scale = a["decimals"]
    if not scale:
        return el.unary(b, "round", a["x"])
    factor = b.const(10.0 ** max(-6, min(6, scale)))
    return el.binary(b, "div", el.unary(b, "round", el.binary(b, "mul", a["x"], factor)), factor)


def gelu(b: Builder, a: Arguments) -> Node:
    x = b.floats(a["x"])
    return b.node("gelu", (x,), lambda k: x.shapes[k], approximate=a["approximate"])


def add_n(b: Builder, a: Arguments) -> Node:
    total = a["xs"][0]
    for other in a["xs"][1:]:
        total = el.binary(b, "add", total, other)
    return total


def shape(b: Builder, a: Arguments) -> Items:
    return Items(dims(b, a["x"]))


def length(b: Builder, a: Arguments) -> Value:
    x = a["x"]
    if isinstance(x, Items):
        return b.const(len(x.values))
    if isinstance(x, Node) and x.rank:
        return dims(b, x)[0]
    raise b.error("len needs a list or a tensor")


def cumulative(op: str) -> Apply:
    def apply(b: Builder, a: Arguments) -> Node:
        x, axis = a["x"], a["axis"]
        if axis is None:
            x, axis = st.reshape(b, x, (-1,)), 0
        return st.along(b, op, x, single_axis(b, axis))

    return apply


def predicate(op: str) -> Apply:
    def apply(b: Builder, a: Arguments) -> Node:
        x = b.floats(a["x"])
        return b.node(op, (x,), lambda k: x.shapes[k], "bool")

    return apply


def reduction(op: str) -> Apply:
    def apply(b: Builder, a: Arguments) -> Node:
        over = masks.reduce if a["x"] in b.chosen else st.reduce
        return over(b, op, a["x"], a["axis"], a["keepdims"])

    return apply


def cond(b: Builder, a: Arguments) -> Node:
    """tf.cond, K.switch: both sides are computed, one is taken."""
    given = list(a.values())
    sides = [v.call([], {}, b.at) if isinstance(v, Callee) else v for v in given[1:]]
    one, two = (b.tensor(side) for side in sides)
    return el.where(b, given[0], one, two)


def scalar_cond(b: Builder, a: Arguments) -> Node:
    if a["pred"].rank:
        raise b.error(
            "the condition of tf.cond is one number, not a tensor", "write where(condition, a, b)"
        )
    return cond(b, a)


def map_fn(b: Builder, a: Arguments) -> Value:
    if not isinstance(a["fn"], Callee):
        raise b.error("a function is mapped", "write tf.map_fn(lambda t: ..., x)")
    return mapped(b, a["fn"], a["elems"])


def boolean_mask(b: Builder, a: Arguments) -> Node:
    if a["axis"] not in (None, 0):
        raise b.error("boolean_mask is read along the first axes", "leave axis out")
    return masks.choose(b, a["x"], a["mask"])


def size(b: Builder, a: Arguments) -> Node:
    return masks.count(b, a["x"]) if a["x"] in b.chosen else st.size_of(b, a["x"])


def extreme(op: str) -> Apply:
    def apply(b: Builder, a: Arguments) -> Node:
        axis = a["axis"]
        if isinstance(axis, tuple):
            raise b.error("one axis is needed here", "axis=-1 is the last axis")
        return st.arg_extreme(b, op, a["x"], axis, a.get("keepdims", False))

    return apply


def softmax(op: str) -> Apply:
    return lambda b, a: st.along(b, op, a["x"], single_axis(b, a["axis"]))


def categorical(b: Builder, a: Arguments) -> Node:
    """-sum_c y log p, p normalised and clipped as Keras does; or from logits."""
    y, p, axis = a["target"], a["output"], single_axis(b, a["axis"])
    warn_of_swap(b, "categorical_crossentropy", y, p)
    if a["from_logits"]:
        return softmax_ce(b, {"labels": y, "logits": p, "axis": axis})
    st.sizes_of(b, lambda k: sizes.broadcast(y.shapes[k], p.shapes[k]), 0)
    p = el.binary(b, "div", p, st.reduce(b, "sum", p, axis, True))
    p = el.clip(b, p, b.const(1e-7), b.const(1 - 1e-7))
    product = el.binary(b, "mul", y, el.unary(b, "log", p))
    return el.unary(b, "neg", st.reduce(b, "sum", product, axis))


def softmax_ce(b: Builder, a: Arguments) -> Node:
    y, z, axis = a["labels"], a["logits"], single_axis(b, a["axis"])
    warn_of_swap(b, "softmax_cross_entropy_with_logits", y, z)
    warn_of_logits(b, z)
    log_p = st.along(b, "log_softmax", z, axis)
    return el.unary(b, "neg", st.reduce(b, "sum", el.binary(b, "mul", y, log_p), axis))


def warn_of_logits(b: Builder, z: Node) -> None:
    if is_probability(z, b):
        name = z.attrs["name"] if z.op == "input" else "this"
        b.warn(
            "from-logits",
            f"{name} holds probabilities, not logits: softmax or sigmoid is applied a second time",
            "use the input named logits, or drop from_logits=True",
        )


def sparse(b: Builder, a: Arguments) -> Node:
    y, p = lookups.column(b, a["target"]), a["output"]
    if y.rank == p.rank:
        raise lookups.needs_labels(b, b.with_labels())
    lookups.needs_numbers(b, y, p.shapes[0][-1], b.blame.get("target") or b.blame.get("labels"))
    hot = st.one_hot(b, b.cast(y, "int"), p.shapes[0][-1])
    return categorical(b, {**a, "target": hot, "output": p})


def binary_ce(b: Builder, a: Arguments) -> Node:
    """-(y log p + (1-y) log(1-p)), elementwise."""
    y, p, one = a["target"], a["output"], b.const(1.0)
    warn_of_swap(b, "binary_crossentropy", y, p)
    if a["from_logits"]:
        return sigmoid_ce(b, {"labels": y, "logits": p})
    p = el.clip(b, p, b.const(1e-7), b.const(1 - 1e-7))
    left = el.binary(b, "mul", y, el.unary(b, "log", p))
    other = el.unary(b, "log", el.binary(b, "sub", one, p))
    right = el.binary(b, "mul", el.binary(b, "sub", one, y), other)
    return el.unary(b, "neg", el.binary(b, "add", left, right))


def sigmoid_ce(b: Builder, a: Arguments) -> Node:
    y, z = a["labels"], a["logits"]
    warn_of_swap(b, "sigmoid_cross_entropy_with_logits", y, z)
    warn_of_logits(b, z)
    return el.binary(b, "sub", el.unary(b, "softplus", z), el.binary(b, "mul", y, z))


def weighted_ce(b: Builder, a: Arguments) -> Node:
    """sigmoid_ce, its positive half times a weight: (1-y) z + (1 + (w-1) y) softplus(-z)."""
    y, z, one = a["labels"], a["logits"], b.const(1.0)
    warn_of_swap(b, "weighted_cross_entropy_with_logits", y, z)
    warn_of_logits(b, z)
    more = el.binary(b, "mul", el.binary(b, "sub", a["pos_weight"], one), y)
    push = el.unary(b, "softplus", el.unary(b, "neg", z))
    pull = el.binary(b, "mul", el.binary(b, "sub", one, y), z)
    return el.binary(b, "add", pull, el.binary(b, "mul", el.binary(b, "add", one, more), push))


def l2_loss(b: Builder, a: Arguments) -> Node:
    half = b.const(0.5)
    return el.binary(b, "mul", half, st.reduce(b, "sum", el.unary(b, "square", a["x"])))


def two(op: str) -> Apply:
    return lambda b, a: el.binary(b, op, a["x"], a["y"])


def one(op: str) -> Apply:
    return lambda b, a: el.unary(b, op, a["x"])


APPLY: dict[str, Apply] = {
    "slice_tf": slice_tf,
    **{op: one(op) for op, _ in UNARY},
    **{op: two(op) for op in (*el.ARITHMETIC, *el.COMPARISONS, "maximum", "minimum")},
    **{op: two(op) for op in ("squared_difference", "arctan2")},
    **{op: two(op) for op in ("logical_and", "logical_or", "logical_xor")},
    **{op: reduction(op) for op in ("sum", "mean", "max", "min", "prod", "std", "var")},
    **{op: reduction(op) for op in ("any", "all", "count_nonzero", "logsumexp")},
    **{op: predicate(op) for op in ("isfinite", "isnan", "isinf")},
    **{f"{op}{s}": extreme(op) for op in ("argmax", "argmin") for s in ("", "_k", "_tf")},
    **{f"{op}{s}": cumulative(op) for op in ("cumsum", "cumprod") for s in ("", "_k")},
    **{op: ordered(op) for op in ("sort", "argsort")},
    **{op: triangle(op) for op in ("tril", "triu")},
    **{op: softmax(op) for op in ("softmax", "log_softmax")},
    "logical_not": lambda b, a: el.logical_not(b, a["x"]),
    "divide_no_nan": divide_no_nan,
    "xlogy": xlogy,
    "add_n": add_n,
    "where": lambda b, a: el.where(b, a["condition"], a["x"], a["y"]),
    "clip": lambda b, a: el.clip(b, a["x"], a["min"], a["max"]),
    "relu": relu,
    "leaky_relu": leaky,
    "elu": elu,
    "gelu": gelu,
    "gelu_tf": gelu,
    "average": average,
    "norm": lambda b, a: st.norm(b, a["x"], order(b, a["ord"]), a["axis"], a["keepdims"]),
    "top_k": top_k,
    "flip": flip,
    "roll": roll,
    "l2_normalize": l2_normalize,
    "l2_normalize_k": l2_normalize,
    "normalize": normalize,
    "matmul": matmul,
    "dot": lambda b, a: st.dot(b, a["x"], a["y"]),
    "tensordot": tensordot,
    "batch_dot": batch_dot,
    "outer": lambda b, a: st.outer(b, a["x"], a["y"]),
    "reshape": lambda b, a: st.reshape(b, a["x"], a["newshape"]),
    "flatten": lambda b, a: st.reshape(b, a["x"], (-1,)),
    "ravel": lambda b, a: st.reshape(b, a["x"], (-1,)),
    "batch_flatten": lambda b, a: st.reshape(b, a["x"], (dims(b, a["x"])[0], -1)),
    "squeeze": lambda b, a: st.squeeze(b, a["x"], a["axis"]),
    "expand_dims": lambda b, a: st.expand(b, a["x"], a["axis"]),
    "transpose": lambda b, a: st.transpose(b, a["x"], a["axes"]),
    "permute": lambda b, a: st.transpose(b, a["x"], a["axes"]),
    "swapaxes": swapaxes,
    "concatenate": lambda b, a: st.join(b, "concatenate", a["xs"], single_axis(b, a["axis"])),
    "concatenate_k": lambda b, a: st.join(b, "concatenate", a["xs"], single_axis(b, a["axis"])),
    "stack": lambda b, a: st.join(b, "stack", a["xs"], single_axis(b, a["axis"])),
    "unstack": unstack,
    "split": split,
    "split_at": split_at,
    "moveaxis": moveaxis,
    "pad": pad,
    "select": select,
    "tile": lambda b, a: st.tile(b, a["x"], a["repeats"]),
    "repeat": repeat,
    "repeat_elements": repeat,
    "broadcast_to": lambda b, a: st.broadcast_to(b, a["x"], a["shape"]),
    "take": lambda b, a: st.take(b, a["x"], a["indices"], optional_axis(b, a["axis"])),
    "gather": gather,
    "gather_nd": gather_nd,
    "take_along_axis": lambda b, a: st.take_along_axis(
        b, a["x"], a["indices"], single_axis(b, a["axis"])
    ),
    "gather_batch": lambda b, a: st.take_along_axis(b, a["x"], a["indices"], -1),
    "one_hot": lambda b, a: st.one_hot(b, a["x"], a["num_classes"], single_axis(b, a["axis"])),
    "one_hot_tf": one_hot_tf,
    "diagonal": diagonal,
    "trace": lambda b, a: st.reduce(b, "sum", diagonal(b, a)),
    "zeros": lambda b, a: st.full(b, a["shape"], b.const(0.0), a["dtype"]),
    "ones": lambda b, a: st.full(b, a["shape"], b.const(1.0), a["dtype"]),
    "full": lambda b, a: st.full(b, a["shape"], a["fill_value"], a["dtype"]),
    "zeros_like": like(0.0),
    "ones_like": like(1.0),
    "full_like": lambda b, a: el.binary(b, "mul", st.like(b, a["x"], 1.0), a["fill_value"]),
    "arange": arange,
    "eye": eye,
    "linspace": linspace,
    "cast": cast,
    "constant": constant,
    "convert": constant,
    "cast_float": lambda b, a: b.floats(a["x"]),
    "cast_int": lambda b, a: b.cast(a["x"], "int", implicit=False),
    "identity": lambda b, a: a["x"],
    "stop_gradient": lambda b, a: el.unary(b, "stop_gradient", a["x"]),
    "shape": shape,
    "shape_vector": lambda b, a: st.shape_vector(b, a["x"]),
    "size": size,
    "boolean_mask": boolean_mask,
    "map_fn": map_fn,
    "cond": scalar_cond,
    "switch": cond,
    "ndim": lambda b, a: b.const(a["x"].rank),
    "rank": lambda b, a: b.const(a["x"].rank),
    "length": length,
    "epsilon": lambda b, a: b.const(1e-7),
    "floatx": lambda b, a: DType("float"),
    "round": rounded,
    "categorical_crossentropy": categorical,
    "sparse_categorical_crossentropy": sparse,
    "binary_crossentropy": binary_ce,
    "softmax_ce": softmax_ce,
    "sparse_ce": lambda b, a: sparse(
        b, {"target": a["labels"], "output": a["logits"], "from_logits": True, "axis": -1}
    ),
    "sigmoid_ce": sigmoid_ce,
    "weighted_ce": weighted_ce,
    "l2_loss": l2_loss,
}


def optional_axis(b: Builder, axis: object) -> int | None:
    return None if axis is None else single_axis(b, axis)


def order(b: Builder, value: Value) -> object:
    """The order of a norm: 1, 2, 'euclidean' or None."""
    if value == NONE:
        return None
    return value.text if isinstance(value, Text) else b.fixed(value, "the order of a norm")
