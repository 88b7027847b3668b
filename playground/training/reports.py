"""What a run reports between evaluations: the steps taken and not yet told, and the clock, which
stands still in a pause."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from playground.training.events import Progress

if TYPE_CHECKING:
    from playground.training.loop import Training

REPORT = 0.25  # seconds between two Progress events


class Clock:
    """Seconds of training, pauses left out."""

    def __init__(self) -> None:
        self.before = 0.0  # seconds until it was last stopped
        self._since: float | None = None

    @property
    def running(self) -> bool:
        """Whether it goes."""
        return self._since is not None

    def start(self) -> None:
        """Goes on."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Stands still."""
        self.before, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        running = time.perf_counter() - self._since if self._since is not None else 0.0
        return self.before + running


class Pending:
    """Steps taken and not yet reported."""

    def __init__(self, training: "Training") -> None:
        self._training = training
        self._names = ("loss", "gradient_norm", *training.work.reports)
        self._reports: list[np.ndarray] = []
        self._rates: list[np.ndarray] = []
        self._seconds = training.clock.seconds  # of training when the last report went out
        self._reported = False

    def add(self, reports: np.ndarray, rates: np.ndarray) -> None:
        """Keeps an interval's (k, 2 + r) reports and (k,) rates."""
        self._reports.append(reports)
        self._rates.append(rates)

    @property
    def due(self) -> bool:
        """Whether a report should go out now; the first goes out as soon as there is one."""
        waited = self._training.clock.seconds - self._seconds
        return not self._reported or waited >= REPORT

    def flush(self) -> Iterator[Progress]:
        """What is pending, as one event; nothing if nothing is."""
        if not self._reports:
            return
        reports = np.concatenate(self._reports)
        rates = np.concatenate(self._rates)
        seconds = self._training.clock.seconds
        images = len(reports) * self._training.batch
        yield Progress(
            step=self._training.step,
            epoch=self._training.epoch,
            seconds=seconds,
            images_per_second=images / max(seconds - self._seconds, 1e-9),
            series={
                **{name: reports[:, i] for i, name in enumerate(self._names)},
                "learning_rate": rates,
                "seconds": np.linspace(self._seconds, seconds, len(reports) + 1, dtype=np.float32)[
                    1:
                ],
            },
        )
        self._reports, self._rates = [], []
        self._seconds, self._reported = seconds, True
