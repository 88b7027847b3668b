"""Trains what is missing of the races of a store, a few runs at a time, in the background.

A race goes on when its page is closed, and after a restart of the server. It takes turns with what
else is trained, as any run does: of a race no more runs wait at once than there are workers.
"""

import functools
import logging
import threading
import time
from collections.abc import Sequence

from playground.errors import PlaygroundError, RunError, SpecError, StoreError
from playground.races import progress
from playground.races.race import RACE, Race
from playground.runs import supervisor as supervisors
from playground.runs.race_rows import ACTIVE, DONE, STOPPED, RaceRecord
from playground.runs.store import Store
from playground.runs.supervisor import Supervisor

TICK_SECONDS = 0.5
SIGN_SECONDS = 5.0
MOST_ACTIVE = 4  # races of one visitor that are trained at once
_log = logging.getLogger(__name__)


class Feeder:
    """Sees to the active races of a supervisor's store. All methods may be called from any
    thread."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._store: Store = supervisor.store
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._closed = False
        self._active: list[RaceRecord] = []
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
        if same is not None:
            race_id = same.id
            self._store.races.set_state(race_id, ACTIVE)
        else:
            mine = [each for each in self._store.races.active() if each.owner == owner]
            if len(mine) >= MOST_ACTIVE:
                raise RunError(
                    f"{len(mine)} races of yours are being trained, and more may not be.",
                    "Stop one, or wait until one is done.",
                )
            self._supervisor.rates.begin(owner)
            race_id = self._store.races.create(race.to_json(), owner)
        self._supervisor.expect(min(len(race.lanes), self._supervisor.settings.workers))
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
        """Trains no more of a race; its runs that wait or train are stopped. Raises RunError where
        it is not the owner's."""
        with self._lock:
            record = self._owned(race_id, owner)
            self._store.races.set_state(race_id, STOPPED)
            for cell in self.follow(record).live:
                run = cell.record
                if run is None or run.owner != owner:
                    continue
                try:
                    self._supervisor.command(run.id, owner, "stop")
                except RunError as error:  # it ended meanwhile
                    _log.debug("A run of race %s was not stopped: %s", race_id, error)

    def resume(self, race_id: str, owner: str) -> None:
        """Trains what is missing of a stopped race, and what broke for no fault of its own. Raises
        RunError."""
        self._owned(race_id, owner)
        self._store.races.set_state(race_id, ACTIVE)
        self.tick()

    def follow(self, record: RaceRecord) -> progress.Progress:
        """How far a race is. Raises StoreError, SpecError."""
        return progress.follow(Race.recall(record.definition), self._store.by_digest, record.begun)

    def tick(self) -> None:
        """Starts what there is room for; races that are done are said to be."""
        with self._lock:
            self._active = self._store.races.active()
            for record in self._active:
                try:
                    self._feed(record)
                except SpecError as error:  # of another version
                    self._store.races.set_state(record.id, STOPPED, str(error))
                except PlaygroundError:
                    raise
                except Exception:  # the other races go on
                    _log.exception("Race %s cannot be followed", record.id)
                    said = "It was stopped by an error nobody foresaw; the server's log has it."
                    self._store.races.set_state(record.id, STOPPED, said)

    def _feed(self, record: RaceRecord) -> None:
        found = self.follow(record)
        if found.done:
            self._store.races.set_state(record.id, DONE)
            return
        race = Race.recall(record.definition)
        room = self._supervisor.settings.workers - len(found.live)
        wanted = _next(race, found.missing, room)
        if not wanted:
            return
        specs = [race.spec(cell.lane, cell.seed, cell.epochs) for cell in wanted]
        try:
            self._supervisor.submit_all(specs, record.owner, attended=False)
        except RunError as error:
            # Another crowd has the workers; a run at a time finds room sooner.
            try:
                self._supervisor.submit_all(specs[:1], record.owner, attended=False)
            except RunError:
                _log.debug("Race %s waits: %s", record.id, error)

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
        while not self._closed:
            try:
                self.tick()
                if self._active and time.monotonic() - signed > SIGN_SECONDS:
                    signed = time.monotonic()
                    self._store.races.give_sign()
            except StoreError as error:
                _log.warning("Races wait: %s", error)
            except PlaygroundError as error:
                _log.warning("A race waits: %s", error)
            self._wake.wait(TICK_SECONDS)


def _next(race: Race, missing: Sequence[progress.Cell], room: int) -> list[progress.Cell]:
    """What is started now, where so many workers are free of it: of a race all lanes of the next
    seed, which so start together; of a sweep as many points as there is room for."""
    wanted = _distinct(missing)
    if room <= 0 or not wanted:
        return []
    if race.kind == RACE:
        return [cell for cell in wanted if cell.seed == wanted[0].seed]
    return wanted[:room]


def _distinct(cells: Sequence[progress.Cell]) -> list[progress.Cell]:
    found: dict[str, progress.Cell] = {}
    for cell in cells:
        found.setdefault(cell.digest, cell)
    return list(found.values())


_service_lock = threading.Lock()


@functools.cache
def _service(supervisor: Supervisor) -> Feeder:
    return Feeder(supervisor)


def service() -> Feeder:
    """The feeder of the process' supervisor. `app.py` starts it."""
    with _service_lock:
        return _service(supervisors.service())
