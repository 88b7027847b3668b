"""Losses of pairs, proxies, views, and of noisy labels, against their published formulas, written
out sample by sample in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import reference
import tensorflow as tf

import losses

BATCH = {
    name: value.astype("float64") if value.dtype == np.float32 else value
    for name, value in reference.batch().items()
}
OTHER, K = BATCH["partner_features"], BATCH["last_kernel"]
LABELS, F = BATCH["labels"], BATCH["features"]
Y, P, Z = BATCH["y_true"], BATCH["y_pred"], BATCH["logits"]
B, C, D = len(LABELS), 10, 16


def unit(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


def others(i: int) -> tuple[list[int], list[int]]:
    """Places of the other samples of the same class, and of those of other classes."""
    same = [j for j in range(B) if j != i and LABELS[j] == LABELS[i]]
    return same, [j for j in range(B) if LABELS[j] != LABELS[i]]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(((a - b) ** 2).sum()))


def semi_hard(margin: float) -> float:
    """FaceNet, section 3.2; TensorFlow Addons takes the farthest where none is farther."""
    x, found = unit(F), []
    for i in range(B):
        same, rest = others(i)
        far = [distance(x[i], x[j]) ** 2 for j in rest]
        for j in same:
            near = distance(x[i], x[j]) ** 2
            beyond = [d for d in far if d > near]
            found.append(max(near - (min(beyond) if beyond else max(far)) + margin, 0))
    return float(np.mean(found))


def soft_margin() -> float:
    """Hermans et al., equation 5 with ln(1 + exp)."""
    found = []
    for i in range(B):
        same, rest = others(i)
        hardest = max([distance(F[i], F[j]) for j in same], default=0.0)
        found.append(np.log1p(np.exp(hardest - min(distance(F[i], F[j]) for j in rest))))
    return float(np.mean(found))


def cosine_pairs(margin: float) -> float:
    """PyTorch's CosineEmbeddingLoss, its y of 1 and -1 being 1 and 0 here."""
    batch = reference.batch()
    x, other, same = (np.asarray(batch[n], float) for n in ("features", "partner_features", "same"))
    cosine = (unit(x) * unit(other)).sum(axis=-1)
    return float(np.mean(np.where(same > 0, 1 - cosine, np.maximum(cosine - margin, 0))))


def n_pairs(lam: float) -> float:
    """tf.contrib.losses.metric_learning.npairs_loss."""
    found = []
    for i in range(B):
        s = np.array([F[i] @ OTHER[j] for j in range(B)])
        shares = s - np.log(np.exp(s - s.max()).sum()) - s.max()
        alike = LABELS[i] == LABELS
        found.append(-shares[alike].mean())
    size = 0.25 * ((F**2).sum(1).mean() + (OTHER**2).sum(1).mean())
    return float(np.mean(found) + lam * size)


def multi_similarity(alpha: float, beta: float, base: float, epsilon: float) -> float:
    """pytorch-metric-learning's MultiSimilarityLoss after its MultiSimilarityMiner."""
    x, found = unit(F), []
    for i in range(B):
        same, rest = others(i)
        p, n = [float(x[i] @ x[j]) for j in same], [float(x[i] @ x[j]) for j in rest]
        hard_p = [s for s in p if s - epsilon < max(n)]
        hard_n = [s for s in n if s + epsilon > min(p, default=np.inf)]
        pull = np.log(1 + sum(np.exp(-alpha * (s - base)) for s in hard_p)) / alpha
        push = np.log(1 + sum(np.exp(beta * (s - base)) for s in hard_n)) / beta
        found.append(pull + push)
    return float(np.mean(found))


def proxy_nca(scale: float) -> float:
    """Movshovitz-Attias et al., equation 7: the own proxy is not among those below."""
    x, w, found = unit(F), unit(K, axis=0).T, []
    for i in range(B):
        d = [scale * distance(x[i], w[c]) ** 2 for c in range(C)]
        below = sum(np.exp(-d[c]) for c in range(C) if c != LABELS[i])
        found.append(-np.log(np.exp(-d[LABELS[i]]) / below))
    return float(np.mean(found))


def proxy_anchor(alpha: float, delta: float) -> float:
    """Kim et al., equation 4."""
    x, w = unit(F), unit(K, axis=0).T
    pulls, pushes = [], []
    for c in range(C):
        s = x @ w[c]
        own = c == LABELS
        if own.any():
            pulls.append(np.log(1 + np.exp(-alpha * (s[own] - delta)).sum()))
        pushes.append(np.log(1 + np.exp(alpha * (s[~own] + delta)).sum()))
    return float(np.mean(pulls) + np.mean(pushes))


def barlow(lam: float) -> float:
    """Zbontar et al., equations 1 and 2, on features standardised as batch norm does."""
    a, b = ((v - v.mean(0)) / np.sqrt(v.var(0) + 1e-5) for v in (F, OTHER))
    total = 0.0
    for d in range(D):
        for e in range(D):
            c = (a[:, d] * b[:, e]).mean()
            total += (1 - c) ** 2 if d == e else lam * c**2
    return total


def vicreg(lam: float, mu: float, nu: float) -> float:
    """The authors' main_vicreg.py."""
    total = lam * ((F - OTHER) ** 2).mean()
    for v in (F, OTHER):
        std = np.sqrt(v.var(0, ddof=1) + 1e-4)
        cov = np.cov(v.T)
        total += mu / 2 * np.maximum(1 - std, 0).mean()
        total += nu * (cov**2).sum() / D - nu * (np.diag(cov) ** 2).sum() / D
    return float(total)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def gjs(w: float) -> float:
    """Englesson & Azizpour, equation 4 with M = 3, divided by -(1 - pi_1) log(1 - pi_1)."""
    bias = Z - F @ K  # of the last layer
    q = softmax(OTHER @ K + bias)
    weights = (w, (1 - w) / 2, (1 - w) / 2)
    found = []
    for i in range(B):
        parts = (Y[i], softmax(Z)[i], q[i])
        m = sum(v * each for v, each in zip(weights, parts, strict=True))
        for v, each in zip(weights, parts, strict=True):
            held = each > 0
            found.append(v * (each[held] * np.log(each[held] / m[held])).sum())
    return float(np.sum(found) / B / (-(1 - w) * np.log(1 - w)))


def sparsemax() -> float:
    """Martins & Astudillo: tau by bisection, then equation 16 with z_k taken off."""
    found = []
    for z, k in zip(Z, LABELS, strict=True):
        low, high = z.max() - 1, z.max()
        for _ in range(100):
            tau = (low + high) / 2
            low, high = (tau, high) if np.maximum(z - tau, 0).sum() > 1 else (low, tau)
        held = z[z > tau]
        found.append(0.5 * (held**2 - tau**2).sum() + 0.5 - z[k])
    return float(np.mean(found))


def baikal() -> float:
    return float(np.mean([-(np.log(p[c]) - y[c] / p[c]) for y, p in zip(Y, P, strict=True)
                          for c in range(C)]))  # fmt: skip


def generalised_dice() -> float:
    """Sudre et al., equation 1; MONAI gives absent classes the largest weight of the others."""
    size = [sum(Y[i, c] for i in range(B)) for c in range(C)]
    most = max(1 / n**2 for n in size if n)
    top = below = 0.0
    for c in range(C):
        w = 1 / size[c] ** 2 if size[c] else most
        top += w * sum(Y[i, c] * P[i, c] for i in range(B))
        below += w * sum(Y[i, c] + P[i, c] for i in range(B))
    return 1 - 2 * top / below


def nfl(gamma: float) -> float:
    focal = -((1 - P) ** gamma) * np.log(P)
    return float(np.mean(focal[np.arange(B), LABELS] / focal.sum(-1)))


MISSING = float(np.mean(1 - P[np.arange(B), LABELS]))

CASES: list[tuple[str, dict[str, float], Callable[[], float]]] = [
    ("triplet_semi_hard", {"margin": 0.2}, lambda: semi_hard(0.2)),
    ("triplet_semi_hard", {"margin": 1.0}, lambda: semi_hard(1.0)),
    ("triplet_soft_margin", {}, soft_margin),
    ("cosine_embedding", {}, lambda: cosine_pairs(0.0)),
    ("cosine_embedding", {"margin": 0.3}, lambda: cosine_pairs(0.3)),
    ("n_pairs", {"lam": 0.05}, lambda: n_pairs(0.05)),
    ("multi_similarity", {}, lambda: multi_similarity(2.0, 50.0, 0.5, 0.1)),
    ("multi_similarity", {"epsilon": 3.0, "beta": 40.0, "base": 0.2},
     lambda: multi_similarity(2.0, 40.0, 0.2, 3.0)),
    ("proxy_nca", {"scale": 1.0}, lambda: proxy_nca(1.0)),
    ("proxy_nca", {"scale": 9.0}, lambda: proxy_nca(9.0)),
    ("proxy_anchor", {}, lambda: proxy_anchor(32.0, 0.1)),
    ("barlow_twins", {"lam": 0.05}, lambda: barlow(0.05)),
    ("vicreg", {"nu": 3.0}, lambda: vicreg(25.0, 25.0, 3.0)),
    ("gjs", {"w": 0.5}, lambda: gjs(0.5)),
    ("gjs", {"w": 0.1}, lambda: gjs(0.1)),
    ("sparsemax", {}, sparsemax),
    ("baikal", {}, baikal),
    ("generalised_dice", {}, generalised_dice),
    ("normalised_focal", {"gamma": 0.5}, lambda: nfl(0.5)),
    ("normalised_focal", {"gamma": 2.0}, lambda: nfl(2.0)),
    ("apl_nce_mae", {"alpha": 2.0, "beta": 3.0}, lambda: 2 * nfl(0.0) + 3 * MISSING),
    ("apl_nfl_rce", {"alpha": 2.0, "beta": 3.0}, lambda: 2 * nfl(0.5) + 3 * 4 * MISSING),
    ("apl_nfl_mae", {"alpha": 2.0, "gamma": 1.0}, lambda: 2 * nfl(1.0) + MISSING),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "knobs", "expected"), [pytest.param(*c, id=f"{c[0]}-{c[1]}") for c in CASES]
)
def test_it_is_the_published_formula(
    name: str, knobs: dict[str, float], expected: Callable[[], float]
) -> None:
    assert float(losses.get(name, **knobs).on(reference.batch())) == pytest.approx(
        expected(), rel=1e-5
    )


def test_gjs_of_one_view_twice_is_jensen_shannon() -> None:
    """Englesson & Azizpour: with both views alike, the consistency term is gone."""
    batch = reference.batch()
    batch["partner_features"] = batch["features"]
    unscaled = float(losses.get("jensen_shannon", pi=0.3).on(batch))
    assert float(losses.get("gjs", w=0.3).on(batch)) == pytest.approx(
        unscaled / (-0.7 * np.log(0.7)), rel=1e-5
    )


def test_sparsemax_rests_behind_its_margin_and_pushes_with_sparsemax_minus_truth() -> None:
    z = np.array([[2.0, 1.0, -3.0], [1.0, 0.4, 0.9], [50.0, -40.0, 0.0]], "float32")
    y = np.eye(3, dtype="float32")[[0, 1, 1]]
    logits = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = losses.get("sparsemax").values({"y_true": y, "logits": logits})
    # Of the second, 0.4 is left out: it lies below tau = (1 + 0.9 - 1) / 2 = 0.45.
    p = np.array([[1, 0, 0], [0.55, 0, 0.45], [1, 0, 0]])
    np.testing.assert_allclose(tape.gradient(values, logits), p - y, atol=1e-6)
    second = 0.5 * (1 - 0.45**2 + 0.9**2 - 0.45**2) + 0.5 - 0.4
    np.testing.assert_allclose(values, [0, second, 0.5 * (50**2 - 49**2) + 0.5 + 40], rtol=1e-6)


SLOPES = ("triplet_semi_hard", "triplet_soft_margin", "n_pairs", "multi_similarity", "proxy_nca",
          "proxy_anchor", "barlow_twins", "vicreg")  # fmt: skip


@pytest.mark.parametrize("name", SLOPES)
def test_the_slope_is_that_of_the_formula(name: str) -> None:
    """Central differences of the float64 formula, by one feature of three samples."""
    formula = next(case[2] for case in CASES if case[0] == name)
    knobs = next(case[1] for case in CASES if case[0] == name)
    batch = {n: tf.convert_to_tensor(v) for n, v in reference.batch().items()}
    with tf.GradientTape() as tape:
        tape.watch(batch["features"])
        value = losses.get(name, **knobs).on(batch)
    slopes = tape.gradient(value, batch["features"]).numpy()
    for i, d in ((0, 3), (7, 0), (20, 15)):
        at, h, ends = F[i, d], 1e-6, []
        for sign in (1, -1):
            F[i, d] = at + sign * h
            ends.append(formula())
        F[i, d] = at
        expected = (ends[0] - ends[1]) / (2 * h)
        assert slopes[i, d] == pytest.approx(expected, rel=2e-3, abs=2e-5)


@pytest.mark.parametrize("info", [i for i in losses.catalog() if "labels" in i.inputs and i.pairs])
def test_a_batch_of_one_class_and_one_of_strangers_are_finite(info: losses.LossInfo) -> None:
    for labels in (np.zeros(10, int), np.arange(10)):
        batch = {n: v[:10] if n not in ("last_kernel", "centers") else v
                 for n, v in reference.batch().items()}  # fmt: skip
        given = {n: tf.convert_to_tensor(v) for n, v in {**batch, "labels": labels}.items()}
        with tf.GradientTape() as tape:
            tape.watch(given["features"])
            value = losses.get(info.name).on(given)
        assert np.isfinite(value)
        slope = tape.gradient(value, given["features"], unconnected_gradients="zero")
        assert np.isfinite(slope).all()
