"""Weights and checkpoints in a bucket: what a folder does, a server of S3 does as well, and what is
wrong with it is said without the keys."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from playground.errors import StoreError
from playground.intake import asking
from playground.runs import portable
from playground.runs.bucket import Bucket, open_files
from playground.runs.files import AnyFiles, Files, to_npz
from playground.runs.store import open_store
from playground.settings import Settings
from playground.spec import RunSpec
from playground.training.events import Finished, Progress, Snapshot, Started
from tests.playground.intake.files import zipped
from tests.playground.recorded import STORES
from tests.playground.runs.test_removal import whole_run

KEYS = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "geheim",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a server of S3, with its keys in the environment."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (KEYS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}).items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="loss")
        yield os.environ["AWS_ENDPOINT_URL"]
    server.stop()


@pytest.fixture(params=["folder", "file://", "s3://", "memory://"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> AnyFiles:
    if request.param == "s3://":
        request.getfixturevalue("s3")
    url = {
        "folder": "",
        "file://": f"file://{tmp_path.as_posix()}/other",
        "s3://": f"s3://loss/{tmp_path.name}",
        "memory://": f"memory://{tmp_path.name}",
    }[request.param]
    found = open_files(url, tmp_path / "runs", 1.0)
    found.open()
    found.open()  # it is there already
    return found


def npz(value: float) -> bytes:
    return to_npz({"a": np.full(3, value)})


def test_what_was_written_is_there_until_it_is_removed(files: AnyFiles) -> None:
    assert files.runs() == set() and files.size("run") == 0
    files.write("run", "one.npz", npz(1))
    files.write("run", "two.npz", npz(2))
    files.write("run", "one.npz", npz(3))  # over what was there
    files.write("other", "one.npz", npz(4))
    assert files.runs() == {"run", "other"}
    assert files.read("run", "one.npz")["a"].tolist() == [3, 3, 3]
    assert files.size("run") == 2 * len(npz(1)) and files.size("unknown") == 0
    files.remove("run", ["one.npz", "never.npz"])
    assert files.size("run") == len(npz(2))
    with pytest.raises(StoreError):
        files.read("run", "one.npz")
    files.remove_all("run")
    files.remove_all("run")
    assert files.runs() == {"other"}


def test_what_is_damaged_is_said(files: AnyFiles) -> None:
    files.write("run", "one.npz", npz(1)[:40])
    with pytest.raises(StoreError, match=r"run/one\.npz is damaged"):
        files.read("run", "one.npz")


def test_a_folder_needs_no_file_system_of_fsspec(tmp_path: Path) -> None:
    assert isinstance(open_files("", tmp_path, 1.0), Files)
    assert isinstance(open_files(f"file://{tmp_path}", Path("other"), 1.0), Files)
    assert isinstance(open_files(str(tmp_path), Path("other"), 1.0), Files)


def test_a_store_with_a_bucket_keeps_and_removes_runs(s3: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, files_url="s3://loss/store")
    with closing(open_store(settings)) as store, closing(open_store(settings)) as other:
        run_id = whole_run(store)
        assert other.snapshot(run_id, "weights").step == 2
        assert other.started(run_id).arrays["strip_labels"].tolist() == [1] * 9
        [removed] = store.delete([run_id])
        assert removed.bytes > 500
        assert other.started(run_id) is None
        left = boto3.client("s3").list_objects_v2(Bucket="loss", Prefix="store/")["Contents"]
        assert [each["Key"] for each in left] == ["store/.loss-playground"]
    assert not (tmp_path / "runs").exists()


def test_a_bucket_that_is_not_there_is_said(s3: str) -> None:
    with pytest.raises(StoreError, match=r"s3://elsewhere/x has no such file, or there is no"):
        Bucket("s3://elsewhere/x").open()


@pytest.mark.parametrize(
    "url", ["nosuchthing://me:geheim@here/x", "s3://me:geheim@loss/x", "gs://loss/x"]
)
def test_what_cannot_be_used_is_said_without_the_keys(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError) as caught:
        open_files(url, Path(), 0.0).open()
    error = caught.value
    said = " ".join([str(error), error.hint, error.operator_hint])
    assert "geheim" not in said and ("PLAYGROUND_FILES_URL" in said or "s3://loss/x" in said)


def test_what_has_to_be_kept_waits_for_a_bucket_that_is_away(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, files_url="s3://loss/patient", lock_seconds=20)
    with closing(open_store(settings)) as store:
        run_id = store.create(RunSpec(dataset="digits"), "me")
        store.record(run_id, Started(1, [], 9, 9, 1, 1, 1, [], {}, {}))
        store.record(run_id, Progress(2, 0.1, 0.1, 1.0, {"loss": np.ones(2)}))
        put, times = store._files._system.pipe_file, []

        def away(path: str, content: bytes) -> None:
            times.append(path)
            if len(times) < 3:
                raise OSError(5, "the cable is out")
            put(path, content)

        monkeypatch.setattr(store._files._system, "pipe_file", away)
        store.record(run_id, Snapshot(2, "checkpoint", {"a": np.ones(3)}))
        monkeypatch.setattr(store._files._system, "cat_file", lambda path: 1 / 0)
        with pytest.raises(StoreError, match="does not answer") as caught:
            store.start(run_id, False)  # not from the first step, for want of an answer
        assert caught.value.passing
        monkeypatch.undo()
        store.record(run_id, Finished(2, "stopped", 0.1))
        assert len(times) == 3 and store.start(run_id, False).arrays["a"].tolist() == [1, 1, 1]


def test_a_run_that_is_brought_is_kept_there_by_the_process_that_reads_it(
    s3: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(STORES[-1]) as archive:
        archive.extractall(tmp_path / "recorded")
    with closing(open_store(Settings(home=tmp_path / "recorded"))) as store:
        run_id = next(run.id for run in store.runs() if run.number == 1)
        (tmp_path / "run.zip").write_bytes(zipped(dict(portable.members(store, run_id))))
    here = Settings(home=tmp_path / "here", files_url=f"s3://loss/{tmp_path.name}")
    run_id = asking.take("run", tmp_path / "run.zip", {"owner": "me"}, here, lambda *_: None)
    with closing(open_store(here)) as store:
        step = store.snapshots(run_id, "weights")[-1]
        assert store.snapshot(run_id, "weights", step) is not None
    assert not list(here.home.rglob("*.npz"))
