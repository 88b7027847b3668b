"""RunSpec: one run wholly described, and the one table of knobs behind every control.

Each field carries a `Knob`: its label, help, range or choices. The widgets, the URL, the command
line, the saved JSON and the validation all read that table, so nothing about a knob is written
twice. What a data set needs by default (its `Source`) fills the fields that are left out.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from playground.datasets import SETS
from playground.errors import SpecError

MAX_LOSS_CHARACTERS = 10_000  # of a metric, too
MAX_METRICS = 6
# What `watch_fit` measures beside loss and accuracy, and what label noise does.
FIT_METRICS = ("negative_log_likelihood", "brier", "expected_calibration_error")
DEFAULT_LOSS = "categorical_crossentropy"

# Fields that runs recorded before them do not have.
LATER = (
    "validation_images",
    "label_noise",
    "noise_kind",
    "imbalance",
    "linear_embedding",
    "logits_bias",
    "center_rate",
    "flip",
    "shift",
    "crop",
    "mixup",
    "patience",
    "watch_fit",
    "class_weights",
)
# What the weights of the classes may be beside a number a class.
NONE, BALANCED = "none", "balanced"
MAX_WEIGHT = 1000.0


class Titles(Mapping[str, str]):
    """Choices by their titles: those that a table has at the moment."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> str:
        return str(self._table[name].title)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


@dataclass(frozen=True)
class Knob:
    """What a control needs to know of a field; numbers have a range, the rest has choices."""

    label: str
    help: str
    group: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: Mapping[str, str] | None = None  # value -> label
    zero: str = ""  # what 0 means, where it stands for more than a number


class RunSpec(BaseModel):
    """One run, wholly. Frozen; `digest` is its identity. Raises pydantic's ValidationError when
    built wrongly; `parse` and `from_query` give SpecErrors written for visitors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: Annotated[
        str,
        Knob("Task", "What is learned.", choices={"classification": "Classification"}),
    ] = "classification"
    dataset: Annotated[
        str,
        Knob(
            "Data set",
            "The images to learn from. Digits comes with scikit-learn and always works.",
            "data",
            choices=Titles(SETS),
        ),
    ] = "mnist"
    train_images: Annotated[
        int,
        Knob(
            "Images",
            "How many of the training images are used, drawn with the seed; the held-out ones "
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
            "Held out",
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
            "Held-out images",
            "So many are held out beside the images above, which are then all trained on: with the "
            "same seed the same ones, however many are trained on.",
            "data",
            low=0,
            high=10_000,
            step=50,
            zero="by share",
        ),
    ] = 0
    label_noise: Annotated[
        float,
        Knob(
            "Label noise",
            "Share of the training images that get a wrong label. Held-out and test labels stay "
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
    normalise: Annotated[
        str,
        Knob(
            "Normalisation",
            "Subtract the mean and divide by the spread of each pixel or each channel of the "
            "training images, or only scale to 0…1.",
            "data",
            choices={
                "pixel": "Per pixel",
                "channel": "Per channel",
                "unit": "Scale to 0…1",
            },
        ),
    ] = "pixel"
    model: Annotated[
        str,
        Knob(
            "Model",
            "The network. A block is one or two convolutions and a pooling.",
            "model",
            choices={
                "simple": "CNN, one convolution a block",
                "double": "CNN, two convolutions a block",
                "lenet": "LeNet++, two 5×5 convolutions a block",
            },
        ),
    ] = "simple"
    width: Annotated[
        int,
        Knob(
            "Width",
            "Filters of the first block; each next block has twice as many.",
            "model",
            low=2,
            high=64,
            step=2,
        ),
    ] = 16
    depth: Annotated[
        int, Knob("Depth", "Number of convolution blocks.", "model", low=1, high=4, step=1)
    ] = 2
    embedding: Annotated[
        int,
        Knob(
            "Embedding size",
            "Units of the last hidden layer, the features.",
            "model",
            low=2,
            high=512,
            step=1,
        ),
    ] = 64
    linear_embedding: Annotated[
        bool,
        Knob(
            "Linear embedding",
            "No activation after the features, so that they use the whole plane.",
            "model",
        ),
    ] = False
    logits_bias: Annotated[
        bool,
        Knob(
            "Bias of the last layer",
            "Without it classes can only differ in the direction of their features.",
            "model",
        ),
    ] = True
    activation: Annotated[
        str,
        Knob(
            "Activation",
            "The non-linearity after each layer.",
            "model",
            choices={
                "relu": "ReLU",
                "leaky_relu": "Leaky ReLU",
                "prelu": "PReLU, a learned slope a filter",
                "elu": "ELU",
                "gelu": "GELU",
                "silu": "SiLU",
                "tanh": "tanh",
                "sigmoid": "Sigmoid",
            },
        ),
    ] = "relu"
    batch_norm: Annotated[
        bool, Knob("Batch norm", "Normalise each convolution's output over the batch.", "model")
    ] = False
    dropout: Annotated[
        float,
        Knob(
            "Dropout",
            "Share of the inputs of the last hidden layer silenced at random in each step.",
            "regularisation",
            low=0.0,
            high=0.9,
            step=0.05,
        ),
    ] = 0.0
    l2: Annotated[
        float,
        Knob(
            "L2",
            "Weight decay strength: adds λ·Σw² of the kernels to the loss.",
            "regularisation",
            low=0.0,
            high=0.1,
            step=1e-5,
        ),
    ] = 0.0
    flip: Annotated[
        bool,
        Knob("Flip", "Mirror every other training image, left for right.", "augmentation"),
    ] = False
    shift: Annotated[
        int,
        Knob(
            "Shift",
            "Move each training image by up to so many pixels each way, black coming in.",
            "augmentation",
            low=0,
            high=8,
            step=1,
        ),
    ] = 0
    crop: Annotated[
        float,
        Knob(
            "Crop",
            "Cut up to this share off each training image's sides and enlarge the rest.",
            "augmentation",
            low=0.0,
            high=0.5,
            step=0.05,
        ),
    ] = 0.0
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
    loss: Annotated[
        str, Knob("Loss", "A named loss, or one written in the loss language.", "loss")
    ] = DEFAULT_LOSS
    loss_parameters: Annotated[
        dict[str, float], Knob("Loss parameters", "Values for the loss' parameters.", "loss")
    ] = {}
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
    metrics: Annotated[
        tuple[str, ...],
        Knob(
            "Metrics",
            "What is measured on the held-out images beside loss and accuracy: names of metrics, "
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
            "bfloat16 halves the bits of activations; faster where the processor has it.",
            "optimiser",
            choices={"float32": "float32", "mixed_bfloat16": "mixed bfloat16"},
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
    watch_fit: Annotated[
        bool,
        Knob(
            "Watch the fit",
            "Also measure a sample of the training images with dropout off, and calibration: what "
            "the page Fitting draws.",
            "optimiser",
        ),
    ] = False

    @model_validator(mode="before")
    @classmethod
    def _fill_defaults(cls, values: Any) -> Any:
        """Fields left out take what suits the data set."""
        if isinstance(values, Mapping):
            dataset = values.get("dataset", "mnist")
            source = SETS.get(dataset) if isinstance(dataset, str) else None
            return {**(source.defaults if source else {}), **values}
        return values

    @field_validator("*")
    @classmethod
    def _within_knob(cls, value: Any, info: Any) -> Any:
        knob = knobs()[info.field_name]
        if knob.choices is not None and value not in knob.choices:
            raise PydanticCustomError(
                "choice", f"expected one of {', '.join(knob.choices)}; got {_shown(value)}"
            )
        if knob.low is not None and knob.high is not None and not knob.low <= value <= knob.high:
            raise PydanticCustomError(
                "range", f"expected {knob.low:.10g} to {knob.high:.10g}; got {_shown(value)}"
            )
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

    @field_validator("class_weights")
    @classmethod
    def _a_number_a_class(cls, value: str, info: ValidationInfo) -> str:
        if value.strip() in (NONE, BALANCED):
            return value.strip()
        known = SETS.get(info.data.get("dataset", ""))
        count = len(known.class_names) if known is not None else value.count(",") + 1
        try:
            weights = [float(text) for text in value.split(",")]
        except ValueError:
            weights = []
        if len(weights) != count or not all(0 <= weight <= MAX_WEIGHT for weight in weights):
            raise PydanticCustomError(
                "range",
                f"expected {NONE}, {BALANCED}, or {count} numbers from 0 to {MAX_WEIGHT:g}, one a "
                f"class, as in {','.join(['1'] * (count - 1) + ['5'])}; got {_shown(value)}",
            )
        if not any(weights):
            raise PydanticCustomError("range", "expected a class that counts; got all 0")
        return ",".join(f"{weight:.9g}" for weight in weights)

    @field_validator("loss")
    @classmethod
    def _loss_text(cls, value: str) -> str:
        return _checked_text(value, "loss")

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
        texts = dict.fromkeys(_checked_text(text, "metric") for text in value)
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
                raise PydanticCustomError("name", f"expected parameter names; got {_shown(name)}")
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
    def digest(self) -> str:
        """16 hexadecimal digits that two equal specs share. Fields that came later count where
        they are moved only, so that a run of before has the digest it was recorded with."""
        values = self.model_dump()
        for name in LATER:
            if values[name] == type(self).model_fields[name].default:
                del values[name]
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
            if name == "dataset":
                default = "mnist"
            differs = value != default or (base is not None and value != getattr(base, name))
            if name == "loss_parameters":
                query.update({f"loss.{key}": f"{number:.9g}" for key, number in value.items()})
                if differs and "loss" not in query and base is not None:
                    query["loss"] = self.loss  # says that the base's parameters do not count
            elif differs:
                query[name] = _to_text(value)
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
        for key, text in query.items():
            if key.startswith("loss."):
                try:
                    parameters[key.removeprefix("loss.")] = float(text)
                except ValueError:
                    notes.append(f"{key}: expected a number; got {_shown(text)}; left out")
            elif key in cls.model_fields and key != "loss_parameters":
                values[key] = text
        if parameters:
            values["loss_parameters"] = parameters
        if base is not None:
            kept = base.model_dump()
            if "loss" in values or parameters:
                kept.pop("loss_parameters")
            values = {**kept, **values}
        while True:
            try:
                return cls(**values), notes
            except ValidationError as error:
                for fault in spec_errors(error):
                    if values.pop(fault.field, None) is None:
                        raise fault from None  # a default of ours is wrong: a bug, not a bad link
                    notes.append(f"{fault}; using the default")


def is_name(text: str) -> bool:
    """Whether a loss or a metric is given by the name of one rather than by a text."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text) is not None


def metric_key(metric: str) -> str:
    """Under what a metric of a spec is recorded, beside "loss" and "accuracy": its name, or a
    short word for its text that is the same in every run."""
    if is_name(metric):
        return metric
    return f"text_{hashlib.sha256(metric.encode()).hexdigest()[:8]}"


def fit_series(spec: RunSpec) -> list[str]:
    """The names of the series that a spec's levers of fitting record (`training.fit`)."""
    found = []
    if spec.watch_fit:
        names = ("loss", "accuracy", *FIT_METRICS, "nll_error")
        found += [f"{split}_{name}" for split in ("train", "validation") for name in names]
    if spec.label_noise:
        found += ["train_loss", "train_accuracy"]
        for whose in ("clean", "given", "true"):
            found += [f"train_{whose}_{name}" for name in ("accuracy", "nll")]
    return list(dict.fromkeys(found))


def _most_images(info: ValidationInfo) -> int:
    """How many training images the data set has; as many as any, where that is the fault."""
    source = SETS.get(info.data.get("dataset", ""))
    return source.train_count if source else max(each.train_count for each in SETS.values())


def _checked_text(value: str, what: str) -> str:
    if not value.strip():
        raise PydanticCustomError("empty", f"expected the name or the text of a {what}; got none")
    if len(value) > MAX_LOSS_CHARACTERS:
        raise PydanticCustomError(
            "length", f"expected at most {MAX_LOSS_CHARACTERS:,} characters; got {len(value):,}"
        )
    if any(0xD800 <= ord(character) <= 0xDFFF or character == "\0" for character in value):
        raise PydanticCustomError("text", "expected plain text; got characters that are none")
    return value


@cache
def knobs() -> dict[str, Knob]:
    """The knob of every field, in the fields' order."""
    found = {}
    for name, field in RunSpec.model_fields.items():
        found[name] = next(mark for mark in field.metadata if isinstance(mark, Knob))
    return found


def spec_errors(error: ValidationError) -> list[SpecError]:
    """pydantic's findings, one SpecError for each field, in our words."""
    found: dict[str, SpecError] = {}
    for item in error.errors(include_url=False, include_context=False):
        field = str(item["loc"][0]) if item["loc"] else "spec"
        known = item["type"] in {"choice", "range", "empty", "length", "text", "name"}
        if known:
            message = item["msg"]
        elif item["type"] == "extra_forbidden":
            message = "no such field"
        else:
            message = f"expected {_kind(field)}; got {_shown(item.get('input'))}"
        found.setdefault(field, SpecError(field, message))
    return list(found.values())


def _kind(field: str) -> str:
    known = RunSpec.model_fields.get(field)
    if known is None:
        return "a known field"
    names: dict[Any, str] = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "text",
    }
    kind = known.annotation
    if get_origin(kind) is tuple:
        return "a list of names or texts"
    return (
        names.get(kind, "names with numbers")
        if kind and not get_args(kind)
        else "names with numbers"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _to_text(value: Any) -> str:
    if isinstance(value, tuple):
        plain = all(map(is_name, value))
        return ",".join(value) if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:.9g}" if isinstance(value, float) else str(value)
