"""The tensors a loss can name, their sizes, and which of them carry a prediction or a label.

`INPUTS` are the language's own. A task adds names of its own with `Provided`: `Input` is all that
the language asks of a name, in a closed vocabulary.

role        prediction: what is trained, a gradient comes to it. label: what is true. context: what
            neither is, such as the epoch.
values      what the numbers are. Of a prediction, probability and unit are clipped to
            [1e-7, 1 - 1e-7] in a run, and their logarithms come from the logits; nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .graph import BATCHES, WIDTHS, Node, Shape

ROLES = ("prediction", "label", "context")
VALUES: Mapping[str, str] = {
    "probability": "0 to 1, adding up to one over the last axis: a softmax, a one-hot label",
    "unit": "each 0 to 1 by itself: the grey of a pixel, a sigmoid",
    "binary": "0 or 1",
    "class": "whole numbers from 0, one for each class",
    "real": "any number: logits, features, a mean",
    "positive": "0 or more: a distance, a weight",
    "exponent": "of moderate size, such as the logarithm of a variance: its exponential is taken",
    "box": "four corners, x1 <= x2 and y1 <= y2, in the last axis",
}
# Of the language's own only: at once label and prediction; another sample; a whole number from 1.
_OWN_ROLES = ("both", "partner")
_COUNT = "count"
CHANCES = ("probability", "unit")
# Sizes that no task has fixed, at the two batches: near to each other, because what grows is taken
# for the batch's where memory is reckoned, and of ratios that tell them apart.
_FREE = ((6, 7), (7, 8), (8, 9), (9, 10), (5, 6), (10, 11), (4, 5), (11, 12))
MAX_RANK = 5


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that a loss can name. `shape` has a letter or a digit for each axis: B the batch, C
    the classes, D the width of the features, other capitals as the task says, 1 to 9 themselves;
    "" is one number. `role` and `values` are of `ROLES` and `VALUES`; `what` says in words what it
    is, `latex` how a formula writes it. Raises ValueError for what is none of that."""

    shape: str
    role: str
    latex: str
    what: str
    values: str = "real"

    def __post_init__(self) -> None:
        letters = all(c in "123456789" or (c.isascii() and c.isupper()) for c in self.shape)
        if not letters or len(self.shape) > MAX_RANK or "B" in self.shape[1:]:
            raise ValueError(
                f"expected a shape of at most {MAX_RANK} capitals and digits, B first, such as "
                f"BHWK; got {self.shape!r}"
            )
        if self.role not in (*ROLES, *_OWN_ROLES):
            raise ValueError(f"expected a role of {', '.join(ROLES)}; got {self.role!r}")
        if self.values not in (*VALUES, _COUNT):
            raise ValueError(f"expected values of {', '.join(VALUES)}; got {self.values!r}")
        if self.values == "box" and self.shape[-1:] != "4":
            raise ValueError(f"expected a shape that ends in 4 for boxes; got {self.shape!r}")

    @property
    def learnt(self) -> bool:
        """Whether a gradient comes to it."""
        return self.role in ("prediction", "both", "partner")

    @property
    def is_label(self) -> bool:
        """Whether it says what is true."""
        return self.role in ("label", "both", "partner")

    @property
    def chance(self) -> bool:
        """Whether it is predicted and lies between 0 and 1, which it is clipped to."""
        return self.role in ("prediction", "both") and self.values in CHANCES


INPUTS: dict[str, Input] = {
    "y_true": Input("BC", "label", "y", "the target, one-hot", "probability"),
    "y_pred": Input("BC", "prediction", "p", "the predicted probabilities", "probability"),
    "logits": Input("BC", "prediction", "z", "what goes into the softmax"),
    "labels": Input("B", "label", "k", "the number of the true class", "class"),
    "p_true": Input("B", "both", "p_t", "the probability of the true class", "unit"),
    "features": Input("BD", "prediction", "f", "the embedding"),
    "centers": Input("CD", "context", r"\mu", "the moving class centres"),
    "last_kernel": Input("DC", "prediction", "W", "the last layer's kernel, a vector a class"),
    "partner_features": Input("BD", "partner", r"\tilde f", "the embedding of the partner"),
    "negative_features": Input("BD", "partner", r"\bar f", "the embedding of a negative"),
    "same": Input("B", "label", "s", "1 where the pair is of one class", "binary"),
    "teacher_logits": Input("BC", "label", r"\hat z", "the teacher's logits"),
    "boxes": Input("B4", "label", "b", "the true boxes, x1, y1, x2, y2", "box"),
    "boxes_pred": Input("B4", "prediction", r"\hat b", "the predicted boxes", "box"),
    "sample_weight": Input(
        "B", "context", r"\hat\omega", "the weight of each sample, 1 by default", "positive"
    ),
    "class_weights": Input(
        "C", "context", r"\omega", "the weight of each class, 1 by default", "positive"
    ),
    "num_classes": Input("", "context", "C", "the number of classes", _COUNT),
    "epoch": Input("", "context", "t", "the epoch, from 0", "positive"),
    "step": Input("", "context", "n", "the training step", "positive"),
    "progress": Input("", "context", r"\tau", "from 0 to 1 over the run", "unit"),
}


def _unknown(name: str) -> tuple[str, str]:
    return f"{name} is not among what this run has", "see the names that are offered"


@dataclass(frozen=True, slots=True)
class Provided:
    """The inputs that a run has: `inputs` by name, where None means what the language's own input
    of that name is, and `sizes` of the letters in their shapes that are always the same (C is
    `num_classes` without). Of another name of the language, and of one of `elsewhere`, which other
    runs have, `refuse(name)` says what is wrong and what to do. `others` are names that pasted code
    has for them, with the text that stands for each."""

    inputs: Mapping[str, Input | None]
    refuse: Callable[[str], tuple[str, str]] = _unknown
    sizes: Mapping[str, int] = field(default_factory=dict)
    elsewhere: Collection[str] = ()
    others: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, found in self.inputs.items():
            if found is None and name not in INPUTS:
                raise ValueError(f"{name} is no input of the language: say what it is with Input")
            if not name.isidentifier() or name.startswith("_") or "__" in name:
                raise ValueError(f"expected a name such as x_hat; got {name!r}")
        for letter, size in self.sizes.items():
            if letter in ("B", "D") or not 1 <= size <= 10_000:
                raise ValueError(f"expected a size from 1 to 10000 of a letter but B and D; "
                                 f"got {letter} = {size}")  # fmt: skip

    @property
    def known(self) -> dict[str, Input]:
        """All that has a meaning to this run, those of the language that it has not included."""
        own = {name: found for name, found in self.inputs.items() if found is not None}
        return {**INPUTS, **own}

    @property
    def offered(self) -> dict[str, Input]:
        """What the run has."""
        return {name: found or INPUTS[name] for name, found in self.inputs.items()}

    @property
    def pair(self) -> tuple[str, str]:
        """What the run calls the target and the prediction: y_true and y_pred where it has them,
        else the first label and the first prediction of its own; "" for none."""
        if "y_pred" in self.inputs:
            return "y_true" if "y_true" in self.inputs else "", "y_pred"
        offered = self.offered.items()
        target = next((name for name, found in offered if found.role == "label"), "")
        return target, next((name for name, found in offered if found.role == "prediction"), "")

    def as_dict(self, names: Collection[str]) -> dict[str, Any]:
        """What `restored` makes the same of, for these names, JSON-able."""
        own = {n: asdict(i) for n, i in self.inputs.items() if i is not None and n in names}
        return {"inputs": own, "sizes": dict(self.sizes)}


def restored(saved: Mapping[str, Any]) -> Provided:
    """What `Provided.as_dict` was made of, with all names of the language beside it."""
    own = {name: Input(**fields) for name, fields in saved["inputs"].items()}
    return Provided({**dict.fromkeys(INPUTS), **own}, sizes=saved["sizes"])


class Sizes:
    """The sizes of the letters at the two batches."""

    def __init__(
        self, num_classes: int, fixed: Mapping[str, int] | None = None, used: str = ""
    ) -> None:
        self._of: dict[str, tuple[int, int]] = {"B": BATCHES, "D": WIDTHS}
        self._of["C"] = (num_classes, num_classes)
        self._of |= {letter: (size, size) for letter, size in (fixed or {}).items()}
        free = sorted({c for c in used if c.isalpha()} - set(self._of))
        for number, letter in enumerate(free):
            small, large = _FREE[number % len(_FREE)]
            more = 1 + number // len(_FREE)
            self._of[letter] = (small * more, large * more)

    def of(self, found: Input) -> tuple[Shape, Shape]:
        """The sizes of an input at the two batches."""
        one, two = (
            tuple(int(c) if c.isdigit() else self._of[c][k] for c in found.shape) for k in (0, 1)
        )
        return one, two

    def letter(self, one: int, two: int) -> str | None:
        """The letter of a task's own whose sizes these are, where they are not fixed."""
        own = (c for c, found in self._of.items() if c not in "BCD" and found == (one, two))
        return None if one == two else next(own, None)


def learns(node: Node) -> bool:
    """Whether a node is an input to which a gradient comes."""
    return node.op == "input" and node.attrs["of"].learnt


def tells(node: Node) -> bool:
    """Whether a node is an input that says what is true."""
    return node.op == "input" and node.attrs["of"].is_label


def is_chance(node: Node) -> bool:
    """Whether a node is a predicted input between 0 and 1."""
    return node.op == "input" and node.attrs["of"].chance


def is_prediction(node: Node) -> bool:
    """The same, as the network gives it: not what follows from a label, too."""
    return is_chance(node) and node.attrs["of"].role == "prediction"


def is_distribution(node: Node) -> bool:
    """Whether a node is a prediction that adds up to one over its last axis."""
    return is_prediction(node) and node.attrs["of"].values == "probability"


def is_numbers(node: Node) -> bool:
    """Whether a node is an input of class numbers."""
    return node.op == "input" and node.attrs["of"].values == "class"


PREDICTIONS = tuple(n for n, i in INPUTS.items() if i.learnt)
LABELS = tuple(n for n, i in INPUTS.items() if i.is_label)
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
