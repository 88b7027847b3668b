"""A run of Classification taken home: a network and its loss in plain Keras 3. Imports no Keras."""

from playground import export_parts, layers, models
from playground.datasets import source_of
from playground.export_parts import NEEDED, SCRIPT, TRAINED, WEIGHTS
from playground.knobs import is_name
from playground.spec import RunSpec, knobs
from playground.tasks.classification import BALANCED, NONE, ClassificationSpec

# What a spec may ask for and the script has no lines for.
LEFT_OUT = ("imbalance", "crop", "mixup")


def script(spec: ClassificationSpec, *, weights: bool = False, changed: bool = False) -> str:
    """Python that builds and trains the spec's network with `keras.Model.fit`; the loss is one
    layer that calls `add_loss` and holds the class centres, if the loss asks for them. It says
    what it leaves out, whether `weights` lie beside it, and whether the run was `changed` midway.
    """
    known = source_of(spec.dataset)
    parts = [
        _head(spec, weights, changed),
        export_parts.data(spec),
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
            rate=export_parts.rate(spec),
            optimizer=export_parts.optimizer(spec),
            batch=spec.batch_size,
            epochs=spec.epochs,
            callbacks=export_parts.callbacks(spec),
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


def _network(spec: ClassificationSpec) -> str:
    lines = [
        "",
        "# The network.",
        *layers.script(models.plan(spec), {"images": export_parts.moving(spec)}),
    ]
    return "\n".join(lines) + "\n"


def _loss(spec: RunSpec) -> str:
    moved = dict(spec.loss_parameters)
    if is_name(spec.loss):
        return export_parts.named_loss(spec)
    values = f", {moved!r}" if moved else ""
    return f"TEXT = {export_parts.quoted(spec.loss)}\nloss = losses.compile_loss(TEXT{values})"


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
