"""Losses that learn from another model, and one that regularises a code.

y_true (B, C) one-hot, y_pred (B, C), logits and teacher_logits (B, C). Each returns (B,).
"""

from __future__ import annotations

from .classification import cross_entropy_of_logits
from .named import Range, Tensor, named, ops
from .probabilities import log_p, log_rest

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


@named(
    title="VAE evidence bound",
    also="ELBO, autoencoder",
    group="Generative",
    when="A reconstruction and a penalty on the code; y_pred is read as means and variances.",
    latex=r"\sum_c\mathrm{BCE}-\frac\beta2\sum(1+\log\sigma^2-\mu^2-\sigma^2)",
    paper="Kingma & Welling 2013, arXiv:1312.6114",
    text="beta = 1.0  # 0..4\nmu = y_pred[:, :5]\nlv = y_pred[:, 5:]\n"
    "bce = -sum(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred), axis=-1)\n"
    "bce - 0.5 * beta * sum(1 + lv - mu**2 - exp(lv), axis=-1)",
    beta=Range(0.0, 4.0),
)
def vae_elbo(y_true: Tensor, y_pred: Tensor, *, beta: float = 1.0) -> Tensor:
    """sum_c BCE - beta/2 sum(1 + lv - mu^2 - e^lv), mu = first half of y_pred, lv = second"""
    half = y_pred.shape[-1] // 2
    mu, lv = y_pred[:, :half], y_pred[:, half:]
    bce = -ops.sum(y_true * log_p(y_pred) + (1 - y_true) * log_rest(y_pred), axis=-1)
    code = ops.sum(1 + lv, axis=-1) - ops.sum(ops.square(mu), axis=-1)
    return bce - 0.5 * beta * (code - ops.sum(ops.exp(lv), axis=-1))
