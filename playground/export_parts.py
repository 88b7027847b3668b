"""The lines that the exported scripts of several tasks share, and the names of the files beside
them."""

from collections.abc import Sequence

from playground.cnn import CnnSpec
from playground.datasets import source_of
from playground.knobs import is_name, metric_key
from playground.spec import RunSpec
from playground.streams import number
from playground.tasks.classification import ClassificationSpec
from playground.training.optimizers import WARM_UP

SCRIPT, NOTEBOOK, README = "train.py", "train.ipynb", "README.md"
NEEDED, WEIGHTS = "requirements.txt", "weights.npz"
SERIES, DATA = "series.csv", "data.npz"
NETWORK, COMPILED, ONNX = "network.keras", "compiled.keras", "network.onnx"  # what a worker writes
TRAINED = "trained.npz"  # what the script itself has learned, to be taken again in the same way

CELL = "# %% "  # begins a cell of the notebook, and of editors that know such comments
# What a script is told on the command line, and a notebook in its first cell.
TAKEN = 'TAKEN = sys.argv[1] if len(sys.argv) > 1 else ""'
_AT = " " * 36  # where the sentences on what a command does stand

# How a layer that adds the loss ends: what of the clock a loss may name, and the sum of it, of what
# the layer has {taken}.
ADDED = """\
            "num_classes": lambda: ops.convert_to_tensor({classes}.0),
            "step": lambda: step + 1,
            "epoch": lambda: step / STEPS,
            "progress": lambda: step / ALL_STEPS,
        }}

    def call(self, inputs, training=False):
        offered = self.offered({taken})
        given = {{name: offered[name]() for name in loss.sources if name in offered}}
        self.add_loss(loss.on(given))
        if training:
            self.step.assign(self.step + 1)
"""

_NOISE = """
# {share:.0%} of the labels to train on are wrong.
draw = np.random.default_rng([{seed}, 3])
wrong = draw.permutation(len(y_train))[: round(len(y_train) * {share})]
step = {step}
y_train[wrong] = ((y_train + step) % {classes})[wrong]
"""


def worded(text: str) -> str:
    """A text that may be a visitor's, such as the title of a data set, as words of a docstring or
    of Markdown: without what begins or ends anything there."""
    kept = "".join(each if each.isalnum() or each in " .,:;+-×()%'" else " " for each in text)
    return " ".join(kept.split()) or "images"


def head(
    spec: RunSpec,
    what: str,
    prints: str,
    taking: str,
    said: Sequence[str],
    modules: Sequence[str],
) -> str:
    """How a script begins: `what` it makes, where {} is the data set, what it `prints` and keeps in
    lines, what it does when it is given the run's weights ("" where there are none), sentences that
    are `said` of it, and the `modules` that it imports of those beside it."""
    tensorflow = "import tensorflow as tf\n" if "tensorflow" in modules else ""
    own = "".join(f"import {each}\n" for each in sorted({*modules} - {"tensorflow"}))
    takes = f"    python {SCRIPT} {WEIGHTS}     {_below(taking)}\n" if taking else ""
    sentences = "\n".join(said)
    return f'''"""{what.format(worded(source_of(spec.dataset).title))}

    pip install -r {NEEDED}
    python {SCRIPT}                 {_below(prints)}
{takes}
{sentences}
`losses/` is the Loss Playground's: the loss language and the named losses.
"""

import os
import pathlib
import sys

import keras
import numpy as np
{tensorflow}from keras import layers, ops

{own}
{TAKEN}
DATA = pathlib.Path(os.environ.get("PLAYGROUND_DATA", "~/.keras/datasets")).expanduser()
keras.utils.set_random_seed({spec.seed})
kept = np.load(TAKEN) if TAKEN else None  # weights to take
'''


def _below(lines: str) -> str:
    return lines.replace("\n", f"\n{_AT}")


def trains_as(differs: str, changed: bool, left_out: Sequence[str]) -> list[str]:
    """How the script's training differs from the run's, in sentences."""
    return [
        f"It trains as the run did, but not bit for bit: {differs}",
        *(["The run was changed while it trained; this trains with its last loss and rates."]
          if changed else []),
        *([f"Not in here: {'; '.join(left_out)}."] if left_out else []),
    ]  # fmt: skip


KEEPS = f"""\
    learned |= {{"normalise/mean": mean, "normalise/variance": variance}}
    np.savez("{TRAINED}", **learned)
network.save(pathlib.Path(TAKEN or "{TRAINED}").with_suffix(".keras"))
"""


def data(spec: RunSpec, with_test: bool = False) -> str:
    """The lines that read the images, keep some for validation and take their statistics; those to
    train on are all of them `with_test`."""
    known = source_of(spec.dataset)
    classes = len(known.class_names)
    lines = [
        f"{CELL}The images",
        "# Some are kept for validation and not trained on.",
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
    if isinstance(spec, ClassificationSpec) and spec.imbalance > 1:
        lines.append(_IMBALANCE.strip("\n").format(ratio=spec.imbalance, classes=classes))
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


# `playground.datasets.splits`: the exponential profile of Cui et al., CVPR 2019.
_IMBALANCE = """
# The first class has {ratio:g} times as many images as the last; the first of each class stay.
rank = np.zeros(len(train), "int64")
for value in range({classes}):
    rank[y[train] == value] = np.arange(np.sum(y[train] == value))
share = {ratio!r} ** (-np.arange({classes}) / max(1, {classes} - 1))
there = np.bincount(y[train], minlength={classes})
most = (there / share)[there > 0].min()  # as many as leave every class its share
train = train[rank < np.round(np.maximum(1, most * share))[y[train]]]
"""

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


def moves(spec: CnnSpec) -> bool:
    """Whether the images to train on are moved."""
    return bool(spec.flip or spec.shift or spec.crop)


def moved(spec: CnnSpec, images: str) -> str:
    """Code that moves images to train on, of this name."""
    if not moves(spec):
        return images
    seed = number(spec.seed, "moved")
    given = f"flip={spec.flip!r}, shift={spec.shift!r}, crop={spec.crop!r}, seed={seed}"
    return f"moving.Moved({given})({images})"


def compiled_loss(spec: RunSpec, inputs: str = "") -> str:
    """The lines that make a written loss of a visitor's text; `inputs` is the code of what a text
    of the task may name."""
    values = f", {dict(spec.loss_parameters)!r}" if spec.loss_parameters else ""
    return (
        f"TEXT = {quoted(spec.loss)}\n"
        f"loss = losses.compile_loss(TEXT{values}{_options(spec, inputs)})"
    )


def _text(metric: str) -> str:
    return f'"{metric}"' if is_name(metric) else quoted(metric)


def _options(spec: RunSpec, inputs: str) -> str:
    classes = len(source_of(spec.dataset).class_names)
    given = f", inputs={inputs}" if inputs else ""
    return given if classes == 10 else f", num_classes={classes}{given}"


def metrics(spec: RunSpec, inputs: str = "") -> str:
    """The lines that make METRICS, what is measured beside what the script prints, by the names
    that the run recorded it under; `inputs` is the code of what a text of the task may name."""
    made = f", probe=False{_options(spec, inputs)}"
    lines = [
        f'    "{metric_key(each)}": losses.compile_metric({_text(each)}{made}),\n'
        for each in spec.measured
    ]
    return f"METRICS = {{\n{''.join(lines)}}}" if lines else "METRICS = {}"


# Prints each of METRICS out of `offered`, functions that give what they are made of by name.
MEASURED = """
for name, metric in METRICS.items():
    value = metric.on({each: offered[each]() for each in metric.sources if each in offered})
    print(f"test {name}: {float(value):.4f}")
"""


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
