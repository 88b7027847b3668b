"""A network as a picture shows it: its layers in stages, one for each that has weights or changes
the size; what only acts in place (norm, activation, dropout) is a word of the stage before it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.layers import ACTIVATIONS, Plan, Planned
from playground.spec import knobs

IN_PLACE = {
    "Normalization": "normalised",
    "BatchNormalization": "batch norm",
    "PReLU": "PReLU",
    "Flatten": "",
    "Softmax": "softmax",
}
WORDS = {
    "Conv2D": "convolution",
    "Conv2DTranspose": "transposed convolution",
    "MaxPooling2D": "max pooling",
    "GlobalAveragePooling2D": "mean of each map",
    "UpSampling2D": "enlarged",
    "AnchorBoxes": "boxes of anchors",
    "Folded": "box by box",
    "RoiAlign": "RoI align",
    "Unfolded": "all boxes",
}


@dataclass(frozen=True)
class Stage:
    """`name` for people, `words` on what it does, the `shape` of its output without the batch, its
    trainable `weights`, those of what acts in place on it included, and their `share` of all;
    `inputs`, the stages it takes where that is not the one before."""

    name: str
    words: tuple[str, ...]
    shape: tuple[int, ...]
    weights: int = 0
    share: float = 0.0
    inputs: tuple[str, ...] = ()


def stages(plan: Plan) -> list[Stage]:
    """The stages of a network in order, its inputs first."""
    found: list[dict[str, Any]] = [
        {"name": _spoken(name), "words": [], "shape": shape, "weights": 0, "inputs": ()}
        for name, shape in plan.inputs.items()
    ]
    of = {name: number for number, name in enumerate(plan.inputs)}  # layer -> the stage it is in
    for layer in plan:
        taken = [of[name] for name in layer.inputs]
        if _in_place(layer) and len(taken) == 1 and taken[0] == len(found) - 1:
            stage = found[-1]
            stage["words"].append(_word(layer))
            stage["weights"] += layer.parameters
        else:
            names = (
                () if taken == [len(found) - 1] else tuple(found[each]["name"] for each in taken)
            )
            words = [_word(layer), _activation(layer.layer.options.get("activation"))]
            if layer.layer.of:
                words.append(f"the weights of {_spoken(layer.layer.of)}")
            found.append(
                {"name": _spoken(layer.name), "words": words, "shape": layer.shape,
                 "weights": layer.parameters, "inputs": names}
            )  # fmt: skip
        of[layer.name] = len(found) - 1
    total = max(plan.parameters, 1)
    return [
        Stage(
            **{**stage, "words": tuple(filter(None, stage["words"]))},
            share=stage["weights"] / total,
        )
        for stage in found
    ]


def _in_place(layer: Planned) -> bool:
    return layer.kind in IN_PLACE or layer.kind in (*ACTIVATIONS, "Dropout")


def _word(layer: Planned) -> str:
    """What a layer does, with the sizes that its output does not tell."""
    options: Mapping[str, Any] = layer.layer.options
    if layer.kind == "Activation":
        return _activation(options["activation"])
    if layer.kind == "Dropout":
        return f"dropout {options['rate']:g}"
    if layer.kind in IN_PLACE:
        return IN_PLACE[layer.kind]
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", layer.kind).lower()
    side = options.get("kernel_size") or options.get("pool_size") or options.get("size")
    word = WORDS.get(layer.kind, split)
    return f"{word} {side} × {side}" if side else word


def _activation(name: str | None) -> str:
    choices = knobs()["activation"].choices or {}
    return choices.get(name or "", name or "").split(",")[0]


def _spoken(name: str) -> str:
    return name.replace("_", " ")
