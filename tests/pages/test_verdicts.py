"""The verdicts under a loss' picture: which are shown, and when there are none."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from playground.errors import WorkerError
from playground.runs.supervisor import Supervisor
from tests.pages.conftest import Visit, answer, said


def chips(page: AppTest) -> dict[str, str]:
    """The chips' words, with their icons."""
    found = [each.value for each in page.markdown if "-badge[" in each.value]
    words = [each.partition("[")[2].rpartition("]")[0].split() for each in found]
    return {word: icon for icon, word in words}


def test_a_named_loss_has_its_verdicts(visit: Visit, warm: Supervisor) -> None:
    page = visit("dataset=digits&loss=focal")
    assert chips(page) == {
        "sound": ":material/check:",
        "proper": ":material/close:",
        "calibrated": ":material/check:",
        "symmetric": ":material/remove:",
        "convex": ":material/question_mark:",
    }
    page.session_state["verdicts-all"] = True  # the card is drawn when it is opened
    page.run()
    assert "proper is no." in said(page)  # in the card behind them
    assert any("**Symmetric:** does not apply" in each.value for each in page.markdown)


def test_a_written_loss_has_the_verdicts_of_its_last_sound_text(
    visit: Visit, warm: Supervisor
) -> None:
    page = visit("dataset=digits&loss=-sum(y_true*log(y_pred),axis=-1)")
    assert chips(page)["proper"] == ":material/check:"
    page = visit("dataset=digits&loss=-sum(y_true*log(y_pred),axis=")
    assert chips(page) == {}


def test_no_answer_is_said_and_the_page_stands(
    visit: Visit, warm: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(**_: Any) -> dict[str, Any]:
        raise WorkerError("Examining this loss took longer than 5 s and was stopped.")

    answer(monkeypatch, warm, doctor=slow)
    page = visit("dataset=digits&loss=focal")
    assert "The properties are not known: Examining this loss took longer than 5 s" in said(page)
    assert not page.button(key="train").disabled


def test_before_workers_are_warm_nobody_is_asked(visit: Visit) -> None:
    assert chips(visit("dataset=digits&loss=focal")) == {}
