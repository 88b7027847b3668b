"""The README of an exported zip: what each file is, how it is used, and what to do where Keras does
not know a class."""

from typing import TYPE_CHECKING

from playground import models
from playground.datasets import source_of
from playground.export_parts import (
    COMPILED,
    DATA,
    NEEDED,
    NETWORK,
    NOTEBOOK,
    SCRIPT,
    SERIES,
    WEIGHTS,
    worded,
)

if TYPE_CHECKING:
    from playground.export import Package


def readme(package: "Package") -> str:
    """The README, as Markdown. Of what a visitor has typed there is nothing in it."""
    known = source_of(package.spec.dataset)
    more = [
        f"- `{SERIES}`: all that was recorded of the run, a row for each step.",
        "- `run/`: the run itself, for *Import a run…* of another Loss Playground.",
        *([f"- `{DATA}`: the images that it was trained on."] if DATA in package.more else []),
    ]
    return "\n".join([
        f"# A network of the Loss Playground for {worded(known.title)}",
        "",
        *_networks(package),
        *_missing(package),
        f"- `{SCRIPT}`: trains such a network; its first lines say how, and what they leave out.",
        "  It looks for the images where `PLAYGROUND_DATA` says, in folders like those of Keras'",
        "  own cache, then in that cache, and only then downloads them.",
        f"- `{NOTEBOOK}`: the same code in cells, with pictures. Where there are weights it takes",
        '  them; with `TAKEN = ""` in its first cell of code it trains.',
        f"- `{NEEDED}`: what both need.",
        *(more if package.more else []),
        "- `losses/`, `pairs.py`: the Loss Playground's losses, which the script trains with.",
        "",
        *_custom_objects(package),
    ])  # fmt: skip


def _networks(package: "Package") -> list[str]:
    files, known = package.files, source_of(package.spec.dataset)
    lines = []
    if isinstance(files.get(NETWORK), bytes):
        plan = models.plan(package.spec)
        given = ", ".join(plan.inputs)
        given = f"[{given}]" if len(plan.inputs) > 1 else given
        gives = (
            f"probabilities (N, {len(known.class_names)}) of:"
            if len(plan.outputs) == 1
            else f"{', '.join(plan.outputs)}, where classes are in this order:"
        )
        lines += [
            f"- `{NETWORK}`: the network with the weights of step {package.step:,}, without its",
            "  loss or optimiser. Plain Keras opens it; it needs nothing else of this folder.",
            f'  `keras.saving.load_model("{NETWORK}").predict({given})` gives, of images',
            f"  {('N', *next(iter(plan.inputs.values())))} of 0 to 255, {gives}",
            f"  {', '.join(map(worded, known.class_names))}.",
        ]
    if isinstance(files.get(COMPILED), bytes):
        lines += [
            f"- `{COMPILED}`: the same with the run's loss, metrics and a new optimiser, for",
            "  `evaluate` and `fit` on images and one-hot labels; `import losses` first.",
        ]
    if package.weights:
        lines += [
            f"- `{WEIGHTS}`: the same weights as NumPy arrays, with the pixels' statistics and the",
            "  class centres of a loss that has them.",
        ]
    return lines


def _missing(package: "Package") -> list[str]:
    """What is not in the zip, and why."""
    if package.missing:
        return [
            f"- There are no weights and no `{NETWORK}`: {package.missing}",
            f"  `python {SCRIPT}` trains a network anew and keeps it as `trained.keras`.",
        ]
    lines = []
    for name, file in package.files.items():
        if isinstance(file, bytes):
            continue
        lines.append(f"- There is no `{name}`, because: {file.message}")
        if name == NETWORK:
            lines.append(f"  `python {SCRIPT} {WEIGHTS}` makes one: `weights.keras`.")
        if name == COMPILED:
            lines.append(f"  `{SCRIPT}` trains with it, in a layer that adds it to the model.")
    return lines


def _custom_objects(package: "Package") -> list[str]:
    """What Keras says of a file with a class that it does not know, and what mends it."""
    own = [
        f"- What `{SCRIPT}` keeps, `trained.keras` or `weights.keras`, has layers of",
        "  `own_layers.py`: `import own_layers` before `load_model`.",
    ]
    return [
        "## Where Keras could not locate a class",
        "",
        "A `.keras` file has the names of its losses, metrics and layers, not their code. Where",
        "one is not Keras' own, `load_model` raises `TypeError: Could not locate class ...` and",
        "asks for `custom_objects`. That is never needed here:",
        "",
        f"- `{NETWORK}` has nothing in it that is not Keras' own.",
        f'- Of `{COMPILED}`: `import losses`, then `keras.saving.load_model("{COMPILED}")`. The',
        "  import registers each class under the name that the file has. From another folder, put",
        "  this one on the path: `sys.path.insert(0, folder)`.",
        f'- Or leave the loss out: `keras.saving.load_model("{COMPILED}", compile=False)`.',
        *(own if package.own else []),
        "",
    ]
