"""Every question that is put to a worker, in one table: which worker answers, what a browser may
send, how long one waits, which answers are kept, and what is said where there is none.

The worker (`answers`), the server (`runs.asking`) and the routes (`pages.live.routes`) read it. A
new question is an entry here and its function in `answers` (`analysis`, for one about a network).
"""

import base64
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.errors import QuestionError
from playground.knobs import MAX_LOSS_CHARACTERS
from playground.tasks import TASKS

RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_CLASSES = 100
MAX_CODES, MAX_WIDTH = 64, 64  # codes that are decoded at once, and numbers of each
VIEWS = frozenset({"curve", "simplex", "weights"})
_AGAIN = "Try again."
_SMALLER = "Make it smaller: fewer steps, smaller arrays."


@dataclass(frozen=True)
class Question:
    """What is asked of the worker of a `role`: "check" (losses and metrics), "look" (networks) or
    "project" (layouts of an embedding).

    `doing` begins the sentence that says that there is no answer, `hint` ends it. The answer may
    take as many seconds as the setting `patience` says. A `slow` question lets others pass until it
    has waited too long, an `interruptible` one is given up, too, for one that comes meanwhile.
    As many answers as `kept` says are kept, by the fields `by`.

    A `public` one is answered to browsers: as JSON, or `packed` (`pages.live.packing`) with arrays.
    It takes `fields` of `FIELDS`, of which `required` must be there. To those the server `adds`, of
    the run that is asked about, the "weights" kept nearest to a step, or its latest "answers".
    """

    role: str
    doing: str
    hint: str = _AGAIN
    patience: str = "answer_seconds"
    slow: bool = False
    interruptible: bool = False
    kept: int = 0
    by: tuple[str, ...] = ()
    public: bool = False
    packed: bool = False
    fields: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    adds: str = ""


def _look(*fields: str, required: tuple[str, ...] = (), slow: bool = False) -> Question:
    """A question about the network of a run."""
    return Question(
        "look",
        "Looking into the network",
        "Try again; a smaller network answers sooner.",
        patience="look_seconds",
        slow=slow,
        public=True,
        packed=True,
        fields=("run", "step", *fields),
        required=("run", *required),
        adds="weights",
    )


QUESTIONS: dict[str, Question] = {
    "check": Question(
        "check",
        "Checking this text",
        _SMALLER,
        public=True,
        fields=("text", "parameters", "task", "classes"),
        required=("text",),
    ),
    "metric": Question(
        "check",
        "Checking this metric",
        _SMALLER,
        public=True,
        fields=("text", "task", "classes"),
        required=("text",),
    ),
    "mutant": Question("check", "Changing this loss", _SMALLER, slow=True),
    "doctor": Question("check", "Examining this loss", _SMALLER, slow=True, interruptible=True),
    "portrait": Question(
        "check",
        "Drawing this loss",
        _SMALLER,
        public=True,
        packed=True,
        fields=("text", "parameters", "view", "run", "task", "classes"),
        required=("text", "view"),
        adds="answers",
    ),
    "descents": Question(
        "check",
        "Moving the boxes",
        patience="look_seconds",  # the first time five losses are traced
        public=True,
        packed=True,
        fields=("codes", "text"),
        required=("codes",),
    ),
    "reference": Question("check", "Reading the reference images", kept=1),
    "catalog": Question("check", "Listing the losses", kept=1),
    "metrics": Question("check", "Listing the metrics", kept=1),
    "glossary": Question(
        "check", "Listing the names", kept=16, by=("task",), public=True, fields=("task",)
    ),
    "sample": Question("check", "Reading the sample images", kept=64, by=("dataset",)),
    "maps": _look("image", "gradients", "layer", "unit"),
    "kernel": _look("image", "layer", "unit"),
    "why": _look("image", "target", slow=True),
    "exemplars": _look("layer", "unit", slow=True),
    "browse": _look(),
    "dead": _look(slow=True),
    "match": _look("layer", "other", "other_step", required=("other",), slow=True),
    "embedding": _look("split", "method", "dims"),
    "neighbours": _look("split", "unit"),
    "pictures": _look("split", "unit"),
    "reconstructions": _look(),
    "latent": _look("target"),
    "decode": _look("codes", "walk", "target"),
    "encode": _look("image", "target", required=("image",)),
    "detect": _look("codes", "image"),
    "file": Question("look", "Writing the file", patience="look_seconds"),
    "project": Question(
        "project",
        "Laying out the embedding",
        patience="look_seconds",
        kept=256,  # some 20 kB each
        by=("run", "step", "method", "dims"),
    ),
}
LOOKS = frozenset(name for name, question in QUESTIONS.items() if question.role == "look")


def read(name: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a public question out of what a browser sent; what it does not take is left
    out. Raises QuestionError, which names the field."""
    question, found = QUESTIONS[name], {}
    for field in question.fields:
        value = asked.get(field)
        if field not in question.required and (value is None or value is False or value == ""):
            continue
        wanted, reading = FIELDS[field]
        try:
            found[field] = reading(value)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            raise QuestionError(field, f"expected {wanted}") from None
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    if len(value) > MAX_LOSS_CHARACTERS:
        most = f"expected at most {MAX_LOSS_CHARACTERS:,} characters"
        raise QuestionError("text", most, too_long=True)
    return value


def _run(value: Any) -> str:
    if not isinstance(value, str) or not RUN_ID.fullmatch(value):
        raise ValueError
    return value


def _integer(value: Any) -> int:
    """Of a size that everything behind takes; true and false are none."""
    if not isinstance(value, int) or isinstance(value, bool) or not -1 <= value < 10**9:
        raise ValueError
    return value


def _image(value: Any) -> dict[str, Any]:
    """A test image by its number; with pixels, those in its place."""
    found: dict[str, Any] = {}
    if "test" in value or "pixels" not in value:
        found["test"] = _integer(value["test"])
    if "pixels" in value:
        content = base64.b64decode(value["pixels"], validate=True)
        found["pixels"] = np.frombuffer(content, np.uint8)
    return found


def _numbers(value: Any) -> list[list[float]]:
    """Rows of numbers, at most `MAX_CODES` of `MAX_WIDTH`."""
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CODES:
        raise ValueError
    if any(not isinstance(row, list) or not 1 <= len(row) <= MAX_WIDTH for row in value):
        raise ValueError
    found = [[float(number) for number in row] for row in value]
    if not all(math.isfinite(number) for row in found for number in row):
        raise ValueError
    return found


def _class_count(value: Any) -> int:
    found = _integer(value)
    if not 2 <= found <= MAX_CLASSES:
        raise ValueError
    return found


def _two(value: Any) -> list[int]:
    first, second = value
    return [_integer(first), _integer(second)]


def _one_of(known: Any) -> Callable[[Any], str]:
    def chosen(value: Any) -> str:
        if value not in known:
            raise ValueError
        return str(value)

    return chosen


def _name(length: int) -> Callable[[Any], str]:
    return lambda value: str(value)[:length]


_WHOLE = "a whole number"
# What a browser may send: in words, and how it is read.
FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "text": ("a text", _text),
    "parameters": (
        "a number for each parameter's name",
        lambda value: {str(name): float(number) for name, number in value.items()},
    ),
    "task": ("the name of a task", _one_of(TASKS)),
    "view": (f"one of {', '.join(sorted(VIEWS))}", _one_of(VIEWS)),
    "classes": (f"a whole number from 2 to {MAX_CLASSES}", _class_count),
    "run": ("the id of a run", _run),
    "other": ("the id of a run", _run),
    "step": (_WHOLE, _integer),
    "other_step": (_WHOLE, _integer),
    "image": ('{"test": number}, {"pixels": base64} or both', _image),
    "layer": ("a layer's name", _name(64)),
    "unit": (_WHOLE, _integer),
    "target": (_WHOLE, _integer),
    "dims": (_WHOLE, _integer),
    "split": ("a split's name", _name(16)),
    "method": ("a method's name", _name(16)),
    "codes": ("a list of codes, each a list of numbers", _numbers),
    "walk": ("two whole numbers", _two),
    "gradients": ("true or false", bool),
}
