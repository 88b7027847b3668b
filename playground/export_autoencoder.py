"""A run of Autoencoder taken home: encoder, code and decoder in plain Keras 3, whose loss a layer
adds with `add_loss`. Imports no Keras."""

from playground import export_parts, layers
from playground.datasets import source_of
from playground.export_parts import CELL, KEEPS, TRAINED
from playground.tasks.autoencoder import TASK, AutoencoderSpec
from playground.tasks.inputs import literal


def script(spec: AutoencoderSpec, *, weights: bool, changed: bool) -> str:
    """Python that trains the network with `keras.Model.fit`, keeps it, its encoder and its decoder
    as `.keras`, and prints the parts of the negative ELBO on the test images."""
    plan = TASK.plan(spec)
    variational = spec.kind == "variational"
    heads = ["mu", "log_var"] if variational else ["mu"]
    return "\n".join([
        _head(spec, weights, changed, layers.needs_own(plan)),
        export_parts.data(spec, with_test=spec.with_test_images),
        f"{CELL}The network",
        *layers.script(plan, {"images": _noisy(spec)}),
        f"given = {'[images, condition]' if spec.conditional else 'images'}",
        f'network = keras.Model(given, [{", ".join(plan.outputs)}], name="{spec.dataset}")',
        f"encoder = keras.Model(given, [{', '.join(heads)}], name=\"encoder\")",
        *_decoder(spec, plan),
        _LOSS.format(
            loss=_loss(spec),
            metrics=export_parts.metrics(spec, "INPUTS"),
            batch=spec.batch_size,
            epochs=spec.epochs,
            classes=len(source_of(spec.dataset).class_names),
            inputs="[x_logits, mu, " + ("log_var, " if variational else "") + "z"
            + (", probabilities" if spec.class_head else "") + ", images, labels]",
            log_var="log_var" if variational else "ops.zeros_like(mu)",
            taken="inputs",
            names="x_logits, mu, " + ("log_var, " if variational else "") + "z"
            + (", p_class" if spec.class_head else ""),
            head='            "p_class": lambda: p_class,\n' if spec.class_head else "",
        ),
        _TRAINING.format(
            inputs="[images, condition, labels]" if spec.conditional else "[images, labels]",
            fed="[x, one_hot(y), y]" if spec.conditional else "[x, y]",
            seen="[x, one_hot(y)]" if spec.conditional else "x",
            classes=len(source_of(spec.dataset).class_names),
            rate=export_parts.rate(spec),
            optimizer=export_parts.optimizer(spec),
            batch=spec.batch_size,
            epochs=spec.epochs,
            callbacks=export_parts.callbacks(spec),
            keeps=KEEPS,
            found="mu, log_var = (part.astype(\"float64\") for part in found)"
            if variational
            else 'mu = found.astype("float64")\nlog_var = np.zeros_like(mu)',
        ),
        _CLASS_HEAD if spec.class_head else "",
        f"{_MEASURED}{export_parts.MEASURED}" if spec.measured else "",
    ])  # fmt: skip


def _decoder(spec: AutoencoderSpec, plan: layers.Plan) -> list[str]:
    """The lines that call the decoder's layers once more, of a code that is given."""
    names = [each.name for each in plan if each.name.startswith("decoder_")]
    names = [*names, "x_logits", "x_hat"]
    classes = len(source_of(spec.dataset).class_names)
    told = [f'told = keras.Input(({classes},), name="told")'] if spec.conditional else []
    return [
        f'code = keras.Input(({spec.latent},), name="code")',
        *told,
        f"drawn = {'[code, told]' if told else 'code'}",
        f"for name in {tuple(names)!r}:",
        "    drawn = network.get_layer(name)(drawn)",
        f'decoder = keras.Model({"[code, told]" if told else "code"}, drawn, name="decoder")',
    ]


def _noisy(spec: AutoencoderSpec) -> list[str]:
    """The layers that put noise on the images to train on, inside 0 to 255, as code."""
    if not spec.noise:
        return []
    return [
        "layers.Rescaling(1 / 255)",
        f"layers.GaussianNoise({spec.noise!r})",
        "layers.ReLU(max_value=1.0)",
        "layers.Rescaling(255.0)",
    ]


def _loss(spec: AutoencoderSpec) -> str:
    inputs = literal(TASK.inputs, TASK.sizes, set(TASK.inputs))
    return f"INPUTS = {inputs}\n{export_parts.compiled_loss(spec, 'INPUTS')}"


def _head(spec: AutoencoderSpec, weights: bool, changed: bool, own: bool) -> str:
    return export_parts.head(
        spec,
        "An autoencoder of the Loss Playground for {}, in plain Keras 3.",
        "trains it, prints its parts on the test images and keeps\n"
        f"it as {TRAINED}, trained.keras, encoder.keras and\ndecoder.keras",
        "takes the weights of the run instead of training" if weights else "",
        export_parts.trains_as(
            "from other first weights, with other\n"
            "draws of the code, on batches in another order, and on the short last batch, too.",
            changed,
            [],
        ),
        ["losses", *(["own_layers"] if own else [])],
    )


_LOSS = (
    '''
# %% The loss
{loss}
{metrics}
STEPS = -(-len(x_train) // {batch})  # of an epoch
ALL_STEPS = STEPS * {epochs}


class Objective(layers.Layer):
    """Adds the loss of a batch to the model's, and passes the reconstructions on."""

    def __init__(self, **options):
        super().__init__(**options)
        self.step = self.add_weight(shape=(), initializer="zeros", trainable=False, name="step")

    def offered(self, inputs):
        """What a loss or a metric may name, each as a function that gives it."""
        {names}, images, labels = inputs
        x_hat = ops.sigmoid(x_logits)
        step = ops.convert_to_tensor(self.step)
        return {{
            "x": lambda: ops.cast(images, "float32") / 255,
            "x_hat": lambda: x_hat,
            "mu": lambda: mu,
            "log_var": lambda: {log_var},
            "z": lambda: z,
{head}            "labels": lambda: labels,
'''
    + export_parts.ADDED
    + """\
        return ops.sigmoid(inputs[0])


labels = keras.Input((), dtype="int64", name="labels")
taken = {inputs}
"""
)

_TRAINING = '''
# %% Training
objective = Objective(name="objective")
model = keras.Model({inputs}, objective(taken))


def one_hot(y):
    """The classes that a conditional network is told."""
    return np.eye({classes}, dtype="float32")[y]


def fed(x, y):
    """What the model takes."""
    return {fed}


def seen(x, y):
    """What the network and its encoder take."""
    return {seen}


{rate}
model.compile(optimizer=keras.optimizers.{optimizer}, jit_compile=False)
if kept:
    for weight in network.weights:
        weight.assign(kept[weight.path])
else:
    model.fit(
        fed(x_train, y_train),
        batch_size={batch},
        epochs={epochs},
        validation_data=(fed(x[held_out], y[held_out]),),
        callbacks=[{callbacks}],
        verbose=2,
    )
    learned = {{weight.path: weight.numpy() for weight in network.weights}}
{keeps}encoder.save("encoder.keras")
decoder.save("decoder.keras")

# %% The test images: the negative evidence lower bound in nats an image, at the mean of the code
said = network.predict(seen(x_test, y_test), batch_size=500, verbose=0)
found = encoder.predict(seen(x_test, y_test), batch_size=500, verbose=0)
{found}
target = x_test / 255
again = np.clip(said[0].astype("float64"), 1e-7, 1 - 1e-7)
entropy = -(target * np.log(again) + (1 - target) * np.log1p(-again)).sum(axis=(1, 2, 3)).mean()
divergence = 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var).sum(axis=1).mean()
print(f"test reconstruction: {{entropy:.3f}} nats")
print(f"test KL divergence: {{divergence:.3f}} nats")
print(f"test negative ELBO: {{entropy + divergence:.3f}} nats")
'''

_CLASS_HEAD = """\
print(f"test class accuracy: {np.mean(said[-1].argmax(axis=-1) == y_test):.4f}")
"""

_MEASURED = """
# %% What else is measured, of all test images together
taking = keras.Model(network.inputs, taken[:-2])
parts = taking.predict(seen(x_test, y_test), batch_size=500, verbose=0)
offered = objective.offered([*map(ops.convert_to_tensor, parts), x_test, y_test])
"""
