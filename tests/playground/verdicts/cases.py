"""Real runs whose cause is known, because it was put there: what the verdict has to name, and runs
that are healthy, of which nothing may be said against.

Digits, which come with scikit-learn, but for a few of MNIST and CIFAR-10; 1 to 10 s a run.
`tests/benchmarks/verdicts.py` trains all of them over several seeds, `test_causes.py` the `SHORT`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playground.presets import COLLAPSE_L2, with_centers
from playground.spec import RunSpec

DIGITS: dict[str, Any] = {
    "dataset": "digits",
    "train_images": 600,
    "validation_images": 500,
    "width": 8,
    "depth": 2,
    "embedding": 32,
    "batch_size": 32,
    "epochs": 10,
    "evaluations": 2,
    "schedule": "constant",
}
MNIST: dict[str, Any] = {**DIGITS, "dataset": "mnist", "train_images": 1500, "epochs": 5}
CIFAR: dict[str, Any] = {
    **DIGITS,
    "dataset": "cifar10",
    "train_images": 1500,
    "depth": 3,
    "epochs": 5,
    "dropout": 0.0,
}
HEALTHY = ""


@dataclass(frozen=True)
class Case:
    """A run: its settings, and the causes (`playground.verdicts.causes.NAMES`) of which the verdict
    has to name one, "" for none."""

    name: str
    causes: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=lambda: DIGITS)

    def __str__(self) -> str:
        return self.name

    def spec(self, seed: int) -> RunSpec:
        """The run of a seed."""
        return RunSpec(**{**self.base, **self.settings, "seed": seed})

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong with it, or need be."""
        return HEALTHY in self.causes


def _healthy(name: str, base: dict[str, Any] | None = None, **settings: Any) -> Case:
    return Case(name, (HEALTHY,), settings, base or DIGITS)


def _of(name: str, *causes: str, base: dict[str, Any] | None = None, **settings: Any) -> Case:
    return Case(name, causes, settings, base or DIGITS)


DICE = "(2 * sum(y_true * y_pred) + 1) / (sum(y_true) + sum(y_pred) + 1)"
PAIRS = "d = sqrt(sum(square(features - partner_features), axis=-1) + 1e-9)\n"
SOFT = (
    "p = sum(square(features - partner_features), axis=-1)\n"
    "n = sum(square(features - negative_features), axis=-1)\nlog(1 + exp(p - n))"
)

CASES: tuple[Case, ...] = (
    _healthy("cross-entropy"),
    _healthy("cross-entropy, watched", watch_fit=True),
    _healthy("Brier", loss="brier"),
    _healthy("focal", loss="focal"),
    _healthy("label smoothing", loss="categorical_crossentropy_label_smoothing"),
    _healthy("L - 1", loss="cross_entropy() - 1"),
    _healthy("100 L", loss="100 * cross_entropy()"),
    _healthy("sum over the batch", loss="-sum(y_true * log(y_pred))"),
    # Of these a class may be lost, which is then to be said.
    _of("1 - Dice", HEALTHY, "bounded", loss=f"1 - {DICE}"),
    _of("- Dice", HEALTHY, "bounded", loss=f"-{DICE}"),
    _of(
        "absolute percentages", HEALTHY, "bounded", loss="mean_absolute_percentage_error", epochs=15
    ),
    _healthy("with SupCon", loss="cross_entropy() + supcon()"),
    _healthy("with little centre loss", loss=with_centers(0.01), linear_embedding=True),
    _healthy("batch norm", batch_norm=True),
    _healthy("dropout", dropout=0.3, epochs=15),
    _healthy("cosine", schedule="cosine", epochs=15),
    _healthy("MNIST", MNIST),
    _healthy("MNIST, momentum", MNIST, optimizer="momentum", learning_rate=0.03),
    # Only so far: neither collapsed nor in need of another rate.
    _of("slow SGD", "epochs", "small rate", optimizer="sgd", learning_rate=0.01, epochs=8),
    _of("short, slow Adam", "epochs", "small rate", learning_rate=1e-4, epochs=6),
    _of("SupCon alone", "last layer", loss="supcon"),
    _of("triplet alone", "last layer", loss="triplet"),
    _of("contrastive alone", "last layer", loss="contrastive"),
    _of("NT-Xent alone", "last layer", loss="nt_xent"),
    _of("centre loss alone", "last layer", "collapse", loss="center()"),
    _of(
        "λ 100",
        "collapse",
        "outweighed",
        loss=with_centers(100.0, 100.0),
        l2=COLLAPSE_L2,
        linear_embedding=True,
        embedding=2,
    ),
    _of(
        "little cross-entropy", "collapse", "outweighed", loss="0.001 * cross_entropy() + center()"
    ),
    _of("soft margin, collapsed", "collapse", "large rate", loss=SOFT, learning_rate=1.0),
    _of(
        "batch-hard at a large rate",
        "last layer",
        "collapse",
        loss="triplet_batch_hard",
        learning_rate=1.0,
    ),
    _of("Adam at 1e-6", "small rate", learning_rate=1e-6),
    _of("SGD at 1e-4", "small rate", optimizer="sgd", learning_rate=1e-4),
    _of("Adam at 1", "large rate", learning_rate=1.0),
    _of("SGD at 5", "large rate", "dead", optimizer="sgd", learning_rate=5.0),
    _of("momentum at 1", "large rate", "dead", optimizer="momentum", learning_rate=1.0),
    _of("argmax", "no gradient", loss="mean(abs(labels - argmax(y_pred, axis=-1)))"),
    _of("round", "no gradient", loss="mean(square(y_true - round(y_pred)), axis=-1)"),
    _of("no minus", "wrong sign", loss="sum(y_true * log(y_pred), axis=-1)"),
    _of("minus Brier", "wrong sign", loss="-sum(square(y_true - y_pred), axis=-1)"),
    _of(
        "labels as a binary target",
        "unbounded",
        loss="-(labels * log(p_true) + (1 - labels) * log(1 - p_true))",
    ),
    _of(
        "a fiftieth of cross-entropy",
        "weak",
        loss="0.02 * cross_entropy()",
        optimizer="sgd",
        learning_rate=0.02,
    ),
    _of(
        "a thousandth of Brier",
        "weak",
        loss="0.001 * brier()",
        optimizer="momentum",
        learning_rate=0.01,
    ),
    _of("sigmoids", "saturated", activation="sigmoid", depth=3, optimizer="sgd", learning_rate=0.1),
    _of("dead ReLU", "dead", "large rate", optimizer="momentum", learning_rate=0.5),
    _of("L2 of 0.1", "outweighed", l2=0.1),
    _of(
        "a penalty that outweighs",
        "outweighed",
        loss="cross_entropy() + 1000 * mean(square(logits), axis=-1)",
    ),
    _of("logarithm of a negative", "not finite", loss="log(-mean(y_pred))"),
    _of("logarithm below 0", "not finite", loss="-log(p_true - 0.3)"),
    _of("100 : 1", "imbalance", imbalance=100.0),
    _of(
        "softmax twice",
        "softmax twice",
        loss="-sum(y_true * log(softmax(y_pred)), axis=-1)",
        optimizer="momentum",
        learning_rate=0.01,
    ),
    _of("few images", "overfitting", train_images=50, width=32, embedding=128, epochs=40),
    _of(
        "few images, watched",
        "overfitting",
        train_images=50,
        width=32,
        embedding=128,
        epochs=40,
        watch_fit=True,
    ),
    _of(
        "CIFAR-10, a gap of 50 points",
        "overfitting",
        base=CIFAR,
        train_images=300,
        width=16,
        epochs=15,
    ),
    _of("wrong labels by heart", "noise", label_noise=0.4, width=32, embedding=128, epochs=25),
    _of(
        "a net too small",
        "small net",
        width=2,
        embedding=2,
        epochs=24,
        learning_rate=5e-3,
        schedule="cosine",
    ),
    _of("dropout of 0.9", "regularised", "small net", dropout=0.9, width=2, embedding=8, epochs=20),
    _of("raw pixels", "pixels", base=MNIST, optimizer="sgd", learning_rate=0.05, normalise="raw"),
    # Digits bear it, as most of what is this small.
    _of(
        "batch norm, batches of 4",
        HEALTHY,
        "batch norm",
        batch_norm=True,
        batch_size=4,
        optimizer="sgd",
        learning_rate=0.1,
        epochs=4,
    ),
)

SHORT = (
    "cross-entropy",
    "sum over the batch",
    "SupCon alone",
    "λ 100",
    "Adam at 1e-6",
    "Adam at 1",
    "round",
    "no minus",
    "100 : 1",
    "few images",
)


def runs(seeds: int, names: tuple[str, ...] = ()) -> Iterator[tuple[Case, int]]:
    """The cases, or those of these names, with each of so many seeds."""
    for case in CASES:
        if not names or case.name in names:
            for seed in range(seeds):
                yield case, seed
