"""Runs on a Ray cluster of simulated nodes: what so many nodes train beside one, how long a command
takes, and what going by Ray costs.

    python tests/benchmarks/scale_out.py [--nodes 2] [--images 20000] [--turns 3]
    python tests/benchmarks/scale_out.py --latency

Each node has one CPU, so one worker with one thread. Per turn one run trains alone on the cluster,
then as many together as there are nodes, then one in a worker of this machine without Ray, with as
many threads; from submitting to the end of the last, tracing included. Prints images per second and
ratios, of which the median counts. `--latency` sends pause and resume to a run twenty times, by
either executor, and takes the time from the command to the store's saying so. Set PLAYGROUND_DATA.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playground.runs.store import open_store  # noqa: E402
from playground.runs.supervisor import Supervisor  # noqa: E402
from playground.settings import Settings  # noqa: E402
from playground.spec import RunSpec  # noqa: E402
from tests.ray_cluster import RayCluster  # noqa: E402


def until(condition: Callable[[], bool], pause: float = 0.01) -> None:
    """Waits; ten minutes at most."""
    end = time.monotonic() + 600
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("waited in vain")
        time.sleep(pause)


@contextmanager
def serving(workers: int, **changes: Any) -> Iterator[Supervisor]:
    """A supervisor with so many warm workers of one thread each."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home), workers=workers, warm_workers=workers, worker_cores=1,
            looker_free_gib=1e6, **changes,
        )  # fmt: skip
        service = Supervisor(settings, open_store(settings))
        service.start(checking=False)
        try:
            until(lambda: service.status()["warm"] == workers)
            yield service
        finally:
            service.close()
            service.store.close()


def speed(service: Supervisor, spec: RunSpec, runs: int) -> float:
    """Images per second of so many runs at once, all together."""
    specs = [spec.model_copy(update={"seed": seed}) for seed in range(runs)]
    began = time.monotonic()
    ids = service.submit_all(specs, "me")
    until(lambda: not any(service.store.run(each).live for each in ids))  # type: ignore[union-attr]
    took = time.monotonic() - began
    if any(service.store.run(each).state != "completed" for each in ids):  # type: ignore[union-attr]
        raise SystemExit("a run did not complete")
    return runs * spec.train_images * spec.epochs / took


def scale(options: argparse.Namespace) -> None:
    """Throughput of the nodes beside one, and of one beside none."""
    spec = RunSpec(dataset="mnist", train_images=options.images, epochs=1, evaluations=2)
    ratios: list[float] = []
    beside: list[float] = []
    with (
        RayCluster(options.nodes) as cluster,
        serving(options.nodes, executor="ray", ray_address=cluster.address) as on_ray,
        serving(1) as here,
    ):
        for _ in range(options.turns):
            alone = speed(on_ray, spec, 1)
            together = speed(on_ray, spec, options.nodes)
            local = speed(here, spec, 1)
            ratios.append(together / alone)
            beside.append(alone / local)
            print(
                f"one node {alone:8,.0f}/s, {options.nodes} nodes {together:8,.0f}/s: "
                f"{ratios[-1]:.2f} x; without Ray {local:8,.0f}/s: {beside[-1]:.2f} x",
                flush=True,
            )
    print(
        f"median {statistics.median(ratios):.2f} x of {options.nodes} nodes, "
        f"{statistics.median(beside):.2f} x by Ray"
    )


def latency() -> None:
    """From a command to what the store says."""
    with RayCluster(1) as cluster:
        for name, changes in (
            ("here", {}),
            ("on Ray", {"executor": "ray", "ray_address": cluster.address}),
        ):
            with serving(1, **changes) as service:
                run_id = service.submit(RunSpec(dataset="mnist", epochs=50), "me")
                steps = partial(step_of, service, run_id)
                until(lambda steps=steps: steps() > 50)
                cuts = statistics.quantiles(commands(service, run_id), n=20)
                print(f"{name}: median {cuts[9] * 1e3:.0f} ms, p95 {cuts[18] * 1e3:.0f} ms")


def commands(service: Supervisor, run_id: str) -> list[float]:
    """Seconds of forty commands."""
    took = []
    for turn in range(40):
        do, state = (("pause", "paused"), ("resume", "running"))[turn % 2]
        began = time.monotonic()
        service.command(run_id, "me", do)
        until(partial(is_in, service, run_id, state), 0.001)
        took.append(time.monotonic() - began)
        time.sleep(0.1)
    return took


def step_of(service: Supervisor, run_id: str) -> int:
    """How far a run is."""
    return service.store.run(run_id).step  # type: ignore[union-attr]


def is_in(service: Supervisor, run_id: str, state: str) -> bool:
    """Whether a run is in a state."""
    return service.store.run(run_id).state == state  # type: ignore[union-attr]


def main() -> None:
    """Measures what the options say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--latency", action="store_true")
    options = parser.parse_args()
    if options.latency:
        latency()
    else:
        scale(options)


if __name__ == "__main__":
    main()
