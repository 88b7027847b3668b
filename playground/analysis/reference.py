"""Real images with real answers, for what a loss does to them before anything was trained."""

from functools import cache
from typing import Any

import numpy as np

from playground.absent import absent

LEARNT = 60  # images it learns from: few, so that some of its answers are sure and wrong
SHOWN = 256
STRENGTH = 0.05  # of its weights' penalty, as scikit-learn's C


@cache
def reference() -> dict[str, Any]:
    """Scikit-learn's digits as a logistic regression answers them that has seen a few of them:
    `images` (256, 8, 8, 1) uint8, `labels` (256,) int32 and `probabilities` (256, 10) float32."""
    with absent("pandas"):  # 60 MiB, for data frames that are not handed to it
        from sklearn.datasets import load_digits
        from sklearn.linear_model import LogisticRegression

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    learnt, shown = order[:LEARNT], order[LEARNT : LEARNT + SHOWN]
    model = LogisticRegression(C=STRENGTH, max_iter=500).fit(pixels[learnt], labels[learnt])
    images = np.round(pixels[shown] / 16 * 255).astype(np.uint8).reshape(-1, 8, 8, 1)
    return {
        "images": images,
        "labels": labels[shown].astype(np.int32),
        "probabilities": model.predict_proba(pixels[shown]).astype(np.float32),
    }
