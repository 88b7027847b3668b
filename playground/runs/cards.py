"""What the page of all named losses shows of one: a picture out of its portrait, and findings."""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

# "lines" and "ghost", or "points", for a thumbnail; "curve", lists p, loss, slope and slope_p,
# where it has one; and "findings", the state of each by name.
Card = dict[str, Any]
LOSSES = Path(__file__).resolve().parents[2] / "losses"
KEPT = 49  # points of a curve


@cache
def digest() -> str:
    """12 hexadecimal digits of the code of the losses, and of this file, whatever ends its lines:
    cards of one digest are the same."""
    found = hashlib.sha256()
    for path in sorted([*LOSSES.rglob("*.py"), Path(__file__)]):
        name = path.relative_to(LOSSES.parent).as_posix()
        found.update(hashlib.sha256(f"{name}\0{path.read_text('utf-8')}".encode()).digest())
    return found.hexdigest()[:12]


def pictured(found: Mapping[str, Any]) -> Card:
    """A card out of what a portrait's curve view says."""
    kind = found.get("kind", "")
    if kind == "curve" and "p" in found:
        chosen = np.linspace(0, len(found["p"]) - 1, 3 * KEPT).round().astype(int)
        curve = _lists({n: found[n] for n in ("p", "loss", "slope", "slope_p")}, chosen)
        inside = [i for i, p in enumerate(curve["p"]) if 0.03 <= p <= 0.97][::3]
        x = [curve["p"][i] for i in inside]
        ghost = _lists({n: found["ghost"][n] for n in ("p", "loss")}, chosen)
        return {
            "lines": _lines(x, [[curve["loss"][i] for i in inside]]),
            "ghost": _lines(x, [[ghost["loss"][i] for i in inside]])[0],
            "curve": curve,
        }
    if kind in ("pairs", "triplets"):
        rows = [_plain(row) for row in found["loss"]]
        return {"lines": _lines(_plain(found["distance"]), rows)}
    if kind == "points":
        return {"points": [_plain(row) for row in found["points"]]}
    if kind == "batch":
        return {"points": [[float(p), float(slope)] for p, slope in
                           zip(found["p"], found["slope"], strict=True)]}  # fmt: skip
    return {}


def examined(findings: Iterable[Mapping[str, Any]]) -> Card:
    """A card out of what the doctor says."""
    return {"findings": {each["name"]: each["state"] for each in findings}}


def _lines(x: list[Any], rows: list[list[Any]]) -> list[list[list[float]]]:
    """Lines of (x, y) places out of a common x and rows of y; what is None is left out."""
    return [[[a, b] for a, b in zip(x, row, strict=True) if b is not None] for row in rows]


def _lists(arrays: Mapping[str, np.ndarray], chosen: np.ndarray) -> dict[str, list[Any]]:
    return {name: _plain(array[chosen]) for name, array in arrays.items()}


def _plain(values: np.ndarray) -> list[Any]:
    """Five digits; None where there is no number."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values.tolist()]
