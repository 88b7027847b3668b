"""Between a server and a Ray cluster: `python -m playground.runs.ray_relay ADDRESS`.

A process of its own, because Ray ends a process that talks to it when the head of the cluster is
away for a minute, and takes its handler of SIGTERM: neither is for a server that shows pages. It
starts, follows and ends workers (`ray_host.Host`) for the server that started it, in frames
(`playground.runs.wire`) on stdin and stdout, and ends with it; so do, then, its workers.

It first says {"ready": true}, or ends with a sentence on stderr. Then it is told, of the worker
with a number that the server chose,

    {"worker", "do": "start", "arguments": of its Python, "told": environment, "needs":
        {"cpus", "gpus", "memory": bytes}}
    {"worker", "do": "send", "frame": bytes as an array}
    {"worker", "do": "close", "seconds": how long it may take to end itself}

and says

    {"worker", "waits": {"nodes": how many there are, "large": how many of them as large as the
        needs}}..., {"worker", "pid"} once it runs
    {"worker", "frames": bytes as an array}...
    {"worker", "ended": {"code": of its exit, "last_words"}}, or
    {"worker", "ended": {"reason": why it is gone, "last_words", "fault": whether it would be so on
        any node}}
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

try:
    import ray
except ImportError:
    sys.exit("Ray is not installed: pip install -r deploy/requirements.txt")

from playground.runs import wire
from playground.runs.environment import ROOT
from playground.runs.ray_host import Host

ASK_SECONDS = 5.0  # a worker that says nothing is asked again after so long
SILENT_SECONDS = 15.0  # an actor that does not even say that is gone
WAIT_SECONDS = 2.0  # between two looks at whether there is a place, or a cluster


class Followed:
    """A worker on the cluster, followed in a thread of its own from the wish for it to its end."""

    def __init__(self, relay: "Relay", number: int, wish: Mapping[str, Any]) -> None:
        self._relay, self._number, self._needs = relay, number, wish["needs"]
        self._placed = self._closing = False
        self._host = relay.hosts.options(
            num_cpus=self._needs["cpus"],
            num_gpus=self._needs["gpus"],
            memory=self._needs["memory"],
        ).remote(wish["arguments"], wish["told"])
        threading.Thread(target=self._follow, name=f"worker-{number}", daemon=True).start()

    def send(self, frame: bytes) -> None:
        """Hands it a frame. Returns at once; frames come in order."""
        self._host.send.options(concurrency_group="requests").remote(frame)

    def close(self, seconds: float) -> None:
        """Lets it end itself, or ends it after some seconds; without a place it wants none any
        longer. Returns at once."""
        self._closing = True
        if self._placed:
            self._host.close.remote(seconds)
        else:
            ray.kill(self._host)

    def _follow(self) -> None:
        try:
            self._await_place()
            end = None
            while end is None:
                asked = self._host.receive.options(concurrency_group="answers").remote(ASK_SECONDS)
                frames, end = ray.get(asked, timeout=SILENT_SECONDS)
                if frames:
                    self._say({"frames": np.frombuffer(frames, np.uint8)})
        except ray.exceptions.RayError as error:
            if not self._closing:
                print(f"Worker {self._number} is gone: {error}", file=sys.stderr, flush=True)
            end = {"reason": self._reason(error), "last_words": "", "fault": faulty(error)}
        self._relay.forget(self._number)
        ray.kill(self._host)
        self._say({"ended": end})

    def _await_place(self) -> None:
        """Returns when a node has taken the worker. Raises RayError."""
        asked = self._host.pid.remote()
        while not ray.wait([asked], timeout=WAIT_SECONDS)[0]:
            alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            large = [each for each in alive if fits(self._needs, each)]
            self._say({"waits": {"nodes": len(alive), "large": len(large)}})
        pid = ray.get(asked)
        self._placed = True
        self._say({"pid": pid})

    def _reason(self, error: ray.exceptions.RayError) -> str:
        """Why it is gone, as the rest of a sentence."""
        if not self._placed:  # and knows no word of a visitor's
            return f"could not be started by Ray: {' '.join(str(error).split())[:300].rstrip('.')}"
        if getattr(error, "preempted", False):
            return "was lost with a Ray node that was preempted"
        return "was lost with its Ray actor or node"

    def _say(self, message: Mapping[str, Any]) -> None:
        self._relay.say({"worker": self._number, **message})


class Relay:
    """Does what the server says, of one worker as of many."""

    def __init__(self, requests: BinaryIO, answers: BinaryIO) -> None:
        self._requests, self._answers = requests, answers
        self._writing = threading.Lock()
        self._followed: dict[int, Followed] = {}
        self.hosts: Any = ray.remote(
            max_restarts=0,  # the server starts another, and says so to the run
            scheduling_strategy="SPREAD",
            concurrency_groups={"requests": 1, "answers": 1},
        )(Host)

    def serve(self) -> None:
        """Works until stdin closes."""
        self.say({"ready": True})
        while (message := wire.receive(self._requests)) is not None:
            self._do(message["worker"], message)

    def _do(self, number: int, message: Mapping[str, Any]) -> None:
        if message["do"] == "start":
            self._followed[number] = Followed(self, number, message)
            return
        followed = self._followed.get(number)
        if followed is None:
            return  # it has ended meanwhile, which the server is told
        if message["do"] == "send":
            followed.send(message["frame"].tobytes())
        else:
            followed.close(message["seconds"])

    def forget(self, number: int) -> None:
        """A worker has ended."""
        self._followed.pop(number, None)

    def say(self, message: Mapping[str, Any]) -> None:
        """Tells the server, from any thread."""
        try:
            with self._writing:
                wire.send(self._answers, message)
        except OSError:
            os._exit(0)  # nobody listens any more


def faulty(error: ray.exceptions.RayError) -> bool:
    """Whether a worker could not begin for a reason that another node would have as well."""
    begins = ray.exceptions.RuntimeEnvSetupError, ray.exceptions.ActorUnschedulableError
    return isinstance(error, begins) or bool(getattr(error, "actor_init_failed", False))


def fits(needs: Mapping[str, float], resources: Mapping[str, float]) -> bool:
    """Whether a node with all these resources to itself could have a worker."""
    names = {"cpus": "CPU", "gpus": "GPU", "memory": "memory"}
    return all(resources.get(names[each], 0.0) >= size for each, size in needs.items())


def await_cluster(address: str) -> None:
    """Until somebody listens at an address, for Ray would give up on it for good; ends with the
    server. "auto" is left to Ray."""
    host, _, port = address.rpartition(":")
    server = os.getppid()
    while port.isdecimal():
        try:
            socket.create_connection((host, int(port)), WAIT_SECONDS).close()
            return
        except OSError:
            time.sleep(WAIT_SECONDS)
        if os.getppid() != server:
            sys.exit()


def connect(address: str) -> None:
    """Joins the cluster at an address. Raises SystemExit where it cannot."""
    # A node needs our requirements and not our code: it gets the server's, whatever that is.
    modules = [str(ROOT / name) for name in ("playground", "losses")]
    try:
        ray.init(
            address,
            namespace="loss-playground",
            runtime_env={"py_modules": modules},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(f"No Ray cluster can be joined at {address}.")


def main(address: str) -> None:
    """Serves until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us
    answers = wire.own_stdout()
    await_cluster(address)
    connect(address)
    Relay(sys.stdin.buffer, answers).serve()
    os._exit(0)  # with which Ray ends the workers; the usual way out waits for threads


if __name__ == "__main__":
    main(sys.argv[1])
