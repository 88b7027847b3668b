"""How much memory is free on this machine, or in the container that this process is in, and how
much a process may take."""

import logging
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MEMINFO = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")  # version 2, as it is seen from within a container
_log = logging.getLogger(__name__)


def free_gib(meminfo: Path = MEMINFO, group: Path = GROUP) -> float:
    """GiB that may be taken without swapping; 0 where the platform does not tell."""
    try:
        lines = meminfo.read_text().splitlines()
        of = dict(line.split(":", 1) for line in lines if ":" in line)
        free = int(of["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return 0.0
    try:
        most = int((group / "memory.max").read_text())
        free = min(free, most - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # no group, or one without a limit ("max")
        pass
    return max(free, 0) / 2**30


def bound_memory(most: int) -> None:
    """Bounds the address space of this process to so many bytes, where the platform can."""
    if resource is None:
        return
    try:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    except (ValueError, OSError) as error:  # macOS has the name but not the means
        _log.info("The memory of this process cannot be bounded here: %s", error)
