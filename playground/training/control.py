"""How a run is steered while it trains: commands go in, the loop takes them between intervals."""

import queue
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """`do` is pause, resume, step, stop or change; a change names `what` and its `value`."""

    do: str
    what: str = ""
    value: float | str = 0.0


class Control:
    """A thread-safe inbox: any thread sends, the training loop receives."""

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[Command] = queue.SimpleQueue()

    def send(self, do: str, what: str = "", value: float | str = 0.0) -> None:
        """Leaves a command for the loop; it is obeyed within one reporting interval."""
        self._inbox.put(Command(do, what, value))

    def receive(self, wait: float = 0.0) -> Command | None:
        """The next command, or None if none comes within `wait` seconds."""
        try:
            return self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
        except queue.Empty:
            return None
