"""A run of Detection taken home: canvases drawn as here, a model whose `train_step` is the text's
loss, and average precision by COCO's rule, in plain Keras 3. Imports no Keras."""

from playground import detectors, export_parts, layers
from playground.datasets import source_of
from playground.export_parts import CELL, KEEPS, TRAINED
from playground.streams import number
from playground.tasks.detection import TASK, DetectionSpec
from playground.tasks.inputs import literal


def script(spec: DetectionSpec, *, weights: bool, changed: bool) -> str:
    """Python that draws canvases, trains the network with `keras.Model.fit` and prints its AP on
    the test canvases."""
    plan = TASK.plan(spec)
    small, large = sorted((spec.smallest, spec.largest))
    return "\n".join([
        _head(spec, weights, changed),
        export_parts.data(spec),
        _CANVASES.format(
            drawing=f"{spec.items}, {small!r}, {large!r}, {spec.overlap!r}",
            held=spec.held_canvases,
            seed=number(spec.seed, "canvases"),
        ),
        f"{CELL}The network",
        *layers.script(plan),
        f"network = keras.Model(images, {{{', '.join(f'{n!r}: {n}' for n in plan.outputs)}}})",
        f"BATCH = {spec.batch_size}",
        f"STEPS = {spec.canvases} // BATCH  # of an epoch",
        f"EPOCHS = {spec.epochs}",
        "ALL_STEPS = STEPS * EPOCHS",
        export_parts.rate(spec),
        f"{CELL}The loss",
        f"INPUTS = {literal(TASK.inputs, TASK.sizes, set(TASK.inputs))}",
        export_parts.compiled_loss(spec, "INPUTS"),
        export_parts.metrics(spec, "INPUTS"),
        _TRAINING.format(
            anchors=_anchors(spec),
            named=_named(spec),
            classes=len(source_of(spec.dataset).class_names),
            says="cells" if spec.stages == "one" else "regions",
            optimizer=export_parts.optimizer(spec),
            callbacks=_stopping(spec),
            keeps=KEEPS,
        ),
        f"{_MEASURED}{export_parts.MEASURED}" if spec.measured else "",
    ])  # fmt: skip


def _anchors(spec: DetectionSpec) -> str:
    if spec.stages == "one":
        return ""
    given = ", ".join(f"{name}={value!r}" for name, value in detectors.anchors_of(spec).items())
    return (
        f"ANCHORS = own_layers.anchors({given})\n"
        f"SAMPLING = {number(spec.seed, 'anchors')}  # of those that are learned from in a step\n"
    )


def _named(spec: DetectionSpec) -> str:
    """The call that makes of outputs and targets what the loss names."""
    classes = len(source_of(spec.dataset).class_names)
    if spec.stages == "one":
        return f"cells.named(outputs, drawn, {classes}, {spec.radius!r})"
    drawn = "tf.stack([tf.constant(SAMPLING), step])"
    return f"regions.named(outputs, drawn, ANCHORS, {classes}, {spec.match!r}, {drawn})"


def _head(spec: DetectionSpec, weights: bool, changed: bool) -> str:
    return export_parts.head(
        spec,
        "A detector of the Loss Playground, for canvases of {}, in plain Keras 3.",
        f"trains it, prints its average precision and keeps it as\n{TRAINED} and trained.keras",
        "takes the weights of the run" if weights else "",
        export_parts.trains_as("from other first weights.", changed, []),
        [
            *("canvases", "cells", "losses", "own_layers", "tensorflow", "average_precision as ap"),
            *(["regions"] if spec.stages == "two" else []),
        ],
    )


_CANVASES = """
# %% Canvases
# Drawn anew in every step to train on, the same in every run to test on.
drawing = canvases.Drawing({drawing})
SEED = {seed}


def rows(images, labels):
    return {{"images": images, "labels": labels, "ink": canvases.ink_of(images)}}


tested = drawing.fixed(rows(x_test, y_test), 8, {held})
beside = drawing.fixed(rows(x[held_out], y[held_out]), 7, {held})
drawn_of = {{
    name: tf.constant(each.astype("int32") if each.dtype == np.int64 else each)
    for name, each in rows(x_train, y_train).items()
}}
SIZE = (canvases.SIDE, canvases.SIDE, 1)
mean, variance = (np.broadcast_to(np.mean(each), SIZE) for each in (mean, variance))
"""

_TRAINING = '''
# %% Training
{anchors}

class Detector(keras.Model):
    """The network, trained on a batch of canvases that is drawn for each step."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def call(self, images, training=False):
        return self.network(images, training=training)

    def offered(self, outputs, drawn, step):
        """What a loss or a metric may name, by name."""
        done = tf.cast(step - 1, tf.float32)
        return {{
            **{named},
            "num_classes": tf.constant({classes}.0),
            "step": done + 1,
            "epoch": done / STEPS,
            "progress": done / ALL_STEPS,
        }}

    def train_step(self, data):
        step = tf.cast(tf.reshape(data, ()), tf.int32)
        drawn = drawing.draw(drawn_of, tf.stack([tf.constant(SEED), step]), BATCH)
        with tf.GradientTape() as tape:
            outputs = self.network(tf.cast(drawn["images"], tf.float32), training=True)
            known = self.offered(outputs, drawn, step)
            value = loss.on({{name: known[name] for name in loss.sources if name in known}})
        weights = self.network.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(value, weights), weights))
        return {{"loss": value}}

    def test_step(self, drawn):
        outputs = self.network(tf.cast(drawn["images"], tf.float32), training=False)
        known = self.offered(outputs, drawn, tf.cast(self.optimizer.iterations, tf.int32))
        return {{"loss": loss.on({{name: known[name] for name in loss.sources if name in known}})}}


def held(canvases_of):
    """Canvases that stay, as a model of Keras takes them."""
    narrow = {{
        name: each.astype("int32") if each.dtype == np.int64 else each
        for name, each in canvases_of.items()
    }}
    return tf.data.Dataset.from_tensor_slices(narrow).batch(BATCH)


detector = Detector(network)
if kept:
    for weight in network.weights:
        weight.assign(kept[weight.path])
else:
    detector.compile(optimizer=keras.optimizers.{optimizer}, jit_compile=False)
    steps = tf.data.Dataset.range(1, ALL_STEPS + 1).batch(1)
    detector.fit(steps, steps_per_epoch=STEPS, epochs=EPOCHS, verbose=2{callbacks})
    learned = {{weight.path: weight.numpy() for weight in network.weights}}
{keeps}
# %% The test canvases
said = network.predict(tested["images"].astype("float32"), batch_size=100, verbose=0)
found = {{name: each.numpy() for name, each in {says}.stages(said).items()}}
seen = ap.Detections(found["found_boxes"], found["found_classes"], found["found_scores"])
each = ap.average_precision(seen, tested["boxes"], tested["labels"])
print(f"AP at IoU 0.5: {{each[0]:.4f}}")
print(f"AP at IoU 0.5 to 0.95: {{each.mean():.4f}}")
partner = ap.paired(seen, tested["boxes"], tested["labels"])
canvas, place = np.nonzero(partner >= 0)
drawn = cells.drawn_masks(found["found_masks"][canvas, place], seen.boxes[canvas, place], SIZE[0])
true = tested["masks"][canvas, partner[canvas, place]] > 0
print(f"mask IoU: {{cells.mask_iou(drawn, true):.4f}}")
'''

_MEASURED = """
# %% What else is measured, of all test canvases together
parts = [(detector.network(each["images"]), each) for each in held(tested)]
outputs, there = tf.nest.map_structure(lambda *each: tf.concat(each, axis=0), *parts)
known = detector.offered(outputs, there, tf.constant(ALL_STEPS))
offered = {name: lambda name=name: known[name] for name in known}
"""


def _stopping(spec: DetectionSpec) -> str:
    found = export_parts.callbacks(spec)
    return f", validation_data=held(beside), callbacks=[{found}]" if found else ""
