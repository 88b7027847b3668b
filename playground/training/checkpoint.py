"""Checkpoints: all that the rest of a run depends on, as arrays, and how a run goes on from one.

A checkpoint is taken between two steps and holds

- `network/<weight>`    every weight by its path, and `seeds/<i>`, where its random streams are
- `optimizer/<i>`       the optimiser's variables, in its own order
- `work/<name>`         what the task keeps beside (`Work.state`): centres, a teacher, exemplars
- `good/`, `best/`      weights that the run may go back to, where they are not those of now
- `facts`               JSON as uint8: the step, the phase, the loss and rates as they are by now,
                        what is still to be evaluated, early stopping, the evaluations' samples

The order of the batches and what is drawn for them follow from seed, step and phase. A run that
goes on from a checkpoint has the numbers that it would have had, bit for bit on one machine; one
that branches off has another spec and takes of it what still means the same.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.errors import CheckpointError, PlaygroundError
from playground.spec import RunSpec
from playground.training import changes
from playground.training.events import Arrays
from playground.training.stopping import BestEpoch, Good

if TYPE_CHECKING:
    from playground.training.loop import Training

KIND = "checkpoint"  # of the Snapshot that it goes out as
FORMAT = 1
FACTS = "facts"
# What of a run's time checkpoints may take: of those at evaluations, and after a change.
AT_EVALUATION, AFTER_CHANGE, ALWAYS = 0.02, 0.1, 1.0


@dataclass(frozen=True)
class Start:
    """Where a run begins that does not begin from scratch: with a checkpoint's arrays, or again
    from its first step where there are none. A `branch` of another run has a spec of its own, and
    the `optimizer` keeps what it has gathered or begins anew."""

    arrays: Arrays
    branch: bool = False
    optimizer: bool = True
    paused: bool = False  # it comes back so, whatever it was when the checkpoint was taken


class Pace:
    """How often a checkpoint may be taken: so that all take at most a share of the run's time."""

    def __init__(self) -> None:
        self._ended = time.perf_counter()
        self._cost = 0.0  # seconds of this thread's work that the last took

    def allows(self, share: float) -> bool:
        """Whether another may be taken now."""
        return share >= ALWAYS or time.perf_counter() - self._ended >= self._cost / share

    def took(self, cost: float) -> None:
        """One was taken and handed over at this cost."""
        self._ended, self._cost = time.perf_counter(), cost


def take(training: "Training") -> dict[str, np.ndarray]:
    """The checkpoint of a run as it is, between two steps."""
    now, kept = training.network_state(), training.kept.arrays
    found = _prefixed("network", now)
    found |= _numbered("seeds", training.graph.seeds)
    found |= _numbered("optimizer", training.graph.optimizer_variables)
    found |= _prefixed("work", training.work.state())
    # The same weights are kept once: those of now, those of the best evaluation and epoch.
    same = all(np.array_equal(kept[name], value) for name, value in now.items())
    places: dict[int, str] = {id(kept): "now"} if same else {}
    for name, arrays in (("good", training.good.arrays), ("best", training.best.weights)):
        if arrays and id(arrays) not in places:
            places[id(arrays)] = name
            found |= _prefixed(name, arrays)
    good, best = training.good, training.best
    facts = {
        "format": FORMAT,
        "digest": training.spec.digest,
        "spec": training.spec.to_json(),
        "step": training.step,
        "phase": training.phase,
        "steps": training.steps,
        "seconds": training.clock.seconds,
        "owed": training.owed,
        "paused": not training.allowed,
        "learning_rate": training.learning_rate,
        "loss": changes.loss_change(training.current),
        "good": {"step": good.step, "loss": good.loss, "at": places[id(good.arrays)]},
        "best": {
            "epoch": best.epoch,
            "step": best.step,
            "losses": best.losses,
            "at": places.get(id(best.weights), ""),
        },
        "evaluation": training.evaluation.state(),
        "marks": training.emitted["Changed"],
        "evaluations": training.emitted["Evaluated"],
    }
    found[FACTS] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    return found


def facts_of(arrays: Arrays) -> dict[str, Any]:
    """What a checkpoint says of itself. Raises CheckpointError for what is none."""
    try:
        found = json.loads(np.asarray(arrays[FACTS], np.uint8).tobytes())
        if not isinstance(found, dict) or found["format"] != FORMAT:
            raise ValueError("another format")
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError("What was kept of this run is no checkpoint.") from error
    return found


def restore(training: "Training", start: Start) -> None:
    """Sets a run that was just built to a checkpoint. Raises CheckpointError where it does not fit;
    the run is then of no use."""
    facts = facts_of(start.arrays)
    try:
        (_branch if start.branch else _resume)(training, start, facts)
    except PlaygroundError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise CheckpointError(
            f"The checkpoint of step {_step(facts)} is incomplete or damaged."
        ) from error


def _resume(training: "Training", start: Start, facts: Mapping[str, Any]) -> None:
    if facts["digest"] != training.spec.digest:
        raise CheckpointError(
            f"The checkpoint of step {_step(facts)} is not of a run of these settings and this "
            "version's numbers."
        )
    if facts["loss"] != changes.loss_change(training.current):
        training.take_loss(facts["loss"])
    training.set_learning_rate(float(facts["learning_rate"]))
    _place(training, start.arrays, facts)
    _assign(training.graph.optimizer_variables, _by_number(start.arrays, "optimizer"), "optimizer")
    weights = {"now": training.kept.arrays, "": {}}
    for name in ("good", "best"):
        weights[name] = _by_prefix(start.arrays, name)
    good, best = facts["good"], facts["best"]
    training.good = Good(int(good["step"]), float(good["loss"]), weights[good["at"]])
    training.best = BestEpoch(
        training.spec.patience,
        int(best["epoch"]),
        int(best["step"]),
        [float(each) for each in best["losses"]],
        weights[best["at"]],
    )
    training.steps = int(facts["steps"])
    training.owed = [str(each) for each in facts["owed"]]
    training.emitted["Changed"] = int(facts["marks"])
    training.emitted["Evaluated"] = int(facts["evaluations"])
    training.was_paused = bool(facts["paused"])
    if start.paused:
        training.allowed = 0


def _branch(training: "Training", start: Start, facts: Mapping[str, Any]) -> None:
    """Its spec is what it goes on with, so that it begins as if that had been changed: what was
    best by another loss says nothing, and all is evaluated once where it leaves."""
    left = RunSpec.from_json(facts["spec"])
    changes.check_branch(left, training.spec)
    if facts["step"] >= training.steps:
        raise CheckpointError(
            f"The run is to end after step {training.steps:,}, and this is step {_step(facts)}.",
            "Give it more epochs.",
        )
    _place(training, start.arrays, facts, branch=True)
    before = _by_number(start.arrays, "optimizer")
    if start.optimizer and left.optimizer == training.spec.optimizer:
        _assign(training.graph.optimizer_variables, before, "optimizer")
    training.begin_anew()
    training.good = Good(training.step, np.inf, training.weights())
    training.owed = training.evaluation.splits()


def _place(
    training: "Training", arrays: Arrays, facts: Mapping[str, Any], branch: bool = False
) -> None:
    """Network, random streams, the task's own and where in the run this is."""
    network = _by_prefix(arrays, "network")
    for name, value in training.network_state().items():
        if name not in network or network[name].shape != value.shape:
            raise CheckpointError(
                f"The checkpoint of step {_step(facts)} is of another network: {name} does not fit."
            )
    seeds = _by_number(arrays, "seeds")
    if not branch or len(seeds) == len(training.graph.seeds):
        _assign(training.graph.seeds, seeds, "seeds")
    training.phase, training.step = int(facts["phase"]), int(facts["step"])
    if not 0 <= training.phase < len(training.ends) or not training.step >= 0:
        raise CheckpointError("The checkpoint is of no step of this run.")
    training.set_network(network)
    training.work.resume(_by_prefix(arrays, "work"), training.phase, branch)
    training.evaluation.resume(facts["evaluation"])
    training.clock.before = float(facts["seconds"])
    training.begin_epoch()
    training.keep()


def _step(facts: Mapping[str, Any]) -> str:
    return f"{facts['step']:,}" if isinstance(facts.get("step"), int) else "?"


def _prefixed(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _by_prefix(arrays: Arrays, prefix: str) -> dict[str, np.ndarray]:
    start = f"{prefix}/"
    return {name.removeprefix(start): a for name, a in arrays.items() if name.startswith(start)}


def _numbered(prefix: str, variables: Any) -> dict[str, np.ndarray]:
    return {f"{prefix}/{i}": np.array(each.numpy()) for i, each in enumerate(variables)}


def _by_number(arrays: Arrays, prefix: str) -> list[np.ndarray]:
    found = _by_prefix(arrays, prefix)
    return [found[str(i)] for i in range(len(found))]


def _assign(variables: Any, values: list[np.ndarray], what: str) -> None:
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"another shape of {what}")
        variable.assign(value)
