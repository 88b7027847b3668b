"""Which runs are of which race, of runs as lists have them: by the settings of its lanes, so that
none of a race's many specs has to be made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from playground.errors import SpecError
from playground.races.race import RACE, Race
from playground.runs.race_rows import RaceRecord
from playground.spec import DEFAULT_TASK, fields

MOST_TITLE = 60  # characters
MOST_KEPT = 256  # races that are kept


@dataclass(frozen=True)
class Group:
    """A race or a sweep: what it is called, its seeds, and its lanes' titles by their settings
    (`settings_key`)."""

    title: str
    seeds: range
    lanes: Mapping[str, str]

    def lane_of(self, settings: Mapping[str, Any]) -> str:
        """The lane of a run with these settings; empty if it is none of this race."""
        if settings.get("seed") not in self.seeds:
            return ""
        return self.lanes.get(settings_key(settings), "")


def groups(records: Sequence[RaceRecord]) -> dict[str, Group]:
    """Each of these races by its id; none that this version cannot read."""
    found = {record.id: _group(record.definition) for record in records}
    return {race_id: group for race_id, group in found.items() if group is not None}


def settings_key(settings: Mapping[str, Any]) -> str:
    """A text that two runs share which differ in nothing but their seed."""
    plain = _defaults(str(settings.get("task", DEFAULT_TASK)))
    values = {name: value for name, value in settings.items() if name != "seed"}
    return json.dumps({**plain, **values}, sort_keys=True)


@cache
def _defaults(task: str) -> Mapping[str, Any]:
    return {name: field.default for name, field in fields(task).items() if name != "seed"}


@lru_cache(maxsize=MOST_KEPT)
def _group(definition: str) -> Group | None:
    try:
        race = Race.from_json(definition)
        titles = race.titles()
        lanes = {
            settings_key(race.spec(lane, 0, epochs).model_dump()): title
            for lane, title in enumerate(titles)
            for epochs in race.rungs
        }
    except SpecError:
        return None
    first = race.base.seed
    return Group(_title(race, titles), range(first, first + race.seeds), lanes)


def _title(race: Race, titles: Sequence[str]) -> str:
    kind = "Race" if race.kind == RACE else "Sweep"
    what = " · ".join(titles) if race.kind == RACE else ", ".join(race.varied)
    end = f" · {len(race.lanes)} × {race.seeds}"
    title = f"{kind}: {what}"
    if len(title) + len(end) > MOST_TITLE:
        title = title[: MOST_TITLE - len(end) - 1].rstrip(" ·") + "…"
    return title + end
