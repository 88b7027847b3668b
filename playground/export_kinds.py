"""What a run can be taken home as, in one table: the export menu, the command line and the zip read
it. Imports no Keras: a network's file is written by a worker."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from playground import export, export_series
from playground.analysis import curves
from playground.errors import RunError, SpecError
from playground.export import NetworkFile
from playground.export_parts import NETWORK, ONNX
from playground.runs.store import Store

WAIT_SECONDS = 60.0  # for others' files to be made
_making = threading.BoundedSemaphore(2)  # at once: each is in memory as a whole


@dataclass(frozen=True)
class Kind:
    """A kind of export: its title, what it is in a line, the end of its file's name and its media
    type; `make(store, run_id, network_file)` gives its content. `weighted` ones are made of the
    run's weights."""

    title: str
    line: str
    ending: str
    mime: str
    make: Callable[[Store, str, NetworkFile], bytes]
    weighted: bool = False

    def file_name(self, number: int) -> str:
        """What a file of the run of this number is called."""
        return f"run-{number}{self.ending}"


def _network(form: str) -> Callable[[Store, str, NetworkFile], bytes]:
    return lambda store, run_id, network_file: export.network(store, run_id, form, network_file)


KINDS: dict[str, Kind] = {
    "code": Kind(
        "Keras code",
        "A zip: script and notebook that train it, the network, its weights, the losses.",
        ".zip",
        "application/zip",
        export.bundle,
    ),
    "keras": Kind(
        "Network for Keras",
        "One .keras file with the weights of now, which plain Keras opens.",
        ".keras",
        "application/octet-stream",
        _network(NETWORK),
        weighted=True,
    ),
    "onnx": Kind(
        "Network for ONNX",
        "One .onnx file, for ONNX Runtime and other programs without Keras.",
        ".onnx",
        "application/octet-stream",
        _network(ONNX),
        weighted=True,
    ),
    "tensorboard": Kind(
        "TensorBoard",
        "A zip with an event file of all curves, for tensorboard --logdir.",
        "-tensorboard.zip",
        "application/zip",
        lambda store, run_id, _: export_series.tensorboard(store, run_id),
    ),
    "csv": Kind(
        "Curves as CSV",
        "A row for each step, a column for each series.",
        ".csv",
        "text/csv",
        lambda store, run_id, _: curves.table(store, run_id).encode(),
    ),
    "parquet": Kind(
        "Curves as Parquet",
        "The same table, typed, for pandas, Polars or DuckDB.",
        ".parquet",
        "application/vnd.apache.parquet",
        lambda store, run_id, _: export_series.parquet(store, run_id),
    ),
}


def made(kind: Kind, store: Store, run_id: str, network_file: NetworkFile) -> bytes:
    """The content of a kind, made when not too many others are. Raises RunError where that takes
    too long, and as `kind.make`."""
    if not _making.acquire(timeout=WAIT_SECONDS):
        raise RunError("This server is making other files.", "Ask for this one in a minute.")
    try:
        return kind.make(store, run_id, network_file)
    finally:
        _making.release()


def kind_of(name: str, file_name: str) -> Kind:
    """The kind of this name, or, where none is given, of a file's ending, the longest that
    fits. Raises SpecError, which lists the kinds."""
    if name:
        found = KINDS.get(name)
    else:
        fitting = [kind for kind in KINDS.values() if file_name.lower().endswith(kind.ending)]
        found = max(fitting, key=lambda kind: len(kind.ending), default=None)
    if found is not None:
        return found
    listed = ", ".join(f"{name} ({kind.ending})" for name, kind in KINDS.items())
    said = f"as {name[:20]!r}" if name else f"into a file called {file_name[-40:]!r}"
    raise SpecError("kind", f"no run is written {said}", f"Choose one of {listed}.")
