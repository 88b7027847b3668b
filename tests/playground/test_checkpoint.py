"""A run that goes on from a checkpoint has the numbers that it would have had, bit for bit, in
every task; a branch takes what still means the same; what is no checkpoint of it is told."""

import json
from functools import cache

import numpy as np
import pytest

from playground.errors import CheckpointError, RunError
from playground.runs.files import from_npz, to_npz
from playground.spec import RunSpec
from playground.training import checkpoint, loop
from playground.training.control import Control
from playground.training.events import (
    Changed,
    Evaluated,
    Event,
    Finished,
    Progress,
    Resumed,
    Snapshot,
)

SMALL = {"dataset": "digits", "train_images": 200, "epochs": 2, "evaluations": 3, "width": 4}
CENTERED = "cross_entropy() + 0.01 * sum(square(features - take(centers, labels, axis=0)), axis=-1)"
SPECS = {
    "classification": RunSpec(
        **SMALL, dropout=0.3, optimizer="nadam", patience=1, mixup=0.2, flip=True, loss=CENTERED
    ),
    "incremental": RunSpec(
        **{**SMALL, "epochs": 5},
        task="incremental",
        kept="exemplars",
        exemplars=10,
        correction="nearest_mean",
    ),
    "siamese": RunSpec(**SMALL, task="siamese", weighting="gradnorm"),
    "autoencoder": RunSpec(**SMALL, task="autoencoder"),
    "detection": RunSpec(
        **SMALL, task="detection", stages="two", canvases=200, held_canvases=20, proposals=8
    ),
}


class Always(checkpoint.Pace):
    """As often as one may be due."""

    def allows(self, share: float) -> bool:
        return True


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "Pace", Always)


def trained(spec: RunSpec, start: checkpoint.Start | None = None) -> list[Event]:
    """All events of a run whose learning rate is changed after its 4th step, where it begins."""
    control, found = Control(keeping=True), []
    for event in loop.run(spec, control, start=start):
        found.append(event)
        early = isinstance(event, Progress | Evaluated) and event.step in range(4, 9)
        if start is None and early and not any(isinstance(e, Changed) for e in found):
            control.send("change", "rate", "learning_rate", spec.learning_rate / 2)
    return found


@cache
def whole(task: str) -> list[Event]:
    return trained(SPECS[task])


def checkpoints(events: list[Event]) -> list[tuple[int, Snapshot]]:
    kinds = (e.kind if isinstance(e, Snapshot) else "" for e in events)
    return [(i, events[i]) for i, kind in enumerate(kinds) if kind == "checkpoint"]


def halfway(events: list[Event]) -> Snapshot:
    """The middle one of the checkpoints at an evaluation; others are kept by the clock."""
    looked = {e.step for e in events if isinstance(e, Evaluated)}
    kept = [snapshot for _, snapshot in checkpoints(events) if snapshot.step in looked]
    return kept[len(kept) // 2]


def evaluated(events: list[Event]) -> list[tuple]:
    return [
        (
            *(e.step, e.split, {name: float(each).hex() for name, each in e.metrics.items()}),
            {name: np.asarray(each).tobytes() for name, each in e.arrays.items()},
        )
        for e in events
        if isinstance(e, Evaluated)
    ]


def curves(events: list[Event], after: int) -> dict[tuple[str, int], str]:
    """Every number of every step but the clock's."""
    return {
        (name, step): float(value).hex()
        for event in events
        if isinstance(event, Progress)
        for name, values in event.series.items()
        for step, value in enumerate(values, event.step - len(values) + 1)
        if step > after and name != "seconds"
    }


@pytest.mark.parametrize("task", SPECS)
def test_a_run_that_goes_on_has_the_numbers_that_it_would_have_had(task: str) -> None:
    before = whole(task)
    kept = checkpoints(before)
    at, snapshot = kept[len(kept) * 2 // 3]
    arrays = from_npz(to_npz(snapshot.arrays))  # as it comes back from the disk
    after = trained(SPECS[task], checkpoint.Start(arrays))
    (resumed,) = [e for e in after if isinstance(e, Resumed)]
    past = before[:at]
    assert resumed.step == snapshot.step > 4
    assert resumed.marks == sum(isinstance(e, Changed) for e in past) >= 1
    assert resumed.evaluations == sum(isinstance(e, Evaluated) for e in past)
    assert evaluated(after) == evaluated(before[at:])
    assert curves(after, 0) == curves(before, snapshot.step) != {}
    assert after[-1].metrics == before[-1].metrics
    assert before[-1].reason == after[-1].reason == "completed"
    last = checkpoints(after)[-1][1].arrays
    known = checkpoints(before)[-1][1].arrays
    for name in set(known) - {checkpoint.FACTS}:
        np.testing.assert_array_equal(last[name], known[name], name)


@pytest.mark.parametrize("was", [True, False])
@pytest.mark.parametrize("paused", [True, False])
def test_it_comes_back_paused_where_that_is_asked_for_and_says_so(was: bool, paused: bool) -> None:
    """Whatever it was when the checkpoint was taken: the next one may never have come."""
    spec, control, kept = RunSpec(**SMALL), Control(keeping=True), []
    for event in loop.run(spec, control):
        if isinstance(event, Progress) and event.step == 4:
            control.send("pause" if was else "stop")
        if isinstance(event, Changed):  # it is paused
            control.send("stop")
        if isinstance(event, Snapshot) and event.kind == checkpoint.KIND:
            kept.append(event.arrays)
    assert checkpoint.facts_of(kept[-1])["paused"] is was
    control, states = Control(keeping=True), []
    for event in loop.run(spec, control, start=checkpoint.Start(kept[-1], paused=paused)):
        if isinstance(event, Changed):
            states.append(event.value)
            if event.value == "paused":
                control.send("resume")
    assert states == (["paused", "running"] if paused else ["running"] * was)
    assert isinstance(event, Finished) and event.reason == "completed"


def test_a_branch_goes_on_with_another_loss_rate_and_regulariser() -> None:
    task = "classification"
    snapshot = halfway(whole(task))
    spec = SPECS[task].model_copy(
        update={"loss": "focal", "learning_rate": 1e-4, "dropout": 0.0, "epochs": 3}
    )
    found = trained(spec, checkpoint.Start(snapshot.arrays, branch=True))
    first = next(e for e in found if isinstance(e, Evaluated))
    left = next(e for e in whole(task) if isinstance(e, Evaluated) and e.step == snapshot.step)
    assert first.step == snapshot.step  # it is drawn from where it left
    assert first.metrics["accuracy"] == left.metrics["accuracy"]
    assert first.metrics["loss"] != left.metrics["loss"]
    rates = np.concatenate([e.series["learning_rate"] for e in found if isinstance(e, Progress)])
    assert 0 < rates.max() <= 1e-4 * 1.001
    assert isinstance(found[-1], Finished)
    assert found[-1].step == 3 * (whole(task)[-1].step // 2)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_branch_keeps_what_its_optimizer_has_gathered_or_begins_anew(fresh: bool) -> None:
    snapshot = halfway(whole("classification"))
    spec = SPECS["classification"].model_copy(update={"epochs": 3})
    training = loop.prepare(spec)
    start = checkpoint.Start(snapshot.arrays, branch=True, optimizer=not fresh)
    checkpoint.restore(training, start)
    now = checkpoint.take(training)
    gathered = [name for name in now if name.startswith("optimizer/")]
    same = all(np.array_equal(now[name], snapshot.arrays[name]) for name in gathered)
    assert same is not fresh
    weights = [name for name in now if name.startswith("network/")]
    assert all(np.array_equal(now[name], snapshot.arrays[name]) for name in weights)


def test_a_branch_has_the_images_and_the_network_of_the_run_that_it_leaves() -> None:
    snapshot = halfway(whole("classification"))
    for changed, words in (
        ({"batch_size": 16}, "Batch size"),
        ({"seed": 7}, "Seed"),
        ({"width": 8}, "Width"),
    ):
        spec = SPECS["classification"].model_copy(update=changed)
        with pytest.raises(RunError, match=words):
            trained(spec, checkpoint.Start(snapshot.arrays, branch=True))


def _facts(arrays, **changes):
    facts = {**checkpoint.facts_of(arrays), **changes}
    return {**arrays, checkpoint.FACTS: np.frombuffer(json.dumps(facts).encode(), np.uint8)}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda a: {"x": np.zeros(3)}, "no checkpoint"),
        (lambda a: {**a, "facts": np.zeros(9, np.uint8)}, "no checkpoint"),
        (lambda a: _facts(a, format=99), "no checkpoint"),
        (lambda a: _facts(a, digest="0" * 16), "not of a run of these settings"),
        (lambda a: _facts(a, phase=4), "of no step"),
        (lambda a: _facts(a, evaluation={}), "incomplete or damaged"),
        (lambda a: _facts(a, good={"step": 1}), "incomplete or damaged"),
        (lambda a: {k: v for k, v in a.items() if "optimizer" not in k}, "incomplete or damaged"),
        (
            lambda a: {k: v for k, v in a.items() if not k.startswith("work")},
            "incomplete or damaged",
        ),
        (
            lambda a: {k: v[:1] if "network" in k and v.ndim > 1 else v for k, v in a.items()},
            "another network",
        ),
    ],
)
def test_what_is_no_checkpoint_of_the_run_is_told_in_one_sentence(spoil, words: str) -> None:
    snapshot = halfway(whole("classification"))
    training = loop.Training(SPECS["classification"], loop.datasets.load("digits"))
    with pytest.raises(CheckpointError, match=words) as caught:
        checkpoint.restore(training, checkpoint.Start(spoil(dict(snapshot.arrays))))
    assert str(caught.value).count(". ") == 0
