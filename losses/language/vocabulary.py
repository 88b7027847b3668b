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

Row = tuple[str, str, str]

UNARY: tuple[tuple[str, str], ...] = (
    ("abs", "ops ops:absolute K np np:absolute np:fabs tf math:fabs"),
    ("neg", "ops:negative np:negative tf:negative"),
    ("exp", "ops K np tf math activations:exponential"),
    ("expm1", "ops np tf math"),
    ("log", "ops K np tf math"),
    ("log1p", "ops np tf math"),
    ("log2", "ops np math"),
    ("log10", "ops np math"),
    ("sqrt", "ops K np tf math"),
    ("rsqrt", "ops tf"),
    ("square", "ops K np tf"),
    ("sin", "ops K np tf math"),
    ("cos", "ops K np tf math"),
    ("tan", "ops np tf math"),
    ("arcsin", "ops np tf:asin math:asin"),
    ("arccos", "ops np tf:acos math:acos"),
    ("arctan", "ops np tf:atan math:atan"),
    ("sinh", "ops np tf math"),
    ("cosh", "ops np tf math"),
    ("tanh", "ops K np tf math"),
    ("arcsinh", "ops np tf:asinh math:asinh"),
    ("arccosh", "ops np tf:acosh math:acosh"),
    ("arctanh", "ops np tf:atanh math:atanh"),
    ("sigmoid", "ops K tf"),
    ("softplus", "ops K tf"),
    ("softsign", "ops K tf"),
    ("log_sigmoid", "ops tf"),
    ("hard_sigmoid", "ops"),
    ("relu6", "ops tf"),
    ("selu", "ops tf"),
    ("silu", "ops ops:swish"),
    ("erf", "ops tf math"),
    ("lgamma", "tf math"),
    ("digamma", "tf"),
    ("sign", "ops K np tf"),
    ("floor", "ops np tf math"),
    ("ceil", "ops np tf math"),
    ("reciprocal", "ops np tf"),
)

ROWS: tuple[Row, ...] = (
    # arithmetic as functions
    ("add", "x:T y:T", "ops np tf"),
    ("sub", "x:T y:T", "ops:subtract np:subtract tf:subtract"),
    ("mul", "x:T y:T", "ops:multiply np:multiply tf:multiply"),
    ("div", "x:T y:T", "ops:divide ops:true_divide np:divide np:true_divide tf:divide tf:truediv"),
    ("floordiv", "x:T y:T", "ops:floor_divide np:floor_divide tf:floordiv"),
    ("mod", "x:T y:T", "ops np np:remainder tf tf:floormod math:fmod"),
    ("pow", "x:T y:T", "ops ops:power K np:power np:pow tf math"),
    ("maximum", "x:T y:T", "ops K np tf ops:fmax np:fmax"),
    ("minimum", "x:T y:T", "ops K np tf ops:fmin np:fmin"),
    ("squared_difference", "x:T y:T", "ops tf"),
    ("arctan2", "x:T y:T", "ops np tf:atan2 math:atan2"),
    ("divide_no_nan", "x:T y:T", "ops tf tf:div_no_nan"),
    ("xlogy", "x:T y:T", "ops tf"),
    ("add_n", "xs:L", "tf tf:accumulate_n"),
    # comparisons and logic
    ("eq", "x:T y:T", "ops:equal K:equal np:equal tf:equal"),
    ("ne", "x:T y:T", "ops:not_equal K:not_equal np:not_equal tf:not_equal"),
    ("lt", "x:T y:T", "ops:less K:less np:less tf:less"),
    ("le", "x:T y:T", "ops:less_equal K:less_equal np:less_equal tf:less_equal"),
    ("gt", "x:T y:T", "ops:greater K:greater np:greater tf:greater"),
    ("ge", "x:T y:T", "ops:greater_equal K:greater_equal np:greater_equal tf:greater_equal"),
    ("logical_and", "x:T y:T", "ops np tf"),
    ("logical_or", "x:T y:T", "ops np tf"),
    ("logical_xor", "x:T y:T", "ops np tf"),
    ("logical_not", "x:T", "ops np tf"),
    ("isfinite", "x:T", "ops np tf:is_finite"),
    ("isnan", "x:T", "ops np tf:is_nan"),
    ("isinf", "x:T", "ops np tf:is_inf"),
    ("where", "condition:T x:T y:T", "ops np tf"),
    ("switch", "condition:T then_expression:V else_expression:V", "K"),
    ("cond", "pred:T true_fn:V false_fn:V", "tf"),
    ("clip", "x:T min:O max:O", "ops K np tf:clip_by_value"),
    # activations
    ("relu", "x:T negative_slope:N=0.0 max_value:O=None", "ops tf"),
    ("leaky_relu", "x:T negative_slope:N=0.2", "ops tf"),
    ("elu", "x:T alpha:N=1.0", "ops K tf"),
    ("gelu", "x:T approximate:B=True", "ops"),
    ("gelu_tf", "x:T approximate:B=False", "tf:gelu activations:gelu"),
    ("softmax", "x:T axis:A=-1", "ops K tf"),
    ("log_softmax", "x:T axis:A=-1", "ops tf"),
    ("logsumexp", "x:T axis:A=None keepdims:B=False", "ops K tf:reduce_logsumexp"),
    # reductions
    ("sum", "x:T axis:A=None keepdims:B=False", "ops K np tf:reduce_sum"),
    ("mean", "x:T axis:A=None keepdims:B=False", "ops K np tf:reduce_mean"),
    ("max", "x:T axis:A=None keepdims:B=False", "ops ops:amax K np np:amax tf:reduce_max"),
    ("min", "x:T axis:A=None keepdims:B=False", "ops ops:amin K np np:amin tf:reduce_min"),
    ("prod", "x:T axis:A=None keepdims:B=False", "ops K np tf:reduce_prod"),
    ("std", "x:T axis:A=None keepdims:B=False", "ops K np tf:reduce_std"),
    ("var", "x:T axis:A=None keepdims:B=False", "ops K np tf:reduce_variance"),
    ("any", "x:T axis:A=None keepdims:B=False", "ops K np tf:reduce_any"),
    ("all", "x:T axis:A=None keepdims:B=False", "ops K np tf:reduce_all"),
    ("count_nonzero", "x:T axis:A=None keepdims:B=False", "ops np tf"),
    ("average", "x:T axis:A=None weights:O=None", "ops np"),
    ("norm", "x:T ord:V=None axis:A=None keepdims:B=False", "ops np.linalg:norm tf"),
    ("argmax", "x:T axis:A=None keepdims:B=False", "ops np"),
    ("argmin", "x:T axis:A=None keepdims:B=False", "ops np"),
    ("argmax_k", "x:T axis:A=-1", "K:argmax"),
    ("argmin_k", "x:T axis:A=-1", "K:argmin"),
    ("argmax_tf", "x:T axis:A=0 output_type:D=int32", "tf:argmax tf:arg_max"),
    ("argmin_tf", "x:T axis:A=0 output_type:D=int32", "tf:argmin tf:arg_min"),
    # along an axis
    ("cumsum", "x:T axis:A=None", "ops np"),
    ("cumprod", "x:T axis:A=None", "ops np"),
    ("cumsum_k", "x:T axis:A=0", "K:cumsum"),
    ("cumprod_k", "x:T axis:A=0", "K:cumprod tf:cumprod"),
    ("sort", "x:T axis:A=-1 direction:X='ASCENDING'", "ops np tf"),
    ("argsort", "x:T axis:A=-1 direction:X='ASCENDING'", "ops np tf"),
    ("top_k", "x:T k:I=1 sorted:B=True", "ops tf"),
    ("flip", "x:T axis:A=None", "ops np tf:reverse K:reverse"),
    ("roll", "x:T shift:I axis:A=None", "ops np tf"),
    ("l2_normalize", "x:T axis:A=None epsilon:N=1e-12", "ops tf"),
    ("l2_normalize_k", "x:T axis:A=None", "K:l2_normalize"),
    ("normalize", "x:T axis:A=-1 order:I=2 epsilon:N=1e-07", "ops"),
    # products
    ("matmul", "x:T y:T transpose_a:B=False transpose_b:B=False", "ops np tf"),
    ("dot", "x:T y:T", "ops K np"),
    ("tensordot", "x:T y:T axes:V=2", "ops np tf"),
    ("batch_dot", "x:T y:T axes:V=None", "K"),
    ("outer", "x:T y:T", "ops np"),
    # structure
    ("reshape", "x:T newshape:S", "ops K np tf"),
    ("flatten", "x:T", "K"),
    ("ravel", "x:T", "ops np"),
    ("batch_flatten", "x:T", "K"),
    ("squeeze", "x:T axis:A=None", "ops K np tf"),
    ("expand_dims", "x:T axis:A=-1", "ops K np tf"),
    ("transpose", "x:T axes:A=None", "ops K np tf"),
    ("permute", "x:T axes:A", "K:permute_dimensions"),
    ("swapaxes", "x:T axis1:I axis2:I", "ops np"),
    ("moveaxis", "x:T source:I destination:I", "ops np"),
    ("pad", "x:T pad_width:V mode:X='constant' constant_values:T=0.0", "ops np tf"),
    ("select", "condlist:L choicelist:L default:T=0.0", "ops np"),
    ("concatenate", "xs:L axis:A=0", "ops np tf:concat"),
    ("concatenate_k", "xs:L axis:A=-1", "K:concatenate"),
    ("stack", "xs:L axis:A=0", "ops K np tf"),
    ("unstack", "x:T num:V=None axis:A=0", "ops tf"),
    ("split", "x:T parts:V axis:A=0", "tf"),
    ("split_at", "x:T parts:V axis:A=0", "ops:split np:split"),
    ("tile", "x:T repeats:S", "ops K:tile np tf"),
    ("repeat", "x:T repeats:I axis:A=None", "ops np tf"),
    ("repeat_elements", "x:T rep:I axis:A", "K"),
    ("broadcast_to", "x:T shape:S", "ops np tf"),
    ("take", "x:T indices:T axis:A=None", "ops np"),
    ("gather", "x:T indices:V axis:A=0 batch_dims:I=0", "K tf"),
    ("gather_nd", "x:T indices:V", "tf"),
    (
        "map_fn",
        "fn:V elems:V dtype:V=None parallel_iterations:V=None back_prop:V=None swap_memory:V=None"
        " infer_shape:V=None name:V=None fn_output_signature:V=None",
        "tf K",
    ),
    ("map_fn", "fn:V elems:V fallback_to_while_loop:V=None warn:V=None", "tf:vectorized_map"),
    ("map_fn", "fn:V elems:V", "ops:vectorized_map ops:map"),
    ("boolean_mask", "x:T mask:T axis:A=None", "tf"),
    ("take_along_axis", "x:T indices:T axis:A=-1", "ops np"),
    ("gather_batch", "x:T indices:T", "tf:batch_gather"),
    ("one_hot", "x:T num_classes:Z axis:A=-1 dtype:D=float32", "ops K"),
    (
        "one_hot_tf",
        "indices:T depth:Z on_value:V=None off_value:V=None axis:A=-1 dtype:D=float32",
        "tf:one_hot",
    ),
    ("diagonal", "x:T", "ops ops:diag np np:diag tf:diag_part"),
    ("trace", "x:T", "ops np tf"),
    ("tril", "x:T k:I=0", "ops np"),
    ("triu", "x:T k:I=0", "ops np"),
    # creation
    ("zeros", "shape:S dtype:D=float32", "ops K np tf"),
    ("ones", "shape:S dtype:D=float32", "ops K np tf"),
    ("full", "shape:S fill_value:T dtype:D=float32", "ops np tf:fill"),
    ("zeros_like", "x:T dtype:V=None", "ops K np tf"),
    ("ones_like", "x:T dtype:V=None", "ops K np tf"),
    ("full_like", "x:T fill_value:T", "ops np"),
    ("arange", "start:T stop:O=None step:O=None dtype:V=None", "ops K np tf:range ops:range"),
    ("eye", "N:Z M:V=None dtype:D=float32", "ops K np tf ops:identity np:identity"),
    ("linspace", "start:N stop:N num:I=50", "ops np tf"),
    # types and sizes
    ("cast", "x:T dtype:V", "ops K tf"),
    ("constant", "value:T dtype:V=None shape:V=None", "K tf np:array np:asarray ops:array"),
    (
        "convert",
        "value:T dtype:V=None",
        "ops:convert_to_tensor tf:convert_to_tensor K:variable",
    ),
    ("cast_float", "x:T", "tf:to_float ops:float np:float32 np:float64 K:cast_to_floatx"),
    ("cast_int", "x:T", "ops:int np:int32 np:int64 tf:to_int32"),
    ("identity", "x:T", "K tf np:copy ops:copy"),
    ("stop_gradient", "x:T", "ops K tf"),
    ("shape", "x:T", "ops np K:int_shape"),
    ("shape_vector", "x:T", "K:shape tf:shape"),
    ("size", "x:T", "ops np tf"),
    ("ndim", "x:T", "ops K np"),
    ("rank", "x:T", "tf"),
    ("length", "x:V", "ops:len"),
    ("epsilon", "", "K ops keras.config:epsilon keras:epsilon"),
    ("floatx", "", "K ops keras.config:floatx keras:floatx"),
    ("round", "x:T decimals:I=0", "ops K np tf"),
    ("slice_tf", "x:T begin:V size:V", "tf:slice K:slice"),
    # cross-entropies of the backends (the losses proper are in the catalog)
    (
        "categorical_crossentropy",
        "target:F output:F from_logits:B=False axis:A=-1",
        "ops K",
    ),
    (
        "sparse_categorical_crossentropy",
        "target:T output:F from_logits:B=False axis:A=-1",
        "ops K",
    ),
    ("binary_crossentropy", "target:F output:F from_logits:B=False", "ops K"),
    ("softmax_ce", "labels:F logits:F axis:A=-1", "tf:softmax_cross_entropy_with_logits"),
    ("softmax_ce", "labels:F logits:F axis:A=-1", "tf:softmax_cross_entropy_with_logits_v2"),
    ("sparse_ce", "labels:T logits:F", "tf:sparse_softmax_cross_entropy_with_logits"),
    ("sigmoid_ce", "labels:F logits:F", "tf:sigmoid_cross_entropy_with_logits"),
    (
        "weighted_ce",
        "labels:F logits:F pos_weight:F",
        "tf:weighted_cross_entropy_with_logits",
    ),
    ("l2_loss", "x:F", "tf:l2_loss"),
)

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
    "normal": "random operations make a loss that cannot be repeated; remove the noise",
    "uniform": "random operations make a loss that cannot be repeated; remove the noise",
    "random_normal": "random operations make a loss that cannot be repeated; remove the noise",
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
