"""Everything that must pass: `python -m tests`. Words after it go to pytest.

Format, lint, types, then the tests; a Chromium is fetched first if the machine has none. Stops at
the first of them that fails, with its exit status.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests import chromium

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> int:
    """Runs the checks in order; returns the first exit status that is not 0."""
    python = [sys.executable, "-m"]
    for command in (
        [*python, "ruff", "format", "--check", "."],
        [*python, "ruff", "check", "."],
        [*python, "mypy"],
    ):
        print("$", " ".join(command[2:]), flush=True)
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            return status
    if chromium.ensure() is None:
        return 1
    # A file at a time to each process, as many as there are cores; the browser's come first.
    share = ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile", "--no-loadscope-reorder"]
    command = [*python, "pytest", *share, *arguments]
    print("$", " ".join(command[2:]), flush=True)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
