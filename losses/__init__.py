"""The ground floor: losses, named and written. Imports keras and numpy, nothing of ours.

`import losses` makes its losses, metrics and layers known to Keras, so that
`keras.saving.load_model` finds them in a saved model. The doctor and the portraits, which need
TensorFlow itself, are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import PlaygroundLoss
from .catalog import catalog
from .center_layer import CenterLoss
from .center_rule import moved as moved_centers
from .check import check
from .language.errors import LossError, Remark, Span
from .language.glossary import glossary
from .language.inputs import Input, Provided
from .loss_info import LossInfo
from .metric_info import MetricInfo, metrics
from .named_loss import NamedLoss, get
from .weighing import weighed, weighs_itself
from .written import WrittenLoss, compile_loss
from .written_metric import WrittenMetric, compile_metric, get_metric

if TYPE_CHECKING:
    from .diagnosis import Diagnosis, Finding, doctor
    from .portraits import curve, descents, portrait

__all__ = [
    "CenterLoss",
    "Diagnosis",
    "Finding",
    "Input",
    "LossError",
    "LossInfo",
    "MetricInfo",
    "NamedLoss",
    "PlaygroundLoss",
    "Provided",
    "Remark",
    "Span",
    "WrittenLoss",
    "WrittenMetric",
    "catalog",
    "check",
    "compile_loss",
    "compile_metric",
    "curve",
    "descents",
    "doctor",
    "get",
    "get_metric",
    "glossary",
    "metrics",
    "moved_centers",
    "portrait",
    "weighed",
    "weighs_itself",
]


def __getattr__(name: str) -> Any:
    """The names that import TensorFlow, on first use."""
    if name in ("curve", "descents", "portrait"):
        from . import portraits as module
    elif name in ("doctor", "Diagnosis", "Finding"):
        from . import diagnosis as module  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module 'losses' has no attribute {name!r}")
    return getattr(module, name)
