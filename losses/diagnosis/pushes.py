"""Verdicts on how a loss pulls on the logits: convex or not, how hard, and where."""

from __future__ import annotations

import numpy as np

from .trial import Trial
from .values import even, softmax
from .verdict import Verdict, say

PAIRS = 60  # a class
POINTS = (0.01, 0.5, 0.99)
ALIKE = 3.0  # a scale within this factor of cross-entropy's takes its learning rate


def convex(trial: Trial) -> Verdict:
    """The midpoint test: halfway between two predictions it must not cost more than the mean."""
    labels, z = trial.sample(PAIRS // 3, (0.5, 1.5, 4.0))
    rng = np.random.default_rng(5)
    # Another prediction for the same class: anything between a step away and across the room.
    other = np.clip(z + rng.choice((0.5, 2, 5), (len(z), 1)) * rng.normal(size=z.shape), -6, 6)
    values, _ = trial.rows(np.tile(labels, 3), np.concatenate([z, other, (z + other) / 2]))
    one, two, middle = values.reshape(3, -1)
    if not np.isfinite(values).all():
        return Verdict("convex", "unknown", "The value at ordinary predictions is not finite.")
    over = middle - (one + two) / 2
    limit = 1e-5 * float(np.ptp(values)) + 2e-6 * np.abs(values).max()
    worst = int(np.argmax(over))
    evidence = {
        "pairs": len(z), "violations": int((over > limit).sum()), "worst": over[worst],
        "label": labels[worst], "ends": [one[worst], two[worst]], "middle": middle[worst],
        "logits": [z[worst], other[worst]],
    }  # fmt: skip
    if over[worst] > limit:
        p = softmax(np.stack([z[worst], other[worst]]))[:, labels[worst]]
        return Verdict(
            "convex", "no",
            f"Halfway between two predictions (p of the truth {say(p[0])} and {say(p[1])}) it "
            f"costs {say(middle[worst])}, more than their mean {say((one + two)[worst] / 2)}; so "
            f"with {evidence['violations']} of {len(z)} pairs.", evidence,
        )  # fmt: skip
    return Verdict("convex", "yes", f"Halfway between two predictions it never costs more than "
                   f"their mean: {len(z)} pairs tried.", evidence)  # fmt: skip


def scale(trial: Trial) -> Verdict:
    """The size of its gradient on an untrained network, by that of cross-entropy."""
    labels, z = trial.sample(8, (0.3,))
    _, slopes = trial.rows(labels, z)
    own = float(np.sqrt((slopes**2).sum(-1)).mean())
    reference = softmax(z) - np.eye(trial.classes)[labels]
    usual = float(np.sqrt((reference**2).sum(-1)).mean())
    ratio = own / usual
    evidence = {"gradient": own, "cross_entropy": usual, "ratio": ratio,
                "learning_rate_factor": 1 / ratio if ratio > 0 else None}  # fmt: skip
    if not np.isfinite(own):
        return Verdict("scale", "unknown", "Its gradient on an untrained network is not finite.")
    if ratio == 0:
        return Verdict("scale", "no", "It has no gradient on an untrained network.", evidence)
    start = (
        f"On an untrained network its gradient by the logits is {say(own)}, {say(ratio)} times "
        f"that of cross-entropy ({say(usual)})"
    )
    if 1 / ALIKE <= ratio <= ALIKE:
        return Verdict("scale", "yes", f"{start}: the same learning rate suits.", evidence)
    return Verdict("scale", "no", f"{start}: with plain SGD try {say(1 / ratio)} times the "
                   "learning rate; Adam evens that out.", evidence)  # fmt: skip


def push(trial: Trial) -> Verdict:
    """dL/dz of the true class, turned around, where that class has p = 0.01, 0.5 and 0.99."""
    p = np.concatenate([np.array(POINTS), np.linspace(0.02, 0.98, 49)])
    _, slopes = trial.rows(np.zeros(len(p), int), even(p, trial.classes))
    pushes = -slopes[:, 0]
    if not np.isfinite(pushes).all():
        return Verdict("push", "unknown", "Its gradient at ordinary predictions is not finite.")
    at = dict(zip(map(str, POINTS), pushes[:3], strict=True))
    largest = float(np.abs(pushes).max())
    where = float(p[np.abs(pushes).argmax()])
    words = ", ".join(f"{say(v)} at p = {k}" for k, v in at.items())
    evidence = {"at": at, "largest": largest, "largest_at": where}
    sentence = f"It pushes the true class' logit up with {words}"
    if pushes[0] >= 0.1 * largest > 0:
        return Verdict("push", "yes", f"{sentence}.", evidence)
    if pushes[0] < 0:
        return Verdict("push", "no", f"{sentence}: a sure mistake is pushed the wrong way.",
                       evidence)  # fmt: skip
    return Verdict("push", "no", f"{sentence}; hardest, with {say(largest)}, at p = {say(where)}: "
                   "a sure mistake is hardly felt.", evidence)  # fmt: skip
