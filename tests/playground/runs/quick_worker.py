"""A worker whose training needs no TensorFlow, so that what is around it can be tested fast.

All is the real worker's but the loop. The seed chooses what the run does: 0 trains for
ten minutes, 1 completes after 40 steps, 2 gets stuck before the first step, 3 gets stuck after
20 steps, 4 ends the process before it takes the run up (only the first time), 5 fails, 6 completes
after 1,500 steps, 7 completes after 3,000 and keeps a checkpoint every 100.
"""

import os
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from playground import answers, worker
from playground.errors import CheckpointError
from playground.questions import LOOKS
from playground.spec import RunSpec
from playground.training.checkpoint import Start
from playground.training.control import Control
from playground.training.events import (
    Changed,
    Evaluated,
    Event,
    Failed,
    Finished,
    Preparing,
    Progress,
    Resumed,
    Snapshot,
    Started,
)


def run(
    spec: RunSpec, control: Control, prepared: object = None, start: Start | None = None
) -> Iterator[Event]:
    yield Preparing("Reading", 0.5)
    if spec.seed == 2:
        time.sleep(600)
    steps = {1: 40, 6: 1500, 7: 3000}.get(spec.seed, 12_000)
    loss = {"pid": os.getpid(), "parameters": [{"name": "gamma"}], "attended": control.attended}
    strip = {"strip_labels": np.array([1, 0])}
    yield Started(1234, [], steps, 20, 100, 10, 10, ["a", "b"], loss, strip)
    step, paused = 0, False
    if start is not None:
        if start.arrays and "step" not in start.arrays:
            raise CheckpointError("What was kept of this run is no checkpoint.")
        step = int(start.arrays.get("step", 0))
        paused = start.paused
        yield Resumed(step, 0, step // 20)
        if paused:
            yield Changed(step, "state", "", "paused")
    while step < steps:
        time.sleep(0.02)
        command = control.receive()
        once = False
        if command is not None:
            if command.do in ("stop", "keep", "pause", "resume"):
                arrays = {"step": np.array(step), "paused": np.array(command.do == "pause")}
                yield Snapshot(step, "checkpoint", arrays)
            if command.do == "stop":
                yield Finished(step, "stopped", step / 20)
                return
            if command.do in ("pause", "resume"):
                paused = command.do == "pause"
                yield Changed(step, "state", "", "paused" if paused else "running")
            if command.do == "change":
                yield Changed(step + 1, command.kind, command.name, command.value)
            once = command.do == "step"
        if paused and not once:
            continue
        size = min(1 if once else 10, steps - step)
        step += size
        values = np.arange(step - size + 1, step + 1, dtype=np.float32)
        yield Progress(step, step / 20, step / 20, 640.0, {"loss": values, "accuracy": values})
        if step % 20 == 0:
            yield Evaluated(
                step, step / 20, "validation", 10, False, {"loss": 1.0, "accuracy": 0.5},
                {"confusion": np.eye(2, dtype=np.int32)},
            )  # fmt: skip
        if step % 100 == 0 and spec.seed == 7:
            yield Snapshot(step, "checkpoint", {"step": np.array(step)})
        if step >= 20 and spec.seed == 3:
            time.sleep(600)
        if step >= 20 and spec.seed == 5:
            yield Failed(step, "nonfinite", "The loss is not finite.", "", {"line": 1, "column": 2})
            return
    yield Finished(step, "completed", step / 20, {"loss": 1.0, "accuracy": 0.5})


def _check(request: dict, control: Control) -> dict:
    if request["text"] == "slow":
        time.sleep(600)
    if request["text"].startswith("sleep"):
        time.sleep(float(request["text"].removeprefix("sleep")))
    if request["text"] == "fatal":
        os._exit(3)
    return {"ok": True, "text": request["text"], "pid": os.getpid()}


def _look(request: dict, control: Control) -> dict:
    """An embedding of 16 numbers; of anything else, what was asked for."""
    if request["do"] == "embedding":
        features, centers = np.zeros((20, 16), np.float32), np.zeros((2, 16), np.float32)
        return {"points": features, "centers": centers, "method": request["method"], "width": 16}
    return {"what": request["do"], "pid": os.getpid()}


def _project(request: dict, control: Control) -> dict:
    time.sleep(1)
    points = np.full((len(request["points"]), request["dims"]), time.time(), np.float32)
    return {"points": points, "centers": points[:2], "made": time.monotonic()}


def _once_before_taking_up(marker: Path) -> None:
    """Lets the first worker that gets a run of seed 4 die before it answers."""
    train = worker.RequestLoop._train

    def dying(self: worker.RequestLoop, run_id: str, spec: str, start: dict | None) -> None:
        if RunSpec.from_json(spec).seed == 4:
            if not marker.exists():
                marker.touch()
                os._exit(3)
            marker.unlink()
        train(self, run_id, spec, start)

    worker.RequestLoop._train = dying  # type: ignore[method-assign]


if __name__ == "__main__":
    loop = types.ModuleType("playground.training.loop")
    loop.run = run  # type: ignore[attr-defined]
    sys.modules["playground.training.loop"] = loop
    worker._WARM_UPS = dict.fromkeys(worker._WARM_UPS, lambda: None)
    looks = dict.fromkeys(LOOKS, _look)
    answers.ANSWERS.update({"check": _check, "project": _project, **looks})
    _once_before_taking_up(Path(tempfile.gettempdir()) / f"quick-worker-{os.getppid()}")
    worker.main(sys.argv[1])
