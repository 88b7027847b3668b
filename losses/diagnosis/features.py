"""Findings on losses that take more than a prediction: features, pairs, a teacher.

What is asked of all of them is asked on whole batches; what only makes sense for probabilities is
said not to apply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import tensorflow as tf

from losses.base import PlaygroundLoss
from losses.gradient import gradient_of
from losses.language.draws import SIZE, batch, latents, made, own
from losses.language.inputs import INPUTS

from .finding import Finding, say
from .trial import CLASSES, EPOCHS, Interrupted
from .trial import STEPS as STEPS_AN_EPOCH

Tensors = Mapping[str, Any]
DIRECTIONS = 8
LARGEST = 20.0  # of an exponent, such as the logarithm of a variance
STEPS = (1e-1, 3e-2, 1e-2)
BY_CLASS = ("centers", "last_kernel", "class_weights")  # not a row a sample
FOLLOWING = ("y_pred", "p_true")  # are worked out from the logits


class BatchTrial:
    """A loss on whole batches that hold every input there is."""

    def __init__(
        self,
        loss: PlaygroundLoss,
        hurry: Callable[[], bool] = lambda: False,
        progress: float = 0.5,
    ) -> None:
        self.loss = loss
        self._moment = {
            "progress": np.float32(progress),
            "epoch": np.float32(EPOCHS * progress),
            "step": np.float32(EPOCHS * STEPS_AN_EPOCH * progress),
        }
        self._hurry = hurry
        self.classes: int = getattr(loss, "num_classes", CLASSES)
        self.own = own(loss)
        known = {**INPUTS, **self.own}
        self._following = tuple(n for n in FOLLOWING if n not in self.own)
        self.learnt = sorted(
            {"logits" if n in self._following else n for n in loss.inputs if known[n].learnt}
        )
        self._run = tf.function(self._watched, autograph=False)

    def on(self, tensors: Tensors) -> tuple[float, dict[str, np.ndarray]]:
        """The loss of a batch, and its slope by each of `learnt`. Raises Interrupted."""
        if self._hurry():
            raise Interrupted
        given = {
            n: tf.convert_to_tensor(v)
            for n, v in tensors.items()
            if n not in self._following and n != "num_classes"
        }
        value, slopes = self._run(given)
        return float(value), {n: s.numpy().astype("float64") for n, s in slopes.items()}

    def _watched(self, given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        with tf.GradientTape() as tape:
            tape.watch([given[n] for n in self.learnt])
            whole = {**given, "num_classes": self.classes}
            if "y_pred" in self._following:
                whole["y_pred"] = tf.nn.softmax(given["logits"], axis=-1)
            value = self.loss.on(self.values(whole))
        sources = {n: given[n] for n in self.learnt}
        return value, gradient_of(tape, value, sources)

    def values(self, tensors: Tensors) -> dict[str, Any]:
        """The batch as the loss takes it: what a run's own predictions are made of, made."""
        learnt = {n: made(e, tensors[n]) for n, e in self.own.items() if e.learnt}
        return {**tensors, **learnt}

    def batch(self, seed: int) -> dict[str, Any]:
        """A batch with every input, at the moment of the run that is looked at; of a run's own
        predictions any numbers, of which `values` makes them."""
        found = dict(batch(seed, self.classes)) | self._moment
        if self.own:
            found |= {n: value for n, (_, value) in latents(cast(Any, self.loss), seed).items()}
        return found

    def scaled(self, by: float, seed: int = 0) -> dict[str, Any]:
        """A batch whose learnt inputs are `by` times as large as usual."""
        base = self.batch(seed)
        found = base | {n: (by * base[n]).astype("float32") for n in self.learnt}
        exponents = (n for n, each in self.own.items() if each.values == "exponent")
        return found | {n: np.clip(found[n], -LARGEST, LARGEST) for n in exponents}


def finite(trial: BatchTrial) -> Finding:
    """Whether value and gradient are finite at zero, ordinary, huge and equal inputs."""
    alike = trial.scaled(1)
    for name in trial.learnt:
        alike[name] = np.broadcast_to(alike[name][:1], alike[name].shape).copy()
    tried = {
        "ordinary inputs": trial.scaled(1),
        "all zeros": trial.scaled(0),
        "a hundred times the usual": trial.scaled(100),
        "a thousandth of the usual": trial.scaled(1e-3),
        "all samples alike": alike,
    }
    for where, tensors in tried.items():
        value, slopes = trial.on(tensors)
        if not np.isfinite(value):
            return Finding("finite", "no", f"The value is {say(value)} at {where}.",
                           {"where": where, "what": "value"})  # fmt: skip
        for name, slope in slopes.items():
            if not np.isfinite(slope).all():
                return Finding("finite", "no", f"The gradient by {name} is not finite at {where}.",
                               {"where": where, "what": name})  # fmt: skip
    return Finding("finite", "yes", "Value and gradient are finite at "
                   f"{', '.join(tried)}.", {"tried": len(tried)})  # fmt: skip


def gradient(trial: BatchTrial) -> Finding:
    """The gradient against central differences along directions in the space of the batch."""
    rng = np.random.default_rng(1)
    base = trial.scaled(1)
    value, slopes = trial.on(base)
    errors, sizes = [], []
    for turn in range(DIRECTIONS):
        # Along the gradient itself, then at random.
        along = {n: rng.normal(size=base[n].shape) if turn else slopes[n] for n in trial.learnt}
        norm = np.sqrt(sum(float((a**2).sum()) for a in along.values()))
        along = {n: (a / max(norm, 1e-30)).astype("float32") for n, a in along.items()}
        claimed = sum(float((slopes[n] * along[n]).sum()) for n in trial.learnt)
        found = [_difference(trial, base, along, h) for h in STEPS]
        errors.append(min(abs(each - claimed) for each in found))
        sizes.append(max(abs(claimed), min(map(abs, found))))
    noise = 1e-6 * abs(value) / STEPS[0]
    worst = max(0.0, max(errors) - noise) / max(*sizes, 1e-30)
    evidence = {"directions": DIRECTIONS, "worst_relative_error": worst}
    if not np.isfinite(worst):
        return Finding("gradient", "unknown", "Values or slopes are not finite.")
    if worst > 0.05:
        return Finding("gradient", "no", "Along some direction of the batch the gradient "
                       f"differs from central differences by {say(worst)} of its size.",
                       evidence)  # fmt: skip
    return Finding("gradient", "yes", f"It agrees with central differences along {DIRECTIONS} "
                   f"directions of a batch of {SIZE}; worst relative error {say(worst)}.",
                   evidence)  # fmt: skip


def _difference(trial: BatchTrial, base: Tensors, along: Tensors, h: float) -> float:
    def at(m: int) -> float:
        moved = {n: base[n] + np.float32(m * h) * along[n] for n in along}
        return trial.on({**base, **moved})[0]

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)


def depends(trial: BatchTrial) -> Finding:
    """Whether what is learnt moves the value."""
    one, slopes = trial.on(trial.scaled(1))
    other, _ = trial.on(trial.scaled(1, seed=1))
    norms = {n: float(np.linalg.norm(s)) for n, s in slopes.items()}
    words = ", ".join(f"{n} {say(v)}" for n, v in norms.items()) or "nothing it takes is learnt"
    evidence = {"values": [one, other], "gradient_norms": norms}
    if not norms or max(norms.values()) <= 1e-7 * max(abs(one), 1e-30):
        return Finding("depends", "no", f"Its gradient is zero: {words}.", evidence)
    return Finding("depends", "yes", f"Norm of its gradient on a batch: {words}.", evidence)


def bounds(trial: BatchTrial) -> tuple[Finding, Finding]:
    """Below and above: what it gives as its inputs grow ten, a hundred, a thousand times."""
    along = [(seed, s) for seed in (0, 1) for s in (1.0, -1.0)]
    values = np.array([[trial.on(trial.scaled(s * 10.0**k, seed))[0] for seed, s in along]
                       for k in range(4)])  # fmt: skip
    if not np.isfinite(values).all():
        why = "The value is not finite at large inputs."
        return Finding("bounded_below", "unknown", why), Finding("bounded_above", "unknown", why)
    found = []
    for name, sign, end in (("bounded_below", -1, "least"), ("bounded_above", 1, "most")):
        gains = np.diff(sign * values, axis=0)
        growing = (gains[2] > 5 * gains[1]) & (gains[1] > 1e-3 * np.abs(values[0]))
        for place in np.flatnonzero(growing).tolist():  # or only until it is somewhere far off?
            seed, s = along[place]
            beyond = [sign * trial.on(trial.scaled(s * 10.0**k, seed))[0] for k in (4, 5)]
            growing[place] = not beyond[1] < beyond[0]
        edge = sign * float((sign * values).max())
        evidence: dict[str, Any] = {end: edge, "values": values.T}
        if growing.any():
            ray = values[:, int(np.argmax(np.where(growing, gains[2], -np.inf)))]
            words = ", ".join(say(float(value)) for value in ray)
            found.append(Finding(name, "no", "Without end as its inputs grow 1, 10, 100 and 1000 "
                                 f"times: {words}.", evidence))  # fmt: skip
        else:
            found.append(Finding(name, "yes", f"The {end} seen as its inputs grow a thousand "
                                 f"times is {say(edge)}.", evidence))  # fmt: skip
    return found[0], found[1]


def coupled(trial: BatchTrial) -> Finding:
    """Whether the value of a sample depends on the others, for losses that give one a sample."""
    base, fresh = trial.batch(0), trial.batch(1)
    half = SIZE // 2
    # The others are quite different samples: in another order, or at another length, they would
    # be the same to a loss that adds over them or looks at directions.
    turned = {n: np.concatenate([v[:half], fresh[n][half:]])
              if np.ndim(v) and len(v) == SIZE and n not in BY_CLASS else v
              for n, v in base.items()}  # fmt: skip
    before, after = (np.asarray(trial.loss.values(trial.values(t))) for t in (base, turned))
    if before.ndim == 0:
        halves = [{n: v[s] if np.ndim(v) and len(v) == SIZE else v for n, v in base.items()}
                  for s in (slice(0, half), slice(half, None))]  # fmt: skip
        apart = float(np.mean([np.asarray(trial.loss.values(trial.values(t))) for t in halves]))
        whole = float(before)
        evidence = {"together": whole, "halves": apart}
        if np.isclose(whole, apart, rtol=1e-4):
            return Finding("coupled", "no", f"A batch of {SIZE} costs {say(whole)}, as its halves "
                           "do on average.", evidence)  # fmt: skip
        return Finding("coupled", "yes", f"A batch of {SIZE} costs {say(whole)}, its halves "
                       f"{say(apart)} on average: samples are compared.", evidence)  # fmt: skip
    # Of an image, a value a pixel, all of them.
    before, after = (x.reshape(SIZE, -1).mean(axis=1) for x in (before, after))
    gap = np.abs(before[:half] - after[:half])
    i = int(np.argmax(gap))
    one, other = float(before[i]), float(after[i])
    evidence = {"before": one, "after": other}
    if gap[i] <= 1e-4 * max(abs(one), 1e-30):
        return Finding("coupled", "no", "A sample's value stays when the others of its batch "
                       "change.", evidence)  # fmt: skip
    return Finding("coupled", "yes", f"One sample costs {say(one)}, and {say(other)} when "
                   "others of its batch change.", evidence)  # fmt: skip


ASKED: tuple[Callable[[BatchTrial], Any], ...] = (finite, gradient, depends, bounds, coupled)
