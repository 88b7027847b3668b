"""The losses that Keras has for a classifier, written out so that their parameters stay live.

Arguments: y_true (B, C) one-hot, y_pred (B, C) probabilities, labels (B,) class numbers,
features (B, D). Each returns (B,) unless it says otherwise.
"""

from __future__ import annotations

from .loss_info import Range, Tensor, named, ops
from .masks import with_mask
from .probabilities import (
    EPSILON,
    log_held,
    log_normalised,
    log_p,
    log_rest,
    log_sum,
    logarithm,
    made_of,
)

GROUP = "Keras built-ins"
KERAS = "Keras definition"


def l2_normalised(x: Tensor, axis: int = -1) -> Tensor:
    """Vectors of length one; the gradient at zero is finite."""
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, 1e-12))


@named(
    title="Mean squared error",
    also="MSE, L2, regression",
    group=GROUP,
    when="A regression loss; on probabilities its gradient fades when the model is badly wrong.",
    latex=r"\frac1C\sum_c (y_c-p_c)^2",
    paper="Gauss/Legendre, least squares",
    text="mean(square(y_true - y_pred), axis=-1)",
    aliases=("mse", "MSE"),
)
def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean_c (y - p)^2"""
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@named(
    title="Mean absolute error",
    also="MAE, L1, noise",
    group=GROUP,
    when="Tolerates wrong labels, at the price of slow learning.",
    latex=r"\frac1C\sum_c |y_c-p_c|",
    paper="Laplace, L1",
    text="mean(abs(y_true - y_pred), axis=-1)",
    aliases=("mae", "MAE"),
)
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean_c |y - p|"""
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


@named(
    title="Mean absolute percentage error",
    also="MAPE",
    group=GROUP,
    when="For targets far from zero; on one-hot targets it is about 1e8 and means nothing.",
    latex=r"\frac{100}C\sum_c \frac{|y_c-p_c|}{\max(|y_c|,10^{-7})}",
    paper=KERAS,
    text="100 * mean(abs((y_true - y_pred) / maximum(abs(y_true), 1e-7)), axis=-1)",
    aliases=("mape", "MAPE"),
)
def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """100 mean_c |y - p| / max(|y|, 1e-7)"""
    return 100 * ops.mean(
        ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), EPSILON)), axis=-1
    )


@named(
    title="Mean squared logarithmic error",
    also="MSLE",
    group=GROUP,
    when="Compares orders of magnitude; on probabilities a gentler squared error.",
    latex=r"\frac1C\sum_c (\log(1+y_c)-\log(1+p_c))^2",
    paper=KERAS,
    text="mean(square(log(1 + y_true) - log(1 + y_pred)), axis=-1)",
    aliases=("msle", "MSLE"),
)
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean_c (log(1 + y) - log(1 + p))^2, both kept above 1e-7"""
    left, right = (ops.log1p(ops.maximum(v, EPSILON)) for v in (y_true, y_pred))
    return ops.mean(ops.square(left - right), axis=-1)


@named(
    title="Huber",
    also="smooth L1, outliers",
    group=GROUP,
    when="Squared near the truth, linear far from it: robust to outliers.",
    latex=r"\frac1C\sum_c \begin{cases}\frac12e_c^2&|e_c|\le\delta\\"
    r"\delta|e_c|-\frac12\delta^2&\text{else}\end{cases}",
    paper="Huber 1964",
    text="delta = 1.0  # 0.01..2\ne = abs(y_true - y_pred)\n"
    "mean(where(e <= delta, 0.5 * e**2, delta * e - 0.5 * delta**2), axis=-1)",
    delta=Range(0.01, 2.0),
)
def huber(y_true: Tensor, y_pred: Tensor, *, delta: float = 1.0) -> Tensor:
    """mean_c e^2/2 where |e| <= delta, else delta |e| - delta^2/2"""
    e = ops.abs(y_true - y_pred)
    near, far = 0.5 * ops.square(e), delta * e - 0.5 * delta * delta
    return ops.mean(ops.where(e <= delta, near, far), axis=-1)


@named(
    title="Log-cosh",
    also="smooth L1, outliers",
    group=GROUP,
    when="A Huber loss without a corner.",
    latex=r"\frac1C\sum_c \log\cosh(p_c-y_c)",
    paper="folklore; Saleh & Saleh 2022, arXiv:2208.04564",
    text="mean(log(cosh(y_pred - y_true)), axis=-1)",
    aliases=("logcosh",),
)
def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean_c log cosh(p - y), as |e| + softplus(-2|e|) - log 2"""
    e = ops.abs(y_pred - y_true)
    return ops.mean(e + ops.softplus(-2 * e) - 0.6931471805599453, axis=-1)


@named(
    title="Cosine similarity",
    also="angle",
    group=GROUP,
    when="Compares directions only; smallest, -1, when both point the same way.",
    latex=r"-\frac{y\cdot p}{\|y\|\,\|p\|}",
    axis="one",
    paper=KERAS,
    text="-sum(l2_normalize(y_true, axis=-1) * l2_normalize(y_pred, axis=-1), axis=-1)",
)
def cosine_similarity(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """-sum_c y p / (|y| |p|)"""
    return -ops.sum(l2_normalised(y_true) * l2_normalised(y_pred), axis=-1)


@named(
    title="Binary cross-entropy",
    aliases=("binary_cross_entropy",),
    also="BCE, log loss, multi-label",
    group=GROUP,
    when="Treats every class as its own yes-or-no question (multi-label).",
    latex=r"-\frac1C\sum_c\left[y_c\log p_c+(1-y_c)\log(1-p_c)\right]",
    axis="one",
    paper="Good 1952",
    text="-mean(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred), axis=-1)",
    link="sigmoid",
    label_smoothing=Range(0.0, 0.5),
)
def binary_crossentropy(y_true: Tensor, y_pred: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """-mean_c y log p + (1 - y) log(1 - p), y smoothed towards 1/2"""
    y = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    return -ops.mean(y * log_p(y_pred) + (1 - y) * log_rest(y_pred), axis=-1)


@named(
    title="Binary focal cross-entropy",
    also="BCE, imbalance",
    group=GROUP,
    when="Binary cross-entropy that turns down what is already well classified.",
    latex=r"\frac1C\sum_c (1-p_t)^\gamma(-\log p_t)",
    axis="one",
    paper="Lin et al. 2017, arXiv:1708.02002",
    text="gamma = 2.0  # 0..5\n"
    "pt = y_true * y_pred + (1 - y_true) * (1 - y_pred)\n"
    "mean((1 - pt)**gamma * -log(pt), axis=-1)",
    link="sigmoid",
    gamma=Range(0.0, 5.0),
    label_smoothing=Range(0.0, 0.5),
)
def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """mean_c (1 - p_t)^gamma (-y log p - (1 - y) log(1 - p)), y smoothed towards 1/2; with class
    balancing each times y a + (1 - y) (1 - a)"""
    y_true = y_true * (1 - label_smoothing) + 0.5 * label_smoothing
    one, other = logarithm(y_true), logarithm(1 - y_true)
    right, wrong = log_p(y_pred), log_rest(y_pred)
    log_miss = ops.logaddexp(one + wrong, other + right)
    loss = ops.exp(gamma * log_miss) * -(y_true * right + (1 - y_true) * wrong)
    if apply_class_balancing:
        loss = loss * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return ops.mean(loss, axis=-1)


@named(
    title="Cross-entropy",
    also="CE, log loss, softmax",
    group=GROUP,
    when="The loss to start from for one class out of many.",
    latex=r"-\sum_c y_c\log p_c",
    axis="one",
    paper="Good 1952",
    text="-sum(y_true * log(y_pred), axis=-1)",
    aliases=("cross_entropy", "crossentropy"),
    label_smoothing=Range(0.0, 0.5),
)
def categorical_crossentropy(
    y_true: Tensor, y_pred: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """-sum_c y log p, y smoothed towards 1/C"""
    count = ops.cast(ops.shape(y_pred)[-1], "float32")
    y = y_true * (1 - label_smoothing) + label_smoothing / count
    return -ops.sum(y * log_normalised(y_pred), axis=-1)


@named(
    title="Cross-entropy with label smoothing",
    also="overconfidence, calibration",
    group=GROUP,
    when="Keeps the model from becoming overconfident.",
    latex=r"-\sum_c \left(y_c(1-s)+\tfrac sC\right)\log p_c",
    paper="Szegedy et al. 2016, arXiv:1512.00567",
    text="s = 0.1  # 0..0.5\n-sum((y_true * (1 - s) + s / num_classes) * log(y_pred), axis=-1)",
    label_smoothing=Range(0.0, 0.5),
)
def categorical_crossentropy_label_smoothing(
    y_true: Tensor, y_pred: Tensor, *, label_smoothing: float = 0.1
) -> Tensor:
    """-sum_c (y (1 - s) + s/C) log p"""
    return categorical_crossentropy(y_true, y_pred, label_smoothing=label_smoothing)


@named(
    title="Sparse cross-entropy",
    also="CE, class numbers",
    group=GROUP,
    when="Cross-entropy from class numbers instead of one-hot targets.",
    latex=r"-\log p_k",
    axis="last",
    paper="Good 1952",
    text="-log(sum(one_hot(labels, num_classes) * y_pred, axis=-1))",
)
def sparse_categorical_crossentropy(
    labels: Tensor, y_pred: Tensor, *, ignore_class: int | None = None
) -> Tensor:
    """-log p[label]; samples of `ignore_class` cost nothing, and do not count in a mean"""
    each = -of_class(labels, log_normalised(y_pred))
    if ignore_class is None:
        return each
    counts = ops.not_equal(ops.cast(labels, "int32"), ignore_class)
    return with_mask(each, counts)


def of_class(labels: Tensor, p: Tensor) -> Tensor:
    """The entry of each row of p that belongs to its label: (B,)."""
    classes = ops.arange(ops.shape(p)[-1])
    mask = ops.equal(ops.cast(labels, "int32")[..., None], ops.cast(classes, "int32"))
    return ops.sum(ops.where(mask, p, ops.zeros_like(p)), axis=-1)


@named(
    title="Categorical focal cross-entropy",
    also="imbalance, hard samples",
    group=GROUP,
    when="Cross-entropy that turns down what is already well classified; for imbalance.",
    latex=r"\sum_c \alpha\,y_c(1-p_c)^\gamma(-\log p_c)",
    axis="one",
    paper="Lin et al. 2017, arXiv:1708.02002",
    text="gamma = 2.0  # 0..5\nalpha = 0.25  # 0..1\n"
    "sum(alpha * y_true * (1 - y_pred)**gamma * -log(y_pred), axis=-1)",
    gamma=Range(0.0, 5.0),
    alpha=Range(0.0, 1.0, per_class=True),
    label_smoothing=Range(0.0, 0.5),
)
def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: float | tuple[float, ...] = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """sum_c alpha_c y (1 - p)^gamma (-log p), y smoothed towards 1/C; alpha: one for all classes,
    or a number a class"""
    alpha = ops.convert_to_tensor(alpha, dtype="float32")
    count = ops.cast(ops.shape(y_pred)[-1], "float32")
    y_true = y_true * (1 - label_smoothing) + label_smoothing / count
    log_each = log_normalised(y_pred)
    made = made_of(y_pred)
    known = made is not None and made[0] == "Softmax"
    log_miss = log_rest(y_pred) if known else log_held(1 - ops.exp(log_each))
    return ops.sum(alpha * y_true * ops.exp(gamma * log_miss) * -log_each, axis=-1)


@named(
    title="Kullback-Leibler divergence",
    also="KL, KLD",
    group=GROUP,
    when="Distance of distributions; on one-hot targets it equals the cross-entropy.",
    latex=r"\sum_c y_c\log\frac{y_c}{p_c}",
    paper="Kullback & Leibler 1951",
    text="y = clip(y_true, 1e-7, 1)\nsum(y * log(y / y_pred), axis=-1)",
    aliases=("kld", "KLD", "kullback_leibler_divergence", "kl"),
)
def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """sum_c y log(y / p), y clipped to [1e-7, 1]"""
    y = ops.clip(y_true, EPSILON, 1.0)
    return ops.sum(y * (ops.log(y) - log_p(y_pred)), axis=-1)


@named(
    title="Poisson",
    also="counts",
    group=GROUP,
    when="For counts; on probabilities close to the cross-entropy.",
    latex=r"\frac1C\sum_c p_c-y_c\log p_c",
    paper=KERAS,
    text="mean(y_pred - y_true * log(y_pred), axis=-1)",
)
def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean_c p - y log p; as Keras, log(p + 1e-7), where p is no softmax or sigmoid"""
    known = made_of(y_pred) is not None
    log_rate = log_p(y_pred) if known else ops.log(y_pred + EPSILON)
    return ops.mean(y_pred - y_true * log_rate, axis=-1)


def signed(y_true: Tensor) -> Tensor:
    """0/1 targets as -1/+1."""
    return 2 * y_true - 1


@named(
    title="Hinge",
    also="SVM, margin",
    group=GROUP,
    when="A margin on each class; probabilities cannot reach it, so it never rests.",
    latex=r"\frac1C\sum_c\max(1-(2y_c-1)p_c,0)",
    paper="Vapnik 1995",
    text="mean(maximum(1 - (2 * y_true - 1) * y_pred, 0), axis=-1)",
)
def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean_c max(1 - (2y - 1) p, 0)"""
    return ops.mean(ops.maximum(1 - signed(y_true) * y_pred, 0.0), axis=-1)


@named(
    title="Squared hinge",
    also="SVM, margin",
    group=GROUP,
    when="A hinge without a corner.",
    latex=r"\frac1C\sum_c\max(1-(2y_c-1)p_c,0)^2",
    paper="Lee & Mangasarian 2001",
    text="mean(square(maximum(1 - (2 * y_true - 1) * y_pred, 0)), axis=-1)",
)
def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """mean_c max(1 - (2y - 1) p, 0)^2"""
    return ops.mean(ops.square(ops.maximum(1 - signed(y_true) * y_pred, 0.0)), axis=-1)


@named(
    title="Categorical hinge",
    also="SVM, margin",
    group=GROUP,
    when="A margin between the true class and the best wrong one.",
    latex=r"\max\left(0,\max_c(1-y_c)p_c-\sum_c y_cp_c+1\right)",
    paper="Crammer & Singer 2001; Keras definition",
    text="maximum(0, max((1 - y_true) * y_pred, axis=-1) - sum(y_true * y_pred, axis=-1) + 1)",
)
def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """max(0, max_c (1 - y) p - sum_c y p + 1)"""
    wrong = ops.max((1 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - ops.sum(y_true * y_pred, axis=-1) + 1, 0.0)


@named(
    title="Dice (Keras, whole batch)",
    also="F1, imbalance",
    group=GROUP,
    when="Overlap counted over the whole batch; from segmentation.",
    latex=r"1-\frac{2\sum yp}{\sum y+\sum p}",
    axis="some",
    paper="Milletari et al. 2016, arXiv:1606.04797",
    text="1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + 1e-7)",
    per_sample=False,
    aliases=("dice",),
)
def dice_keras(y_true: Tensor, y_pred: Tensor, *, axis: tuple[int, ...] | None = None) -> Tensor:
    """1 - 2 sum(yp) / (sum y + sum p), over the whole batch, a scalar, or over `axis`"""
    top = 2 * ops.sum(y_true * y_pred, axis=axis)
    return 1 - top / (ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis) + EPSILON)


@named(
    title="Tversky (Keras, whole batch)",
    also="imbalance, false negatives",
    group=GROUP,
    when="Dice with false positives and false negatives weighed apart.",
    latex=r"1-\frac{\sum yp}{\sum yp+\alpha\sum y(1-p)+\beta\sum(1-y)p}",
    axis="some",
    paper="Salehi et al. 2017, arXiv:1706.05721 (alpha weighs what is missed, as in Keras' code;"
    " the paper, and Keras' documentation, have it weigh what is extra)",
    text="alpha = 0.5  # 0..1\nbeta = 0.5  # 0..1\ntp = sum(y_true * y_pred)\n"
    "missed = sum(y_true * (1 - y_pred))\nextra = sum((1 - y_true) * y_pred)\n"
    "1 - tp / (tp + alpha * missed + beta * extra + 1e-7)",
    per_sample=False,
    aliases=("tversky",),
    alpha=Range(0.0, 1.0),
    beta=Range(0.0, 1.0),
)
def tversky_keras(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: tuple[int, ...] | None = None,
) -> Tensor:
    """1 - TP / (TP + alpha missed + beta extra), missed = sum y (1 - p), extra = sum (1 - y) p,
    over the whole batch, a scalar, or over `axis`"""
    # Keras' code; its words and the paper, as tversky_per_sample, have alpha and beta swapped.
    tp = ops.sum(y_true * y_pred, axis=axis)
    missed = ops.sum(y_true * (1 - y_pred), axis=axis)
    extra = ops.sum((1 - y_true) * y_pred, axis=axis)
    return 1 - tp / (tp + alpha * missed + beta * extra + EPSILON)


@named(
    title="Generalised cross-entropy (Keras)",
    also="GCE, noise",
    group=GROUP,
    when="Between cross-entropy (q to 0) and mean absolute error (q = 1): for noisy labels.",
    latex=r"\frac{1-p_t^q}{q}",
    paper="Zhang & Sabuncu 2018, arXiv:1805.07836",
    text="q = 0.5  # 0.01..1\n(1 - sum(one_hot(labels, num_classes) * y_pred, axis=-1)**q) / q",
    q=Range(0.01, 1.0),
)
def categorical_generalized_cross_entropy(
    labels: Tensor, y_pred: Tensor, *, q: float = 0.5
) -> Tensor:
    """(1 - p_t^q) / q"""
    classes = ops.arange(ops.shape(y_pred)[-1], dtype="int32")
    own = ops.cast(ops.equal(ops.cast(labels, "int32")[..., None], classes), "float32")
    if made_of(y_pred) is None:  # a power of 0 is 0, as Keras has it, without a slope
        log_true = logarithm(ops.sum(own * y_pred, axis=-1))
    else:
        log_true = log_sum(logarithm(own) + log_p(y_pred))
    return (1 - ops.exp(q * log_true)) / q
