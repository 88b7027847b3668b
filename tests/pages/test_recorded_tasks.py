"""The pages of tasks open a run of an earlier version of theirs."""

from pathlib import Path

import pytest

from playground.runs.supervisor import Supervisor
from tests.browser.tasks import SPECS, replayed
from tests.pages.conftest import Visit


@pytest.mark.parametrize("task", SPECS)
def test_a_recorded_run_is_shown(
    visit: Visit, supervisor: Supervisor, tmp_path: Path, task: str
) -> None:
    page = visit(f"run={replayed(task, supervisor.store, tmp_path / 'recorded')}&task={task}")
    assert not page.exception
    assert page.query_params["run"]
