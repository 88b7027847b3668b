"""What the file of a run may tell: the form of each event, every number, name and text of it within
what a run can have, so that no later look at the run, its CSV or its chart meets anything else."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from playground.spec import RunSpec
from playground.training import changes
from playground.training.events import Changed

MOST_STEPS = 100_000_000  # of a run of 100,000 images, one a step, over more epochs than there are
_FRAGMENT = 200  # characters of a loss' text that are kept of where it broke
_FLOAT32 = 3.4028235e38
_PLAIN = r"^[^\x00]*$"  # PostgreSQL keeps no text with a NUL in it
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_PLAIN)]
# Of what may head a column of a CSV: a spreadsheet takes a cell that begins with =, +, - or @ for a
# formula.
Key = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_.]*$")]
Text = Annotated[str, StringConstraints(max_length=20_000, pattern=_PLAIN)]
LongText = Annotated[str, StringConstraints(max_length=1_000_000, pattern=_PLAIN)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Step = Annotated[int, Field(ge=0, le=MOST_STEPS)]
Place = Annotated[int, Field(ge=1, le=20_000)]
Epoch = Annotated[float, Field(ge=0, le=1e6)]
Seconds = Annotated[float, Field(ge=0, le=1e10)]
Short = Annotated[float, Field(ge=-_FLOAT32, le=_FLOAT32)]  # null stands for NaN and infinity


class Told(BaseModel):
    """A part of the file: nothing but what is expected, and no number but finite ones."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Where(Told):
    """A stretch of a written loss; of its text as much as is shown."""

    line: Place
    column: Place
    end_line: Place
    end_column: Place
    fragment: Annotated[Text, AfterValidator(lambda text: text[:_FRAGMENT])]


class Layer(Told):
    """A layer of the network, as `playground.layers` describes it."""

    name: Name
    kind: Name
    shape: Annotated[list[Count | None], Field(max_length=16)]
    parameters: Count
    inputs: list[Name] = []


class Parameter(Told):
    """A parameter of the loss; where it stands in the text."""

    name: Name
    value: float = 0.0
    default: float = 0.0
    low: float | None = None
    high: float | None = None
    step: float | None = None
    fixed: bool = False
    line: Count = 1
    column: Count = 1
    end_line: Count = 1
    end_column: Count = 1


class Remark(Told):
    """What the language remarks on the loss."""

    code: Name
    message: Text = ""
    hint: Text = ""
    fix: Text = ""


class Loss(Told):
    """The loss that the run began with; versions of before told less of it."""

    text: Text
    inputs: Annotated[list[Name], Field(max_length=100)]
    latex: LongText = ""
    parameters: Annotated[list[Parameter], Field(max_length=1_000)] = []
    warnings: list[Text] = []
    remarks: list[Remark] = []
    terms: list[Text] = []


class Said(Told):
    """An event."""

    event: Name


class Started(Said):
    """The run is built."""

    parameters: Count
    layers: Annotated[list[Layer], Field(max_length=1_000)]
    steps: Step
    steps_per_epoch: Annotated[int, Field(ge=1, le=MOST_STEPS)]
    train_images: Count
    validation_images: Count
    test_images: Count
    class_names: list[Name]
    loss: Loss
    arrays: list[Key]
    baseline: dict[Key, float | None]
    identity: dict[Key, Text]


class Progress(Said):
    """A stretch of steps."""

    step: Step
    epoch: Epoch
    seconds: Seconds
    images_per_second: Annotated[float, Field(ge=0, le=1e12)]
    series: Annotated[dict[Key, list[Short | None]], Field(max_length=200)]


class Evaluated(Said):
    """The model on images."""

    step: Step
    epoch: Epoch
    split: Literal["validation", "test", "train"]
    images: Count
    full: bool
    metrics: dict[Key, float | None]
    arrays: list[Key]


class Change(Said):
    """Something was changed mid-run; `check_changes` says whether a run can be changed so. The
    value of a change of the loss is JSON, in which a character may take six."""

    step: Step
    kind: Literal["state", "rate", "parameter", "loss", "broken", "back", "best", "phase"]
    name: Text  # of a phase: the names of its classes
    value: float | int | LongText


class Finished(Said):
    """The run ended as asked."""

    step: Step
    reason: Literal["completed", "stopped"]
    seconds: Seconds
    metrics: dict[Key, float | None]


class Failed(Said):
    """The run ended otherwise."""

    step: Step
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]
    message: Text
    hint: Text
    where: Where | None


class Origin(Told):
    """Where the run was trained."""

    run: Annotated[str, StringConstraints(pattern=r"^[\w-]{1,64}$")]
    number: Count
    created: Annotated[float, Field(ge=0, lt=1e11)]
    versions: Annotated[str, StringConstraints(pattern=r"^[\w ., +-]{1,64}$")]


class Broken(Told):
    """The JSON in the mark of a loss that was not finite."""

    message: Text
    hint: Text = ""
    where: Where | None = None
    mended: Text | None = None
    back: Step = 0


FORMS: dict[str, type[Said]] = {
    "Started": Started,
    "Progress": Progress,
    "Evaluated": Evaluated,
    "Changed": Change,
    "Finished": Finished,
    "Failed": Failed,
}


def check_changes(spec: RunSpec, loss: Mapping[str, Any], marks: Iterable[Changed]) -> None:
    """Raises ValueError or PlaygroundError unless a run of this spec, begun with this loss
    (`Started.loss`), can have been changed so."""
    own = True  # the loss is still the one it began with
    for mark in marks:
        value = mark.value
        if mark.kind == changes.LOSS:
            changes.with_loss(spec, value)
            own = False
        elif mark.kind == changes.BROKEN:
            Broken.model_validate_json(str(value))
        elif mark.kind in (changes.RATE, changes.PARAMETER):
            if not mark.name.isidentifier() or len(mark.name) > 64:
                raise ValueError("no name of a parameter")
            # What another loss has by way of parameters, only its text says.
            known = loss if own else {"inputs": ["centers"], "parameters": [{"name": mark.name}]}
            changes.check_number(mark.kind, mark.name, value, known)
        elif mark.kind == changes.STATE:
            if value not in ("paused", "running"):
                raise ValueError("no state")
        elif isinstance(value, str) or not 0 <= value <= MOST_STEPS:
            raise ValueError("no step, epoch or phase")
