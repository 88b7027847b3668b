"""Runs go on from their last checkpoint: after a killed worker, a server that was shut down or
killed, or a click; and as branches of others. With a worker that needs no TensorFlow; that the
numbers are those of a run that was never interrupted is in `test_checkpoint`."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from playground.errors import RunError, StoreError
from playground.runs.files import Files
from playground.runs.lineage import Joined
from playground.runs.supervisor import Supervisor
from playground.training.events import Snapshot
from tests.playground.runs.serving import (
    EVERYWHERE,
    LONG,
    QUICK,
    ROOT,
    SERVER,
    SHORT,
    ended,
    killing,
    state,
    step_of,
    supervisors,
    training,
    until,
)


@pytest.fixture
def make(tmp_path, where):
    with supervisors(home=tmp_path, resumes=2, **where) as made:
        yield made


class Bucket:
    """Checkpoints that are read only when a test lets them, and then raise `fault` once."""

    def __init__(self) -> None:
        self.asked, self.answers = threading.Event(), threading.Event()
        self.fault: StoreError | None = None
        self._read = Files.read

    def read(self, files: Files, run_id: str, name: str) -> dict[str, np.ndarray]:
        if not name.startswith("checkpoint"):
            return self._read(files, run_id, name)
        self.asked.set()
        assert self.answers.wait(60)
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault
        return self._read(files, run_id, name)


@pytest.fixture
def bucket(monkeypatch):
    found = Bucket()
    monkeypatch.setattr(Files, "read", lambda *given: found.read(*given))
    yield found
    found.answers.set()


def resumed(service: Supervisor, bucket: Bucket) -> tuple[str, int]:
    """A run whose checkpoint is being read for its worker, and its step."""
    run_id = service.submit(LONG, "me")
    training(service, run_id, 30)
    service.command(run_id, "me", "stop")
    step = ended(service, run_id).step
    until(lambda: service.status()["running"] == 0)
    service.resume(run_id, "me")
    assert bucket.asked.wait(60)
    return run_id, step


def test_nobody_waits_while_a_checkpoint_is_read_and_the_run_can_be_stopped(make, bucket):
    service = make(workers=2, warm_workers=2)
    until(lambda: service.status()["warm"] == 2)
    run_id, step = resumed(service, bucket)
    assert ended(service, service.submit(SHORT, "you")).state == "completed"
    assert service.status()["running"] >= 1 and service.place(run_id) is None
    with pytest.raises(RunError, match="on its way"):
        service.command(run_id, "me", "pause")
    service.command(run_id, "me", "stop")
    assert (ended(service, run_id).state, step_of(service, run_id)) == ("stopped", step)
    bucket.answers.set()
    until(lambda: service.status()["running"] == 0)  # the worker is free again
    service.resume(run_id, "me")
    goes_on(service, run_id, step)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_worker_that_dies_while_a_checkpoint_is_read_is_replaced(make, bucket, stopped):
    service = make()
    run_id, step = resumed(service, bucket)
    if stopped:
        service.command(run_id, "me", "stop")
    worker = next(iter(service._slots))
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: service._slots and worker not in service._slots)
    bucket.answers.set()
    if stopped:
        assert ended(service, service.submit(SHORT, "you")).state == "completed"
        assert (state(service, run_id), step_of(service, run_id)) == ("stopped", step)
    else:
        goes_on(service, run_id, step)


def test_a_run_waits_while_its_checkpoint_cannot_be_read(make, bucket):
    service = make()
    bucket.fault = StoreError("The bucket cannot be reached.")
    bucket.fault.passing = True
    run_id, step = resumed(service, bucket)
    bucket.answers.set()
    goes_on(service, run_id, step)


def test_a_run_whose_checkpoint_is_being_read_is_left_to_the_next_server(make, bucket):
    service = make()
    run_id, step = resumed(service, bucket)
    service.close()
    assert state(service, run_id) == "queued"
    bucket.answers.set()
    service.store.close()
    goes_on(make(), run_id, step)


def steps_of(service: Supervisor, run_id: str) -> list[int]:
    return service.store.series(run_id, "loss")[0].tolist()


def goes_on(service: Supervisor, run_id: str, beyond: int) -> None:
    """Waits until a run is trained beyond a step."""
    until(lambda: state(service, run_id) == "running" and step_of(service, run_id) > beyond)
    steps = steps_of(service, run_id)
    assert steps == list(range(1, len(steps) + 1))  # no step twice, none left out


@EVERYWHERE
def test_a_run_goes_on_after_its_worker_was_killed_a_few_times_at_most(make):
    service = make()
    run_id = service.submit(LONG, "me")
    pid = training(service, run_id, 30)
    for count, paused in ((1, False), (2, True)):
        service.command(run_id, "me", "pause")
        until(lambda: state(service, run_id) == "paused")
        kept = step_of(service, run_id)
        if not paused:
            service.command(run_id, "me", "resume")
            until(lambda kept=kept: step_of(service, run_id) > kept + 20)
        died = step_of(service, run_id)
        os.kill(pid, signal.SIGKILL)
        until(lambda count=count: service.store.run(run_id).resumed == count)
        if paused:  # it comes back as it was
            until(lambda: state(service, run_id) == "paused")
            assert step_of(service, run_id) == kept
            service.command(run_id, "me", "resume")
        goes_on(service, run_id, died)
        pid = next(iter(service._slots)).pid
    os.kill(pid, signal.SIGKILL)
    found = ended(service, run_id)
    assert (found.state, found.kind, found.resumed) == ("failed", "worker", 2)
    assert len(steps_of(service, run_id)) == found.step  # what it recorded is kept


def test_a_run_without_a_checkpoint_begins_again(make):
    service = make()
    run_id = service.submit(LONG, "me")
    os.kill(training(service, run_id, 40), signal.SIGKILL)
    until(lambda: service.store.run(run_id).resumed == 1)
    until(lambda: state(service, run_id) == "running")
    assert steps_of(service, run_id)[:1] in ([], [1])
    goes_on(service, run_id, 40)
    numbers = [step for _, _, step, _ in service.store.numbers(run_id)]
    assert numbers == sorted(set(numbers))  # no evaluation twice


@EVERYWHERE
def test_a_server_that_was_shut_down_takes_its_runs_up_again(make):
    first = make()
    run_id, waiting = first.submit(LONG, "me"), first.submit(SHORT, "me")
    training(first, run_id, 30)
    first.close()
    told = first.store.run(run_id)
    assert (told.state, told.step >= 30) == ("queued", True)
    assert "shut down at step" in told.message and "goes on" in told.message
    kept = first.store.snapshots(run_id, "checkpoint")[-1]
    assert kept >= 30
    second = make(workers=2)
    goes_on(second, run_id, kept)
    assert second.store.run(run_id).message == ""
    assert ended(second, waiting).state == "completed"


def test_a_worker_that_ends_with_its_server_leaves_the_run_to_the_next(make, monkeypatch):
    first = make()
    run_id = first.submit(LONG, "me")
    training(first, run_id, 30)
    # The signal that ends the server may come to its workers as well.
    monkeypatch.setattr(first._commanding, "send", lambda slot, job, do: slot.worker.kill())
    first.close()
    assert state(first, run_id) == "queued"
    second = make()
    until(lambda: step_of(second, run_id) >= 40)


def test_a_server_that_was_killed_has_its_runs_taken_up(make, tmp_path):
    command = [sys.executable, "-c", SERVER.replace("resumes=0", "resumes=2"), str(tmp_path)]
    server = subprocess.Popen([*command, *QUICK], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with server, killing(server):
        run_id = server.stdout.readline().split()[0]
        server.kill()
        server.wait()
    service = make()
    until(lambda: service.store.run(run_id).resumed == 1)
    goes_on(service, run_id, 20)


def test_a_stopped_run_goes_on_with_a_click_of_its_owner(make):
    service = make()
    run_id = service.submit(LONG, "me")
    training(service, run_id, 30)
    with pytest.raises(RunError, match="not ended"):
        service.resume(run_id, "me")
    service.command(run_id, "me", "pause")
    until(lambda: state(service, run_id) == "paused")
    service.command(run_id, "me", "stop")
    stopped = ended(service, run_id)
    with pytest.raises(RunError, match="Only the browser"):
        service.resume(run_id, "you")
    service.resume(run_id, "me")
    goes_on(service, run_id, stopped.step)  # it was paused when it was stopped, and trains now
    done = service.submit(SHORT, "me")
    service.command(run_id, "me", "stop")
    assert ended(service, done).state == "completed"
    with pytest.raises(RunError, match="done"):
        service.resume(done, "me")
    with pytest.raises(RunError, match="no such run"):
        service.resume("nothing", "me")


def test_a_run_of_a_race_stays_one_after_a_click_and_a_restart(make):
    first = make()
    (run_id,) = first.submit_all([LONG], "me", attended=False)
    training(first, run_id, 30)
    first.command(run_id, "me", "stop")
    ended(first, run_id)
    first.close()
    second = make()
    second.resume(run_id, "me")
    training(second, run_id, 60)
    assert second.store.started(run_id).loss["attended"] is False
    second.close()
    third = make()
    until(lambda: state(third, run_id) == "running")
    assert third.store.started(run_id).loss["attended"] is False
    assert third.store.run(run_id).attended is False


def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_a_foreign_one_is_told(make, tmp_path):
    service = make()
    run_id = service.submit(LONG, "me")
    training(service, run_id, 30)
    service.command(run_id, "me", "stop")
    step = ended(service, run_id).step
    later = Snapshot(step + 5, "checkpoint", {"step": np.array(step + 5)})
    service.store.record(run_id, later)
    (tmp_path / "runs" / run_id / f"checkpoint-{step + 5:09d}.npz").write_bytes(b"PK\x03\x04 no")
    service.resume(run_id, "me")
    goes_on(service, run_id, step)
    service.command(run_id, "me", "stop")
    step = ended(service, run_id).step
    recorded = steps_of(service, run_id)
    service.store.record(run_id, Snapshot(step + 9, "checkpoint", {"x": np.zeros(3)}))
    service.resume(run_id, "me")
    found = ended(service, run_id)
    assert (found.state, found.kind) == ("failed", "checkpoint")
    assert found.message == "What was kept of this run is no checkpoint."
    assert steps_of(service, run_id) == recorded  # nothing is lost


def test_a_branch_is_a_run_of_its_own_and_outlives_the_one_it_leaves(make):
    service = make()
    parent = service.submit(LONG, "me")
    training(service, parent, 30)
    service.command(parent, "me", "stop")
    step = ended(service, parent).step
    # More epochs than may have gone by before a busy machine takes the stop.
    other = LONG.model_copy(update={"learning_rate": 0.5, "epochs": 200})
    for spec, words in (
        (LONG.model_copy(update={"batch_size": 128}), "Batch size"),
        (LONG.model_copy(update={"width": 4}), "Width"),
    ):
        with pytest.raises(RunError, match=words):
            service.branch(parent, step, spec, "you", False)
    with pytest.raises(RunError, match=f"nearest is {step:,}"):
        service.branch(parent, step + 1, other, "you", False)
    with pytest.raises(RunError, match="no such run"):
        service.branch("nothing", step, other, "you", False)
    found = service.store.run(service.branch(parent, step, other, "you", fresh=True))
    assert (found.parent, found.parent_step, found.fresh, found.owner) == (
        parent,
        step,
        True,
        "you",
    )
    service.store.delete([parent])
    until(lambda: step_of(service, found.id) > step)
    assert steps_of(service, found.id)[0] == step + 1
    assert service.store.by_digest([other.digest]) == {}  # it tells nothing of a whole run


def test_a_branch_reads_as_one_run_with_the_one_that_it_leaves(make):
    service = make()
    parent = service.submit(LONG, "me")
    training(service, parent, 30)
    service.command(parent, "me", "stop")
    step = ended(service, parent).step
    spec = LONG.model_copy(update={"learning_rate": 0.5, "epochs": 200})
    child = service.branch(parent, step, spec, "me", fresh=False)
    until(lambda: step_of(service, child) > step + 20)
    service.command(child, "me", "stop")
    last = ended(service, child).step
    joined = Joined(service.store)
    assert joined.series(child, "loss")[0].tolist() == list(range(1, last + 1))
    assert joined.series(child, "loss", after=step + 3)[0][0] == step + 4
    assert joined.series(parent, "loss")[0].tolist() == list(range(1, step + 1))
    service.store.delete([parent])
    assert joined.series(child, "loss")[0][0] == step + 1
