"""Measures what a server bears, on this machine alone, and prints a table.

    python -m tests.load [viewers servers crowd readers kills] [--minutes 10] [--kills 100]

Set PLAYGROUND_DATA to train on MNIST; without it, digits are trained on. The visitors are on the
same cores as the server and the training, which the numbers have in them: "visitors cores" is what
they take, where "cores" is the server's. CPU seconds say most on a machine that does other work.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playground import datasets
from playground.spec import RunSpec
from tests.load import scenarios
from tests.load.kills import Killer, mixed
from tests.load.scenarios import Row, token
from tests.load.server import QUICK, REAL, Server, Shared
from tests.postgresql import PostgreSQL
from tests.ray_cluster import RayCluster

UNITS = {
    "memory_mib": " MiB",
    "grown_mib": " MiB",
    "seconds": " s",
    "cpu_of_opening": " s",
    "cpu_of_a_viewer": " ms a second",
}


def said(name: str, value: float) -> str:
    """A number with its unit: percentiles are of milliseconds."""
    words = name.replace("_", " ")
    if name.endswith(("_p50", "_p95", "_max")):
        return f"{words} {value * 1000:,.0f} ms"
    return f"{words} {value:,.3g}{UNITS.get(name, '')}"


def tell(title: str, row: Row) -> None:
    """A line of the table."""
    print(f"| {title} | {'; '.join(said(*each) for each in row.items())} |", flush=True)


@contextmanager
def served(count: int = 1, module: str = QUICK, **settings: object) -> Any:
    """Servers of one store, and the store as another process sees it."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        servers = [Server(Path(folder), module, **settings) for _ in range(count)]
        try:
            for server in servers:
                server.start()
            shared = Shared(servers[0].home, str(settings.get("store_url", "")))
            yield servers, shared
            shared.close()
        finally:
            for server in servers:
                server.stop()


def _tell_faults(faults: Sequence[str], servers: Sequence[Server]) -> None:
    """What went wrong, and what the servers said of it last."""
    for fault in faults[:10]:
        print(fault)
    for server in servers if faults else ():
        print(server.log.read_text()[-4000:])


def viewers(minutes: float) -> None:
    """50 viewers on one run of real training, with 20 behind it, beside the same run alone."""
    wanted = "cifar10" if minutes > 4 else "mnist"  # of which 200 epochs last longer
    name = wanted if datasets.available(wanted) == "here" else "digits"
    alone_seconds = min(60.0, 15 * minutes)
    spec = RunSpec.parse({"dataset": name, "epochs": 200, "seed": 1})
    with served(module=REAL, run_minutes=600, answer_seconds=60) as (servers, shared):
        run = shared.leave(spec, token())
        shared.until(run, 200, 180)
        alone = [scenarios.speed(shared, run, alone_seconds)]
        scenarios.waiting(shared, 20, dataset="digits")
        found, faults = asyncio.run(scenarios.viewers(servers, shared, run, 50, 60 * minutes))
        shared.until(run, shared.step(run) + 1)
        alone.append(scenarios.speed(shared, run, alone_seconds))
        _tell_faults(faults, servers)
    found["of_its_speed_alone"] = found["steps_per_second"] / (sum(alone) / 2)
    tell(f"50 viewers of one run ({name}), 20 wait, {minutes:g} minutes", found)


def servers(minutes: float) -> None:
    """200 viewers of one run by two servers of one store."""
    with served(2) as (both, shared):
        scenarios.waiting(shared, 21)
        run = shared.training()
        found, faults = asyncio.run(
            scenarios.viewers(both, shared, run, 200, max(20.0, 15 * minutes))
        )
        _tell_faults(faults, both)
    tell("200 viewers by 2 servers, one of which trains", found)


def crowd(minutes: float) -> None:
    """1,000 connections that are opened and dropped."""
    with served() as ((server,), shared):
        scenarios.waiting(shared, 21)
        found = asyncio.run(scenarios.crowd(server, shared.training(), 1000))
    tell("1,000 connections opened and dropped", found)


def readers(minutes: float) -> None:
    """Streams that nobody reads."""
    with served() as ((server,), shared):
        scenarios.waiting(shared, 21)
        run = shared.training(most=1000)
        seconds = min(20.0, 10 * minutes)
        found = asyncio.run(scenarios.never_reading(server, shared, run, 100, seconds))
    tell("100 streams that nobody reads, beside one viewer", found)


def kills(count: int) -> None:
    """kill -9 of workers, Ray actors, Ray nodes, connections and the server at random moments."""
    with PostgreSQL() as database, RayCluster(nodes=3, cpus=2) as cluster:
        given = {"executor": "ray", "ray_address": cluster.address}
        with served(store_url=database.new_schema(), **given) as ((server,), shared):
            killer = Killer(server, shared, database, cluster)
            try:
                killer.kill(mixed(count), 1.0)
            except Exception:
                _tell_faults(["no word, or the run did not go on:"], [server])
                raise
            finally:
                for kind, found in killer.found.items():
                    tell(f"kill -9: {kind}", found.row())
            print(f"{len(killer.runs)} runs were hit; incomplete: {dict(killer.incomplete())}")


def main() -> None:
    """Runs what is chosen, one after the other."""
    measured: dict[str, Callable[[float], None]] = {
        "viewers": viewers, "servers": servers, "crowd": crowd, "readers": readers,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("what", nargs="*", choices=[*measured, "kills"], metavar="WHAT")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=100)
    given = parser.parse_args()
    print(f"load average at the start {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
    for name in given.what or [*measured, "kills"]:
        if name == "kills":
            kills(given.kills)
        else:
            measured[name](given.minutes)


if __name__ == "__main__":
    main()
