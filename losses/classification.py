"""Losses on probabilities: variants of the cross-entropy, overlap measures, ordered classes.

y_true (B, C) one-hot, y_pred (B, C) probabilities, logits (B, C). Each returns (B,) unless
it says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

from .language.errors import LossError
from .loss_info import Range, Tensor, Words, named, ops
from .probabilities import kept, log_false, log_p, log_rest, log_true, logarithm

GROUP = "Classification"
OVERLAP = "Overlap and ordered classes"
COUNTS = (500.0, 400.0, 300.0, 200.0, 100.0, 90.0, 80.0, 70.0, 60.0, 50.0)
# In a text: samples a class, to be edited.
_COUNTS = f"counts = array({list(COUNTS)})\n"


def of_truth(y_true: Tensor, values: Tensor) -> Tensor:
    """The entry of the true class: (B,)."""
    return ops.sum(y_true * values, axis=-1)


def cross_entropy_of_logits(y_true: Tensor, z: Tensor) -> Tensor:
    """-log softmax(z) of the true class: (B,)."""
    return -ops.sum(y_true * ops.log_softmax(z, axis=-1), axis=-1)


@named(
    title="Focal loss",
    also="imbalance, hard samples",
    group=GROUP,
    when="Turns down what is already well classified, so that hard samples lead; for imbalance.",
    latex=r"-\alpha(1-p_t)^\gamma\log p_t",
    paper="Lin et al. 2017, arXiv:1708.02002",
    text="gamma = 2.0  # 0..5\nalpha = 1.0  # 0..1\npt = sum(y_true * y_pred, axis=-1)\n"
    "-alpha * (1 - pt)**gamma * log(pt)",
    gamma=Range(0.0, 5.0),
    alpha=Range(0.0, 1.0),
)
def focal(y_true: Tensor, y_pred: Tensor, *, gamma: float = 2.0, alpha: float = 1.0) -> Tensor:
    """alpha (1 - p_t)^gamma (-log p_t)"""
    return -alpha * ops.exp(gamma * log_false(y_true, y_pred)) * log_true(y_true, y_pred)


@named(
    title="Poly-1",
    also="polynomial",
    group=GROUP,
    when="Cross-entropy with one more knob: how hard it pushes on confident samples.",
    latex=r"-\log p_t+\epsilon(1-p_t)",
    paper="Leng et al. 2022, arXiv:2204.12511",
    text="epsilon = 2.0  # -1..5\npt = sum(y_true * y_pred, axis=-1)\n"
    "-log(pt) + epsilon * (1 - pt)",
    epsilon=Range(-1.0, 5.0),
)
def poly1(y_true: Tensor, y_pred: Tensor, *, epsilon: float = 2.0) -> Tensor:
    """CE + epsilon (1 - p_t)"""
    pt = of_truth(y_true, kept(y_pred))
    return -log_true(y_true, y_pred) + epsilon * (1 - pt)


@named(
    title="Confidence penalty",
    also="overconfidence, entropy",
    group=GROUP,
    when="Rewards spread-out predictions; a cure for overconfidence.",
    latex=r"-\sum_c y_c\log p_c+\beta\sum_c p_c\log p_c",
    paper="Pereyra et al. 2017, arXiv:1701.06548",
    text="beta = 0.1  # 0..2\n-sum(y_true * log(y_pred), axis=-1)"
    " + beta * sum(y_pred * log(y_pred), axis=-1)",
    beta=Range(0.0, 2.0),
)
def confidence_penalty(y_true: Tensor, y_pred: Tensor, *, beta: float = 0.1) -> Tensor:
    """CE - beta H(p)"""
    log_each = log_p(y_pred)
    against_entropy = ops.sum(kept(y_pred) * log_each, axis=-1)
    return -ops.sum(y_true * log_each, axis=-1) + beta * against_entropy


@named(
    title="Brier score",
    also="proper, calibration",
    group=GROUP,
    when="A proper score that is bounded: gentler than cross-entropy on sure mistakes.",
    latex=r"\sum_c (y_c-p_c)^2",
    paper="Brier 1950",
    text="sum(square(y_true - y_pred), axis=-1)",
)
def brier(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """sum_c (y - p)^2"""
    return ops.sum(ops.square(y_true - y_pred), axis=-1)


@named(
    title="Asymmetric loss",
    also="ASL, multi-label",
    group=GROUP,
    when="Multi-label: easy negatives are turned down, very easy ones dropped.",
    latex=r"\sum_c -y_c(1-p_c)^{\gamma_+}\log p_c-(1-y_c)p_m^{\gamma_-}\log(1-p_m)",
    paper="Ridnik et al. 2021, arXiv:2009.14119",
    text="gamma_pos = 0.0  # 0..5\ngamma_neg = 4.0  # 0..8\nm = 0.05  # 0..0.5\n"
    "pm = maximum(y_pred - m, 0)\nrest = minimum(1 - y_pred + m, 1)  # 1 - pm\n"
    "sum(-y_true * (1 - y_pred)**gamma_pos * log(y_pred)"
    " - (1 - y_true) * pm**gamma_neg * log(rest), axis=-1)",
    gamma_pos=Range(0.0, 5.0),
    gamma_neg=Range(0.0, 8.0),
    m=Range(0.0, 0.5),
)
def asymmetric_loss(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    gamma_pos: float = 0.0,
    gamma_neg: float = 4.0,
    m: float = 0.05,
) -> Tensor:
    """sum_c -y (1 - p)^g+ log p - (1 - y) p_m^g- log(1 - p_m), p_m = max(p - m, 0)"""
    log_miss = log_rest(y_pred)
    right = y_true * ops.exp(gamma_pos * log_miss) * log_p(y_pred)
    shifted = ops.maximum(kept(y_pred) - m, 0.0)
    log_kept = ops.minimum(ops.logaddexp(log_miss, logarithm(m)), 0.0)  # log(1 - p_m)
    wrong = (1 - y_true) * ops.power(shifted, gamma_neg) * log_kept
    return -ops.sum(right + wrong, axis=-1)


def _counts(counts: Sequence[float] | None, count: int) -> Tensor:
    """Samples a class as a (C,) tensor; equal where none are given. Raises LossError where they
    are of another number of classes."""
    values = tuple(counts) if counts is not None else (1.0,) * count
    if len(values) != count:
        raise LossError(
            f"the loss has counts of {len(values)} classes, and there are {count}",
            hint=f"give it the samples of each of the {count} classes: counts=(...)",
        )
    return ops.convert_to_tensor(values, dtype="float32")


@named(
    title="Class-balanced cross-entropy",
    also="imbalance, weights",
    group=GROUP,
    when="Weighs classes by their effective number of samples; for imbalance.",
    latex=r"-w_k\log p_k,\quad w_c\propto\frac{1-\beta}{1-\beta^{n_c}},\ \sum_c w_c=C",
    paper="Cui et al. 2019, arXiv:1901.05555",
    text="beta = 0.99  # 0..0.9999 step 0.0001\n"
    + _COUNTS
    + "w = (1 - beta) / (1 - beta**counts)\n"
    "w = w / sum(w) * num_classes\n-sum(w * y_true * log(y_pred), axis=-1)",
    beta=Range(0.0, 0.9999, 0.0001),
)
def class_balanced_ce(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    beta: float = 0.99,
    counts: tuple[float, ...] | None = COUNTS,
) -> Tensor:
    """w_y CE, w = (1 - beta) / (1 - beta^n), scaled to sum to C; counts: samples a class"""
    n = _counts(counts, y_true.shape[-1])
    w = (1 - beta) / (1 - ops.power(beta, n))
    w = w / ops.sum(w) * ops.cast(ops.shape(y_true)[-1], "float32")
    return -ops.sum(w * y_true * log_p(y_pred), axis=-1)


@named(
    title="LDAM",
    also="imbalance, margin",
    group=GROUP,
    when="Gives rare classes a wider margin; for imbalance.",
    latex=r"\mathrm{CE}\left(s(z-y\,m)\right),\quad m_c\propto n_c^{-1/4}",
    paper="Cao et al. 2019, arXiv:1906.07413",
    text="max_m = 0.5  # 0..2\ns = 30.0  # 1..64\n"
    + _COUNTS
    + "m = counts**-0.25\nm = m / max(m) * max_m\n"
    "-sum(y_true * log_softmax(s * (logits - y_true * m)), axis=-1)",
    max_m=Range(0.0, 2.0),
    s=Range(1.0, 64.0),
)
def ldam(
    y_true: Tensor,
    logits: Tensor,
    *,
    max_m: float = 0.5,
    s: float = 30.0,
    counts: tuple[float, ...] | None = COUNTS,
) -> Tensor:
    """CE(s (z - y m)), m = n^(-1/4) scaled to a maximum of max_m"""
    m = ops.power(_counts(counts, y_true.shape[-1]), -0.25)
    return cross_entropy_of_logits(y_true, s * (logits - y_true * (m / ops.max(m) * max_m)))


@named(
    title="Logit-adjusted cross-entropy",
    also="imbalance, prior",
    group=GROUP,
    when="Corrects for how frequent classes are in training; for imbalance.",
    latex=r"\mathrm{CE}(z+\tau\log\pi)",
    paper="Menon et al. 2021, arXiv:2007.07314",
    text="tau = 1.0  # 0..2\n"
    + _COUNTS
    + "-sum(y_true * log_softmax(logits + tau * log(counts / sum(counts))), axis=-1)",
    tau=Range(0.0, 2.0),
)
def logit_adjusted_ce(
    y_true: Tensor,
    logits: Tensor,
    *,
    tau: float = 1.0,
    counts: tuple[float, ...] | None = COUNTS,
) -> Tensor:
    """CE(z + tau log prior)"""
    n = _counts(counts, y_true.shape[-1])
    return cross_entropy_of_logits(y_true, logits + tau * ops.log(n / ops.sum(n)))


@named(
    title="Dice, per sample",
    also="F1, imbalance",
    group=OVERLAP,
    when="Overlap of target and prediction; from segmentation.",
    latex=r"1-\frac{2\sum_c y_cp_c+s}{\sum_c y_c+\sum_c p_c+s}",
    paper="Milletari et al. 2016, arXiv:1606.04797",
    text="smooth = 1.0  # 0..2\n1 - (2 * sum(y_true * y_pred, axis=-1) + smooth)"
    " / (sum(y_true, axis=-1) + sum(y_pred, axis=-1) + smooth)",
    smooth=Range(0.0, 2.0),
)
def dice_per_sample(y_true: Tensor, y_pred: Tensor, *, smooth: float = 1.0) -> Tensor:
    """1 - (2 sum yp + s) / (sum y + sum p + s)"""
    total = ops.sum(y_true, axis=-1) + ops.sum(y_pred, axis=-1)
    return 1 - (2 * of_truth(y_true, y_pred) + smooth) / (total + smooth)


@named(
    title="Dice with squares",
    also="V-Net, imbalance",
    group=OVERLAP,
    when="Dice as V-Net has it, with squares below.",
    latex=r"1-\frac{2\sum_c y_cp_c}{\sum_c y_c^2+\sum_c p_c^2}",
    paper="Milletari et al. 2016, arXiv:1606.04797",
    text="1 - 2 * sum(y_true * y_pred, axis=-1)"
    " / (sum(square(y_true), axis=-1) + sum(square(y_pred), axis=-1))",
)
def dice_squared(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 - 2 sum yp / (sum y^2 + sum p^2)"""
    total = ops.sum(ops.square(y_true) + ops.square(y_pred), axis=-1)
    return 1 - 2 * of_truth(y_true, y_pred) / total


def _tversky(y: Tensor, p: Tensor, alpha: float, beta: float, smooth: float) -> Tensor:
    tp = ops.sum(y * p, axis=-1)
    fp, fn = ops.sum((1 - y) * p, axis=-1), ops.sum(y * (1 - p), axis=-1)
    return (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)


_TVERSKY = (
    "alpha = 0.3  # 0..1\nbeta = 0.7  # 0..1\ntp = sum(y_true * y_pred, axis=-1)\n"
    "fp = sum((1 - y_true) * y_pred, axis=-1)\nfn = sum(y_true * (1 - y_pred), axis=-1)\n"
)


@named(
    title="Tversky, per sample",
    also="imbalance, false negatives",
    group=OVERLAP,
    when="Dice with false positives and false negatives weighed apart.",
    latex=r"1-\frac{TP+s}{TP+\alpha FP+\beta FN+s}",
    paper="Salehi et al. 2017, arXiv:1706.05721",
    text=_TVERSKY + "1 - (tp + 1e-6) / (tp + alpha * fp + beta * fn + 1e-6)",
    alpha=Range(0.0, 1.0),
    beta=Range(0.0, 1.0),
    smooth=Range(0.0, 2.0),
)
def tversky_per_sample(
    y_true: Tensor, y_pred: Tensor, *, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1e-6
) -> Tensor:
    """1 - (TP + s) / (TP + alpha FP + beta FN + s)"""
    return 1 - _tversky(y_true, y_pred, alpha, beta, smooth)


@named(
    title="Focal Tversky",
    also="imbalance, hard samples",
    group=OVERLAP,
    when="Tversky that stresses hard samples (gamma < 1) or easy ones (gamma > 1).",
    latex=r"\left(1-\frac{TP}{TP+\alpha FP+\beta FN}\right)^\gamma",
    paper="Abraham & Khan 2018, arXiv:1810.07842",
    text="gamma = 0.75  # 0.3..3\n"
    + _TVERSKY
    + "(1 - (tp + 1e-6) / (tp + alpha * fp + beta * fn + 1e-6) + 1e-12)**gamma",
    alpha=Range(0.0, 1.0),
    beta=Range(0.0, 1.0),
    gamma=Range(0.3, 3.0),
)
def focal_tversky(
    y_true: Tensor, y_pred: Tensor, *, alpha: float = 0.3, beta: float = 0.7, gamma: float = 0.75
) -> Tensor:
    """(1 - TI)^gamma; at least 1e-12^gamma, so that the slope is finite at a perfect prediction"""
    # Not `1 - TI + 1e-12`: TensorFlow's graphs add the constants up first, to 1.
    return ops.power(ops.maximum(1 - _tversky(y_true, y_pred, alpha, beta, 1e-6), 1e-12), gamma)


@named(
    title="Jaccard",
    also="IoU",
    group=OVERLAP,
    when="Intersection over union, made smooth.",
    latex=r"1-\frac{I+s}{U+s}",
    paper="Rahman & Wang 2016",
    text="smooth = 1.0  # 0..2\ni = sum(y_true * y_pred, axis=-1)\n"
    "u = sum(y_true, axis=-1) + sum(y_pred, axis=-1) - i\n1 - (i + smooth) / (u + smooth)",
    smooth=Range(0.0, 2.0),
)
def jaccard(y_true: Tensor, y_pred: Tensor, *, smooth: float = 1.0) -> Tensor:
    """1 - (I + s) / (U + s)"""
    i = of_truth(y_true, y_pred)
    u = ops.sum(y_true, axis=-1) + ops.sum(y_pred, axis=-1) - i
    return 1 - (i + smooth) / (u + smooth)


@named(
    title="Lovasz-softmax",
    also="IoU",
    group=OVERLAP,
    when="Optimises the Jaccard index of the batch itself, class by class.",
    latex=r"\frac1{|P|}\sum_{c\in P}\overline{\Delta_{J_c}}(|y_c-p_c|)",
    paper="Berman et al. 2018, arXiv:1705.08790",
    text="errors = abs(y_true - y_pred)\norder = argsort(-errors, axis=0)\n"
    "errors = take_along_axis(errors, order, axis=0)\n"
    "truth = take_along_axis(y_true, order, axis=0)\n"
    "total = sum(truth, axis=0, keepdims=True)\n"
    "index = 1 - (total - cumsum(truth, axis=0)) / (total + cumsum(1 - truth, axis=0))\n"
    "steps = concatenate([index[:1], index[1:] - index[:-1]], axis=0)\n"
    "each = sum(errors * steps, axis=0)\npresent = cast(total[0] > 0, 'float32')\n"
    "sum(each * present) / maximum(sum(present), 1)",
    per_sample=False,
    classes=Words(("present", "all")),
)
def lovasz_softmax(y_true: Tensor, y_pred: Tensor, *, classes: str = "present") -> Tensor:
    """Lovasz extension of the Jaccard loss, mean over the classes present (or all): a scalar"""
    errors = ops.abs(y_true - y_pred)
    order = ops.argsort(-errors, axis=0)
    errors = ops.take_along_axis(errors, order, axis=0)
    truth = ops.take_along_axis(y_true, order, axis=0)
    total = ops.sum(truth, axis=0, keepdims=True)
    inside = total - ops.cumsum(truth, axis=0)
    union = total + ops.cumsum(1 - truth, axis=0)
    index = 1 - inside / union
    steps = ops.concatenate([index[:1], index[1:] - index[:-1]], axis=0)
    each = ops.sum(errors * steps, axis=0)
    if classes == "all":
        return ops.mean(each)
    present = ops.cast(total[0] > 0, "float32")
    return ops.sum(each * present) / ops.maximum(ops.sum(present), 1.0)


@named(
    title="Earth mover's distance",
    also="EMD, Wasserstein, ordinal",
    group=OVERLAP,
    when="For ordered classes: a near miss costs less than a far one.",
    latex=r"\left(\frac1C\sum_c|F_c(y)-F_c(p)|^r\right)^{1/r}",
    paper="Talebi & Milanfar 2018 (NIMA), arXiv:1709.05424",
    text="r = 2.0  # 1..4\nd = abs(cumsum(y_true, axis=-1) - cumsum(y_pred, axis=-1))\n"
    "(mean(d**r, axis=-1) + 1e-12)**(1 / r)",
    r=Range(1.0, 4.0),
)
def emd(y_true: Tensor, y_pred: Tensor, *, r: float = 2.0) -> Tensor:
    """(mean_c |CDF_y - CDF_p|^r)^(1/r)"""
    d = ops.abs(ops.cumsum(y_true, axis=-1) - ops.cumsum(y_pred, axis=-1))
    return ops.power(ops.mean(ops.power(d, r), axis=-1) + 1e-12, 1 / r)


@named(
    title="Squared earth mover's distance",
    also="EMD, Wasserstein, ordinal",
    group=OVERLAP,
    when="For ordered classes, with a smooth gradient.",
    latex=r"\frac1C\sum_c(F_c(y)-F_c(p))^2",
    paper="Hou et al. 2016, arXiv:1611.05916 (they use the sum)",
    text="mean(square(cumsum(y_true, axis=-1) - cumsum(y_pred, axis=-1)), axis=-1)",
)
def emd_squared(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean_c (CDF_y - CDF_p)^2"""
    d = ops.cumsum(y_true, axis=-1) - ops.cumsum(y_pred, axis=-1)
    return ops.mean(ops.square(d), axis=-1)
