"""RunSpec: one run wholly described: the fields that every run has, whatever its task.

Each field carries a `Knob`: its label, help, range or choices. The widgets, the URL, the command
line, the saved JSON and the validation all read the one table that `knobs` gives, so nothing about
a knob is written twice. What a task needs beside is in a subclass of its own (`Task.Spec`):
`RunSpec(task=..., ...)` makes one of that. What a data set needs by default (its `Source`) fills
the fields that are left out.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from playground import spec_faults
from playground.datasets import KNOWN, find, own
from playground.errors import SpecError
from playground.knobs import (
    Knob,
    Titles,
    checked_text,
    is_name,
    knob_of,
    shown,
    to_text,
)
from playground.precision import automatic

MAX_METRICS = 6
DEFAULT_TASK = "classification"
DEFAULT_LOSS = "categorical_crossentropy"

# The fields of the first version, which are in every digest. Any other came later and counts where
# it is moved only, so that a run of before it has the digest it was recorded with.
_FIRST = frozenset(
    {
        *("task", "dataset", "train_images", "validation_split", "normalise", "model", "width"),
        *("depth", "embedding", "activation", "batch_norm", "dropout", "l2", "loss"),
        *("loss_parameters", "metrics", "optimizer", "learning_rate", "schedule", "batch_size"),
        *("epochs", "seed", "precision", "evaluations"),
    }
)


def _tasks() -> Mapping[str, Any]:
    """The tasks by name. They are made of specs, so that they are looked up when one is asked."""
    from playground.tasks import TASKS

    return TASKS


TASK_KNOB = Knob("Task", "What is learned.", choices=Titles(_tasks))


def _absent(dataset: Any) -> str:
    """What to say of own data that are not here."""
    if not own.is_own(dataset):
        return ""
    missing = own.missing(dataset)
    return f"{missing.message} {missing.hint}"


def spec_of(task: Any) -> type["RunSpec"]:
    """The spec of a task; of what is none the default's, which then says so."""
    found = _tasks().get(task) if isinstance(task, str) else None
    spec: type[RunSpec] = (found or _tasks()[DEFAULT_TASK]).Spec
    return spec


class RunSpec(BaseModel):
    """One run, wholly. Frozen; `digest` is its identity. Raises pydantic's ValidationError when
    built wrongly; `parse` and `from_query` give SpecErrors written for visitors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __new__(cls, *_: Any, **values: Any) -> Self:
        """Of RunSpec itself that of the values' task."""
        chosen = spec_of(values.get("task", DEFAULT_TASK)) if cls is RunSpec else cls
        return super().__new__(chosen)  # type: ignore[return-value]

    task: Annotated[
        str,
        TASK_KNOB,
    ] = DEFAULT_TASK
    dataset: Annotated[
        str,
        Knob(
            "Data set",
            "The images to learn from. Digits comes with scikit-learn and always works.",
            "data",
            choices=Titles(lambda: KNOWN, _absent),
        ),
    ] = "mnist"
    train_images: Annotated[
        int,
        Knob(
            "Images",
            "How many of the training images are used, drawn with the seed; those for validation "
            "are among them.",
            "data",
            low=0,
            high=60_000,
            step=50,
            zero="all",
        ),
    ] = 0
    validation_split: Annotated[
        float,
        Knob(
            "Validation share",
            "The share of those images that is never trained on, to measure validation loss.",
            "data",
            low=0.02,
            high=0.5,
            step=0.01,
        ),
    ] = 0.1
    validation_images: Annotated[
        int,
        Knob(
            "Validation images",
            "So many are kept beside the images above, which are then all trained on: with the "
            "same seed the same ones, however many are trained on.",
            "data",
            low=0,
            high=10_000,
            step=50,
            zero="by share",
        ),
    ] = 0
    normalise: Annotated[
        str,
        Knob(
            "Normalisation",
            "Subtract the mean and divide by the spread of each pixel or each channel of the "
            "training images, only scale to 0…1, or leave 0…255, which networks bear badly.",
            "data",
            choices={
                "pixel": "Per pixel",
                "channel": "Per channel",
                "unit": "Scale to 0…1",
                "raw": "Raw, 0…255",
            },
        ),
    ] = "pixel"
    loss: Annotated[
        str, Knob("Loss", "A named loss, or one written in the loss language.", "loss")
    ] = DEFAULT_LOSS
    loss_parameters: Annotated[
        dict[str, float], Knob("Loss parameters", "Values for the loss' parameters.", "loss")
    ] = {}
    metrics: Annotated[
        tuple[str, ...],
        Knob(
            "Metrics",
            "What is measured on the validation images beside loss and accuracy: names of metrics, "
            "or texts in the loss language.",
            "metrics",
        ),
    ] = ()
    optimizer: Annotated[
        str,
        Knob(
            "Optimiser",
            "How the gradient is turned into a step.",
            "optimiser",
            choices={
                "adam": "Adam",
                "adamw": "AdamW",
                "nadam": "Nadam",
                "sgd": "SGD",
                "momentum": "SGD with momentum 0.9",
                "rmsprop": "RMSprop",
                "adagrad": "Adagrad",
                "lion": "Lion",
            },
        ),
    ] = "adam"
    learning_rate: Annotated[
        float,
        Knob("Learning rate", "Length of a step.", "optimiser", low=1e-6, high=10.0, log=True),
    ] = 3e-3
    schedule: Annotated[
        str,
        Knob(
            "Schedule",
            "How the learning rate moves over the run.",
            "optimiser",
            choices={
                "constant": "Constant",
                "cosine": "Cosine to 0",
                "warmup_cosine": "Warm-up, then cosine to 0",
                "exponential": "Exponential to 1%",
                "steps": "÷ 10 at 50% and 75%",
            },
        ),
    ] = "warmup_cosine"
    batch_size: Annotated[
        int, Knob("Batch size", "Images per step.", "optimiser", low=4, high=1024, step=4)
    ] = 64
    epochs: Annotated[
        int, Knob("Epochs", "Passes over the training images.", "optimiser", low=1, high=200)
    ] = 3
    patience: Annotated[
        int,
        Knob(
            "Early stopping",
            "Stop after so many epochs without a lower validation loss; the best epoch's weights "
            "are restored.",
            "regularisation",
            low=0,
            high=50,
            step=1,
            zero="off",
        ),
    ] = 0
    seed: Annotated[
        int,
        Knob(
            "Seed",
            "The same seed gives the same run, bit for bit.",
            "optimiser",
            low=0,
            high=2**31 - 1,
        ),
    ] = 0
    precision: Annotated[
        str,
        Knob(
            "Precision",
            "bfloat16 halves the bits of activations; weights stay float32. Automatic takes it "
            "where the processor has a unit for it and the network is large enough to gain.",
            "optimiser",
            choices={
                "auto": "automatic",
                "float32": "float32",
                "mixed_bfloat16": "mixed bfloat16",
            },
        ),
    ] = "float32"
    evaluations: Annotated[
        int,
        Knob(
            "Evaluations",
            "Looks at the validation images per epoch.",
            "optimiser",
            low=1,
            high=100,
        ),
    ] = 10

    @model_validator(mode="before")
    @classmethod
    def _fill_defaults(cls, values: Any) -> Any:
        """Fields left out take what suits the data set."""
        if isinstance(values, Mapping):
            dataset = values.get("dataset", "mnist")
            source = find(dataset)
            suited = source.defaults if source else {}
            return {**{k: v for k, v in suited.items() if k in cls.model_fields}, **values}
        return values

    @model_validator(mode="after")
    def _epochs_of_phases(self) -> Self:
        task = _tasks().get(self.task)
        shared = self.epochs if task is None else sum(task.phase_epochs(self))
        if shared != self.epochs:
            raise PydanticCustomError(
                "epochs",
                "the phases of this run take {shared} epochs together, not {epochs}",
                {"shared": shared, "epochs": self.epochs},
            )
        return self

    @field_validator("*")
    @classmethod
    def _within_knob(cls, value: Any, info: Any) -> Any:
        knob_of(cls.model_fields[info.field_name]).check(value)
        return value

    @field_validator("train_images")
    @classmethod
    def _enough_images(cls, value: int, info: ValidationInfo) -> int:
        most = _most_images(info)
        if value and not 50 <= value <= most:
            raise PydanticCustomError("range", f"expected 0 (all) or 50 to {most:,}; got {value:,}")
        return value

    @field_validator("validation_images")
    @classmethod
    def _enough_left(cls, value: int, info: ValidationInfo) -> int:
        most = _most_images(info)
        trained = info.data.get("train_images", 0) or 50
        if value and not 10 <= value <= most - trained:
            raise PydanticCustomError(
                "range", f"expected 0 (by share) or 10 to {most - trained:,}; got {value:,}"
            )
        return value

    @field_validator("loss")
    @classmethod
    def _loss_text(cls, value: str) -> str:
        return checked_text(value, "loss")

    @field_validator("metrics", mode="before")
    @classmethod
    def _read_metrics(cls, value: Any) -> Any:
        """As a link has them: names with commas between, a text, or a JSON list of both."""
        if not isinstance(value, str):
            return value
        if value.startswith("["):
            try:
                return json.loads(value)
            except (ValueError, RecursionError):
                return [value]
        parts = [part.strip() for part in value.split(",") if part.strip()]
        return parts if all(map(is_name, parts)) else [value]

    @field_validator("metrics")
    @classmethod
    def _metrics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        texts = dict.fromkeys(checked_text(text, "metric") for text in value)
        texts.pop("accuracy", None)  # is measured in any case
        if len(texts) > MAX_METRICS:
            raise PydanticCustomError("length", f"expected at most {MAX_METRICS}; got {len(texts)}")
        return tuple(texts)

    @field_validator("loss_parameters")
    @classmethod
    def _loss_parameters(cls, value: dict[str, float]) -> dict[str, float]:
        if len(value) > 32:
            raise PydanticCustomError("length", f"expected at most 32; got {len(value)}")
        for name in value:
            if not name.isidentifier() or name.startswith("_") or len(name) > 64:
                raise PydanticCustomError("name", f"expected parameter names; got {shown(name)}")
        return dict(sorted(value.items()))

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """The spec of these fields. Raises SpecError naming the first wrong field."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise spec_errors(error)[0] from None

    def to_json(self) -> str:
        """All fields, in a canonical order."""
        return json.dumps(self.model_dump(), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`. Raises SpecError."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            raise SpecError("spec", "expected JSON; got something else") from None
        if not isinstance(values, dict):
            raise SpecError("spec", "expected a JSON object of fields")
        return cls.parse(values)

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics that an evaluation computes: the spec's, and those that its task adds."""
        return self.metrics

    @property
    def numbers(self) -> int:
        """Which version of the numbers a run of this spec gives: 1 is the first. A task raises it
        for the specs whose numbers a change of ours moved, so that no run of before is taken for
        one of now."""
        return 1

    @property
    def dtype(self) -> str:
        """Keras' dtype policy of the network: the precision, "auto" as this machine decides it."""
        if self.precision != "auto":
            return self.precision
        exact = self.model_copy(update={"precision": "float32"})
        return automatic(_tasks()[self.task].plan(exact).multiply_adds)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that two equal specs share; a run of automatic precision has those
        of the one that it is computed in."""
        values = {**self.model_dump(), "precision": self.dtype}
        for name, field in type(self).model_fields.items():
            if name not in _FIRST and values[name] == field.default:
                del values[name]
        if self.numbers > 1:
            values["numbers"] = self.numbers
        text = json.dumps(values, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_query(self, base: Self | None = None) -> dict[str, str]:
        """Short text for a URL: the fields that differ from the data set's defaults.

        With a `base`, those that differ from the base as well, so that `from_query` with the same
        base gives this spec back, and without it still does.
        """
        plain = type(self)(dataset=self.dataset)
        query = {}
        for name in type(self).model_fields:
            value, default = getattr(self, name), getattr(plain, name)
            if name in ("task", "dataset"):
                default = RunSpec.model_fields[name].default
            differs = value != default or (
                base is not None and value != getattr(base, name, default)
            )
            if name == "loss_parameters":
                query.update({f"loss.{key}": f"{number:.9g}" for key, number in value.items()})
                if differs and "loss" not in query and base is not None:
                    query["loss"] = self.loss  # says that the base's parameters do not count
            elif differs:
                query[name] = to_text(value)
        return query

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], base: Self | None = None
    ) -> tuple[Self, list[str]]:
        """The spec a URL describes, and a note on each value that fell back to its default.

        Fields that the URL leaves out are the `base`'s, or the data set's defaults. Keys that are
        no field of a spec are not this method's business and are passed over.
        """
        values: dict[str, Any] = {}
        notes: list[str] = []
        parameters: dict[str, float] = {}
        task = query.get("task", base.task if base is not None else DEFAULT_TASK)
        chosen = spec_of(task) if cls is RunSpec else cls
        for key, text in query.items():
            if key.startswith("loss."):
                try:
                    parameters[key.removeprefix("loss.")] = float(text)
                except ValueError:
                    notes.append(f"{key}: expected a number; got {shown(text)}; left out")
            elif key in chosen.model_fields and key != "loss_parameters":
                values[key] = text
            elif theirs := spec_faults.others_knob(key, chosen, _tasks()):
                notes.append(f"{key}: {theirs}; left out")
        if parameters:
            values["loss_parameters"] = parameters
        if base is not None:
            kept = base.model_dump(include=set(chosen.model_fields))
            if "loss" in values or parameters:
                kept.pop("loss_parameters")
            values = {**kept, **values}
        while True:
            try:
                return chosen(**values), notes  # type: ignore[return-value]
            except ValidationError as error:
                for fault in spec_errors(error):
                    said = str(fault).removesuffix(".")
                    if values.pop(fault.field, None) is not None:
                        notes.append(f"{said}; using the default")
                        continue
                    # A default that does not go with what is asked for, as of a run of before.
                    asked = values.keys() - {"task", "dataset"}
                    if not asked:
                        raise fault from None  # of ours is wrong: a bug, not a bad link
                    for name in asked:
                        del values[name]
                    notes.append(f"{said}; using the defaults")


def fields(task: str | None = None) -> dict[str, FieldInfo]:
    """The fields of a task's spec, in order; without a task those of all, each once."""
    chosen = [spec_of(task)] if task is not None else [each.Spec for each in _tasks().values()]
    found: dict[str, FieldInfo] = {}
    for spec in chosen:
        found = {**spec.model_fields, **found}
    return found


def knobs(task: str | None = None) -> dict[str, Knob]:
    """The knob of every field of a task, or of all, in the fields' order."""
    return {name: knob_of(field) for name, field in fields(task).items()}


def spec_errors(error: ValidationError) -> list[SpecError]:
    """pydantic's findings, one SpecError for each field, in our words."""
    return spec_faults.in_words(error, _tasks(), RunSpec)


def _most_images(info: ValidationInfo) -> int:
    """How many training images the data set has; as many as any, where that is the fault."""
    source = find(info.data.get("dataset"))
    return source.train_count if source else max(each.train_count for each in KNOWN.values())
