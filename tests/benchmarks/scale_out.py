"""Runs on a Ray cluster of simulated nodes: what so many nodes train beside one, how long a command
takes, and what going by Ray costs.

    python tests/benchmarks/scale_out.py [--nodes 2] [--images 20000] [--turns 3]
    python tests/benchmarks/scale_out.py --paced
    python tests/benchmarks/scale_out.py --latency

Each node has one CPU, so one worker with one thread. Per turn one run trains alone on the cluster,
then as many together as there are nodes; then the same by workers of this machine without Ray, with
as many threads. From submitting to the end of the last, tracing included. Prints images per second,
CPU seconds of a run's worker, and ratios, of which the median counts: what the nodes train by what
one does, and, since cores of a shared machine are no cores of their own, by what as many workers do
without Ray. Last, what the actors and the process that speaks to Ray take of the CPU beside the
workers. `--paced` is of what one machine can have more nodes than cores: workers that compute
nothing and report at a pace of their own, 500 steps and 25 evaluations a second, by the code of the
real ones, on 1, 2, 4 and 8 nodes, so that what is around training is measured. `--latency` sends
pause and resume to a run twenty times, by either executor, and takes the time from the command to
the store's saying so. Set PLAYGROUND_DATA.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playground.runs.local_executor import WORKER_COMMAND  # noqa: E402
from playground.runs.store import open_store  # noqa: E402
from playground.runs.supervisor import Supervisor  # noqa: E402
from playground.settings import Settings  # noqa: E402
from playground.spec import RunSpec  # noqa: E402
from tests.load.quick import QUICK  # noqa: E402
from tests.ray_cluster import RayCluster, parent  # noqa: E402

PACED_SECONDS = 15.0


def until(condition: Callable[[], bool], pause: float = 0.01) -> None:
    """Waits; ten minutes at most."""
    end = time.monotonic() + 600
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("waited in vain")
        time.sleep(pause)


@contextmanager
def serving(
    workers: int, command: Sequence[str] = WORKER_COMMAND, **changes: Any
) -> Iterator[Supervisor]:
    """A supervisor with so many warm workers of one thread each."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home), workers=workers, warm_workers=workers, worker_cores=1,
            looker_free_gib=1e6, **changes,
        )  # fmt: skip
        service = Supervisor(settings, open_store(settings), worker_command=command)
        service.start(checking=False)
        try:
            until(lambda: service.status()["warm"] == workers)
            yield service
        finally:
            service.close()
            service.store.close()


def cpu(pids: Iterable[int]) -> float:
    """CPU seconds that processes have had, by Linux' word."""
    found = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def workers(service: Supervisor) -> list[int]:
    """The numbers of its workers' processes."""
    return [worker.pid for worker in service._slots]


def speed(service: Supervisor, spec: RunSpec, runs: int) -> tuple[float, float]:
    """Images per second of so many runs at once, all together, and the CPU seconds of one."""
    specs = [spec.model_copy(update={"seed": seed}) for seed in range(runs)]
    before = cpu(workers(service))
    began = time.monotonic()
    ids = service.submit_all(specs, "me")
    until(lambda: not any(service.store.run(each).live for each in ids))  # type: ignore[union-attr]
    took = time.monotonic() - began
    if any(service.store.run(each).state != "completed" for each in ids):  # type: ignore[union-attr]
        raise SystemExit("a run did not complete")
    seconds = (cpu(workers(service)) - before) / runs
    return runs * spec.train_images * spec.epochs / took, seconds


def scale(options: argparse.Namespace) -> None:
    """Throughput of the nodes beside one, and of one beside none."""
    spec = RunSpec(dataset="mnist", train_images=options.images, epochs=1, evaluations=2)
    found: dict[str, list[tuple[float, float]]] = {}
    with (
        RayCluster(options.nodes) as cluster,
        serving(options.nodes, executor="ray", ray_address=cluster.address) as on_ray,
        serving(options.nodes) as here,
    ):
        around = [on_ray._executor._relay._process.pid]  # type: ignore[attr-defined]
        around += [parent(pid) for pid in workers(on_ray)]
        before, beyond = cpu(around), cpu(workers(on_ray))
        for _ in range(options.turns):
            for name, service, runs in (
                ("one node", on_ray, 1),
                ("all nodes", on_ray, options.nodes),
                ("without Ray one", here, 1),
                ("without Ray all", here, options.nodes),
            ):
                found.setdefault(name, []).append(speed(service, spec, runs))
            told = [
                f"{name} {each[-1][0]:,.0f}/s, {each[-1][1]:.1f} s" for name, each in found.items()
            ]
            print("; ".join(told), flush=True)
        share = (cpu(around) - before) / (cpu(workers(on_ray)) - beyond)
    print(
        f"median of {options.nodes} nodes {ratio(found, 'all nodes', 'one node'):.2f} x, "
        f"without Ray {ratio(found, 'without Ray all', 'without Ray one'):.2f} x; nodes by workers "
        f"without Ray {ratio(found, 'all nodes', 'without Ray all'):.2f} x; around the workers "
        f"{share:.1%} of their CPU"
    )


def ratio(found: dict[str, list[tuple[float, float]]], one: str, other: str) -> float:
    """The median of the turns' ratios of speeds."""
    pairs = zip(found[one], found[other], strict=True)
    return statistics.median(each[0] / beside[0] for each, beside in pairs)


def paced() -> None:
    """Steps a second of all nodes, whose workers sleep most of the time, beside one of them."""
    one = 0.0
    for nodes in (1, 2, 4, 8):
        with (
            RayCluster(nodes) as cluster,
            serving(nodes, QUICK, executor="ray", ray_address=cluster.address) as service,
        ):
            ids = service.submit_all([RunSpec(seed=0)] * nodes, "me")
            until(lambda ids=ids, service=service: min(step_of(service, i) for i in ids) > 100)
            began, used = time.monotonic(), time.process_time()
            before = sum(step_of(service, each) for each in ids)
            time.sleep(PACED_SECONDS)
            steps = sum(step_of(service, each) for each in ids) - before
            took = time.monotonic() - began
            own = (time.process_time() - used) / took
        one = one or steps / took
        print(
            f"{nodes} nodes: {steps / took:,.0f} steps/s, {steps / took / one / nodes:.2f} of "
            f"{nodes} x one; the server {own:.2f} of a core",
            flush=True,
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
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("--latency", action="store_true")
    options = parser.parse_args()
    if options.latency:
        latency()
    elif options.paced:
        paced()
    else:
        scale(options)


if __name__ == "__main__":
    main()
