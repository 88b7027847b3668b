"""Trains the recorded runs and says which differ."""

import json
import sys
from typing import Any

from playground.spec import RunSpec
from tests.playground.recorded import RUNS
from tests.playground.recorded.runs import SPECS, described, trained


def _known(found: list[dict[str, Any]], told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Evaluations without the numbers that an earlier version did not record."""
    if len(found) != len(told):
        return found
    return [
        {**one, "metrics": {k: v for k, v in one["metrics"].items() if k in other["metrics"]}}
        for one, other in zip(found, told, strict=True)
    ]


def main() -> int:
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")] or list(SPECS)
    write = "--write" in sys.argv
    before = json.loads(RUNS.read_text("utf-8"))
    differing = []
    for name in chosen:
        told = before.get(name, {})
        found = {**described(SPECS[name]), **trained(SPECS[name])}
        if told and RunSpec.from_json(told["spec"]) == SPECS[name]:
            found["spec"] = told["spec"]  # without the fields that came later
        found["evaluations"] = _known(found["evaluations"], told.get("evaluations", []))
        found["end"] = {k: v for k, v in found["end"].items() if not told or k in told["end"]}
        same = told == found
        parts = [key for key in found if told.get(key) != found[key]]
        print(f"{name:16} {'equal' if same else 'differs: ' + ', '.join(parts)}", flush=True)
        differing += [] if same else [name]
        if write:
            before[name] = found
    if write:
        RUNS.write_text(json.dumps(before, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{len(chosen) - len(differing)} of {len(chosen)} equal bit for bit")
    return bool(differing) and not write


if __name__ == "__main__":
    sys.exit(main())
