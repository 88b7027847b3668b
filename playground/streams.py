"""Random streams: what is drawn from a run's seed, each stream by a name of its own.

Two streams of different names share nothing, so that a draw more in one leaves the others alone.
The streams of the first version have numbers instead, so that its runs are drawn as they were.
"""

import numpy as np

# The whole list of the first version's; a new stream's entropy is its name.
_NUMBERED: dict[str, tuple[int, ...]] = {
    "split": (),
    "samples": (1,),
    "shuffle": (2,),
    "label noise": (3,),
    "training sample": (4,),
}


def stream(seed: int, name: str, *more: int) -> np.random.Generator:
    """The stream of this name in a run of this seed; `more` numbers, such as the epoch, part it."""
    return np.random.default_rng([seed, *_NUMBERED.get(name, name.encode()), *more])


def number(seed: int, name: str) -> int:
    """A seed of its own for what draws by itself, such as a layer of this name."""
    return int(stream(seed, name).integers(2**31 - 1))
