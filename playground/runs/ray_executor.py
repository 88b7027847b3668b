"""Workers on the nodes of a Ray cluster.

This process knows no Ray: one of its own does (`ray_relay`), to which frames go and from which they
come, and which is replaced like a worker when it ends. What a run, a supervisor and a visitor see
of a worker is the same as of one on this machine.
"""

import itertools
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.errors import WorkerError, without_paths
from playground.runs import wire
from playground.runs.environment import environment, told
from playground.runs.executor import Executor, Worker, how_it_ended
from playground.runs.local_executor import LocalWorker
from playground.settings import Settings

CLOSE_SECONDS = 2.0  # in which a worker may end itself
GONE_SECONDS = 4.0  # after which one is taken for gone that was closed
# Milliseconds in which Ray learns how an actor ended that does not answer, before it says so.
QUICK_TO_TELL = {"RAY_timeout_ms_task_wait_for_death_info": "200"}
RELAY = (sys.executable, "-m", "playground.runs.ray_relay")
_log = logging.getLogger(__name__)


class RayWorker:
    """A worker on some node, spoken to through the relay."""

    def __init__(self, number: int, relay: "Relay", start: Mapping[str, Any]) -> None:
        self.ready = self.placed = False
        self.pid, self.last_words = 0, ""
        self.waits = ""  # what for, in words
        self.number, self._relay, self._start = number, relay, start
        self._gone = threading.Event()

    def listen(self) -> None:
        """Asks for a place."""
        self.waits = "a place on the Ray cluster"
        self._relay.tell(self, {"do": "start", **self._start})

    def send(self, message: Mapping[str, Any]) -> None:
        """Hands it a message; of one that is gone, the listener hears of the exit."""
        frame = np.frombuffer(wire.pack(message), np.uint8)
        self._relay.tell(self, {"do": "send", "frame": frame})

    def kill(self) -> None:
        """Ends the process at once."""
        self._relay.tell(self, {"do": "close", "seconds": 0})

    def close(self) -> None:
        """Lets the process end itself, or ends it; returns when it is gone."""
        self._relay.tell(self, {"do": "close", "seconds": CLOSE_SECONDS})
        if not self._gone.wait(GONE_SECONDS):
            _log.warning("Worker %d was closed and has not ended.", self.pid)

    def hear(self, message: Mapping[str, Any], executor: Executor) -> None:
        """Takes what the relay says of it, and tells the executor. Raises WorkerError for frames
        that are none."""
        if "frames" in message:
            for said in wire.unpack(message["frames"].tobytes()):
                if said.get("ready"):
                    self.ready = True
                    executor.on_ready(self)
                else:
                    executor.on_message(self, said)
        elif "ended" in message:
            self._hear_end(message["ended"], executor)
        elif "pid" in message:
            self.pid, self.placed, self.waits = message["pid"], True, ""
        else:
            self.waits = lacking(self._start["needs"], **message["waits"])

    def lose(self, waits: str, executor: Executor) -> None:
        """The relay is gone, and this with it."""
        self.waits, self.placed = waits, self.ready
        self._leave("was lost with the Ray cluster", executor)

    def _hear_end(self, end: Mapping[str, Any], executor: Executor) -> None:
        self.last_words = end["last_words"]
        self.placed = self.placed or end.get("fault", False)  # no lack of room
        self._leave(how_it_ended(end["code"]) if "code" in end else end["reason"], executor)

    def _leave(self, reason: str, executor: Executor) -> None:
        if not self._gone.is_set():
            self._gone.set()
            executor.on_exit(self, reason)


class Relay:
    """The process that speaks to Ray, and the workers that it follows."""

    def __init__(self, settings: Settings, executor: Executor) -> None:
        """Raises OSError when the process cannot be started."""
        own = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
        command = [*RELAY, settings.ray_address]
        self._process = LocalWorker(command, environment(settings) | QUICK_TO_TELL | own, self)
        self._executor, self._address = executor, settings.ray_address
        self._lock = threading.Lock()
        self._workers: dict[int, RayWorker] = {}
        self.alive, self._joined, self._closing = True, False, False
        self._process.listen()

    def tell(self, worker: RayWorker, message: Mapping[str, Any]) -> None:
        """Says something of a worker to the process."""
        with self._lock:
            if message["do"] == "start" and self.alive:
                self._workers[worker.number] = worker
            known = worker.number in self._workers
        if known:
            self._process.send({"worker": worker.number, **message})
        elif message["do"] == "start":
            worker.lose(self._problem, self._executor)

    def waits(self) -> list[str]:
        """What its workers wait for."""
        if not self._joined:
            return [f"the Ray cluster at {self._address}"]
        with self._lock:
            return [worker.waits for worker in self._workers.values() if worker.waits]

    def close(self) -> None:
        """Ends the process; returns when it is gone."""
        self._closing = True
        self._process.close()

    # Listener of its process

    def on_ready(self, process: LocalWorker) -> None:
        """It has joined the cluster."""
        self._joined = True
        _log.info("The Ray cluster at %s is joined.", self._address)

    def on_message(self, process: LocalWorker, message: dict[str, Any]) -> None:
        """It says something of a worker."""
        with self._lock:
            worker = self._workers.get(message["worker"])
            if "ended" in message:
                self._workers.pop(message["worker"], None)
        if worker is None:
            return
        try:
            worker.hear(message, self._executor)
        except WorkerError as error:
            _log.warning("Worker %d is no longer understood: %s", worker.pid, error)
            worker.kill()

    def on_exit(self, process: LocalWorker, reason: str) -> None:
        """It is gone, and with it all workers."""
        if not self._closing:
            _log.warning("The process that speaks to Ray %s. %s", reason, process.last_words)
        with self._lock:
            self.alive = False
            workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.lose(self._problem, self._executor)

    @property
    def _problem(self) -> str:
        said = without_paths(self._process.last_words)
        return f"the Ray cluster at {self._address}{said and f'. {said}'}"


class RayExecutor(Executor):
    """Workers that are actors on a Ray cluster, which finds the nodes for them."""

    def __init__(
        self,
        settings: Settings,
        role: str,
        count: int,
        listener: Any,
        command: Sequence[str],
        warm: int | None = None,
    ) -> None:
        super().__init__(role, count, listener, warm)
        trains = role == "train"
        cores = settings.worker_cores or 1
        gpus = settings.ray_gpus if trains else 0.0
        self._start = {
            "arguments": [*command[1:], role],  # of the Python that the node has
            "told": told(settings)
            | {"PLAYGROUND_WORKER_CORES": str(cores), "OMP_NUM_THREADS": str(cores)}
            | ({} if gpus else {"CUDA_VISIBLE_DEVICES": "-1"}),
            "needs": {
                "cpus": cores if trains else 1,
                "gpus": gpus,
                "memory": int(settings.ray_memory_gib * 2**30),
            },
        }
        self._settings = settings
        self._numbers = itertools.count(1)
        self._relay: Relay | None = None
        self._lost = ""  # what for workers wait that have lost the cluster

    def make(self) -> Worker:
        """A worker that will have its place. Raises OSError when there is no way to the cluster."""
        if self._relay is None or not self._relay.alive:
            self._relay = Relay(self._settings, self)
        return RayWorker(next(self._numbers), self._relay, self._start)

    @property
    def waits(self) -> str:
        """What a worker that has no place yet waits for, in words; "" if none does."""
        relay = self._relay
        return next(iter(relay.waits()), self._lost) if relay is not None else self._lost

    def on_ready(self, worker: Worker) -> None:
        """A worker is warm."""
        self._lost = ""
        super().on_ready(worker)

    def on_exit(self, worker: Worker, reason: str) -> None:
        """A worker is gone."""
        self._lost = worker.waits if isinstance(worker, RayWorker) else ""
        super().on_exit(worker, reason)

    def close(self) -> None:
        """Ends all workers and the way to the cluster, and waits until they are gone."""
        super().close()
        if self._relay is not None:
            self._relay.close()


def lacking(needs: Mapping[str, float], nodes: int, large: int) -> str:
    """What a worker waits for, where of so many nodes so many are as large as its needs, in words
    that follow "waits for"."""
    cpus, gpus, memory = needs["cpus"], needs["gpus"], needs["memory"] / 2**30
    parts = [f"{cpus:g} CPU{'' if cpus == 1 else 's'}"]
    if gpus:
        parts.append(f"{gpus:g} GPU{'' if gpus == 1 else 's'}")
    which = f"a Ray node with {', '.join(parts)} and {memory:.3g} GiB of memory"
    if large:
        return f"{which}: {large} {'is' if large == 1 else 'are'} that large and taken"
    return f"{which}: {'there is no node' if not nodes else f'none of {nodes} is that large'}"
