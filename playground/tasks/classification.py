"""Classification: an image in, the probability of each class out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from playground.cnn import FLOAT, NORMALISE, CnnSpec, bias, trunk
from playground.datasets import Dataset, find, source_of
from playground.knobs import Knob, shown
from playground.layers import Layer, Plan
from playground.spec import TASK_KNOB, RunSpec
from playground.tasks.inputs import known
from playground.tasks.task import Measure, Task
from playground.training.clusters import NUMBERS, PREFIX

if TYPE_CHECKING:
    from playground.training.work import Work

# What the weights of the classes may be beside a number a class.
NONE, BALANCED = "none", "balanced"
MAX_WEIGHT = 1000.0
# What `watch_fit` measures beside loss and accuracy, and what label noise does.
NLL, ECE = "negative_log_likelihood", "expected_calibration_error"
FIT_METRICS = (NLL, "brier", ECE)


class ClassificationSpec(CnnSpec):
    """A run that learns to tell classes apart."""

    task: Annotated[Literal["classification"], TASK_KNOB] = "classification"
    label_noise: Annotated[
        float,
        Knob(
            "Label noise",
            "Share of the training images that get a wrong label. Validation and test labels stay "
            "right.",
            "data",
            low=0.0,
            high=0.9,
            step=0.05,
        ),
    ] = 0.0
    noise_kind: Annotated[
        str,
        Knob(
            "Wrong labels",
            "Any other class alike (symmetric), or always the next one (pair flip).",
            "data",
            choices={"symmetric": "Symmetric", "pair": "Pair flip"},
        ),
    ] = "symmetric"
    imbalance: Annotated[
        float,
        Knob(
            "Class imbalance",
            "How many times as many training images the commonest class has as the rarest.",
            "data",
            low=1.0,
            high=100.0,
            log=True,
        ),
    ] = 1.0
    class_weights: Annotated[
        str,
        Knob(
            "Class weights",
            "How much the samples of a class count in the loss that is trained: none, balanced "
            "(each class alike, n / (C·n_c)), or a number a class with commas between. Validation "
            "loss counts all samples once.",
            "data",
        ),
    ] = NONE
    mixup: Annotated[
        float,
        Knob(
            "Mixup",
            "Blend pairs of training images and their losses, λ drawn from Beta(α, α); α.",
            "augmentation",
            low=0.0,
            high=2.0,
            step=0.1,
        ),
    ] = 0.0
    center_rate: Annotated[
        float,
        Knob(
            "Centre rate α",
            "How far class centres move towards their samples in each step, where the loss has "
            "any: the α of the centre loss.",
            "centers",
            low=0.0,
            high=1.0,
            step=0.01,
        ),
    ] = 0.5
    watch_fit: Annotated[
        bool,
        Knob(
            "Watch the fit",
            "Also measure a sample of the training images with dropout off, and calibration: what "
            "the page Fitting draws.",
            "optimiser",
        ),
    ] = False

    @field_validator("class_weights")
    @classmethod
    def _a_number_a_class(cls, value: str, info: ValidationInfo) -> str:
        if value.strip() in (NONE, BALANCED):
            return value.strip()
        known = find(info.data.get("dataset"))
        count = len(known.class_names) if known is not None else value.count(",") + 1
        try:
            weights = [float(text) for text in value.split(",")]
        except ValueError:
            weights = []
        if len(weights) != count or not all(0 <= weight <= MAX_WEIGHT for weight in weights):
            raise PydanticCustomError(
                "range",
                f"expected {NONE}, {BALANCED}, or {count} numbers from 0 to {MAX_WEIGHT:g}, one a "
                f"class, as in {','.join(['1'] * (count - 1) + ['5'])}; got {shown(value)}",
            )
        if not any(weights):
            raise PydanticCustomError("range", "expected a class that counts; got all 0")
        return ",".join(f"{weight:.9g}" for weight in weights)

    @property
    def measured(self) -> tuple[str, ...]:
        """With `watch_fit`, calibration and the loss-neutral NLL, too."""
        added = FIT_METRICS if self.watch_fit else ()
        return tuple(dict.fromkeys((*self.metrics, *added)))

    @property
    def numbers(self) -> int:
        """2 since mixup's shares and class centres are drawn from streams of their own; a text
        that speaks of centres in a comment alone is trained anew, too."""
        centered = any("center" in text for text in (self.loss, *self.metrics))
        return max(super().numbers, 2 if self.mixup or centered else 1)


def fit_series(spec: ClassificationSpec) -> list[str]:
    """The names of the series that a spec's levers of fitting record (`training.fit_record`)."""
    found = []
    if spec.watch_fit:
        names = ("loss", "accuracy", *FIT_METRICS, "nll_error")
        found += [f"{split}_{name}" for split in ("train", "validation") for name in names]
    if spec.label_noise:
        found += ["train_loss", "train_accuracy"]
        for whose in ("clean", "given", "true"):
            found += [f"train_{whose}_{name}" for name in ("accuracy", "nll")]
    return list(dict.fromkeys(found))


class Classification(Task):
    """The task."""

    name = "classification"
    title = "Classification"
    Spec = ClassificationSpec
    inputs = known(
        *("y_true", "y_pred", "logits", "labels", "p_true", "features", "last_kernel"),
        *("centers", "sample_weight", "class_weights", "partner_features"),
        *("negative_features", "same", "num_classes", "epoch", "step", "progress"),
    )
    measures = (Measure("accuracy", "Accuracy", "%", of_steps=True),)
    panels = ("loss", "accuracy", "gap")
    views = ("strip", "confusion")
    packed = ("moving.py",)

    def series(self, spec: ClassificationSpec) -> list[str]:
        """With what tells how the features part the classes, and what the levers of fitting
        record."""
        embedding = (f"validation_{PREFIX}{name}" for name in NUMBERS)
        return list(dict.fromkeys([*super().series(spec), *embedding, *fit_series(spec)]))

    def work(self, spec: RunSpec, dataset: Dataset) -> "Work":
        """The worker's part of a run. Imports TensorFlow."""
        from playground.training.classification import ClassificationWork

        return ClassificationWork(spec, dataset)

    def plan(self, spec: ClassificationSpec) -> Plan:
        """The spec's network. Imports no Keras."""
        known = source_of(spec.dataset)
        classes = len(known.class_names)
        return Plan(
            inputs={"images": known.shape},
            layers=(
                NORMALISE,
                *trunk(spec),
                Layer("logits", "Dense", {"units": classes, **bias(spec.logits_bias), **FLOAT}),
                Layer("probabilities", "Softmax", FLOAT),
            ),
            outputs=("probabilities",),
            dtype=spec.dtype,
            seed=spec.seed,
            l2=spec.l2,
        )

    def script(
        self, spec: ClassificationSpec, weights: Mapping[str, np.ndarray], changed: bool
    ) -> str:
        """Python that trains it with `keras.Model.fit` (`playground.export_classification`)."""
        from playground.export_classification import script

        return script(spec, weights=bool(weights), changed=changed)


TASK = Classification()
