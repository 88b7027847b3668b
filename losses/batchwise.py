"""Losses that find their pairs and triplets in the batch, and proxies, which stand for a class.

features (B, D), partner_features (B, D) of the same classes, labels (B,), y_true (B, C) one-hot,
last_kernel (D, C), whose columns are the proxies. Each returns (B,) unless it says otherwise.
"""

from __future__ import annotations

from .builtin import l2_normalised
from .classification import of_truth
from .embedding import ALIKE, APART, COSINE, FAR, GROUP, cosines, hardest, not_self, same_class
from .loss_info import Range, Tensor, named, ops


@named(
    title="Semi-hard triplets",
    also="FaceNet, metric learning, mining",
    group=GROUP,
    when="Each pair of a class against the nearest negative that is farther than the positive.",
    latex=r"\frac1{|P|}\sum_{(a,p)\in P}\max\left(\|a-p\|^2-\|a-n_{ap}\|^2+m,\,0\right),\quad "
    r"n_{ap}=\arg\min_{n:\,\|a-n\|>\|a-p\|}\|a-n\|",
    paper="Schroff et al. 2015, arXiv:1503.03832 (features normalised first; where no negative is"
    " farther, the farthest)",
    text="margin = 0.2  # 0..2\nx = l2_normalize(features, axis=-1)\n"
    + APART
    + ALIKE
    + "d = maximum(2 - 2 * x @ x.T, 0)\norder = argsort(d, axis=-1)\n"
    "negatives = sort(where(alike, 1e9, d), axis=-1)\nother = 1 - cast(alike, 'float32')\n"
    "nearer = cumsum(take_along_axis(other, order, axis=-1), axis=-1)\n"
    "last = maximum(sum(other, axis=-1, keepdims=True) - 1, 0)\n"
    "n = take_along_axis(negatives, cast(minimum(nearer, last), 'int32'), axis=-1)\n"
    "p = take_along_axis(d, order, axis=-1)\n"
    "pair = take_along_axis(cast(alike & apart, 'float32'), order, axis=-1)\n"
    "sum(pair * maximum(p - n + margin, 0)) / maximum(sum(pair), 1)",
    pairs=True,
    per_sample=False,
    margin=Range(0.0, 2.0),
)
def triplet_semi_hard(features: Tensor, labels: Tensor, *, margin: float = 0.2) -> Tensor:
    """mean over the pairs (a, p) of a class of max(d_ap^2 - d_an^2 + m, 0): a scalar"""
    x = l2_normalised(features)
    d = ops.maximum(2 - 2 * ops.matmul(x, ops.transpose(x)), 0.0)
    same = same_class(labels)
    # In each row by distance, as many negatives are nearer than a positive as come before it:
    # the next one is the semi-hard one. Never (B, B, B) numbers.
    order = ops.argsort(d, axis=-1)
    negatives = ops.sort(ops.where(same > 0, FAR, d), axis=-1)
    nearer = ops.cumsum(ops.take_along_axis(1 - same, order, axis=-1), axis=-1)
    last = ops.maximum(ops.sum(1 - same, axis=-1, keepdims=True) - 1, 0.0)
    n = ops.take_along_axis(negatives, ops.cast(ops.minimum(nearer, last), "int32"), axis=-1)
    p = ops.take_along_axis(d, order, axis=-1)
    pair = ops.take_along_axis(same * not_self(x), order, axis=-1)
    return ops.sum(pair * ops.maximum(p - n + margin, 0.0)) / ops.maximum(ops.sum(pair), 1.0)


@named(
    title="Batch-hard triplet, soft margin",
    also="metric learning, mining",
    group=GROUP,
    when="Batch-hard triplets that keep pulling: no margin past which they rest.",
    latex=r"\log\left(1+e^{\max_p d(a,p)-\min_n d(a,n)}\right)",
    paper="Hermans et al. 2017, arXiv:1703.07737 (Euclidean)",
    text="x = features\n" + APART + ALIKE + "size = sum(square(x), axis=-1)\n"
    "square_d = maximum(size[:, None] + size[None, :] - 2 * x @ x.T, 0)\n"
    "d = sqrt(where(apart, square_d, 1.0) + 1e-12) * cast(apart, 'float32')\n"
    "alike = cast(alike, 'float32')\n"
    "softplus(max(d * alike, axis=-1) - min(d + 1e9 * alike, axis=-1))",
    pairs=True,
)
def triplet_soft_margin(features: Tensor, labels: Tensor) -> Tensor:
    """log(1 + exp(max_pos d - min_neg d)); alone in its class, a sample is its own positive"""
    size = ops.sum(ops.square(features), axis=-1)
    products = ops.matmul(features, ops.transpose(features))
    square = ops.maximum(size[:, None] + size[None, :] - 2 * products, 0.0)
    return ops.softplus(hardest(square, labels))


@named(
    title="N-pairs",
    also="metric learning, InfoNCE",
    group=GROUP,
    when="Each sample finds its partner among the partners of all others, all at once.",
    latex=r"-\sum_j t_{ij}\log\frac{e^{f_i\cdot\tilde f_j}}{\sum_k e^{f_i\cdot\tilde f_k}}"
    r"+\tfrac\lambda4\left(\|f_i\|^2+\|\tilde f_i\|^2\right)",
    paper="Sohn, NIPS 2016 (as in TensorFlow: t spreads evenly over the partners of one class)",
    text="lam = 0.002  # 0..0.1\ns = features @ partner_features.T\n"
    "alike = cast(labels[:, None] == labels[None, :], 'float32')\n"
    "t = alike / sum(alike, axis=-1, keepdims=True)\n"
    "size = sum(square(features), axis=-1) + sum(square(partner_features), axis=-1)\n"
    "-sum(t * log_softmax(s, axis=-1), axis=-1) + lam / 4 * size",
    pairs=True,
    lam=Range(0.0, 0.1),
)
def n_pairs(
    features: Tensor, partner_features: Tensor, labels: Tensor, *, lam: float = 0.002
) -> Tensor:
    """CE(t, softmax_j f_i . p_j) + lam/4 (|f_i|^2 + |p_i|^2), t even over partners of the class"""
    alike = same_class(labels)
    t = alike / ops.sum(alike, axis=-1, keepdims=True)
    s = ops.matmul(features, ops.transpose(partner_features))
    size = ops.sum(ops.square(features) + ops.square(partner_features), axis=-1)
    return -ops.sum(t * ops.log_softmax(s, axis=-1), axis=-1) + lam / 4 * size


@named(
    title="Multi-similarity",
    also="metric learning, mining, pairs",
    group=GROUP,
    when="Weighs each pair by its own similarity and by that of the others; mines hard pairs.",
    latex=r"\tfrac1\alpha\log\left(1+\sum_{p}e^{-\alpha(s_{ip}-\lambda)}\right)"
    r"+\tfrac1\beta\log\left(1+\sum_{n}e^{\beta(s_{in}-\lambda)}\right)",
    paper="Wang et al. 2019, arXiv:1904.06627 (pairs kept within epsilon of the hardest others)",
    text="alpha = 2.0  # 0.1..20\nbeta = 50.0  # 1..100\nbase = 0.5  # 0..1\n"
    "epsilon = 0.1  # 0..3\nx = l2_normalize(features, axis=-1)\n"
    + APART
    + ALIKE
    + "s = x @ x.T\nnear = max(where(alike, -1e9, s), axis=-1, keepdims=True)\n"
    "far = min(where(alike & apart, s, 1e9), axis=-1, keepdims=True)\n"
    "p = where(alike & apart & (s < near + epsilon), -alpha * (s - base), -1e9)\n"
    "n = where(~alike & (s > far - epsilon), beta * (s - base), -1e9)\n"
    "softplus(logsumexp(p, axis=-1)) / alpha + softplus(logsumexp(n, axis=-1)) / beta",
    pairs=True,
    alpha=Range(0.1, 20.0),
    beta=Range(1.0, 100.0),
    base=Range(0.0, 1.0),
    epsilon=Range(0.0, 3.0),
)
def multi_similarity(
    features: Tensor,
    labels: Tensor,
    *,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
    epsilon: float = 0.1,
) -> Tensor:
    """log(1 + sum_p exp(-a (s - b)))/a + log(1 + sum_n exp(b' (s - b)))/b' over the mined pairs"""
    x = l2_normalised(features)
    s = ops.matmul(x, ops.transpose(x))
    same = same_class(labels)
    positive, negative = same * not_self(x) > 0, same < 1
    near = ops.max(ops.where(negative, s, -FAR), axis=-1, keepdims=True)
    far = ops.min(ops.where(positive, s, FAR), axis=-1, keepdims=True)
    hard_p = ops.logical_and(positive, s < near + epsilon)
    hard_n = ops.logical_and(negative, s > far - epsilon)
    p = ops.logsumexp(ops.where(hard_p, -alpha * (s - base), -FAR), axis=-1)
    n = ops.logsumexp(ops.where(hard_n, beta * (s - base), -FAR), axis=-1)
    return ops.softplus(p) / alpha + ops.softplus(n) / beta


@named(
    title="Proxy-NCA",
    also="metric learning, proxies",
    group=GROUP,
    when="Each sample near the proxy of its class rather than those of others; no pairs to find.",
    latex=r"-\log\frac{e^{-s\|f-w_y\|^2}}{\sum_{c\neq y}e^{-s\|f-w_c\|^2}}",
    paper="Movshovitz-Attias et al. 2017, arXiv:1703.07464 (there s = 1; the proxies are the last"
    " layer's kernel)",
    text="scale = 1.0  # 0.5..32\n"
    + COSINE
    + "d = scale * (2 - 2 * cosine)\nothers = logsumexp(-d - 1e9 * y_true, axis=-1)\n"
    "sum(y_true * d, axis=-1) + sum(y_true, axis=-1) * others",
    scale=Range(0.5, 32.0),
)
def proxy_nca(
    features: Tensor, last_kernel: Tensor, y_true: Tensor, *, scale: float = 1.0
) -> Tensor:
    """s |f - w_y|^2 + log sum_{c != y} exp(-s |f - w_c|^2), f and w of length one"""
    d = scale * (2 - 2 * cosines(features, last_kernel))
    others = ops.logsumexp(-d - FAR * y_true, axis=-1)
    return of_truth(y_true, d) + ops.sum(y_true, axis=-1) * others


@named(
    title="Proxy-Anchor",
    also="metric learning, proxies",
    group=GROUP,
    when="Each class' proxy pulls its hardest samples and pushes the hardest of all others.",
    latex=r"\frac1{|P^+|}\sum_{c\in P^+}\log\left(1+\sum_{i:y_i=c}e^{-\alpha(s_{ic}-\delta)}\right)"
    r"+\frac1C\sum_c\log\left(1+\sum_{i:y_i\neq c}e^{\alpha(s_{ic}+\delta)}\right)",
    paper="Kim et al. 2020, arXiv:2003.13911 (the proxies are the last layer's kernel)",
    text="alpha = 32.0  # 1..64\ndelta = 0.1  # 0..1\n"
    + COSINE
    + "s = cosine.T\nown = y_true.T > 0.5\nlabelled = sum(y_true, axis=-1) > 0.5\n"
    "other = (y_true.T < 0.5) & labelled\n"
    "p = where(own, -alpha * (s - delta), -1e9)\nn = where(other, alpha * (s + delta), -1e9)\n"
    "there = cast(any(own, axis=-1), 'float32')\n"
    "pull = sum(there * softplus(logsumexp(p, axis=-1))) / maximum(sum(there), 1)\n"
    "pull + mean(softplus(logsumexp(n, axis=-1)))",
    per_sample=False,
    alpha=Range(1.0, 64.0),
    delta=Range(0.0, 1.0),
)
def proxy_anchor(
    features: Tensor,
    last_kernel: Tensor,
    y_true: Tensor,
    *,
    alpha: float = 32.0,
    delta: float = 0.1,
) -> Tensor:
    """mean over classes there of softplus(lse_own(-a (s - d))) + mean_c softplus(lse_other(a (s +
    d))): a scalar"""
    s = ops.transpose(cosines(features, last_kernel))
    truth = ops.transpose(y_true)
    labelled = ops.sum(y_true, axis=-1) > 0.5
    own, other = truth > 0.5, ops.logical_and(truth < 0.5, labelled)
    p = ops.logsumexp(ops.where(own, -alpha * (s - delta), -FAR), axis=-1)
    n = ops.logsumexp(ops.where(other, alpha * (s + delta), -FAR), axis=-1)
    there = ops.cast(ops.any(own, axis=-1), "float32")
    pull = ops.sum(there * ops.softplus(p)) / ops.maximum(ops.sum(there), 1.0)
    return pull + ops.mean(ops.softplus(n))
