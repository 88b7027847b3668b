"""Losses on the embedding: margins on class vectors, centres, pairs, triplets, contrasts.

features (B, D), last_kernel (D, C), centers (C, D), labels (B,), partner_features (B, D),
negative_features (B, D), same (B,). Each returns (B,) unless it says otherwise.
"""

from __future__ import annotations

from .builtin import l2_normalised
from .classification import cross_entropy_of_logits
from .loss_info import Range, Tensor, named, ops
from .masks import mean, with_mask

MARGIN = "Angular margins"
GROUP = "Embedding"

FAR = 1e9
# Lines that texts share: cosines to the class vectors; who is of one class, who is another sample.
COSINE = "cosine = matmul(l2_normalize(features, axis=-1), l2_normalize(last_kernel, axis=0))\n"
APART = "n = arange(shape(x)[0])\napart = n[:, None] != n[None, :]\n"
ALIKE = "alike = labels[:, None] == labels[None, :]\n"


def cosines(features: Tensor, last_kernel: Tensor) -> Tensor:
    """Cosines of the angles between features and class vectors: (B, C)."""
    return ops.matmul(l2_normalised(features), l2_normalised(last_kernel, axis=0))


@named(
    title="ArcFace",
    also="metric learning, faces",
    group=MARGIN,
    when="Adds an angle to the true class, so that classes stand apart on the sphere.",
    latex=r"\mathrm{CE}\left(s\cos(\theta_y+m),\,s\cos\theta_j\right)",
    paper="Deng et al. 2019, arXiv:1801.07698",
    text="s = 30.0  # 1..64\nm = 0.5  # 0..1\n"
    + COSINE
    + "sine = sqrt(maximum(1 - square(cosine), 1e-12))\n"
    "moved = where(cosine > -cos(m), cosine * cos(m) - sine * sin(m), cosine - m * sin(m))\n"
    "-sum(y_true * log_softmax(s * (y_true * moved + (1 - y_true) * cosine)), axis=-1)",
    s=Range(1.0, 64.0),
    m=Range(0.0, 1.0),
)
def arcface(
    features: Tensor, last_kernel: Tensor, y_true: Tensor, *, s: float = 30.0, m: float = 0.5
) -> Tensor:
    """CE(s cos(theta_y + m), s cos theta_j); beyond theta = pi - m, where cos(theta + m) would
    rise again, cos theta - m sin m, as in the authors' code: no sample is pushed away"""
    cosine = cosines(features, last_kernel)
    sine = ops.sqrt(ops.maximum(1 - ops.square(cosine), 1e-12))
    m = ops.convert_to_tensor(m, dtype="float32")
    inside = cosine * ops.cos(m) - sine * ops.sin(m)
    moved = ops.where(cosine > -ops.cos(m), inside, cosine - m * ops.sin(m))
    return cross_entropy_of_logits(y_true, s * (y_true * moved + (1 - y_true) * cosine))


@named(
    title="CosFace",
    also="metric learning, faces",
    group=MARGIN,
    when="Takes a margin off the true class's cosine.",
    latex=r"\mathrm{CE}\left(s(\cos\theta-m\,y)\right)",
    paper="Wang et al. 2018, arXiv:1801.09414",
    text="s = 30.0  # 1..64\nm = 0.35  # 0..1\n"
    + COSINE
    + "-sum(y_true * log_softmax(s * (cosine - m * y_true)), axis=-1)",
    s=Range(1.0, 64.0),
    m=Range(0.0, 1.0),
)
def cosface(
    features: Tensor, last_kernel: Tensor, y_true: Tensor, *, s: float = 30.0, m: float = 0.35
) -> Tensor:
    """CE(s (cos theta - m y))"""
    return cross_entropy_of_logits(y_true, s * (cosines(features, last_kernel) - m * y_true))


@named(
    title="Center loss",
    also="metric learning, compact classes",
    group=GROUP,
    when="Pulls samples to the moving centre of their class; added to a cross-entropy.",
    latex=r"\tfrac12\|f-c_y\|^2",
    paper="Wen et al., ECCV 2016",
    text="own = centers[labels]\n0.5 * sum(square(features - own), axis=-1)",
    aliases=("center",),
)
def center_loss(features: Tensor, centers: Tensor, labels: Tensor) -> Tensor:
    """||x - c_y||^2 / 2"""
    own = ops.take(centers, ops.cast(labels, "int32"), axis=0)
    return 0.5 * ops.sum(ops.square(features - own), axis=-1)


@named(
    title="Contrastive-centre loss",
    also="metric learning, compact classes",
    group=GROUP,
    when="Close to the own centre, far from the others'; added to a cross-entropy.",
    latex=r"\tfrac12\frac{\|f-c_y\|^2}{\sum_{j\neq y}\|f-c_j\|^2+\delta}",
    paper="Qi & Su 2017, arXiv:1707.07391",
    text="delta = 1.0  # 0.01..10\n"
    "d = sum(square(features[:, None, :] - centers[None, :, :]), axis=-1)\n"
    "own = sum(y_true * d, axis=-1)\n0.5 * own / (sum(d, axis=-1) - own + delta)",
    delta=Range(0.01, 10.0),
)
def contrastive_center(
    features: Tensor, centers: Tensor, y_true: Tensor, *, delta: float = 1.0
) -> Tensor:
    """1/2 ||x - c_y||^2 / (sum_{j != y} ||x - c_j||^2 + delta)"""
    d = ops.sum(ops.square(features[:, None, :] - centers[None, :, :]), axis=-1)
    own = ops.sum(y_true * d, axis=-1)
    return 0.5 * own / (ops.sum(d, axis=-1) - own + delta)


@named(
    title="Contrastive loss",
    also="siamese, pairs",
    group=GROUP,
    when="Pairs: the same class close, other classes at least a margin apart.",
    latex=r"\tfrac12\left[s\,d^2+(1-s)\max(m-d,0)^2\right]",
    paper="Hadsell, Chopra & LeCun, CVPR 2006 (here same=1 means one class)",
    text="margin = 6.0  # 0.1..12\n"
    "d = sqrt(sum(square(features - partner_features), axis=-1) + 1e-12)\n"
    "0.5 * (same * d**2 + (1 - same) * maximum(margin - d, 0)**2)",
    margin=Range(0.1, 12.0),
)
def contrastive(
    features: Tensor, partner_features: Tensor, same: Tensor, *, margin: float = 6.0
) -> Tensor:
    """1/2 [s d^2 + (1 - s) max(m - d, 0)^2]"""
    square = ops.sum(ops.square(features - partner_features), axis=-1)
    apart = ops.square(ops.maximum(margin - ops.sqrt(square + 1e-12), 0.0))
    return 0.5 * (same * square + (1 - same) * apart)


@named(
    title="Triplet loss",
    also="siamese, metric learning",
    group=GROUP,
    when="A sample closer to its partner than to a negative, by a margin.",
    latex=r"\max\left(\|a-p\|^2-\|a-n\|^2+m,\,0\right)",
    paper="Schroff et al. 2015, arXiv:1503.03832 (features normalised first)",
    text="margin = 0.2  # 0..2\na = l2_normalize(features, axis=-1)\n"
    "p = l2_normalize(partner_features, axis=-1)\nn = l2_normalize(negative_features, axis=-1)\n"
    "maximum(sum(square(a - p), axis=-1) - sum(square(a - n), axis=-1) + margin, 0)",
    margin=Range(0.0, 2.0),
)
def triplet(
    features: Tensor, partner_features: Tensor, negative_features: Tensor, *, margin: float = 0.2
) -> Tensor:
    """max(||a - p||^2 - ||a - n||^2 + m, 0)"""
    a, p, n = (l2_normalised(x) for x in (features, partner_features, negative_features))
    near, far = ops.sum(ops.square(a - p), axis=-1), ops.sum(ops.square(a - n), axis=-1)
    return ops.maximum(near - far + margin, 0.0)


@named(
    title="Cosine embedding loss",
    also="siamese, pairs, CosineEmbeddingLoss",
    group=GROUP,
    when="Pairs by their angle alone: the same class in one direction, others no nearer than a "
    "margin of the cosine.",
    latex=r"s\,(1-\cos(x,x'))+(1-s)\max(\cos(x,x')-m,\,0)",
    paper="Chopra, Hadsell & LeCun, CVPR 2005, in PyTorch's form (here same=1 means one class)",
    text="margin = 0.0  # 0..1\n"
    "c = sum(l2_normalize(features, axis=-1) * l2_normalize(partner_features, axis=-1), axis=-1)\n"
    "same * (1 - c) + (1 - same) * maximum(c - margin, 0)",
    margin=Range(0.0, 1.0),
)
def cosine_embedding(
    features: Tensor, partner_features: Tensor, same: Tensor, *, margin: float = 0.0
) -> Tensor:
    """s (1 - cos(x, x')) + (1 - s) max(cos(x, x') - m, 0)"""
    cosine = ops.sum(l2_normalised(features) * l2_normalised(partner_features), axis=-1)
    return same * (1 - cosine) + (1 - same) * ops.maximum(cosine - margin, 0.0)


def same_class(labels: Tensor) -> Tensor:
    """1 where two samples of the batch share a class: (B, B)."""
    labels = ops.cast(labels, "int32")
    return ops.cast(ops.equal(labels[:, None], labels[None, :]), "float32")


def not_self(x: Tensor) -> Tensor:
    """1 off the diagonal: (B, B)."""
    n = ops.arange(ops.shape(x)[0])
    return ops.cast(ops.not_equal(n[:, None], n[None, :]), "float32")


def hardest(square: Tensor, labels: Tensor) -> Tensor:
    """How much farther the farthest sample of the same class is than the nearest of another, from
    squared distances (B, B): (B,)."""
    apart, same = not_self(square), same_class(labels)
    d = ops.sqrt(square * apart + (1 - apart) + 1e-12) * apart  # no slope where one meets itself
    return ops.max(d * same, axis=-1) - ops.min(d + FAR * same, axis=-1)


@named(
    title="Batch-hard triplet",
    also="metric learning, mining",
    group=GROUP,
    when="Each sample against its farthest positive and nearest negative in the batch.",
    latex=r"\max\left(\max_p d(a,p)-\min_n d(a,n)+m,\,0\right)",
    paper="Hermans et al. 2017, arXiv:1703.07737 (Euclidean, features normalised first)",
    text="margin = 1.0  # 0..2\nx = l2_normalize(features, axis=-1)\n"
    + APART
    + ALIKE
    + "d = sqrt(where(apart, maximum(2 - 2 * x @ x.T, 0), 1.0) + 1e-12) * cast(apart, 'float32')\n"
    "alike = cast(alike, 'float32')\n"
    "maximum(max(d * alike, axis=-1) - min(d + 1e6 * alike, axis=-1) + margin, 0)",
    pairs=True,
    margin=Range(0.0, 2.0),
)
def triplet_batch_hard(features: Tensor, labels: Tensor, *, margin: float = 1.0) -> Tensor:
    """max(max_pos d - min_neg d + m, 0); alone in its class, a sample is its own positive"""
    x = l2_normalised(features)
    square = ops.maximum(2 - 2 * ops.matmul(x, ops.transpose(x)), 0.0)
    return ops.maximum(hardest(square, labels) + margin, 0.0)


def _log_shares(similar: Tensor, others: Tensor) -> Tensor:
    """log exp(s_ij) / sum over the others k of exp(s_ik): (B, B)."""
    held = similar - ops.stop_gradient(ops.max(similar, axis=-1, keepdims=True))
    return held - ops.log(ops.sum(ops.exp(held) * others, axis=-1, keepdims=True) + 1e-30)


@named(
    title="Supervised contrastive",
    also="SupCon",
    group=GROUP,
    when="Pulls all samples of a class together against the rest of the batch.",
    latex=r"-\frac1{|P|}\sum_{p\in P}\log\frac{e^{s_{ip}/\tau}}{\sum_{a\neq i}e^{s_{ia}/\tau}}",
    paper="Khosla et al. 2020, arXiv:2004.11362",
    text="tau = 0.1  # 0.02..1\nx = l2_normalize(features, axis=-1)\n"
    + APART
    + ALIKE
    + "positive = cast(alike & apart, 'float32')\ns = where(apart, x @ x.T / tau, -1e9)\n"
    "shares = s - logsumexp(s, axis=-1, keepdims=True)\ncount = sum(positive, axis=-1)\n"
    "each = -sum(positive * shares, axis=-1) / maximum(count, 1)\n"
    "has = cast(count > 0, 'float32')\nsum(each * has) / maximum(sum(has), 1)",
    pairs=True,
    per_sample=False,
    tau=Range(0.02, 1.0),
)
def supcon(features: Tensor, labels: Tensor, *, tau: float = 0.1) -> Tensor:
    """mean over samples that have a positive of -1/|P| sum_p log share: a scalar"""
    x = l2_normalised(features)
    apart = not_self(x)
    positive = same_class(labels) * apart
    shares = _log_shares(ops.matmul(x, ops.transpose(x)) / tau, apart)
    count = ops.sum(positive, axis=-1)
    each = -ops.sum(positive * shares, axis=-1) / ops.maximum(count, 1.0)
    has = ops.cast(count > 0, "float32")
    return ops.sum(each * has) / ops.maximum(ops.sum(has), 1.0)


@named(
    title="NT-Xent (SimCLR)",
    also="self-supervised, InfoNCE",
    group=GROUP,
    when="Two views of one sample find each other among all others; needs no labels.",
    latex=r"-\log\frac{e^{s_{ij}/\tau}}{\sum_{k\neq i}e^{s_{ik}/\tau}}",
    paper="Chen et al. 2020, arXiv:2002.05709",
    text="tau = 0.5  # 0.05..2\nsize = shape(features)[0]\n"
    "x = concatenate([l2_normalize(features, axis=-1), l2_normalize(partner_features, axis=-1)],"
    " axis=0)\n" + APART + "partner = n[None, :] == where(n < size, n + size, n - size)[:, None]\n"
    "s = where(apart, x @ x.T / tau, -1e9)\nshares = s - logsumexp(s, axis=-1, keepdims=True)\n"
    "each = -sum(where(partner, shares, 0.0), axis=-1)\nmean(reshape(each, (2, -1)), axis=0)",
    pairs=True,
    tau=Range(0.05, 2.0),
)
def nt_xent(features: Tensor, partner_features: Tensor, *, tau: float = 0.5) -> Tensor:
    """-log exp(s_ij/t) / sum_{k != i} exp(s_ik/t), the mean of both directions: (B,)"""
    x = ops.concatenate([l2_normalised(features), l2_normalised(partner_features)], axis=0)
    shares = _log_shares(ops.matmul(x, ops.transpose(x)) / tau, not_self(x))
    size = ops.shape(features)[0]
    place = ops.arange(2 * size)
    partner = ops.cast(
        ops.equal(place[None, :], ops.where(place < size, place + size, place - size)[:, None]),
        "float32",
    )
    each = -ops.sum(shares * partner, axis=-1)
    return 0.5 * (each[:size] + each[size:])


def circle_of_each(labels: Tensor, features: Tensor, *, gamma: float, margin: float) -> Tensor:
    """The loss of each sample as the anchor, (B,). Those without another of their class, or of any
    other, cost nothing and do not count in a mean; Keras has that of every anchor whose loss
    rounds to 0, which with gamma m^2 <= 40 are the same ones."""
    x = l2_normalised(features)
    s = ops.matmul(x, ops.transpose(x))
    same, apart = same_class(labels), not_self(x)
    positive, negative = same * apart, 1 - same
    a_p = ops.stop_gradient(ops.maximum(1 + margin - s, 0.0))
    a_n = ops.stop_gradient(ops.maximum(s + margin, 0.0))
    far = -1e9
    p = ops.where(positive > 0, -gamma * a_p * (s - 1 + margin), far)
    n = ops.where(negative > 0, gamma * a_n * (s - margin), far)
    each = ops.softplus(ops.logsumexp(p, axis=-1) + ops.logsumexp(n, axis=-1))
    has = ops.logical_and(ops.any(positive > 0, -1), ops.any(negative > 0, -1))
    return with_mask(ops.where(has, each, 0.0), has)


@named(
    title="Circle loss",
    also="metric learning, pairs",
    group=GROUP,
    when="Weighs each pair by how far it is from its optimum.",
    latex=r"\mathrm{softplus}\left(\mathrm{lse}_n\,\gamma\alpha_n(s_n-m)"
    r"+\mathrm{lse}_p\,{-\gamma}\alpha_p(s_p-1+m)\right)",
    paper="Sun et al. 2020, arXiv:2002.10857 (samples without a positive are left out)",
    text="gamma = 80.0  # 1..256\nmargin = 0.4  # 0..1\nx = l2_normalize(features, axis=-1)\n"
    + APART
    + ALIKE
    + "s = x @ x.T\na_p = stop_gradient(maximum(1 + margin - s, 0))\n"
    "a_n = stop_gradient(maximum(s + margin, 0))\n"
    "p = where(alike & apart, -gamma * a_p * (s - 1 + margin), -1e9)\n"
    "q = where(alike, -1e9, gamma * a_n * (s - margin))\n"
    "each = softplus(logsumexp(p, axis=-1) + logsumexp(q, axis=-1))\n"
    "has = cast(any(alike & apart, axis=-1) & any(~alike, axis=-1), 'float32')\n"
    "sum(each * has) / maximum(sum(has), 1)",
    pairs=True,
    per_sample=False,
    each=circle_of_each,
    gamma=Range(1.0, 256.0),
    margin=Range(0.0, 1.0),
)
def circle(labels: Tensor, features: Tensor, *, gamma: float = 80.0, margin: float = 0.4) -> Tensor:
    """softplus(lse_n(g a_n (s_n - m)) + lse_p(-g a_p (s_p - 1 + m))): a scalar"""
    return mean(circle_of_each(labels, features, gamma=gamma, margin=margin))
