"""Whether the process that holds a run still lives.

A process has a lease: it gives a sign of life by the store's clock, and is taken for dead when that
has stood still for `STALE_SECONDS` of that clock while somebody looked, so that a store that was
away, or a machine that slept, ends nobody. Of a process of this machine more is known, its
identity: the system's boot, the process' number and the moment it was started. That no clock
changes, and no later process has it: one that is gone need not be waited for, and one that is there
is never taken for dead.
"""

import functools
import hashlib
import os
import socket
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BEAT_SECONDS = 2.0  # between two signs of life, at most
STALE_SECONDS = 15.0  # watched without a sign of life, a process that cannot be asked is dead
LOOKS = 3  # in which it is watched so long, at least: nobody watched in a suspended gap
NOBODY = ""  # the holder of a run that waits for a process to take it over
_MARK = "process "


@functools.cache
def host() -> str:
    """This machine as far as its process numbers reach: its name, its boot and its namespace."""
    found = [socket.gethostname()]
    try:
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        pass  # not Linux: numbers are the whole machine's
    return " ".join(found)[:255]


def holder() -> str:
    """What this process writes into the runs that it holds."""
    return identity(os.getpid()) or _unnamed()


def identity(pid: int) -> str | None:
    """The identity of a process of this machine, up to 32 characters; empty if it has ended, None
    where nobody can tell."""
    began = _began(pid)
    if not began:
        return began
    digest = hashlib.sha256(f"{host()} {pid} {began}".encode()).hexdigest()
    return f"{_MARK}{digest[:24]}"


@dataclass(frozen=True)
class Sign:
    """A process' last sign of life, and when it was looked at; both by the store's clock."""

    beat: float
    now: float


class Watch:
    """Tells the living holders from the dead ones, remembering what it saw of foreign ones, who are
    dead `stale` seconds after their last sign of life. `look` gives the sign of a holder."""

    def __init__(self, look: Callable[[str], Sign], stale: float = STALE_SECONDS) -> None:
        self._look, self._stale = look, stale
        self._seen: dict[str, tuple[Sign, float]] = {}  # the last look, watched since

    def alive(self, where: str, pid: int, name: str) -> bool:
        """Whether the process `pid` on the machine `where`, which named itself `name`, lives."""
        if name == NOBODY:
            return False
        if where == host() and name.startswith(_MARK):
            found = identity(pid)
            if found is not None:
                return found == name
        # Recorded by a version that knew no identities, or hidden from this user.
        here = where in (host(), socket.gethostname())
        if here and os.name == "posix" and not _exists(pid):
            return False
        return self._watched(name) < self._stale

    def _watched(self, name: str) -> float:
        """Seconds that the sign of life has been looked at and stood still."""
        sign = self._look(name)
        # At first it is watched since its last sign, as far as anybody may have looked since.
        before, still = self._seen.get(name, (Sign(sign.beat, sign.beat), 0.0))
        gap = min(max(0.0, sign.now - before.now), self._stale / LOOKS)
        still = still + gap if sign.beat == before.beat else 0.0
        self._seen[name] = sign, still
        return still


def _began(pid: int) -> str | None:
    """When a process was started, as its system says it; empty if it has ended, None where nobody
    can tell."""
    try:
        if Path("/proc/self/stat").exists():
            # The name, in brackets, may hold anything; after it come state, ..., start (field 22).
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return "" if fields[0] in "ZX" else fields[19]
        if os.name != "posix":
            return None
        asked = subprocess.run(  # noqa: S603 - no shell, a number
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)],
            capture_output=True,
            text=True,
            env={"LC_ALL": "C", "TZ": "UTC"},
        )
        return asked.stdout.strip()
    except OSError:
        return None


def _exists(pid: int) -> bool:
    if pid == os.getpid():
        return False  # an earlier process that had our number
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    return True


@functools.cache
def _unnamed() -> str:
    return uuid.uuid4().hex
