"""Experiments on the embedding, one click each: runs to be trained side by side from the same
weights and batches, so that what differs comes of the loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.spec import RunSpec

WEIGHTS = (0.0001, 0.001, 0.01, 0.1, 1.0)
SOFTMAX = "cross_entropy()"
_LAB: dict[str, Any] = {
    "dataset": "mnist",
    "depth": 3,
    "embedding": 2,
    "linear_embedding": True,
    "epochs": 10,
}
# A network small enough to be watched, wide enough for 98.5% on MNIST through two numbers. What
# took it there was found by trying: batch norm, small batches, and images moved by a pixel.
BASE: dict[str, Any] = {
    **_LAB,
    "model": "double",
    "width": 12,
    "activation": "leaky_relu",
    "batch_norm": True,
    "shift": 1,
    "batch_size": 64,
    "learning_rate": 3e-3,
}
LENET: dict[str, Any] = {
    **_LAB,
    "model": "lenet",
    "width": 32,
    "activation": "prelu",
    "batch_size": 128,
    "learning_rate": 2e-3,
}


COLLAPSE = 100.0  # on MNIST a λ of 10 still leaves rests of classes: 20 to 40% right
# Without it the last layer's weights grow until they part again what the pull has drawn together:
# on all of MNIST after some epochs.
COLLAPSE_L2 = 1e-3


def with_centers(weight: float, most: float = 1.0) -> str:
    """The text of cross-entropy plus the centre loss, its weight λ a parameter to move up to
    `most`."""
    return f"λ = {weight:g}  # 0..{most:g}\ncross_entropy() + λ * center()"


def spec(loss: str = SOFTMAX, base: dict[str, Any] | None = None, **changes: Any) -> RunSpec:
    """A run of the lab."""
    return RunSpec(**{**(base or BASE), "loss": loss, **changes})


def paper() -> dict[float, RunSpec]:
    """The paper's sweep by λ, 0 (cross-entropy alone) first; α is 0.5."""
    return {0.0: spec(), **{weight: spec(with_centers(weight)) for weight in WEIGHTS}}


@dataclass(frozen=True)
class Preset:
    """An experiment: its name, what is to be seen in it, its runs, the first the shown one."""

    title: str
    about: str
    specs: Callable[[], list[RunSpec]]


PRESETS: dict[str, Preset] = {
    "softmax": Preset(
        "Softmax only",
        "Cross-entropy alone parts the classes into rays; it does not draw them together.",
        lambda: [spec()],
    ),
    "sweep": Preset(
        "The paper's λ sweep",
        "The harder the pull λ, the smaller the clusters; too hard, and they run into one another.",
        lambda: list(paper().values()),
    ),
    "collapse": Preset(
        "Collapse",
        "A pull far stronger than what parts the classes, λ 100, and L2 on the weights: all "
        "centres meet in one point, and the network says the same of every image.",
        lambda: [
            spec(with_centers(0.01), l2=COLLAPSE_L2),
            spec(with_centers(COLLAPSE, COLLAPSE), l2=COLLAPSE_L2),
        ],
    ),
    "ring": Preset(
        "Ring",
        "Without a bias classes can differ only in direction: they lie around the origin.",
        lambda: [spec(with_centers(0.01), logits_bias=False), spec(with_centers(0.01))],
    ),
    "arcface": Preset(
        "ArcFace",
        "Margins between directions beside cross-entropy: what counts is the angle.",
        lambda: [
            spec("arcface", logits_bias=False),
            spec("cosface", logits_bias=False),
            spec(logits_bias=False),
        ],
    ),
    "lenet": Preset(
        "The paper's LeNet++",
        "The paper's own network, slow on a small machine, with λ 0.01.",
        lambda: [spec(with_centers(0.01), LENET)],
    ),
}
