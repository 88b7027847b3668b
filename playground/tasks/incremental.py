"""Incremental: classes come a few at a time, and those that came before are to be kept."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from playground.cnn import FLOAT, NORMALISE, CnnSpec, bias, trunk
from playground.datasets import Dataset, counts, find, source_of
from playground.knobs import Knob, shown
from playground.layers import Layer, Plan
from playground.spec import TASK_KNOB, RunSpec
from playground.streams import stream
from playground.tasks.inputs import Input, known
from playground.tasks.task import Measure, Task

if TYPE_CHECKING:
    from playground.training.events import Evaluated, Started
    from playground.training.work import Work

OBJECTIVE = """\
lam = 1.0  # 0..10    how much what was learned before is kept
T = 2.0  # 1..10    temperature
cross_entropy() + lam * T**2 * sum(softmax(teacher_logits / T) \
* (log_softmax(teacher_logits / T) - log_softmax(old_logits / T)), axis=-1)"""
PAIRS, ONE_BY_ONE, HALVES = "pairs", "one by one", "halves"
AS_THEY_ARE, SHUFFLED = "as they are", "shuffled"
TAKEN = 3  # old classes taken for new ones that are told


class IncrementalSpec(CnnSpec):
    """A run that learns classes in phases."""

    task: Annotated[Literal["incremental"], TASK_KNOB] = "incremental"
    loss: Annotated[str, Knob("Loss", "What is minimised.", "loss")] = OBJECTIVE
    groups: Annotated[
        str,
        Knob(
            "Classes a phase",
            "How many classes come in each phase: pairs, one by one (two first), halves, or "
            "numbers with commas between, such as 4,3,3.",
            "data",
        ),
    ] = PAIRS
    class_order: Annotated[
        str,
        Knob(
            "Order of classes",
            "As they are numbered, shuffled by the seed, or the numbers of all classes with commas "
            "between.",
            "data",
        ),
    ] = AS_THEY_ARE
    pauses: Annotated[
        bool,
        Knob(
            "Pause between phases",
            "The run waits where a phase begins, so that the loss or a rate can be changed there; "
            "Resume goes on. A run from a terminal does not wait.",
            "data",
        ),
    ] = False
    head: Annotated[
        str,
        Knob(
            "Head",
            "Answer among the classes that have come so far, or among all from the start. Those to "
            "come are masked: no gradient reaches their weights, so it is as if the head grew.",
            "model",
            choices={"seen": "Classes seen so far", "all": "All classes"},
        ),
    ] = "seen"
    kept: Annotated[
        str,
        Knob(
            "What is kept of old classes",
            "Nothing; some exemplars; or every image, which is joint training, the ceiling.",
            "memory",
            choices={"none": "Nothing", "exemplars": "Exemplars", "all": "Every image"},
        ),
    ] = "exemplars"
    exemplars: Annotated[
        int,
        Knob(
            "Exemplars a class",
            "Images of each old class that are kept to train on.",
            "memory",
            low=1,
            high=2000,
            step=1,
        ),
    ] = 50
    memory: Annotated[
        int,
        Knob(
            "Memory in all",
            "So many exemplars are kept of all old classes together, each class' share smaller "
            "with every phase.",
            "memory",
            low=0,
            high=20_000,
            step=50,
            zero="a number a class",
        ),
    ] = 0
    selection: Annotated[
        str,
        Knob(
            "Choice of exemplars",
            "Drawn, or those whose mean embedding is nearest to the class' (herding: Rebuffi et "
            "al., iCaRL, 2017).",
            "memory",
            choices={"random": "At random", "herding": "Herding"},
        ),
    ] = "herding"
    replay: Annotated[
        float,
        Knob(
            "Exemplars in a batch",
            "The share of the images of a later phase that are exemplars, each used as often as "
            "that needs.",
            "memory",
            low=0.05,
            high=0.9,
            step=0.05,
        ),
    ] = 0.5
    correction: Annotated[
        str,
        Knob(
            "Correction of the answers",
            "None; the nearest mean of exemplars (iCaRL); new classes' weights scaled to the old "
            "ones' length (weight aligning, Zhao et al. 2020); or two numbers fitted on exemplars "
            "for the new classes' logits (BiC, Wu et al. 2019).",
            "memory",
            choices={
                "none": "None",
                "nearest_mean": "Nearest mean of exemplars",
                "aligning": "Weight aligning",
                "bias": "Bias correction",
            },
        ),
    ] = "none"
    importance: Annotated[
        str,
        Knob(
            "Importance of weights",
            "What `weight_drift`, where the loss names it, weighs the change of each weight by: "
            "all alike; the Fisher information of earlier phases' images (EWC, Kirkpatrick et al. "
            "2017); or what moving it took off the loss (SI, Zenke et al. 2017).",
            "memory",
            choices={
                "equal": "All alike",
                "fisher": "Fisher information (EWC)",
                "path": "Path integral (SI)",
            },
        ),
    ] = "equal"
    augmented: Annotated[
        str,
        Knob(
            "Images that are augmented",
            "All, or the exemplars of old classes alone, which are few.",
            "augmentation",
            choices={"all": "All images", "exemplars": "Exemplars alone"},
        ),
    ] = "all"
    later_rate: Annotated[
        float,
        Knob(
            "Learning rate of later phases",
            "What the learning rate is multiplied by after the first phase.",
            "optimiser",
            low=0.01,
            high=1.0,
            log=True,
        ),
    ] = 1.0
    schedule_anew: Annotated[
        bool,
        Knob(
            "Schedule a phase",
            "The learning rate's schedule begins anew with each phase.",
            "optimiser",
        ),
    ] = True
    fresh_optimizer: Annotated[
        bool,
        Knob(
            "Fresh optimiser",
            "The optimiser forgets what it has gathered where a phase begins.",
            "optimiser",
        ),
    ] = True

    @model_validator(mode="before")
    @classmethod
    def _enough_epochs(cls, values: Any) -> Any:
        """Epochs left out are the data set's, but at least one for each class: enough for as many
        phases as there can be, so that a link needs not say them when it says the groups."""
        if not isinstance(values, Mapping) or "epochs" in values:
            return values
        source = find(values.get("dataset", "mnist"))
        usual = source.defaults.get("epochs", 0) if source else 0
        least = len(source.class_names) if source else 0
        return {**values, "epochs": max(usual, least, cls.model_fields["epochs"].default)}

    @field_validator("groups")
    @classmethod
    def _adds_up(cls, value: str, info: ValidationInfo) -> str:
        value, classes = value.strip(), _classes(info)
        if value in (PAIRS, ONE_BY_ONE, HALVES):
            return value
        try:
            sizes = [int(each) for each in value.split(",")]
        except ValueError:
            sizes = []
        if not sizes or min(sizes) < 1 or sum(sizes) != classes or len(sizes) < 2:
            raise PydanticCustomError(
                "range",
                f"expected {PAIRS}, {ONE_BY_ONE}, {HALVES}, or at least two numbers that make "
                f"{classes} together, as in 1,{classes - 1}; got {shown(value)}",
            )
        return ",".join(map(str, sizes))

    @field_validator("class_order")
    @classmethod
    def _each_once(cls, value: str, info: ValidationInfo) -> str:
        value, classes = value.strip(), _classes(info)
        if value in (AS_THEY_ARE, SHUFFLED):
            return value
        try:
            order = [int(each) for each in value.split(",")]
        except ValueError:
            order = []
        if sorted(order) != list(range(classes)):
            raise PydanticCustomError(
                "range",
                f"expected {AS_THEY_ARE}, {SHUFFLED}, or each of 0 to {classes - 1} once with "
                f"commas between; got {shown(value)}",
            )
        return ",".join(map(str, order))

    @model_validator(mode="after")
    def _an_epoch_a_phase(self) -> "IncrementalSpec":
        phases = len(self.class_groups)
        if phases < 2:
            raise PydanticCustomError(
                "groups",
                "expected at least two phases: two classes have them in {halves}",
                {"halves": HALVES},
            )
        if self.epochs < phases:
            raise PydanticCustomError(
                "epochs",
                "expected at least {phases}, one for each phase; got {epochs}",
                {"phases": phases, "epochs": self.epochs},
            )
        return self

    @model_validator(mode="after")
    def _as_many_as_there_are(self) -> "IncrementalSpec":
        """No more exemplars than images, where exemplars are kept: of a class as many as it has if
        all have the same number."""
        images = counts(self).trained
        a_class = max(1, images // len(source_of(self.dataset).class_names))
        if self.kept != "exemplars":
            return self
        if self.memory > images:
            raise PydanticCustomError(
                "memory",
                "expected at most {most}, the images to train on; got {got}",
                {"most": f"{images:,}", "got": f"{self.memory:,}"},
            )
        if not self.memory and self.exemplars > a_class:
            raise PydanticCustomError(
                "exemplars",
                "expected at most {most}, the images that a class has; got {got}",
                {"most": f"{a_class:,}", "got": f"{self.exemplars:,}"},
            )
        return self

    @property
    def class_groups(self) -> list[list[int]]:
        """The classes that come in each phase."""
        classes = len(source_of(self.dataset).class_names)
        if self.class_order == AS_THEY_ARE:
            order = list(range(classes))
        elif self.class_order == SHUFFLED:
            order = stream(self.seed, "class order").permutation(classes).tolist()
        else:
            order = [int(each) for each in self.class_order.split(",")]
        if self.groups == PAIRS:
            sizes = [2] * (classes // 2) + [1] * (classes % 2)
        elif self.groups == ONE_BY_ONE:
            sizes = [2] + [1] * (classes - 2)
        elif self.groups == HALVES:
            sizes = [classes // 2, classes - classes // 2]
        else:
            sizes = [int(each) for each in self.groups.split(",")]
        ends = np.cumsum(sizes)
        return [order[end - size : end] for size, end in zip(sizes, ends, strict=True)]

    @property
    def phase_epochs(self) -> list[int]:
        """The epochs of each phase; what cannot be shared evenly the earlier ones have."""
        phases = len(self.class_groups)
        return [self.epochs // phases + (i < self.epochs % phases) for i in range(phases)]


def _classes(info: ValidationInfo) -> int:
    found = find(info.data.get("dataset"))
    return len(found.class_names) if found is not None else 10


class Incremental(Task):
    """The task."""

    name, title, Spec = "incremental", "Incremental", IncrementalSpec
    inputs = known(
        *("y_true", "y_pred", "logits", "labels", "p_true", "features", "last_kernel"),
        *("num_classes", "epoch", "step", "progress"),
    ) | {
        "teacher_logits": Input(
            "BC",
            "label",
            r"\hat z",
            "the logits of the network as it was at the end of the phase before; far below the "
            "others for classes that had not come; the network's own in the first phase",
        ),
        "old_logits": Input(
            "BC",
            "prediction",
            "z^{o}",
            "the logits; far below the others for classes that are not old",
        ),
        "old": Input("C", "context", "o", "1 for the classes of earlier phases", "binary"),
        "new": Input("C", "context", "n", "1 for the classes of this phase", "binary"),
        "seen": Input("C", "context", "s", "1 for the classes that have come so far", "binary"),
        "exemplar": Input(
            "B", "context", "m", "1 where the image is a kept one of an old class", "binary"
        ),
        "weight_drift": Input(
            "",
            "prediction",
            r"\Delta_\Omega",
            "how far the weights are from where they were at the end of the phase before: the sum "
            "of squares, each times the weight's importance (the setting); 0 in the first phase",
            "positive",
        ),
        "phase": Input("", "context", "f", "the number of the phase, from 0", "positive"),
    }
    # What these are called where a teacher or an old model is at hand.
    others: Mapping[str, str] = {
        **dict.fromkeys(
            ("old_model_logits", "teacher_output", "teacher_outputs", "old_outputs", "logits_old"),
            "teacher_logits",
        ),
        **dict.fromkeys(
            ("teacher_pred", "teacher_preds", "teacher_probs", "old_pred", "y_old", "y_teacher"),
            "softmax(teacher_logits)",
        ),
    }
    measures = (
        Measure("accuracy", "Accuracy of the classes seen", "%", of_steps=True),
        Measure("old_accuracy", "Accuracy of old classes", "%"),
        Measure("new_accuracy", "Accuracy of new classes", "%"),
        Measure("forgetting", "Forgetting", "%", better="lower"),
        Measure("bias", "Answers that are new classes", "%", better="lower"),
        Measure("lead", "Lead of new over old logits", better="lower"),
        Measure("drift", "Drift of old class centres", better="lower"),
    )
    panels = ("loss", "accuracy")
    views = ("matrix", "exemplars", "confusion")
    page, icon = "incremental", ":material/stacked_bar_chart:"
    packed = ("exemplars.py", "importance.py", "moving.py")

    def view_data(self, evaluated: "Evaluated", started: "Started") -> dict[str, Any]:
        """The accuracy of each phase's classes after each phase, which old class is taken for which
        new one, and which exemplars are kept."""
        arrays = evaluated.arrays
        if "matrix" not in arrays:
            return {}
        phase, order = int(arrays["phase"][0]), arrays["order"].tolist()
        rows = [[_number(each) for each in row] for row in arrays["matrix"].tolist()]
        return {
            "matrix": {
                "phase": phase,
                "rows": rows,
                "taken": _taken(arrays["confusion"], arrays["came"], phase, order),
            },
            "exemplars": {
                "phase": phase,
                "labels": arrays["exemplar_labels"].tolist(),
                "counts": arrays["exemplar_counts"].tolist(),
            },
        }

    def phase_epochs(self, spec: IncrementalSpec) -> list[int]:
        """Those of the spec's phases."""
        return spec.phase_epochs

    def script(
        self, spec: IncrementalSpec, weights: Mapping[str, np.ndarray], changed: bool
    ) -> str:
        """Python that trains the phases in plain Keras (`playground.export_incremental`)."""
        from playground.export_incremental import script

        return script(spec, weights=bool(weights), changed=changed)

    def work(self, spec: RunSpec, dataset: Dataset) -> "Work":
        """The worker's part of a run. Imports TensorFlow."""
        from playground.training.incremental import IncrementalWork

        return IncrementalWork(spec, dataset)

    def plan(self, spec: IncrementalSpec) -> Plan:
        """The CNN of classification, with a head for all classes."""
        source = source_of(spec.dataset)
        units = {"units": len(source.class_names), **bias(spec.logits_bias), **FLOAT}
        return Plan(
            {"images": source.shape},
            (
                NORMALISE,
                *trunk(spec),
                Layer("logits", "Dense", units),
                Layer("probabilities", "Softmax", FLOAT),
            ),
            ("probabilities",),
            dtype=spec.dtype,
            seed=spec.seed,
            l2=spec.l2,
        )


def _number(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


def _taken(
    confusion: np.ndarray, came: np.ndarray, phase: int, order: list[int]
) -> list[list[float]]:
    """The old classes that are most often taken for a new one: old class, new class, share of the
    old one's images. Rows and columns of the confusion are in the order of arrival; `came` says
    in which phase each came."""
    with np.errstate(invalid="ignore"):
        shares = confusion / confusion.sum(axis=1, keepdims=True)
    shares = np.where((came < phase)[:, None] & (came == phase)[None], np.nan_to_num(shares), 0)
    most = np.argsort(-shares, axis=None, kind="stable")[:TAKEN]
    places = [divmod(int(each), len(order)) for each in most]
    return [
        [order[old], order[new], round(float(shares[old, new]), 4)]
        for old, new in places
        if shares[old, new] > 0
    ]


TASK = Incremental()
