"""Everything that must pass: `python -m tests`. Words after it go to pytest.

Format, lint and types of Python and of JavaScript, then the tests; a Chromium is fetched first if
the machine has none. The first of them that fails ends it, with its exit status.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO

from tests import chromium

ROOT = Path(__file__).resolve().parents[1]
TESTS = Path(__file__).parent
# Longest first. Those of load have an event loop of their own, which the browser's cannot have.
GROUPS = (
    ["tests/browser", "tests/pages", *map(str, sorted(TESTS.glob("test_*.py")))],
    ["tests/playground/runs"],
    [*map(str, sorted((TESTS / "playground").glob("test_*.py")))],
    ["tests/losses"],
    [
        f"tests/playground/{part}"
        for part in ("analysis", "intake", "races", "recorded", "verdicts")
    ],
    ["tests/load"],
)


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
    """The tests in groups, each in a process of its own that keeps one core busy: two at once, and
    the next as soon as one is through. What a group says is printed at its end."""
    with ThreadPoolExecutor(2) as lanes:
        return max(lanes.map(partial(_group, python), GROUPS))


def _group(python: list[str], paths: Sequence[str]) -> int:
    """Runs the tests of some paths; the absolute exit status."""
    with tempfile.TemporaryFile() as said:
        status = _pytest(python, paths, said).wait()
        _print(said)
    return abs(status)


def _print(said: IO[bytes]) -> None:
    said.seek(0)
    print(said.read().decode(errors="replace"), flush=True)


def _pytest(
    python: list[str], arguments: Sequence[str], output: IO[bytes] | None = None
) -> subprocess.Popen[bytes]:
    command = [*python, "pytest", *arguments]
    print("$", " ".join(command[2:])[:200], flush=True)
    return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
