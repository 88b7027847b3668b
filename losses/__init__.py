"""The ground floor: losses, named and written. Imports keras and numpy, nothing of ours.

Reading a text (`check(..., numeric=False)`, `catalog()`) does not import Keras; the names that
need it are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .catalog import catalog
from .centers import moved as moved_centers
from .check import check
from .language.errors import LossError, Remark, Span
from .language.glossary import glossary
from .metrics import MetricInfo, metrics
from .named import LossInfo
from .weighing import weighed, weighs_itself

if TYPE_CHECKING:
    from .base import PlaygroundLoss
    from .center_layer import CenterLoss
    from .diagnosis import Diagnosis, Verdict, doctor
    from .known import NamedLoss, get
    from .portraits import curve, portrait
    from .written import WrittenLoss, compile_loss, compile_metric, get_metric

__all__ = [
    "CenterLoss",
    "Diagnosis",
    "LossError",
    "LossInfo",
    "MetricInfo",
    "NamedLoss",
    "PlaygroundLoss",
    "Remark",
    "Span",
    "Verdict",
    "WrittenLoss",
    "catalog",
    "check",
    "compile_loss",
    "compile_metric",
    "curve",
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
    """The names that import Keras, on first use."""
    if name in ("compile_loss", "compile_metric", "get_metric", "WrittenLoss"):
        from . import written as module
    elif name in ("get", "NamedLoss"):
        from . import known as module  # type: ignore[no-redef]
    elif name == "PlaygroundLoss":
        from . import base as module  # type: ignore[no-redef]
    elif name == "CenterLoss":
        from . import center_layer as module  # type: ignore[no-redef]
    elif name in ("curve", "portrait"):
        from . import portraits as module  # type: ignore[no-redef]
    elif name in ("doctor", "Diagnosis", "Verdict"):
        from . import diagnosis as module  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module 'losses' has no attribute {name!r}")
    return getattr(module, name)
