"""A search for a loss: mutations of a text, raced by successive halving on validation images.

What it finds was chosen among many by its numbers, so these say too much of it. The final judgement
is a race over seeds that the search has not used, on test images that no lane was chosen by.
"""

from collections.abc import Callable, Sequence

from playground.errors import SpecError
from playground.races.mutation import MOST_CHARACTERS
from playground.races.race import SWEEP, Lane, Race
from playground.spec import RunSpec

MOST_MUTATIONS = 48
FRESH_SEEDS = 10
BASELINE = "categorical_crossentropy"
# A text, a seed and the digests that are known to a mutation and its digest, or None.
Mutate = Callable[[str, int, Sequence[str]], tuple[str, str] | None]


def mutations(text: str, count: int, mutate: Mutate, seed: int = 0) -> list[str]:
    """So many different sound mutations of a text, every second one of a mutation that was made
    before, so that some are two changes away; fewer where no more are found."""
    found: list[str] = []
    digests: list[str] = []
    for number in range(count):
        parent = found[number // 2 - 1] if number % 2 and number > 2 and found else text
        made = mutate(parent, seed + number, digests)
        if made is not None:
            found.append(made[0])
            digests.append(made[1])
    return found


def search(
    base: RunSpec, text: str, texts: Sequence[str], seeds: int = 1, halving: int = 2
) -> Race:
    """The race by halving of a text, its mutations and cross-entropy. Raises SpecError."""
    if len(text) > MOST_CHARACTERS:
        raise SpecError("search", f"expected a text of at most {MOST_CHARACTERS} characters")
    if not 1 <= len(texts) <= MOST_MUTATIONS:
        raise SpecError("search", f"expected 1 to {MOST_MUTATIONS} mutations; got {len(texts)}")
    lanes = [Lane({"loss": BASELINE}), *(Lane({"loss": each}) for each in (text, *texts))]
    if text == BASELINE:
        lanes.pop(1)
    base = RunSpec.parse({**base.model_dump(), "loss": BASELINE, "loss_parameters": {}})
    return Race(base, tuple(lanes), seeds, kind=SWEEP, halving=halving, varied=("loss",))


def final(race: Race, lane: int) -> Race:
    """The race of what a search or a sweep has found against cross-entropy with the same other
    settings, over seeds that it has not used. Raises SpecError."""
    changes = dict(race.lanes[lane].changes)
    spec = race.spec(lane)
    changes |= {"loss": spec.loss, "loss_parameters": dict(spec.loss_parameters)}
    plain = {"loss": BASELINE, "loss_parameters": {}}
    others = {name: value for name, value in changes.items() if name not in plain}
    base = {**race.base.model_dump(), **plain, "seed": race.base.seed + race.seeds}
    first = Lane({**plain, **(others if spec.loss != BASELINE else {})})
    return Race(
        RunSpec.parse(base),
        (first, Lane(changes)),
        FRESH_SEEDS,
        race.judge,
        race.target,
    )
