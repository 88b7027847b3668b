"""An .npz of images and labels: NumPy's own format, of numbers and text alone, never pickled."""

import io
import re
from collections.abc import Mapping

import numpy as np

from playground.errors import IntakeError
from playground.intake import labels, pixels
from playground.intake.archive import Archive
from playground.intake.found import TEST, TRAIN, Found, Part
from playground.intake.limits import Limits

# What people call the arrays, without _ and in lower case: of each part the images, the labels.
_NAMES = {
    TRAIN: (
        ("x", "xtrain", "trainx", "images", "trainimages", "data", "traindata"),
        ("y", "ytrain", "trainy", "labels", "trainlabels", "target", "targets"),
    ),
    TEST: (
        ("xtest", "testx", "testimages", "testdata"),
        ("ytest", "testy", "testlabels", "testtarget", "testtargets"),
    ),
}
_CLASSES = ("classnames", "classes", "names", "labelnames")
_EXPECTED = "Save it as np.savez(file, x=images, y=labels), and x_test, y_test if there are any."


def read(archive: Archive, limits: Limits, side: int) -> Found:
    """The arrays of an .npz as images and labels. Raises IntakeError."""
    members = {name.removesuffix(".npy"): name for name in archive.names if name.endswith(".npy")}
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in members}
    images: dict[str, tuple[str, np.ndarray]] = {}
    given: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for part, (of_images, of_labels) in _NAMES.items():
        x, y = (
            next((plain[n] for n in names if n in plain), None) for names in (of_images, of_labels)
        )
        if x is None and y is None and part == TEST:
            continue
        if x is None or y is None:
            there = ", ".join(labels.shown(name) for name in members) or "nothing"
            missing = {TRAIN: "x and y", TEST: "both x_test and y_test"}[part]
            raise IntakeError(f"The file has {there}; {missing} are needed.", _EXPECTED)
        values = _shaped(_array(archive, members[x], x), x, limits, notes)
        images[part] = x, values
        given[part] = _labels(_array(archive, members[y], y), y, notes)
        if len(values) != len(given[part]):
            raise IntakeError(
                f"{x} has {len(values):,} images, {y} {len(given[part]):,} labels.",
                "Save one label for each image, in the same order.",
            )
    names = next((plain[name] for name in _CLASSES if name in plain), None)
    called = _array(archive, members[names], names) if names is not None else None
    return _found(images, given, called, limits, side, notes)


def _found(
    images: Mapping[str, tuple[str, np.ndarray]],
    given: Mapping[str, np.ndarray],
    called: np.ndarray | None,
    limits: Limits,
    side: int,
    notes: list[str],
) -> Found:
    shapes = {values.shape[1:] for _, values in images.values()}
    if len(shapes) > 1:
        said = " and ".join("×".join(map(str, shape)) for shape in sorted(shapes))
        raise IntakeError(
            f"The images to train on and the test images differ in size: {said}.",
            "Save both in one size.",
        )
    numbers, names = labels.numbered(given, limits.classes)
    names = _named(names, called, notes)
    scaled, said = pixels.as_bytes(
        [values for _, values in images.values()], [name for name, _ in images.values()]
    )
    notes += [said] if said else []
    parts = {}
    for part, values in zip(images, scaled, strict=True):
        squares, resized = pixels.to_square(values, limits, side)
        notes += [each for each in resized if each not in notes]
        parts[part] = Part(squares, numbers[part])
    return Found(parts, names, notes)


def _array(archive: Archive, member: str, name: str) -> np.ndarray:
    content = archive.read(member)
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except MemoryError as error:
        raise IntakeError(f"{name} is too large.", "Bring fewer images.") from error
    except (ValueError, EOFError, OSError, TypeError, SyntaxError, KeyError) as error:
        if "allow_pickle" in str(error) or "pickle" in str(error):
            raise IntakeError(
                f"{name} holds Python objects, which are never opened.",
                "Save it as an array of numbers: np.asarray(values, 'uint8').",
            ) from error
        raise IntakeError(
            f"{name} is damaged, or no array of NumPy's.", "Save the file anew with np.savez."
        ) from error
    if not isinstance(found, np.ndarray):
        raise IntakeError(f"{name} is no array.", _EXPECTED)
    return found


def _shaped(values: np.ndarray, name: str, limits: Limits, notes: list[str]) -> np.ndarray:
    """Images as (N, H, W, 1 or 3), in whatever type they are."""
    shape = "×".join(map(str, values.shape)) or "no"
    if (
        values.ndim == 2
        and values.shape[1]
        and (side := round(values.shape[1] ** 0.5)) ** 2 == (values.shape[1])
    ):
        values = values.reshape(-1, side, side)
    if values.ndim == 3:
        values = values[..., np.newaxis]
    elif values.ndim == 4 and values.shape[1] in (1, 3) and values.shape[-1] not in (1, 3, 4):
        values = values.transpose(0, 2, 3, 1)
        notes.append(f"{name} had its channels first; they are last now.")
    if values.ndim == 4 and values.shape[-1] == 4:
        values = _on_white(values, name, notes)
    if values.ndim != 4 or values.shape[-1] not in (1, 3):
        raise IntakeError(
            f"{name} has {shape} numbers: these are no images.",
            "Save (N, H, W), (N, H, W, 1) or (N, H, W, 3), or rows of as many pixels as a square "
            "has.",
        )
    if len(values) > limits.images:
        raise IntakeError(
            f"{name} has {len(values):,} images, more than {limits.images:,}.", "Bring fewer."
        )
    if not len(values):
        raise IntakeError(f"{name} has no images.", "Bring some.")
    pixels.check_side(*values.shape[1:3])
    return values


def _on_white(values: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """uint8 images with a fourth channel as three, on white where they are see-through."""
    if values.dtype != np.uint8:
        raise IntakeError(
            f"{name} has four channels of {values.dtype}.",
            "Save it as uint8, or without the fourth.",
        )
    notes.append("The fourth channel was taken for transparency, and the images put on white.")
    share = values[..., 3:].astype(np.float32) / 255
    mixed = values[..., :3] * share + 255 * (1 - share)
    return np.rint(mixed).astype(np.uint8)


def _labels(values: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """Class numbers or names (N,), out of those or of one-hot rows."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "biuf" and values.shape[1] > 1:
        if not ((values == 0) | (values == 1)).all() or not (values.sum(axis=1) == 1).all():
            raise IntakeError(
                f"{name} has {values.shape[1]:,} numbers a row that are not one-hot.",
                "Save a class number for each image.",
            )
        notes.append(f"{name} was one-hot; the place of the 1 is the class.")
        values = values.argmax(axis=1)
    if values.ndim != 1 or values.dtype.kind not in "biufU":
        raise IntakeError(
            f"{name} is no list of labels: {values.dtype}, {'×'.join(map(str, values.shape))}.",
            "Save a class number or a name for each image.",
        )
    if values.dtype.kind == "f":
        fault = np.flatnonzero(~np.isfinite(values) | (values != np.rint(values)))
        if len(fault):
            raise IntakeError(
                f"{name} has {values[fault[0]]:g} at {fault[0]:,}, which is no class number.",
                "Save whole numbers, or names.",
            )
        values = values.astype(np.int64)
    return values.astype(np.int64) if values.dtype.kind == "b" else values


def _named(names: list[str], called: np.ndarray | None, notes: list[str]) -> list[str]:
    """The classes as the file names them, where it does and labels are their places."""
    if called is None or called.dtype.kind != "U" or called.ndim != 1:
        return names
    if not all(re.fullmatch(r"\d+", name) and int(name) < len(called) for name in names):
        notes.append("The names of the classes do not fit the labels and were left out.")
        return names
    return labels.distinct([str(called[int(name)]) for name in names])
