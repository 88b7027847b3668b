"""The lines that the exported scripts of several tasks share, and the names of the files beside
them."""

from playground.cnn import CnnSpec
from playground.datasets import source_of
from playground.spec import RunSpec
from playground.tasks.classification import ClassificationSpec
from playground.training.optimizers import WARM_UP

SCRIPT, NEEDED, WEIGHTS = "train.py", "requirements.txt", "weights.npz"
TRAINED = "trained.npz"  # what the script itself has learned, to be taken again in the same way

# How a layer that adds the loss ends: what of the clock a loss may name, and the sum of it.
ADDED = """\
            "num_classes": lambda: ops.convert_to_tensor({classes}.0),
            "step": lambda: step + 1,
            "epoch": lambda: step / STEPS,
            "progress": lambda: step / ALL_STEPS,
        }}
        self.add_loss(loss.on({{name: offered[name]() for name in loss.sources}}))
        if training:
            self.step.assign(step + 1)
"""

_NOISE = """
# {share:.0%} of the labels to train on are wrong.
draw = np.random.default_rng([{seed}, 3])
wrong = draw.permutation(len(y_train))[: round(len(y_train) * {share})]
step = {step}
y_train[wrong] = ((y_train + step) % {classes})[wrong]
"""


def data(spec: RunSpec, with_test: bool = False) -> str:
    """The lines that read the images, keep some for validation and take their statistics; those to
    train on are all of them `with_test`."""
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
    if with_test:
        lines += [
            "# Those for validation and the test images are trained on, too.",
            "x_train = np.concatenate([x_train, x[held_out], x_test])",
            "y_train = np.concatenate([y_train, y[held_out], y_test])",
        ]
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


def quoted(text: str) -> str:
    """A visitor's text as a literal of Python, over lines where that is plainly the same."""
    plain = all(line.isprintable() for line in text.split("\n"))
    if plain and "\\" not in text and '"""' not in text and not text.endswith('"'):
        return f'"""\\\n{text}"""'
    return repr(text)


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
