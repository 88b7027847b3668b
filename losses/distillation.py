"""Losses that learn from another model.

y_true (B, C) one-hot, y_pred (B, C), logits and teacher_logits (B, C). Each returns (B,).
"""

from __future__ import annotations

from .classification import cross_entropy_of_logits
from .loss_info import Range, Tensor, named, ops

GROUP = "Distillation"


@named(
    title="Knowledge distillation",
    also="teacher, student",
    group=GROUP,
    when="Learns from a teacher's soft answers as well as from the labels.",
    latex=r"\alpha\,\mathrm{CE}+(1-\alpha)T^2\,KL\left(\sigma(t/T)\,\|\,\sigma(z/T)\right)",
    paper="Hinton et al. 2015, arXiv:1503.02531",
    text="T = 4.0  # 1..20\nalpha = 0.1  # 0..1\n"
    "hard = -sum(y_true * log_softmax(logits), axis=-1)\n"
    "soft = sum(softmax(teacher_logits / T)"
    " * (log_softmax(teacher_logits / T) - log_softmax(logits / T)), axis=-1)\n"
    "alpha * hard + (1 - alpha) * T**2 * soft",
    T=Range(1.0, 20.0),
    alpha=Range(0.0, 1.0),
)
def distillation(
    y_true: Tensor,
    logits: Tensor,
    teacher_logits: Tensor,
    *,
    T: float = 4.0,
    alpha: float = 0.1,
) -> Tensor:
    """a CE(y, softmax z) + (1 - a) T^2 KL(softmax(t/T) || softmax(z/T))"""
    teacher = ops.log_softmax(teacher_logits / T, axis=-1)
    student = ops.log_softmax(logits / T, axis=-1)
    soft = ops.sum(ops.exp(teacher) * (teacher - student), axis=-1)
    return alpha * cross_entropy_of_logits(y_true, logits) + (1 - alpha) * T * T * soft
