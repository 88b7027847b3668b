"""A race from a terminal: it is trained by workers of its own, and told as a table."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from rich.progress import BarColumn, Progress, TextColumn

from playground import terminal
from playground.races.feeder import Feeder
from playground.races.progress import Progress as Followed
from playground.races.progress import chosen_by, follow, ranked, validated
from playground.races.race import RACE, Race, said
from playground.races.results import MEASURES, WHY_NO_LOSS, Reader, Results
from playground.races.verdict import verdict
from playground.runs.jobs import STOP_SECONDS
from playground.runs.race_rows import DONE
from playground.runs.records import TERMINAL
from playground.runs.store import Store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings

TICK_SECONDS = 0.5
NO_LOOKER = 1e9  # free GiB from which a worker looks into networks: none does here
TOLD = 10  # points of a sweep that are told


def train(race: Race, settings: Settings, store: Store, json_lines: bool) -> tuple[str, bool]:
    """Trains what is missing of a race; its id, and whether it came to its end. Ctrl-C stops it:
    the same command goes on with it."""
    if followed(race, store).done:  # nothing to train: no worker has to get warm
        return store.races.create(race.to_json(), TERMINAL, DONE), True
    plain = settings.model_copy(update={"looker_free_gib": NO_LOOKER})
    # Only what is asked for here: other races and runs wait for a server, or for their terminal.
    supervisor = Supervisor(plain, store, adopts=False)
    supervisor.start(checking=False)
    feeder = Feeder(supervisor, adopts=False)
    race_id = ""
    try:
        race_id = feeder.begin(race, TERMINAL)
        with _shown(json_lines) as tell:
            while True:
                record = store.races.find(race_id)
                if record is None:
                    return race_id, False
                found = feeder.follow(record)
                tell(race, found)
                if found.done:
                    feeder.tick()
                    return race_id, True
                time.sleep(TICK_SECONDS)
                feeder.tick()
    except KeyboardInterrupt:
        if race_id:
            feeder.stop(race_id, TERMINAL)
            _await_stops(race, store)
        return race_id, False
    finally:
        supervisor.close()


def followed(race: Race, store: Store) -> Followed:
    """How far a race of the terminal is. Raises StoreError."""
    return follow(race, partial(store.by_digest, owner=TERMINAL))


def _await_stops(race: Race, store: Store) -> None:
    """Waits until the stopped runs have left their checkpoints, or their workers are killed."""
    end = time.monotonic() + STOP_SECONDS + 1
    while followed(race, store).live and time.monotonic() < end:
        time.sleep(TICK_SECONDS / 5)


@contextmanager
def _shown(json_lines: bool) -> Iterator["_Tell"]:
    with closing(_Tell(json_lines)) as tell:
        yield tell


class _Tell:
    """Says how far a race is, where that has changed."""

    def __init__(self, json_lines: bool) -> None:
        self._last: tuple[int, int] | None = None
        self._bar: Progress | None = None
        if not json_lines:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[place]}")
            )
            self._bar.start()
            self._task = self._bar.add_task("Starting the workers", total=None, place="")

    def __call__(self, race: Race, found: Followed) -> None:
        ended = sum(cell.record is not None and not cell.record.live for cell in found.cells)
        now = ended, len(found.cells)
        if self._bar is not None:
            # Within the runs that train, too: of a few long ones the bar moves all the same.
            share = sum(
                cell.record.step / cell.record.steps
                for cell in found.live
                if cell.record is not None and cell.record.steps
            )
            what = f"{len(found.live)} train or wait" if found.live else "Racing"
            self._bar.update(
                self._task,
                description=what,
                completed=ended + share,
                total=len(found.cells),
                place=f"{ended} of {len(found.cells)} runs",
            )
        elif now != self._last:
            line = {"event": "Race", "ended": ended, "runs": now[1], "done": found.done}
            print(json.dumps(line), flush=True)
        self._last = now

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def tell(store: Store, race: Race, found: Followed) -> None:
    """The scoreboard and the verdict, on stdout."""
    results = Reader(store).results(race, found)
    if race.kind == RACE:
        _scoreboard(results)
        decided = verdict(results, found.done)
        terminal.show(f"\n{decided.sentence}")
        for _, sentence, evidence in decided.lanes:
            terminal.show(f"  {sentence} {evidence}".rstrip())
        for note in decided.notes:
            terminal.show(note)
        terminal.show(WHY_NO_LOSS)
    else:
        _ranking(results, found)
    for lane, why in enumerate(results.broken):
        for seed, message in sorted(why.items()):
            terminal.show(f"{race.titles()[lane]}, seed {race.base.seed + seed}: {message}")


def _scoreboard(results: Results) -> None:
    rows = []
    titles = results.race.titles()
    for name in results.measured():
        measure = MEASURES[name]
        best = results.best(name)
        cells = []
        for lane, found in enumerate(results.values[name]):
            cells.append(f"{measure.summary(found)}{' *' if lane in best else ''}")
        rows.append([measure.title, *cells])
    terminal.show_table(["", *(terminal.one_line(title, 28) for title in titles)], rows)
    seeds = results.race.seeds
    terminal.show(f"Means and standard deviations over {seeds} seed(s); * is the best mean.")


def _ranking(results: Results, found: Followed) -> None:
    race, measure = results.race, MEASURES[chosen_by(results.race)]
    last, order = found.last(), ranked(results.race, found)
    known = validated(race, found.final())
    rows = []
    for lane in order[:TOLD]:
        changes = ", ".join(said(name, value) for name, value in _flat(race, lane).items())
        epochs = str(last[lane] or race.spec(lane).epochs)
        rows.append([measure.summary(dict(enumerate(known[lane]))), epochs, changes])
    terminal.show_table([f"validation {measure.title.lower()}", "epochs", "point"], rows)
    if len(order) > TOLD:
        terminal.show(f"... and {len(order) - TOLD} more points.")


def _flat(race: Race, lane: int) -> dict[str, object]:
    changes = dict(race.lanes[lane].changes)
    parameters = dict(changes.pop("loss_parameters", {}))
    return {**changes, **{f"loss.{name}": value for name, value in parameters.items()}}
