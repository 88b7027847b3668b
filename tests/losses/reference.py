"""The reference inputs, and the batch that their values were computed on.

loss_language.jsonl   texts; `expect` is accept (the batch mean is `value` within `tol_rel`, with 17
                      samples of seed 5 `value_b17`, the norm of its gradient by y_pred `grad_l2`),
                      reject (a LossError inside `near`), warn, or ok_but_safe (an answer in time)
named_losses.json     named losses with formula, paper, parameters, inputs and values
"""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).with_name("reference_data")


def lines(name: str) -> list[dict]:
    """The entries of a .jsonl file."""
    with (FOLDER / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def named() -> dict:
    """64 named losses, half of them with the batch mean by closed form, in float64."""
    return json.loads((FOLDER / "named_losses.json").read_text("utf-8"))


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
    for name in ("boxes", "boxes_pred"):
        found[name] = np.sort(rng.random((size, 2, 2)), axis=1).reshape(size, 4)
    return {**{k: v.astype("float32") for k, v in found.items()}, "labels": labels}
