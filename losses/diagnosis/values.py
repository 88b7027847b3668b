"""Findings on the values and slopes themselves: finite, true slopes, bounded, one by one."""

from __future__ import annotations

import numpy as np

from .finding import Finding, say
from .trial import Trial

DIGITS = np.log(10.0)  # in logits: one more digit of p
STEPS = (2e-2, 2e-3)  # of the central differences, in logits


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis, in float64."""
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def finite(trial: Trial) -> Finding:
    """Whether value and gradient are finite at sure, wrong, even and extreme predictions."""
    labels, directions = _directions(trial)
    scales = np.array([0.0, 1.0, 15.0, 100.0, 1000.0])
    z = (scales[:, None, None] * directions).reshape(-1, trial.classes)
    k = np.tile(labels, len(scales))
    values, slopes = trial.rows(k, z)
    bad = ~np.isfinite(values) | ~np.isfinite(slopes).all(-1)
    tried = {"tried": len(z), "not_finite": int(bad.sum())}
    if not bad.any():
        return Finding(
            "finite", "yes",
            f"Value and gradient are finite at all {len(z):,} predictions tried, "
            "logits of -1000 and 1000 among them.", tried,
        )  # fmt: skip
    i = int(np.argmax(bad))
    what, value = ("value", values[i]) if not np.isfinite(values[i]) else (
        "gradient", slopes[i][~np.isfinite(slopes[i])][0])  # fmt: skip
    p = softmax(z[i])
    return Finding(
        "finite", "no",
        f"The {what} is {say(value)} where the true class {k[i]} gets probability "
        f"{say(p[k[i]])}, and at {bad.sum() - 1:,} more of {len(z):,} predictions tried.",
        {**tried, "what": what, "label": k[i], "p": p, "logits": z[i]},
    )  # fmt: skip


def gradient(trial: Trial) -> Finding:
    """The gradient against central differences of fourth order, along random directions."""
    labels, z = trial.sample(4, (0.5, 2.0))
    rng = np.random.default_rng(1)
    along = rng.normal(size=z.shape)
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    offsets = np.array([h * m for h in STEPS for m in (-2, -1, 1, 2)] + [0.0])
    moved = (z + offsets[:, None, None] * along).reshape(-1, trial.classes)
    values, slopes = trial.rows(np.tile(labels, len(offsets)), moved)
    values = values.reshape(len(offsets), -1)
    claimed = (slopes.reshape(len(offsets), *z.shape)[-1] * along).sum(-1)
    h = np.array(STEPS)[:, None]
    below2, below, above, above2 = (values[i:-1:4] for i in range(4))
    found = (8 * (above - below) - (above2 - below2)) / (12 * h)
    error = np.abs(found - claimed).min(0)  # the longer step rounds less, the shorter sees kinks
    size = np.maximum(np.abs(claimed), np.abs(found).min(0))
    # Values are float32: what rounding alone can make of a difference is no error.
    noise = 4e-7 * np.abs(values).max(0) / STEPS[0]
    if not np.isfinite(error).all():
        return Finding("gradient", "unknown", "Values or slopes at ordinary predictions are not "
                       "finite numbers.")  # fmt: skip
    relative = error / max(size.max(), 1e-30)
    wrong = error > 0.01 * size.max() + noise
    worst = int(np.argmax(relative))
    evidence = {
        "slopes": len(z), "worst_relative_error": relative[worst], "jumps": int(wrong.sum()),
        "claimed": claimed[worst], "differences": found[-1, worst], "label": labels[worst],
        "logits": z[worst],
    }  # fmt: skip
    if wrong.mean() > 0.05:
        return Finding(
            "gradient", "no",
            f"At {wrong.sum()} of {len(z)} predictions the gradient is not the slope of the value: "
            f"at one it says {say(claimed[worst])} where central differences give "
            f"{say(found[-1, worst])}. Rounding, argmax or stop_gradient do that.", evidence,
        )  # fmt: skip
    if wrong.any():
        return Finding(
            "gradient", "yes",
            f"It agrees with central differences at {len(z) - wrong.sum()} of {len(z)} "
            "predictions; at the others the loss has a kink.", evidence,
        )  # fmt: skip
    return Finding(
        "gradient", "yes",
        f"It agrees with central differences along {len(z)} directions; worst error "
        f"{say(relative[worst])} of the largest slope.", evidence,
    )  # fmt: skip


def depends(trial: Trial) -> Finding:
    """Whether the prediction moves the value, of a sample alone or else of a batch."""
    labels, z = trial.sample(8, (2.0,))
    values, slopes = trial.rows(labels, z)
    by_class = values.reshape(trial.classes, -1)
    spread = float(np.max(by_class.max(1) - by_class.min(1)))
    steepest = float(np.abs(slopes).max())
    evidence = {"spread": spread, "steepest": steepest}
    if not np.isfinite(spread):
        return Finding("depends", "unknown", "The values at ordinary predictions are not finite "
                       "numbers.", evidence)  # fmt: skip
    size = max(float(np.abs(values).max()), 1e-30)
    if spread <= 1e-5 * size and not trial.apart:
        _, slopes = trial.batch(labels, z)
        together = float(np.abs(slopes).max()) * len(labels)
        evidence |= {"alone": False, "steepest_in_batch": together}
        if together > 1e-5 * size:
            return Finding("depends", "yes", f"Alone every sample costs {say(values[0])} whatever "
                           "is predicted; in a batch predictions are compared, and matter.",
                           evidence)  # fmt: skip
    if spread <= 1e-5 * size:
        return Finding("depends", "no", f"It is {say(values[0])} whatever is predicted: nothing "
                       "can be learnt from it.", evidence)  # fmt: skip
    if steepest <= 1e-7 * spread:
        return Finding("depends", "no", f"Its value moves by {say(spread)}, but its gradient is "
                       "zero everywhere: nothing can be learnt from it.", evidence)  # fmt: skip
    return Finding("depends", "yes", f"For one true class it moves by up to {say(spread)} with the "
                   f"prediction; its steepest slope is {say(steepest)}.", evidence)  # fmt: skip


def bounds(trial: Trial) -> tuple[Finding, Finding]:
    """Below and above: along rays of ever larger logits, six digits of p and then far beyond.

    A bounded loss gains ever less from one digit of p to the next. One whose gains stay would
    grow without end; if it stands still far beyond, it is the clip of y_pred at 1e-7 that holds it.
    """
    labels, directions = _directions(trial)
    steps = DIGITS * np.arange(0, 7)
    far = np.array([40.0, 80.0, 1e3, 1e4])
    lengths = np.concatenate([steps, far])
    z = (lengths[:, None, None] * directions).reshape(-1, trial.classes)
    values, _ = trial.rows(np.tile(labels, len(lengths)), z)
    values = values.reshape(len(lengths), -1)
    last = values[-2:]  # logits of a thousand and of ten thousand, of which a value may overflow
    values = values[:-2]
    if not np.isfinite(values).all():
        why = "The value is not finite at extreme predictions."
        return Finding("bounded_below", "unknown", why), Finding("bounded_above", "unknown", why)
    return _bound(-values, -last, -1), _bound(values, last, 1)


def _bound(values: np.ndarray, last: np.ndarray, sign: int) -> Finding:
    """Whether values (T, R), which go along R rays, stay below some number; `last` (2, R) are far
    beyond, where what falls towards a distant optimum has turned."""
    name = "bounded_above" if sign > 0 else "bounded_below"
    verb, end = ("grows", "most") if sign > 0 else ("falls", "least")
    reached = sign * float(values.max())
    near, far = values[:7], values[7:]
    size = max(float(np.ptp(values)), 1e-6 * float(np.abs(values).max()), 1e-30)
    gains = np.diff(near, axis=0)[-3:]
    rising = (gains > 1e-4 * size).all(0)
    ratio = np.where(rising, gains[2] / np.where(gains[1] == 0, 1, gains[1]), 0)
    steady = ratio > 0.99
    beyond = far[1] - far[0]
    endless = steady & (beyond > 5 * gains[2]) & ~(last[1] < last[0])
    evidence = {end: reached, "gain_per_digit": sign * gains[2].max()}
    if endless.any():
        ray = int(np.argmax(endless))
        gain = gains[2, ray]
        return Finding(name, "no", f"It {verb} by {say(gain)} with every further digit of "
                       f"certainty, without end: {say(sign * near[-1, ray])} after six, "
                       f"{say(sign * far[1, ray])} at logits of 80.",
                       {**evidence, "clip": False})  # fmt: skip
    steady &= beyond <= 5 * gains[2]
    if steady.any():
        ray = int(np.argmax(steady))
        return Finding(name, "no", f"Only the clip of y_pred at 1e-7 stops it, at "
                       f"{say(sign * values[:, ray].max())}: until there it {verb} by "
                       f"{say(gains[2, ray])} with every further digit of certainty.",
                       {**evidence, "clip": True})  # fmt: skip
    earlier = gains[1] / np.where(gains[0] == 0, 1, gains[0])
    # Slower and slower: only where nothing has gone further may that still lead beyond.
    slow = rising & (ratio > 0.9) & (ratio > earlier + 1e-3)
    slow &= values.max(0) >= values.max() - 0.01 * size
    if slow.any():
        return Finding(name, "unknown", f"It still {verb}, ever more slowly: {say(reached)} is the "
                       f"{end} seen, and whether there is a bound cannot be told.",
                       evidence)  # fmt: skip
    return Finding(name, "yes", f"The {end} it gets at extreme predictions is {say(reached)}.",
                   evidence)  # fmt: skip


def coupled(trial: Trial) -> Finding:
    """Whether the value of a sample depends on the others of its batch."""
    tried = [_together(trial, scale) for scale in (1.5, 0.3, 5.0)]
    # The batch in which the samples differ most from what they are alone.
    together, alone = max(tried, key=lambda each: _apart(*each))
    count = len(alone)
    near = 1e-4 * max(float(np.abs(alone).max()), 1e-30)
    if together.ndim == 0:
        mean, total, found = float(alone.mean()), float(alone.sum()), float(together)
        evidence = {"batch": found, "mean_alone": mean, "sum_alone": total}
        if abs(found - mean) <= near:
            return Finding("coupled", "no", f"It averages the batch itself: {say(found)} together, "
                           f"as the mean of {count} samples alone.", evidence)  # fmt: skip
        if all(abs(float(t) - a.sum()) <= 1e-4 * np.abs(a).sum() for t, a in tried):
            return Finding("coupled", "no", f"It adds the batch up: {say(found)} for {count} "
                           f"samples of {say(mean)} on average, so a larger batch pushes harder.",
                           evidence)  # fmt: skip
        return Finding("coupled", "yes", f"A batch of {count} gives {say(found)} where its samples "
                       f"alone average {say(mean)}; the other findings are on batches of one.",
                       evidence)  # fmt: skip
    gap = float(np.abs(together - alone).max())
    if trial.apart and gap <= near:
        return Finding("coupled", "no", "A sample's value is the same alone and in three batches "
                       f"of {count}; largest difference {say(gap)}.", {"gap": gap})  # fmt: skip
    i = int(np.argmax(np.abs(together - alone)))
    return Finding("coupled", "yes", f"One sample costs {say(alone[i])} alone and "
                   f"{say(together[i])} among {count}; the other findings are on batches of one.",
                   {"alone": alone[i], "together": together[i]})  # fmt: skip


def _together(trial: Trial, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """What samples cost as one batch, and alone (N,): their classes as often as chance has it, so
    that no class is like another."""
    labels, z = trial.sample(2, (scale,))
    labels = np.random.default_rng(6).integers(0, trial.classes, len(labels))
    together, _ = trial.batch(labels, z)
    alone, _ = trial.rows(labels, z)
    return (together.mean(-1) if together.ndim == 2 else together), alone


def _apart(together: np.ndarray, alone: np.ndarray) -> float:
    gaps = np.abs(together - (alone if together.ndim else alone.mean()))
    return float(gaps.max()) / max(float(np.abs(alone).max()), 1e-30)


def _directions(trial: Trial) -> tuple[np.ndarray, np.ndarray]:
    """For every true class: right, wrong, wrong with one other, torn between two, all logits up,
    all down, and four at random. Labels (R,) and directions (R, C) of whole numbers, so that a
    step of ln 10 along one is a digit of p, or several."""
    classes = trial.classes
    rng = np.random.default_rng(2)
    eye = np.eye(classes)
    other = np.roll(eye, 1, axis=1)
    ones = np.ones((classes, classes))
    rays = [eye, -eye, other, eye + other, ones, -ones]
    for _ in range(4):
        rays.append(rng.integers(-1, 2, (classes, classes)).astype(float))
    return np.tile(np.arange(classes), len(rays)), np.concatenate(rays)


def even(p: np.ndarray, classes: int, label: int = 0) -> np.ndarray:
    """Logits (N, C) of predictions that give `label` the probability p (N,), the rest evenly."""
    z = np.zeros((len(p), classes))
    z[:, label] = np.log(p) - np.log((1 - p) / (classes - 1))
    return z
