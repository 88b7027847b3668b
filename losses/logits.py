"""What went into the softmax that made some probabilities, where that can still be told."""

from __future__ import annotations

from typing import Any


def logits_of(probabilities: Any) -> Any | None:
    """The logits of a tensor that a softmax made in the TensorFlow graph being traced, else None.

    Keras' own cross-entropies look there too: log(softmax(z)) rounds to log(0) where log_softmax
    does not.
    """
    import keras  # the catalog imports this file, and no Keras

    if keras.backend.backend() != "tensorflow" or not keras.ops.is_tensor(probabilities):
        return None
    if type(probabilities).__name__ != "SymbolicTensor":
        return None
    made_by = probabilities.op
    return made_by.inputs[0] if made_by.type == "Softmax" else None
