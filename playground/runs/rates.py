"""How often one visitor may ask for what others have to wait for: runs, files that are read, checks
of texts, looks into networks.

A minute's worth may come at once; after that it comes back evenly. This is the generic cell rate
algorithm (ITU-T I.371, annex A), which keeps one number for each visitor. What is asked for in vain
costs nothing, so who asks again and again is not kept out by that. The rates are those of one
server: where there are several, a proxy sends a visitor to the same one each time.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from playground.errors import RunError, WorkerError
from playground.runs import account
from playground.settings import Settings

MINUTE = 60.0
_TIDY = 1024  # visitors whose allowance is full again are forgotten when there are more


class TooOften(WorkerError):
    """A visitor asks more often than one may; in so many `seconds` there is an answer again."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True)
class _Kind:
    """What is bounded: the setting that says how many a minute, and what was done, in words."""

    setting: str
    done: str


_KINDS = {
    "run": _Kind("runs_per_minute", "started {} runs"),
    "bring": _Kind("runs_per_minute", "brought {} files"),
    "check": _Kind("checks_per_minute", "asked for {} checks and pictures of losses"),
    "look": _Kind("looks_per_minute", "looked into networks {} times"),
}
_KINDS["project"] = _KINDS["look"]


class Rates:
    """What each visitor has asked for of late. Thread-safe. `clock` is in seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._full: dict[tuple[_Kind, str], float] = {}  # when an allowance will be full again

    def ask(self, role: str, visitor: str) -> None:
        """A visitor asks a question of a worker of a role, or brings a file ("bring"); "" is the
        server itself. Raises TooOften."""
        seconds = self._take(role, visitor, 1) if visitor else 0.0
        if seconds:
            account.refused(visitor, role)
            raise TooOften(self._words(role, seconds), seconds)

    def begin(self, visitor: str, count: int = 1) -> None:
        """A visitor starts `count` runs together. Raises RunError."""
        seconds = self._take("run", visitor, count)
        if seconds:
            account.refused(visitor, "run")
            raise RunError(self._words("run", seconds))

    def _words(self, role: str, seconds: float) -> str:
        kind = _KINDS[role]
        most = kind.done.format(f"{self._most(role):,}")
        return f"You have {most} this minute, as many as one visitor may; go on in {seconds:.0f} s."

    def _most(self, role: str) -> int:
        most: int = getattr(self._settings, _KINDS[role].setting)
        return most

    def _take(self, role: str, visitor: str, count: int) -> float:
        """Takes `count` from an allowance, or gives in how many seconds, rounded up, there will be
        so many; of more than there can ever be, when it will be full."""
        now, each = self._clock(), MINUTE / self._most(role)
        key = _KINDS[role], visitor
        with self._lock:
            full = max(now, self._full.get(key, now)) + count * each
            left = full - now - max(MINUTE, count * each)
            if left > 1e-9:
                return math.ceil(left)
            if len(self._full) >= _TIDY:
                self._full = {key: at for key, at in self._full.items() if at > now}
            self._full[key] = full
        return 0.0
