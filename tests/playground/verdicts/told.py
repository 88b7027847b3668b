"""A real run, trained once and kept in a store, and what is said of it."""

import json
from typing import Any

import losses
from playground.runs.records import RunRecord
from playground.runs.store import Store
from playground.spec import RunSpec
from playground.training.events import Snapshot
from playground.verdicts import fit

_DOCTORED: dict[str, list[dict[str, Any]]] = {}


def trained(store: Store, spec: RunSpec) -> RunRecord:
    """The run of a spec in this store, trained if it is not there."""
    known = store.by_digest([spec.digest]).get(spec.digest)
    if known is None or known.live:
        from playground import train

        run_id = store.create(spec, "benchmark", "preparing")
        for event in train(spec):
            if not isinstance(event, Snapshot):
                store.record(run_id, event)
        known = store.run(run_id)
    assert known is not None
    return known


def doctored(spec: RunSpec) -> list[dict[str, Any]]:
    """What the doctor says of a run's loss."""
    key = json.dumps([spec.loss, spec.loss_parameters])
    if key not in _DOCTORED:
        named = spec.loss.isidentifier()
        make = losses.get if named else losses.compile_loss
        loss = make(spec.loss, **spec.loss_parameters) if named else make(
            spec.loss, spec.loss_parameters)  # fmt: skip
        _DOCTORED[key] = losses.doctor(loss, seconds=5).as_dict()["verdicts"]
    return _DOCTORED[key]


def judged(store: Store, spec: RunSpec) -> fit.Verdict:
    """The verdict on the run of a spec, with the doctor's word on its loss."""
    record = trained(store, spec)
    return fit.judge(fit.read(store, record, doctored(spec)))
