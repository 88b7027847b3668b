"""Metrics: what a network is judged by, beside its loss; over a whole evaluation at once.

    @metric(title="Brier score", short="Brier", when="...", latex="...", paper="...",
            better="lower", low=0, high=2)
    def brier(y_true, y_pred): ...

As with losses, positional arguments are inputs and keyword-only ones parameters. Each is computed
on all N images of an evaluation together, never as a mean over batches: some, such as the
calibration error, are no mean over images. y_true (N, C) one-hot, y_pred (N, C) probabilities. A
function returns (N,), whose mean is the metric, or a scalar.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import classification
from .builtin import clipped
from .named import LossInfo, Range, Tensor, ops, read_signature


@dataclass(frozen=True, slots=True)
class MetricInfo(LossInfo):
    """All there is to say about a named metric, and which way is better.

    `short` is its name where there is little room; `unit` is "%" for shares, which are shown
    100-fold; values lie from `low` to `high`, None where there is no bound.
    """

    short: str = ""
    better: str = "lower"  # or "higher"
    unit: str = ""
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """A JSON-able copy, for the page."""
        more = ("short", "better", "unit", "low", "high")
        return {**LossInfo.as_dict(self), **{name: getattr(self, name) for name in more}}


METRICS: dict[str, MetricInfo] = {}


def metrics() -> list[MetricInfo]:
    """Every named metric."""
    return list(METRICS.values())


def metric(
    *,
    title: str,
    short: str,
    when: str,
    latex: str,
    paper: str,
    better: str,
    unit: str = "",
    low: float | None = 0.0,
    high: float | None = None,
    per_sample: bool = True,
    **ranges: Range,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function into the catalog of metrics under its own name."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        inputs, knobs = read_signature(function, ranges)
        name = function.__name__
        METRICS[name] = MetricInfo(
            name, title, "Metrics", when, latex, paper, knobs, inputs, None, function,
            per_sample, short=short, better=better, unit=unit, low=low, high=high,
        )  # fmt: skip
        return function

    return enter


def _guess(y_pred: Tensor) -> Tensor:
    """1 for the class of the highest probability, the first of several: (N, C)."""
    return ops.one_hot(ops.argmax(y_pred, axis=-1), ops.shape(y_pred)[-1])


def _right(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where the class of the highest probability is the true one: (N,)."""
    right = ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))
    return ops.cast(right, "float32")


def _mean_where(values: Tensor, counts: Tensor) -> Tensor:
    """The mean of those values whose count is not 0."""
    some = ops.cast(counts > 0, "float32")
    return ops.sum(values * some) / ops.maximum(ops.sum(some), 1.0)


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
    return _right(y_true, y_pred)


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
    per_sample=False,
)
def balanced_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean over the classes present of TP / (TP + FN): a scalar"""
    hits, count = ops.sum(y_true * _guess(y_pred), axis=0), ops.sum(y_true, axis=0)
    return _mean_where(hits / ops.maximum(count, 1.0), count)


@metric(
    title="Macro F1",
    short="F1",
    when="Precision and recall of each class in one, every class alike; for imbalance.",
    latex=r"\frac1C\sum_c\frac{2\,TP_c}{2\,TP_c+FP_c+FN_c}",
    paper="Sokolova & Lapalme 2009",
    better="higher",
    unit="%",
    high=1.0,
    per_sample=False,
)
def macro_f1(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean of 2 TP / (2 TP + FP + FN) over the classes that are there or guessed: a scalar"""
    guess = _guess(y_pred)
    hits, count = ops.sum(y_true * guess, axis=0), ops.sum(y_true + guess, axis=0)
    return _mean_where(2 * hits / ops.maximum(count, 1.0), count)


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
    """-log p_t, p_t kept above 1e-7"""
    return -ops.log(clipped(ops.sum(y_true * y_pred, axis=-1)))


metric(
    title="Brier score",
    short="Brier",
    when="Squared error of the probabilities: right and honest about it; a proper score.",
    latex=r"\frac1N\sum_i\sum_c(y_{ic}-p_{ic})^2",
    paper="Brier 1950 (0 to 2, summed over the classes)",
    better="lower",
    high=2.0,
)(classification.brier)


@metric(
    title="Expected calibration error",
    short="ECE",
    when="How far confidence is from accuracy: 80% sure should be right 8 times of 10.",
    latex=r"\sum_m\frac{|B_m|}N\left|\mathrm{acc}(B_m)-\mathrm{conf}(B_m)\right|",
    paper="Guo et al. 2017, arXiv:1706.04599 (15 bins of one width)",
    better="lower",
    unit="%",
    high=1.0,
    per_sample=False,
    bins=Range(1, 100, 1),
)
def expected_calibration_error(y_true: Tensor, y_pred: Tensor, *, bins: int = 15) -> Tensor:
    """sum_m |B_m|/N |acc(B_m) - conf(B_m)| over the bins ((m-1)/M, m/M] of p_max: a scalar"""
    confidence = ops.max(y_pred, axis=-1)
    place = ops.cast(ops.clip(ops.ceil(confidence * bins) - 1, 0, bins - 1), "int32")
    surplus = ops.segment_sum(_right(y_true, y_pred) - confidence, place, num_segments=bins)
    return ops.sum(ops.abs(surplus)) / ops.cast(ops.shape(y_pred)[0], "float32")


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
