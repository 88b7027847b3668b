"""A real run, trained once and kept in a store, and what is said of it."""

import math

import numpy as np

from playground.runs.records import RunRecord
from playground.runs.store import Store
from playground.spec import RunSpec
from playground.training.events import Snapshot
from playground.verdicts import asked, fit


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


def judged(store: Store, spec: RunSpec) -> fit.Verdict:
    """The verdict on the run of a spec, with the doctor's word on its loss."""
    return asked.verdict(store, trained(store, spec))


def measured(store: Store, spec: RunSpec) -> dict[str, float]:
    """A run in each of the respects in which a next step promises something (`fit.RESPECTS`), of
    the weights it ended with."""
    record = trained(store, spec)
    curves = fit.read(store, record)
    finite = float(record.state == "completed")
    if not len(curves.epochs):
        return {**dict.fromkeys(fit.RESPECTS, math.nan), "finite": finite}
    at = curves.best_epoch - 1 if curves.best_epoch else -1
    knn = curves.evaluations.get("knn", np.array([math.nan]))
    return {
        "validation accuracy": float(curves.validation_accuracy[at]),
        "training accuracy": float(curves.train_accuracy[at]),
        "gap": float(curves.train_accuracy[at] - curves.validation_accuracy[at]),
        "validation NLL": float(curves.validation_nll[at]),
        "wrong labels learned": math.nan if curves.given is None else float(curves.given[at]),
        "classes answered": float(curves.classes - len(curves.missing)),
        "embedding": float(knn[-1]),
        "finite": finite,
    }


def is_better(respect: str, before: float, after: float) -> bool:
    """Whether a run that obeyed is better in that respect than the one before."""
    if math.isnan(before):
        return not math.isnan(after)
    lower = respect in ("gap", "validation NLL", "wrong labels learned")
    return after < before if lower else after > before
