"""From the graph to Keras ops: one short function of ours an operator, looked up by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from losses import special
from losses.catalog import EVERY
from losses.loss_info import ops
from losses.probabilities import made_of, sigmoid, softmax

from .graph import Node
from .inputs import is_chance, is_prediction
from .logarithms import Logarithms

Tensor = Any
Attrs = Mapping[str, Any]
Emit = Callable[..., Tensor]

KINDS = {"float": "float32", "int": "int32", "bool": "bool"}
EPSILON = 1e-7


def _softmax(a: Attrs, x: Tensor) -> Tensor:
    return softmax(x) if a["axis"] in (-1, len(x.shape) - 1) else ops.softmax(x, axis=a["axis"])


def _named(a: Attrs, *args: Tensor) -> Tensor:
    info = EVERY[a["name"]]
    count = len(info.inputs)
    knobs = dict(zip(a["live"], args[count:], strict=True)) | dict(a["fixed"])
    return info.function(*args[:count], **knobs)


def _index(a: Attrs, x: Tensor) -> Tensor:
    pieces: list[Any] = []
    for item in a["index"]:
        if item == "new":
            pieces.append(None)
        else:
            pieces.append(slice(*item) if isinstance(item, tuple) else item)
    return x[tuple(pieces)] if pieces else x


def _take(a: Attrs, x: Tensor, index: Tensor) -> Tensor:
    # An index out of range fails on a CPU and reads zeros on a GPU: it is kept inside.
    size = ops.shape(x)[a["axis"]]
    index = ops.where(index < 0, index + size, index)
    return ops.take(x, ops.clip(index, 0, size - 1), axis=a["axis"])


def _along(a: Attrs, x: Tensor, index: Tensor) -> Tensor:
    size = ops.shape(x)[a["axis"]]
    index = ops.where(index < 0, index + size, index)
    return ops.take_along_axis(x, ops.clip(index, 0, size - 1), axis=a["axis"])


def _tile(a: Attrs, x: Tensor) -> Tensor:
    repeats = tuple(a["repeats"])
    lacking = len(ops.shape(x)) - len(repeats)
    if lacking < 0:
        x = ops.reshape(x, (1,) * -lacking + tuple(ops.shape(x)))
    return ops.tile(x, (1,) * max(lacking, 0) + repeats)


def _xlogy(a: Attrs, x: Tensor, y: Tensor) -> Tensor:
    return x * ops.log(ops.where(ops.equal(x, 0.0), 1.0, y))


def _careful_sqrt(a: Attrs, x: Tensor) -> Tensor:
    zero = ops.equal(x, 0.0)
    return ops.where(zero, 0.0, ops.sqrt(ops.where(zero, 1.0, x)))


def _careful_pow(a: Attrs, x: Tensor, q: Tensor) -> Tensor:
    zero = ops.equal(x, 0.0)
    there = ops.stop_gradient(ops.power(x, q))
    return ops.where(zero, there, ops.power(ops.where(zero, 1.0, x), q))


def _flip(a: Attrs, x: Tensor) -> Tensor:
    return ops.flip(x, axis=a["axis"])


def _logsumexp(a: Attrs, x: Tensor) -> Tensor:
    return ops.logsumexp(x, axis=a["axis"], keepdims=a["keepdims"])


def _reduce(name: str) -> Emit:
    return lambda a, x: getattr(ops, name)(x, axis=a["axis"], keepdims=a["keepdims"])


def _one(name: str) -> Emit:
    return lambda a, *x: getattr(ops, name)(*x)


def _axis(name: str) -> Emit:
    return lambda a, x: getattr(ops, name)(x, axis=a["axis"])


def _joined(name: str) -> Emit:
    return lambda a, *xs: getattr(ops, name)(xs, axis=a["axis"])


_SAME = (
    "abs", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "square", "sin",
    "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh",
    "arctanh", "sigmoid", "softplus", "softsign", "log_sigmoid", "hard_sigmoid", "relu", "relu6",
    "selu", "silu", "erf", "sign", "floor", "ceil", "round", "reciprocal", "stop_gradient",
    "logical_not", "logical_and", "logical_or", "logical_xor", "isfinite", "isnan", "isinf",
    "maximum", "minimum", "arctan2", "add", "where", "matmul", "outer", "diagonal", "mod",
)  # fmt: skip
_OTHER = {
    "neg": "negative",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "floordiv": "floor_divide",
    "pow": "power",
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}

EMIT: dict[str, Emit] = {
    **{name: _one(name) for name in _SAME},
    **{op: _one(name) for op, name in _OTHER.items()},
    **{n: _reduce(n) for n in ("sum", "mean", "max", "min", "prod", "std", "var", "any", "all")},
    **{n: _axis(n) for n in ("softmax", "log_softmax", "cumsum", "cumprod", "sort", "argsort")},
    **{n: _joined(n) for n in ("concatenate", "stack")},
    "softmax": _softmax,
    "sigmoid": lambda a, x: sigmoid(x),
    "lgamma": lambda a, x: special.lgamma(x),
    "digamma": lambda a, x: special.digamma(x),
    "logsumexp": _logsumexp,
    "count_nonzero": lambda a, x: _count(a, x),
    "argmax": lambda a, x: ops.argmax(x, axis=a["axis"], keepdims=a["keepdims"]),
    "argmin": lambda a, x: ops.argmin(x, axis=a["axis"], keepdims=a["keepdims"]),
    "squared_difference": lambda a, x, y: ops.square(x - y),
    "xlogy": _xlogy,
    "clip": lambda a, x, low, high: ops.minimum(ops.maximum(x, low), high),
    "gelu": lambda a, x: ops.gelu(x, approximate=a["approximate"]),
    "flip": _flip,
    "roll": lambda a, x: ops.roll(x, a["shift"], axis=a["axis"]),
    "einsum": lambda a, *xs: ops.einsum(a["pattern"], *xs),
    "reshape": lambda a, x: ops.reshape(x, a["shape"]),
    "squeeze": lambda a, x: ops.squeeze(x, axis=a["axis"]),
    "expand_dims": lambda a, x: ops.expand_dims(x, axis=a["axis"]),
    "transpose": lambda a, x: ops.transpose(x, axes=a["axes"]),
    "tile": _tile,
    "repeat": lambda a, x: ops.repeat(x, a["repeats"], axis=a["axis"]),
    "broadcast_to": lambda a, x: ops.broadcast_to(x, a["shape"]),
    "take": _take,
    "take_along_axis": _along,
    "slice": _index,
    "tril": lambda a, x: ops.tril(x, k=a["k"]),
    "triu": lambda a, x: ops.triu(x, k=a["k"]),
    "size": lambda a, x: ops.cast(ops.size(x), "int32"),
    "shape": lambda a, x: ops.convert_to_tensor(ops.shape(x), dtype="int32"),
    "named": _named,
}


# For nodes that `stable` has marked.
CAREFUL: dict[str, Emit] = {"sqrt": _careful_sqrt, "pow": _careful_pow}


def _count(a: Attrs, x: Tensor) -> Tensor:
    return ops.sum(ops.cast(ops.not_equal(x, 0), "int32"), axis=a["axis"], keepdims=a["keepdims"])


def _by_kind(node: Node, a: Attrs, args: list[Tensor]) -> Tensor:
    """Operators whose result needs the node's type."""
    kind = KINDS[node.dtype]
    if node.op == "cast":
        return ops.cast(args[0], kind)
    if node.op == "array":
        return ops.convert_to_tensor(a["values"], dtype=kind)
    if node.op == "full":
        return ops.broadcast_to(args[0], a["shape"])
    if node.op == "full_like":
        return ops.full_like(args[0], a["value"], dtype=kind)
    if node.op == "arange":
        return ops.arange(*args, dtype=kind)
    if node.op == "eye":
        rows, columns = (ops.arange(n) for n in a["shape"])
        return ops.cast(ops.equal(rows[:, None], columns[None, :]), kind)
    if node.op == "one_hot":
        classes = ops.arange(a["depth"][0], dtype="int32")
        hot = ops.cast(ops.equal(ops.expand_dims(args[0], -1), classes), kind)
        return hot if a["axis"] == -1 else ops.moveaxis(hot, -1, a["axis"])
    return (CAREFUL if a.get("stable") and node.op in CAREFUL else EMIT)[node.op](a, *args)


_KINDED = ("cast", "array", "full", "full_like", "arange", "eye", "one_hot")


def _resolved(value: Any, values: Mapping[int, Tensor]) -> Any:
    if isinstance(value, Node):
        return values[id(value)]
    if isinstance(value, tuple) and any(isinstance(v, Node) for v in value):
        return tuple(_resolved(v, values) for v in value)
    return value


def run(
    order: list[Node],
    tensors: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor],
    watch: Callable[[Node, Tensor], Tensor] | None = None,
    clip: bool = True,
    plain: bool = False,
) -> dict[int, Tensor]:
    """Compute every node of `order`, float32; the values by the id of their node.

    `watch` sees each value as it is made and may replace it (find_nonfinite does). Without `clip`
    y_pred is taken as it is; `plain` says that it holds no probabilities.
    """
    values: dict[int, Tensor] = {}
    logarithms = None
    if not plain and any(node.attrs.get("stable") == "probability" for node in order):
        logarithms = Logarithms(order, values, tensors, lambda n: _attrs(n, values), EMIT)
    for node in order:
        if node.op == "const":
            value = ops.convert_to_tensor(node.attrs["value"], dtype=KINDS[node.dtype])
        elif node.op == "parameter":
            value = ops.cast(parameters[node.attrs["name"]], KINDS[node.dtype])
        elif node.op == "input":
            value = _input(node, tensors, clip)
        elif node.op == "dim":
            size = ops.shape(values[id(node.args[0])])[node.attrs["axis"]]
            value = size if isinstance(size, int) else ops.cast(size, "int32")
        elif logarithms is not None and node.attrs.get("stable") == "probability":
            value = _of_probability(node, logarithms, values)
        else:
            attrs = _attrs(node, values)
            args = [values[id(a)] for a in node.args]
            if node.op == "named":  # clips by itself, and also looks for the logits
                args = [_as_made(a, x, tensors) for a, x in zip(node.args, args, strict=True)]
            value = _by_kind(node, attrs, args)
        values[id(node)] = watch(node, value) if watch else value
    return values


def _attrs(node: Node, values: Mapping[int, Tensor]) -> dict[str, Any]:
    return {k: _resolved(v, values) for k, v in node.attrs.items()}


def _as_made(node: Node, value: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
    if not is_prediction(node):
        return value
    raw = tensors[node.attrs["name"]]
    return value if made_of(raw) is None else raw


def _of_probability(node: Node, of: Logarithms, values: Mapping[int, Tensor]) -> Tensor:
    """A logarithm or a power that `stable` has found to be one of a probability."""
    x = node.args[0]
    if node.op in _LOGS:
        return of.log(x) * _LOGS[node.op]
    if node.op == "log1p":  # of -p
        return of.rest(x.args[0])
    if node.op == "xlogy":
        return values[id(x)] * of.of(node.args[1])
    if not of.known(x):
        return CAREFUL[node.op]({}, *(values[id(a)] for a in node.args))
    return ops.exp((0.5 if node.op == "sqrt" else values[id(node.args[1])]) * of.of(x))


_LOGS = {"log": 1.0, "log2": 1.4426950408889634, "log10": 0.4342944819032518}


def _input(node: Node, tensors: Mapping[str, Tensor], clip: bool) -> Tensor:
    name = node.attrs["name"]
    value = tensors[name]
    value = ops.cast(value, KINDS[node.dtype])
    if is_chance(node) and (clip or not is_prediction(node)):
        return ops.clip(value, EPSILON, 1 - EPSILON)
    return value
