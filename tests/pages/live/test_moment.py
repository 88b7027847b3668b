"""What viewers are told of a run that goes on from an earlier checkpoint, and of a moment that is
past."""

import os
import signal

import pytest

from pages.live.feed import Reader, evaluation_at
from tests.playground.runs.serving import (
    LONG,
    SHORT,
    ended,
    step_of,
    supervisors,
    training,
    until,
)


@pytest.fixture
def make(tmp_path):
    with supervisors(home=tmp_path, resumes=2) as made:
        yield made


def test_a_viewer_of_a_run_that_goes_on_is_told_it_anew(make):
    service = make()
    run_id = service.submit(LONG, "me")
    pid = training(service, run_id, 30)
    reader = Reader(run_id, service.store, service)
    reader.news()
    assert reader.said["step"] >= 30
    os.kill(pid, signal.SIGKILL)  # before its first checkpoint: it begins again
    until(lambda: 0 < step_of(service, run_id) < reader.said["step"])
    news = reader.news()
    assert news["whole"] and news["series"]["loss"]["end"] == news["step"]


def test_what_an_evaluation_said_is_told_of_any_step_or_the_nearest(make):
    service = make()
    run_id = service.submit(SHORT, "me")
    ended(service, run_id)
    assert evaluation_at(service.store, run_id, 20)["step"] == 20
    assert evaluation_at(service.store, run_id, 23)["confusion"] == [[1, 0], [0, 1]]
    assert evaluation_at(service.store, run_id, 10**6)["metrics"]["validation_accuracy"] == 0.5
    assert evaluation_at(service.store, "nothing", 20) is None
