"""Other ways than the cross-entropy to hold a prediction against its class.

y_true (B, C) one-hot, y_pred (B, C) probabilities, logits (B, C). Each returns (B,) unless it says
otherwise.
"""

from __future__ import annotations

from .classification import GROUP, OVERLAP, of_truth
from .loss_info import Tensor, named, ops
from .probabilities import clipped, log_p


@named(
    title="Sparsemax",
    also="sparse, Fenchel-Young, margin",
    group=GROUP,
    when="Rests once the true logit leads every other by 1: a smooth loss with a margin.",
    latex=r"\tfrac12\sum_{c:z_c>\tau}\left(z_c^2-\tau^2\right)+\tfrac12-z_k,\quad "
    r"\sum_c\max(z_c-\tau,0)=1",
    paper="Martins & Astudillo 2016, arXiv:1602.02068",
    text="z = logits - max(logits, axis=-1, keepdims=True)\nordered = -sort(-z, axis=-1)\n"
    "place = arange(1, num_classes + 1)\n"
    "held = cast(1 + place * ordered > cumsum(ordered, axis=-1), 'float32')\n"
    "count = sum(held, axis=-1, keepdims=True)\n"
    "tau = (sum(held * ordered, axis=-1, keepdims=True) - 1) / count\n"
    "labelled = sum(y_true, axis=-1)\n"
    "half = 0.5 * sum(where(z > tau, square(z) - square(tau), 0), axis=-1) + 0.5\n"
    "labelled * half - sum(y_true * z, axis=-1)",
)
def sparsemax(y_true: Tensor, logits: Tensor) -> Tensor:
    """1/2 sum over z > tau of (z^2 - tau^2) + 1/2 - z_k, tau such that sum max(z - tau, 0) = 1"""
    z = logits - ops.max(logits, axis=-1, keepdims=True)  # the loss is of differences only
    ordered = -ops.sort(-z, axis=-1)
    place = ops.cast(ops.arange(1, ops.shape(z)[-1] + 1), "float32")
    held = ops.cast(1 + place * ordered > ops.cumsum(ordered, axis=-1), "float32")
    count = ops.sum(held, axis=-1, keepdims=True)
    tau = (ops.sum(held * ordered, axis=-1, keepdims=True) - 1) / count
    inside = ops.where(z > tau, ops.square(z) - ops.square(tau), 0.0)
    half = 0.5 * ops.sum(inside, axis=-1) + 0.5
    return ops.sum(y_true, axis=-1) * half - of_truth(y_true, z)


@named(
    title="Baikal",
    also="evolved, regularisation",
    group=GROUP,
    when="Found by evolution: hard on a missed class, and never content with full confidence.",
    latex=r"-\frac1C\sum_c\left(\log p_c-\frac{y_c}{p_c}\right)",
    paper="Gonzalez & Miikkulainen 2020, arXiv:1905.11528",
    text="labelled = sum(y_true, axis=-1)\n"
    "mean(y_true / y_pred, axis=-1) - labelled * mean(log(y_pred), axis=-1)",
)
def baikal(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """-mean_c (log p - y / p); the p that it divides by is kept above 1e-7"""
    labelled = ops.sum(y_true, axis=-1)
    spread = labelled * ops.mean(log_p(y_pred), axis=-1)
    return ops.mean(y_true / clipped(y_pred), axis=-1) - spread


@named(
    title="Generalised Dice",
    also="GDL, imbalance, segmentation",
    group=OVERLAP,
    when="Dice over the batch, each class weighed by one over its size squared; for imbalance.",
    latex=r"1-\frac{2\sum_c w_c\sum_i y_{ic}p_{ic}}{\sum_c w_c\sum_i(y_{ic}+p_{ic})},\quad "
    r"w_c=\frac1{(\sum_i y_{ic})^2}",
    paper="Sudre et al. 2017, arXiv:1707.03237 (a class that is absent weighs as the rarest)",
    text="size = sum(y_true, axis=0)\nw = where(size > 0, 1 / maximum(size, 1e-7)**2, 0)\n"
    "w = where(size > 0, w, max(w))\nboth = sum(y_true * y_pred, axis=0)\n"
    "either = sum(y_true + y_pred, axis=0)\n1 - 2 * sum(w * both) / (sum(w * either) + 1e-7)",
    per_sample=False,
    aliases=("generalized_dice",),
)
def generalised_dice(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 - 2 sum_c w_c sum_i yp / sum_c w_c sum_i (y + p), w_c = 1 / (sum_i y)^2: a scalar"""
    size = ops.sum(y_true, axis=0)
    w = ops.where(size > 0, 1 / ops.square(ops.maximum(size, 1e-7)), 0.0)
    w = ops.where(size > 0, w, ops.max(w))
    both, either = ops.sum(y_true * y_pred, axis=0), ops.sum(y_true + y_pred, axis=0)
    return 1 - 2 * ops.sum(w * both) / (ops.sum(w * either) + 1e-7)
