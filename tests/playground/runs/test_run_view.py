"""A view of one run says what the store says, with few statements."""

from contextlib import closing
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from sqlalchemy import event

from pages.live.feed import Reader
from playground.runs.run_view import RunView
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.training.events import Evaluated, Progress, Started

SPEC = RunSpec(dataset="digits", watch_fit=True, label_noise=0.3, metrics=("macro_f1",))
SERIES = TASKS[SPEC.task].series(SPEC)
OF_EVALUATIONS = [name for name in SERIES if Store.of_evaluations(name)]


class NobodyWaits:
    def place(self, run_id: str) -> int | None:
        return None

    wait_seconds = waits_for = place


def begun(store: Store) -> str:
    run_id = store.create(SPEC, "me")
    strip = {"strip_labels": np.array([1, 0])}
    names = [str(digit) for digit in range(10)]
    store.record(run_id, Started(9, [], 4000, 40, 99, 9, 9, names, {"inputs": []}, strip))
    return run_id


def trained(store: Store, run_id: str, step: int, count: int, value: float) -> None:
    """So many steps up to a step, and an evaluation with all numbers after it."""
    values = np.full(count, value, np.float32)
    curves = {name: values for name in SERIES if not Store.of_evaluations(name)}
    curves["seconds"] = values
    store.record(run_id, Progress(step, step / 40, 1.0, 1.0, curves))
    for split in ("train", "validation"):
        names = [name for name in OF_EVALUATIONS if name.startswith(f"{split}_")]
        metrics = {name.partition("_")[2]: value for name in names}
        store.record(run_id, Evaluated(step, step / 40, split, 9, True, metrics))


def test_a_reading_with_an_evaluation_takes_few_statements(tmp_path: Path) -> None:
    asked: list[str] = []
    with closing(open_store(Settings(home=tmp_path))) as store:
        run_id = begun(store)
        reader = Reader(run_id, store, NobodyWaits())
        event.listen(
            store._database._engine,
            "before_cursor_execute",
            lambda connection, cursor, statement, *_: asked.append(statement),
        )
        assert len(OF_EVALUATIONS) > 10
        for number in range(1, 6):
            trained(store, run_id, 20 * number, 20, 1 / number)
            asked.clear()
            news = reader.news()
            assert news is not None and set(OF_EVALUATIONS) & set(news["series"])
            selects = [each for each in asked if each.startswith("SELECT")]
            assert len(selects) <= 8, selects
            assert sum("evaluations.metrics" in each for each in selects) <= 3, selects
        asked.clear()
        store.runs(limit=50, owner="me")
        assert sum(each.startswith("SELECT") for each in asked) == 1


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 1500), st.booleans()), max_size=6), st.data())
def test_a_view_says_what_the_store_says(
    tmp_path_factory, looks: list[tuple[int, bool]], data: st.DataObject
) -> None:
    with closing(open_store(Settings(home=tmp_path_factory.mktemp("view")))) as store:
        run_id, other = begun(store), begun(store)
        view, step = RunView(store, run_id), 0
        for number, (count, again) in enumerate(looks):
            step += count
            trained(store, run_id, step, count, float(number))
            trained(store, other, step, count, -1.0)
            if again:
                trained(store, run_id, step, 1, number + 0.5)
            view.refresh()
            after = data.draw(st.integers(-1, step + 1))
            if data.draw(st.booleans()):
                view.read_steps({"loss": data.draw(st.integers(-1, step + 1))})
            for name in ("loss", "seconds", *OF_EVALUATIONS, "validation_nothing", "nothing"):
                for asked in (after, 0):
                    for mine, theirs in zip(
                        view.series(run_id, name, asked),
                        store.series(run_id, name, asked),
                        strict=True,
                    ):
                        assert mine.dtype == theirs.dtype
                        np.testing.assert_array_equal(mine, theirs)
        assert view.run(run_id) == store.run(run_id) and view.marks(run_id) == store.marks(run_id)
