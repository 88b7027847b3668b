"""kill -9 of what a run depends on, mixed and at random moments: how soon its page is told, that
no recorded point is lost, how soon the run is beyond where it was.

One server, whose store is in a PostgreSQL and whose worker is on a Ray cluster, so that all of it
can be killed.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from playground.runs.records import RunRecord
from playground.runs.store import Store
from playground.spec import RunSpec
from tests.load.clients import events, streaming, token
from tests.load.scenarios import POLL_SECONDS, Row, percentile
from tests.load.server import Server, Shared
from tests.postgresql import PostgreSQL
from tests.ray_cluster import RayCluster, parent

# How many of a hundred: a training worker's process, the Ray actor that keeps it, the node of that,
# all connections to the database at once, the server.
KINDS = {"worker": 40, "actor": 20, "connections": 20, "node": 10, "server": 10}
SPEC = RunSpec(seed=7)  # of the quick worker: 3,000 steps, a checkpoint every 100
MOST = 2000  # steps of a run that is killed, so that it does not end in the meantime
BREAK_SECONDS = 1.8  # after which a page says that its stream is gone: BROKEN_MS of `stream.js`
PATIENCE_SECONDS = 120.0


def mixed(count: int) -> list[str]:
    """So many kinds in random order, as often as `KINDS` says and each at least once."""
    shares = {kind: max(1, round(count * share / 100)) for kind, share in KINDS.items()}
    kinds = [kind for kind, share in shares.items() for _ in range(share)]
    while len(kinds) < count:
        kinds.append("worker")
    random.shuffle(kinds)
    return kinds


@dataclass
class Found:
    """What came of the kills of one kind; times in seconds."""

    told: list[float] = field(default_factory=list)
    resumed: list[float] = field(default_factory=list)
    kept: int = 0  # kills of a run that had a checkpoint
    lost: int = 0  # kills after which a recorded point was gone
    anew: int = 0  # ... after which a run did not go on from its checkpoint

    def row(self) -> Row:
        """As plain numbers."""
        return {
            "kills": len(self.told),
            "told_p50": percentile(self.told, 50),
            "told_max": percentile(self.told, 100),
            "with_a_checkpoint": self.kept,
            "lost": self.lost,
            "anew": self.anew,
            "resumed_p50": percentile(self.resumed, 50),
            "resumed_max": percentile(self.resumed, 100),
        }


class Killer:
    """Kills what the run that trains depends on, and waits until it is beyond where it was."""

    def __init__(
        self, server: Server, shared: Shared, database: PostgreSQL, cluster: RayCluster
    ) -> None:
        self.server, self.shared = server, shared
        self.database, self.cluster = database, cluster
        self.found: dict[str, Found] = defaultdict(Found)
        self.runs: set[str] = set()  # those that lost something

    def kill(self, kinds: Sequence[str], spread: float) -> None:
        """One after the other, each at a random moment of `spread` seconds in which a run trains.
        Raises RuntimeError when the page is not told, or the run does not go on."""
        for kind in kinds:
            self._leave_enough()
            run = self.shared.training(most=MOST, seconds=PATIENCE_SECONDS)
            self.runs.add(run)
            time.sleep(random.uniform(0.0, spread))
            kept = max(self.shared.store.snapshots(run, "checkpoint"), default=0)
            before = self._record(run)
            said, began = self.found[kind], time.monotonic()
            said.kept += kept > 0
            said.told.append(asyncio.run(asyncio.wait_for(self._told(kind, run), 60)))
            # The store keeps what came since until the run goes on: that is not going on yet.
            reached = max(before.step, self._record(run).step)
            if kind == "node":
                self.cluster.add_node()
            if kind == "server":
                said.lost += not whole(self.shared.store, run, before.step)
                self.server.start()
            said.anew += self._goes_on(run, before, reached, kind != "connections") < kept
            said.resumed.append(time.monotonic() - began)
            said.lost += not whole(self.shared.store, run, reached)

    def incomplete(self) -> Counter[str]:
        """Those of the runs that were hit and have ended since without being complete, by how; the
        rest of them has until `PATIENCE_SECONDS` to end."""
        end, store = time.monotonic() + PATIENCE_SECONDS, self.shared.store
        while any(self._record(run).live for run in self.runs) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        found: Counter[str] = Counter()
        for run in self.runs:
            record = self._record(run)
            if record.state != "completed" or not whole(store, run, record.step):
                found[record.state] += 1
        return found

    def _leave_enough(self) -> None:
        missing = 21 - len(self.shared.store.runs(live=True))
        for _ in range(missing):
            self.shared.leave(SPEC, token())

    def _record(self, run: str) -> RunRecord:
        found = self.shared.store.run(run)
        assert found is not None
        return found

    async def _told(self, kind: str, run: str) -> float:
        """Kills; after how many seconds the run's page says so, or, of connections, after which it
        shows what was recorded since."""
        async with streaming(self.server, run, token()) as (reader, _):
            heard = events(reader)
            await anext(heard)
            victim = self._victim() if kind in ("worker", "actor", "node") else 0
            began = time.monotonic()
            killing = asyncio.create_task(asyncio.to_thread(self._kill, kind, victim))
            if kind == "connections":
                await killing  # ours are among them, and a read that is under way would fail
            await self._hear(heard, kind, run, began)
            told = time.monotonic() - began
            await killing
            return told + (BREAK_SECONDS if kind == "server" else 0.0)

    async def _hear(self, heard: AsyncIterator[dict], kind: str, run: str, began: float) -> None:
        since = await asyncio.to_thread(self.shared.step, run) if kind == "connections" else 0
        try:
            async for message in heard:
                if kind == "connections" and message.get("step", 0) > since:
                    return
                if kind in ("worker", "actor", "node") and _says_so(message):
                    return
        except ConnectionError:
            pass
        if kind != "server":
            raise RuntimeError(f"the stream ended {time.monotonic() - began:.1f} s after the kill")

    def _victim(self) -> int:
        """The training worker's process, which is the only one."""
        end = time.monotonic() + PATIENCE_SECONDS
        while len(found := _workers(self.cluster.pid)) != 1:
            if time.monotonic() > end:
                raise RuntimeError(f"there are {len(found)} workers")
            time.sleep(POLL_SECONDS)
        return found[0]

    def _kill(self, kind: str, victim: int) -> None:
        match kind:
            case "worker":
                os.kill(victim, signal.SIGKILL)
            case "actor":
                os.kill(parent(victim), signal.SIGKILL)
            case "node":
                self.cluster.kill_node_of(victim)
            case "connections":
                self.database.break_connections()
            case "server":
                self.server.kill()

    def _goes_on(self, run: str, before: RunRecord, reached: int, taken_up: bool) -> int:
        """Waits until the run is beyond what it had reached; the least step it was seen at."""
        end, least = time.monotonic() + PATIENCE_SECONDS, before.step
        while True:
            now = self._record(run)
            if now.resumed > before.resumed:
                least = min(least, now.step)
            if now.step > reached and now.resumed >= before.resumed + taken_up:
                return least
            if time.monotonic() > end or not (now.live or now.state == "completed"):
                raise RuntimeError(f"the run is {now.state} at step {now.step}: {now.message}")
            time.sleep(0.02)


def _workers(cluster: int) -> list[int]:
    """The training workers below a process."""
    found = []
    for child in psutil.Process(cluster).children(recursive=True):
        with suppress(psutil.Error):
            if child.cmdline()[-1:] == ["train"]:
                found.append(child.pid)
    return found


def _says_so(message: dict) -> bool:
    said = message.get("message") or ""
    return "worker process" in said or "lost with its Ray" in said or message.get("state") in (
        "queued", "preparing",
    )  # fmt: skip


def whole(store: Store, run: str, step: int) -> bool:
    """Whether a run has every point up to a step at least, each once, as the quick worker gives
    them."""
    steps, values = store.series(run, "loss")
    points = list(range(1, len(steps) + 1))
    return len(steps) >= step and steps.tolist() == points and values.tolist() == points
