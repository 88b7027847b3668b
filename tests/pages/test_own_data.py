"""A visitor's own data and imported runs on the page: brought, looked at, chosen, refused, gone."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from playground.datasets import own
from playground.errors import RunError
from playground.intake import reading, review
from playground.intake.limits import limits
from playground.runs import portable
from playground.runs.rates import Rates
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from tests.pages.conftest import Visit
from tests.playground.intake.files import folders, images, npz, zipped
from tests.playground.recorded import STORES

KINDS = np.array([f"kind {i}" for i in range(13)])
Y = np.arange(130) % 13


@pytest.fixture(autouse=True)
def in_this_process(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read here: that a process of its own reads them has its own tests."""
    monkeypatch.setattr(own, "settings", lambda: supervisor.settings)

    def take(what: str, path: Path, order: dict, settings: Settings, on_doing) -> str:
        from playground.intake import runs

        bounds = limits(settings)
        if what == "run":
            return runs.keep(supervisor.store, runs.read(path, bounds), order["owner"])
        found = reading.read(path, bounds, order["side"], lambda done, of: None)
        facts, arrays = review.reviewed(found, order["title"], bounds)
        own.keep(facts, arrays, order["owner"])
        return facts.name

    monkeypatch.setattr("playground.intake.asking.take", take)


def bring(page: AppTest, name: str, content: bytes) -> None:
    page.selectbox(key="spec.dataset").select("bring your own").run()
    assert page.session_state["spec.dataset"] != "bring your own"
    page.file_uploader(key="bring-data").set_value((name, content, "")).run()
    assert not page.exception, page.exception


def said(page: AppTest) -> str:
    return " ".join(str(each.value) for each in [*page.text, *page.caption])


def test_own_images_are_brought_looked_at_chosen_and_removed(visit: Visit) -> None:
    page = visit()
    bring(page, "my kinds.npz", npz(x=images(130, 10, 10), y=Y, class_names=KINDS))
    assert "104 images to train on, 26 to test on, 10×10 grey, 13 classes." in said(page)
    assert page.session_state["spec.dataset"] == "mnist"  # it is looked at before it is chosen
    page.button(key="bring-use").click().run()
    assert not page.exception, page.exception
    name = page.session_state["spec.dataset"]
    assert own.is_own(name) and page.query_params["dataset"] == name
    assert "94 to train on · 10 for validation · 26 test · 10×10 grey · 13 classes" in said(page)
    options = page.selectbox(key="spec.dataset").options
    assert options[-2:] == ["my kinds", "Your own data…"]
    page.selectbox(key="class-weights-kind").select("hand").run()
    assert page.session_state["spec.class_weights"] == ",".join(["1"] * 13)

    elsewhere = visit(visitor="you")
    assert "my kinds" not in elsewhere.selectbox(key="spec.dataset").options
    by_link = visit(f"dataset={name}", visitor="you")
    assert by_link.session_state["spec.dataset"] == name and "by a link" in said(by_link)
    assert not [each for each in by_link.button if each.key == "own-remove"]

    page.button(key="own-remove").click().run()
    assert page.session_state["spec.dataset"] == "digits"
    assert "my kinds" not in page.selectbox(key="spec.dataset").options
    gone = visit(f"dataset={name}")
    assert "The data set my kinds" in said(gone) and "Bring the same images again" in said(gone)


def test_a_folder_of_pictures_is_brought_as_it_is(visit: Visit) -> None:
    page = visit("dataset=digits")
    page.selectbox(key="spec.dataset").select("bring your own").run()
    files = [(f"pets/{name}", content, "image/png") for name, content in folders(12).items()]
    page.file_uploader(key="bring-folder").set_value(files).run()
    assert not page.exception, page.exception
    assert "20 images to train on, 4 to test on, 12×12 grey, 2 classes." in said(page)
    page.button(key="bring-use").click().run()
    assert "pets" in page.selectbox(key="spec.dataset").options
    bring(page, "other.npz", npz(x=images(130, 10, 10), y=Y))  # beside the look at those
    assert "13 classes" in said(page)


def test_what_cannot_be_used_is_said_and_costs_nothing(visit: Visit) -> None:
    page = visit("dataset=digits")
    bring(page, "one.npz", npz(x=images(30, 8, 8), y=np.zeros(30)))
    assert "There is one class, 0: a classifier needs at least 2." in said(page)
    assert page.session_state["spec.dataset"] == "digits"
    assert not [each for each in page.button if each.key == "bring-use"]


def test_what_is_brought_too_often_or_to_a_full_disk_is_not_read_yet(
    visit: Visit, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "rates", Rates(supervisor.settings, lambda: 0.0))
    for _ in range(supervisor.settings.runs_per_minute):
        supervisor.rates.ask("bring", "me")
    page = visit("dataset=digits")
    bring(page, "mine.npz", npz(x=images(130, 10, 10), y=Y))
    assert "You have brought 30 files this minute" in said(page)
    monkeypatch.setattr(supervisor, "rates", Rates(supervisor.settings))
    with monkeypatch.context() as full:
        full.setattr(supervisor.disk, "check", lambda: (_ for _ in ()).throw(RunError("No room.")))
        page.button(key="bring-again").click().run()
        assert "No room." in said(page) and own.of(["me"]) == []
    page.button(key="bring-again").click().run()
    assert not page.exception, page.exception
    assert "104 images to train on" in said(page)


def test_a_link_to_data_that_are_not_here_says_how_to_bring_them(visit: Visit) -> None:
    page = visit(f"dataset=own_{'a' * 32}&epochs=7")
    assert "somebody's own and not on this machine" in said(page)
    assert page.session_state["spec.dataset"] == "mnist"
    assert page.session_state["spec.epochs"] == 7


def test_a_run_of_another_server_is_imported_and_opened(
    visit: Visit, supervisor: Supervisor, tmp_path: Path
) -> None:
    with zipfile.ZipFile(STORES[-1]) as archive:
        archive.extractall(tmp_path / "there")
    there = open_store(Settings(home=tmp_path / "there"))
    taken = zipped(dict(portable.members(there, there.runs()[-1].id)))
    there.close()
    page = visit(at="runs.py")
    page.button(key="import-run").click().run()
    page.file_uploader(key="bring-run").set_value(("run.zip", taken[:-9], "")).run()
    assert "damaged" in said(page) and supervisor.store.runs() == []
    page.file_uploader(key="bring-run").set_value(("run.zip", taken, "")).run()
    assert "Imported: Run #1 of another server" in said(page)
    page.button(key="bring-open").click().run()
    assert not page.exception, page.exception
    record = supervisor.store.runs()[0]
    assert page.session_state["run"] == record.id and record.owner == "me"
    page.switch_page("playground.py").run()  # where a browser has been taken
    assert page.query_params["run"] == record.id
    assert "Imported. Run #1 of another server" in said(page)
