"""Whose question a worker answers next: quick ones before slow ones, and visitors take turns.

Turns go by the time that a visitor's answers have taken, not by their number, as in start-time fair
queueing (Goyal, Vin & Cheng 1996): who has used least of the worker comes next, and being away
earns nobody a claim. So a flood of questions delays the questions of who floods.
"""

from dataclasses import dataclass


@dataclass(eq=False)
class Turn:
    """A question that waits. Of one visitor and `topic` only the newest waits: an older one is
    `superseded`. Times are of the caller's clock, in seconds."""

    visitor: str
    topic: str
    slow: bool
    since: float
    number: int
    superseded: bool = False


class Turns:
    """The questions that wait for one worker. Not thread-safe."""

    def __init__(self, patience: float) -> None:
        """A slow question that has waited for `patience` seconds counts as a quick one."""
        self._patience = patience
        self._waiting: list[Turn] = []
        self._used: dict[str, float] = {}  # seconds, of visitors beyond the present
        self._present = 0.0  # how much who was served last had used by then
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, visitor: str, topic: str, slow: bool, now: float) -> Turn:
        """A place for a question. With a topic, it takes that of an older one."""
        for other in self._waiting:
            if topic and (other.visitor, other.topic) == (visitor, topic):
                other.superseded = True
                self._waiting.remove(other)
                break
        self._arrivals += 1
        turn = Turn(visitor, topic, slow, now, self._arrivals)
        self._waiting.append(turn)
        return turn

    def rejoin(self, turn: Turn) -> None:
        """Gives a question that was taken, and not answered, its place again."""
        self._waiting.append(turn)

    def leave(self, turn: Turn) -> None:
        """Takes a question out, if it waits."""
        if turn in self._waiting:
            self._waiting.remove(turn)

    def slow(self, turn: Turn, now: float) -> bool:
        """Whether a question still lets quick ones pass."""
        return turn.slow and now - turn.since < self._patience

    def next(self, now: float) -> Turn | None:
        """Whose turn it is; None where nobody waits."""
        return min(
            self._waiting,
            key=lambda turn: (self.slow(turn, now), self._tag(turn), turn.number),
            default=None,
        )

    def take(self, now: float) -> Turn | None:
        """Whose turn it is, out of the line."""
        turn = self.next(now)
        if turn is not None:
            self._waiting.remove(turn)
            self._present = max(self._present, self._tag(turn))
        return turn

    def charge(self, turn: Turn, seconds: float) -> None:
        """Writes down what an answer, or an attempt at one, has taken."""
        self._used[turn.visitor] = self._tag(turn) + seconds
        self._used = {who: used for who, used in self._used.items() if used > self._present}

    def _tag(self, turn: Turn) -> float:
        return max(self._present, self._used.get(turn.visitor, 0.0))
