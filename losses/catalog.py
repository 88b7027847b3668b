"""Every named loss. A family file enters its losses when it is imported here."""

from __future__ import annotations

from . import (
    active_passive,
    alternatives,
    batchwise,
    boxes,
    builtin,
    classification,
    distillation,
    embedding,
    metrics,  # noqa: F401 - enters them
    robust,
    views,
)
from .loss_info import REGISTRY, LossInfo
from .metric_info import METRICS

FAMILIES = (
    builtin,
    classification,
    alternatives,
    robust,
    active_passive,
    embedding,
    batchwise,
    views,
    distillation,
    boxes,
)

CATALOG: dict[str, LossInfo] = REGISTRY
# Also under the names that Keras and habit have for them.
KERAS_NAMES: dict[str, LossInfo] = {
    alias: info for info in CATALOG.values() for alias in (*info.aliases, info.name)
}
# What a metric's text can call: metrics as well. One called as a loss is that loss' function.
METRIC_NAMES: dict[str, LossInfo] = {**KERAS_NAMES, **METRICS}
EVERY: dict[str, LossInfo] = {**METRICS, **CATALOG}


def catalog() -> list[LossInfo]:
    """Every named loss, one family after the other."""
    return list(CATALOG.values())
