"""Matching arguments to the signatures of the table, and of the named losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from losses import axes
from losses.loss_info import LossInfo

from . import averages, lookups, masks, operators, sizes
from . import elementwise as el
from . import structure as st
from . import vocabulary as voc
from .build import DONE, NONE, Builder, Callee, DType, Items, Places, Text, Value, letters
from .errors import LossError, Span, quote, suggest
from .graph import Node
from .inputs import INPUTS
from .parameters import checked_word
from .review import warn_of_swap
from .sizes import broadcast

InputNode = Callable[[str], Node]


def call_operator(
    b: Builder,
    function: voc.Function,
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
    places: Mapping[str | int | None, Span],
    inputs: InputNode,
) -> Value:
    """Apply a function of the table; raises `LossError` where an argument does not fit."""
    at = b.at
    given = _match(b, function.arguments, name, args, keywords, places)
    if function.op == "where" and len(given) == 1:
        return Places(b.tensor(given["condition"]), b.at)
    if function.op == "clip" and {"min", "max"}.isdisjoint(given):
        raise b.error("clip needs bounds", "write clip(x, 1e-7, 1 - 1e-7)")
    if name == "sum" and len(args) == 1 and not keywords and _of_tensors(args[0]):
        return operators.APPLY["add_n"](b, {"xs": [b.tensor(v) for v in args[0].values]})  # type: ignore[union-attr]
    if function.op in ("max", "min") and len(args) > 1 and _is_builtin_pair(args):
        raise b.error(
            f"{function.op} of two tensors is {function.op}imum",
            f"write {function.op}imum(a, b)",
        )
    _warn_of_bound(b, function.op, name, args)
    read: dict[str, Any] = {}
    for argument in function.arguments:
        value = given.get(argument.name)
        if value is None:
            if argument.default is None and argument.kind != "O":
                raise b.error(
                    f"{quote(name)} needs the argument {quote(argument.name)}",
                    "write " + _usage(name, function.arguments),
                )
            value = _default(b, argument, inputs)
        if function.op not in ("cast_int", "cast_float"):
            b.at = b.blame.get(argument.name, at)
        read[argument.name] = _coerce(b, argument, value)
        b.at = at
    try:
        if function.op in operators.APPLY:
            return operators.APPLY[function.op](b, read)
        return b.spelled(function.op, {name: _as_value(b, read[name]) for name in read})
    except sizes.SizeError as error:
        raise b.size_error(error) from None
    finally:
        b.blame = {}


def _warn_of_bound(b: Builder, op: str, name: str, args: list[Value]) -> None:
    """K.max(x, 0) and K.min(x, 1), where the bound of a hinge or a clip is taken for an axis."""
    bound = {"max": 0, "min": 1}.get(op)
    second = args[1] if len(args) == 2 and "reduce" not in name else None
    if bound is None or not isinstance(second, Node) or not second.is_const:
        return
    if second.dtype == "int" and second.attrs["value"] == bound:
        b.warn(
            "bound-as-axis",
            f"the {bound} of {name}(x, {bound}) is read as an axis, not as a bound",
            f"write {op}imum(x, {bound}) for a bound, axis={bound} for an axis",
        )


def _of_tensors(value: Value) -> bool:
    """Whether this is a list of tensors, which Python's own sum adds one to the other."""
    return isinstance(value, Items) and any(isinstance(v, Node) and v.rank for v in value.values)


def _is_builtin_pair(args: list[Value]) -> bool:
    return isinstance(args[1], Node) and (bool(args[1].rank) or args[1].dtype == "float")


def _usage(name: str, arguments: tuple[voc.Argument, ...]) -> str:
    needed = [a.name for a in arguments if a.default is None]
    return f"{name}({', '.join(needed)})"


def _match(
    b: Builder,
    arguments: tuple[voc.Argument, ...],
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
    places: Mapping[str | int | None, Span],
) -> dict[str, Value]:
    if len(args) > len(arguments):
        raise b.error(
            f"{quote(name)} takes at most {len(arguments)} arguments, and {len(args)} are given",
            "write " + _usage(name, arguments),
        )
    names = [a.name for a in arguments]
    given = dict(zip(names, args, strict=False))
    b.blame = {n: places[i] for i, n in enumerate(names) if i in places}
    for key, value in keywords.items():
        place = places.get(key)
        if key in voc.IGNORED and key not in names:
            continue
        found = key if key in names else _alias(key, names, given)
        if found is None:
            near = "keepdims" if key in ("keepdim", "keep_dims") else suggest(key, names)
            raise LossError(
                f"{quote(name)} has no argument {quote(key)}"
                + (f": did you mean '{near}'?" if near else ""),
                _name_only(place, key) or b.at,
                hint=f"its arguments are {', '.join(names)}" if names else "it takes none",
                fix=near,
            )
        if found in given:
            raise LossError(
                f"the argument {quote(key)} is given twice", place or b.at, hint="remove one"
            )
        given[found] = value
        if place is not None:
            b.blame[found] = places.get(f"={key}", place)
    if "newshape" in b.blame:
        b.blame["shape"] = b.blame["newshape"]
    return given


def _name_only(place: Span | None, key: str) -> Span | None:
    if place is None:
        return None
    return Span(place.line, place.column, place.line, place.column + len(key))


def _alias(key: str, names: list[str], given: dict[str, Value]) -> str | None:
    for name in names:
        if key in voc.ARGUMENTS.get(name, ()) and name not in given:
            return name
    return None


def _default(b: Builder, argument: voc.Argument, inputs: InputNode) -> Value:
    text = argument.default
    if text is None or text == "None":
        return NONE
    if text in ("y_true", "y_pred", "labels"):
        return inputs(text)
    if text in ("True", "False"):
        return b.const(text == "True")
    if argument.kind in ("D", "X") or text.startswith("'"):
        return Text(text.strip("'"))
    number = float(text)
    whole = argument.kind in "AI" or (argument.kind == "V" and number.is_integer())
    return b.const(int(number) if whole else number)


def _coerce(b: Builder, argument: voc.Argument, value: Value) -> Any:
    kind, what = argument.kind, f"the argument {quote(argument.name)}"
    if kind in "TF":
        node = b.tensor(value, what)
        return b.floats(node) if kind == "F" else node
    if kind == "O":
        return None if value == NONE else b.tensor(value, what)
    if kind == "L":
        if isinstance(value, Node) and value.rank:
            raise b.error(f"{what} is a list of tensors", "write [a, b]")
        if not isinstance(value, Items) or not value.values:
            raise b.error(f"{what} is a list of tensors", "write [a, b]")
        return [b.tensor(v) for v in value.values]
    if kind == "A":
        return b.axis(value)
    if kind == "I":
        return b.integer(value, what)
    if kind == "B":
        return b.flag(value, what)
    if kind == "D":
        return b.dtype(value)
    if kind == "S":
        return b.shape(value)
    if kind == "Z":
        return b.shape(value)[0]
    if kind == "N":
        node = b.tensor(value, what)
        if node.rank:
            raise b.error(f"{what} must be a number")
        return b.floats(node)
    return value


def _as_value(b: Builder, read: Any) -> Value:
    """An argument that was read, as a value again."""
    if read is None:
        return NONE
    if isinstance(read, (bool, int)):
        return b.const(read)
    if isinstance(read, str):
        return DType(read)
    if isinstance(read, (tuple, list)):
        return Items(tuple(_as_value(b, each) for each in read))
    made: Value = read
    return made


def einsum(b: Builder, args: list[Value], keywords: dict[str, Value]) -> Node:
    """einsum('bi,bi->b', x, y)."""
    if not args or not isinstance(args[0], Text):
        raise b.error("einsum begins with a pattern", "write einsum('bi,bi->b', x, y)")
    if set(keywords) - {"name"}:
        raise b.error("einsum takes no keywords here", "write einsum('bi,bi->b', x, y)")
    return st.einsum(b, args[0].text, [b.tensor(a) for a in args[1:]])


def call_method(
    b: Builder, method: str, owner: Value, args: list[Value], keywords: dict[str, Value]
) -> Value:
    """x.sum(axis=-1): the function of that name, the tensor first."""
    if isinstance(owner, Callee):
        return _of_metric(b, method, owner, args, keywords)
    op = voc.METHODS.get(method)
    if op is None:
        raise b.error(f"a value has no method {quote(method)}", "use a function instead")
    if method == "as_list" and isinstance(owner, Items) and not args and not keywords:
        return owner
    x = b.tensor(owner)
    if op == "shape":
        return operators.shape(b, {"x": x})
    if (op in ("reshape", "transpose") and len(args) > 1) or (op == "reshape" and args):
        args = [args[0] if isinstance(args[0], Items) and len(args) == 1 else Items(tuple(args))]
    if "dim" in keywords and "axis" not in keywords:
        keywords["axis"] = keywords.pop("dim")
    function = voc.OPERATORS[op]
    return call_operator(b, function, method, [x, *args], keywords, {}, _no_input)


def _no_input(name: str) -> Node:
    raise LossError(f"{name} is needed")


def call_named(
    b: Builder,
    info: LossInfo,
    args: list[Value],
    keywords: dict[str, Value],
    inputs: InputNode,
    places: Mapping[str | int | None, Span],
) -> Node:
    """A named loss inside an expression: its tensors default to the inputs of their names."""
    knobs = [k.name for k in info.parameters]
    args, keywords = _positions(info, args, keywords)
    options = {k: keywords.pop(k) for k in ("from_logits", "axis") if k in keywords}
    for ignored in ("name", "reduction", "dtype"):
        keywords.pop(ignored, None)
    arguments = tuple(
        voc.Argument(n, "F" if n in info.inputs else "V", "None") for n in (*info.inputs, *knobs)
    )
    given = _match(b, arguments, info.name, args, keywords, places)
    at = b.at
    tensors = [
        _target(b, n, given[n]) if n in given else _by_name(b, info, n, inputs) for n in info.inputs
    ]
    tensors = _one_hot(b, info, tensors)
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
            told = _target(b, "labels", given[0]) if given else inputs("labels")
            there = el.binary(b, "ne", told, b.floats(b.tensor(ignored)))
            share = st.reduce(b, "mean", b.cast(there, "float"))
            node = el.binary(b, "div", node, el.binary(b, "maximum", share, b.const(1e-7)))
        if weights != NONE:
            node = _weighed(b, node, b.floats(b.tensor(weights)))
        return reduced(b, node, options.get("reduction", reduction))

    return Callee(info.name, call)


def measure_class(
    b: Builder,
    function: voc.Function,
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
    places: Mapping[str | int | None, Span],
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


_RESULT = "call it, as in metric(y_true, y_pred)"


def _of_metric(
    b: Builder, method: str, owner: Callee, args: list[Value], keywords: dict[str, Value]
) -> Value:
    """A metric's `update_state` and `result`, which are of all samples here: what it was last
    given."""
    if method == "call":  # of a loss of Keras: before it is reduced
        return owner.call(args, {**keywords, "reduction": NONE}, b.at)
    if method == "update_state":
        b.measured[id(owner)] = owner, owner.call(args, keywords, b.at)
        return DONE
    if method in ("reset_state", "reset_states"):
        b.measured.pop(id(owner), None)
        return DONE
    if method != "result":
        raise b.error(f"{quote(owner.name)} has no method {quote(method)}", _RESULT)
    if id(owner) not in b.measured:
        raise b.error(f"{quote(owner.name)} was given nothing yet", _RESULT)
    return b.measured[id(owner)][1]


def _weighed(b: Builder, node: Node, weights: Node) -> Node:
    """One value a sample, times the weight of each: (B,), (B, 1) or one number."""
    if weights.rank == node.rank + 1 and weights.shapes[0][-1] == 1:
        weights = st.squeeze(b, weights, -1)
    return el.binary(b, "mul", node, weights)


def reduced(b: Builder, value: Value, reduction: Value | None) -> Value:
    """What a loss of Keras makes of its values a sample: their mean, if nothing else is said."""
    word = reduction.text if isinstance(reduction, Text) else ""
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
        return args, keywords  # is told as every call is
    return args[:count], {**keywords, **dict(zip(order, extra, strict=False))}


def _boolean(value: Value) -> bool:
    return isinstance(value, Node) and value.is_const and value.dtype == "bool"


def _target(b: Builder, name: str, value: Value) -> Node:
    """A tensor given to a named loss; class numbers where its target is sparse."""
    node = b.tensor(value, f"the argument {quote(name)}")
    if name == "labels":
        node = lookups.column(b, node)
    if name == "labels" and node.rank > 1:
        raise lookups.needs_labels(b, b.with_labels())
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
    operators.warn_of_logits(b, z)
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
    return [st.one_hot(b, b.cast(y, "int"), p.shapes[0][-1]), *tensors[1:]]


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
    if not info.per_sample:
        return ()
    if not first:
        raise sizes.SizeError(f"{info.name} needs tensors", "pass y_true and y_pred")
    return first[:1]
