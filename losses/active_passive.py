"""Normalised focal loss and the active-passive pairs of Ma et al. 2020, for wrong labels: an active
part that learns the labelled class and a passive one that holds the others down.

y_true (B, C) one-hot, y_pred (B, C) probabilities. Each returns (B,).
"""

from __future__ import annotations

from .classification import of_truth
from .loss_info import Range, Tensor, named, ops
from .probabilities import kept, log_p, log_rest
from .robust import GROUP, nce

PAPER = "Ma et al. 2020, arXiv:2006.13554"
_WEIGHT = Range(0.0, 10.0)
_ALPHA_BETA = "alpha = 1.0  # 0..10\nbeta = 1.0  # 0..10\n"
_PT = "pt = sum(y_true * y_pred, axis=-1)\n"
_NCE = "active = sum(y_true * log(y_pred), axis=-1) / sum(log(y_pred), axis=-1)\n"
_FOCAL = (
    "focal = (1 - y_pred)**gamma * log(y_pred)\n"
    "active = sum(y_true * focal, axis=-1) / sum(focal, axis=-1)\n"
)


@named(
    title="Normalised focal",
    also="NFL, noise",
    group=GROUP,
    when="Focal loss scaled to be noise-tolerant; learns slowly alone.",
    latex=r"\frac{(1-p_t)^\gamma\log p_t}{\sum_c(1-p_c)^\gamma\log p_c}",
    paper=PAPER,
    text="gamma = 0.5  # 0..5\nfocal = (1 - y_pred)**gamma * log(y_pred)\n"
    "sum(y_true * focal, axis=-1) / sum(focal, axis=-1)",
    gamma=Range(0.0, 5.0),
)
def normalised_focal(y_true: Tensor, y_pred: Tensor, *, gamma: float = 0.5) -> Tensor:
    """(1 - p_t)^g log p_t / sum_c (1 - p_c)^g log p_c"""
    each = ops.exp(gamma * log_rest(y_pred)) * log_p(y_pred)
    return of_truth(y_true, each) / ops.sum(each, axis=-1)


def _missing(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 - p_t: what the labelled class lacks."""
    return 1 - of_truth(y_true, kept(y_pred))


@named(
    title="Active-passive loss (NCE + MAE)",
    also="APL, noise",
    group=GROUP,
    when="A noise-tolerant pair whose passive part is the absolute error.",
    latex=r"\alpha\frac{\log p_t}{\sum_c\log p_c}+\beta(1-p_t)",
    paper=f"{PAPER} (MAE as 1 - p_t, as their code)",
    text=_ALPHA_BETA + _NCE + _PT + "alpha * active + beta * (1 - pt)",
    alpha=_WEIGHT,
    beta=_WEIGHT,
)
def apl_nce_mae(y_true: Tensor, y_pred: Tensor, *, alpha: float = 1.0, beta: float = 1.0) -> Tensor:
    """alpha NCE + beta (1 - p_t)"""
    return alpha * nce(y_true, y_pred) + beta * _missing(y_true, y_pred)


@named(
    title="Active-passive loss (NFL + RCE)",
    also="APL, noise",
    group=GROUP,
    when="A noise-tolerant pair: normalised focal loss learns, reverse cross-entropy withstands.",
    latex=r"\alpha\,\mathrm{NFL}_\gamma-\beta A(1-p_t)",
    paper=PAPER,
    text=_ALPHA_BETA
    + "gamma = 0.5  # 0..5\nA = -4.0  # -8..-1\n"
    + _FOCAL
    + _PT
    + "alpha * active - beta * A * (1 - pt)",
    alpha=_WEIGHT,
    beta=_WEIGHT,
    gamma=Range(0.0, 5.0),
    A=Range(-8.0, -1.0),
)
def apl_nfl_rce(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    gamma: float = 0.5,
    A: float = -4.0,
) -> Tensor:
    """alpha NFL + beta (-A) (1 - p_t); A stands for log 0"""
    active = normalised_focal(y_true, y_pred, gamma=gamma)
    return alpha * active - beta * A * _missing(y_true, y_pred)


@named(
    title="Active-passive loss (NFL + MAE)",
    also="APL, noise",
    group=GROUP,
    when="A noise-tolerant pair: normalised focal loss learns, the absolute error withstands.",
    latex=r"\alpha\,\mathrm{NFL}_\gamma+\beta(1-p_t)",
    paper=f"{PAPER} (MAE as 1 - p_t, as their code)",
    text=_ALPHA_BETA + "gamma = 0.5  # 0..5\n" + _FOCAL + _PT + "alpha * active + beta * (1 - pt)",
    alpha=_WEIGHT,
    beta=_WEIGHT,
    gamma=Range(0.0, 5.0),
)
def apl_nfl_mae(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    gamma: float = 0.5,
) -> Tensor:
    """alpha NFL + beta (1 - p_t)"""
    active = normalised_focal(y_true, y_pred, gamma=gamma)
    return alpha * active + beta * _missing(y_true, y_pred)
