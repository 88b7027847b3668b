"""The page Race: lanes that are set up, a race that is started, steered, shown and linked."""

from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote, urlencode

import pytest
from streamlit.testing.v1 import AppTest

from playground.races import feeder as feeders
from playground.races import links, race_file, search
from playground.races.feeder import Feeder
from playground.races.race import Lane, Race
from playground.runs.race_rows import DONE, STOPPED
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import click
from tests.playground.races.test_results import BASE, completed

MARK = "[free](//e.x)"
RACE = Race(
    BASE,
    (Lane({"loss": "categorical_crossentropy"}), Lane({"loss": "gce"}, MARK)),
    seeds=7,
    target=0.8,
)
Opened = Callable[..., AppTest]


@pytest.fixture
def at_race(visit: Visit, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> Opened:
    feeder = Feeder(supervisor)
    monkeypatch.setattr(feeders, "service", lambda: feeder)
    return partial(visit, at="race.py")


@pytest.fixture
def raced(supervisor: Supervisor) -> Iterator[str]:
    """A race that is done: the second lane is better by 5 points with every seed."""
    for seed in range(RACE.seeds):
        for lane in range(2):
            completed(supervisor.store, RACE.spec(lane, seed), 0.85 + seed / 100 + lane / 20)
    yield supervisor.store.races.create(RACE.to_json(), "me", DONE)


def test_one_click_starts_all_lanes(at_race: Opened, supervisor: Supervisor) -> None:
    page = at_race()
    assert "2 lanes × 5 seeds: 10 runs" in said(page)
    page = click(page, "race-start")
    (race,) = supervisor.store.races.of(["me"])
    assert page.query_params["race"] == race.id
    planned = Race.from_json(race.definition)
    runs = supervisor.store.runs()
    assert [run.spec for run in runs] == [planned.spec(1), planned.spec(0)]  # all of one seed
    assert "0 of 10 runs; 0 train, 2 wait" in said(page)
    page = click(page, "race-stop")
    assert supervisor.store.races.find(race.id).state == STOPPED
    page = click(page, "race-resume")
    assert len(supervisor.store.runs()) == 4


def test_lanes_are_added_changed_and_removed(at_race: Opened) -> None:
    page = click(at_race(), "lane-add")
    assert "it is the same as lane 1" in said(page) and page.button(key="race-start").disabled
    page.text_input(key="race.changes").set_value("dropout = 0.5, optimizer = sgd").run()
    assert "3 lanes × 5 seeds" in said(page) and not page.button(key="race-start").disabled
    page.text_input(key="race.changes").set_value("dropout = 5").run()
    assert "lane 3: dropout: expected 0 to" in said(page)
    page.text_input(key="race.changes").set_value("nonsense").run()
    assert "expected settings as in dropout = 0.3" in said(page)
    page = click(page, "lane-edit-1")
    assert page.session_state["loss_name"] == "gce"
    assert page.text_input(key="race.changes").value == ""
    page = click(click(page, "lane-edit-2"), "lane-remove")
    assert "2 lanes" in said(page) and page.button(key="lane-remove").disabled


def test_a_race_is_shown_by_its_link(at_race: Opened, raced: str) -> None:
    page = at_race(f"race={raced}")
    text = said(page)
    assert f"{MARK} is better than Cross-entropy by accuracy." in text
    assert "14 of 14 runs" in text and "7 seeds: mean difference" in text.replace("\\", "")
    table = page.dataframe[0].value
    assert table["Lane"].tolist() == ["Cross-entropy", MARK]
    assert table["Accuracy"][1].startswith("93.00%") and table["Accuracy"][1].endswith("★")
    assert "the same first weights" in text
    assert page.session_state["run"] and len(page.session_state["compare"]) == 1
    read = [each.value for each in [*page.caption, *page.markdown, *page.subheader]]
    assert not [words for words in [*read, *(each.label for each in page.button)] if MARK in words]


def test_a_link_with_all_of_a_race_sets_it_up(at_race: Opened) -> None:
    page = at_race(f"setup={quote(RACE.to_json())}")
    assert "2 lanes × 7 seeds" in said(page)
    assert page.session_state["spec.epochs"] == BASE.epochs
    found = Race.from_json(page.session_state["setup"]).spec(1, 3)
    assert found == RACE.spec(1, 3).model_copy(update={"watch_fit": True})


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("race=nosuchrace12", "there is no race 'nosuchrace12'"),
        ("race=../x", "expected the id of a race"),
        ("setup=[]", "expected an object of fields"),
        ("setup=%7B%22lanes%22:[%7B%7D]%7D", "2 to 8 lanes; got 1"),
    ],
)
def test_a_wrong_link_is_told(at_race: Opened, query: str, words: str) -> None:
    assert words in said(at_race(query))


def test_a_race_of_somebody_else_is_watched_not_steered(
    at_race: Opened, supervisor: Supervisor
) -> None:
    race_id = supervisor.store.races.create(RACE.to_json(), "somebody")
    page = at_race(f"race={race_id}")
    assert "0 of 14 runs" in said(page)
    assert not [each for each in page.button if each.key in ("race-stop", "race-resume")]


def test_other_pages_have_no_race_in_their_links(at_race: Opened, raced: str) -> None:
    page = at_race(f"race={raced}")
    page.switch_page("fitting.py").run()
    assert "race" not in page.query_params and "setup" not in page.query_params
    assert RunSpec(dataset="digits").dataset == page.session_state["spec.dataset"]


def test_a_sweep_is_set_up_started_and_raced_on(at_race: Opened, supervisor: Supervisor) -> None:
    page = at_race("dataset=digits&epochs=4")
    page.number_input(key="race.seeds").set_value(1).run()
    page.multiselect(key="sweep.varied").set_value(["dropout", "l2"]).run()
    page.text_input(key="sweep-values-dropout").set_value("0, 0.5").run()
    page.text_input(key="sweep-values-l2").set_value("0.1, 2").run()
    assert "Expected 0 to 0.1; got 2.0" in said(page) and page.button(key="sweep-start").disabled
    page.text_input(key="sweep-values-l2").set_value("0, 0.01").run()
    assert "4 points × 1 seeds" in said(page)
    page = click(page, "sweep-start")
    (record,) = supervisor.store.races.of(["me"])
    race = Race.from_json(record.definition)
    assert "0 of 4 runs" in said(page) and race.varied == ("dropout", "l2")
    for lane in range(4):
        completed(supervisor.store, race.spec(lane), 0.8 + lane / 100)
    page.run()
    assert "Best so far on validation images: dropout 0.5 · l2 0.01, accuracy 83.00%" in said(page)
    page = click(page, "sweep-race")
    assert page.session_state["spec.seed"] == 1 and page.session_state["race"] == ""
    assert page.session_state["race.lanes"][1]["changes"] == "dropout = 0.5, l2 = 0.01"


def test_a_sweep_over_losses_takes_dots_and_commas_for_what_they_are(
    at_race: Opened, supervisor: Supervisor
) -> None:
    page = at_race("dataset=digits&epochs=4")
    page.multiselect(key="sweep.varied").set_value(["loss", "dropout"]).run()
    page.text_input(key="sweep-values-loss").set_value("gce, -mean(y_true..., axis=-1)").run()
    page.text_input(key="sweep-values-dropout").set_value("0 .. x").run()
    text = said(page)
    assert "Expected a range as in 0.001 .. 0.1; got '0 .. x'" in text
    assert text.count("xpected a range") == 1  # at the field that is one
    page.text_input(key="sweep-values-dropout").set_value("0 .. 0.5").run()
    assert "10 points × 5 seeds" in said(page)
    click(page, "sweep-start")
    (record,) = supervisor.store.races.of(["me"])
    race = Race.from_json(record.definition)
    assert {race.spec(lane).loss for lane in range(10)} == {"gce", "-mean(y_true..., axis=-1)"}


SWEPT = race_file.parse(
    {
        "base": {"dataset": "digits", "epochs": 4, "seed": 3},
        "seeds": 2,
        "judge": "nll",
        "sweep": {
            "design": "sobol",
            "points": 200,
            "halving": 2,
            "vary": {
                "loss": ["gce", "huber(y_true, y_pred)"],
                "learning_rate": {"low": 1e-4, "high": 0.1, "log": False},
                "loss.q": [0.3, 0.5],
            },
        },
    }
)


def test_a_link_of_a_sweep_sets_it_up(at_race: Opened) -> None:
    address = links.link(SWEPT)
    assert len(address) < 1000
    page = at_race(address.partition("?")[2])
    assert page.session_state["sweep.varied"] == ["loss", "learning_rate", "loss.q"]
    assert page.text_input(key="sweep-values-learning_rate").value == "0.0001 .. 0.1 even"
    assert page.text_input(key="sweep-values-loss").value == "gce, huber(y_true, y_pred)"
    assert page.session_state["spec.seed"] == 3 and page.session_state["race.judge"] == "nll"
    assert "200 points × 2 seeds" in said(page)
    assert_kept(at_race, page, "200 points × 2 seeds")


def assert_kept(at_race: Opened, page: AppTest, words: str) -> None:
    """After F5 of the address that the page has now, the sweep is the same."""
    again = at_race(urlencode(page.query_params))
    assert words in said(again)
    assert again.query_params["vary"] == page.query_params["vary"]
    for key in ("sweep.varied", "sweep.design", "sweep.halving"):
        assert again.session_state[key] == page.session_state[key]


def test_the_address_keeps_a_sweep_that_was_set_up_and_of_the_usual_one_says_nothing(
    at_race: Opened,
) -> None:
    page = at_race("dataset=digits&epochs=4")
    assert "vary" not in page.query_params
    page.multiselect(key="sweep.varied").set_value(["dropout"]).run()
    page.text_input(key="sweep-values-dropout").set_value("0, 0.5, x").run()
    page.text_input(key="sweep-values-dropout").set_value("0, 0.5").run()
    assert_kept(at_race, page, "2 points × 5 seeds")


def test_a_link_of_a_search_is_kept_to_be_trained(at_race: Opened, supervisor: Supervisor) -> None:
    texts = [f"{n} * cross_entropy()\n" for n in range(2, 20)]
    found = search.search(BASE, "gce", texts)
    page = at_race(links.link(found).partition("?")[2])
    assert "20 points × 1 seeds, which differ in loss" in said(page)
    assert_kept(at_race, page, "20 points × 1 seeds, which differ in loss")
    click(page, "sweep-given-start")
    (record,) = supervisor.store.races.of(["me"])
    assert Race.from_json(record.definition).same_as(found)
