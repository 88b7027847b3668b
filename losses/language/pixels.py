"""A reconstruction averaged over pixels beside a divergence of the whole code: its weight is then
as many times too large as there are pixels, 784 on MNIST."""

from __future__ import annotations

from collections.abc import Callable

from .build import Builder
from .graph import Node, Program
from .sizes import elements

Fits = Callable[[float], bool]
_LARGE = 16.0  # a factor that is meant to make up for it
_SMALL = 0.02
_AVERAGES = ("mean", "named", "binary_crossentropy")


def review_pixels(program: Program, b: Builder) -> None:
    """Warns of it, unless a factor makes up for it."""
    own = ((n, b.inputs[n]) for n in sorted(b.own_inputs))
    image = next((n for n, each in own if len(each.shape) == 4 and each.learnt), None)
    if image is None or "log_var" not in b.own_inputs:
        return
    above = _parents(program)
    averaged = [n for n in program.order if _averages_pixels(n, image, b)]
    codes = [n for n in program.order if n.op in ("sum", "mean") and _of_code(n, image, b)]
    if not averaged or not codes:
        return
    if any(_factors(n, above, b, lambda f: f >= _LARGE, True) for n in averaged):
        return
    if any(_made_up_inside(n, b) for n in averaged):
        return
    if all(_factors(n, above, b, lambda f: f <= _SMALL, False) for n in codes):
        return
    b.warn(
        "pixel-mean",
        "the reconstruction is a mean over the pixels, and the divergence one of the whole code: "
        "its weight is as many times what it seems as an image has pixels, 784 on MNIST",
        "add the pixels up, sum(..., axis=(1, 2, 3)), or multiply by shape(x)[1] * shape(x)[2] * "
        "shape(x)[3]",
        averaged[0].span,
    )


def _averages_pixels(node: Node, image: str, b: Builder) -> bool:
    """Whether it takes the mean over height and width of something made of the image."""
    if node.op not in _AVERAGES or not node.args or image not in b.inputs_of(node.args[-1]):
        return False
    if node.op == "mean" and node.args[-1].rank == 4 and node.rank < 2:
        return True  # also of fewer places than pixels: windows that fit
    before, batch = node.args[-1].shapes[0], b.sizes.of(b.inputs[image])[0]
    left = max(elements(node.shapes[0]), batch[0])
    return elements(before) / left >= batch[1] * batch[2]


def _of_code(node: Node, image: str, b: Builder) -> bool:
    found = b.inputs_of(node)
    return "log_var" in found and image not in found and node.rank < node.args[0].rank


def _parents(program: Program) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = {}
    for node in program.order:
        for each in node.args:
            found.setdefault(id(each), []).append(node)
    return found


def _factors(node: Node, above: dict[int, list[Node]], b: Builder, fits: Fits, sizes: bool) -> bool:
    """Whether on its way to the loss a node is multiplied by a number that fits, or, with `sizes`,
    by one that is made of the sizes of a tensor."""
    waiting, seen = [node], {id(node)}
    while waiting:
        here = waiting.pop()
        for parent in above.get(id(here), []):
            others = [a for a in parent.args if a is not here]
            if parent.op == "mul" and any(_size(a, b, fits, sizes) for a in others):
                return True
            if parent.op == "div" and parent.args[0] is here:
                return any(_size(a, b, lambda f: fits(1 / max(f, 1e-30)), False) for a in others)
            if id(parent) not in seen:
                seen.add(id(parent))
                waiting.append(parent)
    return False


def _made_up_inside(node: Node, b: Builder) -> bool:
    """Whether what it averages was multiplied by so many before."""
    here = node.args[-1]
    while here.op in ("mul", "neg"):
        wide = [a for a in here.args if a.rank]
        if here.op == "mul" and any(_size(a, b, lambda f: f >= _LARGE, True) for a in here.args):
            return True
        if len(wide) != 1:
            return False
        here = wide[0]
    return False


def _size(node: Node, b: Builder, fits: Fits, sizes: bool) -> bool:
    if node.op == "parameter":
        return fits(abs(float(b.parameters[node.attrs["name"]].value)))
    if node.static is None:
        return False
    one, two = (float(each) for each in node.static)
    return (sizes and one != two) or fits(abs(one))
