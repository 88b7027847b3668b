"""What is to be known of a run's settings before it trains: page and command line say it alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground import naming
from playground.spec import RunSpec
from playground.tasks.detection import DetectionSpec, foreign
from playground.tasks.siamese import SiameseSpec
from playground.verdicts.causes import TINY
from playground.verdicts.steps import BATCH

# What of a text draws the embeddings of a pair together or apart.
APART = {"distance", "partner_features", "contrastive", "triplet", "cosine_embedding"}


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
                {"normalise": type(spec).model_fields["normalise"].default},
            )
        )
    if isinstance(spec, SiameseSpec) and _trains_the_distance_alone(spec):
        found.append(
            Caution(
                "This loss trains the distance and not the same head, which would go on guessing: "
                "let the distance itself judge.",
                {"same_head": "none"},
            )
        )
    if isinstance(spec, DetectionSpec) and (why := foreign(_taken(spec), spec.stages)):
        other = "two" if spec.stages == "one" else "one"
        found.append(Caution(f"Of the loss: {why}, and would not train.", {"stages": other}))
    return found


def _taken(spec: RunSpec) -> list[str]:
    """Those of them that the text does not make itself."""
    lines = naming.code_lines(spec.loss)
    made = {found[1] for line in lines if (found := re.match(r"\s*(\w+)\s*=[^=]", line))}
    return sorted(naming.words(spec.loss) - made)


def _trains_the_distance_alone(spec: SiameseSpec) -> bool:
    """Whether a head stands on the distance that no term of the loss reaches."""
    words = naming.words(spec.loss)
    pasted = "compile" in words  # its dictionary has names of its own
    return spec.same_head != "none" and not pasted and "p_same" not in words and bool(words & APART)
