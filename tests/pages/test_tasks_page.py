"""Tasks on the page: what a link says of one, and what is said of a run of none."""

import numpy as np
import pytest

from pages.live.feed import Reader
from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from playground.tasks import TASKS
from playground.training.events import Evaluated, Progress
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import begun, started
from tests.playground.toy import Toy


def test_a_run_of_a_task_that_this_version_lacks_is_said_so_and_the_page_stays(
    visit: Visit, supervisor: Supervisor
) -> None:
    run_id = begun(supervisor, RunSpec(dataset="digits").model_copy(update={"task": "swimming"}))
    page = visit(f"run={run_id}&partners=3&task=flying")
    assert "Run #1 learns 'swimming', which this version" in said(page)
    assert f"expected one of {', '.join(TASKS)}; got 'flying'; using the default" in said(page)
    assert page.session_state.run == ""


def test_a_run_of_the_toy_task_is_watched_on_the_page(
    visit: Visit, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a task that no page knows of: its settings, curves and measures are there, what shows
    classes is not, and the stream tells its curves."""
    monkeypatch.setitem(TASKS, "toy", Toy())
    spec = RunSpec(task="toy", dataset="digits", neurons=4)
    run_id = supervisor.store.create(spec, "me")
    supervisor.store.record(run_id, started())
    ten = np.linspace(1, 0, 10, dtype=np.float32)
    supervisor.store.record(run_id, Progress(10, 0.1, 1.0, 500.0, {"loss": ten, "error": ten}))
    supervisor.store.record(
        run_id, Evaluated(10, 0.1, "validation", 10, False, {"loss": 0.5, "error": 0.25})
    )
    news = Reader(run_id, supervisor.store, supervisor).news()
    assert news is not None
    assert {"loss", "error", "validation_loss", "validation_error"} <= set(news["series"])
    page = visit(f"run={run_id}")
    assert page.session_state.run == run_id and page.session_state["spec.task"] == "toy"
    assert page.slider(key="spec.neurons").value == 4
    keys = {str(element.key) for element in [*page.slider, *page.toggle, *page.selectbox]}
    assert "spec.label_noise" not in keys and "spec.width" not in keys
    assert page.session_state["loss_text"] == spec.loss
    assert "Confusion" not in [each.value for each in page.subheader]
    assert page.query_params["task"] in ("toy", ["toy"])
    assert not said(page).count("error has occurred")
