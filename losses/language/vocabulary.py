"""The one table of names: what each dotted name of a text means. Nothing else is reachable.

A row is (operator, signature, spellings). The signature gives each argument as
`name:kind=default`; kinds are

    T tensor   F float tensor   L list of tensors   A axis (None, int, tuple)   I whole number
    B yes/no   D number type    S list of sizes     Z one size   N number   O optional tensor
    X string   V anything

A spelling is a namespace (`K` means K.<operator>) or `namespace:name`. `ops` are also the
bare names.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import metric_spellings
from .rows import ROWS, UNARY
from .spellings import SPELLINGS

# Written prefix -> namespace. Longest first is not needed: whole prefixes are compared.
NAMESPACES: dict[str, str] = {
    "": "ops",
    "ops": "ops",
    "keras.ops": "ops",
    "tf.keras.ops": "ops",
    "keras.activations": "activations",
    "tf.keras.activations": "activations",
    "activations": "activations",
    "K": "K",
    "backend": "K",
    "keras.backend": "K",
    "tf.keras.backend": "K",
    "tf": "tf",
    "tf.math": "tf",
    "tf.nn": "tf",
    "tf.linalg": "tf",
    "tf.image": "tf",
    "np": "np",
    "math": "math",
    "keras.losses": "losses",
    "tf.keras.losses": "losses",
    "losses": "losses",
    "tf.losses": "losses",
    "keras.metrics": "metrics",
    "tf.keras.metrics": "metrics",
    "metrics": "metrics",
    "keras.objectives": "losses",
    "objectives": "losses",
    "Reduction": "reduction",
    "losses.Reduction": "reduction",
    "keras.losses.Reduction": "reduction",
    "tf.keras.losses.Reduction": "reduction",
    "tf.losses.Reduction": "reduction",
}
# Where a name of a namespace is looked for that it has not itself.
FALLBACKS = {"activations": "ops", "metrics": "losses"}
# Only steps on the way to a namespace.
STEPS = ("keras", "tf.keras")
# What a module is called in full -> how the table calls it.
MODULES: dict[str, str] = {
    "tensorflow": "tf",
    "tensorflow.compat.v1": "tf",
    "tensorflow.math": "tf.math",
    "tensorflow.nn": "tf.nn",
    "tensorflow.keras": "tf.keras",
    "tensorflow.keras.backend": "tf.keras.backend",
    "tensorflow.keras.losses": "tf.keras.losses",
    "keras": "keras",
    "keras.backend": "keras.backend",
    "keras.ops": "keras.ops",
    "keras.losses": "keras.losses",
    "keras.activations": "keras.activations",
    "tf.keras": "tf.keras",
    "tensorflow.compat.v2": "tf",
    "tensorflow.linalg": "tf.linalg",
    "tensorflow.image": "tf.image",
    "tensorflow.keras.ops": "tf.keras.ops",
    "tensorflow.keras.metrics": "tf.keras.metrics",
    "tensorflow.keras.activations": "tf.keras.activations",
    "tensorflow.python.keras": "tf.keras",
    "tensorflow.python.keras.backend": "tf.keras.backend",
    "tensorflow.python.keras.losses": "tf.keras.losses",
    "keras.metrics": "keras.metrics",
    "keras.objectives": "keras.objectives",
    "keras_core": "keras",
    "keras_core.ops": "keras.ops",
    "keras_core.losses": "keras.losses",
    "numpy": "np",
    "math": "math",
}


# Two spellings whose arguments cannot be told by a signature are written out: the pattern first.
VARIADIC = ("einsum", "unpacked_max")

# How other libraries call an argument -> how the signature calls it.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "x": ("input_tensor", "input", "inputs", "a", "tensor", "t", "value", "values", "features",
          "logits", "array", "arr", "params", "condition", "x1", "m", "matrix", "images", "pred"),
    "y": ("b", "x2", "y1", "other"),
    "xs": ("tensors", "values", "arrays", "inputs", "x"),
    "condition": ("cond", "pred"),
    "min": ("min_value", "clip_value_min", "a_min", "x_min", "minimum"),
    "max": ("max_value", "clip_value_max", "a_max", "x_max", "maximum"),
    "axes": ("perm", "pattern", "axis"),
    "axis": ("axes", "reduction_indices", "dim", "dimension"),
    "keepdims": ("keep_dims",),
    "newshape": ("shape", "new_shape"),
    "k": ("top_k",),
    "fn": ("function", "f"),
    "elems": ("elements", "xs"),
    "pad_width": ("paddings",),
    "thresholds": ("threshold",),
    "repeats": ("multiples", "n", "reps", "rep"),
    "parts": ("num_or_size_splits", "indices_or_sections"),
    "fill_value": ("value",),
    "num_classes": ("depth", "nb_classes"),
    "decimals": (),
    "start": ("limit",),
    "stop": ("limit", "end"),
    "step": ("delta",),
    "weights": ("w",),
    "negative_slope": ("alpha",),
    "N": ("n", "size", "num_rows"),
    "M": ("m", "num_columns"),
    "target": ("y_true", "labels"),
    "output": ("y_pred", "logits"),
    "dtype": ("output_type",),
    "value": ("object", "data", "x", "a"),
    "ord": ("order",),
    "epsilon": ("eps",),
    "num": ("num",),
    "last_kernel": ("class_weights",),  # of before
    "y_true": ("labels", "target", "targets"),
    "labels": ("y_true", "target", "targets"),
    "y_pred": ("predictions", "output", "logits"),
}  # fmt: skip
# Accepted anywhere and without meaning here.
IGNORED = ("name",)

CONSTANTS: dict[str, float] = {
    "ops:pi": 3.141592653589793,
    "np:pi": 3.141592653589793,
    "math:pi": 3.141592653589793,
    "np:e": 2.718281828459045,
    "math:e": 2.718281828459045,
}
TYPES: dict[str, str] = {
    **{f"tf:{n}": n for n in ("float32", "float64", "float16", "half", "bfloat16", "double")},
    **{f"tf:{n}": n for n in ("int32", "int64", "int16", "int8", "uint8", "bool")},
    **{f"np:{n}": n for n in ("float32", "float64", "float16", "int32", "int64", "int8", "uint8")},
    **{f"ops:{n}": n for n in ("float", "int", "bool")},
    "np:bool_": "bool",
}
# Words that have a name: what a loss of Keras makes of its samples.
WORDS: dict[str, str] = {
    "np:inf": "inf",
    "reduction:AUTO": "sum_over_batch_size",
    "reduction:SUM_OVER_BATCH_SIZE": "sum_over_batch_size",
    "reduction:SUM": "sum",
    "reduction:NONE": "none",
}
NEW_AXIS = ("np:newaxis", "tf:newaxis", "ops:newaxis")

# Methods a tensor has: name -> (operator, argument names by position after the tensor).
METHODS: dict[str, str] = {
    **{n: n for n in ("sum", "mean", "max", "min", "prod", "std", "var", "any", "all")},
    **{n: n for n in ("argmax", "argmin", "round", "clip", "squeeze", "reshape", "repeat", "dot")},
    **{n: n for n in ("abs", "exp", "log", "sqrt", "square", "pow", "softmax", "log_softmax")},
    **{n: n for n in ("sigmoid", "tanh", "relu", "transpose", "swapaxes", "trace", "matmul")},
    "astype": "cast",
    "flatten": "flatten",
    "ravel": "ravel",
    "cumsum": "cumsum",
    "cumprod": "cumprod",
    "detach": "stop_gradient",
    "clamp": "clip",
    "get_shape": "shape",
    "float": "cast_float",
    "as_list": "identity",
}

# Of a metric that is configured; a loss has `call`.
METRIC_METHODS = ("update_state", "result", "reset_state", "reset_states", "call")

# How PyTorch calls a function that is here, where the name is another.
TORCH: dict[str, str] = {
    "cross_entropy": "categorical_crossentropy",
    "mse_loss": "mean_squared_error",
    "l1_loss": "mean_absolute_error",
    "binary_cross_entropy": "binary_crossentropy",
    "kl_div": "kl_divergence",
    "cat": "concatenate",
    "clamp": "clip",
    "unsqueeze": "expand_dims",
}
# Methods of its tensors: what to write, and what can stand in the place of the name.
TORCH_METHODS: dict[str, tuple[str, str | None]] = {
    "view": ("write .reshape(...)", "reshape"),
    "permute": ("write .transpose(...)", "transpose"),
    "unsqueeze": ("write expand_dims(x, axis=...)", None),
    "size": ("write .shape, such as x.shape[-1]", None),
    "item": ("leave it out: the value is a tensor", None),
    "gather": ("to pick the true class write sum(y_true * y_pred, axis=-1)", None),
    "scatter_": ("write one_hot(labels, num_classes)", None),
    "long": ("write cast(x, 'int32')", None),
    "cuda": ("leave it out: the playground chooses where it computes", None),
    "to": ("leave it out: the playground chooses where it computes", None),
}

# Keras' loss classes: configured first, then called; read as their function.
LOSS_CLASSES: dict[str, str] = {
    "MeanSquaredError": "mean_squared_error",
    "MeanAbsoluteError": "mean_absolute_error",
    "MeanAbsolutePercentageError": "mean_absolute_percentage_error",
    "MeanSquaredLogarithmicError": "mean_squared_logarithmic_error",
    "Huber": "huber",
    "LogCosh": "log_cosh",
    "CosineSimilarity": "cosine_similarity",
    "BinaryCrossentropy": "binary_crossentropy",
    "BinaryFocalCrossentropy": "binary_focal_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "CategoricalFocalCrossentropy": "categorical_focal_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "KLDivergence": "kl_divergence",
    "Poisson": "poisson",
    "Hinge": "hinge",
    "SquaredHinge": "squared_hinge",
    "CategoricalHinge": "categorical_hinge",
    "Dice": "dice",
    "Tversky": "tversky",
    "CategoricalGeneralizedCrossEntropy": "categorical_generalized_cross_entropy",
}

# What visitors reach for that is not here, and what to say. Compared by their last part.
REFUSED: dict[str, str] = {
    "dropout": "random operations make a loss that cannot be repeated; leave dropout to the model",
    "normal": "random operations make a loss that cannot be repeated: leave them out; against "
    "draws of a normal distribution, mmd(z) needs none",
    "uniform": "random operations make a loss that cannot be repeated; remove the noise",
    "random_normal": "random operations make a loss that cannot be repeated: leave them out; "
    "against draws of a normal distribution, mmd(z) needs none",
    "random_uniform": "random operations make a loss that cannot be repeated; remove the noise",
    "truncated_normal": "random operations make a loss that cannot be repeated; remove the noise",
    "shuffle": "random operations make a loss that cannot be repeated; remove it",
    "boolean_mask": "write tf.boolean_mask, or multiply by the mask",
    "print": "remove it: a loss is computed, not printed",
    "cond": "write where(condition, a, b)",
    "while_loop": "operate on the whole tensor instead of looping",
    "svd": "its gradient is undefined for repeated values",
    "py_function": "write it with the functions of the language",
    "eval": "write the expression itself",
    "open": "a loss cannot read files",
    "compile": "end with the loss itself: the page compiles and trains the model",
    "fit": "end with the loss itself: the page compiles and trains the model",
    "range": "operate on the whole tensor, or write arange",
    "AUC": "write roc_auc(): it is exact, where Keras takes 200 thresholds",
    **dict.fromkeys(
        ("PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity",
         "SpecificityAtSensitivity"),
        "it looks for a threshold: write keras.metrics.Precision(thresholds=0.5), or roc_auc()",
    ),
    "MeanMetricWrapper": "write the function itself, such as mean_squared_error(y_true, y_pred)",
    "CTC": "it is for sequences, of which there are none here: write categorical_crossentropy()",
    "ctc": "it is for sequences, of which there are none here: write categorical_crossentropy()",
    "ctc_loss": "it is for sequences, of which there are none here",
    "sparsemax": "the loss of it is here: write sparsemax(y_true, logits)",
    "quantile": "along the classes write sort(x, axis=-1)[:, 3]",
    "percentile": "along the classes write sort(x, axis=-1)[:, 3]",
    "digitize": "add up comparisons: cast(x > 0.1, 'int32') + cast(x > 0.2, 'int32')",
    "searchsorted": "add up comparisons: cast(x > 0.1, 'int32') + cast(x > 0.2, 'int32')",
    "segment_sum": "write tf.math.unsorted_segment_sum(x, ids, num_classes)",
    "segment_mean": "write tf.math.unsorted_segment_mean(x, ids, num_classes)",
    "multi_hot": "write max(one_hot(x, num_classes), axis=1)",
    "bincount": "write sum(one_hot(labels, num_classes), axis=0)",
    "unique": "the classes are arange(num_classes)",
    "cumulative_logsumexp": "write log(cumsum(exp(x), axis=-1))",
    "scatter_nd": "tensors do not change: write where(condition, a, b), or add up one_hot(...)",
    **dict.fromkeys(
        ("tensor_scatter_nd_update", "tensor_scatter_nd_add", "scatter_update", "scatter"),
        "tensors do not change: write where(condition, a, b), or add one_hot(...)",
    ),
    "erfinv": "there is no such function here; erf is",
    "cross": "write its three differences of products",
    "foldl": "write a loop over range(n)",
    "foldr": "write a loop over range(n)",
    "scan": "write cumsum(x, axis=-1), or a loop over range(n)",
}  # fmt: skip


_LAYER = "a layer is part of the network, and the loss sees what comes out of it: y_pred"
# What stands near a loss in a notebook and is not here: what it is called, or what to do.
ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(
        ("Input", "Dense", "Activation", "Lambda", "Layer", "Flatten", "Dropout", "Conv2D",
         "Concatenate", "Model", "Sequential", "BatchNormalization", "concatenate_layer"), _LAYER
    ),
    "model": "the network is not part of the text: its outputs are y_pred, logits and features",
    "z_mean": "the network has no such output: the loss sees y_pred, logits and features",
    "z_log_var": "the network has no such output: the loss sees y_pred, logits and features",
    "original_dim": "write its number, or num_classes",
    "n_classes": "write num_classes",
    "nb_classes": "write num_classes",
    "batch_size": "write shape(y_true)[0]",
    "x_train": "the data are not part of the text: a batch is y_true and y_pred",
    "y_train": "the data are not part of the text: a batch is y_true and y_pred",
}  # fmt: skip


# What others call a name that is here; compared in lower case, before any likeness in spelling.
HABITS: dict[str, str] = {
    "ln": "log",
    "avg": "mean",
    "sqr": "square",
    "tg": "tan",
    "concat": "concatenate",
    "y": "y_true",
    "ytrue": "y_true",
    "target": "y_true",
    "targets": "y_true",
    "truth": "y_true",
    "p": "y_pred",
    "ypred": "y_pred",
    "yhat": "y_pred",
    "y_hat": "y_pred",
    "pred": "y_pred",
    "preds": "y_pred",
    "prob": "y_pred",
    "probs": "y_pred",
    "prediction": "y_pred",
    "predictions": "y_pred",
    "output": "y_pred",
    "outputs": "y_pred",
    "pt": "p_true",
    "p_t": "p_true",
    "z": "logits",
    "embedding": "features",
    "embeddings": "features",
    "eps": "epsilon()",
    "kernel": "last_kernel",
    "class_weight": "class_weights",
    "sample_weights": "sample_weight",
    "bce": "binary_crossentropy",
    "ce": "cross_entropy",
}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a function: its kind as listed above, and its default as text."""

    name: str
    kind: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: the operator it stands for and its arguments."""

    op: str
    arguments: tuple[Argument, ...]


def signature(text: str) -> tuple[Argument, ...]:
    """Read `x:T axis:A=None` into arguments."""
    found = []
    for piece in text.split():
        head, _, default = piece.partition("=")
        name, _, kind = head.partition(":")
        found.append(Argument(name, kind, default if "=" in piece else None))
    return tuple(found)


def _build() -> tuple[dict[str, Function], dict[str, Function]]:
    by_name: dict[str, Function] = {}
    by_op: dict[str, Function] = {}
    rows = [(op, "x:T", names) for op, names in UNARY] + list(ROWS)
    rows += [row[:3] for row in (*SPELLINGS, *metric_spellings.FUNCTIONS)]
    for op, text, names in rows:
        function = Function(op, signature(text))
        by_op.setdefault(op, function)
        for spelling in names.split():
            space, _, name = spelling.partition(":")
            by_name[f"{space}:{name or op}"] = function
    return by_name, by_op


FUNCTIONS, OPERATORS = _build()
# Classes that are called with the tensors once they are configured: `space:name`.
CLASSES: dict[str, Function] = {
    f"{space}:{name}": Function(name, signature(text))
    for name, text, space, _, _ in metric_spellings.CLASSES
}


def split_name(name: str) -> tuple[str, str] | None:
    """`tf.nn.relu` -> ('tf', 'relu'); None where the prefix is no namespace."""
    prefix, _, last = name.rpartition(".")
    space = NAMESPACES.get(prefix)
    if space is None:
        if prefix in ("np.linalg", "keras.config", "keras", "tf.keras.config"):
            return prefix.removeprefix("tf."), last
        return None
    own = f"{space}:{last}"
    if space in FALLBACKS and own not in FUNCTIONS and own not in CLASSES:
        return FALLBACKS[space], last
    return space, last


def known_names() -> list[str]:
    """Every name as a visitor writes it, for suggestions."""
    found = []
    for key in [*FUNCTIONS, *CONSTANTS]:
        space, _, name = key.partition(":")
        found.append(name if space == "ops" else f"{space}.{name}")
    return found
