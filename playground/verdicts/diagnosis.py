"""What check and doctor say of a run's loss, before any of its numbers is looked at.

A verdict takes it in and never contradicts it. What the language warned of is recorded when a run
starts; what the doctor finds (`losses.doctor(...).as_dict()`) is passed in where one has asked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground import trainable

CUT = frozenset({"no-gradient-path", "zero-gradient", "constant"})  # nothing is learned through it
FAINT = 0.1  # of cross-entropy's gradient: a loss below needs another learning rate


@dataclass(frozen=True)
class Diagnosis:
    """Of a loss: the inputs it takes, its parameters by name, the texts of its terms, what the
    language warns of as sentences and by `codes` with message, hint and fix, and the doctor's
    verdicts by name, where they are known."""

    inputs: frozenset[str] = frozenset()
    parameters: Mapping[str, float] = field(default_factory=dict)
    terms: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    doctor: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def says(self, name: str) -> str:
        """The doctor's answer on a property: "yes", "no", ...; "" where nobody has asked."""
        return str(self.doctor.get(name, {}).get("state", ""))

    @property
    def trains_features_only(self) -> bool:
        """Whether no gradient reaches the last layer, whose answers then mean nothing."""
        return bool(trainable.advice({"inputs": self.inputs, "warnings": self.warnings}))

    @property
    def cut(self) -> bool:
        """Whether no gradient reaches anything."""
        return bool(self.codes.keys() & CUT) or self.says("depends") == "no"

    @property
    def upside_down(self) -> bool:
        """Whether a right prediction costs more than a wrong one."""
        away = self.says("push") == "no" and self._evidence("push", "at", "0.01") < 0
        return "upside-down" in self.codes or (self.says("truth") == "no" and away)

    @property
    def endless(self) -> bool:
        """Whether it falls without end."""
        return "unbounded" in self.codes or self.says("bounded_below") == "no"

    @property
    def unsound(self) -> str:
        """Why the doctor says that it should not be trained with; "" if it does not."""
        return str(self.doctor["sound"]["sentence"]) if self.says("sound") == "no" else ""

    @property
    def strength(self) -> float:
        """Its gradient on an untrained network, by that of cross-entropy; NaN if not known."""
        return self._evidence("scale", "ratio")

    @property
    def faint(self) -> bool:
        """Whether it is so much weaker that the usual learning rates do not suit it."""
        return 0 < self.strength < FAINT

    @property
    def forgives(self) -> bool:
        """Whether what is surely wrong is hardly taught any more."""
        return self.says("sure") == "no" and self.says("push") == "no"

    def warning(self, *codes: str) -> Mapping[str, str]:
        """The first of these warnings that the language gave: message, hint and fix; or nothing."""
        return next((self.codes[code] for code in codes if code in self.codes), {})

    def _evidence(self, name: str, *path: str) -> float:
        found: Any = self.doctor.get(name, {}).get("evidence", {})
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
        return float(found) if isinstance(found, int | float) else float("nan")


def of(recorded: Mapping[str, Any], doctor: Iterable[Mapping[str, Any]] = ()) -> Diagnosis:
    """The diagnosis of a loss as it was `recorded` when its run started (Started.loss)."""
    return Diagnosis(
        inputs=frozenset(recorded.get("inputs", ())),
        parameters={
            each["name"]: float(each.get("value", each.get("default", 0.0)))
            for each in recorded.get("parameters", ())
        },
        terms=tuple(recorded.get("terms", ())),
        warnings=tuple(map(str, recorded.get("warnings", ()))),
        codes={each["code"]: each for each in recorded.get("remarks", ())},
        doctor={each["name"]: each for each in doctor},
    )
