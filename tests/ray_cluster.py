"""A Ray cluster of simulated nodes on this machine, in a process of its own:

    with RayCluster(nodes=2, cpus=2) as cluster:
        Settings(executor="ray", ray_address=cluster.address)
        cluster.kill_node_of(pid)

Its head has no CPUs, so that no worker runs there. A node dies as a machine does that loses its
power: all its processes at once, and nobody says good-bye.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]
MIB = 2**20


class RayCluster:
    """A context, with the nodes up."""

    def __init__(self, nodes: int, cpus: int = 1, memory_gib: float = 16.0) -> None:
        arguments = [str(nodes), str(cpus), str(memory_gib)]
        self._folder = tempfile.mkdtemp(prefix="r", dir="/tmp")  # a socket's path has 107 bytes
        given = {
            "RAY_TMPDIR": self._folder,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_enable_metrics_collection": "0",
            "PYTHONPATH": str(ROOT),  # for workers that are modules of tests
            "AWS_SECRET_ACCESS_KEY": "of the nodes",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.ray_cluster", *arguments],
            cwd=ROOT,
            env={**os.environ, **given},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = self._answer()

    @property
    def pid(self) -> int:
        """The process that all of it belongs to."""
        return self._process.pid

    def add_node(self) -> None:
        """One more node, as the others are."""
        self._ask("add")

    def kill_node_of(self, pid: int) -> None:
        """Kills the node that runs a process."""
        self._ask(f"kill {pid}")

    def close(self) -> None:
        """Ends all of it."""
        self._process.communicate(timeout=60)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _ask(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        while not (line := self._process.stdout.readline()).startswith("="):  # Ray prints as well
            if not line:
                raise RuntimeError("The Ray cluster has ended.")
        return line[1:].strip()


def parent(pid: int) -> int:
    """Of a process, by Linux' word; 0 of one that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def family(pid: int) -> list[int]:
    """A process and all below it, stopped on the way so that none escapes."""
    found, pending = [], [pid]
    while pending:
        one = pending.pop()
        try:
            os.kill(one, signal.SIGSTOP)
            tasks = list(Path(f"/proc/{one}/task").iterdir())
            pending += [int(each) for t in tasks for each in (t / "children").read_text().split()]
        except (OSError, ValueError):
            continue  # gone meanwhile
        found.append(one)
    return found


def serve(nodes: int, cpus: int, memory_gib: float) -> None:
    """Does what comes on stdin, until that closes."""
    from ray.cluster_utils import Cluster

    store = {"object_store_memory": 80 * MIB}
    head = {"num_cpus": 0, "include_dashboard": False, **store}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    of_a_node = {"num_cpus": cpus, "memory": int(memory_gib * 2**30), **store}
    for _ in range(nodes):
        cluster.add_node(**of_a_node)
    print(f"={cluster.address}", flush=True)
    for line in sys.stdin:
        if line == "add\n":
            cluster.add_node(**of_a_node)
        else:
            kill_node(cluster, int(line.split()[1]))
        print("=", flush=True)
    cluster.shutdown()


def kill_node(cluster, pid: int) -> None:  # type: ignore[no-untyped-def]
    """Kills the node of a cluster that runs a process."""
    raylets = {node.all_processes["raylet"][0].process.pid: node for node in cluster.worker_nodes}
    while pid and pid not in raylets:
        pid = parent(pid)
    node = raylets[pid]
    for one in family(pid):
        os.kill(one, signal.SIGKILL)
    cluster.remove_node(node, allow_graceful=False)  # so that it is forgotten here as well


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
