"""What a metric may hold: it is evaluated on all images at once, not on one batch after another."""

from __future__ import annotations

from losses.catalog import EVERY

from .errors import LossError
from .graph import BATCHES, WIDTHS, Node, letter

EVALUATED = 30_000  # images that one evaluation looks at, at most
FEATURES = 128  # features of an image, about
HELD = 100_000_000  # numbers in all steps of a metric together, 400 MB


def refuse_large(order: list[Node]) -> None:
    """Raises `LossError` where EVALUATED images would need more than HELD numbers: pairs do."""
    sizes = [_size(node) for node in order]
    if sum(sizes) > HELD:
        largest = sizes.index(max(sizes))
        raise LossError(
            f"this needs {sizes[largest]:,} numbers: up to {EVALUATED:,} images are evaluated "
            "at once",
            order[largest].span,
            hint="a metric cannot compare every image with every other",
        )


def _size(node: Node) -> int:
    """Numbers that a node holds for EVALUATED images, from its sizes at two small batches."""
    if node.op == "named" and EVERY[node.attrs["name"]].pairs:
        return EVALUATED**2
    total = 1
    for one, two in zip(*node.shapes, strict=True):
        if one == two:
            total *= one
        elif (one, two) == WIDTHS:
            total *= FEATURES
        elif letter(one, two) == "?":  # a size of a task's own, which does not grow with the images
            total *= two
        else:
            per_image = (two - one) / (BATCHES[1] - BATCHES[0])
            total *= max(1, round(one + per_image * (EVALUATED - BATCHES[0])))
    return total
