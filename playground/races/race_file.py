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

Or a search for a loss, by mutations of one:

    [search]
    loss = "gce"
    mutations = 16
    halving = 2
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground.errors import SpecError
from playground.knobs import shown
from playground.races import design, search
from playground.races.race import SWEEP, Race
from playground.spec import RunSpec

_FIELDS = ("seeds", "judge", "target", "base", "lanes", "sweep", "search")
_SWEEP = ("design", "points", "halving", "vary")


def read(path: Path, mutate: search.Mutate | None = None) -> Race:
    """The race of a TOML file; one of a search needs somebody who can `mutate`. Raises SpecError
    that says what is wrong where."""
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
    return parse(values, mutate)


def parse(values: Mapping[str, Any], mutate: search.Mutate | None = None) -> Race:
    """The race of plain values. Its runs record calibration and what is memorised of wrong
    labels, too. Raises SpecError."""
    base = values.get("base", {})
    if isinstance(base, Mapping):
        values = {**values, "base": {"watch_fit": True, **base}}
    for name in values:
        if name not in _FIELDS:
            raise SpecError(name[:40], f"no such field; expected some of {', '.join(_FIELDS)}")
    if "search" in values:
        return _search(values, mutate)
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


def _search(values: Mapping[str, Any], mutate: search.Mutate | None) -> Race:
    asked = values["search"]
    if not isinstance(asked, Mapping) or not isinstance(asked.get("loss"), str):
        raise SpecError("search", "expected the loss to begin with", 'Write loss = "gce".')
    for name in asked:
        if name not in ("loss", "mutations", "halving"):
            raise SpecError(f"search: {name[:40]}", "expected some of loss, mutations, halving")
    if mutate is None:
        raise SpecError("search", "a search is begun from a terminal or on the page Race")
    count = asked.get("mutations", 12)
    if not isinstance(count, int) or not 1 <= count <= search.MOST_MUTATIONS:
        most = search.MOST_MUTATIONS
        raise SpecError("search: mutations", f"expected 1 to {most}; got {shown(count)}")
    texts = search.mutations(asked["loss"], count, mutate)
    base = RunSpec.parse(values.get("base", {}))
    return search.search(
        base, asked["loss"], texts, values.get("seeds", 1), asked.get("halving", 2)
    )
