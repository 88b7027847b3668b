"""The menu of what a run is taken home as."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from playground import RunSpec
from playground.errors import RunError
from playground.export_kinds import KINDS
from playground.runs.supervisor import Supervisor
from playground.training.events import Finished, Snapshot
from tests.pages.conftest import Visit, said


def test_a_run_is_offered_as_each_kind_with_one_button(visit: Visit, warm: Supervisor) -> None:
    run_id = warm.store.create(RunSpec(dataset="digits"), "me")
    page = visit(f"run={run_id}")
    menu = page.radio(key="export-kind")
    assert menu.options == [kind.title for kind in KINDS.values()]
    assert list(menu.proto.captions) == [kind.line for kind in KINDS.values()]
    for name, kind in KINDS.items():
        page.radio(key="export-kind").set_value(name).run()
        [button] = [each for each in page.get("download_button") if each.proto.label == "Download"]
        assert button.proto.disabled == kind.weighted
        assert ("Run #1 has kept no weights yet." in said(page)) == kind.weighted
        assert not page.exception
    warm.store.record(run_id, Snapshot(3, "weights", {"logits/kernel": np.ones((2, 2))}))
    page.radio(key="export-kind").set_value("keras").run()
    assert "taken all the same" not in said(page)


def test_weights_that_were_thinned_away_are_told(visit: Visit, warm: Supervisor) -> None:
    run_id = warm.store.create(RunSpec(dataset="digits"), "me")
    warm.store.record(run_id, Finished(3, "stopped", 1.0))
    page = visit(f"run={run_id}")
    page.radio(key="export-kind").set_value("onnx").run()
    assert (
        "No weights of run #1 are kept any more. Its script, its notebook and its curves can be "
        "taken all the same." in said(page)
    )


def taking(tries: list[int]) -> None:
    """A page with one button, whose file cannot be made the first time."""
    from pages.parts import take_home
    from playground.errors import RunError

    def made() -> str:
        if tries:
            return "a file"
        tries.append(1)
        raise RunError("This server is making other files.", "Ask for this one in a minute.")

    take_home.button("Take", made, "a run", key="take", file_name="run.txt")


def test_why_a_file_could_not_be_made_stands_beside_its_button(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files: list[Callable[[], str]] = []
    button = st.download_button

    def drawn(label: str, data: Callable[[], str], **options: Any) -> bool:
        files.append(data)
        return button(label, data, **options)

    monkeypatch.setattr(st, "download_button", drawn)
    page = AppTest.from_function(taking, args=([],), default_timeout=60).run()
    assert not page.text
    with pytest.raises(RunError):
        files[-1]()  # as Streamlit does in a thread of its own, before or after the callback
    page.get("download_button")[0].click().run()
    told = ["This server is making other files.", "Ask for this one in a minute."]
    assert [each.value for each in page.text] == told
    page.get("download_button")[0].click().run()
    assert not page.text  # it is being made
    assert files[-1]() == "a file"
    page.run()
    assert not page.text and not page.exception
