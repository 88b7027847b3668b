"""Early stopping: the best epoch so far, and when to give up waiting for a better one."""

from dataclasses import dataclass, field

from playground.training.events import Arrays
from playground.verdicts.best import least


@dataclass(frozen=True)
class Good:
    """The weights of the evaluation with the least validation loss so far, or those the run began
    with: what it can go back to."""

    step: int
    loss: float
    arrays: Arrays


@dataclass
class BestEpoch:
    """Early stopping (Prechelt, "Early stopping, but when?", 1998): remembers the weights of the
    best epoch (`playground.verdicts.best`), and when `patience` epochs have not beaten it."""

    patience: int
    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    weights: Arrays = field(default_factory=dict)

    def update(self, epoch: int, step: int, loss: float, weights: Arrays) -> bool:
        """Takes an epoch's validation loss; whether it is time to stop."""
        self.losses.append(loss)
        if least(self.losses) == len(self.losses) - 1:
            self.epoch, self.step, self.weights = epoch, step, weights
        return epoch - self.epoch >= self.patience
