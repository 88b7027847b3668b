"""Images of any size, kind and range as one array: square, of one side, 0 to 255."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from playground.errors import IntakeError
from playground.intake.limits import LEAST_SIDE, Limits

SIXTEEN_BITS = 65_535
# By the range that the values lie in: what is said, and how it becomes 0 to 255.
_SCALES: dict[tuple[float, float], tuple[str, Callable[[Any], Any]]] = {
    (0.0, 1.0): ("The pixels, 0 to 1, were multiplied by 255.", lambda x: x * 255),
    (0.0, 255.0): ("", lambda x: x),
    (-1.0, 1.0): ("The pixels, -1 to 1, were brought to 0 to 255.", lambda x: (x + 1) * 127.5),
    (0.0, 65_535.0): ("The pixels, 16 bits each, were brought to 8 bits.", lambda x: x / 257),
}


def as_bytes(values: Sequence[np.ndarray], what: Sequence[str]) -> tuple[list[np.ndarray], str]:
    """Arrays of pixels of one kind, whose first axis counts images, as uint8, and what was done to
    them in a sentence ("" for nothing). All are of one scale, that of the widest. `what` are their
    names in errors. Raises IntakeError for values that are no pixels, at their place."""
    if all(each.dtype == np.uint8 for each in values):
        return list(values), ""
    if any(each.dtype == bool for each in values):
        return [each.astype(np.uint8) * 255 for each in values], "True became white, false black."
    for each, name in zip(values, what, strict=True):
        if each.dtype.kind not in "iuf":
            raise IntakeError(f"{name} holds {each.dtype}, not numbers.", "Save numbers 0 to 255.")
        if each.dtype.kind == "f":
            _check_finite(each, name)
    low = min(float(each.min()) for each in values)
    high = max(float(each.max()) for each in values)
    whole = all(each.dtype.kind in "iu" for each in values)
    for (least, most), (said, scaled) in _SCALES.items():
        if whole and most == 1.0:
            continue  # whole numbers 0 and 1 are dark pixels, or -1 no pixel at all
        if least <= low and high <= most:
            return [np.rint(scaled(each)).astype(np.uint8) for each in values], said
    raise IntakeError(
        f"{what[0]} has values from {low:g} to {high:g}: these are no pixels.",
        "Save pixels of 0 to 255, of 0 to 1, of -1 to 1, or 16-bit ones.",
    )


def _check_finite(values: np.ndarray, name: str) -> None:
    fault = np.argwhere(~np.isfinite(values))
    if len(fault):
        image, *place = (int(each) for each in fault[0])
        at = f" at {tuple(place)}" if place else ""
        kind = "NaN" if np.isnan(values[tuple(fault[0])]) else "infinity"
        more = f", {len(fault):,} in all" if len(fault) > 1 else ""
        raise IntakeError(
            f"{name} has {kind} in image {image:,}{at}{more}.", "Mend it and bring it again."
        )


def to_square(images: np.ndarray, limits: Limits, side: int) -> tuple[np.ndarray, list[str]]:
    """uint8 (N, H, W, C) as squares of `side` (0: as they are, at most `limits.side`)."""
    height, width = images.shape[1:3]
    check_side(height, width)
    wanted = min(side or max(height, width), limits.side)
    if height == width == wanted:
        return images, []
    squares = np.stack([resized(each, wanted) for each in images])
    return squares, [how_resized(f"{height}×{width}", wanted, height != width)]


def check_side(height: int, width: int) -> None:
    """Raises IntakeError for an image on which there is nothing to see."""
    if min(height, width) < LEAST_SIDE:
        raise IntakeError(
            f"The images have {height}×{width} pixels: at least {LEAST_SIDE}×{LEAST_SIDE} are "
            "needed.",
            "Bring larger ones.",
        )


def how_resized(before: str, side: int, padded: bool) -> str:
    """What to say of images that were made `side` pixels wide and high."""
    filled = ", with black beside what is not square" if padded else ""
    return f"The images, {before}, were resized to {side}×{side}{filled}."


def resized(image: np.ndarray, side: int) -> np.ndarray:
    """uint8 (H, W, C) whole within a square of `side`, on black: uint8 (side, side, C)."""
    if image.shape[:2] == (side, side):
        return image
    plain = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    fitted = ImageOps.pad(plain, (side, side), Image.Resampling.LANCZOS)
    return np.asarray(fitted).reshape(side, side, image.shape[-1])


def together(
    images: Sequence[np.ndarray], limits: Limits, side: int, sizes: Mapping[tuple[int, int], int]
) -> tuple[np.ndarray, list[str]]:
    """Images uint8 (H, W, 1 or 3) of any sizes as one array (N, side, side, C): in colour if one of
    them is, of the side that most have. `sizes` counts their heights and widths in the files."""
    notes = []
    most = max(sizes, key=lambda size: sizes[size])
    wanted = min(side or max(most), limits.side)
    if set(sizes) != {(wanted, wanted)}:
        padded = any(height != width for height, width in sizes)
        said = f"{most[0]}×{most[1]}" if len(sizes) == 1 else f"of {len(sizes):,} sizes"
        notes.append(how_resized(said, wanted, padded))
    channels = max(each.shape[-1] for each in images)
    grey = sum(each.shape[-1] == 1 for each in images)
    if channels == 3 and grey:
        notes.append(f"Grey images among coloured ones became coloured, too: {grey:,}.")
    found = np.empty((len(images), wanted, wanted, channels), np.uint8)
    for number, each in enumerate(images):
        found[number] = resized(each, wanted)
    return found, notes
