"""Records a run as a worker would, step by step, without training one."""

import numpy as np

from playground.runs.store import Store
from playground.spec import RunSpec
from playground.training.events import Changed, Evaluated, Finished, Progress, Started

CLASSES = 10
STRIP = 8


class Recording:
    """A run that a test moves on."""

    def __init__(
        self, store: Store, steps: int = 600, timed: bool = True, **fields: object
    ) -> None:
        self.store, self.steps, self.step, self.timed = store, steps, 0, timed
        self.spec = RunSpec.parse({"epochs": 3, **fields})
        self.id = store.create(self.spec, "someone", "preparing")
        self._random = np.random.default_rng(0)
        self._ended = False

    def begin(self) -> "Recording":
        """The network is built."""
        self.store.record(
            self.id,
            Started(
                93_322,
                [],
                self.steps,
                self.steps // 3,
                54_000,
                6_000,
                10_000,
                [str(name) for name in range(CLASSES)],
                {},
                {
                    "strip_images": self._random.integers(0, 255, (STRIP, 28, 28, 1), np.uint8),
                    "strip_labels": np.arange(STRIP) % CLASSES,
                },
            ),
        )
        return self

    def advance(self, steps: int) -> "Recording":
        """So many steps more."""
        x = np.arange(self.step + 1, self.step + steps + 1)
        loss = 2.3 * np.exp(-x / 150) + 0.1 + self._random.uniform(0, 0.1, steps)
        self.step += steps
        series = {"loss": loss, "accuracy": np.clip(1 - loss / 2.5, 0, 1)}
        if self.timed:
            series["seconds"] = x / 100
        self.store.record(
            self.id,
            Progress(
                self.step,
                3 * self.step / self.steps,
                self.step / 100,
                6400.0,
                {name: values.astype(np.float32) for name, values in series.items()},
            ),
        )
        return self

    def evaluate(self, accuracy: float = 0.9, **metrics: float) -> "Recording":
        """A look at the validation images; the last of the strip is taken for the first class."""
        confusion = np.full((CLASSES, CLASSES), 1, np.int32)
        np.fill_diagonal(confusion, 90)
        strip = np.full((STRIP, CLASSES), 0.01, np.float32)
        strip[np.arange(STRIP), np.arange(STRIP) % CLASSES] = 0.91
        strip[-1] = np.roll(strip[-1], -(STRIP - 1))
        self.store.record(
            self.id,
            Evaluated(
                self.step,
                3 * self.step / self.steps,
                "validation",
                990,
                False,
                {"loss": 1 - accuracy, "accuracy": accuracy, **metrics},
                {"confusion": confusion, "strip_probabilities": strip},
            ),
        )
        return self

    def change(self, kind: str, name: str, value: float | str) -> "Recording":
        """Something is changed mid-run."""
        self.store.record(self.id, Changed(self.step, kind, name, value))
        return self

    def finish(self) -> "Recording":
        """The run ends, if it has not."""
        if not self._ended:
            self._ended = True
            self.store.record(self.id, Finished(self.step, "completed", self.step / 100, {}))
        return self
