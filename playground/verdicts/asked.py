"""The verdict on a run where the doctor is asked in the same process: the command line, benchmarks.
Imports TensorFlow when a doctor is needed and not before."""

import json
from functools import lru_cache
from typing import Any

from playground.spec import RunSpec
from playground.verdicts import fit, judging
from playground.verdicts.words import Verdict

SECONDS = 5.0  # that the doctor may take


def verdict(store: Any, record: Any) -> Verdict:
    """The verdict on a run; where something is wrong with it, with the doctor's word on its loss.
    Raises StoreError."""
    found = judging.judge(store, record)
    if found.kind in fit.WELL or judging.has_own(record):
        return found
    spec: RunSpec = record.spec
    doctor = examined(spec.task, spec.loss, json.dumps(spec.loss_parameters))
    return judging.judge(store, record, doctor)


@lru_cache(maxsize=64)
def examined(task: str, loss: str, parameters: str) -> list[dict[str, Any]]:
    """What the doctor says of a loss of a task, its parameters as JSON; nothing of one that is
    refused."""
    import losses
    from playground.errors import SpecError
    from playground.training import objective

    spec = RunSpec(task=task, loss=loss, loss_parameters=json.loads(parameters))
    try:
        built = objective.build(spec)
    except (SpecError, losses.LossError):
        return []
    found: list[dict[str, Any]] = losses.doctor(built, seconds=SECONDS).as_dict()["findings"]
    return found
