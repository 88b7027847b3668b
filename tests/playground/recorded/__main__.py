"""Trains the recorded runs and says which differ."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.playground.recorded import RUNS, STORE
from tests.playground.recorded.runs import SPECS, described, trained, write_store


def main() -> int:
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")] or list(SPECS)
    write = "--write" in sys.argv
    before = json.loads(RUNS.read_text("utf-8")) if RUNS.exists() else {}
    differing = []
    for name in chosen:
        found = {**described(SPECS[name]), **trained(SPECS[name])}
        same = before.get(name) == found
        parts = [key for key in found if before.get(name, {}).get(key) != found[key]]
        print(f"{name:16} {'equal' if same else 'differs: ' + ', '.join(parts)}", flush=True)
        differing += [] if same else [name]
        if write:
            before[name] = found
    if write:
        RUNS.write_text(json.dumps(before, indent=1, ensure_ascii=False) + "\n", "utf-8")
        if not STORE.exists():
            with tempfile.TemporaryDirectory() as folder:
                write_store(Path(folder))
                shutil.make_archive(str(STORE.with_suffix("")), "zip", folder)
    print(f"{len(chosen) - len(differing)} of {len(chosen)} equal bit for bit")
    return bool(differing) and not write


if __name__ == "__main__":
    sys.exit(main())
