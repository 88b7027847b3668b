"""Everything that must pass: `python -m tests`. Words after it go to pytest.

Format, lint and types of Python and of JavaScript, then the tests; a Chromium is fetched first if
the machine has none. The first of them that fails ends it, with its exit status.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from tests import chromium

ROOT = Path(__file__).resolve().parents[1]
WHOLE = sorted(Path(__file__).parent.glob("test_*.py"))  # of the house as a whole


def main(arguments: list[str]) -> int:
    """Runs the checks, then the tests; returns the first exit status that is not 0."""
    python = [sys.executable, "-m"]
    checks = (
        [*python, "ruff", "format", "--check", "."],
        [*python, "ruff", "check", "."],
        [*python, "mypy"],
        [*python, "tests.javascript"],
    )
    status = _at_once(checks)
    if status:
        return status
    if chromium.ensure() is None:
        return 1
    if arguments:
        return _pytest(python, arguments).wait()
    return _side_by_side(python)


def _at_once(checks: Sequence[Sequence[str]]) -> int:
    """Runs checks, each of which keeps one core busy, at once; prints what each says, in their
    order, and returns the first status that is not 0."""
    with ExitStack() as stack:
        running = []
        for check in checks:
            said = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(check, cwd=ROOT, stdout=said, stderr=said)
            stack.callback(process.kill)
            running.append((check, process, said))
        for check, process, said in running:
            print("$", " ".join(check[2:]), flush=True)
            status = process.wait()
            _print(said)
            if status:
                return status
    return 0


def _side_by_side(python: list[str]) -> int:
    """The tests of pages, in the browser and without, of the house as a whole and of load, and all
    others, each in a process of its own: both mostly keep one core busy, and take about as long.
    What the first says is printed when both are through."""
    with tempfile.TemporaryFile() as said:
        paged = ["tests/browser", "tests/pages", *map(str, WHOLE), "tests/load"]
        browser = _pytest(python, paged, said)
        others = _pytest(python, ["tests/losses", "tests/playground"])
        statuses = [others.wait(), browser.wait()]
        _print(said)
    return max(map(abs, statuses))


def _print(said: IO[bytes]) -> None:
    said.seek(0)
    print(said.read().decode(errors="replace"), flush=True)


def _pytest(
    python: list[str], arguments: list[str], output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    command = [*python, "pytest", *arguments]
    print("$", " ".join(command[2:]), flush=True)
    return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
