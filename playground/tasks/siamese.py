"""Multi-task: two images go through one trunk; a class for each, and whether both are of one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from playground.cnn import FLOAT, NORMALISE, CnnSpec, bias, trunk
from playground.datasets import Dataset, source_of
from playground.knobs import Knob
from playground.layers import Layer, Plan
from playground.spec import TASK_KNOB, RunSpec
from playground.tasks.inputs import Input, known
from playground.tasks.task import Head, Measure, Sight, Task

if TYPE_CHECKING:
    from playground.training.events import Evaluated, Started
    from playground.training.work import Work

LEFT, RIGHT = "left", "right"
HEADS = (
    Head(
        LEFT, frozenset({"p_left"}), "cross_entropy(y_left, p_left)",
        "a", "1.0  # 0..2     weight of the left class",
    ),
    Head(
        RIGHT, frozenset({"p_right"}), "cross_entropy(y_right, p_right)",
        "b", "1.0  # 0..2     weight of the right class",
    ),
    Head(
        "verification", frozenset({"p_same"}), "cross_entropy(same, p_same)",
        "s", "0.5  # 0..2     weight of the pair",
    ),
)  # fmt: skip
# What of a loss trains a distance, which judges by itself where no head does.
APART = frozenset({"distance", "features", "partner_features"})
OBJECTIVE = "\n".join(
    [
        *(f"{each.weight} = {each.line}" for each in HEADS),
        " + ".join(each.weighed for each in HEADS),
    ]
)


class SiameseSpec(CnnSpec):
    """A run that learns the classes of two images and whether they are the same."""

    task: Annotated[Literal["siamese"], TASK_KNOB] = "siamese"
    loss: Annotated[str, Knob("Loss", "What is minimised.", "loss")] = OBJECTIVE
    same_share: Annotated[
        float,
        Knob(
            "Same pairs",
            "The share of the training pairs whose images are of one class. Pairs to validate and "
            "to test on are balanced.",
            "data",
            low=0.05,
            high=0.95,
            step=0.05,
        ),
    ] = 0.5
    pairs: Annotated[
        str,
        Knob(
            "Pairs",
            "An image of another class drawn at random, or of its batch the one that the network "
            "takes for nearest, which costs a forward pass more.",
            "data",
            choices={"random": "At random", "hard": "Nearest of another class"},
        ),
    ] = "random"
    distance: Annotated[
        str,
        Knob(
            "Distance",
            "How far apart the two embeddings are; or what differs feature by feature, for the "
            "same head to weigh.",
            "model",
            choices={
                "squared difference": "Squared difference, feature by feature",
                "absolute difference": "Absolute difference, feature by feature",
                "euclidean": "Euclidean",
                "squared": "Squared Euclidean",
                "l1": "L1",
                "cosine": "Cosine",
            },
        ),
    ] = "squared difference"
    same_head: Annotated[
        str,
        Knob(
            "Same head",
            "What judges from the distance whether both images are of one class. Without one, "
            "p_same is e to the minus distance.",
            "model",
            choices={
                "softmax": "Softmax of two",
                "sigmoid": "Sigmoid",
                "none": "None: the distance alone",
            },
        ),
    ] = "softmax"
    weighting: Annotated[
        str,
        Knob(
            "Weights of the terms",
            "As the loss says, or times weights that set themselves: learned from each term's "
            "uncertainty (Kendall 2018), by the gradients' norms (GradNorm, Chen 2018) or by how "
            "slowly each term falls (Liu 2019); or the gradients without what goes against "
            "another's (PCGrad, Yu 2020).",
            "optimiser",
            choices={
                "fixed": "As written",
                "uncertainty": "Uncertainty",
                "gradnorm": "Gradient norms (GradNorm)",
                "averaging": "Dynamic averages",
                "surgery": "Gradient surgery (PCGrad)",
            },
        ),
    ] = "fixed"
    head_dropout: Annotated[
        float,
        Knob(
            "Dropout of the class heads",
            "Share of the features silenced at random before each class head.",
            "regularisation",
            low=0.0,
            high=0.9,
            step=0.05,
        ),
    ] = 0.25


class Siamese(Task):
    """The task."""

    name, title, Spec = "siamese", "Multi-task", SiameseSpec
    inputs: Mapping[str, Input | None] = {
        "y_left": Input("BC", "label", r"y^{l}", "the left image's class, one-hot", "probability"),
        "p_left": Input(
            "BC", "prediction", r"p^{l}", "the probabilities of the left image", "probability"
        ),
        "y_right": Input(
            "BC", "label", r"y^{r}", "the right image's class, one-hot", "probability"
        ),
        "p_right": Input(
            "BC", "prediction", r"p^{r}", "the probabilities of the right image", "probability"
        ),
        "labels_left": Input("B", "label", r"k^{l}", "the number of the left class", "class"),
        "labels_right": Input("B", "label", r"k^{r}", "the number of the right class", "class"),
        "p_same": Input(
            "B", "prediction", "q", "the probability that both are of one class", "unit"
        ),
        "distance": Input("B", "prediction", "d", "the distance of the two embeddings", "positive"),
        **known("same", "features", "partner_features", "negative_features", "num_classes"),
        **known("epoch", "step", "progress"),
    }
    measures = (
        Measure("left", "Left accuracy", "%", of_steps=True),
        Measure("right", "Right accuracy", "%", of_steps=True),
        Measure("verification", "Verification accuracy", "%", of_steps=True),
        Measure("equal_error", "Equal error rate", "%", better="lower"),
    )
    panels = ("loss",)
    views = ("pairs", "distances")
    page, icon = "multi_task", ":material/compare:"
    felt_at = "the trunk"
    packed = ("moving.py", "weighers.py")

    def of_terms(self, spec: SiameseSpec) -> Sequence[Measure]:
        """Each term's value, its share of what is minimised, its gradient norm at the trunk, and
        the weight that it has set itself."""
        weight = "what surgery leaves of it" if spec.weighting == "surgery" else "its own weight"
        return (
            Measure("", ""),
            Measure("_share", "share of the total", "%"),
            Measure("_features", "gradient norm at the trunk"),
            *([Measure("_weight", weight)] if spec.weighting != "fixed" else []),
        )

    def view_data(self, evaluated: "Evaluated", started: "Started") -> dict[str, Any]:
        """The pairs of the strip, and how far pairs of one class and of two are apart."""
        arrays, strip = evaluated.arrays, started.arrays
        if "distance_counts" not in arrays:
            return {}
        same, different = arrays["distance_counts"].tolist()
        false, true = np.round(arrays["roc"], 4).tolist()
        threshold, apart = arrays["thresholds"].tolist()
        found: dict[str, Any] = {
            "distances": {
                "edges": np.round(arrays["distance_edges"], 4).tolist(),
                "same": same,
                "different": different,
                "threshold": round(apart, 4),
                "false": false,
                "true": true,
                "equalError": _number(evaluated.metrics.get("equal_error")),
            }
        }
        if "strip_distance" in arrays and "strip_partner_labels" in strip:
            found["pairs"] = {
                "left": _answers(arrays["strip_p_left"], strip["strip_labels"]),
                "right": _answers(arrays["strip_p_right"], strip["strip_partner_labels"]),
                "distance": np.round(arrays["strip_distance"], 3).tolist(),
                "same": np.round(arrays["strip_p_same"], 3).tolist(),
                "threshold": round(threshold, 4),
            }
        return found

    def heads(self, spec: SiameseSpec) -> Sequence[Head]:
        """Two of classes and one of the pair; without one, its distance."""
        if spec.same_head != "none":
            return HEADS
        return *HEADS[:2], replace(HEADS[2], inputs=HEADS[2].inputs | APART)

    def sights(self, spec: SiameseSpec) -> Sequence[Sight]:
        """Both images of a pair."""
        return (
            Sight(LEFT, "images", "labels", "features", "left_logits"),
            Sight(RIGHT, "partners", "partner_labels", "right_features", "right_logits"),
        )

    def script(self, spec: SiameseSpec, weights: Mapping[str, np.ndarray], changed: bool) -> str:
        """Python that trains it with `keras.Model.fit` (`playground.export_siamese`)."""
        from playground.export_siamese import script

        return script(spec, weights=bool(weights), changed=changed)

    def work(self, spec: RunSpec, dataset: Dataset) -> "Work":
        """The worker's part of a run. Imports TensorFlow."""
        from playground.training.siamese import SiameseWork

        return SiameseWork(spec, dataset)

    def plan(self, spec: SiameseSpec) -> Plan:
        """One trunk, called for the left image and again for the right; its heads."""
        shape = source_of(spec.dataset).shape
        classes = len(source_of(spec.dataset).class_names)
        left = _chained([NORMALISE, *trunk(spec)], LEFT)
        right = [
            replace(layer, name=f"right_{layer.name}", inputs=(before,), of=layer.name)
            for layer, before in zip(
                left, [RIGHT, *(f"right_{layer.name}" for layer in left)], strict=False
            )
        ]
        heads = [
            *_class_head(spec, LEFT, "features", classes),
            *_class_head(spec, RIGHT, "right_features", classes),
            *_same_head(spec),
        ]
        outputs = ("p_left", "p_right", "p_same" if spec.same_head != "none" else "distance")
        return Plan(
            {LEFT: shape, RIGHT: shape},
            (*left, *right, *heads),
            outputs,
            dtype=spec.dtype,
            seed=spec.seed,
            l2=spec.l2,
        )


def _answers(probabilities: np.ndarray, labels: np.ndarray) -> list[list[float]]:
    """Of each image: the true class, the predicted one, and its probability."""
    said = probabilities.argmax(axis=1)
    sure = probabilities[np.arange(len(said)), said]
    return [
        [int(truth), int(one), round(float(p), 3)]
        for truth, one, p in zip(labels, said, sure, strict=True)
    ]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


def _chained(layers: list[Layer], start: str) -> list[Layer]:
    """These layers, each of which says that it takes the one before; the first takes `start`."""
    before = [start, *(layer.name for layer in layers)]
    return [replace(layer, inputs=(name,)) for layer, name in zip(layers, before, strict=False)]


def _class_head(spec: SiameseSpec, side: str, features: str, classes: int) -> list[Layer]:
    dropout = (
        [Layer(f"{side}_dropout", "Dropout", {"rate": spec.head_dropout}, (features,))]
        if spec.head_dropout
        else []
    )
    before = f"{side}_dropout" if dropout else features
    units = {"units": classes, **bias(spec.logits_bias), **FLOAT}
    return [
        *dropout,
        Layer(f"{side}_logits", "Dense", units, (before,)),
        Layer(f"p_{side}", "Softmax", FLOAT, (f"{side}_logits",)),
    ]


def _same_head(spec: SiameseSpec) -> list[Layer]:
    """The distance, and what judges by it; of a difference feature by feature, the distance that
    it makes is there as well."""
    both = ("features", "right_features")
    by_feature = spec.distance.endswith("difference")
    kind = spec.distance.removesuffix(" difference")
    metric = ({"squared": "squared", "absolute": "l1"}[kind]) if by_feature else kind
    found = [Layer("distance", "Distance", {"metric": metric, **FLOAT}, both)]
    judged = "distance"
    if by_feature:
        found.append(Layer("difference", "Difference", {"kind": kind, **FLOAT}, both))
        judged = "difference"
    if spec.same_head == "none":
        return found
    units = 2 if spec.same_head == "softmax" else 1
    found.append(Layer("same_logits", "Dense", {"units": units, **FLOAT}, (judged,)))
    if units == 2:
        return [*found, Layer("p_same", "Softmax", FLOAT, ("same_logits",))]
    return [
        *found,
        Layer("p_same", "Activation", {"activation": "sigmoid", **FLOAT}, ("same_logits",)),
    ]


TASK = Siamese()
