"""Losses of two views of a sample: what is made of both should agree, and say something.

features and partner_features (B, D), logits and y_true (B, C), last_kernel (D, C). In training the
partner is another image of the same class, so labels choose the views.
"""

from __future__ import annotations

from .embedding import GROUP, not_self
from .loss_info import Range, Tensor, named, ops
from .robust import GROUP as NOISE


def _standard(x: Tensor) -> Tensor:
    """Each feature with mean 0 and spread 1 over the batch, as batch norm has it."""
    x = x - ops.mean(x, axis=0)
    return x / ops.sqrt(ops.mean(ops.square(x), axis=0) + 1e-5)


@named(
    title="Barlow twins",
    also="self-supervised, redundancy",
    group=GROUP,
    when="Two views agree feature by feature, and no two features say the same; no negatives.",
    latex=r"\sum_d(1-C_{dd})^2+\lambda\sum_{d\neq e}C_{de}^2",
    paper="Zbontar et al. 2021, arXiv:2103.03230 (C: correlations of the two views' features)",
    text="lam = 0.005  # 0..0.1\n\ndef standard(x):\n    x = x - mean(x, axis=0)\n"
    "    return x / sqrt(mean(square(x), axis=0) + 1e-5)\n\n"
    "c = standard(features).T @ standard(partner_features) / shape(features)[0]\n"
    "same = eye(shape(features)[1])\n"
    "sum(same * square(1 - c)) + lam * sum((1 - same) * square(c))",
    per_sample=False,
    lam=Range(0.0, 0.1),
)
def barlow_twins(features: Tensor, partner_features: Tensor, *, lam: float = 0.005) -> Tensor:
    """sum_d (1 - C_dd)^2 + lam sum_{d != e} C_de^2: a scalar"""
    one, other = _standard(features), _standard(partner_features)
    count = ops.cast(ops.shape(features)[0], "float32")
    c = ops.matmul(ops.transpose(one), other) / count
    off = not_self(c)
    return ops.sum((1 - off) * ops.square(1 - c)) + lam * ops.sum(off * ops.square(c))


@named(
    title="VICReg",
    also="self-supervised, redundancy",
    group=GROUP,
    when="Two views agree; every feature varies by at least 1, and no two vary together.",
    latex=r"\lambda\,\overline{(f-\tilde f)^2}+\frac\mu2\sum_{v}\overline{\max(1-\sigma_d(v),0)}"
    r"+\frac\nu D\sum_v\sum_{d\neq e}\mathrm{cov}(v)_{de}^2",
    paper="Bardes et al. 2022, arXiv:2105.04906 (as their code; v: the two views)",
    text="lam = 25.0  # 0..50\nmu = 25.0  # 0..50\nnu = 1.0  # 0..10\n"
    "rest = maximum(shape(features)[0] - 1, 1)\noff = 1 - eye(shape(features)[1])\n\n"
    "def spread(x):\n    x = x - mean(x, axis=0)\n"
    "    std = sqrt(sum(square(x), axis=0) / rest + 1e-4)\n"
    "    together = off * square(x.T @ x / rest)\n"
    "    return mu / 2 * mean(maximum(1 - std, 0)) + nu * sum(together) / shape(x)[1]\n\n"
    "lam * mean(square(features - partner_features)) + spread(features) + spread(partner_features)",
    per_sample=False,
    lam=Range(0.0, 50.0),
    mu=Range(0.0, 50.0),
    nu=Range(0.0, 10.0),
)
def vicreg(
    features: Tensor,
    partner_features: Tensor,
    *,
    lam: float = 25.0,
    mu: float = 25.0,
    nu: float = 1.0,
) -> Tensor:
    """lam mean (f - g)^2 + sum over views of mu/2 mean_d max(1 - std_d, 0) + nu/D sum_{d != e}
    cov_de^2: a scalar"""
    apart = lam * ops.mean(ops.square(features - partner_features))
    rest = ops.maximum(ops.cast(ops.shape(features)[0], "float32") - 1, 1.0)
    off = not_self(ops.transpose(features))

    def spread(x: Tensor) -> Tensor:
        x = x - ops.mean(x, axis=0)
        std = ops.sqrt(ops.sum(ops.square(x), axis=0) / rest + 1e-4)
        together = ops.sum(off * ops.square(ops.matmul(ops.transpose(x), x) / rest), axis=-1)
        return mu / 2 * ops.mean(ops.maximum(1 - std, 0.0)) + nu * ops.mean(together)

    return apart + spread(features) + spread(partner_features)


@named(
    title="Generalised Jensen-Shannon",
    also="GJS, noise, consistency",
    group=NOISE,
    when="Noise-tolerant, and two views must agree; w leads from cross-entropy to absolute error.",
    latex=r"\frac{w\,KL(y\|m)+\frac{1-w}2\left(KL(p\|m)+KL(\tilde p\|m)\right)}{-(1-w)\log(1-w)},"
    r"\quad m=wy+\tfrac{1-w}2(p+\tilde p)",
    paper="Englesson & Azizpour 2021, arXiv:2105.04522",
    text="w = 0.5  # 0.01..0.99\n"
    "other = logits + (partner_features - features) @ last_kernel\n"
    "p, q = log_softmax(logits), log_softmax(other)\n"
    "m = maximum(w * y_true + (1 - w) / 2 * (exp(p) + exp(q)), 1e-30)\n"
    "truth = sum(xlogy(y_true, y_true) - xlogy(y_true, m), axis=-1)\n"
    "views = sum(exp(p) * (p - log(m)) + exp(q) * (q - log(m)), axis=-1)\n"
    "labelled = sum(y_true, axis=-1)\n"
    "(w * truth + (1 - w) / 2 * labelled * views) / (-(1 - w) * log(1 - w))",
    w=Range(0.01, 0.99),
)
def gjs(
    y_true: Tensor,
    logits: Tensor,
    features: Tensor,
    partner_features: Tensor,
    last_kernel: Tensor,
    *,
    w: float = 0.5,
) -> Tensor:
    """(w KL(y || m) + (1 - w)/2 (KL(p || m) + KL(q || m))) / (-(1 - w) log(1 - w)); q: what the
    last layer makes of the partner"""
    w = ops.convert_to_tensor(w, dtype="float32")
    other = logits + ops.matmul(partner_features - features, last_kernel)
    p, q = ops.log_softmax(logits, axis=-1), ops.log_softmax(other, axis=-1)
    m = ops.maximum(w * y_true + (1 - w) / 2 * (ops.exp(p) + ops.exp(q)), 1e-30)
    log_m = ops.log(m)
    truth = ops.sum(y_true * (ops.log(ops.maximum(y_true, 1e-30)) - log_m), axis=-1)
    views = ops.sum(ops.exp(p) * (p - log_m) + ops.exp(q) * (q - log_m), axis=-1)
    labelled = ops.sum(y_true, axis=-1)
    return (w * truth + (1 - w) / 2 * labelled * views) / (-(1 - w) * ops.log(1 - w))
