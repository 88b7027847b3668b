"""What a task is: a spec of its own, a network, names for a loss, what is measured and shown.

A task is one file of this package, entered in `playground.tasks.TASKS`. What is here imports no
TensorFlow, because the server reads it; `Task.work` makes the part that does
(`playground.training.work.Work`), in a worker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.datasets import Dataset
from playground.errors import SpecError
from playground.knobs import metric_key
from playground.layers import Plan
from playground.spec import RunSpec
from playground.tasks.inputs import Input

if TYPE_CHECKING:
    from playground.training.events import Evaluated, Started
    from playground.training.work import Work


@dataclass(frozen=True)
class Measure:
    """A number that every evaluation records beside the loss: its `key`, title, unit and which way
    is better; of each step of training, too, if `of_steps`."""

    key: str
    title: str
    unit: str = ""
    better: str = "higher"
    of_steps: bool = False

    @property
    def words(self) -> str:
        """The title within a sentence: abbreviations stay as they are."""
        return " ".join(
            word if sum(letter.isupper() for letter in word) > 1 else word.lower()
            for word in self.title.split()
        )

    def said(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:.2%}" if self.unit == "%" else f"{value:.4g}{self.unit}"


@dataclass(frozen=True)
class Sight:
    """An image that a network takes, for the pages that look into it: the `input` that it goes in
    by, which of a batch's rows are it and its class, and the layers of its `features` (the
    embedding) and of the `logits` of its class; "" where there are none."""

    input: str
    image: str = "images"
    label: str = "labels"
    features: str = ""
    logits: str = ""


@dataclass(frozen=True)
class Head:
    """A head of a network: its `name` in a sentence, what of a loss trains it (`inputs`), and the
    `term` that does where there is none, times a parameter called `weight` that the text `line`
    declares, as in "1.0  # 0..2"."""

    name: str
    inputs: frozenset[str]
    term: str
    weight: str
    line: str

    @property
    def weighed(self) -> str:
        """The term with its weight."""
        return f"{self.weight} * {self.term}"


class Task:
    """A task with the usual answers."""

    name: str  # in RunSpec.task, the URL and the command line
    title: str
    Spec: type[RunSpec]
    # What a loss or a metric may name: names that the language has (`known`), and its own.
    inputs: Mapping[str, Input | None] = MappingProxyType({})
    # What those are called elsewhere: a name that pasted code has, and the text that stands for it.
    others: Mapping[str, str] = MappingProxyType({})
    sizes: Mapping[str, int] = MappingProxyType({})  # of letters in them that never change
    measures: Sequence[Measure] = ()
    panels: Sequence[str] = ("loss",)  # of the Playground's curves
    views: Sequence[str] = ()  # live views of the Playground beside the curves
    page: str = "playground"  # the file in `pages` on which it is set up and watched
    icon: str = ":material/category:"  # of that page, where it is its own
    felt_at = "the features"  # where the pull of each of a loss' terms is measured, in words
    packed: Sequence[str] = ()  # modules of `playground/training` that an exported script imports

    def of_terms(self, spec: Any) -> Sequence[Measure]:
        """What is charted of each term of a loss of several, by the ends of the series' names
        (`playground.training.terms`): its value first."""
        return (
            Measure("", ""),
            Measure("_features", "|slope| at features"),
            Measure("_logits", "|slope| at logits"),
        )

    @property
    def main(self) -> Measure:
        """The measure that stands for all where there is room for one."""
        return self.measures[0] if self.measures else Measure("loss", "Loss", better="lower")

    def plan(self, spec: Any) -> Plan:
        """The network as data."""
        raise NotImplementedError

    def sights(self, spec: Any) -> Sequence[Sight]:
        """The images that the network of a spec takes at once."""
        plan = self.plan(spec)
        names = {layer.name for layer in plan.layers}
        features, logits = (each if each in names else "" for each in ("features", "logits"))
        return (Sight(next(iter(plan.inputs)), features=features, logits=logits),)

    def heads(self, spec: Any) -> Sequence[Head]:
        """The heads of a network that a loss trains each by a term of its own; none where one term
        trains all."""
        return ()

    def phase_epochs(self, spec: Any) -> Sequence[int]:
        """How many of a spec's epochs each of its phases takes. A spec whose epochs these are not
        is refused."""
        return (spec.epochs,)

    def work(self, spec: Any, dataset: Dataset) -> "Work":
        """The worker's part of a run. Imports TensorFlow."""
        raise NotImplementedError

    def series(self, spec: Any) -> list[str]:
        """The curves that a run of this spec records and a page follows, by their names in the
        store: those of every step, then those of its evaluations."""
        steps = ["loss", *(each.key for each in self.measures if each.of_steps)]
        keys = ["loss", *(each.key for each in self.measures), *map(metric_key, spec.measured)]
        return [*steps, *dict.fromkeys(f"validation_{key}" for key in keys)]

    def view_data(self, evaluated: "Evaluated", started: "Started") -> dict[str, Any]:
        """What the live views of this task show of an evaluation, JSON-able, by their names. What
        classification's show, a task's own arrays of the same names give, too."""
        return {}

    def script(self, spec: Any, weights: Mapping[str, np.ndarray], changed: bool) -> str:
        """The exported script. Raises SpecError where a task has none."""
        raise SpecError("task", f"a run of {self.title} has no script yet")
