"""From an operator's name and its arguments, already read, to nodes."""

from __future__ import annotations

from . import arrangement, crossentropies, masks, sizes
from . import elementwise as el
from . import structure as st
from .build import NONE, Builder, Callee, DType, Items, Text, Value, dims
from .graph import Node
from .mapped import mapped
from .operands import Apply, Arguments, optional_axis, single_axis
from .rows import UNARY


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


def extreme(op: str) -> Apply:
    def apply(b: Builder, a: Arguments) -> Node:
        axis = a["axis"]
        if isinstance(axis, tuple):
            raise b.error("one axis is needed here", "axis=-1 is the last axis")
        return st.arg_extreme(b, op, a["x"], axis, a.get("keepdims", False))

    return apply


def two(op: str) -> Apply:
    return lambda b, a: el.binary(b, op, a["x"], a["y"])


def one(op: str) -> Apply:
    return lambda b, a: el.unary(b, op, a["x"])


APPLY: dict[str, Apply] = {
    **crossentropies.APPLY,
    **arrangement.APPLY,
    **{op: one(op) for op, _ in UNARY},
    **{op: two(op) for op in (*el.ARITHMETIC, *el.COMPARISONS, "maximum", "minimum")},
    **{op: two(op) for op in ("squared_difference", "arctan2")},
    **{op: two(op) for op in ("logical_and", "logical_or", "logical_xor")},
    **{op: reduction(op) for op in ("sum", "mean", "max", "min", "prod", "std", "var")},
    **{op: reduction(op) for op in ("any", "all", "count_nonzero", "logsumexp")},
    **{op: predicate(op) for op in ("isfinite", "isnan", "isinf")},
    **{f"{op}{s}": extreme(op) for op in ("argmax", "argmin") for s in ("", "_k", "_tf")},
    **{f"{op}{s}": cumulative(op) for op in ("cumsum", "cumprod") for s in ("", "_k")},
    **{op: crossentropies.softmax(op) for op in ("softmax", "log_softmax")},
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
    "concatenate": lambda b, a: st.join(b, "concatenate", a["xs"], single_axis(b, a["axis"])),
    "concatenate_k": lambda b, a: st.join(b, "concatenate", a["xs"], single_axis(b, a["axis"])),
    "stack": lambda b, a: st.join(b, "stack", a["xs"], single_axis(b, a["axis"])),
    "tile": lambda b, a: st.tile(b, a["x"], a["repeats"]),
    "broadcast_to": lambda b, a: st.broadcast_to(b, a["x"], a["shape"]),
    "take": lambda b, a: st.take(b, a["x"], a["indices"], optional_axis(b, a["axis"])),
    "take_along_axis": lambda b, a: st.take_along_axis(
        b, a["x"], a["indices"], single_axis(b, a["axis"])
    ),
    "gather_batch": lambda b, a: st.take_along_axis(b, a["x"], a["indices"], -1),
    "one_hot": lambda b, a: st.one_hot(b, a["x"], a["num_classes"], single_axis(b, a["axis"])),
    "zeros": lambda b, a: st.full(b, a["shape"], b.const(0.0), a["dtype"]),
    "ones": lambda b, a: st.full(b, a["shape"], b.const(1.0), a["dtype"]),
    "full": lambda b, a: st.full(b, a["shape"], a["fill_value"], a["dtype"]),
    "full_like": lambda b, a: el.binary(b, "mul", st.like(b, a["x"], 1.0), a["fill_value"]),
    "cast": cast,
    "constant": constant,
    "convert": constant,
    "cast_float": lambda b, a: b.floats(a["x"]),
    "cast_int": lambda b, a: b.cast(a["x"], "int", implicit=False),
    "identity": lambda b, a: a["x"],
    "stop_gradient": lambda b, a: el.unary(b, "stop_gradient", a["x"]),
    "shape_vector": lambda b, a: st.shape_vector(b, a["x"]),
    "map_fn": map_fn,
    "cond": scalar_cond,
    "switch": cond,
    "ndim": lambda b, a: b.const(a["x"].rank),
    "rank": lambda b, a: b.const(a["x"].rank),
    "epsilon": lambda b, a: b.const(1e-7),
    "floatx": lambda b, a: DType("float"),
    "round": rounded,
}


def order(b: Builder, value: Value) -> object:
    """The order of a norm: 1, 2, 'euclidean' or None."""
    if value == NONE:
        return None
    return value.text if isinstance(value, Text) else b.fixed(value, "the order of a norm")
