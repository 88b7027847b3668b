"""How a run is steered while it trains: commands go in, the loop takes them between intervals."""

import queue
from dataclasses import dataclass

_URGENT = frozenset({"pause", "stop"})


@dataclass(frozen=True)
class Command:
    """`do` is pause, resume, step, stop, change, look or keep; a change has the kind, name and
    value of an `events.Changed`, a look asks for a snapshot of the weights as they are, keep for a
    checkpoint."""

    do: str
    kind: str = ""
    name: str = ""
    value: float | str = 0.0


class Control:
    """A thread-safe inbox: any thread sends, the training loop receives."""

    def __init__(self, attended: bool = False, keeping: bool = False) -> None:
        self.attended = attended  # somebody can be asked what to do when the loss breaks
        self.keeping = keeping  # somebody keeps checkpoints
        self._inbox: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._urgent = 0
        self.stopping = False  # a stop is among the commands: whatever is slow may give up

    def send(self, do: str, kind: str = "", name: str = "", value: float | str = 0.0) -> None:
        """Leaves a command for the loop; it is obeyed within one reporting interval."""
        self.stopping = self.stopping or do == "stop"
        self._urgent += do in _URGENT
        self._inbox.put(Command(do, kind, name, value))

    def receive(self) -> Command | None:
        """The next command, or None if there is none now."""
        try:
            return self._taken(self._inbox.get_nowait())
        except queue.Empty:
            return None

    def wait(self) -> Command:
        """The next command, as soon as there is one."""
        return self._taken(self._inbox.get())

    @property
    def pressing(self) -> bool:
        """Whether a command waits that should not wait for the end of an evaluation."""
        return self._urgent > 0

    def _taken(self, command: Command) -> Command:
        self._urgent -= command.do in _URGENT
        return command
