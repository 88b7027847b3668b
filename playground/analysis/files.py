"""A run's network as a file that Keras opens."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from playground import models
from playground.spec import RunSpec


def keras_file(spec: RunSpec, weights: Mapping[str, np.ndarray]) -> bytes:
    """The content of a `.keras` file of the spec's network, without its loss or optimiser, with the
    weights of a snapshot: pixels (B, H, W, C) of 0 to 255 in, probabilities (B, classes) out."""
    model = models.restore(spec, weights)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        model.save(path)
        return path.read_bytes()
