"""A run of Classification taken home: a network and its loss in plain Keras 3. Imports no Keras."""

from playground import export_parts, layers, models
from playground.datasets import source_of
from playground.export_parts import CELL, KEEPS, TRAINED
from playground.knobs import is_name
from playground.spec import RunSpec
from playground.streams import number
from playground.tasks.classification import BALANCED, NONE, ClassificationSpec


def script(spec: ClassificationSpec, *, weights: bool = False, changed: bool = False) -> str:
    """Python that builds and trains the spec's network with `keras.Model.fit`; the loss is one
    layer that calls `add_loss` and holds the class centres, if the loss asks for them. It says
    whether `weights` lie beside it, and whether the run was `changed` midway."""
    known = source_of(spec.dataset)
    classes = len(known.class_names)
    return "\n".join([
        _head(spec, weights, changed),
        export_parts.data(spec),
        f"{CELL}The network",
        *layers.script(models.plan(spec)),
        f'network = keras.Model(images, probabilities, name="{spec.dataset}")',
        "inner = keras.Model(images, [features, logits])",
        "",
        _LOSS.format(
            loss=_loss(spec),
            metrics=export_parts.metrics(spec),
            classes=classes,
            width=spec.embedding,
            seed=spec.seed,
            batch=spec.batch_size,
            epochs=spec.epochs,
            weights=_class_weights(spec, classes),
            value=_VALUE if spec.class_weights != NONE else _PLAIN,
            blended=_BLENDED if spec.mixup else "",
        ),
        _MIXED.format(alpha=spec.mixup, seed=number(spec.seed, "mixup")) if spec.mixup else "",
        _TRAINING.format(
            shape=known.shape,
            moved=export_parts.moved(spec, "taken"),
            mixed="Mixed()(moved)" if spec.mixup else "moved, None",
            share=", share" if spec.mixup else "",
            alpha=spec.center_rate,
            rate=export_parts.rate(spec),
            optimizer=export_parts.optimizer(spec),
            batch=spec.batch_size,
            epochs=spec.epochs,
            callbacks=export_parts.callbacks(spec),
            keeps=KEEPS,
        ),
        f"{_MEASURED}{export_parts.MEASURED}" if spec.measured else "",
    ])  # fmt: skip


# In training each sample counts as much as its class, unless the loss says what weights are for.
_VALUE = """
        if training and not losses.weighs_itself(loss):
            return losses.weighed(loss, given, offered["sample_weight"]())
        return loss.on(given)
"""
_PLAIN = """
        return loss.on(given)
"""
# Of a batch that was blended with itself back to front the losses are, too, in the same shares.
_BLENDED = """
        if training:
            labels_behind = ops.flip(labels, axis=0)
            behind = self.value(features, logits, labels_behind, training)
            value = inputs[3] * value + (1 - inputs[3]) * behind
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
    modules = ["losses", "pairs", *(["moving"] if export_parts.moves(spec) else [])]
    return export_parts.head(
        spec,
        "A network of the Loss Playground for {}, in plain Keras 3.",
        f"trains it, prints its test accuracy and keeps it as\n{TRAINED} and trained.keras",
        "takes the weights of the run instead of training" if weights else "",
        export_parts.trains_as(
            "from other first weights, on batches in\n"
            "another order, and on the short last batch of an epoch, too.",
            changed,
            [],
        ),
        [*modules, *(["own_layers"] if layers.needs_own(models.plan(spec)) else [])],
    )


def _loss(spec: RunSpec) -> str:
    named = is_name(spec.loss)
    return export_parts.named_loss(spec) if named else export_parts.compiled_loss(spec)


_LOSS = '''
# %% The loss
{loss}
{metrics}
CENTERED = any("centers" in each.inputs for each in (loss, *METRICS.values()))
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

    def offered(self, features, logits, labels):
        """What a loss or a metric may name, each as a function that gives it."""
        one_hot = ops.one_hot(labels, {classes})
        step = ops.convert_to_tensor(self.step)
        weights = ops.convert_to_tensor(CLASS_WEIGHTS, "float32")
        partner = pairs.partners if "same" in loss.inputs else pairs.positives
        return {{
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

    def value(self, features, logits, labels, training):
        """The loss of a batch."""
        offered = self.offered(features, logits, labels)
        given = {{name: offered[name]() for name in loss.sources if name in offered}}{value}
    def call(self, inputs, training=False):
        features, logits, labels = inputs[:3]
        features = ops.cast(features, "float32")
        value = self.value(features, logits, labels, training){blended}
        self.add_loss(value)
        if training:
            self.step.assign(self.step + 1)
            if CENTERED:
                held = ops.stop_gradient(features)
                self.centers.assign(losses.moved_centers(self.centers, held, labels, self.alpha))
        return ops.softmax(logits)
'''

_MIXED = '''
class Mixed(layers.Layer):
    """Blends a batch to train on with itself back to front (mixup, Zhang et al., ICLR 2018); gives
    the images and the share of them that is their own."""

    def __init__(self, **options):
        super().__init__(**options)
        self.draws = keras.random.SeedGenerator({seed})

    def call(self, images, training=False):
        if not training:
            return images, ops.ones(())
        share = keras.random.beta((), {alpha!r}, {alpha!r}, seed=self.draws)
        return share * images + (1 - share) * ops.flip(images, axis=0), share
'''

_TRAINING = """
# %% Training
taken = keras.Input({shape!r}, name="batch")
labels = keras.Input((), dtype="int64", name="labels")
moved = {moved}
mixed, share = {mixed}
objective = Objective({alpha}, network.get_layer("logits"), name="centers")
model = keras.Model([taken, labels], objective([*inner(mixed), labels{share}]))


{rate}
model.compile(
    optimizer=keras.optimizers.{optimizer},
    metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    jit_compile=False,
)

if kept:
    for weight in network.weights:
        weight.assign(kept[weight.path])
    if CENTERED:
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
{keeps}
# %% The test images
found = network.predict(x_test, batch_size=500, verbose=0).argmax(axis=-1)
print(f"test accuracy: {{np.mean(found == y_test):.4f}}")
"""

_MEASURED = """
# %% What else is measured, of all test images together
said = inner.predict(x_test, batch_size=500, verbose=0)
offered = objective.offered(*map(ops.convert_to_tensor, (*said, y_test)))
"""
