"""Everything that must pass: `python -m tests`. Words after it go to pytest.

Format, lint and types of Python and of JavaScript, then the tests; a Chromium is fetched first if
the machine has none. Stops at the first of them that fails, with its exit status.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from tests import chromium

ROOT = Path(__file__).resolve().parents[1]
WHOLE = sorted(Path(__file__).parent.glob("test_*.py"))  # of the house as a whole


def main(arguments: list[str]) -> int:
    """Runs the checks in order; returns the first exit status that is not 0."""
    python = [sys.executable, "-m"]
    for command in (
        [*python, "ruff", "format", "--check", "."],
        [*python, "ruff", "check", "."],
        [*python, "mypy"],
        [*python, "tests.javascript"],
    ):
        print("$", " ".join(command[2:]), flush=True)
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            return status
    if chromium.ensure() is None:
        return 1
    if arguments:
        return _pytest(python, arguments).wait()
    return _side_by_side(python)


def _side_by_side(python: list[str]) -> int:
    """The tests of pages, in the browser and without, and of the house as a whole, and all others,
    each in a process of its own: both mostly keep one core busy, and take about as long. What the
    first says is printed when both are through."""
    with tempfile.TemporaryFile() as said:
        browser = _pytest(python, ["tests/browser", "tests/pages", *map(str, WHOLE)], said)
        others = _pytest(python, ["tests/losses", "tests/playground", "tests/load"])
        statuses = [others.wait(), browser.wait()]
        said.seek(0)
        print(said.read().decode(errors="replace"), flush=True)
    return max(map(abs, statuses))


def _pytest(
    python: list[str], arguments: list[str], output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    command = [*python, "pytest", *arguments]
    print("$", " ".join(command[2:]), flush=True)
    return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
