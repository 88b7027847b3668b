"""A run taken home: a script and a notebook that train its network in plain Keras 3, the weights it
has learned, the network with them, its curves, and the package `losses`, which needs none of ours.
Imports no Keras."""

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from playground import layers, models
from playground.analysis import curves
from playground.datasets import own
from playground.errors import PlaygroundError, RunError, SpecError, StoreError
from playground.export_notebook import notebook
from playground.export_parts import (
    COMPILED,
    DATA,
    NEEDED,
    NETWORK,
    NOTEBOOK,
    README,
    SCRIPT,
    SERIES,
    WEIGHTS,
)
from playground.export_readme import readme
from playground.runs import portable
from playground.runs.files import to_npz
from playground.runs.records import RunRecord
from playground.runs.store import Store
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.training.changes import as_changed
from playground.training.events import Snapshot

ROOT = Path(__file__).parents[1]
# A module of ours that another imports lies beside it in a zip.
BESIDE = re.compile(r"^from playground(?:\.training)? import ", re.MULTILINE)
# Makes the file of a network of this form with these weights; a worker has Keras for it
# (`playground.analysis.files`).
NetworkFile = Callable[[str, RunSpec, Mapping[str, np.ndarray]], bytes]
FOR_THE_NOTEBOOK = ("ipykernel>=6", "matplotlib>=3.8")
STILL = "Its script, its notebook and its curves can be taken all the same."


@dataclass(frozen=True)
class Package:
    """What a zip is made of: the `spec` as the run has it by now, whether it was `changed` midway,
    its `weights` of a `step` by their paths ("logits/kernel"), or why they are `missing`; the
    network's `files` by name, each its content or why there is none; `more` files, each its content
    or where it lies."""

    spec: RunSpec
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    files: Mapping[str, bytes | PlaygroundError] = field(default_factory=dict)
    more: Mapping[str, bytes | Path] = field(default_factory=dict)
    step: int = 0
    changed: bool = False
    missing: str = ""

    @property
    def own(self) -> bool:
        """Whether the script needs layers that Keras has not."""
        return layers.needs_own(models.plan(self.spec))

    @cached_property
    def script(self) -> str:
        """The script that trains the network."""
        text: str = TASKS[self.spec.task].script(self.spec, self.weights, self.changed)
        return text


def record_of(store: Store, run_id: str) -> RunRecord:
    """A run that can be exported. Raises SpecError for one that is unknown or foreign, and
    StoreError."""
    record = store.run(run_id)
    if record is None:
        raise SpecError("run", f"there is no run {run_id[:20]!r} in the history")
    if record.foreign:
        raise SpecError("run", record.foreign)
    return record


def latest_weights(store: Store, record: RunRecord) -> Snapshot | str:
    """The last weights of a run, or why there are none, in a sentence."""
    try:
        found = store.snapshot(record.id, "weights")
    except StoreError as error:
        return error.message
    if found is not None:
        return found
    if record.live:
        return f"Run #{record.number} has kept no weights yet."
    return f"No weights of run #{record.number} are kept any more."


def bundle(store: Store, run_id: str, network_file: NetworkFile) -> bytes:
    """A zip of a run as it is by now: its script and notebook, its last weights if there are any,
    the network with them as `network_file` makes it, its curves, and all that the script needs.
    What cannot be had, the zip's README says why. Raises SpecError for an unknown run, StoreError.
    """
    record = record_of(store, run_id)
    spec = as_changed(record.spec, store.marks(run_id))
    latest = latest_weights(store, record)
    there = isinstance(latest, Snapshot)
    more: dict[str, bytes | Path] = {
        SERIES: curves.table(store, run_id).encode(),
        **dict(portable.members(store, run_id, portable.ROOM if there else 0)),
        **_own_data(spec),
    }
    package = Package(spec, more=more, changed=spec != record.spec)
    if isinstance(latest, str):
        return packed(replace(package, missing=latest))
    files: dict[str, bytes | PlaygroundError] = {}
    for form in (NETWORK, COMPILED):
        try:
            files[form] = network_file(form, spec, latest.arrays)
        except PlaygroundError as error:
            files[form] = error
    return packed(replace(package, weights=latest.arrays, files=files, step=latest.step))


def network(store: Store, run_id: str, form: str, network_file: NetworkFile) -> bytes:
    """The network alone with the weights of now, as a file of a form. Raises SpecError for an
    unknown run, RunError where there are no weights, StoreError, and what `network_file` raises."""
    record = record_of(store, run_id)
    latest = latest_weights(store, record)
    if isinstance(latest, str):
        raise RunError(latest, STILL)
    return network_file(form, as_changed(record.spec, store.marks(run_id)), latest.arrays)


def packed(package: Package) -> bytes:
    """A zip of a package, with all that its script needs."""
    spec, task = package.spec, TASKS[package.spec.task]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(README, readme(package))
        archive.writestr(SCRIPT, package.script)
        archive.writestr(NOTEBOOK, notebook(package))
        archive.writestr(NEEDED, _requirements(spec))
        for path in sorted((ROOT / "losses").rglob("*.py")):
            archive.write(path, path.relative_to(ROOT))
        for module in ("pairs.py", *task.packed):
            source = (ROOT / "playground" / "training" / module).read_text("utf-8")
            archive.writestr(module, BESIDE.sub("import ", source))
        if package.own:
            archive.write(ROOT / "playground" / "own_layers.py", "own_layers.py")
        if package.weights:
            archive.writestr(WEIGHTS, to_npz(package.weights))
        for name, file in package.files.items():
            if isinstance(file, bytes):
                archive.writestr(name, file)
        for name, content_or_place in package.more.items():
            if isinstance(content_or_place, bytes):
                archive.writestr(name, content_or_place)
            else:
                _write_own(archive, name, content_or_place)
    return content.getvalue()


def _own_data(spec: RunSpec) -> dict[str, Path]:
    """The file of a run's own images, which are nowhere else, if they are still here."""
    if not own.is_own(spec.dataset):
        return {}
    path = own.images_file(spec.dataset)
    return {DATA: path} if path.exists() else {}


def _write_own(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Copies images of a visitor's into a zip, a piece at a time."""
    try:
        archive.write(path, name)
    except OSError as error:
        raise StoreError(f"The run's own images cannot be read: {error.strerror}.") from error


def _requirements(spec: RunSpec) -> str:
    lines = (ROOT / NEEDED).read_text("utf-8").splitlines()
    needed = ["tensorflow", "keras", "numpy"]
    fitted = getattr(spec, "correction", "") == "bias"  # by SciPy, which comes with scikit-learn
    needed += ["scikit-learn"] if spec.dataset == "digits" or fitted else []
    found = [line for line in lines if line.startswith(tuple(needed))]
    return "".join(f"{line}\n" for line in [*found, *FOR_THE_NOTEBOOK])
