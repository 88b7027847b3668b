"""How the server ends: what it had under way is handed on, and the store is one whole file."""

import os
import signal
from pathlib import Path

import pytest

from playground.runs import address
from playground.runs.store import open_store
from playground.settings import Settings
from playground.spec import RunSpec
from tests.browser.conftest import Server


@pytest.mark.skipif(os.name == "nt", reason="has no such signal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_whole_store_and_no_address(tmp_path: Path, number: int) -> None:
    server = Server(tmp_path)
    server.start()
    assert address.link(tmp_path, "x") == address.Link(f"{server.url}/?run=x", True)
    store = open_store(Settings(home=tmp_path))
    run_id = store.create(RunSpec(dataset="digits"), "me")
    store.set_state(run_id, "stopped")  # so that it gives no sign of life any more
    assert (tmp_path / "playground.sqlite-wal").stat().st_size
    store._database._engine.dispose()  # no closing of ours that would write the log back
    os.kill(server.pid, number)
    assert server.wait(30)
    log = tmp_path / "playground.sqlite-wal"
    assert not log.exists() or not log.stat().st_size
    assert not address.link(tmp_path, "x").up and not (tmp_path / "server.json").exists()
    assert store.run(run_id) is not None
    store.close()
