"""How long a run may hold a worker that others wait for, and how many workers one visitor may."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from playground.errors import RunError
from playground.settings import Settings

OthersSince = Callable[[str], float | None]  # of a visitor: since when others wait, if any do


@dataclass(frozen=True)
class Held:
    """A run that has a worker: whose it is, and since when; times are of one clock."""

    run_id: str
    visitor: str
    began: float
    paused_at: float | None = None


def full(held: Iterable[str], workers: int) -> set[str]:
    """The visitors, one entry for each worker held, who get no other worker while others wait: they
    have all but one."""
    most = workers - 1
    return {visitor for visitor, count in Counter(held).items() if most and count >= most}


def at_most(one: Held, others: float | None, settings: Settings, now: float) -> float:
    """After how many seconds a run has to end at the latest if others wait, since `others`, or
    begin to now. The share of a visitor does not count here."""
    since = now if others is None else others
    left = max(since, one.began) + settings.run_minutes * 60 - now
    if one.paused_at is not None:
        left = min(left, max(since, one.paused_at) + settings.pause_minutes * 60 - now)
    return max(0.0, left)


def overdue(
    held: Sequence[Held], others_since: OthersSince, settings: Settings, now: float
) -> tuple[Held, str] | None:
    """The run that has to end now because others wait, with why, as the rest of a sentence; None if
    there is none. Of a visitor who holds every worker it is the one that began last."""
    found: list[tuple[float, Held, str]] = []
    newest: dict[str, Held] = {}
    for one in held:
        others = others_since(one.visitor)
        if others is None:
            continue
        if one.paused_at is not None:
            limit = settings.pause_minutes
            over = now - max(others, one.paused_at) - limit * 60
            found.append((over, one, f"after a pause of more than {limit:g} minutes"))
        limit = settings.run_minutes
        over = now - max(others, one.began) - limit * 60
        found.append((over, one, f"after more than {limit:g} minutes"))
        if one.visitor not in newest or one.began > newest[one.visitor].began:
            newest[one.visitor] = one
    for visitor, one in newest.items():
        if 1 < settings.workers <= sum(other.visitor == visitor for other in held):
            limit = settings.share_minutes
            over = now - max(others_since(visitor) or 0.0, one.began) - limit * 60
            found.append(
                (over, one, f"{limit:g} minutes after one visitor's runs took all workers")
            )
    longest = max(found, key=lambda each: each[0], default=None)
    return None if longest is None or longest[0] <= 0 else longest[1:]


def check_room(count: int, mine: int, queued: int, busy: int, settings: Settings) -> None:
    """Raises RunError where there is no room for `count` more runs of a visitor who has `mine` that
    are live: `queued` runs wait, `busy` workers have one."""
    most = settings.runs_per_visitor
    if count > 1 and mine + count > most:
        raise RunError(
            f"These {count} runs and the {mine} of yours that train, pause or wait are more "
            f"than one visitor may have, {most}.",
            "Stop some of them or wait until they have finished.",
        )
    if mine >= most:
        raise RunError(
            f"You have {mine} runs that train, pause or wait, as many as one visitor may.",
            "Stop one of them or wait until one has finished.",
        )
    if queued + count > settings.workers - busy + settings.queue_limit:
        raise RunError(
            f"The queue is full: {queued} runs wait for a worker.",
            "Try again when one has finished.",
        )
