"""What went into the softmax that made some probabilities, where that can still be told."""

from __future__ import annotations

from typing import Any

_MARK = "_softmax_of"


def softmax(logits: Any) -> Any:
    """Probabilities that remember their logits, also outside of a TensorFlow graph."""
    import keras

    made = keras.ops.softmax(logits, axis=-1)
    if hasattr(made, "__dict__"):
        setattr(made, _MARK, logits)
    return made


def logits_of(probabilities: Any) -> Any | None:
    """The logits of a tensor that `softmax` or, in the TensorFlow graph being traced, a softmax
    made; else None.

    Keras' own cross-entropies look there too: log(softmax(z)) rounds to log(0) where log_softmax
    does not.
    """
    import keras  # the catalog imports this file, and no Keras

    if keras.backend.backend() != "tensorflow" or not keras.ops.is_tensor(probabilities):
        return None
    known = getattr(probabilities, _MARK, None)
    if known is not None or type(probabilities).__name__ != "SymbolicTensor":
        return known
    op = probabilities.op
    return op.inputs[0] if op.type == "Softmax" else None
