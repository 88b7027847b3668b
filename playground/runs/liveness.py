"""Whether the process that holds a run still lives.

Of a process of this machine its identity tells: the system's boot, the process' number and the
moment it was started. That neither the clock nor a suspended machine changes, and no later process
has it. Of another machine's process only the sign of life is seen: it is taken for dead when that
has stood still for `STALE_SECONDS` while somebody looked.
"""

import functools
import hashlib
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

BEAT_SECONDS = 2.0
STALE_SECONDS = 15.0  # watched without a sign of life, a process that cannot be asked is dead
GAP_SECONDS = (
    5.0  # what a pause between two looks counts at most: nobody watched in a suspended one
)
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


class Watch:
    """Tells the living holders from the dead ones, remembering what it saw of foreign ones."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, float, float]] = {}  # beat, looked at, watched since

    def alive(self, where: str, pid: int, name: str, beat: float) -> bool:
        """Whether the process `pid` on the machine `where`, which named itself `name` and gave
        its last sign of life at `beat`, still lives."""
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
        return self._watched(f"{where} {name}", beat) < STALE_SECONDS

    def _watched(self, key: str, beat: float) -> float:
        """Seconds that the sign of life has been looked at and stood still."""
        now = self._clock()
        known, looked, still = self._seen.get(key, (beat, now, 0.0))
        still = still + min(now - looked, GAP_SECONDS) if known == beat else 0.0
        self._seen[key] = (beat, now, still)
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
