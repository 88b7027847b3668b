"""Posterior collapse: the code of a variational autoencoder says nothing of its image, because to
say nothing is the cheapest (Bowman et al., CoNLL 2016; Lucas et al., NeurIPS 2019).

What is asked is what the code does: how far each dimension's mean moves from image to image, and
how many nats it takes. The weight of the divergence is named as the cause where it is a number of
the loss.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from playground.tasks.autoencoder import AutoencoderSpec
from playground.training.changes import as_changed
from playground.verdicts import diagnosis, fit
from playground.verdicts.best import restored
from playground.verdicts.diagnosis import Diagnosis
from playground.verdicts.words import Next, Verdict

SINCE = 3  # evaluations in a row
WARM = 400  # steps in which a code may not be used yet though it will be
FALLS = 0.01  # of the negative ELBO over a third of the run: one that falls by more is not done
SERIES = ("active", "divergence", "reconstruction", "elbo")
RISING = "minimum(progress / 0.5, 1.0)"  # over the first half of a run


def verdict(store: Any, record: Any) -> Verdict:
    """The verdict on a run of Autoencoder: whether its code is used. Raises StoreError."""
    found = {name: store.series(record.id, f"validation_{name}") for name in SERIES}
    started = store.started(record.id)
    steps = found["active"][0]
    seen = {name: values.astype(float) for name, (_, values) in found.items()}
    if record.state == "failed" or started is None:
        return fit.judge(fit.read(store, record))
    if len(steps) < SINCE or steps[-1] < WARM:
        return _early(record.spec, started, int(steps[-1]) if len(steps) else 0)
    spec = cast(AutoencoderSpec, as_changed(record.spec, store.marks(record.id)))
    evidence = _evidence(spec, seen)
    if spec.kind == "variational" and not seen["active"][-SINCE:].any():
        return _collapsed(store, record, spec, started, seen, evidence)
    return _used(spec, seen, evidence, bool(restored(store.marks(record.id))))


def _early(spec: Any, started: Any, step: int) -> Verdict:
    epochs = -(-WARM // started.steps_per_epoch)
    change = {"epochs": epochs} if spec.epochs < epochs <= 200 else {}
    return Verdict(
        "early",
        f"Not enough evidence: {step:,} of the {WARM:,} steps after which a code is judged.",
        (),
        f"Train for {epochs:,} epochs or more.",
        change=change,
    )


def _evidence(spec: AutoencoderSpec, seen: Mapping[str, np.ndarray]) -> tuple[tuple[str, str], ...]:
    return (
        ("Dimensions that are used", f"{seen['active'][-1]:.0f} of {spec.latent}"),
        ("KL divergence", f"{seen['divergence'][-1]:.3g} nats"),
        ("Reconstruction", f"{seen['reconstruction'][-1]:.4g} nats"),
        ("Negative ELBO", f"{seen['elbo'][-1]:.4g} nats"),
    )


def _collapsed(
    store: Any,
    record: Any,
    spec: AutoencoderSpec,
    started: Any,
    seen: Mapping[str, np.ndarray],
    evidence: tuple[tuple[str, str], ...],
) -> Verdict:
    known = diagnosis.of(started.loss)
    sentence = (
        f"Posterior collapse: the code takes {seen['divergence'][-1]:.2g} nats, and none of its "
        f"{spec.latent} dimensions moves from image to image, so that all images have one "
        f"reconstruction, at {seen['reconstruction'][-1]:.4g} nats."
    )
    if changed := any(mark.kind == "loss" for mark in store.marks(record.id)):
        known = Diagnosis()
    values = {
        term: float(store.series(record.id, f"validation_term{place}")[1][-1])
        for place, term in enumerate(known.terms, start=1)
        if len(store.series(record.id, f"validation_term{place}")[1])
    }
    remark = known.warning("pixel-mean")
    if remark and not changed:
        step = Next(f"Add the pixels up: {remark['hint']}.", {}, "code")
        return Verdict(
            "collapsed", f"{sentence} Of the loss: {remark['message']}.", evidence, step.words,
            cause="divergence", change=step.change, respect=step.respect,
        )  # fmt: skip
    step, why = rising(spec, known, values)
    return Verdict(
        "collapsed", f"{sentence}{why}", evidence, step.words,
        cause="divergence" if why else "", change=step.change, respect=step.respect,
    )  # fmt: skip


def rising(
    spec: AutoencoderSpec, known: Diagnosis, values: Mapping[str, float]
) -> tuple[Next, str]:
    """What mends a collapse: the divergence weighs nothing at first and 1 at the end (Bowman et
    al. 2016); and what its weight is, " beta is 100.", where that is a parameter of its term, the
    one of these terms whose value is the least by now."""
    general = Next(
        f"Let the divergence cost nothing at first: multiply it by {RISING}, and weigh it by 1 at "
        "most.",
        {},
        "code",
    )
    term = min(values, key=lambda text: abs(values[text]), default="")
    factor = re.fullmatch(r"(\w+) \* (.+)", term, re.DOTALL)
    if factor is None or factor[1] not in known.parameters:
        return general, ""
    name, rest = factor[1], factor[2]
    weight = spec.loss_parameters.get(name, known.parameters[name])
    why = f" The divergence is weighed by {name}, {weight:g}."
    if "progress" in rest or "progress" in name or spec.loss.count(term) != 1:
        lower = float(f"{min(1.0, weight / 10):.3g}")
        moved = {**spec.loss_parameters, name: lower}
        return Next(f"Lower {name} to {lower:g}.", {"loss_parameters": moved}, "code"), why
    to = min(weight, 1.0)
    change = {
        "loss": spec.loss.replace(term, f"{name} * {RISING} * {rest}"),
        "loss_parameters": {**spec.loss_parameters, name: to},
    }
    words = (
        f"Let {name} rise from 0 to {to:g} over the first half of the run: "
        f"{name} * {RISING}, with {name} = {to:g}."
    )
    return Next(words, change, "code"), why


def _used(
    spec: AutoencoderSpec,
    seen: Mapping[str, np.ndarray],
    evidence: tuple[tuple[str, str], ...],
    stopped: bool,
) -> Verdict:
    count, plain = round(float(seen["active"][-1])), spec.kind == "plain"
    which = "Every dimension" if count == spec.latent else f"{count} of {spec.latent} dimensions"
    verb = "is" if count in (1, spec.latent) else "are"
    now = seen["reconstruction" if plain else "elbo"]
    said = (
        f"the reconstruction costs {now[-1]:.4g} nats"
        if plain
        else f"the negative ELBO is {now[-1]:.4g} nats, {seen['divergence'][-1]:.3g} of the code"
    )
    span = max(SINCE, len(now) // 3)
    more = min(200, 2 * spec.epochs)
    if not stopped and more > spec.epochs and now[-span] - now[-1] > FALLS * abs(now[-1]):
        step = Next(f"It still falls: train for {more} epochs.", {"epochs": more}, "elbo")
    else:
        step = Next("Drag the ring through the plane, and walk from one image to another.")
    return Verdict(
        "fitting",
        f"{which} of the code {verb} used; on the validation images {said}.",
        evidence,
        step.words,
        change=step.change,
        respect=step.respect,
    )
