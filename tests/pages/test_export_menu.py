"""The menu of what a run is taken home as."""

import numpy as np

from playground import RunSpec
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
