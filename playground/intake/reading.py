"""A file or a folder of own data, told by what is in it, not by its name, as images and labels."""

import io
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from playground.errors import IntakeError
from playground.intake import arrays, labels, pictures, tables
from playground.intake.archive import MOST_MEMBERS, Archive
from playground.intake.found import TEST, TRAIN, Found
from playground.intake.limits import Limits
from playground.intake.pictures import OnImages

OF_A_RUN = "data.npz"  # the images in the zip of a run on own data
KINDS = "an .npz, a CSV, or a zip of pictures in a folder for each class"
_OTHERS = {  # how files begin that are none of these: what to say of them, and what to do
    b"\x93NUMPY": ("an .npy, which holds one array", "Save both: np.savez(file, x=x, y=y)."),
    b"\x1f\x8b": ("a gzip archive", "Unpack it, or make a .zip of it."),
    b"7z\xbc\xaf": ("a 7-Zip archive", "Make a .zip of it."),
    b"Rar!": ("a RAR archive", "Make a .zip of it."),
    b"\x89PNG": ("one picture", "Make a .zip of pictures in a folder for each class."),
    b"\xff\xd8\xff": ("one picture", "Make a .zip of pictures in a folder for each class."),
    b"\x89HDF": ("an HDF5 file", "Save its arrays with np.savez."),
    b"PAR1": ("a Parquet file", "Save it as a CSV."),
    b"\x80": ("a pickle, which is never opened", "Save its arrays with np.savez."),
}


def read(path: Path, limits: Limits, side: int, on_images: OnImages) -> Found:
    """What is in a file, or in a folder. Raises IntakeError."""
    if path.is_dir():
        return _folder(path, limits, side, on_images)
    try:
        size = path.stat().st_size
        if size > limits.file_bytes:
            raise IntakeError(
                f"The file has {size / 2**20:,.0f} MiB, more than "
                f"{limits.file_bytes / 2**20:,.0f}.",
                "Bring fewer images, or smaller ones.",
            )
        with path.open("rb") as stream:
            head = stream.read(512)
            stream.seek(0)
            if head.startswith(b"PK"):
                archive = Archive(stream, limits.unpacked_bytes)
                return _noted(_archive(archive, limits, side, on_images), archive)
            _refuse_others(head)
            return tables.read({TRAIN: stream.read()}, limits, side)
    except OSError as error:
        raise IntakeError(f"{path} cannot be read: {error.strerror}.", "Name another.") from error


def _refuse_others(head: bytes) -> None:
    if not head.strip():
        raise IntakeError("The file is empty.", f"Bring {KINDS}.")
    for start, (what, hint) in _OTHERS.items():
        if head.startswith(start):
            raise IntakeError(f"The file is {what}.", hint)
    if b"\0" in head:
        raise IntakeError("The file is of no kind that is read here.", f"Bring {KINDS}.")


def _archive(archive: Archive, limits: Limits, side: int, on_images: OnImages) -> Found:
    """By what is in the zip: arrays, pictures, tables, or another zip that is an .npz."""
    names = archive.names
    if any(name.endswith(".npy") for name in names):
        return arrays.read(archive, limits, side)
    if any(map(pictures.is_picture, names)):
        return pictures.read(names, archive.read, limits, side, on_images)
    of = {
        suffix: [name for name in names if PurePosixPath(name).suffix.lower() == suffix]
        for suffix in (".csv", ".npz")
    }
    arrays_of = [name for name in of[".npz"] if PurePosixPath(name).name == OF_A_RUN]
    data = arrays_of or of[".npz"]
    if of[".csv"] and not arrays_of:
        contents = {part: archive.read(name) for part, name in _parts(of[".csv"]).items()}
        return tables.read(contents, limits, side)
    if len(data) == 1:
        inner = io.BytesIO(archive.read(data[0]))
        return arrays.read(Archive(inner, limits.unpacked_bytes), limits, side)
    there = ", ".join(labels.shown(name) for name in names[:3]) or "nothing"
    raise IntakeError(f"The zip has no images in it, but {there}.", f"Bring {KINDS}.")


def _parts(names: list[str]) -> dict[str, str]:
    """One table to train on, or two of which one says that it is to test on."""
    tests = [name for name in names if "test" in PurePosixPath(name).name.lower()]
    others = [name for name in names if name not in tests]
    if len(names) == 1:
        return {TRAIN: names[0]}
    if len(others) == 1 and len(tests) == 1:
        return {TRAIN: others[0], TEST: tests[0]}
    raise IntakeError(
        f"The zip has {len(names):,} tables.", "Bring one, or two called train.csv and test.csv."
    )


def _noted(found: Found, archive: Archive) -> Found:
    if archive.outside:
        names = labels.counted(len(archive.outside), "name that leads", "names that lead")
        first = labels.shown(archive.outside[0])
        found.notes.append(f"{names} out of the archive, such as {first}, left out.")
    return found


def _folder(path: Path, limits: Limits, side: int, on_images: OnImages) -> Found:
    """The pictures in a folder of this machine; links in it are not followed."""
    names = []
    for folder, _, files in os.walk(path):
        for name in sorted(files):
            file = Path(folder) / name
            if not file.is_symlink():
                names.append(file.relative_to(path).as_posix())
        if len(names) > MOST_MEMBERS:
            raise IntakeError(f"{path} has more than {MOST_MEMBERS:,} files.", "Name another.")
    return pictures.read(sorted(names), _reading(path, limits), limits, side, on_images)


def _reading(path: Path, limits: Limits) -> Callable[[str], bytes]:
    def content(name: str) -> bytes:
        with (path / name).open("rb") as stream:
            found = stream.read(limits.file_bytes + 1)
        return found if len(found) <= limits.file_bytes else b""  # is told as damaged

    return content
