"""The verdict on a run of any task, of what the store has of it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from playground.verdicts import finding, fit, heads, posterior
from playground.verdicts.words import Verdict

# Of the tasks whose own numbers say how they fare.
OWN: Mapping[str, Callable[[Any, Any], Verdict]] = {
    "autoencoder": posterior.verdict,
    "detection": finding.verdict,
    "siamese": heads.verdict,
}


def has_own(record: Any) -> bool:
    """Whether the verdict on a run rests on its task's own numbers, and on no doctor's."""
    return record.spec.task in OWN


def judge(store: Any, record: Any, doctor: Iterable[Mapping[str, Any]] = ()) -> Verdict:
    """The verdict on a run, with what the `doctor` says of its loss where that is known. Raises
    StoreError."""
    if has_own(record):
        return OWN[record.spec.task](store, record)
    return fit.judge(fit.read(store, record, doctor))
