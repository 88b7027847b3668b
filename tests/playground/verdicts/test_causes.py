"""Why a real run does not learn is told rightly, and what is advised is tried: ten of the table of
`cases.py`, one seed each. `tests/benchmarks/verdicts.py` has all of them over several seeds."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.verdicts import causes, fit
from tests.playground.verdicts import told
from tests.playground.verdicts.cases import CASES, HEALTHY, SHORT, Case

OBEYED = ("SupCon alone", "Adam at 1", "no minus")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(open_store(Settings(home=tmp_path_factory.mktemp("verdicts")))) as found:
        yield found


@pytest.mark.parametrize("case", [each for each in CASES if each.name in SHORT], ids=str)
def test_what_was_done_to_a_run_is_what_is_named(store: Store, case: Case) -> None:
    found = told.judged(store, case.spec(0))
    assert found.cause in case.causes, found
    assert found.kind in fit.KINDS and found.step.endswith(".") and found.sentence[-1] in ".?"
    assert "nan" not in found.sentence.split()
    if case.healthy:
        assert found.kind in ("fitting", "overconfident"), found
    if found.change:
        assert found.respect in fit.RESPECTS


@pytest.mark.parametrize("case", [each for each in CASES if each.name in OBEYED], ids=str)
def test_a_run_that_obeys_is_better_in_the_named_respect(store: Store, case: Case) -> None:
    spec = case.spec(0)
    found = told.judged(store, spec)
    changed = type(spec).parse({**spec.model_dump(), **found.change})
    assert changed != spec
    before, after = (told.measured(store, each)[found.respect] for each in (spec, changed))
    assert told.is_better(found.respect, before, after), (found.respect, before, after)


def test_every_cause_of_the_table_is_one_that_a_verdict_can_name() -> None:
    named = {cause for case in CASES for cause in case.causes} - {HEALTHY}
    assert named <= set(causes.NAMES), named - set(causes.NAMES)
    assert len(CASES) >= 40 and len(SHORT) == 10
    assert {case.name for case in CASES} >= {*SHORT, *OBEYED}


@pytest.mark.parametrize("loss", ["L - 1", "100 L"])
def test_a_loss_that_says_the_same_gets_the_same_verdict(store: Store, loss: str) -> None:
    (plain,) = (case for case in CASES if case.name == "cross-entropy")
    (moved,) = (case for case in CASES if case.name == loss)
    one, other = (told.judged(store, case.spec(0)) for case in (plain, moved))
    assert (one.kind, one.cause, one.step) == (other.kind, other.cause, other.step)
