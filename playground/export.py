"""A run taken home: a script that trains its network in plain Keras 3, the weights it has learned,
and the package `losses`, which needs none of ours. Imports no Keras."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import numpy as np

from playground import layers, models
from playground.cnn import CnnSpec
from playground.datasets import source_of
from playground.errors import PlaygroundError, SpecError
from playground.knobs import is_name
from playground.runs.files import to_npz
from playground.runs.store import Store
from playground.spec import RunSpec, knobs
from playground.tasks import TASKS
from playground.tasks.classification import BALANCED, NONE, ClassificationSpec
from playground.training.changes import as_changed
from playground.training.optimizers import WARM_UP

ROOT = Path(__file__).parents[1]
README, SCRIPT, NEEDED = "README.md", "train.py", "requirements.txt"
WEIGHTS, NETWORK = "weights.npz", "network.keras"
TRAINED = "trained.npz"  # what the script itself has learned, to be taken again in the same way
# Makes the file of a network with these weights; `playground.analysis.files` has Keras for it.
KerasFile = Callable[[RunSpec, Mapping[str, np.ndarray]], bytes]
# What a spec may ask for and the script has no lines for.
LEFT_OUT = ("imbalance", "crop", "mixup")


def bundle(store: Store, run_id: str, keras_file: KerasFile) -> bytes:
    """A zip of a run as it is by now: its script, its last weights if it has kept any, the network
    with them as `keras_file` makes it, and all that the script needs. Where that network cannot be
    made, the zip says why. Raises SpecError for an unknown run, StoreError."""
    record = store.run(run_id)
    if record is None:
        raise SpecError("run", f"there is no run {run_id[:20]!r} in the history")
    if record.foreign:
        raise SpecError("run", record.foreign)
    spec = as_changed(record.spec, store.marks(run_id))
    latest = store.snapshot(run_id, "weights")
    if latest is None:
        return packed(spec, changed=spec != record.spec)
    network: bytes | PlaygroundError
    try:
        network = keras_file(spec, latest.arrays)
    except PlaygroundError as error:
        network = error
    return packed(spec, latest.arrays, network, step=latest.step, changed=spec != record.spec)


def packed(
    spec: RunSpec,
    weights: Mapping[str, np.ndarray] | None = None,
    network: bytes | PlaygroundError | None = None,
    *,
    step: int = 0,
    changed: bool = False,
) -> bytes:
    """A zip of the script of a spec, `losses`, and of a run, weights of a `step` by their paths
    ("logits/kernel") and the `network` that has them, or why it cannot be had."""
    own = layers.needs_own(models.plan(spec))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(README, _readme(spec, bool(weights), network, step, own))
        text = TASKS[spec.task].script(spec, weights or {}, changed)
        archive.writestr(SCRIPT, text)
        archive.writestr(NEEDED, _requirements(spec))
        for path in sorted((ROOT / "losses").rglob("*.py")):
            archive.write(path, path.relative_to(ROOT))
        archive.write(ROOT / "playground" / "training" / "pairs.py", "pairs.py")
        for module in TASKS[spec.task].packed:
            archive.write(ROOT / "playground" / "training" / module, module)
        if own:
            archive.write(ROOT / "playground" / "own_layers.py", "own_layers.py")
        if weights:
            archive.writestr(WEIGHTS, to_npz(weights))
        if isinstance(network, bytes):
            archive.writestr(NETWORK, network)
    return content.getvalue()


def _readme(
    spec: RunSpec,
    weights: bool,
    network: bytes | PlaygroundError | None,
    step: int,
    own: bool,
) -> str:
    known = source_of(spec.dataset)
    lines = [f"# A network of the Loss Playground for {known.title}", ""]
    if isinstance(network, bytes):
        needed = (
            "It has layers that Keras has not: `import own_layers` first, from beside it."
            if own
            else "Plain Keras opens it; it needs nothing else of this folder."
        )
        plan = models.plan(spec)
        given = ", ".join(plan.inputs)
        given = f"[{given}]" if len(plan.inputs) > 1 else given
        gives = (
            f"probabilities (N, {len(known.class_names)}) of:"
            if len(plan.outputs) == 1
            else f"{', '.join(plan.outputs)}, where classes are in this order:"
        )
        lines += [
            f"- `{NETWORK}`: the network with the weights of step {step:,}, without its loss or",
            f"  optimiser. {needed}",
            f'  `keras.saving.load_model("{NETWORK}").predict({given})` gives, of images',
            f"  {('N', *known.shape)} of 0 to 255, {gives}",
            f"  {', '.join(known.class_names)}.",
        ]
    elif network is not None:
        lines += [
            f"- There is no `{NETWORK}`, because: {network.message}",
            f"  `python {SCRIPT} {WEIGHTS}` makes one of the weights: `weights.keras`.",
        ]
    if weights:
        lines.append(
            f"- `{WEIGHTS}`: the same weights as NumPy arrays, with the pixels' statistics and the "
            "class\n  centres of a loss that has them."
        )
    return "\n".join([
        *lines,
        f"- `{SCRIPT}`: trains such a network; its first lines say how, and what they leave out.",
        "  It looks for the images where `PLAYGROUND_DATA` says, in folders like those of Keras'",
        "  own cache, then in that cache, and only then downloads them.",
        f"- `{NEEDED}`: what the script needs.",
        "- `losses/`, `pairs.py`: the Loss Playground's losses, which the script trains with.",
        "",
    ])  # fmt: skip


def script(spec: RunSpec, *, weights: bool = False, changed: bool = False) -> str:
    """Python that builds and trains the spec's network with `keras.Model.fit`; the loss is one
    layer that calls `add_loss` and holds the class centres, if the loss asks for them. It says
    what it leaves out, whether `weights` lie beside it, and whether the run was `changed` midway.
    """
    spec = cast(ClassificationSpec, spec)
    known = source_of(spec.dataset)
    parts = [
        _head(spec, weights, changed),
        data(spec),
        _network(spec),
        _LOSS.format(
            loss=_loss(spec),
            classes=len(known.class_names),
            width=spec.embedding,
            seed=spec.seed,
            batch=spec.batch_size,
            epochs=spec.epochs,
            weights=_class_weights(spec, len(known.class_names)),
            value=_VALUE if spec.class_weights != NONE else "loss.on(given)",
        ),
        _TRAINING.format(
            dataset=spec.dataset,
            trained=TRAINED,
            alpha=spec.center_rate,
            rate=rate(spec),
            optimizer=optimizer(spec),
            batch=spec.batch_size,
            epochs=spec.epochs,
            callbacks=callbacks(spec),
        ),
    ]
    return "\n".join(parts)


# In training each sample counts as much as its class, unless the loss says what weights are for.
_VALUE = """
            losses.weighed(loss, given, offered["sample_weight"]())
            if training and not losses.weighs_itself(loss)
            else loss.on(given)
        """


def _class_weights(spec: ClassificationSpec, classes: int) -> str:
    """The lines that make the weights of the classes (`playground.training.weights`)."""
    if spec.class_weights == BALANCED:
        return (
            f"counts = np.bincount(y_train, minlength={classes})\n"
            "even = len(y_train) / np.count_nonzero(counts)\n"
            "CLASS_WEIGHTS = np.where(counts > 0, even / np.maximum(counts, 1), 1.0)\n"
        )
    if spec.class_weights == NONE:
        return f"CLASS_WEIGHTS = np.ones({classes})\n"
    return f"CLASS_WEIGHTS = np.array([{spec.class_weights.replace(',', ', ')}])\n"


def _requirements(spec: RunSpec) -> str:
    lines = (ROOT / NEEDED).read_text("utf-8").splitlines()
    needed = ["tensorflow", "keras", "numpy"]
    fitted = getattr(spec, "correction", "") == "bias"  # by SciPy, which comes with scikit-learn
    needed += ["scikit-learn"] if spec.dataset == "digits" or fitted else []
    return "".join(f"{line}\n" for line in lines if line.startswith(tuple(needed)))


def _head(spec: ClassificationSpec, weights: bool, changed: bool) -> str:
    title = source_of(spec.dataset).title
    plain = RunSpec(dataset=spec.dataset)
    lacking = [
        f"{knobs()[name].label} {getattr(spec, name):g}"
        for name in LEFT_OUT
        if getattr(spec, name) != getattr(plain, name)
    ]
    lacking += ["metrics beside accuracy"] if spec.metrics else []
    taking = (
        f"    python {SCRIPT} {WEIGHTS}     takes the weights of the run instead of training\n"
        if weights
        else ""
    )
    said = [
        "It trains as the run did, but not bit for bit: from other first weights, on batches in\n"
        "another order, and on the short last batch of an epoch, too.",
        *(["The run was changed while it trained; this trains with its last loss and rates."]
          if changed else []),
        *([f"Not in here: {', '.join(lacking)}."] if lacking else []),
    ]  # fmt: skip
    sentences = "\n".join(said)
    own = "import own_layers\n" if layers.needs_own(models.plan(spec)) else ""
    return f'''"""A network of the Loss Playground for {title}, in plain Keras 3.

    pip install -r {NEEDED}
    python {SCRIPT}                 trains it, prints its test accuracy and keeps it as
                                    {TRAINED} and trained.keras
{taking}
{sentences}
`losses/` is the Loss Playground's: the loss language and the named losses.
"""

import os
import pathlib
import sys

import keras
import numpy as np
from keras import layers, ops

import losses
{own}import pairs

DATA = pathlib.Path(os.environ.get("PLAYGROUND_DATA", "~/.keras/datasets")).expanduser()
keras.utils.set_random_seed({spec.seed})
kept = np.load(sys.argv[1]) if len(sys.argv) > 1 else None  # weights to take
'''


_NOISE = """
# {share:.0%} of the labels to train on are wrong.
draw = np.random.default_rng([{seed}, 3])
wrong = draw.permutation(len(y_train))[: round(len(y_train) * {share})]
step = {step}
y_train[wrong] = ((y_train + step) % {classes})[wrong]
"""


def data(spec: CnnSpec) -> str:
    """The lines that read the images, keep some for validation and take their statistics."""
    known = source_of(spec.dataset)
    classes = len(known.class_names)
    lines = [
        "# The images. Some are kept for validation and not trained on.",
        known.script.strip("\n"),
        f"x, x_test = (part.reshape(-1, *{known.shape}) for part in (x, x_test))",
        'y, y_test = (part.reshape(-1).astype("int64") for part in (y, y_test))',
        f"order = np.random.default_rng({spec.seed}).permutation(len(x))",
    ]
    if spec.validation_images:
        beside = spec.validation_images
        count = str(spec.train_images) if spec.train_images else f"len(x) - {beside}"
        lines.append(f"train, held_out = order[:{count}], order[len(x) - {beside}:]")
    else:
        lines += [
            f"order = order[:{spec.train_images}]" if spec.train_images else "",
            f"count = max(1, round(len(order) * {spec.validation_split}))",
            "held_out, train = order[:count], order[count:]",
        ]
    lines.append("x_train, y_train = x[train], y[train]")
    if isinstance(spec, ClassificationSpec) and spec.label_noise:
        symmetric = spec.noise_kind == "symmetric"
        step = f"draw.integers(1, {classes}, len(y_train))" if symmetric else "1"
        lines.append(
            _NOISE.strip("\n").format(
                share=spec.label_noise, seed=spec.seed, step=step, classes=classes
            )
        )
    lines += [_STATISTICS[spec.normalise].strip("\n"), _KEPT_STATISTICS.strip("\n")]
    return "\n".join(line for line in lines if line) + "\n"


_STATISTICS = {
    "unit": """
mean, variance = np.zeros(x.shape[1:]), np.full(x.shape[1:], 255.0**2)
""",
    "raw": """
mean, variance = np.zeros(x.shape[1:]), np.ones(x.shape[1:])
""",
    "channel": """
square = np.einsum("nhwc,nhwc->hwc", x_train, x_train, dtype="float64") / len(x_train)
mean = np.broadcast_to(x_train.mean(axis=(0, 1, 2), dtype="float64"), x.shape[1:])
variance = np.maximum(np.broadcast_to(square.mean(axis=(0, 1)), x.shape[1:]) - mean**2, 1)
""",
    "pixel": """
square = np.einsum("nhwc,nhwc->hwc", x_train, x_train, dtype="float64") / len(x_train)
mean = x_train.mean(axis=0, dtype="float64")  # each pixel its own, the spread of the whole
variance = np.full(x.shape[1:], max(1.0, (square - mean**2).mean()))
""",
}
_KEPT_STATISTICS = """
if kept:
    mean, variance = kept["normalise/mean"], kept["normalise/variance"]
"""


def _network(spec: ClassificationSpec) -> str:
    lines = ["", "# The network.", *layers.script(models.plan(spec), {"images": moving(spec)})]
    return "\n".join(lines) + "\n"


def moving(spec: CnnSpec) -> list[str]:
    """The layers that move the images to train on, as code."""
    known = source_of(spec.dataset)
    moved = []
    if spec.flip:
        moved.append('layers.RandomFlip("horizontal")')
    if spec.shift:
        # Rounded to whole pixels, each of -shift to shift is as likely as any other.
        share = [min(1.0, (spec.shift + 0.5) / side) for side in known.shape[:2]]
        moved.append(
            f"layers.RandomTranslation({share[0]:.6g}, {share[1]:.6g}, "
            'fill_mode="constant", interpolation="nearest")'
        )
    return moved


def named_loss(spec: RunSpec) -> str:
    """The line that gets a named loss."""
    moved = dict(spec.loss_parameters)
    given = f", **{moved!r}" if moved else ""
    return f'loss = losses.get("{spec.loss}"{given})'


def _loss(spec: RunSpec) -> str:
    moved = dict(spec.loss_parameters)
    if is_name(spec.loss):
        return named_loss(spec)
    values = f", {moved!r}" if moved else ""
    return f"TEXT = {quoted(spec.loss)}\nloss = losses.compile_loss(TEXT{values})"


def quoted(text: str) -> str:
    """A visitor's text as a literal of Python, over lines where that is plainly the same."""
    plain = all(line.isprintable() for line in text.split("\n"))
    if plain and "\\" not in text and '"""' not in text and not text.endswith('"'):
        return f'"""\\\n{text}"""'
    return repr(text)


_LOSS = '''
# The loss.
{loss}
{weights}STEPS = -(-len(x_train) // {batch})  # of an epoch
ALL_STEPS = STEPS * {epochs}


class Objective(layers.Layer):
    """Adds the loss of a batch to the model's, and passes the probabilities on.

    Holds the class centres of a loss that asks for them. No gradient touches them: in training
    they move by the rule of Wen et al., ECCV 2016, and they are saved beside the weights.
    """

    def __init__(self, alpha, head, **options):
        super().__init__(**options)
        self.alpha, self.head = alpha, head
        draw = np.random.default_rng([{seed}, *b"class centres"])
        limit = np.sqrt(6 / ({classes} + {width}))
        self.centers = self.add_weight(
            shape=({classes}, {width}),
            initializer=lambda shape, dtype=None: draw.uniform(-limit, limit, shape),
            trainable=False,
            name="centers",
        )
        self.step = self.add_weight(shape=(), initializer="zeros", trainable=False, name="step")

    def call(self, inputs, training=False):
        features, logits, labels = inputs
        features = ops.cast(features, "float32")
        one_hot = ops.one_hot(labels, {classes})
        step = ops.convert_to_tensor(self.step)
        weights = ops.convert_to_tensor(CLASS_WEIGHTS, "float32")
        partner = pairs.partners if "same" in loss.inputs else pairs.positives
        offered = {{
            "features": lambda: features,
            "logits": lambda: logits,
            "y_pred": lambda: ops.softmax(logits),
            "y_true": lambda: one_hot,
            "p_true": lambda: ops.sum(one_hot * ops.softmax(logits), axis=-1),
            "labels": lambda: labels,
            "num_classes": lambda: ops.convert_to_tensor({classes}.0),
            "last_kernel": lambda: ops.convert_to_tensor(self.head.kernel),
            "centers": lambda: ops.convert_to_tensor(self.centers),
            "class_weights": lambda: weights,
            "sample_weight": lambda: ops.take(weights, labels),
            "partner_features": lambda: ops.take(features, partner(labels), axis=0),
            "negative_features": lambda: ops.take(features, pairs.negatives(labels), axis=0),
            "same": lambda: ops.cast(labels == ops.take(labels, partner(labels)), "float32"),
            "step": lambda: step + 1,
            "epoch": lambda: step / STEPS,
            "progress": lambda: step / ALL_STEPS,
        }}
        given = {{name: offered[name]() for name in loss.sources}}
        self.add_loss({value})
        if training:
            self.step.assign(step + 1)
            if "centers" in loss.inputs:
                held = ops.stop_gradient(features)
                self.centers.assign(losses.moved_centers(self.centers, held, labels, self.alpha))
        return ops.softmax(logits)
'''

_TRAINING = """
labels = keras.Input((), dtype="int64", name="labels")
network = keras.Model(images, probabilities, name="{dataset}")
objective = Objective({alpha}, network.get_layer("logits"), name="centers")
model = keras.Model([images, labels], objective([features, logits, labels]))


{rate}
model.compile(
    optimizer=keras.optimizers.{optimizer},
    metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    jit_compile=False,
)

if kept:
    for weight in network.weights:
        weight.assign(kept[weight.path])
    if "centers" in loss.inputs:
        objective.centers.assign(kept["centers/centers"])
else:
    model.fit(
        [x_train, y_train],
        y_train,
        batch_size={batch},
        epochs={epochs},
        validation_data=([x[held_out], y[held_out]], y[held_out]),
        callbacks=[{callbacks}],
        verbose=2,
    )
    learned = {{weight.path: weight.numpy() for weight in [*network.weights, objective.centers]}}
    learned |= {{"normalise/mean": mean, "normalise/variance": variance}}
    np.savez("{trained}", **learned)
network.save(pathlib.Path(sys.argv[1] if kept else "{trained}").with_suffix(".keras"))
found = network.predict(x_test, batch_size=500, verbose=0).argmax(axis=-1)
print(f"test accuracy: {{np.mean(found == y_test):.4f}}")
"""


def optimizer(spec: RunSpec) -> str:
    """The optimiser, as code."""
    name, options = {
        "adam": ("Adam", ""),
        "adamw": ("AdamW", ""),
        "nadam": ("Nadam", ""),
        "sgd": ("SGD", ""),
        "momentum": ("SGD", ", momentum=0.9"),
        "rmsprop": ("RMSprop", ""),
        "adagrad": ("Adagrad", ""),
        "lion": ("Lion", ""),
    }[spec.optimizer]
    return f"{name}(rate{options})"


_SCHEDULE = '''
class Rate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step."""

    def __call__(self, step):
        step = ops.cast(step, "float32")
        done = step / ALL_STEPS
        return {rate!r} * ({factor})

    def get_config(self):
        return {{}}


rate = Rate()
'''
_FACTORS = {
    "cosine": "0.5 * (1 + ops.cos(np.pi * done))",
    "warmup_cosine": f"""
            ops.minimum(1.0, (step + 1) / max(1, round({WARM_UP} * ALL_STEPS)))
            * 0.5
            * (1 + ops.cos(np.pi * ops.maximum(0.0, done - {WARM_UP}) / (1 - {WARM_UP})))
        """,
    "exponential": "0.01**done",
    "steps": "ops.where(done < 0.5, 1.0, ops.where(done < 0.75, 0.1, 0.01))",
}


def rate(spec: RunSpec) -> str:
    """The lines that make the learning rate (`playground.training.optimizers.rates`)."""
    if spec.schedule == "constant":
        return f"rate = {spec.learning_rate!r}"
    factor = _FACTORS[spec.schedule]
    return _SCHEDULE.strip("\n").format(rate=spec.learning_rate, factor=factor)


def callbacks(spec: RunSpec) -> str:
    """The callbacks of `fit`, as code."""
    if not spec.patience:
        return ""
    return f"keras.callbacks.EarlyStopping(patience={spec.patience}, restore_best_weights=True)"
