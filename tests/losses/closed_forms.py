"""The losses of the catalog as their papers write them, in 90 decimal digits.

With so many digits softmax and logarithm need no care: 1 - p is right at a logit gap of 100 as well
as at 5. Slopes are differences over 1e-25, right to some 20 digits. Nothing here is ours.

    python -m tests.losses.closed_forms     prints what the catalog makes of gaps 5, 20 and 100
"""

from collections.abc import Callable
from decimal import Decimal as D
from decimal import localcontext
from typing import Any

import numpy as np

DIGITS = 90
STEP = D("1e-25")
C = 10
EPS = D("1e-7")
COUNTS = [D(n) for n in (500, 400, 300, 200, 100, 90, 80, 70, 60, 50)]
Vector = list[D]
Form = Callable[[Vector, Vector, Vector], D]


def softmax(z: Vector) -> Vector:
    e = [x.exp() for x in z]
    total = sum(e)
    return [x / total for x in e]


def power(x: D, q: D) -> D:
    """x**q for x >= 0; 0**0 = 1."""
    if x == 0:
        return D(1) if q == 0 else D(0)
    return (q * x.ln()).exp()


def dot(x: Vector, y: Vector) -> D:
    return sum((a * b for a, b in zip(x, y, strict=True)), D(0))


def mean(x: Vector) -> D:
    return sum(x, D(0)) / len(x)


def errors(y: Vector, p: Vector) -> Vector:
    return [a - b for a, b in zip(y, p, strict=True)]


def ce(y: Vector, p: Vector) -> D:
    return -sum((a * b.ln() for a, b in zip(y, p, strict=True) if a), D(0))


def bce(y: Vector, p: Vector) -> Vector:
    return [-(a * b.ln() + (1 - a) * (1 - b).ln()) for a, b in zip(y, p, strict=True)]


def taken(y: Vector, p: Vector) -> Vector:
    """p of the true class, 1 - p of the others: the p_t of a binary loss."""
    return [b if a else 1 - b for a, b in zip(y, p, strict=True)]


def sums(x: Vector) -> Vector:
    return [sum(x[: i + 1], D(0)) for i in range(len(x))]


def entropy(p: Vector) -> D:
    return -sum((b * b.ln() for b in p), D(0))


def one_hot_of_largest(p: Vector) -> Vector:
    return [D(int(b == max(p))) for b in p]


def tversky(y: Vector, p: Vector, alpha: D, beta: D, smooth: D) -> D:
    tp = dot(y, p)
    fp, fn = sum(p) - tp, sum(y) - tp
    return 1 - (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)


def huber(e: D) -> D:
    return e * e / 2 if abs(e) <= 1 else abs(e) - D("0.5")


def effective_weights(beta: D) -> Vector:
    w = [(1 - beta) / (1 - beta**n) for n in COUNTS]
    return [x / sum(w) * C for x in w]


def margins(largest: D) -> Vector:
    m = [power(n, D("-0.25")) for n in COUNTS]
    return [x / max(m) * largest for x in m]


def jensen_shannon(y: Vector, p: Vector, w: D) -> D:
    m = [w * a + (1 - w) * b for a, b in zip(y, p, strict=True)]
    left = sum((a * (a / c).ln() for a, c in zip(y, m, strict=True) if a), D(0))
    return w * left + (1 - w) * sum((b * (b / c).ln() for b, c in zip(p, m, strict=True)), D(0))


def log_t(x: D, t: D) -> D:
    return (power(x, 1 - t) - 1) / (1 - t)


def tempered(y: Vector, q: Vector, t: D) -> D:
    return sum(
        (a * (log_t(a, t) - log_t(b, t)) if a else D(0))
        - (power(a, 2 - t) - power(b, 2 - t)) / (2 - t)
        for a, b in zip(y, q, strict=True)
    )


def tempered_softmax(z: Vector) -> Vector:
    """exp_t(z - n) for t = 1.2, which is (1 + (n - z) / 5)^-5; n by bisection."""
    low, high = max(z), max(z) + 100
    for _ in range(200):
        n = (low + high) / 2
        low, high = (n, high) if sum((1 + (n - x) / 5) ** -5 for x in z) > 1 else (low, n)
    return [(1 + (low - x) / 5) ** -5 for x in z]


def lovasz(y: Vector, p: Vector) -> D:
    """Of a batch of one: the Jaccard loss steps at once where the true class is (Berman 2018)."""
    return 1 - dot(y, p)


def asymmetric(y: Vector, p: Vector) -> D:
    m = [max(b - D("0.05"), D(0)) for b in p]
    return sum(-a * b.ln() - (1 - a) * c**4 * (1 - c).ln() for a, b, c in zip(y, p, m, strict=True))


def barron(e: D) -> D:
    a, c = D("1.5"), D("0.5")
    b = abs(a - 2)
    return b / a * (power((e / c) ** 2 / b + 1, a / 2) - 1)


def clip_low(x: D, low: D) -> D:
    return max(x, low)


def logit_adjusted(y: Vector, z: Vector) -> D:
    total = sum(COUNTS)
    return ce(y, softmax([x + (n / total).ln() for x, n in zip(z, COUNTS, strict=True)]))


def ldam(y: Vector, z: Vector) -> D:
    m = margins(D("0.5"))
    return ce(y, softmax([30 * (x - a * b) for x, a, b in zip(z, y, m, strict=True)]))


def balanced(y: Vector, p: Vector) -> D:
    return dot(y, effective_weights(D("0.99"))) * ce(y, p)


def sparsemax(y: Vector, z: Vector) -> D:
    ordered = sorted(z, reverse=True)
    held = [k for k in range(1, C + 1) if 1 + k * ordered[k - 1] > sum(ordered[:k])]
    tau = (sum(ordered[: held[-1]]) - 1) / held[-1]
    inside = sum((x * x - tau * tau for x in z if x > tau), D(0))
    return inside / 2 + D("0.5") - dot(y, z)


def normalised_focal(y: Vector, p: Vector) -> D:
    each = [power(1 - b, D("0.5")) * b.ln() for b in p]
    return dot(y, each) / sum(each)


def nce(y: Vector, p: Vector) -> D:
    return ce(y, p) / -sum(b.ln() for b in p)


def baikal(y: Vector, p: Vector) -> D:
    """The quotient held at 1e-7: at a gap of 100 it is no float32 otherwise."""
    return mean([a / clip_low(b, EPS) - b.ln() for a, b in zip(y, p, strict=True)])


PI = D("3.14159265358979323846264338327950288")
FORMS: dict[str, Form] = {
    "mean_squared_error": lambda y, p, z: mean([e * e for e in errors(y, p)]),
    "mean_absolute_error": lambda y, p, z: mean([abs(e) for e in errors(y, p)]),
    "mean_absolute_percentage_error": lambda y, p, z: 100
    * mean([abs(e) / clip_low(abs(a), EPS) for e, a in zip(errors(y, p), y, strict=True)]),
    "mean_squared_logarithmic_error": lambda y, p, z: mean(
        [((1 + a).ln() - (1 + b).ln()) ** 2 for a, b in zip(y, p, strict=True)]
    ),
    "huber": lambda y, p, z: mean([huber(e) for e in errors(y, p)]),
    "log_cosh": lambda y, p, z: mean([((e.exp() + (-e).exp()) / 2).ln() for e in errors(y, p)]),
    "cosine_similarity": lambda y, p, z: -dot(y, p) / (dot(y, y) * dot(p, p)).sqrt(),
    "binary_crossentropy": lambda y, p, z: mean(bce(y, p)),
    "binary_focal_crossentropy": lambda y, p, z: mean(
        [(1 - t) ** 2 * -t.ln() for t in taken(y, p)]
    ),
    "categorical_crossentropy": lambda y, p, z: ce(y, p),
    "categorical_crossentropy_label_smoothing": lambda y, p, z: ce(
        [a * D("0.9") + D("0.1") / C for a in y], p
    ),
    "sparse_categorical_crossentropy": lambda y, p, z: ce(y, p),
    "categorical_focal_crossentropy": lambda y, p, z: D("0.25")
    * (1 - dot(y, p)) ** 2
    * -dot(y, p).ln(),
    "kl_divergence": lambda y, p, z: sum(
        clip_low(a, EPS) * (clip_low(a, EPS) / b).ln() for a, b in zip(y, p, strict=True)
    ),
    "poisson": lambda y, p, z: (sum(p) + ce(y, p)) / C,
    "hinge": lambda y, p, z: mean(
        [max(1 - (2 * a - 1) * b, D(0)) for a, b in zip(y, p, strict=True)]
    ),
    "squared_hinge": lambda y, p, z: mean(
        [max(1 - (2 * a - 1) * b, D(0)) ** 2 for a, b in zip(y, p, strict=True)]
    ),
    "categorical_hinge": lambda y, p, z: max(
        D(0), max((1 - a) * b for a, b in zip(y, p, strict=True)) - dot(y, p) + 1
    ),
    "dice_keras": lambda y, p, z: 1 - 2 * dot(y, p) / (sum(y) + sum(p) + EPS),
    "tversky_keras": lambda y, p, z: tversky(y, p, D("0.5"), D("0.5"), D(0)),
    "categorical_generalized_cross_entropy": lambda y, p, z: (1 - power(dot(y, p), D("0.5")))
    / D("0.5"),
    "focal": lambda y, p, z: (1 - dot(y, p)) ** 2 * -dot(y, p).ln(),
    "poly1": lambda y, p, z: ce(y, p) + 2 * (1 - dot(y, p)),
    "confidence_penalty": lambda y, p, z: ce(y, p) - D("0.1") * entropy(p),
    "brier": lambda y, p, z: sum(e * e for e in errors(y, p)),
    "asymmetric_loss": lambda y, p, z: asymmetric(y, p),
    "class_balanced_ce": lambda y, p, z: balanced(y, p),
    "ldam": lambda y, p, z: ldam(y, z),
    "logit_adjusted_ce": lambda y, p, z: logit_adjusted(y, z),
    "dice_per_sample": lambda y, p, z: 1 - (2 * dot(y, p) + 1) / (sum(y) + sum(p) + 1),
    "dice_squared": lambda y, p, z: 1 - 2 * dot(y, p) / (dot(y, y) + dot(p, p)),
    "tversky_per_sample": lambda y, p, z: tversky(y, p, D("0.3"), D("0.7"), D("1e-6")),
    "focal_tversky": lambda y, p, z: power(
        clip_low(tversky(y, p, D("0.3"), D("0.7"), D("1e-6")), D("1e-12")), D("0.75")
    ),
    "jaccard": lambda y, p, z: 1 - (dot(y, p) + 1) / (sum(y) + sum(p) - dot(y, p) + 1),
    "lovasz_softmax": lambda y, p, z: lovasz(y, p),
    "emd": lambda y, p, z: (
        mean([e * e for e in errors(sums(y), sums(p))]) + D("1e-12")
    ).sqrt(),
    "emd_squared": lambda y, p, z: mean([e * e for e in errors(sums(y), sums(p))]),
    "gce": lambda y, p, z: (1 - power(dot(y, p), D("0.7"))) / D("0.7"),
    "sce": lambda y, p, z: D("0.1") * ce(y, p) + 4 * (1 - dot(y, p)),
    "nce": lambda y, p, z: nce(y, p),
    "apl_nce_rce": lambda y, p, z: nce(y, p) + 4 * (1 - dot(y, p)),
    "apl_nce_mae": lambda y, p, z: nce(y, p) + 1 - dot(y, p),
    "normalised_focal": lambda y, p, z: normalised_focal(y, p),
    "apl_nfl_rce": lambda y, p, z: normalised_focal(y, p) + 4 * (1 - dot(y, p)),
    "apl_nfl_mae": lambda y, p, z: normalised_focal(y, p) + 1 - dot(y, p),
    "sparsemax": lambda y, p, z: sparsemax(y, z),
    "baikal": lambda y, p, z: baikal(y, p),
    "generalised_dice": lambda y, p, z: 1 - 2 * dot(y, p) / (sum(y) + sum(p) + EPS),
    "mae_robust": lambda y, p, z: sum(abs(e) for e in errors(y, p)),
    "soft_bootstrapping": lambda y, p, z: D("0.95") * ce(y, p) + D("0.05") * entropy(p),
    "hard_bootstrapping": lambda y, p, z: D("0.8") * ce(y, p)
    + D("0.2") * ce(one_hot_of_largest(p), p),
    "reverse_kl": lambda y, p, z: sum(
        b * (b / clip_low(a, D("1e-4"))).ln() for a, b in zip(y, p, strict=True)
    ),
    "jensen_shannon": lambda y, p, z: jensen_shannon(y, p, D("0.5")),
    "taylor_ce": lambda y, p, z: 1 - dot(y, p) + (1 - dot(y, p)) ** 2 / 2,
    "bi_tempered_logistic": lambda y, p, z: tempered(
        y, tempered_softmax(z), D("0.8")
    ),
    "bi_tempered_from_probabilities": lambda y, p, z: tempered(y, p, D("0.8")),
    "quantile": lambda y, p, z: mean(
        [max(D("0.9") * e, D("-0.1") * e) for e in errors(y, p)]
    ),
    "charbonnier": lambda y, p, z: mean([(e * e + D("1e-6")).sqrt() for e in errors(y, p)]),
    "barron_adaptive": lambda y, p, z: mean([barron(e) for e in errors(y, p)]),
    "gaussian_nll": lambda y, p, z: mean(
        [(2 * PI * D("0.09")).ln() / 2 + e * e / D("0.18") for e in errors(y, p)]
    ),
}  # fmt: skip


def exact(form: Form, label: int, logits: np.ndarray) -> tuple[float, np.ndarray]:
    """The value of a form, and its slopes by the logits (C,), for a true class."""
    with localcontext() as context:
        context.prec = DIGITS
        context.Emin, context.Emax = -999999, 999999
        y = [D(int(i == label)) for i in range(len(logits))]
        z = [D(float(x)) for x in logits]
        value = form(y, softmax(z), z)
        slopes = []
        for i in range(len(z)):
            moved = [x + STEP * (i == j) for j, x in enumerate(z)]
            slopes.append(float((form(y, softmax(moved), moved) - value) / STEP))
        return float(value), np.array(slopes)


def saturated(gap: float, label: int = 3, other: int = 6) -> dict[str, np.ndarray]:
    """Logits (C,) that are sure by a gap, of the wrong class or of the right one; the others
    differ a little, so that no two are tied."""
    rest = np.linspace(-1, 0.5, C).astype("float32")
    wrong, right = rest.copy(), rest.copy()
    wrong[label], wrong[other] = 0.0, gap
    right[label] = gap
    return {"wrong": wrong, "right": right}


def traced(loss: Any) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """The value of a loss on one sample of class 3 and its slopes by the logits (C,), in a
    TensorFlow graph, as a training step computes them."""
    import tensorflow as tf

    def run(z: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(z)
            given = {
                "y_true": tf.one_hot([3], C),
                "labels": tf.constant([3]),
                "logits": z,
                "y_pred": tf.nn.softmax(z),
                "num_classes": C,
            }
            value = loss.on(given)
        return value, tape.gradient(value, z, unconnected_gradients="zero")

    graph = tf.function(run, input_signature=[tf.TensorSpec([1, C])], autograph=False)

    def ask(z: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = graph(z[None])
        return float(value), slope.numpy()[0].astype("float64")

    return ask


def main() -> None:
    """Prints, for each loss, value and slope by the true class' logit where the wrong class is
    ahead by 5, 20 and 100: by hand, by name, as text."""
    import losses

    print(f"{'loss':40}{'gap':>5}{'value':>12}{'named':>12}{'text':>12}"
          f"{'slope':>12}{'named':>12}{'text':>12}")  # fmt: skip
    for info in losses.catalog():
        if info.name not in FORMS:
            continue
        named = traced(losses.get(info.name))
        written = traced(losses.compile_loss(info.text, probe=False))
        for gap in (5.0, 20.0, 100.0):
            z = saturated(gap)["wrong"]
            found = [exact(FORMS[info.name], 3, z), named(z), written(z)]
            numbers = [value for value, _ in found] + [slope[3] for _, slope in found]
            print(f"{info.name:40}{gap:5g}" + "".join(f"{n:12.4g}" for n in numbers))


if __name__ == "__main__":
    main()
