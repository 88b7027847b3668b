"""What was read out of a file of own data, before it is looked at."""

from dataclasses import dataclass, field

import numpy as np

TRAIN, TEST = "train", "test"


@dataclass(frozen=True)
class Part:
    """Images uint8 (N, H, W, C) and the class of each, by its number (N,) int64."""

    images: np.ndarray
    labels: np.ndarray


@dataclass
class Found:
    """The parts "train" and, if there is one, "test"; the names of the classes; and notes, a
    sentence each, on what was done to the images or left out."""

    parts: dict[str, Part]
    class_names: list[str]
    notes: list[str] = field(default_factory=list)
