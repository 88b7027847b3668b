"""The page Runs: what it lists, and what a visitor does to the runs there."""

import json
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl, urlencode

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import session
from playground.errors import RunError
from playground.races.race import Lane, Race
from playground.runs.race_rows import DONE
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Evaluated, Finished
from tests.pages.conftest import FRAME, Visit, said
from tests.pages.test_playground import begun, click

MARK = "[free](//e.x) **b** <i>i</i>"
SPEC = RunSpec(dataset="digits")
Opened = Callable[..., AppTest]


@pytest.fixture
def at_runs(supervisor: Supervisor) -> Opened:
    """Opens the page by its own address, as a visitor with a query."""

    def opened(query: str = "") -> AppTest:
        page = AppTest.from_file(str(FRAME), default_timeout=30)
        page.session_state["visitor"] = "me"
        for name, value in parse_qsl(query):
            page.query_params[name] = value
        page.switch_page("runs.py").run()
        assert not page.exception, page.exception
        return page

    return opened


def ended(supervisor: Supervisor, accuracy: float, owner: str = "me", **changes: object) -> str:
    """A run that is done, with this accuracy on the test images."""
    run_id = begun(supervisor, SPEC.model_copy(update=changes), owner)
    supervisor.store.record(run_id, Evaluated(10, 1.0, "validation", 9, True, {"loss": 0.5}, {}))
    supervisor.store.record(run_id, Finished(10, "completed", 2.0, {"accuracy": accuracy}))
    return run_id


def listed(page: AppTest, column: str = "run") -> list[object]:
    """A column of the table."""
    return list(page.dataframe[0].value[column])


def choose(page: AppTest, run_ids: Sequence[str]) -> AppTest:
    """As if these rows were marked, which Streamlit's test runner cannot do."""
    page.session_state["runs-picked"] = list(run_ids)
    page.run()
    assert not page.exception, page.exception
    return page


def shown(page: AppTest, **controls: object) -> list[object]:
    """The runs that are listed with these controls set."""
    for name, value in controls.items():
        page.session_state[f"runs-{name}"] = value
    page.run()
    assert not page.exception, page.exception
    return listed(page) if page.dataframe else []


def test_without_runs_it_says_how_to_make_the_first(
    at_runs: Opened, supervisor: Supervisor
) -> None:
    page = at_runs()
    assert "No run yet. Every run that you train stands here" in said(page)
    assert not page.dataframe


def test_runs_are_searched_filtered_and_sorted_by_anything(
    at_runs: Opened, supervisor: Supervisor
) -> None:
    first = ended(supervisor, 0.5, loss="focal", learning_rate=0.01)
    ended(supervisor, 0.9, seed=3)
    ended(supervisor, 0.7, loss="-log(p_true)**2", embedding=7)
    begun(supervisor, SPEC)
    ended(supervisor, 0.8, owner="somebody else")
    supervisor.store.labels.name(first, ["me"], "my best")
    supervisor.store.labels.note(first, ["me"], "too slow")
    supervisor.store.labels.star([first], ["me"], True)
    page = at_runs()
    assert listed(page) == [
        "#4 Cross-entropy", "#3 -log(p_true)**2", "#2 Cross-entropy", "#1 my best"
    ]  # fmt: skip
    assert listed(page, "state")[0] == "running · 10%" and listed(page, "starred")[3] == "★"
    assert listed(page, "result")[1:] == [70.0, 90.0, 50.0]
    assert [one[:2] for one in shown(page, sort="result")] == ["#2", "#3", "#1", "#4"]
    ascending = shown(page, sort="learning_rate", ascending=True)
    assert [one[:2] for one in ascending] == ["#4", "#3", "#2", "#1"]
    page.session_state["runs-sort"], page.session_state["runs-ascending"] = "created", False
    for words, numbers in {
        "SLOW my": ["#1"],
        "focal": ["#1"],
        "log(p_true)": ["#3"],
        "nothing like it": [],
    }.items():
        assert [one[:2] for one in shown(page, search=words)] == numbers, words
    assert "None of your 4 runs is like that." in said(page)
    page = click(page, "runs-show-all")
    assert len(listed(page)) == 4
    found = shown(page, conditions=["result", "embedding"], bounds={"result.from": 60.0})
    assert [one[:2] for one in found] == ["#3", "#2"]
    page.number_input(key="runs-bound-embedding.to").set_value(10.0).run()
    assert [one[:2] for one in listed(page)] == ["#3"]
    page = click(page, "runs-clear")
    assert len(listed(page)) == 4
    assert [one[:2] for one in shown(page, starred=True)] == ["#1"]
    assert [one[:2] for one in shown(page, starred=False, state=["running"])] == ["#4"]
    assert "Embedding size" in page.dataframe[0].proto.columns or shown(page, columns=["embedding"])
    assert listed(page, "embedding") == [SPEC.embedding]


def test_the_address_keeps_what_is_listed(at_runs: Opened, supervisor: Supervisor) -> None:
    for accuracy, rate in ((0.5, 0.01), (0.9, 0.02), (0.7, 0.03), (0.6, 0.01)):
        ended(supervisor, accuracy, learning_rate=rate)
    page = at_runs()
    assert "list" not in page.query_params
    asked = {"conditions": ["result", "loss"], "bounds": {"result.from": 55.0}}
    before = shown(page, sort="result", ascending=True, search="cross", data=["digits"], **asked)
    assert [one[:2] for one in before] == ["#4", "#3", "#2"]
    page.session_state["runs-among-loss"] = ["Cross-entropy"]
    page.run()
    again = at_runs(urlencode(page.query_params))
    assert listed(again) == before and "From the link" not in said(again)
    assert dict(again.query_params) == dict(page.query_params)
    assert again.session_state["runs-among-loss"] == ["Cross-entropy"]
    click(again, "runs-clear")
    assert '"search"' not in again.query_params["list"]


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "{", '{"search":1}', '{"nothing":"x"}', '{"tasks":[1]}', '{"bounds":{"a":"x"}}'),
        *('{"bounds":{"a":1e999}}', '{"bounds":{"a":NaN}}', f'{{"bounds":{{"a":{10**400}}}}}'),
        *('{"search":"\\ud800"}', '{"bounds":{"\\ud800":1}}', '{"among":{"\\ud800":["a"]}}'),
    ],
)
def test_a_list_of_an_address_that_is_none_is_told(
    at_runs: Opened, supervisor: Supervisor, text: str
) -> None:
    ended(supervisor, 0.5)
    page = at_runs(urlencode({"list": text}))
    assert len(listed(page)) == 1 and "using none" in said(page)


@pytest.mark.parametrize(
    "text",
    [
        '{"by":["learning_rate","learning_rate","loss","loss"],"tasks":["classification"]}',
        '{"by":["learning_rate"],"bounds":{"learning_rate.from":0,"learning_rate.to":9e15}}',
        '{"by":["loss"],"among":{"loss":["Cross-entropy","Cross-entropy"],"none":["a"]}}',
    ],
)
def test_a_list_of_an_address_that_says_too_much_is_taken_as_far_as_it_goes(
    at_runs: Opened, supervisor: Supervisor, text: str
) -> None:
    ended(supervisor, 0.5)
    page = at_runs(urlencode({"list": text}))
    assert len(listed(page)) == 1 and not page.exception


def test_an_address_adds_nothing_to_what_every_session_remembers(
    at_runs: Opened, supervisor: Supervisor
) -> None:
    ended(supervisor, 0.5)
    at_runs()
    before = session.declared()
    names = [f"name {number}" for number in range(8)]
    text = json.dumps({"by": names, "among": {name: ["a"] for name in names}})
    at_runs(urlencode({"list": text}))
    assert session.declared() == before


def test_names_notes_and_stars_are_given_here_and_seen_elsewhere(
    at_runs: Opened, visit: Visit, supervisor: Supervisor
) -> None:
    run_id = ended(supervisor, 0.5)
    page = choose(at_runs(), [run_id])
    page.text_input(key=f"runs-name-{run_id}-name").set_value(MARK)
    page.text_area(key=f"runs-name-{run_id}-notes").set_value(f"about {MARK}")
    page = click(page, "runs-name-save")
    page = click(page, "runs-star")
    record = supervisor.store.run(run_id)
    assert (record.name, record.notes, record.starred) == (MARK, f"about {MARK}", True)
    assert listed(page) == [f"#1 {MARK}"]
    read = [each.value for each in [*page.caption, *page.markdown, *page.subheader]]
    read += [f"{each.label} {each.proto.help}" for each in page.button]
    assert read and not [words for words in read if MARK in words]
    assert f"about {MARK}" in [each.value for each in page.text]
    other = visit(f"run={run_id}")
    assert f"#1 ★ {MARK} · Cross-entropy · Digits (8×8)" in other.selectbox(key="run-shown").options


def test_a_delete_is_undone_after_a_reload_too(at_runs: Opened, supervisor: Supervisor) -> None:
    ids = [ended(supervisor, 0.5 + number / 10) for number in range(3)]
    page = choose(at_runs(f"run={ids[0]}&compare={ids[2]}"), ids[:2])
    page = click(page, "runs-delete")
    assert listed(page) == ["#3 Cross-entropy"]
    assert "Deleted: #2 Cross-entropy, #1 Cross-entropy." in said(page)
    assert page.session_state["run"] == "" and page.session_state["compare"] == [ids[2]]
    page = click(at_runs(), "runs-undo")
    assert len(listed(page)) == 3 and "Deleted" not in said(page)
    link = at_runs(f"run={ids[1]}")
    assert link.session_state["run"] == ids[1]
    supervisor.store.labels.delete(ids[1:2], ["me"])
    assert "run: #2 was deleted" in said(at_runs(f"run={ids[1]}"))


def test_a_run_that_trains_is_stopped_before_it_is_deleted_if_one_says_so(
    at_runs: Opened, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(supervisor, "command", lambda *command: sent.append(command))
    run_id = begun(supervisor, SPEC)
    page = click(choose(at_runs(), [run_id]), "runs-delete")
    assert "#1 Cross-entropy still trains: stop it and delete it?" in said(page)
    page = click(page, "runs-delete-not")
    assert not sent and listed(page) == ["#1 Cross-entropy"]
    page = click(click(page, "runs-delete"), "runs-delete-sure")
    assert sent == [(run_id, "me", "stop")]
    assert supervisor.store.run(run_id).deleted is not None and not page.dataframe
    monkeypatch.undo()


def test_a_run_that_cannot_be_stopped_is_not_deleted(
    at_runs: Opened, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*command: str) -> None:
        raise RunError("Its server does not answer.", "Try again.")

    monkeypatch.setattr(supervisor, "command", refuse)
    run_id = begun(supervisor, SPEC)
    page = click(click(choose(at_runs(), [run_id]), "runs-delete"), "runs-delete-sure")
    assert "Its server does not answer." in said(page)
    assert supervisor.store.run(run_id).deleted is None


def test_runs_of_others_are_listed_from_their_links_and_are_theirs(
    at_runs: Opened, supervisor: Supervisor
) -> None:
    theirs = ended(supervisor, 0.5, owner="somebody else")
    page = choose(at_runs(f"run={theirs}"), [theirs])
    assert listed(page) == ["#1 Cross-entropy"]
    assert page.button(key="runs-star").disabled
    assert page.button(key="runs-delete").label == "Take off the list"
    page = click(page, "runs-delete")
    assert not page.dataframe and supervisor.store.run(theirs).deleted is None


def test_families_races_and_links_between_runs(at_runs: Opened, supervisor: Supervisor) -> None:
    race = Race(SPEC, (Lane({"loss": "focal"}, MARK), Lane({"loss": "gce"})), seeds=2)
    supervisor.store.races.create(race.to_json(), "me", DONE)
    raced = begun(supervisor, race.spec(0, 1))
    begun(supervisor, SPEC.model_copy(update={"loss": "focal", "seed": 7}))
    parent = ended(supervisor, 0.5)
    child = begun(supervisor, SPEC)
    with supervisor.store._database.writing() as connection:
        from playground.runs import resuming

        resuming.branch(connection, child, parent, 5, False)
    page = at_runs()
    titles = page.selectbox(key="runs-show").options
    group = next(title for title in titles if title.startswith("Race"))
    assert group.endswith("· 2 × 2")
    page.selectbox(key="runs-show").select(group).run()
    assert listed(page) == ["#1 Focal loss"]
    page = choose(page, [raced])
    assert f": lane {MARK}" in said(page)
    alone = shown(page, show="alone")
    assert [one[:2] for one in alone] == ["#4", "#3", "#2"]
    assert shown(page, show="families") == ["#3 Cross-entropy", "└ #4 Cross-entropy"]
    page = choose(page, [child])
    page = click(page, "runs-family-all")
    assert set(page.session_state["runs-picked"]) == {parent, child}


def test_what_chosen_runs_differ_in_stands_side_by_side(
    at_runs: Opened, supervisor: Supervisor
) -> None:
    one = ended(supervisor, 0.5, loss="gamma = 2.0\n-(1 - p_true)**gamma * log(p_true)")
    other = ended(supervisor, 0.9, seed=3, loss="gamma = 1.0\n-(1 - p_true)**gamma * log(p_true)")
    page = choose(at_runs(), [one, other])
    table = page.dataframe[1].value
    rows = dict(zip(table.iloc[:, 0], table.itertuples(index=False), strict=True))
    assert list(rows)[:2] == ["Loss", "Seed"] and "Depth" not in rows
    assert tuple(rows["Seed"])[1:] == ("3", "0")
    assert "gamma = 1.0" in rows["Loss"][1] and "gamma = 2.0" in rows["Loss"][2]
    assert tuple(rows["Accuracy"])[1:] == ("90.0%", "50.0%")
    page.toggle(key="runs-all-settings").set_value(True).run()
    assert "Depth" in list(page.dataframe[1].value.iloc[:, 0])


def test_marks_stay_on_their_runs_when_another_comes(
    at_runs: Opened, supervisor: Supervisor
) -> None:
    first = ended(supervisor, 0.5)
    page = choose(at_runs(), [first])
    assert page.session_state["runs-table"]["selection"]["rows"] == [0]
    ended(supervisor, 0.9)
    page.run()
    assert page.session_state["runs-table"]["selection"]["rows"] == [1]
    assert "1 of 2 chosen" in said(page)


def test_storage_is_told_and_warned_of(
    at_runs: Opened, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(supervisor, 0.5)
    supervisor.store.make_room()
    page = at_runs()
    assert "1 run · yours take 1 KiB of 10 GiB · all on this server" in said(page)
    assert not page.warning
    small = Settings(home=supervisor.settings.home, visitor_gib=1e-7)
    monkeypatch.setattr("playground.settings.settings", lambda: small)
    assert "star what you want to keep" in at_runs().warning[0].value
