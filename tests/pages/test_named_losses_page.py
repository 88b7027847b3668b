"""The page of all named losses: chosen among, compared, tried."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from playground.errors import PlaygroundError
from playground.runs import shipped
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.training import objective
from tests.pages.conftest import said
from tests.playground.toy import Toy

Visit = Callable[..., AppTest]
PAGE = "named_losses.py"


@pytest.fixture
def drawn(warm: Supervisor, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """Every loss has a curve, and is proper where its name has an e in it."""
    curve = {"p": [0.1, 0.5, 0.9], "loss": [2.3, 0.7, 0.1], "slope": [-0.9, -0.5, -0.1]}

    def cards() -> tuple[dict[str, Any], bool]:
        return {
            info["name"]: {
                "lines": [list(zip(curve["p"], curve["loss"], strict=True))],
                "curve": curve,
                "findings": {"proper": "yes" if "e" in info["name"] else "no"},
            }
            for info in warm.questions.ask("catalog")
        }, True

    monkeypatch.setattr(warm.questions, "gallery", cards)
    return warm


def opened(visit: Visit, query: str = "") -> AppTest:
    return visit(query, at=PAGE)


def shown(page: AppTest) -> list[str]:
    return [each.key.removeprefix("try-") for each in page.button if (each.key or "")[:4] == "try-"]


@pytest.mark.parametrize(("dataset", "told"), [("digits", False), ("shapes", True)])
def test_of_data_with_another_number_of_classes_it_says_that_the_cards_are_of_ten(
    visit: Visit, drawn: Supervisor, dataset: str, told: bool
) -> None:
    page = opened(visit, f"dataset={dataset}&group=margin")
    assert ("are those of 10 classes; the chosen images have 3" in said(page)) == told


def test_all_are_there_and_chosen_by_group_and_property(visit: Visit, drawn: Supervisor) -> None:
    page = opened(visit, "dataset=digits")
    names = [info["name"] for info in drawn.questions.ask("catalog")]
    assert shown(page) == names and f"{len(names)} losses" in said(page)
    page.multiselect(key="view.has").set_value(["proper"]).run()
    assert shown(page) == [name for name in names if "e" in name]
    group = drawn.questions.ask("catalog")[-1]["group"]
    page.button_group(key="view.groups").set_value([group]).run()
    wanted = [
        i["name"]
        for i in drawn.questions.ask("catalog")
        if "e" in i["name"] and i["group"] == group
    ]
    assert shown(page) == wanted
    assert page.query_params["has"] == "proper" and page.query_params["group"] == group


def test_up_to_six_are_compared_and_the_link_says_which(visit: Visit, drawn: Supervisor) -> None:
    page = opened(visit, "dataset=digits&beside=focal,brier,no_such_loss")
    page.checkbox(key="beside-huber").check().run()
    assert page.query_params["beside"] == "focal,brier,huber"
    assert len(page.latex) == 3
    for name in ("poly1", "jaccard", "emd"):
        page.checkbox(key=f"beside-{name}").check().run()
    assert page.checkbox(key="beside-supcon").disabled
    assert not page.checkbox(key="beside-emd").disabled
    page.button(key="compare-none").click().run()
    assert "beside" not in page.query_params and not page.latex


def refused(name: str) -> bool:
    """Whether training itself refuses a named loss."""
    try:
        objective.build(RunSpec(dataset="digits", loss=name))
    except PlaygroundError:
        return True
    return False


def test_greyed_is_what_training_refuses_and_nothing_else(visit: Visit, drawn: Supervisor) -> None:
    page = opened(visit, "dataset=digits")
    tries = {each.key[4:]: each for each in page.button if (each.key or "")[:4] == "try-"}
    assert list(tries) == [info["name"] for info in drawn.questions.ask("catalog")]
    told = {name for name in tries if refused(name)}
    assert told >= {"distillation"}
    assert {name for name, button in tries.items() if button.disabled} == told
    reason = "needs teacher_logits, which comes with Incremental; this run is Classification"
    faces = [each.proto.body for each in page.get("html")]
    greyed = [face for face in faces if "face lacking" in face]
    assert len(greyed) == len(told) and all("Needs " in face for face in greyed)
    assert any(f"N{reason[1:]}" in face for face in greyed)
    page.switch_page("playground.py").run()
    options = page.selectbox(key="loss_name").options
    marked = [each for each in options if "not here" in each]
    assert options[-len(told) :] == marked and len(marked) == len(told)
    assert any(reason in each for each in marked) and all("needs " in each for each in marked)


def test_greyed_goes_by_the_chosen_task(
    visit: Visit, drawn: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TASKS, "toy", Toy())
    page = opened(visit, "dataset=digits&task=toy")
    disabled = {each.key[4:] for each in page.button if each.key[:4] == "try-" and each.disabled}
    assert disabled == {
        i["name"] for i in drawn.questions.ask("catalog") if set(i["inputs"]) - set(Toy.inputs)
    }
    assert "supcon" in disabled and "brier" not in disabled


def test_all_is_there_before_a_worker_is(visit: Visit, supervisor: Supervisor) -> None:
    """Curves and verdicts are shipped with the losses."""
    known = shipped.read()
    assert known is not None and not supervisor.status()["checking"]
    page = opened(visit, "dataset=digits")
    assert shown(page) == list(known.cards) and "Worked out" not in said(page)
    faces = [each.proto.body for each in page.get("html") if "class='face" in each.proto.body]
    assert len(faces) == len(known.cards)
    assert not [face for face in faces if "<em>…</em>" in face]
    page.multiselect(key="view.has").set_value(["proper"]).run()
    assert shown(page) == [
        name for name, card in known.cards.items() if card["findings"]["proper"] == "yes"
    ]
