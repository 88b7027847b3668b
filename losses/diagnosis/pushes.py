"""Findings on how a loss pulls on the logits: convex or not, how hard, and where."""

from __future__ import annotations

import numpy as np

from .finding import Finding, say
from .trial import Trial
from .values import even, softmax

PAIRS = 60  # a class
POINTS = (0.01, 0.5, 0.99)
LEADS = (5.0, 20.0, 100.0)  # of a wrong class, in logits
ALIKE = 3.0  # a scale within this factor of cross-entropy's takes its learning rate


def convex(trial: Trial) -> Finding:
    """The midpoint test: halfway between two predictions it must not cost more than the mean."""
    labels, z = trial.sample(PAIRS // 3, (0.5, 1.5, 4.0))
    rng = np.random.default_rng(5)
    # Another prediction for the same class: anything between a step away and across the room.
    other = np.clip(z + rng.choice((0.5, 2, 5), (len(z), 1)) * rng.normal(size=z.shape), -6, 6)
    steps = _along(trial.classes)
    labels = np.concatenate([labels, steps[0]])
    z, other = np.concatenate([z, steps[1]]), np.concatenate([other, steps[2]])
    values, _ = trial.rows(np.tile(labels, 3), np.concatenate([z, other, (z + other) / 2]))
    one, two, middle = values.reshape(3, -1)
    if not np.isfinite(values).all():
        return Finding("convex", "unknown", "The value at ordinary predictions is not finite.")
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
        return Finding(
            "convex", "no",
            f"Halfway between two predictions (p of the truth {say(p[0])} and {say(p[1])}) it "
            f"costs {say(middle[worst])}, more than their mean {say((one + two)[worst] / 2)}; so "
            f"with {evidence['violations']} of {len(z)} pairs.", evidence,
        )  # fmt: skip
    return Finding("convex", "yes", f"Halfway between two predictions it never costs more than "
                   f"their mean: {len(z)} pairs tried.", evidence)  # fmt: skip


def _along(classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (N,) and pairs of predictions (N, C): steps of the true class' logit, from p = 5e-5 to
    1 - 5e-5 whatever the number of classes, in which chance seldom comes near the truth."""
    odds = np.linspace(-10, 10, 41)
    found = []
    for label in {0, classes // 2, classes - 1}:
        for half in (1.0, 3.0):
            ends = np.zeros((2, len(odds), classes))
            ends[:, :, label] = odds + np.log(max(classes - 1, 1)) + np.array([[-half], [half]])
            found.append((np.full(len(odds), label), *ends))
    labels, one, two = (np.concatenate(part) for part in zip(*found, strict=True))
    return labels, one, two


def scale(trial: Trial) -> Finding:
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
        return Finding("scale", "unknown", "Its gradient on an untrained network is not finite.")
    if ratio == 0:
        return Finding("scale", "no", "It has no gradient on an untrained network.", evidence)
    start = (
        f"On an untrained network its gradient by the logits is {say(own)}, {say(ratio)} times "
        f"that of cross-entropy ({say(usual)})"
    )
    if 1 / ALIKE <= ratio <= ALIKE:
        return Finding("scale", "yes", f"{start}: the same learning rate suits.", evidence)
    return Finding("scale", "no", f"{start}: with plain SGD try {say(1 / ratio)} times the "
                   "learning rate; Adam evens that out.", evidence)  # fmt: skip


def push(trial: Trial) -> Finding:
    """dL/dz of the true class, turned around, where that class has p = 0.01, 0.5 and 0.99."""
    p = np.concatenate([np.array(POINTS), np.linspace(0.02, 0.98, 49)])
    _, slopes = trial.rows(np.zeros(len(p), int), even(p, trial.classes))
    pushes = -slopes[:, 0]
    if not np.isfinite(pushes).all():
        return Finding("push", "unknown", "Its gradient at ordinary predictions is not finite.")
    at = dict(zip(map(str, POINTS), pushes[:3], strict=True))
    largest = float(np.abs(pushes).max())
    where = float(p[np.abs(pushes).argmax()])
    words = ", ".join(f"{say(v)} at p = {k}" for k, v in at.items())
    evidence = {"at": at, "largest": largest, "largest_at": where}
    sentence = f"It pushes the true class' logit up with {words}"
    if pushes[0] >= 0.1 * largest > 0:
        return Finding("push", "yes", f"{sentence}.", evidence)
    if pushes[0] < 0:
        return Finding("push", "no", f"{sentence}: a sure mistake is pushed the wrong way.",
                       evidence)  # fmt: skip
    return Finding("push", "no", f"{sentence}; hardest, with {say(largest)}, at p = {say(where)}: "
                   "a sure mistake is hardly felt.", evidence)  # fmt: skip


def sure(trial: Trial) -> Finding:
    """The size of its gradient by the logits where a wrong class leads by 5, 20 and 100 logits, by
    the largest where the lead is small. At 16 p is 1e-7; at 104 it is 0 in float32."""
    leads = np.array([0.0, 1.0, 2.0, 3.0, *LEADS, 15.0])
    labels = np.arange(trial.classes)
    z = np.zeros((len(leads), trial.classes, trial.classes))
    z[:, labels, np.roll(labels, -1)] = leads[:, None]
    _, slopes = trial.rows(np.tile(labels, len(leads)), z.reshape(-1, trial.classes))
    slopes = slopes.reshape(z.shape)
    if not np.isfinite(slopes).all():
        return Finding("sure", "unknown", "Its gradient at confident mistakes is not finite.")
    norms = np.sqrt((slopes**2).sum(-1)).mean(-1)
    pushes = -slopes[:, labels, labels].mean(-1)
    usual = float(norms[:5].max())
    at = {f"{lead:g}": norms[4 + i] for i, lead in enumerate(LEADS)}
    evidence = {"at": at, "usual": usual, "before_the_clip": norms[-1],
                "push": dict(zip(at, pushes[4:7], strict=True))}  # fmt: skip
    words = ", ".join(f"{say(norm)} at {lead}" for lead, norm in at.items())
    words = f"by a lead of the wrong class in logits: {words}"
    away = pushes[4:7] < -1e-4 * max(usual, 1e-30)
    if away.any():
        lead = LEADS[int(np.argmax(away))]
        return Finding("sure", "no", "Confident mistakes are pushed the wrong way: at a lead of "
                       f"{lead:g} logits the true class' logit is pushed down with "
                       f"{say(-pushes[4:7][away][0])}.", evidence)  # fmt: skip
    least = float(min(at.values()))
    if least >= 0.1 * usual > 0:
        return Finding("sure", "yes", f"It does not fade, {words}.", evidence)
    why = "what is surely wrong is hardly taught any more"
    if norms[-1] >= 0.1 * usual and at["20"] <= 1e-2 * usual:
        why = ("it ends between p = 3e-7 and 2e-9 of the true class, where a clip or an epsilon "
               "takes over")  # fmt: skip
    return Finding("sure", "no", f"It vanishes, {words}; {why}.", evidence)
