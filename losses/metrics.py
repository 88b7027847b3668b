"""Metrics: what a network is judged by, beside its loss; over a whole evaluation at once.

Each is computed on all N images of an evaluation together, never as a mean over batches: some,
such as the calibration error, are no mean over images. y_true (N, C) one-hot, y_pred (N, C)
probabilities; n (C, C) a confusion matrix, of_bins (2, M) the bins of confidence (`losses.sums`).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from . import classification
from .loss_info import Range, Tensor, Words, ops
from .metric_info import metric
from .probabilities import log_true
from .sums import confidence, confusion, hits


def _mean_where(values: Tensor, counts: Tensor) -> Tensor:
    """The mean of those values whose count is not 0."""
    some = ops.cast(counts > 0, "float32")
    return ops.sum(values * some) / ops.maximum(ops.sum(some), 1.0)


def _counts(n: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of a confusion matrix: how often each class is found, is there, and is guessed, (C,) each."""
    return ops.diagonal(n), ops.sum(n, axis=1), ops.sum(n, axis=0)


@metric(
    title="Accuracy",
    short="accuracy",
    when="How often its first guess is right; blind to how sure it was.",
    latex=r"\frac1N\sum_i[\arg\max_c p_{ic}=k_i]",
    paper="Share of right answers",
    better="higher",
    unit="%",
    high=1.0,
)
def accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """[argmax_c p_c = k]"""
    return hits(y_true, y_pred)


@metric(
    title="Top-3 accuracy",
    short="top-3",
    when="Whether the truth is among its k best guesses; kind where classes are alike.",
    latex=r"\frac1N\sum_i[\mathrm{rank}_i(k_i)\le k]",
    paper="Russakovsky et al. 2015, arXiv:1409.0575 (top-5 of ImageNet)",
    better="higher",
    unit="%",
    high=1.0,
    k=Range(1, 100, 1),
)
def top_k_accuracy(y_true: Tensor, y_pred: Tensor, *, k: int = 3) -> Tensor:
    """[rank of the true class <= k]; of equal probabilities the lower class counts first"""
    own = ops.sum(y_true * y_pred, axis=-1, keepdims=True)
    place = ops.argmax(y_true, axis=-1)[:, None]
    earlier = ops.arange(ops.shape(y_pred)[-1], dtype=place.dtype)[None, :] < place
    before = ops.logical_or(y_pred > own, ops.logical_and(ops.equal(y_pred, own), earlier))
    return ops.cast(ops.sum(ops.cast(before, "int32"), axis=-1) < k, "float32")


@metric(
    title="Balanced accuracy",
    short="balanced",
    when="Accuracy that counts every class alike, however rare; for imbalance.",
    latex=r"\frac1C\sum_c\frac{TP_c}{TP_c+FN_c}",
    paper="Brodersen et al. 2010",
    better="higher",
    unit="%",
    high=1.0,
    sums=confusion,
)
def balanced_accuracy(n: Tensor) -> Tensor:
    """mean over the classes present of TP / (TP + FN): a scalar"""
    found, count, _ = _counts(n)
    return _mean_where(found / ops.maximum(count, 1e-7), count)


def _averaged(top: Tensor, below: Tensor, count: Tensor, seen: Tensor, average: str) -> Tensor:
    """top / below, (C,) each and 0 where below is, over the classes that are `seen` ("macro"), by
    how many samples each has ("weighted"), or of their sums ("micro"): a scalar."""
    if average == "micro":
        return ops.sum(top) / ops.maximum(ops.sum(below), 1e-7)
    each = ops.where(below > 0, top / ops.maximum(below, 1e-7), 0.0)
    if average == "weighted":
        return ops.sum(each * count) / ops.maximum(ops.sum(count), 1.0)
    return _mean_where(each, seen)


AVERAGE = Words(("macro", "micro", "weighted"))
# A share of each class, of which the confusion matrix says all, averaged over the classes.
_over_classes = partial(
    metric, better="higher", unit="%", high=1.0, sums=confusion, average=AVERAGE
)


@metric(
    title="Macro F1",
    short="F1",
    when="Precision and recall of each class in one, every class alike; for imbalance.",
    latex=r"\frac1C\sum_c\frac{2\,TP_c}{2\,TP_c+FP_c+FN_c}",
    paper="Sokolova & Lapalme 2009",
    better="higher",
    unit="%",
    high=1.0,
    sums=confusion,
)
def macro_f1(n: Tensor) -> Tensor:
    """mean of 2 TP / (2 TP + FP + FN) over the classes that are there or guessed: a scalar"""
    return f_beta(n, beta=1.0)


@_over_classes(
    title="F-beta",
    short="Fβ",
    when="F1 where recall counts beta times as much as precision; 2 unless a text says otherwise.",
    latex=r"\frac1C\sum_c\frac{(1+\beta^2)TP_c}{(1+\beta^2)TP_c+FP_c+\beta^2FN_c}",
    paper="van Rijsbergen 1979; Sokolova & Lapalme 2009",
    beta=Range(0.1, 10.0),
)
def f_beta(n: Tensor, *, beta: float = 2.0, average: str = "macro") -> Tensor:
    """(1 + b^2) TP / ((1 + b^2) TP + FP + b^2 FN), averaged over the classes: a scalar"""
    found, count, guessed = _counts(n)
    weight = beta * beta
    below = weight * count + guessed
    return _averaged((1 + weight) * found, below, count, count + guessed, average)


@_over_classes(
    title="Precision",
    short="precision",
    when="Of what it calls a class, how much is one; a class that is there and never guessed is 0.",
    latex=r"\frac1C\sum_c\frac{TP_c}{TP_c+FP_c}",
    paper="Sokolova & Lapalme 2009 (macro; a text may say average='micro' or 'weighted')",
)
def precision(n: Tensor, *, average: str = "macro") -> Tensor:
    """TP / (TP + FP), averaged over the classes that are there or guessed: a scalar"""
    found, count, guessed = _counts(n)
    return _averaged(found, guessed, count, count + guessed, average)


@_over_classes(
    title="Recall",
    short="recall",
    when="Of each class, how much is found; a class that is guessed and never there is 0.",
    latex=r"\frac1C\sum_c\frac{TP_c}{TP_c+FN_c}",
    paper="Sokolova & Lapalme 2009 (macro; a text may say average='micro' or 'weighted')",
)
def recall(n: Tensor, *, average: str = "macro") -> Tensor:
    """TP / (TP + FN), averaged over the classes that are there or guessed: a scalar"""
    found, count, guessed = _counts(n)
    return _averaged(found, count, count, count + guessed, average)


@metric(
    title="Matthews correlation",
    short="MCC",
    when="Correlation of guesses with the truth: 0 for guessing blindly, however rare a class is.",
    latex=r"\frac{a-\sum_c t_cg_c}{\sqrt{(1-\sum_c g_c^2)(1-\sum_c t_c^2)}}",
    paper="Gorodkin 2004 (a: accuracy; t, g: shares of each class in truth and guesses)",
    better="higher",
    low=-1.0,
    high=1.0,
    sums=confusion,
)
def matthews_correlation(n: Tensor) -> Tensor:
    """(a - sum t g) / sqrt((1 - sum g^2)(1 - sum t^2)), 0 where one side is one class: a scalar"""
    found, count, guessed = (x / ops.maximum(ops.sum(n), 1e-7) for x in _counts(n))
    spread = ops.maximum((1 - ops.sum(guessed * guessed)) * (1 - ops.sum(count * count)), 0.0)
    value = (ops.sum(found) - ops.sum(count * guessed)) / ops.sqrt(ops.maximum(spread, 1e-12))
    return ops.where(spread > 1e-12, ops.clip(value, -1.0, 1.0), 0.0)


@metric(
    title="Cohen's kappa",
    short="κ",
    when="Agreement with the truth beyond chance; for ordered classes with weights='quadratic'.",
    latex=r"1-\frac{\sum_{cd}w_{cd}\,n_{cd}}{\sum_{cd}w_{cd}\,t_cg_d}",
    paper="Cohen 1960, 1968 (n: shares of truth c and guess d; w: 1 off the diagonal)",
    better="higher",
    low=-1.0,
    high=1.0,
    sums=confusion,
    weights=Words(("none", "linear", "quadratic")),
)
def cohens_kappa(n: Tensor, *, weights: str = "none") -> Tensor:
    """1 - sum w n / sum w t g; w by how far truth and guess are apart: [c != d], |c - d| or its
    square; 0 where both are one class: a scalar"""
    together = n / ops.maximum(ops.sum(n), 1e-7)
    _, count, guessed = _counts(together)
    place = ops.cast(ops.arange(ops.shape(n)[-1]), "float32")
    apart = ops.abs(place[:, None] - place[None, :])
    w = {"none": lambda: ops.minimum(apart, 1.0), "linear": lambda: apart,
         "quadratic": lambda: ops.square(apart)}[weights]()  # fmt: skip
    chance = ops.sum(w * ops.outer(count, guessed))
    found = 1 - ops.sum(w * together) / ops.maximum(chance, 1e-12)
    return ops.where(chance > 1e-12, found, 0.0)


def _auc(truth: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    """The area under the ROC curve of scores (N,), ties halved, by the ranks of those that are true
    (N,); and whether some are and some are not. Scalars."""
    ordered, count = ops.sort(scores), ops.cast(ops.shape(scores)[0], "float32")
    below, up_to = (ops.searchsorted(ordered, scores, side=side) for side in ("left", "right"))
    rank = (ops.cast(below, "float32") + ops.cast(up_to, "float32") + 1) / (2 * count)
    positive = ops.sum(truth)
    mean = ops.sum(rank * truth) / ops.maximum(positive, 1.0)
    negative = count - positive
    area = (mean * count - (positive + 1) / 2) / ops.maximum(negative, 1.0)
    both = ops.logical_and(positive > 0, negative > 0)
    return ops.where(both, ops.clip(area, 0.0, 1.0), 0.0), ops.cast(both, "float32")


@metric(
    title="Area under the ROC curve",
    short="AUC",
    when="How often it gives a class' image more of that class than another's: ranking, whatever"
    " the threshold.",
    latex=r"\frac1C\sum_c P\left(p_{ic}>p_{jc}\mid k_i=c,\,k_j\neq c\right)",
    paper="Hanley & McNeil 1982; one class against the rest, Fawcett 2006",
    better="higher",
    unit="%",
    high=1.0,
    per_sample=False,
    average=AVERAGE,
)
def roc_auc(y_true: Tensor, y_pred: Tensor, *, average: str = "macro") -> Tensor:
    """P(p_i > p_j) + P(p_i = p_j) / 2 over i of a class and j of others, averaged over the classes
    that are there and not alone; "micro" of all classes' entries together: a scalar"""
    if average == "micro":
        return _auc(ops.reshape(y_true, (-1,)), ops.reshape(y_pred, (-1,)))[0]
    found = [_auc(y_true[:, c], y_pred[:, c]) for c in range(y_pred.shape[-1])]
    areas, there = (ops.stack(each) for each in zip(*found, strict=True))
    weights = there * ops.sum(y_true, axis=0) if average == "weighted" else there
    return ops.sum(areas * weights) / ops.maximum(ops.sum(weights), 1.0)


@metric(
    title="Negative log-likelihood",
    short="NLL",
    when="Surprise at the truth: the same scale whatever loss was trained; a proper score.",
    latex=r"-\frac1N\sum_i\log p_{i,k_i}",
    paper="Good 1952, Rational decisions",
    better="lower",
    unit="nats",
)
def negative_log_likelihood(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """-log p_t; p_t kept above 1e-7 where its logits are not known"""
    return -log_true(y_true, y_pred)


metric(
    title="Brier score",
    short="Brier",
    when="Squared error of the probabilities: right and honest about it; a proper score.",
    latex=r"\frac1N\sum_i\sum_c(y_{ic}-p_{ic})^2",
    paper="Brier 1950 (0 to 2, summed over the classes)",
    better="lower",
    high=2.0,
)(classification.brier)


_OF_BINS: dict[str, Any] = {
    "paper": "Guo et al. 2017, arXiv:1706.04599 (15 bins of one width)",
    "better": "lower",
    "unit": "%",
    "high": 1.0,
    "sums": confidence,
    "bins": Range(1, 100, 1),
}


@metric(
    title="Expected calibration error",
    short="ECE",
    when="How far confidence is from accuracy: 80% sure should be right 8 times of 10.",
    latex=r"\sum_m\frac{|B_m|}N\left|\mathrm{acc}(B_m)-\mathrm{conf}(B_m)\right|",
    **_OF_BINS,
)
def expected_calibration_error(of_bins: Tensor, *, bins: int = 15) -> Tensor:
    """sum_m |B_m|/N |acc(B_m) - conf(B_m)| over the bins ((m-1)/M, m/M] of p_max: a scalar"""
    surplus, count = of_bins[0], of_bins[1]
    return ops.sum(ops.abs(surplus)) / ops.maximum(ops.sum(count), 1e-7)


@metric(
    title="Maximum calibration error",
    short="MCE",
    when="How far confidence is from accuracy at worst; a bin of few images can decide it.",
    latex=r"\max_m\left|\mathrm{acc}(B_m)-\mathrm{conf}(B_m)\right|",
    **_OF_BINS,
)
def maximum_calibration_error(of_bins: Tensor, *, bins: int = 15) -> Tensor:
    """max_m |acc(B_m) - conf(B_m)| over the bins that hold images: a scalar"""
    surplus, count = of_bins[0], of_bins[1]
    return ops.max(ops.where(count > 0, ops.abs(surplus) / ops.maximum(count, 1e-7), 0.0))


@metric(
    title="Earth mover's distance",
    short="EMD",
    when="For ordered classes: by how many classes its probability lies off the truth, on average.",
    latex=r"\frac1N\sum_i\sum_c|F_c(y_i)-F_c(p_i)|",
    paper="Rubner et al. 2000; in this closed form on a line, Vallender 1974",
    better="lower",
    unit="classes",
)
def earth_movers_distance(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """sum_c |CDF_y - CDF_p|: between 0 and C - 1"""
    apart = ops.cumsum(y_true, axis=-1) - ops.cumsum(y_pred, axis=-1)
    return ops.sum(ops.abs(apart), axis=-1)


@metric(
    title="Squared earth mover's distance",
    short="EMD²",
    when="For ordered classes, hard on far mistakes; what Hou et al. train with.",
    latex=r"\frac1N\sum_i\sum_c(F_c(y_i)-F_c(p_i))^2",
    paper="Hou et al. 2016, arXiv:1611.05916",
    better="lower",
)
def squared_earth_movers_distance(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """sum_c (CDF_y - CDF_p)^2: between 0 and C - 1"""
    apart = ops.cumsum(y_true, axis=-1) - ops.cumsum(y_pred, axis=-1)
    return ops.sum(ops.square(apart), axis=-1)
