"""The tensors a loss can name, their sizes, and which of them carry a prediction or a label."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from .graph import BATCHES, WIDTHS, Shape


@dataclass(frozen=True, slots=True)
class Input:
    """`shape` in letters B, C, D; `role` is prediction, label or context."""

    shape: str
    role: str
    latex: str
    what: str


INPUTS: dict[str, Input] = {
    "y_true": Input("BC", "label", "y", "the target, one-hot"),
    "y_pred": Input("BC", "prediction", "p", "the predicted probabilities"),
    "logits": Input("BC", "prediction", "z", "what goes into the softmax"),
    "labels": Input("B", "label", "k", "the number of the true class"),
    "p_true": Input("B", "both", "p_t", "the probability of the true class"),
    "features": Input("BD", "prediction", "f", "the embedding"),
    "centers": Input("CD", "context", r"\mu", "the moving class centres"),
    "last_kernel": Input("DC", "prediction", "W", "the last layer's kernel, a vector a class"),
    "partner_features": Input("BD", "partner", r"\tilde f", "the embedding of the partner"),
    "negative_features": Input("BD", "partner", r"\bar f", "the embedding of a negative"),
    "same": Input("B", "label", "s", "1 where the pair is of one class"),
    "teacher_logits": Input("BC", "label", r"\hat z", "the teacher's logits"),
    "sample_weight": Input(
        "B", "context", r"\hat\omega", "the weight of each sample, 1 by default"
    ),
    "class_weights": Input("C", "context", r"\omega", "the weight of each class, 1 by default"),
    "num_classes": Input("", "context", "C", "the number of classes"),
    "epoch": Input("", "context", "t", "the epoch, from 0"),
    "step": Input("", "context", "n", "the training step"),
    "progress": Input("", "context", r"\tau", "from 0 to 1 over the run"),
}


@dataclass(frozen=True, slots=True)
class Provided:
    """The inputs that a run has, of those that a text may name; of another `refuse(name)` says what
    is wrong and what to do."""

    names: Collection[str]
    refuse: Callable[[str], tuple[str, str]]


PREDICTIONS = tuple(n for n, i in INPUTS.items() if i.role in ("prediction", "both", "partner"))
LABELS = tuple(n for n, i in INPUTS.items() if i.role in ("label", "both", "partner"))
# What a loss can take and still be a curve over the probability of the true class.
OF_THE_PROBABILITY = (
    "y_true",
    "y_pred",
    "labels",
    "p_true",
    "logits",
    "sample_weight",
    "class_weights",
    "num_classes",
    "epoch",
    "step",
    "progress",
)

# What the last layer's kernel was called before weights of classes had a name.
OLD_KERNEL = "class_weights"
KERNEL = "last_kernel"


def shapes_of(name: str, num_classes: int) -> tuple[Shape, Shape]:
    """The sizes of an input at the two batch sizes."""
    one, two = (
        tuple({"B": BATCHES[k], "C": num_classes, "D": WIDTHS[k]}[c] for c in INPUTS[name].shape)
        for k in (0, 1)
    )
    return one, two
