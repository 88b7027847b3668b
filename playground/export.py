"""A run taken home: a script that trains its network in plain Keras 3, the weights it has learned,
and the package `losses`, which needs none of ours. Imports no Keras."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from playground import layers, models
from playground.datasets import source_of
from playground.errors import PlaygroundError, SpecError
from playground.export_parts import NEEDED, SCRIPT, WEIGHTS
from playground.runs.files import to_npz
from playground.runs.store import Store
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.training.changes import as_changed

ROOT = Path(__file__).parents[1]
README, NETWORK = "README.md", "network.keras"
# Makes the file of a network with these weights; `playground.analysis.files` has Keras for it.
KerasFile = Callable[[RunSpec, Mapping[str, np.ndarray]], bytes]


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
            f"  {('N', *next(iter(plan.inputs.values())))} of 0 to 255, {gives}",
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


def _requirements(spec: RunSpec) -> str:
    lines = (ROOT / NEEDED).read_text("utf-8").splitlines()
    needed = ["tensorflow", "keras", "numpy"]
    fitted = getattr(spec, "correction", "") == "bias"  # by SciPy, which comes with scikit-learn
    needed += ["scikit-learn"] if spec.dataset == "digits" or fitted else []
    return "".join(f"{line}\n" for line in lines if line.startswith(tuple(needed)))
