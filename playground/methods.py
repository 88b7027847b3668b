"""The named methods of learning classes in phases: what each changes in a run's settings, and what
the runs of several say beside one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.spec import RunSpec
from playground.tasks.incremental import OBJECTIVE

PLAIN = "cross_entropy()"
# λ as it kept the most over all classes on split MNIST, of decades that were tried.
EWC = """\
lam = 1000.0  # 0..10000    how much what was learned before is kept
cross_entropy() + lam / 2 * weight_drift"""
SI = """\
c = 1.0  # 0..10    how much what was learned before is kept
cross_entropy() + c * weight_drift"""


@dataclass(frozen=True)
class Method:
    """A method: its title, what it does and its source, and the settings that make it."""

    title: str
    about: str
    changes: Mapping[str, Any]


# A table: rows are alike in shape, since each says just what its method differs in.
METHODS: dict[str, Method] = {
    "fine-tuning": Method(
        "Fine-tuning",
        "Cross-entropy on the new classes alone: nothing keeps the old ones.",
        {"loss": PLAIN, "kept": "none", "correction": "none"},
    ),
    "lwf": Method(
        "LwF",
        "Distillation alone: on new images the old outputs are to stay as they were "
        "(Li & Hoiem, Learning without Forgetting, ECCV 2016).",
        {"loss": OBJECTIVE, "kept": "none", "correction": "none"},
    ),
    "ewc": Method(
        "EWC",
        "Weights that mattered to earlier phases, by their Fisher information, are to stay "
        "(Kirkpatrick et al., PNAS 2017; as one penalty, Schwarz et al., ICML 2018).",
        {"loss": EWC, "kept": "none", "correction": "none", "importance": "fisher"},
    ),
    "si": Method(
        "Synaptic intelligence",
        "The same, by what moving each weight took off the loss (Zenke et al., ICML 2017).",
        {"loss": SI, "kept": "none", "correction": "none", "importance": "path"},
    ),
    "exemplars": Method(
        "Exemplars",
        "Some images of each old class are mixed into every batch.",
        {"loss": PLAIN, "kept": "exemplars", "correction": "none"},
    ),
    "end-to-end": Method(
        "Exemplars + distillation",
        "Both (Castro et al., End-to-End Incremental Learning, ECCV 2018, without its balanced "
        "fine-tuning).",
        {"loss": OBJECTIVE, "kept": "exemplars", "correction": "none"},
    ),
    "icarl": Method(
        "iCaRL",
        "Both, with exemplars by herding; answers are the class whose exemplars' mean embedding is "
        "nearest (Rebuffi et al., CVPR 2017).",
        {
            "loss": OBJECTIVE,
            "kept": "exemplars",
            "selection": "herding",
            "correction": "nearest_mean",
        },
    ),
    "bic": Method(
        "Bias correction",
        "Both, with two numbers for the new classes' logits (Wu et al., CVPR 2019; fitted on the "
        "exemplars and as many new images, not on images kept apart).",
        {"loss": OBJECTIVE, "kept": "exemplars", "correction": "bias"},
    ),
    "aligning": Method(
        "Weight aligning",
        "Both, with the new classes' weights scaled to the old ones' length (Zhao et al., "
        "CVPR 2020).",
        {"loss": OBJECTIVE, "kept": "exemplars", "correction": "aligning"},
    ),
    "joint": Method(
        "Joint",
        "Every image of every class so far: the ceiling.",
        {"loss": PLAIN, "kept": "all", "correction": "none"},
    ),
}


def spec(name: str, base: RunSpec) -> RunSpec:
    """A run by a method with the other settings of `base`, a spec of Incremental: the same seed,
    first weights and phases. Raises SpecError."""
    changes = {**METHODS[name].changes, "loss_parameters": {}}
    return RunSpec.parse({**base.model_dump(), **changes})


def of(run: RunSpec) -> str:
    """By which method a run is trained, its key; "" for none of these. What a run changes beyond
    (another text, other sliders) makes it none."""
    for name, method in METHODS.items():
        same = all(getattr(run, field, None) == value for field, value in method.changes.items())
        if same and not run.loss_parameters:
            return name
    return ""


def lesson(found: Mapping[str, float]) -> list[str]:
    """What the accuracies of all classes, 0 to 1, by the keys of methods, say: sentences with
    these numbers. Nothing is said of a method that is not there."""

    def said(name: str) -> str:
        return f"{METHODS[name].title} has {found[name]:.1%}"

    sentences = []
    if "fine-tuning" in found:
        sentences.append(f"{said('fine-tuning')} of all classes right.")
    if {"lwf", "exemplars"} <= set(found):
        gain = found["exemplars"] - found["lwf"]
        sentences.append(
            f"{said('lwf')}, exemplars {found['exemplars']:.1%}: "
            + (
                "distillation alone does not rescue the old classes, a few kept images do."
                if gain > WIDE
                else "here distillation alone keeps about as much as exemplars do, or more."
            )
        )
    beside = _best(found, ("icarl", "bic", "aligning", "end-to-end"))
    if "exemplars" in found and beside:
        change = 100 * (found[beside] - found["exemplars"])
        sentences.append(
            f"The best with both is {METHODS[beside].title} with {found[beside]:.1%}, "
            f"{abs(change):.1f} points {'above' if change >= 0 else 'below'} exemplars alone."
        )
    if "joint" in found:
        sentences.append(f"{said('joint')}, from all images together.")
    return sentences


WIDE = 0.1  # a gap of accuracies from which one is plainly better


def _best(found: Mapping[str, float], names: Sequence[str]) -> str:
    return max((name for name in names if name in found), key=lambda name: found[name], default="")
