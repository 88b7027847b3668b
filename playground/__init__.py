"""How a loss is minimised, watched and kept. Nothing here imports Streamlit."""

from collections.abc import Iterator

from playground.errors import PlaygroundError
from playground.spec import RunSpec
from playground.training.checkpoint import Start
from playground.training.control import Control
from playground.training.events import Event

__all__ = ["Control", "PlaygroundError", "RunSpec", "Start", "train"]


def train(
    spec: RunSpec, control: Control | None = None, start: Start | None = None
) -> Iterator[Event]:
    """Trains the run that `spec` describes in this process and yields its events as they come; with
    a `start` (`Store.start`) from a checkpoint on.

    Imports TensorFlow on the first call: the web server must not call it (a worker does).
    Raises DataError, SpecError, CheckpointError or RefusedLoss (a losses.LossError) before the
    first step; a fault while training ends the events with Failed.
    """
    from playground.training.loop import run

    return run(spec, control or Control(), start=start)
