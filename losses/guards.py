"""What a call from Python may hand over, told in our words before TensorFlow tells it in its own.

As `chex.assert_rank` and optax's `check_shapes_equal` have it: "Expected ..., got ...". Shapes that
have to fit each other are `losses.targets`. What only the values show, class numbers beyond the
classes, is told outside of a graph; inside of one it would cost every step.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .language.errors import LossError
from .loss_info import Tensor, ops

NUMBERS = ("float", "int", "uint", "bool", "bfloat")  # how the names of their types begin
# What is handed over in place of numbers, by the letter of NumPy's or the name of Keras' type.
_KINDS = {"U": "strings", "S": "strings", "O": "Python objects", "c": "complex numbers",
          "M": "dates", "m": "times", "string": "strings", "complex64": "complex numbers",
          "complex128": "complex numbers"}  # fmt: skip


def tensor(x: Any, what: str, name: str) -> Tensor:
    """`x` as a tensor of numbers with an axis of samples, unchanged where it is one. Raises
    LossError, which says `what` of the loss `name` it is."""
    if x is None or isinstance(x, (str, bytes, dict, set)):
        raise LossError(
            f"{name}: Expected {what} as a tensor, got {_kind_of(x)}",
            hint="hand over an array with a row a sample",
        )
    if not hasattr(x, "shape"):
        try:
            x = ops.convert_to_tensor(x)
        except (TypeError, ValueError) as error:
            raise LossError(
                f"{name}: Expected {what} as one array of numbers, "
                f"got {_kind_of(x)} of another kind",
                hint="its rows have one length, and numbers in them",
            ) from error
    _check_type(x, what, name)
    _check_rank(x, what, name)
    return x


def samples(x: Any, what: str, name: str) -> None:
    """Raises LossError where a tensor is known to have no sample: there is nothing to take a mean
    or a hardest pair of."""
    if x.shape[0] == 0:
        raise LossError(
            f"{name}: Expected {what} of at least one sample, got an empty batch",
            hint="leave batches without a sample out",
        )


def weights(x: Any, name: str) -> Tensor:
    """Sample weights as a float32 tensor, which may be one number for all. Raises LossError."""
    if hasattr(x, "shape") or isinstance(x, (int, float)):
        given = np.float32(x) if isinstance(x, (int, float)) else x
        _check_type(given, "sample_weight", name)
    else:
        given = tensor(x, "sample_weight", name)
    return ops.cast(given, "float32")


def class_numbers(labels: Tensor, y_pred: Tensor, classes: int | None, name: str) -> None:
    """Raises LossError where class numbers of a call outside a graph are not whole, or not from 0
    to `classes` - 1; None is any number of classes. Where y_pred has a mask, some may be of what is
    no sample: they are not looked at."""
    has_values = isinstance(labels, np.ndarray) or type(labels).__name__ == "EagerTensor"
    if not has_values or getattr(y_pred, "_keras_mask", None) is not None:
        return
    values = np.asarray(labels)
    wrong = (values != np.floor(values)) | (values < 0)
    if classes is not None:
        wrong |= values >= classes
    if wrong.any():
        wanted = "from 0" if classes is None else f"from 0 to {classes - 1}"
        raise LossError(
            f"{name}: Expected class numbers {wanted}, got {values[wrong].flat[0]:g}",
            hint="number the classes from 0, and give y_pred an entry for each",
        )


def _check_type(x: Any, what: str, name: str) -> None:
    given = getattr(x, "dtype", None)
    if isinstance(given, np.dtype):
        kind = _KINDS.get(given.kind)
    else:
        kind = keras.backend.standardize_dtype(given)
        kind = None if kind.startswith(NUMBERS) else _KINDS.get(kind, kind)
    if kind is not None:
        raise LossError(
            f"{name}: Expected {what} of numbers, got {kind}",
            hint="turn them into numbers first, such as with keras.layers.StringLookup"
            if kind == "strings"
            else "such as .astype('float32')",
        )


def _check_rank(x: Any, what: str, name: str) -> None:
    rank = getattr(x.shape, "rank", None) if hasattr(x.shape, "rank") else len(x.shape)
    if rank is None:
        raise LossError(
            f"{name}: Expected {what} of a known number of axes, got one of any number",
            hint=f"say it with {what}.set_shape((None, ...))",
        )
    if rank == 0:
        raise LossError(
            f"{name}: Expected {what} with an axis of samples, got a single number",
            hint="of one sample: (1, C)",
        )


def _kind_of(x: Any) -> str:
    return "None" if x is None else f"a {type(x).__name__}"
