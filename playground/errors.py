"""Every error the middle floor raises on purpose.

PlaygroundError   something a visitor or an operator can act on; str() is one plain sentence
├── SpecError     a field of a RunSpec is wrong: .field .message
├── DataError     a data set is missing, unreadable or not the published one: .hint
├── RunError      a run cannot be started or steered: unknown, not yours, not live, queue full
├── PictureError  an uploaded picture cannot be used
├── StoreError    the store cannot be read or written (full disk, locked, foreign file)
└── WorkerError   a worker process died or did not answer in time
"""


class PlaygroundError(Exception):
    """The base of all errors raised on purpose; its text is written for the person at the page."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SpecError(PlaygroundError):
    """A field of a run's description is outside what is allowed."""

    def __init__(self, field: str, message: str, hint: str = "") -> None:
        super().__init__(f"{field}: {message}", hint)
        self.field = field


class DataError(PlaygroundError):
    """A data set cannot be had as published; the hint says what to do."""


class RunError(PlaygroundError):
    """A run cannot be started or steered as asked."""


class PictureError(PlaygroundError):
    """A visitor's picture cannot be used."""


class StoreError(PlaygroundError):
    """The store cannot be read or written."""


class WorkerError(PlaygroundError):
    """A worker process died or did not answer in time."""
