"""The page Incremental: its settings, what it says before, and the methods with one click."""

from playground import methods
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.training.events import Evaluated
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import begun, started


def test_settings_of_the_memory_and_of_phases_are_there(visit: Visit) -> None:
    page = visit("dataset=digits&task=incremental&groups=halves&exemplars=20")
    assert page.text_input(key="spec.groups").value == "halves"
    assert page.number_input(key="spec.exemplars").value == 20
    page.text_input(key="spec.groups").set_value("4,4").run()
    assert "expected pairs, one by one, halves, or at least two numbers" in said(page)
    page.text_input(key="spec.groups").set_value("4,3,3").run()
    page.number_input(key="spec.exemplars").set_value(500).run()
    assert "expected at most 129, the images that a class has; got 500" in said(page)
    page.number_input(key="spec.exemplars").set_value(20).run()
    page.toggle(key="spec.pauses").set_value(True).run()
    assert page.query_params["pauses"] == "1"
    assert page.query_params["groups"] == "4,3,3"


def test_choosing_a_data_set_leaves_epochs_enough_for_the_phases(visit: Visit) -> None:
    page = visit("dataset=digits&task=incremental")
    page.selectbox(key="spec.dataset").set_value("mnist").run()
    assert "one for each phase" not in said(page)
    assert page.session_state["spec.epochs"] == 10


def test_a_method_is_set_with_a_click(visit: Visit) -> None:
    page = visit("dataset=digits&task=incremental&width=12")
    page.button(key="take-ewc").click().run()
    assert page.query_params["importance"] == "fisher" and page.query_params["kept"] == "none"
    assert page.query_params["width"] == "12" and "weight_drift" in page.query_params["loss"]


def test_the_methods_of_the_shown_runs_are_compared(visit: Visit, supervisor: Supervisor) -> None:
    base = RunSpec(task="incremental", dataset="digits")
    ids = []
    for name, accuracy in (("lwf", 0.2), ("exemplars", 0.9)):
        ids.append(begun(supervisor, methods.spec(name, base)))
        supervisor.store.record(ids[-1], started())
        numbers = {"loss": 1.0, "accuracy": accuracy, "forgetting": float("nan")}
        supervisor.store.record(ids[-1], Evaluated(1, 0.1, "validation", 9, True, numbers))
    page = visit(f"run={ids[0]}&compare={ids[1]}&task=incremental")
    table = next(each.value for each in page.markdown if each.value.startswith("| run |"))
    assert "| LwF | 20.0% | – | – | – |" in table and "| Exemplars | 90.0% |" in table
    assert page.button(key="train-methods").label == "Train 5 side by side"
