"""A server as a process of its own, with a store of its own or one that it shares."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import RunSpec

ROOT = Path(__file__).resolve().parents[2]
QUICK, REAL = "tests.load.quick", "streamlit"  # the module that runs the app
START_SECONDS = 90.0


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Server:
    """The app; only this machine reaches it."""

    def __init__(self, home: Path, module: str = QUICK, **settings: object) -> None:
        self.home, self._module, self.port = home, module, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        given = {"workers": 1, "warm_workers": 1, "looker_free_gib": 1e6, "resumes": 1000}
        given["answer_seconds"] = 60  # the machine is busy
        self._settings = {**given, **settings}
        self.log = home / f"server-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Returns after how many seconds it answers."""
        began = time.monotonic()
        environment = {
            **os.environ,
            "PLAYGROUND_HOME": str(self.home),
            **{f"PLAYGROUND_{name.upper()}": str(each) for name, each in self._settings.items()},
        }
        options = {"headless": "true", "port": str(self.port), "address": "127.0.0.1"}
        words = [word for name, each in options.items() for word in (f"--server.{name}", each)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, "run", "app.py", *words],
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise RuntimeError(f"no answer\n{self.log.read_text()}")
            time.sleep(0.05)
        return time.monotonic() - began

    def answers(self, path: str = "/healthz") -> bool:
        """Whether it answers with 200."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def metrics(self) -> dict[str, float]:
        """What it tells Prometheus, of names without labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.M)}

    @property
    def process(self) -> psutil.Process:
        """The server's own."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def kill(self) -> None:
        """As by kill -9; its workers see that it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """As a service is stopped."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()


class Shared:
    """The store of a server, as another process that writes into it sees it."""

    def __init__(self, home: Path, store_url: str = "") -> None:
        self.store: Store = open_store(Settings(home=home, store_url=store_url))

    def leave(self, spec: RunSpec, owner: str) -> str:
        """A run that waits for a server, which takes it up within some seconds."""
        run_id = self.store.create(spec, owner)
        self.store.release([run_id])
        return run_id

    def step(self, run_id: str) -> int:
        """How far a run is."""
        found = self.store.run(run_id)
        return 0 if found is None else found.step

    def until(self, run_id: str, steps: int, seconds: float = 60.0) -> None:
        """Waits until a run has done some steps."""
        end = time.monotonic() + seconds
        while self.step(run_id) < steps:
            if time.monotonic() > end:
                raise RuntimeError(f"run {run_id} stands at step {self.step(run_id)}")
            time.sleep(0.02)

    def training(self, most: int = 6000, seconds: float = 60.0) -> str:
        """The run that trains, once it has some steps and at most so many."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for run in self.store.runs(live=True, limit=100):
                if run.state == "running" and 10 <= run.step <= most:
                    return run.id
            time.sleep(0.05)
        raise RuntimeError("no run trains")

    def close(self) -> None:
        """Ends the connections."""
        self.store.close()
