"""What a server tells Prometheus of itself: counts and times, never a text or a name of a visitor.

The numbers are of this process. Those of a moment (runs that train, that wait) are asked for when
they are read, by `Moment`; the others are counted where they happen.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()
STEPS = Counter("playground_steps", "Training steps of all runs.", registry=REGISTRY)
ENDS = Counter(
    "playground_runs_ended", "Runs that ended here, by how.", ["state"], registry=REGISTRY
)
DEATHS = Counter(
    "playground_worker_deaths",
    "Workers that were gone without having been asked to end, by what they did.",
    ["role"],
    registry=REGISTRY,
)
STORE_SECONDS = Histogram(
    "playground_store_seconds",
    "How long the store took to keep an event of a run, or to be read for a run's viewers.",
    ["what"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
    registry=REGISTRY,
)
WAIT_SECONDS = Histogram(
    "playground_run_wait_seconds",
    "How long runs have waited for a worker.",
    buckets=(0.1, 1, 3, 10, 30, 60, 180, 600, 1800, 3600),
    registry=REGISTRY,
)
REFUSED = Counter(
    "playground_refused",
    "What was asked for too often by one visitor: a run, a file, a check, a look.",
    ["what"],
    registry=REGISTRY,
)
LAG_SECONDS = Histogram(
    "playground_message_lag_seconds",
    "From a run's news to the message that tells its viewers.",
    buckets=(0.03, 0.1, 0.25, 0.5, 1, 2, 5),
    registry=REGISTRY,
)


class Moment(Collector):
    """Gauges that are asked for when they are read: `ask` gives numbers by their names, which are
    those of `GAUGES`, and under "states" how many runs are in which state."""

    GAUGES: Mapping[str, str] = {
        "running": "Runs that have a worker.",
        "queued": "Runs that wait for a worker.",
        "waited_seconds": "How long the run that waits longest has waited.",
        "warm": "Training workers that are ready.",
        "workers": "Training workers that there may be.",
        "viewers": "Pages that are told of runs.",
        "disk_free_bytes": "What is free on the disk of the store.",
    }

    def __init__(self, ask: Callable[[], Mapping[str, Any]]) -> None:
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        """The gauges as they are."""
        now = self._ask()
        for name, about in self.GAUGES.items():
            yield GaugeMetricFamily(f"playground_{name}", about, now[name])
        about = "Runs that wait, prepare, run or pause at this server."
        runs = GaugeMetricFamily("playground_runs", about, labels=["state"])
        for state, count in now["states"].items():
            runs.add_metric([state], count)
        yield runs


def text(moment: Moment) -> bytes:
    """All numbers as Prometheus reads them (its text format 0.0.4)."""
    gauges = CollectorRegistry()
    gauges.register(moment)
    return generate_latest(REGISTRY) + generate_latest(gauges)
