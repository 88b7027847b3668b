"""What a loss does to a prediction, drawn before it trains; every number comes from the loss.

function.py   a loss as a function of many predictions, quickly
curves.py     L, dL/dz and dL/dp over the probability of the true class and the logit margin
simplex.py    L over all predictions of three classes, and where descent leads
weights.py    whom it pushes in a real batch, and how hard beside cross-entropy
distances.py  pairs, triplets and points, for losses on the embedding
boxes.py      where descent leads a box, for losses of boxes
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from losses.base import PlaygroundLoss
from losses.language.draws import own
from losses.language.errors import LossError
from losses.language.inputs import Provided
from losses.named_loss import NamedLoss
from losses.written import WrittenLoss

from .boxes import descents
from .curves import curve, curves, grid
from .distances import on_features
from .function import LossFunction
from .simplex import simplex
from .weights import weights

__all__ = ["VIEWS", "LossFunction", "curve", "descents", "portrait"]

VIEWS = ("curve", "simplex", "weights")
KEPT = 12  # losses that stay compiled, so that a slider moves at once
Batch = tuple[np.ndarray, np.ndarray]
OF_BOXES = "It compares boxes: the box studio on the page Detection draws it."


def portrait(
    text: str,
    parameters: Mapping[str, float],
    view: str,
    batch: Batch | None = None,
    inputs: Provided | None = None,
    num_classes: int = 10,
) -> dict[str, Any]:
    """A view of a loss, given by name or as text: plain numbers, words and float32 arrays.

    "curve": `kind` "curve" with the arrays of `curves`, those of cross-entropy under `ghost`, and
    under `batch` those of `weights` where the loss compares samples; or what `on_features` gives.
    "simplex": see `simplex`. "weights": see `weights`, of the batch: labels (N,) and
    probabilities (N, C); the others are of `num_classes`. Where a view does not fit the loss there
    is `reason`, a sentence, in its place. Parameters that the loss does not have are passed over.
    With `inputs`, of a run that has these; of what is made of a run's own inputs there is a reason
    in every view, and `everywhere` says so. Raises `LossError` where the text is refused.
    """
    if view not in VIEWS:
        raise ValueError(f"expected one of {', '.join(VIEWS)}; got {view!r}")
    if inputs is not None and not text.isidentifier():
        names = own(WrittenLoss(text, num_classes=num_classes, provided=inputs))
        if names:
            return {
                "reason": f"This loss is of {', '.join(names)}: it has no curve over the "
                "probability of a class.",
                "everywhere": True,
            }
    with np.errstate(all="ignore"):  # infinities are shown as gaps
        if view == "simplex":
            return _simplex(text, parameters, num_classes)
        if view == "weights":
            if batch is None:
                raise ValueError("expected a batch; got none")
            return weights(_function(text, parameters, batch[1].shape[1]), *batch)
        function = _function(text, parameters, num_classes)
        if not function.curved:
            if "boxes_pred" in function.loss.inputs:
                return {"reason": OF_BOXES}
            return on_features(function)
        if function.coupled and batch is not None:
            note = "It compares the samples of a batch, so that a curve of one would mislead: each "
            note += "dot is an image of a real batch."
            drawn = weights(_function(text, parameters, batch[1].shape[1]), *batch)
            return {"kind": "batch", **drawn, "note": note, "ghost": _ghost(num_classes)}
        drawn = curves(function, grid(function.classes))
        return {"kind": "curve", **drawn, "ghost": _ghost(num_classes)}


def _simplex(text: str, parameters: Mapping[str, float], classes: int) -> dict[str, Any]:
    try:
        function = _function(text, parameters, 3)
        return simplex(function)
    except LossError:
        _function(text, parameters, classes)  # raises where the text itself is refused
    except Exception:  # whatever the library raises at sizes that do not fit
        _function(text, parameters, classes)
    written = "ten" if classes == 10 else classes
    return {"reason": f"It is written for {written} classes, and the triangle has three."}


def _function(text: str, parameters: Mapping[str, float], classes: int) -> LossFunction:
    """The loss with these parameters, compiled or as it was kept."""
    function = _compiled(text, (), classes)
    declared = function.loss.parameters
    given = {name: value for name, value in parameters.items() if name in declared}
    fixed = {name: value for name, value in given.items() if declared[name].fixed}
    if fixed:  # a size or an axis: other numbers make another loss
        function = _compiled(text, tuple(sorted(fixed.items())), classes)
        declared = function.loss.parameters
    for name, parameter in declared.items():
        if not parameter.fixed:
            value = given.get(name, function.declared[name])
            if parameter.value != value:
                function.loss.set_parameter(name, value)
    return function


class _Kept(LossFunction):
    """A loss function that remembers what its loss declared, whatever its sliders did since."""

    def __init__(self, loss: PlaygroundLoss, classes: int) -> None:
        super().__init__(loss, classes)
        parameters = loss.parameters
        self.declared = {name: float(each.value) for name, each in parameters.items()}


@lru_cache(maxsize=KEPT)
def _compiled(text: str, fixed: tuple[tuple[str, float], ...], classes: int) -> _Kept:
    loss: PlaygroundLoss
    if text.isidentifier():
        loss = NamedLoss(text, dict(fixed))
    else:
        loss = WrittenLoss(text, dict(fixed), num_classes=classes)
    return _Kept(loss, classes)


@lru_cache(maxsize=4)
def _ghost(classes: int) -> dict[str, Any]:
    function = _compiled("categorical_crossentropy", (), classes)
    return curves(function, grid(function.classes))
