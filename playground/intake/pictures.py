"""Pictures in folders of their classes: decoded by Pillow, one at a time, small."""

import io
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from playground.errors import IntakeError
from playground.intake import labels, pixels
from playground.intake.found import TEST, TRAIN, Found, Part
from playground.intake.limits import LEAST_SIDE, Limits

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
_PARTS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("test", "testing"), TEST),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
}
_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N", "I")
NAMED = 3  # of the pictures that were left out, so many are named
# Reading and progress: what was done of how many.
OnImages = Callable[[int, int], None]


@dataclass
class _Seen:
    """What the pictures were that were decoded, for notes."""

    images: dict[str, list[np.ndarray]] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)  # in the files
    damaged: list[str] = field(default_factory=list)
    bytes: int = 0

    def move(self, part: str, to: str) -> None:
        """Lets the pictures of a part be of another."""
        self.images.setdefault(to, []).extend(self.images.pop(part))
        self.classes.setdefault(to, []).extend(self.classes.pop(part))


def is_picture(name: str) -> bool:
    """Whether a file is called as pictures are."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def read(
    names: Iterable[str],
    content: Callable[[str], bytes],
    limits: Limits,
    side: int,
    on_images: OnImages,
) -> Found:
    """The pictures among files by their names ("train/cat/1.png": the last folder is the class;
    "train" and "test" above it are parts). Raises IntakeError."""
    wanted = [name for name in names if is_picture(name)]
    _check_names(wanted, limits)
    seen = _Seen()
    for number, name in enumerate(wanted):
        on_images(number, len(wanted))
        _take(name, content, limits, side, seen)
    if not seen.images:
        raise IntakeError(
            f"None of the {len(wanted):,} pictures can be read: {_some(seen.damaged)}.",
            "Bring PNG, JPEG, WebP, BMP or GIF files.",
        )
    return _found(seen, limits, side)


def _check_names(names: list[str], limits: Limits) -> None:
    if not names:
        raise IntakeError(
            "There is no picture in it.",
            "Put PNG, JPEG, WebP, BMP or GIF files into a folder for each class.",
        )
    if len(names) > limits.images:
        raise IntakeError(
            f"There are {len(names):,} pictures, more than {limits.images:,}.", "Bring fewer."
        )
    loose = [name for name in names if _place(name)[1] is None]
    if loose:
        which = f"{len(loose):,} pictures, such as {_some(loose[:1])}, are"
        raise IntakeError(
            f"{f'{_some(loose)} is' if len(loose) == 1 else which} in no folder of a class.",
            "Put each picture into a folder with its class' name: cat/1.png, dog/2.png.",
        )
    classes = {_place(name)[1] for name in names}
    labels.check_count(len(classes), limits.classes, str(next(iter(classes))))


def _place(name: str) -> tuple[str, str | None]:
    """The part of a picture, and its class; None for one that lies in no folder of a class."""
    folders = PurePosixPath(name).parts[:-1]
    part = next((_PARTS[each.lower()] for each in folders[:-1] if each.lower() in _PARTS), TRAIN)
    if not folders or (folders[-1].lower() in _PARTS and part == TRAIN and len(folders) < 2):
        return part, None
    return part, folders[-1]


def _take(
    name: str, content: Callable[[str], bytes], limits: Limits, side: int, seen: _Seen
) -> None:
    """Decodes a picture; one that cannot be is remembered as damaged."""
    part, kind = _place(name)
    data = content(name)
    try:
        image, size, said = decoded(data, limits, side)
    except _Unusable as error:
        seen.damaged.append(f"{name[-60:]} ({error})")
        return
    seen.kinds.update(said)
    seen.sizes[size] += 1
    seen.bytes += image.nbytes
    if seen.bytes > limits.unpacked_bytes:
        raise IntakeError(
            f"The images take more than {limits.unpacked_bytes / 2**20:,.0f} MiB.",
            "Bring fewer, or choose a smaller side.",
        )
    seen.images.setdefault(part, []).append(image)
    seen.classes.setdefault(part, []).append(str(kind))


class _Unusable(Exception):
    """Why a picture cannot be used, in a few words."""


def decoded(
    content: bytes, limits: Limits, side: int
) -> tuple[np.ndarray, tuple[int, int], list[str]]:
    """A picture as uint8 (H, W, 1 or 3), at most `limits.side` pixels a side, grey where all its
    pixels are; how high and wide it was; and what: "16-bit", "see-through", "moving"."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > limits.megapixels * 1e6:
                raise _Unusable(f"{width:,}×{height:,} pixels, too many")
            if min(width, height) < LEAST_SIDE:
                raise _Unusable(f"{width}×{height} pixels, too few")
            said = ["moving"] if getattr(image, "n_frames", 1) > 1 else []
            image.seek(0)
            most = min(side or limits.side, limits.side)
            image.draft(None, (2 * most, 2 * most))  # only a JPEG can
            plain = _plain(ImageOps.exif_transpose(image), said)
            turned = (plain.width < plain.height) != (width < height)
            size = (width, height) if turned else (height, width)
            if max(plain.size) > most:
                plain.thumbnail((most, most), Image.Resampling.LANCZOS)
            found = np.asarray(plain)
    except _Unusable:
        raise
    except Exception as error:  # decoders raise whatever they like for a damaged file
        raise _Unusable("damaged, or of another format") from error
    if found.ndim == 3 and (found == found[..., :1]).all():
        found = found[..., 0]
    return found.reshape(*found.shape[:2], -1), size, said


def _plain(image: Image.Image, said: list[str]) -> Image.Image:
    """As L or RGB, on white where it is see-through."""
    if image.mode in _SIXTEEN:
        said.append("16-bit")
        values = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        said.append("see-through")
        solid = image.convert("RGBA")
        white = Image.new("RGBA", solid.size, "white")
        return Image.alpha_composite(white, solid).convert("RGB")
    return image.convert("RGB")


def _found(seen: _Seen, limits: Limits, side: int) -> Found:
    """What was decoded as arrays: of one side and one number of channels in all parts."""
    parts, notes = _joined(seen)
    everything = [image for part in parts for image in seen.images[part]]
    images, said = pixels.together(everything, limits, side, seen.sizes)
    numbers, names = labels.numbered({part: seen.classes[part] for part in parts}, limits.classes)
    found, start = {}, 0
    for part in parts:
        end = start + len(seen.images[part])
        found[part] = Part(images[start:end], numbers[part])
        start = end
    return Found(found, names, [*notes, *said, *_notes(seen)])


def _joined(seen: _Seen) -> tuple[list[str], list[str]]:
    """The parts by name. Images for validation are test images where there are no others, and else
    are trained on: a run holds some out by itself."""
    notes = []
    if "validation" in seen.images:
        to = TRAIN if TEST in seen.images or TRAIN not in seen.images else TEST
        seen.move("validation", to)
        how = "test images" if to == TEST else "images to train on"
        notes.append(f"The images of the folder for validation are {how}.")
    if TRAIN not in seen.images:
        seen.move(TEST, TRAIN)
    return [part for part in (TRAIN, TEST) if part in seen.images], notes


def _notes(seen: _Seen) -> list[str]:
    """What was done to some of the pictures, or why they were left out."""
    kinds = {
        "16-bit": (
            "picture of 16 bits was brought to 8.",
            "pictures of 16 bits were brought to 8.",
        ),
        "see-through": ("see-through picture was put on white.", "see-through ones are on white."),
        "moving": (
            "picture moves: its first frame is taken.",
            "move: their first frames are taken.",
        ),
    }
    found = [
        labels.counted(seen.kinds[kind], *said) for kind, said in kinds.items() if seen.kinds[kind]
    ]
    if seen.damaged:
        count = labels.counted(len(seen.damaged), "picture", "pictures")
        were = "was" if len(seen.damaged) == 1 else "were"
        found.append(f"{count} could not be read and {were} left out: {_some(seen.damaged)}.")
    return found


def _some(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(map(_printable, names[:NAMED])) + (f" and {more:,} more" if more > 0 else "")


def _printable(text: str) -> str:
    return "".join(mark if mark.isprintable() else "?" for mark in text)
