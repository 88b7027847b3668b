"""Layers as data: a network is a `Plan`, and one table of kinds says what each kind of layer is.

From the table come a layer's size, its trainable parameters, what part of the image it sees, the
Keras layer, and its line in an exported script. Reading a plan imports no Keras; `build` does. A
new kind is one entry of `KINDS`, and a class in `own_layers` where Keras has none.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from playground.streams import number

if TYPE_CHECKING:
    import keras

Shape = tuple[int, ...]  # of one sample: without the batch
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """An option that is known when the network is built, by this name: the pixel statistics."""

    name: str


@dataclass(frozen=True)
class Constant:
    """An option that begins with this number everywhere."""

    value: float


@dataclass(frozen=True)
class Layer:
    """One layer: Keras' own `options` of its kind, and the names of the layers and inputs it takes
    (none: the layer before it). `of` names an earlier layer whose weights it shares: the same
    layer, called once more."""

    name: str
    kind: str
    options: Options = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True)
class Planned:
    """A layer in its place: `shape` is that of its output without the batch, `parameters` the
    trainable ones, `inputs` what it takes."""

    name: str
    kind: str
    shape: Shape
    parameters: int
    inputs: tuple[str, ...]
    layer: Layer

    def as_dict(self) -> dict[str, Any]:
        """Name, kind, shape, parameters and inputs, for events and JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "shape": list(self.shape),
            "parameters": self.parameters,
            "inputs": list(self.inputs),
        }


@dataclass(frozen=True)
class Plan:
    """A network: its inputs' shapes by name, its layers in order, the layers it gives out; the
    type of its activations, the seed of its weights and the strength of L2 on its kernels."""

    inputs: Mapping[str, Shape]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    dtype: str = "float32"
    seed: int = 0
    l2: float = 0.0

    @cached_property
    def planned(self) -> tuple[Planned, ...]:
        """The layers with their sizes. Raises KeyError for an input that no earlier layer has."""
        shapes: dict[str, Shape] = dict(self.inputs)
        before = next(iter(self.inputs))
        found = []
        for layer in self.layers:
            kind = KINDS[layer.kind]
            taken = layer.inputs or (before,)
            given = [shapes[name] for name in taken]
            shapes[layer.name] = shape = kind.shape(layer.options, given)
            count = 0 if layer.of else kind.parameters(layer.options, given)
            found.append(Planned(layer.name, layer.kind, shape, count, taken, layer))
            before = layer.name
        return tuple(found)

    def __iter__(self) -> Iterator[Planned]:
        return iter(self.planned)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, name: str) -> Planned:
        """The layer of this name. Raises KeyError where there is none."""
        for layer in self.planned:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def needed(self, names: Iterable[str]) -> set[str]:
        """These layers and all layers and inputs that they depend on."""
        found = set(names)
        for layer in reversed(self.planned):
            if layer.name in found:
                found |= set(layer.inputs)
        return found

    @property
    def parameters(self) -> int:
        """Trainable parameters of the whole network."""
        return sum(layer.parameters for layer in self.planned)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with a weight of one sample going forward."""
        return sum(each.parameters * math.prod(each.shape[:-1]) for each in self.planned)

    def receptive_field(self, name: str) -> tuple[int, int, int]:
        """What part of the image one place of a layer's map sees: the side of the square, the
        pixels between two neighbouring places, and where the first begins (negative: outside the
        image); Araujo et al., "Computing receptive fields", Distill 2019. Square images and
        kernels; a layer that sees all of it has the image's side, 0 and 0."""
        whole = (next(iter(self.inputs.values()))[0], 0, 0)
        fields = dict.fromkeys(self.inputs, (1, 1, 0))
        for layer in self.planned:
            size, jump, first = fields[layer.inputs[0]]
            kind = KINDS[layer.kind]
            if len(layer.shape) == 1 or kind.reach is None or not jump:
                fields[layer.name] = whole
            else:
                before, wide, step = kind.reach(layer.layer.options)
                fields[layer.name] = (size + wide * jump, jump * step, first - before * jump)
        return fields[name]


def build(
    plan: Plan, given: Mapping[str, Any], training: bool = False, plain: bool = False
) -> "Built":
    """The plan in Keras. `given` has the values of its `Given` options. For `training`, layers of
    `fused_layers` take the place of those of Keras that they stand for, and a ReLU may be taken
    after the max pooling that follows it, of a quarter of the places: both ways give the same to
    the last bit, gradients too, since the greatest of what is above 0 is the same place. A `plain`
    network has Keras' operations, as they answer outside training, in the place of each layer of
    `own_layers`: its file needs none of ours, and cannot be trained on as it was.

    Weights are drawn from the plan's seed and their layer's name, so that plans that differ in one
    layer begin with the same weights elsewhere.
    """
    import keras

    policy = keras.DTypePolicy(plan.dtype)
    regularizer = _regularizer(plan, training)
    inputs = {name: keras.Input(shape, name=name) for name, shape in plan.inputs.items()}
    tensors: dict[str, Any] = dict(inputs)
    made: dict[str, Any] = {}
    for each in plan:
        kind, layer = KINDS[each.kind], each.layer
        if layer.of:
            made[each.name] = made[layer.of]
        else:
            options = {name: _value(value, given) for name, value in layer.options.items()}
            options = {"dtype": policy, **options, "name": each.name}
            if kind.weighted:
                options["kernel_initializer"] = keras.initializers.GlorotUniform(
                    number(plan.seed, each.name)
                )
                options["kernel_regularizer"] = regularizer
            if kind.random:
                options["seed"] = number(plan.seed, each.name)
            made[each.name] = _class(each.kind, training)(**options)
        taken = [tensors[name] for name in each.inputs]
        if training and _pools_first(plan, each):
            relu = plan[each.inputs[0]]
            pooled = made[each.name](tensors[relu.inputs[0]])
            tensors[each.name] = made[relu.name](pooled)
        else:
            called = made[each.name].call if plain and kind.own else made[each.name]
            tensors[each.name] = called(taken if len(taken) > 1 else taken[0])
    constants = [] if regularizer is None or not training else [regularizer.strength]
    for layer in dict.fromkeys(made.values()):
        constants += getattr(layer, "constants", [])
    return Built(plan, inputs, tensors, constants)


def _regularizer(plan: Plan, training: bool) -> Any:
    import keras

    from playground import fused_layers

    if not plan.l2:
        return None
    return fused_layers.L2(plan.l2) if training else keras.regularizers.L2(plan.l2)


def _pools_first(plan: Plan, pool: Planned) -> bool:
    """Whether a max pooling is better taken before the ReLU that it follows: not where the ReLU
    costs nothing, which in float32 a convolution's own kernel takes along."""
    if pool.kind != "MaxPooling2D" or pool.inputs[0] in plan.inputs:
        return False
    before = plan[pool.inputs[0]]
    if before.kind != "Activation" or before.layer.options.get("activation") != "relu":
        return False
    convolved = before.inputs[0] not in plan.inputs and plan[before.inputs[0]].kind == "Conv2D"
    return not (convolved and plan.dtype == "float32")


class Built:
    """A plan's Keras layers, connected: `tensors` by the names of layers and inputs. `constants`
    are the variables, in one that is trained, that no step moves."""

    def __init__(
        self,
        plan: Plan,
        inputs: dict[str, Any],
        tensors: dict[str, Any],
        constants: Sequence[Any] = (),
    ) -> None:
        self.plan = plan
        self.tensors = tensors
        self.constants = list(constants)
        self._inputs = inputs
        self.model = self.giving(plan.outputs)

    def load(self, weights: Mapping[str, Any]) -> None:
        """Takes weights by their paths, such as `block1_conv/kernel`. Raises KeyError."""
        for weight in self.model.weights:
            weight.assign(weights[weight.path])

    def giving(
        self, names: Sequence[str], name: str | None = None, named: bool = False
    ) -> "keras.Model":
        """A model that gives these layers' outputs by name; where there is one, the output itself
        unless it is to be `named`. It takes the inputs that these depend on by name, or the one
        input itself."""
        import keras

        found = {each: self.tensors[each] for each in names}
        needed = self.plan.needed(names)
        taken = {each: tensor for each, tensor in self._inputs.items() if each in needed}
        inputs = taken if len(taken) > 1 else next(iter(taken.values()))
        outputs = found if named or len(found) > 1 else next(iter(found.values()))
        return keras.Model(inputs, outputs, name=name)

    def between(self, starts: Sequence[str], names: Sequence[str]) -> "keras.Model":
        """A model from a list of layers (or inputs), in the order of `starts`, to the layers
        `names` by name: the part of the network between them."""
        import keras

        giving = {each: self.tensors[each] for each in names}
        return keras.Model([self.tensors[each] for each in starts], giving)


def script(plan: Plan, first: Mapping[str, Sequence[str]] | None = None) -> list[str]:
    """The plan's lines in a script that has imported `keras` and `keras.layers`, with variables
    named as the layers are; `own_layers` where the plan needs it (`needs_own`). `first` has the
    code of layers that an input goes through before it is taken, such as augmentation."""
    lines, entry = [], {}
    for name, shape in plan.inputs.items():
        lines.append(f'{name} = keras.Input({shape!r}, name="{name}")')
        entry[name] = name
        for code in (first or {}).get(name, ()):
            lines.append(f"moved_{name} = {code}({entry[name]})")
            entry[name] = f"moved_{name}"
    shared = {layer.of for layer in plan.layers if layer.of}
    for each in plan:
        layer, taken = each.layer, ", ".join(entry.get(name, name) for name in each.inputs)
        taken = f"[{taken}]" if len(each.inputs) > 1 else taken
        if layer.of:
            lines.append(f"{each.name} = {layer.of}_layer({taken})")
        elif each.name in shared:
            lines.append(f"{each.name}_layer = {_code(plan, layer)}")
            lines.append(f"{each.name} = {each.name}_layer({taken})")
        else:
            lines.append(f"{each.name} = {_code(plan, layer)}({taken})")
    return lines


def needs_own(plan: Plan) -> bool:
    """Whether the plan has layers that Keras has not (`own_layers`)."""
    return any(KINDS[layer.kind].own for layer in plan.layers)


def _code(plan: Plan, layer: Layer) -> str:
    kind = KINDS[layer.kind]
    options = dict(layer.options)
    options["name"] = layer.name
    if "dtype" not in options and plan.dtype != "float32":
        options["dtype"] = plan.dtype
    said = [f"{name}={_literal(value)}" for name, value in options.items()]
    if kind.weighted and plan.l2:
        said.insert(-1, f"kernel_regularizer=keras.regularizers.L2({plan.l2!r})")
    module = "own_layers" if kind.own else "layers"
    return f"{module}.{layer.kind}({', '.join(said)})"


def _literal(value: Any) -> str:
    if isinstance(value, Given):
        return value.name
    if isinstance(value, Constant):
        return f"keras.initializers.Constant({value.value!r})"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _value(value: Any, given: Mapping[str, Any]) -> Any:
    import keras

    if isinstance(value, Given):
        return given[value.name]
    if isinstance(value, Constant):
        return keras.initializers.Constant(value.value)
    return value


def _class(kind: str, training: bool) -> Any:
    import keras

    from playground import fused_layers, own_layers

    if training and KINDS[kind].fused:
        return getattr(fused_layers, kind)
    return getattr(own_layers if KINDS[kind].own else keras.layers, kind)


# The kinds --------------------------------------------------------------------------------------


def _none(options: Options, shapes: Sequence[Shape]) -> int:
    return 0


@dataclass(frozen=True)
class Kind:
    """`shape(options, shapes)` and `parameters(options, shapes)` from the shapes that come in.
    `reach(options)` of a layer with maps: places before the first one seen, places seen beside the
    first, and the stride; None of one that sees all or nothing. `weighted` ones have a kernel that
    is drawn and regularised, `random` ones draw while they work, `own` ones are in `own_layers`,
    `fused` ones have a double in `fused_layers` that trains faster."""

    shape: Callable[[Options, Sequence[Shape]], Shape]
    parameters: Callable[[Options, Sequence[Shape]], int] = _none
    reach: Callable[[Options], tuple[int, int, int]] | None = None
    weighted: bool = False
    random: bool = False
    own: bool = False
    fused: bool = False


def _same(options: Options, shapes: Sequence[Shape]) -> Shape:
    return shapes[0]


def _in_place(options: Options) -> tuple[int, int, int]:
    return 0, 0, 1


def _convolved(options: Options, shapes: Sequence[Shape]) -> Shape:
    height, width, _ = shapes[0]
    side, stride = options["kernel_size"], options.get("strides", 1)
    if options.get("padding") == "same":
        return -(-height // stride), -(-width // stride), options["filters"]
    return (height - side) // stride + 1, (width - side) // stride + 1, options["filters"]


def _transposed(options: Options, shapes: Sequence[Shape]) -> Shape:
    height, width, _ = shapes[0]
    side, stride = options["kernel_size"], options.get("strides", 1)
    more = 0 if options.get("padding") == "same" else max(side - stride, 0)
    return height * stride + more, width * stride + more, options["filters"]


def _kernel(options: Options, shapes: Sequence[Shape]) -> int:
    filters = options["filters"]
    weights = options["kernel_size"] ** 2 * shapes[0][-1] * filters
    return int(weights + filters * options.get("use_bias", True))


def _window(options: Options) -> tuple[int, int, int]:
    side, stride = options["kernel_size"], options.get("strides", 1)
    return (side - 1) // 2 if options.get("padding") == "same" else 0, side - 1, stride


def _pooled(options: Options, shapes: Sequence[Shape]) -> Shape:
    height, width, channels = shapes[0]
    side = options["pool_size"]
    if options.get("padding") == "same":
        return -(-height // side), -(-width // side), channels
    return height // side, width // side, channels


def _dense(options: Options, shapes: Sequence[Shape]) -> int:
    return int((shapes[0][-1] + options.get("use_bias", True)) * options["units"])


def _joined(options: Options, shapes: Sequence[Shape]) -> Shape:
    return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


def _rows(options: Options, shapes: Sequence[Shape]) -> Shape:
    width = options["width"]
    return sum(math.prod(shape) for shape in shapes) // width, width


KINDS: Mapping[str, Kind] = {
    "Normalization": Kind(_same, reach=_in_place, fused=True),
    "Conv2D": Kind(_convolved, _kernel, _window, weighted=True),
    "Conv2DTranspose": Kind(_transposed, _kernel, weighted=True),
    "BatchNormalization": Kind(_same, lambda o, s: 2 * s[0][-1], _in_place, fused=True),
    "Activation": Kind(_same, reach=_in_place),
    "PReLU": Kind(_same, lambda o, s: s[0][-1], _in_place),
    "MaxPooling2D": Kind(_pooled, reach=lambda o: (0, o["pool_size"] - 1, o["pool_size"])),
    "UpSampling2D": Kind(lambda o, s: (s[0][0] * o["size"], s[0][1] * o["size"], s[0][2])),
    "GlobalAveragePooling2D": Kind(lambda o, s: (s[0][-1],)),
    "Flatten": Kind(lambda o, s: (math.prod(s[0]),)),
    "Reshape": Kind(lambda o, s: tuple(o["target_shape"])),
    "Dropout": Kind(_same, reach=_in_place, random=True),
    "Dense": Kind(lambda o, s: (*s[0][:-1], o["units"]), _dense, weighted=True),
    "Softmax": Kind(_same, reach=_in_place),
    "Concatenate": Kind(_joined),
    "Add": Kind(_same),
    "Distance": Kind(lambda o, s: (1,), own=True),
    "Difference": Kind(_same, own=True),
    "Sampling": Kind(_same, random=True, own=True),
    "CellBoxes": Kind(lambda o, s: (s[0][0] * s[0][1], 4), own=True),
    "Rows": Kind(_rows, own=True),
    "AnchorBoxes": Kind(_same, own=True),
    "Proposals": Kind(lambda o, s: (o["count"], 4), own=True),
    "RoiAlign": Kind(lambda o, s: (s[1][0], o["side"], o["side"], s[0][-1]), own=True),
    "Refined": Kind(_same, own=True),
    "Detections": Kind(lambda o, s: (o["count"], 6), own=True),
    "Folded": Kind(lambda o, s: s[0][1:], own=True),
    "Unfolded": Kind(lambda o, s: (o["count"], *s[0]), own=True),
}
ACTIVATIONS = ("Activation", "PReLU")
