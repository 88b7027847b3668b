"""What the real program says when it cannot start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.conftest import ROOT


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PLAYGROUND_HOME", "{folder}/file", "file/runs cannot be used"),
        ("PLAYGROUND_STORE_URL", "nonsense", "PLAYGROUND_STORE_URL is not the URL of a database"),
        ("PLAYGROUND_WORKERS", "many", "PLAYGROUND_WORKERS cannot be 'many'"),
    ],
)
def test_a_start_that_fails_says_why_in_a_sentence(
    tmp_path: Path, variable: str, value: str, said: str
) -> None:
    (tmp_path / "file").touch()
    home = {"PLAYGROUND_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"],
        cwd=ROOT,
        env={**os.environ, **home, variable: value.format(folder=tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    output = done.stdout + done.stderr
    assert done.returncode != 0 and said in output
    assert "Traceback" not in output and "File " not in output
