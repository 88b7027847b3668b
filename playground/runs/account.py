"""What happens to runs, for those who run the server: counted for Prometheus, and in the log."""

import time

from playground import logs, monitoring
from playground.runs.run_queue import QueuedRun
from playground.training.events import Event, Failed, Finished, Progress


def begun(one: QueuedRun) -> None:
    """A run waits for its turn: it is new, or goes on."""
    logs.tell(
        "run waits",
        run=one.run_id,
        visitor=logs.who(one.visitor),
        task=one.spec.task,
        dataset=one.spec.dataset,
        epochs=one.spec.epochs,
        again=one.again,
        short=one.short,
    )


def given(one: QueuedRun, worker: int) -> None:
    """A worker, by its process' number, is given a run."""
    waited = time.monotonic() - one.since
    monitoring.WAIT_SECONDS.observe(waited)
    logs.tell("run has a worker", run=one.run_id, worker=worker, waited=round(waited, 3))


def heard(run_id: str, event: Event) -> None:
    """A worker says something of its run."""
    if isinstance(event, Progress):
        monitoring.STEPS.inc(len(event.series["loss"]))
    elif isinstance(event, Finished):
        ended(run_id, event.reason, "", event.step, event.seconds)
    elif isinstance(event, Failed):
        ended(run_id, "failed", event.kind, event.step)


def ended(
    run_id: str, state: str, kind: str = "", step: int | None = None, seconds: float | None = None
) -> None:
    """A run has ended; `kind` says of which nature a fault is."""
    monitoring.ENDS.labels(state).inc()
    logs.tell("run ended", run=run_id, state=state, kind=kind, step=step, seconds=seconds)


def steered(run_id: str, visitor: str, do: str) -> None:
    """A visitor's command to a run was taken."""
    logs.tell("run is steered", run=run_id, visitor=logs.who(visitor), do=do)


def refused(visitor: str, what: str) -> None:
    """A visitor has asked too often for runs, checks or looks."""
    monitoring.REFUSED.labels(what).inc()
    logs.tell("asked too often", visitor=logs.who(visitor), what=what)
