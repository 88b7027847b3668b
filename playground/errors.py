"""Every error the middle floor raises on purpose.

PlaygroundError   something a visitor or an operator can act on; str() is one plain sentence
├── SpecError     a field of a RunSpec is wrong: .field .message
├── RefusedLoss   a run's loss is none: losses.LossError with its place, from where a worker builds
│                 it (playground.training.objective); the server never imports that
├── DataError     a data set is missing, unreadable or not the published one: .hint
├── QuestionError a question of a browser has a field that cannot be used: .field
├── RunError      a run cannot be started or steered: unknown, not yours, not live, queue full
├── PinError      a lesson cannot be pinned: no title, too long, too many
├── PictureError  an uploaded picture cannot be used
├── IntakeError   images or a run that a visitor brought cannot be used
│   └── Busy      not now: another file of the visitor's waits to be read
├── StoreError    the store cannot be read or written (full disk, locked, foreign file)
│   └── LostRun   a run is no longer this process': another has taken it over, or it is removed
├── CheckpointError a checkpoint cannot be gone on from: damaged, foreign, of another network
├── SettingError  an environment variable has a value that cannot be used
└── WorkerError   a worker process died or did not answer in time
    ├── Superseded  a newer question of the same visitor made this one pointless
    └── TooOften    a visitor asks more often than one may: .seconds
"""

import re
from pathlib import Path

# Absolute paths of two parts or more; not what follows the host of a URL.
_PATH = re.compile(r"(?<![\w.:/\\~])(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\:;,'\"()<>]+){2,}")
_PUBLISHED = ("~/.keras/", "~/.loss-playground/")  # defaults that the README names


def without_paths(text: str) -> str:
    """A text for visitors: of each path on this machine only its last part, unless it is one of
    the published defaults."""
    text = text.replace(str(Path.home()), "~")

    def shortened(found: re.Match[str]) -> str:
        path = found[0].replace("\\", "/")
        return path if path.startswith(_PUBLISHED) else "…/" + path.rsplit("/", 1)[1]

    return _PATH.sub(shortened, text)


class PlaygroundError(Exception):
    """The base of all errors raised on purpose. `message` and `hint` are for the person at the
    page; str() and `operator_hint` are the same for who runs the program."""

    names_paths = False  # whether its words may name files of this machine

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.operator_hint = hint
        self.message = without_paths(message) if self.names_paths else message
        self.hint = without_paths(hint) if self.names_paths else hint


class SpecError(PlaygroundError):
    """A field of a run's description is outside what is allowed."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(f"{field}: {message}", hint)
        self.field = field


class DataError(PlaygroundError):
    """A data set cannot be had as published; the hint says what to do."""

    names_paths = True


class RunError(PlaygroundError):
    """A run cannot be started or steered as asked."""


class PinError(PlaygroundError):
    """A lesson cannot be pinned as asked."""


class QuestionError(PlaygroundError):
    """A question that a browser sent cannot be asked so; `too_long` if that is all."""

    def __init__(self, field: str, message: str, too_long: bool = False) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.too_long = field, too_long


class PictureError(PlaygroundError):
    """A visitor's picture cannot be used."""


class IntakeError(PlaygroundError):
    """Images or a run that a visitor brought cannot be used."""

    names_paths = True


class StoreError(PlaygroundError):
    """The store cannot be read or written; `passing` if that may be otherwise in a moment, without
    anybody's doing: a lock, a lost connection."""

    names_paths = True
    passing = False


class LostRun(StoreError):
    """A process wants to write of a run that it does not hold any more."""


class CheckpointError(PlaygroundError):
    """A run cannot go on from what was kept of it, or of the one it branches from."""


class SettingError(PlaygroundError):
    """An environment variable of the program has a value that cannot be used."""

    names_paths = True


class WorkerError(PlaygroundError):
    """A worker process died or did not answer in time."""

    names_paths = True
