"""Every name of the language with its arguments and what it means in a line, for an editor.

The names and the arguments are those of `vocabulary`, `inputs` and the catalog; only the
meanings are written here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from losses.catalog import KERAS_NAMES
from losses.loss_info import LossInfo, ParameterInfo

from . import metric_spellings
from . import vocabulary as voc
from .inputs import INPUTS, Provided
from .spellings import SPELLINGS

# By operator; one that is spelt apart for a namespace (`sum_k`) means the same.
MEANINGS: dict[str, str] = {
    "abs": "absolute value",
    "neg": "the negative",
    "exp": "e to the power of x",
    "expm1": "exp(x) - 1, exact near 0",
    "log": "natural logarithm",
    "log1p": "log(1 + x), exact near 0",
    "log2": "logarithm to base 2",
    "log10": "logarithm to base 10",
    "sqrt": "square root",
    "rsqrt": "1 / sqrt(x)",
    "square": "x times x",
    "sin": "sine",
    "cos": "cosine",
    "tan": "tangent",
    "arcsin": "inverse sine",
    "arccos": "inverse cosine",
    "arctan": "inverse tangent",
    "sinh": "hyperbolic sine",
    "cosh": "hyperbolic cosine",
    "tanh": "hyperbolic tangent, -1 to 1",
    "arcsinh": "inverse hyperbolic sine",
    "arccosh": "inverse hyperbolic cosine",
    "arctanh": "inverse hyperbolic tangent",
    "sigmoid": "1 / (1 + exp(-x)), 0 to 1",
    "softplus": "log(1 + exp(x)), a smooth relu",
    "softsign": "x / (1 + abs(x))",
    "log_sigmoid": "log of the sigmoid, stable",
    "hard_sigmoid": "a sigmoid of straight lines",
    "relu6": "relu, at most 6",
    "selu": "scaled exponential linear unit",
    "silu": "x times sigmoid(x)",
    "erf": "Gauss' error function",
    "lgamma": "logarithm of the gamma function, of numbers above 0",
    "digamma": "derivative of lgamma, of numbers above 0",
    "sign": "-1, 0 or 1; has no gradient",
    "floor": "rounds down; has no gradient",
    "ceil": "rounds up; has no gradient",
    "reciprocal": "1 / x",
    "add": "x + y",
    "sub": "x - y",
    "mul": "x * y",
    "div": "x / y",
    "floordiv": "x / y rounded down; has no gradient",
    "mod": "remainder of x / y",
    "pow": "x to the power of y",
    "maximum": "the larger of two, element by element",
    "minimum": "the smaller of two, element by element",
    "squared_difference": "(x - y) squared",
    "arctan2": "angle of the point (y, x)",
    "divide_no_nan": "x / y, and 0 where y is 0",
    "xlogy": "x * log(y), and 0 where x is 0",
    "add_n": "sum of a list of tensors",
    "eq": "where x equals y",
    "ne": "where x differs from y",
    "lt": "where x is less than y",
    "le": "where x is at most y",
    "gt": "where x is greater than y",
    "ge": "where x is at least y",
    "logical_and": "where both are true",
    "logical_or": "where one is true",
    "logical_xor": "where just one is true",
    "logical_not": "where it is false",
    "isfinite": "where x is a finite number",
    "isnan": "where x is not a number",
    "isinf": "where x is infinite",
    "where": "x where the condition holds, else y",
    "clip": "keeps x between two bounds",
    "relu": "x where positive, else 0",
    "leaky_relu": "relu with a slope below 0",
    "elu": "relu, smooth below 0",
    "gelu": "Gaussian error linear unit",
    "softmax": "probabilities from logits",
    "log_softmax": "log of the softmax, stable",
    "logsumexp": "log of the sum of exp(x), stable",
    "sum": "sum over an axis",
    "mean": "mean over an axis",
    "max": "largest over an axis",
    "min": "smallest over an axis",
    "prod": "product over an axis",
    "std": "standard deviation over an axis",
    "var": "variance over an axis",
    "any": "whether one is true",
    "all": "whether all are true",
    "count_nonzero": "how many are not 0",
    "average": "weighted mean",
    "norm": "length of a vector",
    "argmax": "place of the largest; has no gradient",
    "argmin": "place of the smallest; has no gradient",
    "cumsum": "running sum",
    "cumprod": "running product",
    "sort": "sorted along an axis",
    "argsort": "the order that sorts; has no gradient",
    "top_k": "the k largest and their places",
    "flip": "reversed along an axis",
    "roll": "shifted along an axis, round the end",
    "l2_normalize": "scaled to length 1",
    "normalize": "scaled to length 1",
    "matmul": "matrix product",
    "dot": "dot product",
    "tensordot": "product summed over axes",
    "batch_dot": "product, sample by sample",
    "outer": "outer product",
    "einsum": "sums of products by a pattern, 'bi,bi->b'",
    "reshape": "the same numbers in another shape",
    "flatten": "as one row of numbers",
    "ravel": "as one row of numbers",
    "batch_flatten": "each sample as one row",
    "squeeze": "drops axes of size 1",
    "expand_dims": "adds an axis of size 1",
    "transpose": "axes in another order",
    "permute": "axes in another order",
    "swapaxes": "two axes swapped",
    "concatenate": "joined along an axis",
    "stack": "joined along a new axis",
    "unstack": "taken apart along an axis",
    "split": "cut into parts",
    "tile": "repeated as a whole",
    "repeat": "each element repeated",
    "repeat_elements": "each element repeated",
    "broadcast_to": "stretched to a shape",
    "take": "elements at given places",
    "gather": "elements at given places",
    "cond": "what the first function gives where one condition holds, else the second",
    "switch": "x where the condition holds, else y",
    "map_fn": "what a function makes of each entry of the first axis",
    "moveaxis": "an axis in another place",
    "pad": "one number around a tensor",
    "select": "of several, the first whose condition holds",
    "boolean_mask": "the entries where a condition holds, for a sum or a mean",
    "gather_nd": "elements at given places, one number an axis",
    "take_along_axis": "elements at places along an axis",
    "gather_batch": "elements at places, sample by sample",
    "one_hot": "1 at the class, 0 elsewhere",
    "diagonal": "the diagonal of a matrix",
    "trace": "sum of the diagonal",
    "tril": "the lower triangle",
    "triu": "the upper triangle",
    "zeros": "zeros of a shape",
    "ones": "ones of a shape",
    "full": "a number in a shape",
    "zeros_like": "zeros in the shape of x",
    "ones_like": "ones in the shape of x",
    "full_like": "a number in the shape of x",
    "arange": "0, 1, 2, ...",
    "eye": "identity matrix",
    "linspace": "numbers evenly spaced",
    "cast": "as another type of number",
    "constant": "a number or a list as a tensor",
    "convert": "a number or a list as a tensor",
    "cast_float": "as float32",
    "cast_int": "as whole numbers",
    "identity": "x itself",
    "stop_gradient": "x, without its gradient",
    "shape": "the sizes of x",
    "shape_vector": "the sizes of x",
    "size": "how many numbers x has",
    "ndim": "how many axes x has",
    "rank": "how many axes x has",
    "length": "size of the first axis",
    "epsilon": "1e-7, to keep logarithms finite",
    "floatx": "'float32'",
    "round": "rounded; has no gradient",
    "slice": "a block of it, from where and how far",
    "categorical_crossentropy": "cross-entropy of each sample",
    "sparse_categorical_crossentropy": "cross-entropy, from class numbers",
    "binary_crossentropy": "binary cross-entropy, element by element",
    "softmax_ce": "cross-entropy straight from logits",
    "sparse_ce": "the same from class numbers",
    "sigmoid_ce": "binary cross-entropy from logits",
    "weighted_ce": "binary cross-entropy from logits, positives weighed",
    "l2_loss": "half the sum of squares",
}
_SPELLED = {
    op: what
    for op, _, _, what, _ in (*SPELLINGS, *metric_spellings.FUNCTIONS, *metric_spellings.CLASSES)
}
# What to write before a dot, and what it offers.
PREFIXES: dict[str, str] = {
    "K": "Keras' old backend",
    "keras.ops": "Keras 3's operations",
    "keras.losses": "Keras' losses",
    "tf": "TensorFlow",
    "tf.math": "TensorFlow's mathematics",
    "tf.nn": "TensorFlow's network functions",
    "np": "NumPy",
    "math": "Python's mathematics, on numbers",
}
_PATTERN = ("pattern", "x", "y")


def glossary(inputs: Provided | None = None) -> dict[str, Any]:
    """`spaces` says which space a written prefix opens, `entries` what is in each, as JSON:
    space, name, kind, arguments, what. The space "" has what is written without a prefix; in "."
    are the methods of a tensor. With `inputs`, those of a run that has these."""
    named = INPUTS if inputs is None else inputs.offered
    entries = [
        *(
            _entry("", name, "input", [], f"{_shape(found.shape)}{found.what}")
            for name, found in named.items()
        ),
        *_functions(),
        *(
            _entry(*_parted(key), "constant", [], f"{value:.6g}")
            for key, value in voc.CONSTANTS.items()
        ),
        *(_entry(*_parted(key), "constant", [], word) for key, word in voc.WORDS.items()),
        *_losses(),
        *_measures(),
        *(_entry("", prefix, "prefix", [], what) for prefix, what in PREFIXES.items()),
        *(_method(name, op) for name, op in voc.METHODS.items()),
    ]
    spaces = {prefix: "" if space == "ops" else space for prefix, space in voc.NAMESPACES.items()}
    return {"spaces": spaces, "entries": entries}


def meaning(op: str) -> str:
    """What an operator does, in a line."""
    return MEANINGS.get(op) or _SPELLED.get(op) or MEANINGS[op.rpartition("_")[0]]


def _functions() -> Iterable[dict[str, Any]]:
    for key, function in voc.FUNCTIONS.items():
        space, name = _parted(key)
        if "." not in space:
            arguments = [_written(each) for each in function.arguments]
            yield _entry(space, name, "function", arguments, meaning(function.op))
    for space in ("", "tf", "np"):
        yield _entry(space, "einsum", "function", list(_PATTERN), MEANINGS["einsum"])


def _losses() -> Iterable[dict[str, Any]]:
    for name, info in KERAS_NAMES.items():
        arguments = [*info.inputs, *map(_knob, info.parameters)]
        for space in ("", "losses"):
            # Where both have one, the bare name is the function of the backend.
            if space or f"ops:{name}" not in voc.FUNCTIONS:
                yield _entry(space, name, "loss", arguments, info.title)
    for name, of in voc.LOSS_CLASSES.items():
        loss: LossInfo = KERAS_NAMES[of]
        yield _entry("losses", name, "loss", list(map(_knob, loss.parameters)), loss.title)


def _measures() -> Iterable[dict[str, Any]]:
    for key, function in voc.CLASSES.items():
        space, name = _parted(key)
        options = [a for a in function.arguments if a.name not in ("y_true", "y_pred", "values")]
        yield _entry(space, name, "loss", list(map(_written, options)), meaning(function.op))


def _method(name: str, op: str) -> dict[str, Any]:
    arguments = [_written(each) for each in voc.OPERATORS[op].arguments[1:]]
    return _entry(".", name, "function", arguments, meaning(op))


def _entry(space: str, name: str, kind: str, arguments: list[str], what: str) -> dict[str, Any]:
    return {"space": space, "name": name, "kind": kind, "arguments": arguments, "what": what}


def _parted(key: str) -> tuple[str, str]:
    space, _, name = key.partition(":")
    return "" if space == "ops" else space, name


def _shape(letters: str) -> str:
    return f"({', '.join(letters)}{',' if len(letters) == 1 else ''}) " if letters else ""


def _written(argument: voc.Argument) -> str:
    return argument.name if argument.default is None else f"{argument.name}={argument.default}"


def _knob(knob: ParameterInfo) -> str:
    shown = "[...]" if isinstance(knob.default, tuple) else repr(knob.default)
    return f"{knob.name}={shown}"
