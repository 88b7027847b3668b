"""The page of all named losses: chosen among, compared, tried."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from playground.errors import WorkerError
from playground.runs.gallery import Gallery
from playground.runs.supervisor import Supervisor
from tests.pages.conftest import said

Visit = Callable[..., AppTest]
PAGE = "catalog.py"


@pytest.fixture
def drawn(warm: Supervisor, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    """Every loss has a curve, and is proper where its name has an e in it."""
    curve = {"p": [0.1, 0.5, 0.9], "loss": [2.3, 0.7, 0.1], "slope": [-0.9, -0.5, -0.1]}

    def cards() -> tuple[dict[str, Any], bool]:
        return {
            info["name"]: {
                "lines": [list(zip(curve["p"], curve["loss"], strict=True))],
                "curve": curve,
                "verdicts": {"proper": "yes" if "e" in info["name"] else "no"},
            }
            for info in warm.catalog()
        }, True

    monkeypatch.setattr(warm, "gallery", cards)
    return warm


def opened(visit: Visit, query: str = "") -> AppTest:
    return visit(query, at=PAGE)


def shown(page: AppTest) -> list[str]:
    return [each.key.removeprefix("try-") for each in page.button if (each.key or "")[:4] == "try-"]


def test_all_are_there_and_chosen_by_group_and_property(visit: Visit, drawn: Supervisor) -> None:
    page = opened(visit, "dataset=digits")
    names = [info["name"] for info in drawn.catalog()]
    assert shown(page) == names and f"{len(names)} losses" in said(page)
    page.multiselect(key="view.has").set_value(["proper"]).run()
    assert shown(page) == [name for name in names if "e" in name]
    group = drawn.catalog()[-1]["group"]
    page.button_group(key="view.groups").set_value([group]).run()
    wanted = [i["name"] for i in drawn.catalog() if "e" in i["name"] and i["group"] == group]
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


class Worker:
    """Answers as a checking worker would; of `slow` only at the second attempt."""

    def __init__(self, slow: str) -> None:
        self.slow, self.asked = slow, []

    def portrait(self, name: str) -> dict[str, Any]:
        p = np.linspace(0.01, 0.99, 99, dtype=np.float32)
        curve = {"p": p, "loss": -np.log(p), "slope": p - 1, "slope_p": -1 / p}
        return {"kind": "curve", **curve, "ghost": curve}

    def doctor(self, name: str) -> list[dict[str, Any]]:
        self.asked.append(name)
        if name == self.slow and self.asked.count(name) == 1:
            raise WorkerError("too slow")
        return [{"name": "proper", "state": "yes"}]


def test_a_gallery_finds_out_once_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.runs.gallery.PAUSE_SECONDS", 0.01)
    worker = Worker("b")

    def complete() -> dict[str, Any]:
        gallery = Gallery(lambda: ["a", "b"], worker.portrait, worker.doctor, tmp_path)
        gallery.cards()
        gallery.wait()
        cards, done = gallery.cards()
        assert done
        return cards

    first = complete()
    assert worker.asked == ["a", "b", "b"]
    assert first["b"]["verdicts"] == {"proper": "yes"}
    assert first["a"]["curve"]["loss"][0] == pytest.approx(4.6052, abs=1e-3)
    assert complete() == first and len(worker.asked) == 3
