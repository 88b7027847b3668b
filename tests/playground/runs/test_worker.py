"""Real workers: TensorFlow in processes of its own, from the first check to the last step."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from playground.errors import DataError, RunError
from playground.knobs import metric_key
from playground.runs import wire
from playground.runs.environment import ROOT
from playground.runs.store import open_store
from playground.runs.supervisor import Supervisor
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.changes import broken, loss_change

DIGITS = {"dataset": "digits", "width": 8, "epochs": 3}
LONG = RunSpec(dataset="digits", epochs=200)
WRITTEN = "gamma = 2.0  # 0..5\n-sum(y_true * (1 - y_pred) ** gamma * log(y_pred), axis=-1)"


def until(condition, seconds: float = 120.0):
    """What `condition()` gives once it is true; workers take their time on a busy machine."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, workers=1, answer_seconds=30.0, resumes=0)
    found = Supervisor(settings, open_store(settings))
    found.start()
    until(lambda: found.status()["ready"])
    yield found
    found.close()
    found.store.close()


def ended(service, run_id):
    until(lambda: not service.store.run(run_id).live)
    return service.store.run(run_id)


def portrait(service: Supervisor, text: str, parameters: dict | None = None) -> dict:
    return service.questions.ask("portrait", text=text, parameters=parameters or {}, view="curve")


def verdicts(service: Supervisor, text: str, parameters: dict | None = None) -> list[dict]:
    return service.questions.ask("doctor", text=text, parameters=parameters or {})["findings"]


# A worker whose runs leave a circle each and say how many of those before are still there; without
# the collector that Python starts by itself at some time.
CIRCLES = """
import gc, sys, weakref
from playground import worker
from playground.runs import wire
from playground.training.events import Preparing

class Circle:
    def __init__(self):
        self.itself = self

def events(*_):
    yield Preparing(str(sum(one() is not None for one in left)))
    left.append(weakref.ref(Circle()))

left, worker._events = [], events
worker.RequestLoop(sys.stdin.buffer, wire.own_stdout()).serve(gc.disable)
"""


def test_what_a_run_leaves_in_circles_is_gone_before_the_next():
    """As networks are, with their images."""
    command = [sys.executable, "-c", CIRCLES]
    with subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1) as process:
        for number in range(3):
            wire.send(process.stdin, {"id": str(number), "do": "train", "spec": "{}"})
        told = []
        while len(told) < 3:
            said = wire.receive(process.stdout)
            if "event" in said:
                told.append(said["fields"]["message"])
        process.stdin.close()
    assert told == ["0", "0", "0"]


def test_a_run_learns_and_all_of_it_is_kept(service):
    run_id = service.submit(RunSpec(**DIGITS, loss=WRITTEN), "me")
    found = ended(service, run_id)
    assert (found.state, found.message) == ("completed", "")
    assert found.step == found.steps > 0 and found.images_per_second > 0
    assert found.metrics["test_accuracy"] > 0.5
    started = service.store.started(run_id)
    assert started.class_names == [str(digit) for digit in range(10)]
    assert started.arrays["strip_images"].dtype == np.uint8
    for name in ("loss", "accuracy", "gradient_norm", "learning_rate"):
        steps, values = service.store.series(run_id, name)
        assert steps.tolist() == list(range(1, found.steps + 1)) and np.isfinite(values).all()
    _, seconds = service.store.series(run_id, "seconds")
    assert (np.diff(seconds, prepend=0) > 0).all() and seconds[-1] <= found.seconds + 1e-3
    _, loss = service.store.series(run_id, "loss")
    assert loss[-20:].mean() < loss[:5].mean() / 2
    steps, values = service.store.series(run_id, "validation_loss")
    assert steps[-1] == found.steps and values[-1] < values[0]
    looked = service.store.evaluation(run_id, "test")
    assert looked.full and looked.arrays["confusion"].sum() == looked.images
    weights = service.store.snapshot(run_id, "weights")
    assert sum(array.size for array in weights.arrays.values()) >= found.parameters > 0


def test_metrics_are_listed_checked_measured_and_kept(service):
    assert {"brier", "macro_f1"} <= {info["name"] for info in service.questions.ask("metrics")}
    report = service.questions.ask("metric", text="mean(p_tru > 0.9)")
    assert report["error"]["column"] == 6 and "'p_true'" in report["error"]["message"]
    text = "mean(p_true > 0.9)"
    assert service.questions.ask("metric", text=text)["ok"]
    run_id = service.submit(RunSpec(**DIGITS, metrics=("brier", text)), "me")
    found = ended(service, run_id)
    assert found.state == "completed"
    for metric in ("brier", text):
        steps, values = service.store.series(run_id, f"validation_{metric_key(metric)}")
        assert steps.tolist() == service.store.series(run_id, "validation_loss")[0].tolist()
        assert np.isfinite(values).all() and values[0] != values[-1]
        assert 0 <= found.metrics[f"test_{metric_key(metric)}"] <= 2


def test_a_text_that_is_no_metric_fails_the_run_before_the_first_step(service):
    run_id = service.submit(RunSpec(**DIGITS, metrics=("mean(y_tru)",)), "me")
    found = ended(service, run_id)
    assert (found.state, found.kind, found.step) == ("failed", "spec", 0)
    assert "line 1, column 6 of 'mean(y_tru)': unknown name 'y_tru'" in found.message


def test_the_same_spec_gives_the_same_numbers(service):
    spec = RunSpec(**{**DIGITS, "epochs": 1, "dropout": 0.2}, seed=5)
    first, second = (service.submit(spec, "me") for _ in range(2))
    assert {ended(service, first).state, ended(service, second).state} == {"completed"}
    for name in ("loss", "gradient_norm", "validation_loss"):
        assert np.array_equal(
            service.store.series(first, name)[1], service.store.series(second, name)[1]
        )
    assert service.store.run(first).metrics == service.store.run(second).metrics


def test_a_run_is_paused_stepped_changed_and_stopped(service):
    run_id = service.submit(LONG, "me")
    until(lambda: service.store.run(run_id).step > 10)
    service.command(run_id, "me", "pause")
    until(lambda: service.store.run(run_id).state == "paused")
    step = service.store.run(run_id).step
    service.command(run_id, "me", "step")
    until(lambda: service.store.run(run_id).step == step + 1)
    service.command(run_id, "me", "change", "rate", "learning_rate", 0.0005)
    until(lambda: any(m.name == "learning_rate" for m in service.store.marks(run_id)))
    service.command(run_id, "me", "resume")
    until(lambda: service.store.run(run_id).step > step + 10)
    service.command(run_id, "me", "stop")
    found = ended(service, run_id)
    assert found.state == "stopped" and found.step < found.steps
    assert len(service.store.series(run_id, "loss")[0]) == found.step


def test_a_loss_that_is_not_finite_waits_is_mended_and_goes_on(service):
    text = "mean(y_true * log(y_pred - 2.0)) - mean(log(p_true))"
    run_id = service.submit(RunSpec(**DIGITS, loss=text), "me")
    until(lambda: service.store.run(run_id).state == "paused")
    found = broken(service.store.marks(run_id))
    assert found is not None and "log" in found["where"]["fragment"]
    assert "maximum(y_pred - 2.0" in found["mended"]
    wrong = loss_change(RunSpec(**DIGITS, loss="-log(p_tru)"))
    with pytest.raises(RunError, match="p_tru"):
        service.command(run_id, "me", "change", "loss", "", wrong)
    taught = loss_change(RunSpec(**DIGITS, loss="distillation"))
    with pytest.raises(RunError, match="The loss stays: this loss needs teacher_logits"):
        service.command(run_id, "me", "change", "loss", "", taught)
    mended = loss_change(RunSpec(**DIGITS, loss=found["mended"]))
    service.command(run_id, "me", "change", "loss", "", mended)
    service.command(run_id, "me", "resume")
    done = ended(service, run_id)
    assert done.state == "completed" and np.isfinite(done.metrics["test_loss"])
    assert broken(service.store.marks(run_id)) is None


def test_a_text_that_is_no_loss_fails_the_run_before_the_first_step(service):
    run_id = service.submit(RunSpec(**DIGITS, loss="x = 1\n-sum(y_tru * log(y_pred))"), "me")
    found = ended(service, run_id)
    assert (found.state, found.kind, found.step) == ("failed", "loss", 0)
    assert "y_true" in found.message and found.where["line"] == 2
    assert found.where["fragment"] == "y_tru"


def test_a_named_and_a_written_loss_are_checked(service):
    named = service.questions.ask("check", text="categorical_crossentropy")
    assert named["ok"] and named["latex"]
    curve = portrait(service, "categorical_crossentropy", {})
    assert np.array_equal(curve["loss"], curve["ghost"]["loss"])

    written = service.questions.ask("check", text=WRITTEN, parameters={"gamma": 0.0})
    assert written["ok"] and written["parameters"][0]["name"] == "gamma"
    flat = portrait(service, WRITTEN, {"gamma": 0.0})
    assert np.allclose(flat["loss"], curve["loss"], rtol=1e-3, atol=1e-5)

    wrong = service.questions.ask("check", text="-sum(y_tru)")
    assert not wrong["ok"] and "y_true" in portrait(service, "-sum(y_tru)", {})["fault"]
    assert (wrong["error"]["line"], wrong["error"]["column"]) == (1, 6)
    unknown = service.questions.ask("check", text="categorical_crossentropie")
    assert not unknown["ok"] and "categorical_crossentropy" in unknown["error"]["message"]
    for report in (named, written, wrong, unknown):
        json.dumps(report, allow_nan=False)


def test_a_named_and_a_written_loss_are_examined(service):
    found = {
        each["name"]: each
        for each in service.questions.ask("doctor", text="focal", parameters={"gamma": 0.0})[
            "findings"
        ]
    }
    assert found["proper"]["state"] == "yes"
    assert {"title", "sentence", "evidence"} <= set(found["proper"])
    text = "gamma = 0.0  # 0..5\n-(1 - p_true)**gamma * log(p_true)"
    found = {
        each["name"]: each["state"]
        for each in service.questions.ask("doctor", text=text, parameters={"gamma": 2.0})[
            "findings"
        ]
    }
    assert (found["sound"], found["proper"]) == ("yes", "no")
    assert verdicts(service, "no_such_loss") == []
    assert verdicts(service, "sum(y_tru)") == []


def test_an_examination_waits_for_what_cannot_wait_and_still_ends(service):
    service.questions.ask("check", text="huber")  # the worker is warm
    with ThreadPoolExecutor() as threads:
        examined = threads.submit(service.questions.ask, "doctor", text="focal_tversky")
        checked = 0
        while not examined.done() and checked < 3:
            time.sleep(0.05)
            assert service.questions.ask("check", text=WRITTEN)["ok"]
            checked += 1
        assert checked  # before the examination, which was begun earlier, had its answer
        assert {"sound", "proper"} <= {
            each["name"] for each in examined.result(timeout=60)["findings"]
        }


@pytest.mark.parametrize("text", ["", " ", "\0", "\ud800", "(" * 5000, "x" * 20_000, "import os"])
def test_nonsense_is_answered(service, text):
    report = service.questions.ask("check", text=text)
    assert not report["ok"] and report["error"]["message"]


def test_an_option_of_the_check_is_no_parameter(service):
    report = service.questions.ask(
        "check", text="mean(y_true)", parameters={"numeric": 0.0, "num_classes": 1e9, "text": 1.0}
    )
    assert not report["ok"] or report["probe"] is not None


def test_the_catalog_is_plain_data(service):
    catalog = service.questions.ask("catalog")
    names = [info["name"] for info in catalog]
    assert "categorical_crossentropy" in names and len(set(names)) == len(names)
    json.dumps(catalog, allow_nan=False)
    assert service.questions.ask("catalog") is catalog


def test_sample_images_are_those_of_the_data_set(service):
    found = service.questions.ask("sample", dataset="mnist")
    images, labels, names = (found[name] for name in ("images", "labels", "class_names"))
    assert images.shape == (10, 28, 28, 1) and images.dtype == np.uint8
    assert labels.tolist() == list(range(10)) and len(names) == 10


def test_mnist_is_trained_within_the_memory_bound(service):
    spec = RunSpec(epochs=1, train_images=6000)
    service.prepare(spec)
    found = ended(service, service.submit(spec, "me"))
    assert found.state == "completed" and found.metrics["test_accuracy"] > 0.8
    if sys.platform == "linux":
        pid = next(slot.worker.pid for slot in service._slots.values())
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        (bound,) = (line.split()[3] for line in limits if line.startswith("Max address space"))
        assert int(bound) == 4 * 2**30


def test_a_killed_worker_fails_its_run_and_is_replaced(service):
    run_id = service.submit(LONG, "me")
    until(lambda: service.store.run(run_id).step > 10)
    slot = next(iter(service._slots.values()))
    slot.worker.kill()
    found = ended(service, run_id)
    assert (found.state, found.kind) == ("failed", "worker")
    assert len(service.store.series(run_id, "loss")[0]) == found.step > 10
    again = service.submit(RunSpec(**DIGITS), "me")
    assert ended(service, again).state == "completed"


def test_a_data_set_that_is_not_there_is_said(tmp_path_factory):
    """In a worker of its own, because the place of the data is a setting."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, data=home / "nothing", download=False, workers=1)
    service = Supervisor(settings, open_store(settings))
    service.start()
    try:
        run_id = service.submit(RunSpec(dataset="mnist"), "me")
        found = ended(service, run_id)
        assert (found.state, found.kind) == ("failed", "data")
        assert "nothing" in found.message and "Digits" in found.hint
        until(lambda: service.status()["checking"])
        with pytest.raises(DataError, match="nothing"):
            service.questions.ask("sample", dataset="mnist")
        last = service.submit(LONG, "me")
        until(lambda: service.store.run(last).step > 10)
        pids = [slot.worker.pid for slot in service._slots.values()]
    finally:
        service.close()
        service.store.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_worker_starts_without_what_nothing_here_asks_for():
    """Keras would import them: they were a fifth of each worker's memory."""
    program = (
        "import sys; from playground import worker; worker.import_tensorflow();"
        "named = {'keras', 'matplotlib', 'pandas', 'sklearn', 'tensorflow'};"
        "print(sorted(named & set(sys.modules)));"
        "import pandas; print(pandas.DataFrame({'a': [1]}).a.sum());"
        "from sklearn.decomposition import PCA; print(PCA.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:3] == ["['keras', 'tensorflow']", "1", "PCA"]
