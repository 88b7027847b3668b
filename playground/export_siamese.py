"""A run of Multi-task taken home: a functional model with named outputs in plain Keras 3.

A text that is a sum of the usual losses, one a head, becomes `compile(loss={...},
loss_weights={...})`; any other is one layer that calls `add_loss`. Imports no Keras.
"""

import ast
import re
from collections.abc import Mapping

from playground import export_parts, layers, naming
from playground.datasets import source_of
from playground.export_parts import CELL, KEEPS, TRAINED
from playground.streams import number
from playground.tasks.inputs import literal
from playground.tasks.siamese import TASK, SiameseSpec

CROSS_ENTROPY = ("cross_entropy", "crossentropy", "categorical_crossentropy")
BINARY = ("binary_crossentropy", "binary_cross_entropy")
SPARSE = "sparse_categorical_crossentropy"


def script(spec: SiameseSpec, *, weights: bool, changed: bool) -> str:
    """Python that draws pairs, trains the network with `keras.Model.fit` and prints what its three
    heads reach on the test images."""
    plan = TASK.plan(spec)
    fixed = spec.weighting == "fixed" and spec.pairs != "hard"
    # Keras' own losses of the outputs, where nothing beside them is asked for.
    heads = by_head(spec) if fixed and not spec.measured else None
    judged = plan.outputs[-1]
    return "\n".join([
        _head(spec, weights, changed, layers.needs_own(plan), heads is None),
        export_parts.data(spec),
        _PAIRS.format(share=spec.same_share, batch=spec.batch_size, seed=spec.seed, judged=judged),
        f"{CELL}The network: one trunk, called for the left image and again for the right",
        *layers.script(plan),
        f"outputs = [{', '.join(plan.outputs)}]",
        f'network = keras.Model([left, right], outputs, name="{spec.dataset}")',
        f"STEPS = -(-len(x_train) // {spec.batch_size})  # of an epoch",
        f"ALL_STEPS = STEPS * {spec.epochs}",
        export_parts.rate(spec),
        "",
        _compiled(spec, heads) if heads is not None else _added(spec),
        _TRAINING.format(
            epochs=spec.epochs,
            callbacks=export_parts.callbacks(spec),
            keeps=KEEPS,
            answer=_ANSWERS[spec.same_head],
        ),
        f"{_MEASURED}{export_parts.MEASURED}" if spec.measured else "",
    ])  # fmt: skip


def by_head(spec: SiameseSpec) -> list[tuple[str, str, float]] | None:
    """Of a text that is a sum of one of Keras' losses for each output: the output, Keras' name and
    its factor; None for any other text."""
    try:
        *lines, last = ast.parse(spec.loss).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    numbers: dict[str, float] = {}
    for line in lines:
        match line:
            case ast.Assign([ast.Name(name)], ast.Constant(int() | float() as value)):
                numbers[name] = float(spec.loss_parameters.get(name, value))
            case _:
                return None
    if not isinstance(last, ast.Expr):
        return None
    found = [_term(each, numbers, spec) for each in _summands(last.value)]
    heads = [each for each in found if each is not None]
    return heads if len(heads) == len(found) == len({head for head, *_ in heads}) else None


def _summands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_summands(node.left), *_summands(node.right)]
    return [node]


def _term(
    node: ast.expr, numbers: Mapping[str, float], spec: SiameseSpec
) -> tuple[str, str, float] | None:
    factor = 1.0
    match node:
        case ast.BinOp(ast.Name(name), ast.Mult(), call) if name in numbers:
            factor = numbers[name]
        case ast.BinOp(ast.Constant(int() | float() as value), ast.Mult(), call):
            factor = float(value)
        case call:
            pass
    match call:
        case ast.Call(ast.Name(loss), [ast.Name(target), ast.Name(output)], []):
            keras_name = _keras_loss(loss, target, output, spec)
            return None if keras_name is None else (output, keras_name, factor)
    return None


def _keras_loss(loss: str, target: str, output: str, spec: SiameseSpec) -> str | None:
    """Keras' loss for an output, all of whose targets here are class numbers."""
    if output == "p_same" and target == "same" and loss in (*CROSS_ENTROPY, *BINARY):
        # Of a softmax of two, the binary cross-entropy is that of its two classes.
        return {"softmax": SPARSE, "sigmoid": "binary_crossentropy"}.get(spec.same_head)
    side = output.removeprefix("p_")
    if side not in ("left", "right"):
        return None
    one_hot = loss in CROSS_ENTROPY and target == f"y_{side}"
    return SPARSE if one_hot or (loss == SPARSE and target == f"labels_{side}") else None


def _moved(spec: SiameseSpec) -> str:
    """The lines that make `seen`, what is learned from, of the images that are taken."""
    if not export_parts.moves(spec):
        return "seen = taken\n"
    mover = export_parts.moved(spec, "each").removesuffix("(each)")
    return f"mover = {mover}\nseen = [mover(each) for each in taken]\n"


def _compiled(spec: SiameseSpec, heads: list[tuple[str, str, float]]) -> str:
    losses = "".join(f'        "{output}": "{loss}",\n' for output, loss, _ in heads)
    factors = "".join(f'        "{output}": {factor!r},\n' for output, _, factor in heads)
    moving = (
        "taken = [keras.Input(each.shape[1:], name=each.name) for each in (left, right)]\n"
        f"{_moved(spec)}"
        f"model = keras.Model(taken, dict(zip({TASK.plan(spec).outputs!r}, network(seen))))\n"
    )
    return (
        f"{CELL}Training\n"
        f"{moving if export_parts.moves(spec) else 'model = network' + chr(10)}"
        "model.compile(\n"
        f"    optimizer=keras.optimizers.{export_parts.optimizer(spec)},\n"
        f"    loss={{\n{losses}    }},\n    loss_weights={{\n{factors}    }},\n"
        "    jit_compile=False,\n)\n"
        "fed = Pairs(x_train, y_train)\n"
        'beside = Balanced(x[held_out], y[held_out], "validation pairs")\n'
    )


def _added(spec: SiameseSpec) -> str:
    inputs = literal(TASK.inputs, TASK.sizes, set(TASK.inputs))
    named = spec.loss.isidentifier()
    made = export_parts.named_loss(spec) if named else export_parts.compiled_loss(spec, "INPUTS")
    triplets = _of_triplets(spec)
    partners = "of_one_class(features, partners, left, right)" if triplets else "partners"
    chance = {
        "softmax": "judged[:, 1]",
        "sigmoid": "judged[:, 0]",
        "none": "ops.exp(-distance[:, 0])",
    }[spec.same_head]
    weighing = spec.weighting != "fixed"
    return _ADDED.format(
        made=f"INPUTS = {inputs}\n{made}\n{export_parts.metrics(spec, 'INPUTS')}",
        chance=chance,
        judged="distance" if spec.same_head == "none" else "p_same",
        triplets=_TRIPLETS.rstrip() if triplets else "",
        partners=f'ops.cast({partners}, "float32")',
        negatives=_NEGATIVES if triplets else "",
        classes=len(source_of(spec.dataset).class_names),
        harder=_HARDER if spec.pairs == "hard" else "",
        chosen=_CHOSEN if spec.pairs == "hard" else "",
        moved=_moved(spec),
        model=(_WEIGHED if weighing else _OBJECTIVE).format(
            optimizer=export_parts.optimizer(spec),
            weigher=spec.weighting,
            seed=number(spec.seed, "pairs"),
        ),
    )


def _of_triplets(spec: SiameseSpec) -> bool:
    """Whether the loss takes negatives, and for granted that partners are of one class."""
    words = set(re.findall(r"\w+", " ".join(naming.code_lines(spec.loss))))
    return bool(words & {"triplet", "negative_features"}) and not words & {"same", "contrastive"}


def _head(spec: SiameseSpec, weights: bool, changed: bool, own: bool, named: bool) -> str:
    modules = [
        *(["losses"] if named else []),
        *(["own_layers"] if own else []),
        *(["moving"] if export_parts.moves(spec) else []),
        *(["weighers", "tensorflow"] if spec.weighting != "fixed" else []),
    ]
    return export_parts.head(
        spec,
        "A siamese network of the Loss Playground for {}, in plain Keras 3.",
        f"trains it, prints what its heads reach and keeps it as\n{TRAINED} and trained.keras",
        "takes the weights of the run instead of training" if weights else "",
        export_parts.trains_as("from other first weights, on other pairs.", changed, []),
        modules,
    )


_PAIRS = '''
# %% Pairs


class Pairs(keras.utils.PyDataset):
    """Batches of images, each with a partner: of its class with the probability `share`."""

    def __init__(self, images, labels, share={share}, seed={seed}):
        super().__init__()
        self.images, self.labels, self.share = images, labels, share
        self.draw = np.random.default_rng(seed)
        self.of_class = [np.flatnonzero(labels == c) for c in range(labels.max() + 1)]
        self.others = [np.flatnonzero(labels != c) for c in range(labels.max() + 1)]
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.images) // {batch})

    def on_epoch_end(self):
        self.order = self.draw.permutation(len(self.images))

    def partners(self, chosen):
        same = self.draw.random(len(chosen)) < self.share
        pools = [
            (self.of_class if alike else self.others)[label]
            for alike, label in zip(same, self.labels[chosen])
        ]
        return np.array([pool[self.draw.integers(len(pool))] for pool in pools])

    def __getitem__(self, i):
        chosen = self.order[i * {batch} : (i + 1) * {batch}]
        return self.pairs(chosen, self.partners(chosen))

    def pairs(self, chosen, partners):
        one, other = self.labels[chosen], self.labels[partners]
        targets = {{"p_left": one, "p_right": other, "{judged}": (one == other).astype("int64")}}
        return {{"left": self.images[chosen], "right": self.images[partners]}}, targets


class Balanced(Pairs):
    """Pairs to measure on: those that the run is measured on, half of them of one class."""

    def __init__(self, images, labels, name):
        super().__init__(images, labels)
        self.order = np.arange(len(images))
        draw = np.random.default_rng([{seed}, *name.encode()])
        same = draw.permutation(len(labels)) < len(labels) // 2
        self.partner = np.empty(len(labels), "int64")
        for label in np.unique(labels):
            members, rest = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
            others = np.roll(draw.permutation(members), 1)
            following = dict(zip(np.roll(others, 1), others))
            self.partner[members] = [following[place] for place in members]
            if len(rest):
                apart = members[~same[members]]
                self.partner[apart] = draw.choice(rest, len(apart))

    def on_epoch_end(self):
        pass

    def __getitem__(self, i):
        chosen = self.order[i * {batch} : (i + 1) * {batch}]
        return self.pairs(chosen, self.partner[chosen])


'''

_TRIPLETS = '''


def negatives(labels):
    """Of each sample the place of the nearest after it in the batch that is of another class."""
    places = ops.arange(ops.shape(labels)[0])
    far = ops.mod(places[None, :] - places[:, None], ops.shape(labels)[0])
    alike = labels[:, None] == labels[None, :]
    return ops.argmin(ops.where(alike, ops.shape(labels)[0], far), axis=1)


def of_one_class(features, partners, left, right):
    """The partners; for one of another class, the next in the batch that is of its own."""
    places = ops.arange(ops.shape(left)[0])
    far = ops.mod(places[None, :] - places[:, None] - 1, ops.shape(left)[0])
    alike = left[:, None] == left[None, :]
    own = ops.argmin(ops.where(alike, far, ops.shape(left)[0]), axis=1)
    return ops.where((left == right)[:, None], partners, ops.take(features, own, axis=0))
'''

_NEGATIVES = """\
            "negative_features": lambda: ops.take(features, negatives(left), axis=0),
"""

_ADDED = (
    '''
# %% The loss
{made}{triplets}


class Objective(layers.Layer):
    """Adds the loss of a batch of pairs to the model's, and passes the left probabilities on."""

    def __init__(self, **options):
        super().__init__(**options)
        self.step = self.add_weight(shape=(), initializer="zeros", trainable=False, name="step")

    def offered(self, features, partners, p_left, p_right, judged, distance, left, right):
        """What a loss or a metric may name, each as a function that gives it."""
        step = ops.convert_to_tensor(self.step)
        return {{
            "y_left": lambda: ops.one_hot(left, {classes}),
            "y_right": lambda: ops.one_hot(right, {classes}),
            "labels_left": lambda: left,
            "labels_right": lambda: right,
            "p_left": lambda: p_left,
            "p_right": lambda: p_right,
            "same": lambda: ops.cast(left == right, "float32"),
            "p_same": lambda: {chance},
            "distance": lambda: distance[:, 0],
            "features": lambda: ops.cast(features, "float32"),
            "partner_features": lambda: {partners},
{negatives}'''
    + export_parts.ADDED.replace("{taken}", "*inputs")
    + '''\
        return inputs[2]


class Labelled(keras.utils.PyDataset):
    """Pairs whose labels go in beside the images."""

    def __init__(self, pairs):
        super().__init__()
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def on_epoch_end(self):
        self.pairs.on_epoch_end()

    def __getitem__(self, i):
        images, targets = self.pairs[i]
        return {{**images, "y_left": targets["p_left"], "y_right": targets["p_right"]}}, ()

{harder}
# %% Training
inner = keras.Model(
    [left, right], [features, right_features, p_left, p_right, {judged}, distance]
)
taken = fed_in = [keras.Input(each.shape[1:], name=each.name) for each in (left, right)]
y_left, y_right = (keras.Input((), dtype="int64", name=name) for name in ("y_left", "y_right"))
labels = [y_left, y_right]
{chosen}{moved}objective = Objective(name="objective")
{model}
fed = Labelled(Pairs(x_train, y_train))
beside = Labelled(Balanced(x[held_out], y[held_out], "validation pairs"))
'''
)

_HARDER = '''
trunk = keras.Model(left, features)


class Harder(layers.Layer):
    """In the place of a partner of another class that of the batch's images whose embedding is
    nearest, by the network as it is; and its label."""

    def call(self, inputs, training=False):
        one, other, labels, others = inputs
        if not training:
            return other, others
        found = ops.cast(trunk(one, training=False), "float32")
        norm = ops.sum(ops.square(found), axis=1)
        apart = norm[:, None] + norm - 2 * ops.matmul(found, ops.transpose(found))
        alike = labels[:, None] == labels
        nearest = ops.argmin(ops.where(alike, np.inf, apart), axis=1)
        swapped = ops.logical_and(labels != others, ops.logical_not(ops.all(alike, axis=1)))
        nearer, label = ops.take(one, nearest, axis=0), ops.take(labels, nearest)
        return (
            ops.where(swapped[:, None, None, None], nearer, other),
            ops.where(swapped, label, others),
        )

'''
_CHOSEN = """\
partner, label = Harder()([*taken, *labels])
taken, labels = [taken[0], partner], [y_left, label]
"""
_OBJECTIVE = """\
model = keras.Model([*fed_in, y_left, y_right], objective([*inner(seen), *labels]))
model.compile(optimizer=keras.optimizers.{optimizer}, jit_compile=False)
"""
_WEIGHED = '''\
weigher = weighers.KINDS["{weigher}"](weighers.moved_terms(loss), {seed})


class Weighed(keras.Model):
    """Gives what the objective takes; trains with weights of the loss' terms that set themselves
    (`weighers.py`)."""

    def terms(self, data, training):
        fed = keras.utils.unpack_x_y_sample_weight(data)[0]
        offered = objective.offered(*self(fed, training=training))
        given = {{name: offered[name]() for name in loss.sources if name in offered}}
        return [ops.cast(each, "float32") for each in loss.terms_on(given)]

    def train_step(self, data):
        variables = [*network.trainable_variables, *weigher.learned]
        sources = [variable.value for variable in variables]
        with tf.GradientTape(persistent=True) as tape:
            terms = self.terms(data, training=True)
            stacked = tf.stack(terms)
            total = tf.add_n([weigher.total(stacked), *network.losses])
        step = tf.cast(ops.convert_to_tensor(objective.step), tf.int32) + 1
        taped = weighers.Taped(tape, terms, total, step)
        gradients = weigher.gradients(taped, sources)
        norms = weigher.norms(taped, network.get_layer("features").kernel.value)
        self.optimizer.apply_gradients(zip(gradients, variables))
        weigher.moved(stacked, norms, step % STEPS == 0)
        objective.step.assign(objective.step + 1)
        return {{"loss": tf.reduce_sum(stacked)}}

    def test_step(self, data):
        return {{"loss": tf.add_n(self.terms(data, training=False))}}


model = Weighed([*fed_in, y_left, y_right], [*inner(seen), *labels])
model.compile(optimizer=keras.optimizers.{optimizer}, jit_compile=False)
model.optimizer.build([*network.trainable_variables, *weigher.learned])
'''

_ANSWERS = {
    "softmax": "judged[:, 1] >= 0.5",
    "sigmoid": "judged[:, 0] >= 0.5",
    "none": "judged[:, 0] < threshold()",
}

_TRAINING = '''
if kept:
    for weight in network.weights:
        weight.assign(kept[weight.path])
else:
    model.fit(fed, epochs={epochs}, validation_data=beside, callbacks=[{callbacks}], verbose=2)
    learned = {{weight.path: weight.numpy() for weight in network.weights}}
{keeps}
# %% The test images


def answers(pairs):
    """What the network says of pairs, and their labels."""
    images = [np.concatenate([pairs[i][0][side] for i in range(len(pairs))]) for side in SIDES]
    labels = [pairs.labels, pairs.labels[pairs.partner]]
    return network.predict(images, batch_size=500, verbose=0), labels


SIDES = ("left", "right")


def threshold():
    """The distance that tells most of the validation pairs apart."""
    (_, _, far), (one, other) = answers(Balanced(x[held_out], y[held_out], "validation pairs"))
    candidates = np.unique(far)
    right = [np.mean((far[:, 0] < each) == (one == other)) for each in candidates]
    return candidates[int(np.argmax(right))]


(left_said, right_said, judged), (one, other) = answers(Balanced(x_test, y_test, "test pairs"))
print(f"left accuracy: {{np.mean(left_said.argmax(axis=-1) == one):.4f}}")
print(f"right accuracy: {{np.mean(right_said.argmax(axis=-1) == other):.4f}}")
same_said = {answer}
print(f"verification accuracy: {{np.mean(same_said == (one == other)):.4f}}")
'''

_MEASURED = """
# %% What else is measured, of all test pairs together
pairs_of_test = Balanced(x_test, y_test, "test pairs")
images = [x_test, x_test[pairs_of_test.partner]]
said = inner.predict(images, batch_size=500, verbose=0)
offered = objective.offered(*map(ops.convert_to_tensor, (*said, one, other)))
"""
