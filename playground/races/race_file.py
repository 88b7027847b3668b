"""A race as a person writes it down: TOML, or the same as plain values.

    seeds = 10                      # 1 to 30
    judge = "accuracy"              # accuracy, nll, brier, ece, macro_f1, worst_class, knn_1
    target = 0.9                    # the validation accuracy to reach

    [base]                          # what all lanes share: any setting of a run
    dataset = "digits"
    label_noise = 0.4

    [[lanes]]                       # two to eight; the first is what the others are held against
    loss = "categorical_crossentropy"
    [[lanes]]
    title = "GCE"
    loss = "gce"
    loss_parameters = { q = 0.7 }

In place of the lanes a sweep:

    [sweep]
    design = "sobol"                # grid, random or sobol
    points = 32                     # not of a grid
    halving = 3                     # 2, 3 or 4; left out: all points train all epochs
    [sweep.vary]
    loss = ["gce", "sce"]
    dropout = [0.0, 0.3, 0.6]
    learning_rate = { low = 1e-4, high = 1e-1, log = true }
    "loss.q" = { low = 0.1, high = 0.9 }
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground.errors import SpecError
from playground.knobs import shown
from playground.races import design
from playground.races.race import SWEEP, Race

_FIELDS = ("seeds", "judge", "target", "base", "lanes", "sweep")
_SWEEP = ("design", "points", "halving", "vary")


def read(path: Path) -> Race:
    """The race of a TOML file. Raises SpecError that says what is wrong where."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SpecError(
            str(path), f"cannot be read: {error.strerror}", "Name another file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(
            str(path), f"is no TOML: {error}", "The module playground/races/race_file.py shows one."
        ) from error
    return parse(values)


def parse(values: Mapping[str, Any]) -> Race:
    """The race of plain values. Its runs record calibration and what is memorised of wrong
    labels, too. Raises SpecError."""
    base = values.get("base", {})
    if isinstance(base, Mapping):
        values = {**values, "base": {"watch_fit": True, **base}}
    for name in values:
        if name not in _FIELDS:
            raise SpecError(name[:40], f"no such field; expected some of {', '.join(_FIELDS)}")
    if "sweep" not in values:
        return Race.parse(values)
    if "lanes" in values:
        raise SpecError("lanes", "expected lanes or a sweep, not both")
    sweep = values["sweep"]
    if not isinstance(sweep, Mapping) or not isinstance(sweep.get("vary"), Mapping):
        raise SpecError("sweep", "expected what it is to vary", "Write a table [sweep.vary].")
    for name in sweep:
        if name not in _SWEEP:
            raise SpecError(
                f"sweep: {name[:40]}", f"no such field; expected some of {', '.join(_SWEEP)}"
            )
    count = sweep.get("points", 0)
    if not isinstance(count, int) or isinstance(count, bool):
        raise SpecError("sweep: points", f"expected a whole number; got {shown(count)}")
    axes = [design.axis(str(name), given) for name, given in sweep["vary"].items()]
    lanes = design.points(axes, str(sweep.get("design", "grid")), count)
    rest = {name: value for name, value in values.items() if name != "sweep"}
    return Race.parse(
        {
            **rest,
            "kind": SWEEP,
            "lanes": [lane.to_values() for lane in lanes],
            "halving": sweep.get("halving", 0),
            "varied": [each.field for each in axes],
        }
    )
