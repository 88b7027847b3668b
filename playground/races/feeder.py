"""Trains what is missing of the races of a store, a few runs at a time, in the background.

A race goes on when its page is closed, and after a restart of the server. It takes turns with what
else is trained, as any run does: of an owner's races no more runs wait and train than there are
workers, but for the lanes of one seed, which begin together; and while as many runs of races wait,
whoever's they are, none is added. Who was fed longest ago comes first.
"""

import functools
import logging
import threading
import time
from collections.abc import Sequence

from playground.errors import PlaygroundError, RunError, SpecError, StoreError
from playground.races import progress
from playground.races.progress import Cell, Progress
from playground.races.race import RACE, Race
from playground.races.results import Reader
from playground.runs import supervisor as supervisors
from playground.runs.race_rows import ACTIVE, DONE, STOPPED, RaceRecord
from playground.runs.store import Store
from playground.runs.supervisor import Supervisor
from playground.training import checkpoint

TICK_SECONDS = 0.5
SIGN_SECONDS = 5.0
MOST_ACTIVE = 4  # races of one visitor that are trained at once
_log = logging.getLogger(__name__)


class Feeder:
    """Sees to the active races of a supervisor's store. All methods may be called from any
    thread."""

    def __init__(self, supervisor: Supervisor, adopts: bool = True) -> None:
        """One that `adopts` takes over the races of processes that are gone."""
        self.reader = Reader(supervisor.store)  # of results; what it read of ended runs it keeps
        self._supervisor = supervisor
        self._store: Store = supervisor.store
        self._adopts = adopts
        self._workers = supervisor.settings.workers
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closed = False
        self._active: list[RaceRecord] = []
        self._fed: dict[str, float] = {}  # when an owner's races were fed last
        self._thread = threading.Thread(target=self._go, name="races", daemon=True)

    def start(self) -> None:
        """Begins to see to the races."""
        self._thread.start()

    def close(self) -> None:
        """Leaves the races as they are; the next server takes them up."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def begin(self, race: Race, owner: str) -> str:
        """Keeps a race, trains what is missing of it, and returns its id; one that the owner has
        already is taken up. Raises StoreError, SpecError, RunError when it has too many."""
        same = self.find(race, owner)
        if same is None or same.state != ACTIVE:
            active = self._store.races.active(self._adopts)
            mine = [each for each in active if each.owner == owner]
            if len(mine) >= MOST_ACTIVE:
                raise RunError(
                    f"{len(mine)} races of yours are being trained, and more may not be.",
                    "Stop one, or wait until one is done.",
                )
        if same is not None:
            race_id = same.id
            self._store.races.set_state(race_id, ACTIVE)
        else:
            self._supervisor.rates.begin(owner)
            race_id = self._store.races.create(race.to_json(), owner)
        self._supervisor.expect(min(len(race.lanes), self._workers))
        self.tick()
        return race_id

    def find(self, race: Race, owner: str) -> RaceRecord | None:
        """The newest race of an owner that is this one; None if there is none."""
        for one in self._store.races.of([owner]):
            try:
                if Race.recall(one.definition).same_as(race):
                    return one
            except SpecError:  # of another version
                continue
        return None

    def stop(self, race_id: str, owner: str) -> None:
        """Trains no more of a race; its runs that wait or train are stopped, but for those that
        another race of the owner has as well. Raises RunError where it is not the owner's."""
        with self._lock:
            record = self._owned(race_id, owner)
            self._store.races.set_state(race_id, STOPPED)
            shared = self._live(owner)
            for cell in self.follow(record).live:
                if cell.record is None or cell.record.id in shared:
                    continue
                self._supervisor.withdraw(cell.record.id, owner)

    def _live(self, owner: str) -> set[str]:
        """The runs of an owner's active races that wait or train."""
        active = self._store.races.active(self._adopts)
        found = [self._followed(record) for record in active if record.owner == owner]
        return {run_id for each in found if each is not None for run_id in _ids(each)}

    def resume(self, race_id: str, owner: str) -> None:
        """Trains what is missing of a stopped race, and what broke for no fault of its own. Raises
        RunError."""
        self._owned(race_id, owner)
        self._store.races.set_state(race_id, ACTIVE)
        self.tick()

    def follow(self, record: RaceRecord) -> Progress:
        """How far a race is. Raises StoreError, SpecError."""
        find = functools.partial(self._store.by_digest, owner=record.owner)
        return progress.follow(Race.recall(record.definition), find, record.begun)

    def _followed(self, record: RaceRecord) -> Progress | None:
        """The same; None of a race that cannot be followed, which is stopped: the others go on."""
        try:
            return self.follow(record)
        except SpecError as error:  # of another version
            self._store.races.set_state(record.id, STOPPED, str(error))
        except PlaygroundError:
            raise
        except Exception:
            _log.exception("Race %s cannot be followed", record.id)
            said = "It was stopped by an error nobody foresaw; the server's log has it."
            self._store.races.set_state(record.id, STOPPED, said)
        return None

    def tick(self) -> None:
        """Starts what there is room for; races that are done are said to be."""
        with self._lock:
            self._active = self._store.races.active(self._adopts)
            found = [(record, self._followed(record)) for record in self._active]
            live: dict[str, set[str]] = {}
            for record, each in found:
                live.setdefault(record.owner, set()).update(_ids(each) if each else ())
            for record, each in sorted(found, key=lambda pair: self._fed.get(pair[0].owner, 0.0)):
                if each is not None and each.done:
                    self._store.races.set_state(record.id, DONE)
                elif each is not None:
                    self._feed(record, each, live[record.owner])

    def _feed(self, record: RaceRecord, found: Progress, live: set[str]) -> None:
        """Starts runs of a race; `live` are those of its owner's races, and become more."""
        if self._supervisor.status()["racing"] >= self._workers:
            return
        race = Race.recall(record.definition)
        wanted = _next(race, found, self._workers - len(live))
        if not wanted:
            return
        self._fed[record.owner] = time.monotonic()
        try:
            live |= self._start(record, race, wanted)
        except RunError as error:
            # Another crowd has the workers; a run at a time finds room sooner.
            try:
                live |= self._start(record, race, wanted[:1])
            except RunError:
                _log.debug("Race %s waits: %s", record.id, error)

    def _start(self, record: RaceRecord, race: Race, cells: Sequence[Cell]) -> set[str]:
        """Starts runs, or lets them go on from their checkpoints; their ids. Raises RunError."""
        again = [cell for cell in cells if self._goes_on(cell)]
        specs = [
            race.spec(cell.lane, cell.seed, cell.epochs) for cell in cells if cell not in again
        ]
        ids: set[str] = set()
        if specs:
            ids.update(self._supervisor.submit_all(specs, record.owner, attended=False))
        for run in [cell.record for cell in again if cell.record is not None]:
            self._supervisor.resume(run.id, record.owner, attended=False)
            ids.add(run.id)
        return ids

    def _goes_on(self, cell: Cell) -> bool:
        """Whether a run was stopped from outside, with a checkpoint from which it can go on. After
        a crash it begins anew: the checkpoint may be what it died of."""
        run = cell.record
        if run is None or not (run.state == "stopped" or run.kind == "interrupted"):
            return False
        return bool(self._store.snapshots(run.id, checkpoint.KIND))

    def _owned(self, race_id: str, owner: str) -> RaceRecord:
        record = self._store.races.find(race_id)
        if record is None:
            raise RunError("There is no such race in this server's history.")
        if record.owner != owner:
            raise RunError(
                "Only the browser that started a race can steer it.", "Start the same race anew."
            )
        return record

    def _go(self) -> None:
        signed = 0.0
        sign_seconds = min(SIGN_SECONDS, self._supervisor.settings.lease_seconds / 4)
        while not self._closed:
            try:
                self.tick()
                if self._active and time.monotonic() - signed > sign_seconds:
                    signed = time.monotonic()
                    self._store.races.give_sign()
            except StoreError as error:
                _log.warning("Races wait: %s", error)
            except PlaygroundError as error:
                _log.warning("A race waits: %s", error)
            except Exception:
                _log.exception("A round of the races failed; they go on with the next.")
            self._wake.wait(TICK_SECONDS)


def _next(race: Race, found: Progress, room: int) -> list[Cell]:
    """What is started now, where so many workers are free of its owner's races: of a race all lanes
    of the next seed, which so begin together, once there is a worker for each or nothing of the
    race trains; of a sweep as many points as there is room for."""
    wanted = list({cell.digest: cell for cell in reversed(found.missing)}.values())[::-1]
    if room <= 0 or not wanted:
        return []
    if race.kind != RACE:
        return wanted[:room]
    lanes = [cell for cell in wanted if cell.seed == wanted[0].seed]
    return lanes if len(lanes) <= room or not found.live else []


def _ids(found: Progress) -> set[str]:
    return {cell.record.id for cell in found.live if cell.record is not None}


_service_lock = threading.Lock()


@functools.cache
def _service(supervisor: Supervisor) -> Feeder:
    return Feeder(supervisor)


def service() -> Feeder:
    """The feeder of the process' supervisor. `app.py` starts it."""
    with _service_lock:
        return _service(supervisors.service())
