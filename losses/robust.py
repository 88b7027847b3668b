"""Losses that tolerate wrong labels or outliers.

y_true (B, C) one-hot, y_pred (B, C) probabilities, logits (B, C). Each returns (B,).
"""

from __future__ import annotations

from .classification import of_truth
from .loss_info import Range, Tensor, named, ops
from .probabilities import kept, log_p, log_sum, log_true, logarithm

GROUP = "Noisy labels"
OUTLIERS = "Outliers"


@named(
    title="Generalised cross-entropy",
    also="GCE, noise",
    group=GROUP,
    when="Between cross-entropy (q to 0) and mean absolute error (q = 1).",
    latex=r"\frac{1-p_t^q}{q}",
    paper="Zhang & Sabuncu 2018, arXiv:1805.07836",
    text="q = 0.7  # 0.01..1\n(1 - sum(y_true * y_pred, axis=-1)**q) / q",
    q=Range(0.01, 1.0),
)
def gce(y_true: Tensor, y_pred: Tensor, *, q: float = 0.7) -> Tensor:
    """(1 - p_t^q) / q"""
    return (1 - ops.exp(q * log_sum(logarithm(y_true) + log_p(y_pred)))) / q


@named(
    title="Symmetric cross-entropy",
    also="SCE, noise",
    group=GROUP,
    when="Cross-entropy to learn, reverse cross-entropy to withstand wrong labels.",
    latex=r"-\alpha\log p_t-\beta A(1-p_t)",
    paper="Wang et al. 2019, arXiv:1908.06112",
    text="alpha = 0.1  # 0..2\nbeta = 1.0  # 0..2\nA = -4.0  # -8..-1\n"
    "pt = sum(y_true * y_pred, axis=-1)\n-alpha * log(pt) - beta * A * (1 - pt)",
    alpha=Range(0.0, 2.0),
    beta=Range(0.0, 2.0),
    A=Range(-8.0, -1.0),
)
def sce(
    y_true: Tensor,
    y_pred: Tensor,
    *,
    alpha: float = 0.1,
    beta: float = 1.0,
    A: float = -4.0,
) -> Tensor:
    """alpha CE + beta (-A) (1 - p_t); A stands for log 0"""
    pt = of_truth(y_true, kept(y_pred))
    return -alpha * log_true(y_true, y_pred) - beta * A * (1 - pt)


@named(
    title="Normalised cross-entropy",
    also="NCE, noise",
    group=GROUP,
    when="Cross-entropy scaled to be noise-tolerant; learns slowly alone.",
    latex=r"\frac{\log p_t}{\sum_c\log p_c}",
    paper="Ma et al. 2020, arXiv:2006.13554",
    text="log(sum(y_true * y_pred, axis=-1)) / sum(log(y_pred), axis=-1)",
)
def nce(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """CE / (-sum_c log p_c)"""
    return log_true(y_true, y_pred) / ops.sum(log_p(y_pred), axis=-1)


@named(
    title="Active-passive loss (NCE + RCE)",
    also="APL, noise",
    group=GROUP,
    when="A noise-tolerant pair: one part learns, the other holds wrong classes down.",
    latex=r"\alpha\frac{\log p_t}{\sum_c\log p_c}-\beta A(1-p_t)",
    paper="Ma et al. 2020, arXiv:2006.13554",
    text="alpha = 1.0  # 0..10\nbeta = 1.0  # 0..10\nA = -4.0  # -8..-1\n"
    "pt = sum(y_true * y_pred, axis=-1)\n"
    "alpha * log(pt) / sum(log(y_pred), axis=-1) - beta * A * (1 - pt)",
    alpha=Range(0.0, 10.0),
    beta=Range(0.0, 10.0),
    A=Range(-8.0, -1.0),
)
def apl_nce_rce(
    y_true: Tensor, y_pred: Tensor, *, alpha: float = 1.0, beta: float = 1.0, A: float = -4.0
) -> Tensor:
    """alpha NCE + beta RCE"""
    return alpha * nce(y_true, y_pred) - beta * A * (1 - of_truth(y_true, kept(y_pred)))


@named(
    title="MAE over classes",
    also="L1, noise",
    group=GROUP,
    when="Provably tolerant of uniform label noise; learns slowly.",
    latex=r"\sum_c|y_c-p_c|=2-2p_t",
    paper="Ghosh et al. 2017, arXiv:1712.09482",
    text="sum(abs(y_true - y_pred), axis=-1)",
)
def mae_robust(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """sum_c |y - p|"""
    return ops.sum(ops.abs(y_true - y_pred), axis=-1)


@named(
    title="Soft bootstrapping",
    also="noise",
    group=GROUP,
    when="Mixes the label with the model's own belief.",
    latex=r"-\sum_c(\beta y_c+(1-\beta)p_c)\log p_c",
    paper="Reed et al. 2014, arXiv:1412.6596",
    text="beta = 0.95  # 0..1\n-sum((beta * y_true + (1 - beta) * y_pred) * log(y_pred), axis=-1)",
    beta=Range(0.0, 1.0),
)
def soft_bootstrapping(y_true: Tensor, y_pred: Tensor, *, beta: float = 0.95) -> Tensor:
    """-sum_c (beta y + (1 - beta) p) log p"""
    return -ops.sum((beta * y_true + (1 - beta) * kept(y_pred)) * log_p(y_pred), axis=-1)


@named(
    title="Hard bootstrapping",
    also="noise",
    group=GROUP,
    when="Mixes the label with the class the model would choose.",
    latex=r"-\sum_c(\beta y_c+(1-\beta)[c=\arg\max p])\log p_c",
    paper="Reed et al. 2014, arXiv:1412.6596",
    text="beta = 0.8  # 0..1\nown = one_hot(argmax(y_pred, axis=-1), num_classes)\n"
    "-sum((beta * y_true + (1 - beta) * own) * log(y_pred), axis=-1)",
    beta=Range(0.0, 1.0),
)
def hard_bootstrapping(y_true: Tensor, y_pred: Tensor, *, beta: float = 0.8) -> Tensor:
    """-sum_c (beta y + (1 - beta) onehot(argmax p)) log p"""
    own = ops.one_hot(ops.argmax(y_pred, axis=-1), y_pred.shape[-1], dtype="float32")
    return -ops.sum((beta * y_true + (1 - beta) * own) * log_p(y_pred), axis=-1)


@named(
    title="Reverse KL divergence",
    also="KL, mode-seeking",
    group=GROUP,
    when="Seeks one mode: punishes belief in classes the label rules out.",
    latex=r"\sum_c p_c\log\frac{p_c}{\mathrm{clip}(y_c,\epsilon,1)}",
    paper="see SCE, Wang et al. 2019, arXiv:1908.06112",
    text="eps = 0.0001  # 0.000001..0.1\nsum(y_pred * log(y_pred / clip(y_true, eps, 1)), axis=-1)",
    eps=Range(1e-6, 0.1),
)
def reverse_kl(y_true: Tensor, y_pred: Tensor, *, eps: float = 1e-4) -> Tensor:
    """sum_c p log(p / clip(y, eps, 1))"""
    log_y = ops.log(ops.minimum(ops.maximum(y_true, eps), 1.0))
    return ops.sum(kept(y_pred) * (log_p(y_pred) - log_y), axis=-1)


@named(
    title="Jensen-Shannon divergence",
    also="JSD, noise",
    group=GROUP,
    when="Bounded and symmetric: between cross-entropy and mean absolute error.",
    latex=r"\pi\,KL(y\|m)+(1-\pi)\,KL(p\|m),\ m=\pi y+(1-\pi)p",
    paper="Englesson & Azizpour 2021, arXiv:2105.04522 (unscaled)",
    text="w = 0.5  # 0.01..0.99\nm = w * y_true + (1 - w) * y_pred\n"
    "w * sum(xlogy(y_true, 1 / m), axis=-1)"
    " + (1 - w) * sum(y_pred * log(y_pred / m), axis=-1)",
    pi=Range(0.01, 0.99),
)
def jensen_shannon(y_true: Tensor, y_pred: Tensor, *, pi: float = 0.5) -> Tensor:
    """pi KL(y || m) + (1 - pi) KL(p || m), m = pi y + (1 - pi) p; 0 log 0 = 0"""
    log_y, log_each = logarithm(y_true), log_p(y_pred)
    log_m = ops.logaddexp(logarithm(pi) + log_y, logarithm(1 - pi) + log_each)
    left = ops.sum(y_true * (log_y - log_m), axis=-1)
    return pi * left + (1 - pi) * ops.sum(kept(y_pred) * (log_each - log_m), axis=-1)


@named(
    title="Taylor cross-entropy",
    also="noise",
    group=GROUP,
    when="Cross-entropy cut off after a few terms: bounded, so noise-tolerant.",
    latex=r"\sum_{k=1}^{t}\frac{(1-p_t)^k}{k}",
    paper="Feng et al., IJCAI 2020",
    text="q = 1 - sum(y_true * y_pred, axis=-1)\nq + q**2 / 2",
)
def taylor_ce(y_true: Tensor, y_pred: Tensor, *, order: int = 2) -> Tensor:
    """sum_{k=1..order} (1 - p_t)^k / k"""
    q = 1 - of_truth(y_true, kept(y_pred))
    power, total = q, q
    for k in range(2, order + 1):
        power = power * q
        total = total + power / k
    return total


def _log_t(log_x: Tensor, t: float) -> Tensor:
    """The tempered logarithm, (x^(1-t) - 1) / (1 - t), from log x."""
    return (ops.exp((1 - t) * log_x) - 1) / (1 - t)


# The normalisation without a loop to a bound: bisection, then a step with a gradient.
_BI_TEMPERED = """t1 = 0.8  # 0..0.99
t2 = 1.2  # 1.01..4

def exp_t(x):
    return maximum(1 + (1 - t2) * x, 1e-12)**(1 / (1 - t2))

def log_t(x):
    return (x**(1 - t1) - 1) / (1 - t1)

still = stop_gradient(logits)
low = max(still, axis=-1, keepdims=True)
high = low + ((1 / num_classes)**(1 - t2) - 1) / (t2 - 1)
for _ in range(40):
    middle = 0.5 * (low + high)
    over = sum(exp_t(still - middle), axis=-1, keepdims=True) > 1
    low, high = where(over, middle, low), where(over, high, middle)
n = stop_gradient(0.5 * (low + high))
q = exp_t(logits - n)
slope = stop_gradient(sum(q**t2, axis=-1, keepdims=True))
q = maximum(exp_t(logits - n - (sum(q, axis=-1, keepdims=True) - 1) / slope), 1e-12)
rest = (y_true**(2 - t1) - q**(2 - t1)) / (2 - t1)
sum(y_true * (log_t(y_true) - log_t(q)) - rest, axis=-1)"""


def _tempered_loss(y: Tensor, log_q: Tensor, t1: float) -> Tensor:
    # 0 * log_t 0 = 0 for t < 1: log_t is finite there
    gain = y * (_log_t(logarithm(y), t1) - _log_t(log_q, t1))
    rest = (ops.power(y, 2 - t1) - ops.exp((2 - t1) * log_q)) / (2 - t1)
    return ops.sum(gain - rest, axis=-1)


@named(
    title="Bi-tempered logistic",
    also="noise, outliers",
    group=GROUP,
    when="Bounded (t1 < 1) against far mistakes, heavy-tailed (t2 > 1) against near ones.",
    latex=r"\sum_c y_c(\log_{t_1}y_c-\log_{t_1}q_c)-\frac{y_c^{2-t_1}-q_c^{2-t_1}}{2-t_1}",
    paper="Amid et al. 2019, arXiv:1906.03361",
    text=_BI_TEMPERED,
    t1=Range(0.0, 0.99),
    t2=Range(1.01, 4.0),
)
def bi_tempered_logistic(
    y_true: Tensor, logits: Tensor, *, t1: float = 0.8, t2: float = 1.2
) -> Tensor:
    """q = tempered softmax of the logits with t2, its normalisation found by bisection"""
    q = _tempered_softmax(logits, t2)
    return _tempered_loss(y_true, ops.log(ops.maximum(q, 1e-12)), t1)


def _tempered_softmax(z: Tensor, t: float) -> Tensor:
    """exp_t(z - n) with n such that it sums to one. t > 1.

    n is found without a gradient; one Newton step then gives it the exact one.
    """

    def exp_t(x: Tensor) -> Tensor:
        return ops.power(ops.maximum(1 + (1 - t) * x, 1e-12), 1 / (1 - t))

    still = ops.stop_gradient(z)
    low = ops.max(still, axis=-1, keepdims=True)
    count = ops.cast(ops.shape(z)[-1], "float32")
    # at the upper end each of C entries is at most 1/C
    high = low + (ops.power(1 / count, 1 - t) - 1) / (t - 1) * -1.0
    high = ops.where(high > low, high, low - (ops.power(1 / count, 1 - t) - 1) / (1 - t))
    for _ in range(40):
        middle = 0.5 * (low + high)
        over = ops.sum(exp_t(still - middle), axis=-1, keepdims=True) > 1
        low, high = ops.where(over, middle, low), ops.where(over, high, middle)
    n = ops.stop_gradient(0.5 * (low + high))
    q = exp_t(z - n)
    slope = ops.stop_gradient(ops.sum(ops.power(q, t), axis=-1, keepdims=True))
    n = n + (ops.sum(q, axis=-1, keepdims=True) - 1) / slope
    return exp_t(z - n)


@named(
    title="Bi-tempered, from probabilities",
    also="noise, outliers",
    group=GROUP,
    when="The bounded half of bi-tempered, on ordinary softmax outputs.",
    latex=r"\sum_c y_c(\log_{t_1}y_c-\log_{t_1}p_c)-\frac{y_c^{2-t_1}-p_c^{2-t_1}}{2-t_1}",
    paper="Amid et al. 2019, arXiv:1906.03361",
    text="t1 = 0.8  # 0..0.99\nlog_t = (y_pred**(1 - t1) - 1) / (1 - t1)\n"
    "sum(-y_true * log_t - (y_true**(2 - t1) - y_pred**(2 - t1)) / (2 - t1), axis=-1)",
    t1=Range(0.0, 0.99),
)
def bi_tempered_from_probabilities(y_true: Tensor, y_pred: Tensor, *, t1: float = 0.8) -> Tensor:
    """the same with q = y_pred (t2 = 1)"""
    return _tempered_loss(y_true, log_p(y_pred), t1)


@named(
    title="Quantile (pinball)",
    also="regression",
    group=OUTLIERS,
    when="Pulls towards a quantile instead of the mean.",
    latex=r"\frac1C\sum_c\max(qe_c,(q-1)e_c),\ e=y-p",
    paper="Koenker & Bassett 1978",
    text="q = 0.9  # 0..1\ne = y_true - y_pred\nmean(maximum(q * e, (q - 1) * e), axis=-1)",
    q=Range(0.0, 1.0),
)
def quantile(y_true: Tensor, y_pred: Tensor, *, q: float = 0.9) -> Tensor:
    """mean_c max(q e, (q - 1) e)"""
    e = y_true - y_pred
    return ops.mean(ops.maximum(q * e, (q - 1) * e), axis=-1)


@named(
    title="Charbonnier",
    also="smooth L1, pseudo-Huber",
    group=OUTLIERS,
    when="An absolute error without the corner.",
    latex=r"\frac1C\sum_c\sqrt{e_c^2+\epsilon^2}",
    paper="Charbonnier et al. 1994",
    text="eps = 0.001  # 0.0001..1\nmean(sqrt(square(y_true - y_pred) + eps**2), axis=-1)",
    eps=Range(1e-4, 1.0),
)
def charbonnier(y_true: Tensor, y_pred: Tensor, *, eps: float = 1e-3) -> Tensor:
    """mean_c sqrt(e^2 + eps^2)"""
    return ops.mean(ops.sqrt(ops.square(y_true - y_pred) + eps * eps), axis=-1)


@named(
    title="Barron's adaptive loss",
    also="general robust",
    group=OUTLIERS,
    when="One family from squared error through Charbonnier to Welsch; alpha sets the tails.",
    latex=r"\frac1C\sum_c\frac{|\alpha-2|}{\alpha}\left(\left(\frac{(e_c/c)^2}{|\alpha-2|}+1"
    r"\right)^{\alpha/2}-1\right)",
    paper="Barron 2019, arXiv:1701.03077",
    text="alpha = 1.5  # 0.1..1.9\nc = 0.5  # 0.05..2\na = abs(alpha - 2)\n"
    "mean(a / alpha * ((square((y_true - y_pred) / c) / a + 1)**(alpha / 2) - 1), axis=-1)",
    alpha=Range(0.1, 1.9),
    c=Range(0.05, 2.0),
)
def barron_adaptive(
    y_true: Tensor, y_pred: Tensor, *, alpha: float = 1.5, c: float = 0.5
) -> Tensor:
    """mean_c |a-2|/a ((e^2/c^2/|a-2| + 1)^(a/2) - 1)"""
    a = ops.abs(alpha - 2)
    e = ops.square((y_true - y_pred) / c)
    return ops.mean(a / alpha * (ops.power(e / a + 1, alpha / 2) - 1), axis=-1)


@named(
    title="Gaussian negative log-likelihood",
    also="NLL, uncertainty",
    group=OUTLIERS,
    when="Squared error read as a probability, with a fixed width.",
    latex=r"\frac1C\sum_c\frac12\log(2\pi\sigma^2)+\frac{e_c^2}{2\sigma^2}",
    paper="standard",
    text="sigma = 0.3  # 0.05..2\n"
    "mean(0.5 * log(2 * pi * sigma**2) + square(y_true - y_pred) / (2 * sigma**2), axis=-1)",
    sigma=Range(0.05, 2.0),
)
def gaussian_nll(y_true: Tensor, y_pred: Tensor, *, sigma: float = 0.3) -> Tensor:
    """mean_c log(2 pi s^2)/2 + e^2 / (2 s^2)"""
    variance = ops.convert_to_tensor(sigma * sigma, dtype="float32")
    e = ops.square(y_true - y_pred)
    return ops.mean(0.5 * ops.log(6.283185307179586 * variance) + e / (2 * variance), axis=-1)
