"""Tasks on the page: what a link says of one, and what is said of a run of none."""

from playground.runs.supervisor import Supervisor
from playground.spec import RunSpec
from tests.pages.conftest import Visit, said
from tests.pages.test_playground import begun


def test_a_run_of_a_task_that_this_version_lacks_is_said_so_and_the_page_stays(
    visit: Visit, supervisor: Supervisor
) -> None:
    run_id = begun(supervisor, RunSpec(dataset="digits").model_copy(update={"task": "swimming"}))
    page = visit(f"run={run_id}&partners=3&task=flying")
    assert "Run #1 learns 'swimming', which this version" in said(page)
    assert "expected one of classification; got 'flying'; using the default" in said(page)
    assert page.session_state.run == ""
