"""Calls of named losses, of Keras' classes that are configured first, and of its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from losses import axes
from losses.catalog import catalog
from losses.loss_info import LossInfo

from . import averages, crossentropies, lookups, masks, sizes
from . import elementwise as el
from . import structure as st
from . import vocabulary as voc
from .build import NONE, Builder, Callee, Items, Text, Value, letters
from .calls import InputNode, call_operator, match
from .errors import LossError, Span, quote
from .graph import BATCHES, Node
from .inputs import INPUTS
from .parameters import checked_word
from .review import warn_of_swap
from .sizes import broadcast


def call_named(
    b: Builder,
    info: LossInfo,
    args: list[Value],
    keywords: dict[str, Value],
    inputs: InputNode,
    places: Mapping[str | int | None, Span],
) -> Node:
    """A named loss inside an expression: its tensors default to the inputs of their names."""
    if info.name == "contrastive" and _of_distances(args, keywords):
        own = dict(zip(("same", "distance", "margin"), args, strict=False))
        own = {"margin": _knob(b, info, "margin", None, 0), **own, **keywords}
        return b.tensor(b.spelled("contrastive_of_distances", own))
    if info.name == "kl_divergence" and _of_a_code(b, args, keywords):
        given = dict(zip(("mu", "log_var"), args, strict=False))
        return b.tensor(b.spelled("kl_of_a_code", {**given, **keywords}))
    knobs = [k.name for k in info.parameters]
    args, keywords = _positions(info, args, keywords)
    options = {k: keywords.pop(k) for k in ("from_logits", "axis") if k in keywords}
    for ignored in ("name", "reduction", "dtype"):
        keywords.pop(ignored, None)
    arguments = tuple(
        voc.Argument(n, "F" if n in info.inputs else "V", "None") for n in (*info.inputs, *knobs)
    )
    given = match(b, arguments, info.name, args, keywords, places)
    at = b.at
    tensors = [
        _target(b, n, given[n]) if n in given else _by_name(b, info, n, inputs) for n in info.inputs
    ]
    tensors = _one_hot(b, info, tensors)
    info = _of_a_chance(info, tensors)
    _warn_of_a_row(b, info, tensors)
    if info.inputs[:2] in (("y_true", "y_pred"), ("labels", "y_pred"), ("y_true", "logits")):
        warn_of_swap(b, info.name, *tensors[:2])
    reduced: tuple[int, ...] = ()
    if "axis" in options:
        b.at = places.get("axis") or b.at
        tensors, reduced = _along(b, info, tensors, options["axis"])
        b.at = at
    if "from_logits" in options and b.flag(options["from_logits"], "from_logits"):
        tensors = _of_logits(b, info, tensors)
    classes = _classes(b, info, tensors)
    values = {n: _knob(b, info, n, given.get(n), classes) for n in knobs}
    b.at = at
    live = tuple(n for n in knobs if isinstance(values[n], Node))
    axis = (("axis", reduced),) if reduced else ()
    return b.node(
        "named",
        [*tensors, *(values[n] for n in live)],
        lambda k: _result_shape(b, info, tensors, reduced, k),
        name=info.name,
        live=live,
        fixed=(*((n, values[n]) for n in knobs if n not in live), *axis),
    )


def loss_class(
    b: Builder, info: LossInfo, args: list[Value], keywords: dict[str, Value], inputs: InputNode
) -> Callee:
    """`keras.losses.Huber(delta=0.3)`: a function that remembers how it was configured."""
    order = _CLASS_ORDER.get(info.name, (*_function_order(info), *_OF_ALL))
    given_twice = [name for name in order[: len(args)] if name in keywords]
    if len(args) > len(order) or given_twice:
        raise b.error(
            f"the argument {quote(given_twice[0])} is given twice"
            if given_twice
            else f"this takes at most {len(order)} arguments, and {len(args)} are given",
            f"its arguments are {', '.join(order)}",
        )
    keywords = {**dict(zip(order, args, strict=False)), **keywords}
    reduction = keywords.get("reduction", Text("sum_over_batch_size"))
    if isinstance(reduction, Text) and reduction.text not in _REDUCTIONS:
        raise b.error(
            f"{quote(reduction.text)} is no reduction", f"write one of {', '.join(_REDUCTIONS)}"
        )

    def call(given: list[Value], more: dict[str, Value], span: Span) -> Value:
        b.at = span
        options, given = {**keywords, **more}, list(given)
        weights = options.pop("sample_weight", NONE)
        if len(given) == len(info.inputs) + 1:
            weights = given.pop()
        node = call_named(b, info, given, dict(options), inputs, {})
        ignored = options.get("ignore_class", NONE)
        mean = reduction != NONE and not (
            isinstance(reduction, Text) and reduction.text in ("none", "sum")
        )
        if ignored != NONE and mean:  # over the samples that count
            labels = _target(b, "labels", given[0]) if given else inputs("labels")
            there = el.binary(b, "ne", labels, b.floats(b.tensor(ignored)))
            share = st.reduce(b, "mean", b.cast(there, "float"))
            node = el.binary(b, "div", node, el.binary(b, "maximum", share, b.const(1e-7)))
        return reduced(b, node, options.get("reduction", reduction), weights)

    return Callee(info.name, call)


def measure_class(
    b: Builder,
    function: voc.Function,
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
    inputs: InputNode,
) -> Callee:
    """`keras.metrics.Recall(thresholds=0.3)`: a function that remembers how it was configured."""
    names = [argument.name for argument in function.arguments]
    tensors = [n for n in names if n in ("y_true", "y_pred", "values")]
    unread = [n for n in ("name", "dtype") if n not in names]
    keywords = {n: value for n, value in keywords.items() if n not in unread}

    def call(given: list[Value], more: dict[str, Value], span: Span) -> Value:
        b.at = span
        here = list(given) or [inputs(n) for n in tensors if n in ("y_true", "y_pred")]
        if len(here) < len(tensors) and not set(tensors) & set(more):
            raise b.error(f"{name} needs {' and '.join(tensors)}", f"write {', '.join(tensors)}")
        options = {n: value for n, value in more.items() if n not in unread}
        if "sample_weight" not in names:  # None is what a method of a metric passes on mostly
            weights = [*here[len(tensors) :], options.pop("sample_weight", NONE)]
            here = here[: len(tensors)]
            if any(value != NONE for value in weights):
                raise b.error("weights of samples are not read here", "leave them out")
        return call_operator(b, function, name, [*here, *args], {**keywords, **options}, {}, inputs)

    return Callee(name, call)


def _weighed(b: Builder, node: Node, weights: Node) -> Node:
    """One value a sample, times the weight of each: (B,), (B, 1) or one number."""
    if weights.rank == node.rank + 1 and weights.shapes[0][-1] == 1:
        weights = st.squeeze(b, weights, -1)
    return el.binary(b, "mul", node, weights)


def reduced(b: Builder, value: Value, reduction: Value | None, weights: Value = NONE) -> Value:
    """What a loss of Keras makes of its values a sample, each times its weight: their mean, if
    nothing else is said."""
    word = reduction.text if isinstance(reduction, Text) else ""
    if weights != NONE and isinstance(value, Node):
        each = b.floats(b.tensor(weights))
        value = _weighed(b, value, each)
        if word == "mean_with_sample_weight":
            return el.binary(b, "div", st.reduce(b, "sum", value), st.reduce(b, "sum", each))
    if word == "none" or reduction == NONE or not isinstance(value, Node):
        return value
    if word == "sum":
        over = masks.reduce if value in b.chosen else st.reduce
        return over(b, "sum", value, None, False)
    if value in b.chosen:
        return masks.settled(b, value)
    return averages.averaged(b, value) if value.rank and value.dtype == "float" else value


# What Keras has after the tensors, in its order; of others, their parameters in theirs.
_ORDER = {
    "binary_crossentropy": ("from_logits", "label_smoothing", "axis"),
    "categorical_crossentropy": ("from_logits", "label_smoothing", "axis"),
    "sparse_categorical_crossentropy": ("from_logits", "ignore_class", "axis"),
    "binary_focal_crossentropy": (
        "apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis",
    ),
    "categorical_focal_crossentropy": ("alpha", "gamma", "from_logits", "label_smoothing", "axis"),
    "cosine_similarity": ("axis",),
    "dice_keras": ("axis",),
    "tversky_keras": ("alpha", "beta", "axis"),
}  # fmt: skip


_OF_ALL = ("reduction", "name", "dtype")


# Of the classes whose order is not that of their function, and then what all have.
_CLASS_ORDER = {
    "sparse_categorical_crossentropy": (
        "from_logits", "ignore_class", "reduction", "axis", "name", "dtype",
    ),
    "dice_keras": ("reduction", "name", "axis", "dtype"),
    "tversky_keras": ("alpha", "beta", "reduction", "name", "axis", "dtype"),
}  # fmt: skip


_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def _along(
    b: Builder, info: LossInfo, tensors: list[Node], value: Value
) -> tuple[list[Node], tuple[int, ...]]:
    """The tensors with the axis last that the loss is asked to be computed along; or, of one that
    adds up over all axes, those it is asked to, where they are not all. Of a loss that has no such
    choice in Keras, another axis is refused rather than thrown away."""
    axis, rank = b.axis(value), max(t.rank for t in tensors)
    own = tuple(range(rank)) if axes.default(info) is None or not info.per_sample else (rank - 1,)
    try:
        asked = axes.places(axis, rank, info.name)
        if asked == own:
            return tensors, ()
        axes.checked(info, axis)
    except LossError as error:
        hint = error.hint if info.axis in ("one", "some") else "leave axis out"
        raise b.error(error.message, hint) from None
    if info.axis == "some":
        return tensors, asked
    order = (*(i for i in range(rank) if i != asked[0]), asked[0])
    return [st.transpose(b, t, order) if t.rank == rank else t for t in tensors], ()


def _function_order(info: LossInfo) -> tuple[str, ...]:
    return _ORDER.get(info.name, tuple(k.name for k in info.parameters))


def _positions(
    info: LossInfo, args: list[Value], keywords: dict[str, Value]
) -> tuple[list[Value], dict[str, Value]]:
    """What is given by position after the tensors, by its name. A number where Keras has the yes
    or no of from_logits is what comes next."""
    count, order = len(info.inputs), list(_function_order(info))
    extra = args[count:]
    if extra and order[:1] == ["from_logits"] and not _boolean(extra[0]):
        order = order[1:]
    if len(extra) > len(order) or any(name in keywords for name in order[: len(extra)]):
        return args, keywords  # is refused as in any call
    return args[:count], {**keywords, **dict(zip(order, extra, strict=False))}


def _boolean(value: Value) -> bool:
    return isinstance(value, Node) and value.is_const and value.dtype == "bool"


def _target(b: Builder, name: str, value: Value) -> Node:
    """A tensor given to a named loss; class numbers where its target is sparse."""
    node = b.tensor(value, f"the argument {quote(name)}")
    if name == "labels":
        node = lookups.column(b, node)
    if name == "labels" and node.rank > 1:
        raise lookups.needs_labels(b, node)
    if name == "labels":
        lookups.needs_numbers(b, node, b.num_classes)
    return b.floats(node)


def _of_logits(b: Builder, info: LossInfo, tensors: list[Node]) -> list[Node]:
    """The tensors of a loss whose prediction is given as logits: their softmax or sigmoid, of
    which the loss takes logarithms straight from the logits (`losses.probabilities`)."""
    if "y_pred" not in info.inputs:
        if "logits" in info.inputs:
            return tensors  # is what it takes anyway
        raise b.error(f"{info.name} takes no logits", "leave from_logits out")
    place = info.inputs.index("y_pred")
    z = tensors[place]
    crossentropies.warn_of_logits(b, z)
    made = el.unary(b, "sigmoid", z) if info.link == "sigmoid" else st.along(b, "softmax", z, -1)
    return [*tensors[:place], made, *tensors[place + 1 :]]


def _by_name(b: Builder, info: LossInfo, name: str, inputs: InputNode) -> Node:
    """The input of a name that a named loss was not given."""
    pair = b.provided.pair if b.provided is not None else ("", "")
    if b.provided is not None and name not in b.provided.inputs and all(pair):
        count = len([n for n in info.inputs if n in ("y_true", "labels", "y_pred", "logits")])
        if count == len(info.inputs) == 2:
            message, _ = b.provided.refuse(name)
            raise b.error(message, f"give it tensors of this run: {info.name}({', '.join(pair)})")
    return inputs(name)


def _one_hot(b: Builder, info: LossInfo, tensors: list[Node]) -> list[Node]:
    """The tensors with the target one-hot, where it is class numbers, or 0 and 1, of a prediction
    that has a value for each class."""
    if info.inputs[:2] not in (("y_true", "y_pred"), ("y_true", "logits")):
        return tensors
    y, p = tensors[:2]
    origin = y
    while origin.op in ("cast", "squeeze", "reshape"):
        origin = origin.args[0]
    numbers = origin.op == "input" and origin.attrs["of"].values in ("class", "binary")
    if not numbers or y.rank != p.rank - 1 or p.shapes[0][-1] != p.shapes[1][-1]:
        return tensors
    numbers_of = b.cast(y, "int", implicit=y.dtype == "int")  # one typed, where it is of floats
    return [st.one_hot(b, numbers_of, p.shapes[0][-1]), *tensors[1:]]


def _of_a_chance(info: LossInfo, tensors: list[Node]) -> LossInfo:
    """The binary cross-entropy, of one probability a sample."""
    if info.name != "categorical_crossentropy" or not crossentropies.is_a_chance(*tensors[:2]):
        return info
    return next(each for each in catalog() if each.name == "binary_crossentropy")


# Named losses that are a mean over their last axis, entry by entry: of one value a sample they are
# the same as of a row of one class.
ENTRY_BY_ENTRY = frozenset({
    "quantile", "charbonnier", "barron_adaptive", "gaussian_nll", "mean_squared_error",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
    "huber", "log_cosh", "binary_crossentropy", "binary_focal_crossentropy", "poisson", "hinge",
    "squared_hinge",
})  # fmt: skip


def _warn_of_a_row(b: Builder, info: LossInfo, tensors: list[Node]) -> None:
    """Say that a loss of rows of classes is given one value a sample: the batch is its row."""
    of_rows = info.per_sample and info.name not in ENTRY_BY_ENTRY
    if not of_rows or info.inputs[:2] not in (("y_true", "y_pred"), ("y_true", "logits")):
        return
    if all(each.rank == 1 and (each.shapes[0][0], each.shapes[1][0]) == BATCHES
           for each in tensors[:2]):  # fmt: skip
        b.warn(
            "batch-as-classes",
            f"{info.name} takes its last axis for the classes, and of one value a sample that is "
            "the batch",
            "of one probability a sample write binary_crossentropy(...), of another number "
            "mean_squared_error(...)",
        )


def _of_distances(args: list[Value], keywords: dict[str, Value]) -> bool:
    """Whether these are a 0 or 1 and a distance a sample, as the contrastive loss of a siamese
    network's distance takes them, and no embeddings."""
    pair = [*args[:2], *(keywords[name] for name in ("distance",) if name in keywords)][:2]
    return len(pair) == 2 and all(isinstance(each, Node) and each.rank == 1 for each in pair)


def _of_a_code(b: Builder, args: list[Value], keywords: Mapping[str, Value]) -> bool:
    """Whether these are the mean and the logarithm of the variance of a code, whose divergence is
    that of a normal distribution from the standard one."""
    second = args[1] if len(args) == 2 else keywords.get("log_var")
    return (
        isinstance(second, Node)
        and {"mu", "log_var"} <= set(b.own_inputs)
        and "log_var" in b.inputs_of(second)
    )


def _classes(b: Builder, info: LossInfo, tensors: list[Node]) -> int:
    """How many classes the prediction has that a named loss is given."""
    by_name = zip(info.inputs, tensors, strict=True)
    wide = (t.shapes[0][-1] for n, t in by_name if n in ("y_pred", "logits") and t.rank > 1)
    return next(wide, b.num_classes)


def _knob(b: Builder, info: LossInfo, name: str, value: Value | None, classes: int) -> Any:
    knob = next(k for k in info.parameters if k.name == name)
    if value is None or value == NONE:
        plain = isinstance(knob.default, float) and not knob.fixed
        return b.const(knob.default) if plain else knob.default
    if isinstance(knob.default, bool):
        return b.flag(value, quote(name))
    if knob.default is None:
        return b.integer(value, quote(name))
    if isinstance(knob.default, tuple):
        if not isinstance(value, Items):
            raise b.error(f"{quote(name)} is a list of numbers", "write [1.0, 2.0]")
        return tuple(float(b.fixed(v, quote(name))) for v in value.values)
    if isinstance(knob.default, str):
        if not isinstance(value, Text):
            raise b.error(f"{quote(name)} is a word", f"such as '{knob.default}'")
        return checked_word(name, value.text, knob.choices, b.at)
    if isinstance(knob.default, int):
        whole = b.integer(value, quote(name))
        if knob.low is not None and knob.high is not None and not knob.low <= whole <= knob.high:
            raise b.error(
                f"{quote(name)} of {info.name} is a whole number from {knob.low:g} to "
                f"{knob.high:g}",
                f"write {name}={knob.default}",
            )
        return whole
    node = b.tensor(value, quote(name))
    if node.rank == 1 and knob.per_class:
        if node.shapes[0] != (classes,):
            raise b.error(
                f"{quote(name)} has {node.shapes[0][0]} numbers for {classes} classes",
                "give one number for all, or one a class",
            )
        return b.floats(node)
    if node.rank:
        raise b.error(f"{quote(name)} must be a number")
    return float(b.fixed(node, quote(name))) if knob.fixed else b.floats(node)


def _result_shape(
    b: Builder, info: LossInfo, tensors: list[Node], reduced: tuple[int, ...], k: int
) -> tuple[int, ...]:
    by_name = dict(zip(info.inputs, tensors, strict=True))
    for name in ("last_kernel", "centers"):
        if name in by_name and by_name[name].rank != 2:
            raise sizes.SizeError(
                f"{info.name} needs {name}, ({', '.join(INPUTS[name].shape)}), not "
                f"{letters(by_name[name], b)}",
                f"pass {name}",
            )
    y, p = by_name.get("y_true"), by_name.get("y_pred", by_name.get("logits"))
    if y is not None and p is not None:
        shape = broadcast(y.shapes[k], p.shapes[k])
        if y.rank != p.rank or not y.rank:
            raise sizes.SizeError(
                f"{info.name} needs two tensors of one size, not {letters(y, b)} and "
                f"{letters(p, b)}",
                "pass y_true and y_pred",
            )
        if reduced:
            return tuple(n for i, n in enumerate(shape) if i not in reduced)
        return shape[:-1] if info.per_sample else ()
    first = tensors[0].shapes[k]
    if "boxes_pred" in by_name:
        return _a_value_a_box(b, info, tensors, k)
    if not info.per_sample:
        return ()
    if not first:
        raise sizes.SizeError(f"{info.name} needs tensors", "pass y_true and y_pred")
    return first[:1]


def _a_value_a_box(b: Builder, info: LossInfo, tensors: list[Node], k: int) -> tuple[int, ...]:
    sizes_of_both = [node.shapes[k] for node in tensors]
    if any(shape[-1:] != (4,) for shape in sizes_of_both):
        shown = " and ".join(letters(node, b) for node in tensors)
        raise sizes.SizeError(
            f"{info.name} needs boxes, x1, y1, x2, y2 in a last axis of 4, not {shown}",
            "pass boxes, boxes_pred",
        )
    return broadcast(*sizes_of_both)[:-1]
