"""What to do next, for each cause: a step in words, the settings that it changes, and in which
respect the changed run is better. `tests/benchmarks/verdicts.py obey` trains what is said here."""

import math
from collections.abc import Mapping
from typing import Any

from playground.spec import DEFAULT_LOSS, DEFAULT_TASK, fields, knobs
from playground.verdicts.words import Next

# A learning rate with which these networks learn, by optimiser.
RATES = {"sgd": 0.05, "momentum": 0.01, "adagrad": 0.01, "lion": 3e-4}
USUAL = 3e-3  # of Adam and its kin
NEAR = 10.0  # a rate beyond so many times that, up or down, is the first to be blamed
SCALED = ("sgd", "momentum")  # whose steps are as long as the gradient; the others even that out
PLAIN = {"loss": DEFAULT_LOSS, "loss_parameters": {}}
BATCH = 32
LIMITS = (1e-6, 10.0)  # of a learning rate

Spec = Mapping[str, Any]


def sane(spec: Spec) -> float:
    """The usual rate of the run's optimiser."""
    return RATES.get(str(spec.get("optimizer", "")), USUAL)


def is_small(spec: Spec) -> bool:
    """Whether the rate is far below the usual."""
    return bool(spec) and float(spec.get("learning_rate", USUAL)) <= sane(spec) / NEAR


def is_large(spec: Spec) -> bool:
    """Whether the rate is far above the usual."""
    return bool(spec) and float(spec.get("learning_rate", USUAL)) >= sane(spec) * NEAR


def slower(spec: Spec, respect: str = "validation accuracy") -> Next:
    """A tenth of the learning rate, or the usual one where that is less."""
    rate = spec.get("learning_rate")
    if not rate:
        return Next("Lower the learning rate.")
    to, usual = rate / 10, sane(spec)
    if to > usual and spec.get("optimizer"):
        return _at(usual, f"Lower the learning rate to {usual:g}, the usual one here.", respect)
    return _at(to, f"Divide the learning rate by 10, to {to:g}.", respect)


def faster(spec: Spec, respect: str = "training accuracy") -> Next:
    """The usual learning rate, or ten times the run's where that is more."""
    to = max(sane(spec), 10 * float(spec.get("learning_rate", USUAL)))
    return _at(to, f"Raise the learning rate to {to:g}.", respect)


def stronger(spec: Spec, strength: float) -> Next:
    """A learning rate that makes up for a loss so many times weaker than cross-entropy."""
    to = float(f"{min(LIMITS[1], float(spec['learning_rate']) / strength):.1g}")
    words = f"Multiply the learning rate by about {1 / strength:.2g}, to {to:g}, or the loss."
    return _at(to, words, "validation accuracy")


def _at(rate: float, words: str, respect: str) -> Next:
    kept = float(f"{min(LIMITS[1], max(LIMITS[0], rate)):.6g}")
    return Next(words, {"learning_rate": kept}, respect)


def plain(words: str) -> Next:
    """Cross-entropy with the same settings."""
    return Next(words, PLAIN, "validation accuracy")


def beside() -> Next:
    """What only finds out."""
    return Next(
        "To find out which it is, train cross-entropy with the same settings beside it: where that "
        "learns, this loss is what keeps it from learning."
    )


def negated(spec: Spec) -> Next:
    """The loss with the minus that is missing; a text of several lines is mended by hand."""
    text = str(spec.get("loss", "")).strip()
    change = {} if not text or "\n" in text else {"loss": _with_sign(text)}
    return Next("Negate the loss: put a minus before it.", change, "validation accuracy")


def _with_sign(text: str) -> str:
    called = f"{text}()" if text.isidentifier() else text
    return f"-({called})"


def with_cross_entropy(spec: Spec, fix: str) -> Next:
    """The loss with a term that trains the last layer, at a rate that this term bears."""
    change: dict[str, Any] = {"loss": fix} if fix else {}
    words = "Add cross_entropy() to the loss, which trains the last layer, too."
    if is_large(spec):
        change |= {"learning_rate": sane(spec)} if change else {}
        words += f" Lower the learning rate to {sane(spec):g}, the usual one here."
    return Next(words, change, "validation accuracy")


def weaker(
    spec: Spec, term: str, times: float, parameter: str, written: Mapping[str, float]
) -> Next:
    """A term, or the parameter that weighs it, made so many times smaller; `written` are the
    parameters' values when the run started."""
    share = 10.0 ** -math.ceil(math.log10(max(10.0, times)))
    moved = dict(spec.get("loss_parameters", {}))
    if parameter:
        words = f"Make {parameter} {1 / share:,.0f} times smaller."
        value = moved.get(parameter, written[parameter]) * share
        given = {"loss_parameters": {**moved, parameter: float(f"{value:.6g}")}}
        return Next(words, given, "validation accuracy")
    text, change = str(spec.get("loss", "")), {}
    if text.count(term) == 1:
        change = {"loss": text.replace(term, f"{share:g} * {term}")}
    return Next(f"Weigh {term} less: {share:g} times what it is.", change, "validation accuracy")


def less_decay(spec: Spec) -> Next:
    """A usual L2."""
    return Next("Lower L2 to 0.0001.", {"l2": 1e-4}, "validation accuracy")


def another_activation() -> Next:
    """An activation that lets gradients through."""
    return Next("Take ReLU as the activation.", {"activation": "relu"}, "validation accuracy")


def leaky() -> Next:
    """An activation that cannot die."""
    return Next(
        "Take Leaky ReLU as the activation, which cannot die.", {"activation": "leaky_relu"},
        "validation accuracy",
    )  # fmt: skip


def normalised(spec: Spec) -> Next:
    """Pixels as they are in the run's task where nothing else is chosen."""
    task = str(spec.get("task", DEFAULT_TASK))
    usual, known = fields(task)["normalise"].default, knobs(task)["normalise"].choices or {}
    words = f"{known[usual][:1].lower()}{known[usual][1:]}"
    return Next(f"Normalise the pixels (Data, {words}).", {"normalise": usual},
                "validation accuracy")  # fmt: skip


def larger_batches() -> Next:
    """Batches whose mean and spread mean something."""
    return Next(f"Raise the batch size to {BATCH}, or leave batch norm out.",
                {"batch_size": BATCH}, "validation accuracy")  # fmt: skip


def balanced() -> Next:
    """Rare classes count as much as common ones."""
    return Next("Weigh the classes (Data, class weights: balanced).",
                {"class_weights": "balanced"}, "classes answered")  # fmt: skip


def larger(spec: Spec) -> tuple[Next, str]:
    """More capacity for a network that cannot learn its own images, and the cause that it mends."""
    width, embedding = spec.get("width"), spec.get("embedding")
    respect = "training accuracy"
    if spec.get("dropout", 0) >= 0.3:
        return Next("Weaken the regularisation: dropout holds it back.",
                    {"dropout": 0.0}, respect), "regularised"  # fmt: skip
    if spec.get("l2", 0) >= 1e-3:
        return Next("Weaken the regularisation: L2 holds it back.",
                    {"l2": 1e-5}, respect), "regularised"  # fmt: skip
    if not width:
        return Next("Enlarge the network.", {}, respect), "small net"
    change = {"width": min(64, 2 * width)}
    words = f"Enlarge the network: width {change['width']}, say."
    if embedding is not None and embedding < 16:
        change["embedding"] = 16
        words = f"Enlarge the network: width {change['width']}, embedding size 16, say."
    return Next(words, change, respect), "small net"


def longer(spec: Spec) -> Next:
    """More epochs."""
    epochs = spec.get("epochs")
    change = {"epochs": min(200, 3 * epochs)} if epochs else {}
    return Next("Train for more epochs before you change the network.", change, "training accuracy")


def tamer(spec: Spec, epoch: int) -> Next:
    """Against overfitting since an epoch."""
    if not spec.get("patience"):
        words = f"Stop early: patience 5 would have kept the weights of about epoch {epoch}."
        return Next(words, {"patience": 5}, "validation NLL")
    if not spec.get("dropout"):
        return Next("Add dropout 0.3.", {"dropout": 0.3}, "gap")
    return Next("Train on more images, or shrink the network.", {}, "gap")


def more_images(images: int, spec: Spec) -> Next:
    """Against a gap of too few images: the setting that helps at once is twice as many of them."""
    change = {"train_images": 2 * spec["train_images"]} if spec.get("train_images") else {}
    words = f"Train on more images than {images:,}, augment them, or shrink the network."
    return Next(words, change, "gap")


def less_by_heart(spec: Spec) -> Next:
    """Against noise that is memorised."""
    patience = spec.get("patience", 0)
    words = "Lower the patience" if patience else "Stop early (patience 5)"
    return Next(
        f"{words}, shrink the network, or take a loss that bears noise, such as generalised "
        "cross-entropy.",
        {"patience": max(1, patience // 2) if patience else 5},
        "wrong labels learned",
    )
