"""What visitors call their runs, and the lists in which they find them again."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event

from playground.errors import RunError
from playground.runs import labels, listing
from playground.runs.store import Store, open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Evaluated, Finished, Progress, Started

SPEC = RunSpec(dataset="digits", seed=7, loss="focal", loss_parameters={"gamma": 1.5})


@pytest.fixture
def store(kept: Callable[..., Settings]) -> Iterator[Store]:
    found = open_store(kept())
    yield found
    found.close()


def statements(store: Store) -> list[str]:
    """What is asked of the store's database from now on."""
    asked: list[str] = []

    @event.listens_for(store._database._engine, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, many) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            asked.append(statement)

    return asked


def test_a_run_has_the_name_notes_and_star_of_its_owner(store: Store) -> None:
    run_id, other = store.create(SPEC, "me"), store.create(SPEC, "me")
    store.labels.name(run_id, ["me"], "  the\tbest \n one ")
    store.labels.note(run_id, ["me"], "two\r\nlines \x00\u202e")
    store.labels.star([run_id, other], ["me", "command line"], True)
    store.labels.star([other], ["me"], False)
    record = store.run(run_id)
    assert (record.name, record.notes, record.starred) == ("the best one", "two\nlines", True)
    assert (store.run(other).name, store.run(other).starred) == ("", False)
    store.labels.name(run_id, ["me"], "")
    assert store.runs()[-1].name == "" and store.runs()[-1].notes == "two\nlines"


def test_names_and_notes_are_bounded_and_the_owners(store: Store) -> None:
    run_id = store.create(SPEC, "me")
    store.labels.name(run_id, ["me"], "x" * labels.MOST_NAME)
    with pytest.raises(RunError, match="at most 80 characters; this one has 81"):
        store.labels.name(run_id, ["me"], "x" * 81)
    with pytest.raises(RunError, match="at most 2,000 characters; these have 2,001"):
        store.labels.note(run_id, ["me"], "x" * 2001)
    assert store.run(run_id).name == "x" * 80
    theirs = store.create(SPEC, "somebody else")
    for change in (
        lambda: store.labels.name(theirs, ["me"], "mine"),
        lambda: store.labels.delete([run_id, theirs], ["me"]),
    ):
        with pytest.raises(RunError, match="Only the browser that started"):
            change()
    assert store.run(run_id).deleted is None and store.run(theirs).name == ""
    with pytest.raises(RunError, match="no such run"):
        store.labels.star(["unknown"], ["me"], True)


def test_a_list_has_ones_own_runs_and_those_whose_links_one_came_by(store: Store) -> None:
    first, theirs, hidden = (store.create(SPEC, who) for who in ("me", "you", "you"))
    for _ in range(2):
        store.labels.follow(theirs, "me")
    store.labels.follow("unknown", "me")
    assert [run.id for run in store.listing.runs(["me"], "me")] == [theirs, first]
    assert [run.id for run in store.listing.runs(["you"], "you")] == [hidden, theirs]
    store.labels.name(theirs, ["you"], "seen")
    store.labels.note(theirs, ["you"], "not seen")
    linked = store.listing.runs(["me"], "me")[0]
    assert (linked.name, linked.notes) == ("seen", "")
    assert store.listing.runs(["you"], "you")[1].notes == "not seen"
    store.labels.delete([theirs], ["you"])
    assert [run.id for run in store.listing.runs(["me"], "me")] == [first]
    assert [run.deleted is None for run in store.listing.runs(["you"], "you")] == [True, False]
    store.labels.undo([theirs], ["you"])
    store.labels.unfollow([theirs, first], "me")
    assert [run.id for run in store.listing.runs(["me"], "me")] == [first]


def test_the_newest_links_are_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST_FOLLOWED", 2)
    ids = [store.create(SPEC, "you") for _ in range(3)]
    for run_id in ids:
        store.labels.follow(run_id, "me")
    assert [run.id for run in store.listing.runs([], "me")] == ids[:0:-1]


def test_a_list_says_what_the_store_has_and_is_read_anew_when_something_changes(
    store: Store, kept: Callable[..., Settings]
) -> None:
    run_id = store.create(SPEC, "me")
    asked = statements(store)
    (before,) = store.listing.runs(["me"], "me")
    assert len(asked) == 2
    assert store.listing.runs(["me"], "me") == [before] and len(asked) == 3
    assert before.settings == SPEC.model_dump() | {"metrics": []}
    assert before.bytes is None and before.live
    with_news = [
        lambda: store.record(run_id, Started(10, [], 5, 9, 3, 1, 1, [], {}, {})),
        lambda: store.record(run_id, Progress(2, 0.4, 1.5, 9.0, {"loss": [1, 2]})),
        lambda: store.record(run_id, Evaluated(2, 0.4, "test", 9, True, {"accuracy": 0.5}, {})),
        lambda: store.record(run_id, Finished(3, "completed", 2.0, {"accuracy": 0.75})),
        lambda: store.labels.name(run_id, ["me"], "named"),
        lambda: store.labels.star([run_id], ["me"], True),
        store.make_room,
    ]
    for change in with_news:
        change()
        (after,) = store.listing.runs(["me"], "me")
        assert after != before
        before = after
    assert (after.state, after.step, after.steps, after.seconds) == ("completed", 3, 5, 2.0)
    assert after.metrics["test_accuracy"] == 0.75 and after.name == "named" and after.starred
    assert after.bytes > 0
    other = open_store(kept())  # another program's writing is seen as well
    other.create(SPEC, "me")
    other.close()
    assert len(store.listing.runs(["me"], "me")) == 2


def test_a_thousand_runs_are_two_statements_and_those_kept_are_few(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store._database.writing() as connection:
        for number in range(300):
            store._insert(connection, f"run{number}", SPEC, "me", "completed")
    asked = statements(store)
    assert [run.number for run in store.listing.runs(["me"], "me")] == list(range(300, 0, -1))
    assert len(asked) == 2
    monkeypatch.setattr(listing, "KEPT", 1)
    store.listing.runs(["you"], "you")
    del asked[:]
    store.listing.runs(["me"], "me")
    assert len(asked) == 2
