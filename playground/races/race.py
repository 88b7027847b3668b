"""What a race is: one spec that all lanes share, what each lane changes in it, and seeds.

Every lane is trained once with every seed. A seed decides the images that are drawn and held out,
the wrong labels, the first weights and the order of the batches, so that of one seed the lanes
differ by what they change and nothing else, and their results are compared in pairs.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Self

from playground import naming
from playground.errors import SpecError
from playground.knobs import shown
from playground.spec import DEFAULT_TASK, RunSpec, fields, knobs

MOST_LANES = 8  # of a race; of a sweep they are its points
MOST_POINTS = 256
MOST_SEEDS = 30
MOST_RUNS = 2000
MAX_TITLE = 60
RACE, SWEEP = "race", "sweep"
TARGET = 0.9  # the accuracy to reach, where nothing else is asked
# What lanes are judged by, and the share or number it is.
JUDGES = ("accuracy", "nll", "brier", "ece", "macro_f1", "worst_class", "knn_1")
KEPT_APART = ("task", "seed")  # fields that lanes have in common in any case


@dataclass(frozen=True)
class Lane:
    """`changes` are fields of the base's spec with other values; `title` what it is called, "" for
    what the changes say."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""

    def to_values(self) -> dict[str, Any]:
        """As plain values."""
        return {**({"title": self.title} if self.title else {}), **self.changes}


@dataclass(frozen=True)
class Race:
    """A race of 2 to 8 lanes, or a sweep, whose lanes are its points.

    Seeds are those from the base's on. `judge`, of JUDGES, is the number that decides; `target` the
    validation accuracy whose steps and seconds are told. `halving` above 1 trains all lanes for few
    epochs first, keeps the best of so many, and trains those for so many times as long; `varied`
    are the fields that a sweep varies, `loss.q` for a parameter of the loss, and `sweep` says how
    its points were drawn, as a file of a race does (`race_file`); empty where they were given.
    Raises SpecError.
    """

    base: RunSpec
    lanes: tuple[Lane, ...]
    seeds: int = 1
    judge: str = JUDGES[0]
    target: float = TARGET
    kind: str = RACE
    halving: int = 0
    varied: tuple[str, ...] = ()
    sweep: Mapping[str, Any] = field(default_factory=dict)
    _digests: dict[tuple[int, int, int], str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.base.task != DEFAULT_TASK:
            raise SpecError(
                "task",
                f"races are of classification; got {shown(self.base.task)}",
                "Its numbers, such as calibration and the worst class, are of classes.",
            )
        if self.kind not in (RACE, SWEEP):
            raise SpecError("kind", f"expected {RACE} or {SWEEP}; got {shown(self.kind)}")
        most = MOST_LANES if self.kind == RACE else MOST_POINTS
        if not 2 <= len(self.lanes) <= most:
            what = "lanes" if self.kind == RACE else "points"
            raise SpecError("lanes", f"expected 2 to {most} {what}; got {len(self.lanes)}")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise SpecError("seeds", f"expected 1 to {MOST_SEEDS}; got {self.seeds}")
        if len(self.lanes) * self.seeds > MOST_RUNS:
            runs = len(self.lanes) * self.seeds
            raise SpecError("seeds", f"expected at most {MOST_RUNS:,} runs in all; got {runs:,}")
        if self.judge not in JUDGES:
            expected = ", ".join(JUDGES)
            raise SpecError("judge", f"expected one of {expected}; got {shown(self.judge)}")
        if not 0 < self.target < 1:
            raise SpecError("target", f"expected an accuracy from 0 to 1; got {shown(self.target)}")
        if self.halving not in (0, 2, 3, 4):
            raise SpecError("halving", f"expected 0 (off), 2, 3 or 4; got {self.halving}")
        seen: dict[str, int] = {}
        for number, lane in enumerate(self.lanes, 1):
            _check(number, lane)
            if self.halving and "epochs" in lane.changes:
                raise SpecError(
                    f"lane {number}: epochs",
                    "halving sets the epochs of all lanes",
                    "Leave it out.",
                )
            digest = self.digest_of(number - 1)
            if digest in seen:
                raise SpecError(
                    f"lane {number}",
                    f"it is the same as lane {seen[digest]}",
                    "Change its loss or a setting: two equal runs have equal numbers.",
                )
            seen[digest] = number

    def spec(self, lane: int, seed: int = 0, epochs: int = 0) -> RunSpec:
        """The run of a lane with the seed of this place, both from 0; of `epochs` where that is
        not 0. Raises SpecError that names the lane."""
        changes = dict(self.lanes[lane].changes)
        if "loss" in changes:
            changes.setdefault("loss_parameters", {})
        values = {**self.base.model_dump(), **changes}
        values["seed"] = self.base.seed + seed
        if epochs:
            values["epochs"] = epochs
        try:
            return RunSpec.parse(values)
        except SpecError as error:
            raise SpecError(f"lane {lane + 1}: {error.field}", _said(error), error.hint) from None

    def digest_of(self, lane: int, seed: int = 0, epochs: int = 0) -> str:
        """The digest of that run's spec, made once: whoever follows a race asks again and again."""
        place = lane, seed, epochs
        if place not in self._digests:
            self._digests[place] = self.spec(*place).digest
        return self._digests[place]

    def titles(self) -> list[str]:
        """What the lanes are called: no two alike."""
        found = [lane.title or _title(lane.changes, self.base) for lane in self.lanes]
        return [
            f"{title} ({number})" if found.count(title) > 1 else title
            for number, title in enumerate(found, 1)
        ]

    def differing(self) -> list[str]:
        """The fields in which lanes differ."""
        names = {name for lane in self.lanes for name in lane.changes}
        return [name for name in fields(self.base.task) if name in names]

    @property
    def rungs(self) -> list[int]:
        """How many epochs each round of halving trains, the last those of the base. Without halving
        there is one round, and 0 says that each lane trains its own."""
        if not self.halving:
            return [0]
        found, count = [self.base.epochs], len(self.lanes)
        while count > self.halving and found[0] > 1:
            count = -(-count // self.halving)
            found.insert(0, max(1, -(-found[0] // self.halving)))
        return found

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that two equal races share."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    @classmethod
    def of(cls, specs: Sequence[RunSpec], kind: str = RACE) -> Self:
        """The race of these runs, the first its base: each lane changes what differs. Raises
        SpecError."""
        lanes = []
        for spec in specs:
            own = {
                name: value
                for name, value in spec.model_dump().items()
                if value != getattr(specs[0], name, None)
            }
            if "loss" in own:
                own["loss_parameters"] = dict(spec.loss_parameters)
            lanes.append(Lane(own))
        return cls(specs[0], tuple(lanes), kind=kind)

    def same_as(self, other: "Race") -> bool:
        """Whether both train the same runs for the same question, however they were written."""

        def asked(race: Race) -> tuple[object, ...]:
            return len(race.lanes), race.seeds, race.judge, race.target, race.kind, race.halving

        return asked(self) == asked(other) and all(
            self.digest_of(lane) == other.digest_of(lane) for lane in range(len(self.lanes))
        )

    def with_seeds(self, count: int) -> "Race":
        """The same over so many seeds; those it has are among them. Raises SpecError."""
        return replace(self, seeds=count)

    def to_json(self) -> str:
        """All of it, in a canonical order."""
        plain = RunSpec(task=self.base.task, dataset=self.base.dataset)
        base = {
            name: value
            for name, value in self.base.model_dump().items()
            if value != getattr(plain, name) or name in ("task", "dataset")
        }
        values: dict[str, Any] = {
            "base": base,
            "lanes": [lane.to_values() for lane in self.lanes],
            "seeds": self.seeds,
            "judge": self.judge,
            "target": self.target,
            "kind": self.kind,
            "halving": self.halving,
            "varied": self.varied,
            **({"sweep": self.sweep} if self.sweep else {}),
        }
        return json.dumps(values, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`. Raises SpecError."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            raise SpecError("race", "expected JSON; got something else") from None
        return cls.parse(values)

    @classmethod
    def recall(cls, text: str) -> "Race":
        """The race of a text that was read before, if it was: one object, with its digests."""
        return _recalled(text)

    @classmethod
    def parse(cls, values: Any) -> Self:
        """A race of plain values, as `to_json` has them. Raises SpecError naming what is wrong."""
        if not isinstance(values, Mapping):
            raise SpecError("race", f"expected an object of fields; got {shown(values)}")
        known = {name for name in cls.__dataclass_fields__ if not name.startswith("_")}
        for name in values:
            if name not in known:
                expected = ", ".join(sorted(known))
                raise SpecError(str(name)[:40], f"no such field; expected some of {expected}")
        base, lanes = values.get("base", {}), values.get("lanes", ())
        if not isinstance(base, Mapping):
            raise SpecError("base", f"expected settings of a run; got {shown(base)}")
        if isinstance(lanes, str | bytes) or not isinstance(lanes, Sequence):
            raise SpecError("lanes", f"expected a list of lanes; got {shown(lanes)}")
        plain = {name: values[name] for name in known - {"base", "lanes"} if name in values}
        for name, kind in _KINDS.items():
            if name in plain and (not isinstance(plain[name], kind) or plain[name] is True):
                raise SpecError(name, f"expected {_WORDS[name]}; got {shown(plain[name])}")
        plain["varied"] = tuple(str(name) for name in plain.get("varied", ()))
        return cls(
            base=RunSpec.parse(base),
            lanes=tuple(_lane(number, lane) for number, lane in enumerate(lanes, 1)),
            **plain,
        )


@lru_cache(maxsize=32)  # each with up to MOST_RUNS digests for every round of halving
def _recalled(text: str) -> Race:
    return Race.from_json(text)


_KINDS: dict[str, Any] = {
    "seeds": int,
    "judge": str,
    "target": int | float,
    "kind": str,
    "halving": int,
    "varied": list | tuple,
    "sweep": Mapping,
}
_WORDS = {
    "seeds": "a whole number",
    "judge": f"one of {', '.join(JUDGES)}",
    "target": "an accuracy from 0 to 1",
    "kind": f"{RACE} or {SWEEP}",
    "halving": "0 (off), 2, 3 or 4",
    "varied": "a list of fields",
    "sweep": "how its points were drawn",
}


def _lane(number: int, values: Any) -> Lane:
    if not isinstance(values, Mapping):
        raise SpecError(f"lane {number}", f"expected an object of fields; got {shown(values)}")
    changes = {str(name): value for name, value in values.items() if name != "title"}
    title = values.get("title", "")
    if not isinstance(title, str) or len(title) > MAX_TITLE:
        expected = f"expected a text of at most {MAX_TITLE} characters"
        raise SpecError(f"lane {number}: title", f"{expected}; got {shown(title)}")
    return Lane(changes, " ".join(title.split()))


def _check(number: int, lane: Lane) -> None:
    for name in lane.changes:
        if name in KEPT_APART:
            raise SpecError(
                f"lane {number}: {name}",
                "all lanes have it in common",
                "Set it in the base; seeds are counted from the base's.",
            )


def _said(error: SpecError) -> str:
    return error.message.removeprefix(f"{error.field}: ")


def _title(changes: Mapping[str, Any], base: RunSpec) -> str:
    """The loss' name where the lane has one of its own, and what else it changes."""
    parts = []
    if "loss" in changes or not changes:
        parts.append(naming.cut(naming.loss_name(str(changes.get("loss", base.loss))), 40))
    for name, value in changes.items():
        if name == "loss_parameters":
            parts += [f"{key} {float(number):g}" for key, number in dict(value).items()]
        elif name != "loss":
            parts.append(said(name, value))
    return naming.cut(" · ".join(parts), MAX_TITLE)


def said(name: str, value: Any) -> str:
    """A setting and its value in few words."""
    known = knobs().get(name)
    label = known.label.lower() if known is not None else name.removeprefix("loss.")
    if known is not None and known.choices is not None and value in known.choices:
        return f"{label} {known.choices[value].lower()}"
    if isinstance(value, bool):
        return label if value else f"no {label}"
    if name == "loss":
        return naming.cut(naming.loss_name(str(value)), 40)
    return f"{label} {value:g}" if isinstance(value, int | float) else f"{label} {value}"
