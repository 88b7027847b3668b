"""Where the reference inputs are, and the batch their values were computed on."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

_HERE = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PLAYGROUND_REFERENCE", _HERE.parent / "shared" / "reference"))


def lines(name: str) -> list[dict]:
    """The entries of a .jsonl file; none where the folder is absent."""
    path = FOLDER / name
    return [json.loads(line) for line in path.open(encoding="utf-8")] if path.exists() else []


def named() -> dict:
    path = FOLDER / "named_losses.json"
    return json.loads(path.read_text()) if path.exists() else {"losses": [], "tolerance_rel": 0}


def required() -> None:
    """Skip where there is no reference; fail where there must be one (CI)."""
    if not FOLDER.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the reference folder is absent: set PLAYGROUND_REFERENCE")
        pytest.skip(f"no reference inputs at {FOLDER}: set PLAYGROUND_REFERENCE")


def batch(size: int = 32, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {"logits": rng.normal(size=(size, 10))}
    e = np.exp(found["logits"] - found["logits"].max(-1, keepdims=True))
    found["y_pred"] = e / e.sum(-1, keepdims=True)
    labels = rng.integers(0, 10, size=size)
    found["y_true"] = np.eye(10)[labels]
    found["features"] = rng.normal(size=(size, 16))
    found["last_kernel"] = rng.normal(size=(16, 10))
    found["centers"] = rng.normal(size=(10, 16))
    found["partner_features"] = rng.normal(size=(size, 16))
    found["negative_features"] = rng.normal(size=(size, 16))
    found["same"] = rng.integers(0, 2, size=size)
    found["teacher_logits"] = rng.normal(size=(size, 10))
    return {**{k: v.astype("float32") for k, v in found.items()}, "labels": labels}
