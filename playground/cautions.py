"""What is to be known of a run's settings before it trains: page and command line say it alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.spec import RunSpec
from playground.verdicts.causes import TINY
from playground.verdicts.steps import BATCH


@dataclass(frozen=True)
class Caution:
    """A sentence, and the settings that mend it."""

    message: str
    change: Mapping[str, Any] = field(default_factory=dict)


def cautions(spec: RunSpec) -> list[Caution]:
    """What of these settings seldom goes well."""
    found = []
    if getattr(spec, "batch_norm", False) and spec.batch_size < TINY:
        found.append(
            Caution(
                f"Batch norm takes mean and spread of {spec.batch_size} images at a time, mostly "
                "noise: raise the batch size, or leave batch norm out.",
                {"batch_size": BATCH},
            )
        )
    if spec.normalise == "raw":
        found.append(
            Caution(
                "Raw pixels of 0 to 255 make features and gradients hundreds of times as large as "
                "the network was made for: normalise them.",
                {"normalise": "pixel"},
            )
        )
    return found
