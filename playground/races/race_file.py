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
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from playground.errors import SpecError
from playground.knobs import shown
from playground.races import design, search
from playground.races.race import SWEEP, Race

_FIELDS = ("seeds", "judge", "target", "base", "lanes", "sweep", "search")
_SWEEP = ("design", "points", "halving", "vary")
_SEARCH = ("loss", "mutations", "halving")


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
    labels, too. Raises SpecError naming the field that is wrong."""
    if not isinstance(values, Mapping):
        raise SpecError("race", f"expected an object of fields; got {shown(values)}")
    _known(values, _FIELDS, "")
    base = values.get("base", {})
    if not isinstance(base, Mapping):
        raise SpecError("base", f"expected settings of a run; got {shown(base)}")
    rest = {name: value for name, value in values.items() if name not in ("sweep", "search")}
    rest["base"] = {"watch_fit": True, **base}
    kinds = [name for name in ("lanes", "sweep", "search") if name in values]
    if len(kinds) > 1:
        raise SpecError(
            kinds[0], f"expected one of lanes, a sweep or a search; got {kinds[1]}, too"
        )
    if "search" in values:
        return _search(values["search"], rest, mutate)
    if "sweep" in values:
        return sweep(values["sweep"], rest)
    return Race.parse(rest)


def sweep(asked: Any, rest: Mapping[str, Any]) -> Race:
    """The sweep of its table, with the other fields of a race; `varied` among these is the order
    of what is varied, where the table has lost it. Raises SpecError."""
    asked = _table("sweep", asked, _SWEEP)
    if not isinstance(asked.get("vary"), Mapping):
        raise SpecError("sweep", "expected what it is to vary", "Write a table [sweep.vary].")
    _typed(asked, "design", str, "grid, random or sobol")
    count = _typed(asked, "points", int, "a whole number")
    halving = _typed(asked, "halving", int, "0 (off), 2, 3 or 4")
    vary = asked["vary"]
    names = rest.get("varied") or list(vary)
    if not isinstance(names, Sequence) or sorted(map(str, names)) != sorted(map(str, vary)):
        raise SpecError("varied", f"expected the fields of [sweep.vary]; got {shown(names)}")
    axes = [design.axis(str(name), vary[name]) for name in names]
    lanes = design.points(axes, asked.get("design", "grid"), count or 0)
    return Race.parse(
        {
            **rest,
            "kind": SWEEP,
            "lanes": [lane.to_values() for lane in lanes],
            "halving": halving or 0,
            "varied": [each.field for each in axes],
            "sweep": dict(asked),
        }
    )


def _search(asked: Any, rest: Mapping[str, Any], mutate: search.Mutate | None) -> Race:
    asked = _table("search", asked, _SEARCH)
    if not isinstance(asked.get("loss"), str):
        raise SpecError("search", "expected the loss to begin with", 'Write loss = "gce".')
    most = search.MOST_MUTATIONS
    count = _typed(asked, "mutations", int, f"1 to {most}")
    count = 12 if count is None else count
    if not 1 <= count <= most:
        raise SpecError("search: mutations", f"expected 1 to {most}; got {shown(count)}")
    halving = _typed(asked, "halving", int, "2, 3 or 4")
    # Said before seconds go into mutations: whatever is wrong with the rest.
    plain = Race.parse(
        {**rest, "lanes": [{}, {"loss": "label_smoothing"}], "halving": halving or 2}
    )
    if mutate is None:
        raise SpecError("search", "a search is begun from a terminal or on the page Race")
    texts = search.mutations(asked["loss"], count, mutate)
    found = search.search(plain.base, asked["loss"], texts, plain.seeds, plain.halving)
    return replace(found, judge=plain.judge, target=plain.target)


def _table(name: str, given: Any, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise SpecError(name, f"expected a table [{name}]; got {shown(given)}")
    _known(given, known, f"{name}: ")
    return given


def _known(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in given:
        if name not in known:
            raise SpecError(
                f"{where}{str(name)[:40]}", f"no such field; expected some of {', '.join(known)}"
            )


def _typed(table: Mapping[str, Any], name: str, kind: type, expected: str) -> Any:
    """A field of a sweep or a search; None where it is left out."""
    where = "search" if "loss" in table else "sweep"
    value = table.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SpecError(f"{where}: {name}", f"expected {expected}; got {shown(value)}")
    return value
