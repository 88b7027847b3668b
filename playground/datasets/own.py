"""Visitors' own data: a folder for each, named by a digest of its images, with its facts and an
.npz of its arrays.

The name of such a data set is "own_" and the digest, 32 hexadecimal digits that nobody guesses.
Whoever has it, by a link to settings or to a run, may look at the images and train on them; in
lists they are shown to those who brought them alone. The images go some days after they were last
used; the facts stay, since runs are shown with them.
"""

import hashlib
import json
import logging
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from playground.datasets.source import Rows, Source
from playground.errors import DataError, IntakeError
from playground.settings import Settings, settings

PREFIX = "own_"
IMAGES, FACTS = "images.npz", "facts.json"
_NAME = re.compile(r"own_[0-9a-f]{32}")
_OWNER = ".owner"  # files that say by a hash who brought the data
_DAY = 86_400.0
_TITLE_CHARACTERS = 40
_MOST_NOTES, _NOTE_CHARACTERS, _MOST_IMAGES = 50, 1_000, 2**31
_ENDINGS = re.compile(r"(?:\s|\.(?:npz|csv|zip))+$", re.IGNORECASE)
_MOST_EPOCHS, _SEEN = 30, 120_000  # a run sees about so many images where nothing else is chosen
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Facts:
    """What is known of own data without their images: how many each class has to train on and to
    test on, how many test images are among those to train on, how many images have more than one
    label, and what was done to them, in sentences."""

    digest: str
    title: str
    shape: tuple[int, int, int]
    class_names: list[str]
    train_counts: list[int]
    test_counts: list[int]
    in_both: int = 0
    disagreeing: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the data set."""
        return PREFIX + self.digest

    def to_json(self) -> str:
        """The inverse of `facts_of`."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def told(self) -> list[str]:
        """What there is to say of it, a sentence each: sizes, classes, duplicates, notes."""
        height, width, channels = self.shape
        each = [a + b for a, b in zip(self.train_counts, self.test_counts, strict=True)]
        low, high = each.index(min(each)), each.index(max(each))
        found = [
            f"{sum(self.train_counts):,} images to train on, {sum(self.test_counts):,} to test on, "
            f"{height}×{width} {'grey' if channels == 1 else 'colour'}, "
            f"{len(self.class_names)} classes.",
            f"Each class has {min(each):,} images."
            if min(each) == max(each)
            else f"Most images: {self.class_names[high]}, {max(each):,}; fewest: "
            f"{self.class_names[low]}, {min(each):,}.",
        ]
        if self.in_both:
            found.append(
                f"{self.in_both:,} of the test images are images to train on, too: test accuracy "
                "will flatter the network."
            )
        if self.disagreeing:
            found.append(f"{self.disagreeing:,} images are there with more than one label.")
        return [*found, *self.notes]


def facts_of(text: str) -> Facts:
    """The facts of a JSON text. Raises ValueError for what are none."""
    try:
        found = Facts(**json.loads(text))
        height, width, channels = found.shape
        lists = found.class_names, found.train_counts, found.test_counts
        sound = (
            _NAME.fullmatch(found.name)
            and len(found.title) <= _TITLE_CHARACTERS
            and titled(found.title) == found.title
            and all(isinstance(side, int) and 4 <= side <= 256 for side in (height, width))
            and channels in (1, 3)
            and 2 <= len(found.class_names) <= 100
            and all(isinstance(each, list) and len(each) == len(lists[0]) for each in lists)
            and all(name and plain(name) == name for name in found.class_names)
            and all(map(_is_count, [*lists[1], *lists[2], found.in_both, found.disagreeing]))
            and sum(found.train_counts) > 0
            and isinstance(found.notes, list)
            and len(found.notes) <= _MOST_NOTES
            and all(isinstance(n, str) and len(n) <= _NOTE_CHARACTERS for n in found.notes)
            and found.to_json().encode("utf-8")  # raises for half a character
        )
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("these are no facts of a data set") from error
    if not sound:
        raise ValueError("these are no facts of a data set")
    return Facts(**{**asdict(found), "shape": (height, width, channels)})


def _is_count(given: object) -> bool:
    return type(given) is int and 0 <= given < _MOST_IMAGES


def titled(file_name: str) -> str:
    """What data are called that come in a file of this name; a title is called as it is."""
    words = re.sub(r"[^\w .()+,-]", " ", file_name).split()
    stem = _ENDINGS.sub("", " ".join(words))
    return _ENDINGS.sub("", stem[:_TITLE_CHARACTERS]) or "Own data"


def plain(text: str) -> str:
    """A name of a stranger's on one line, short, without what means something to Markdown, HTML or
    code; of such a name, the name itself."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    words = re.sub(r"[<>`\"\\{}$|]", " ", printable).split()
    return " ".join(words)[:_TITLE_CHARACTERS].strip()


def is_own(name: object) -> bool:
    """Whether a data set's name is that of own data, here or elsewhere."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def root(of: Settings | None = None) -> Path:
    """The folder of all own data."""
    chosen = of or settings()
    return (chosen.uploads or chosen.home / "own").expanduser()


def images_file(name: str) -> Path:
    """Where the images of own data lie, if they are here."""
    return root() / name / IMAGES


def facts(name: str) -> Facts | None:
    """The facts of own data; None where they are neither on this machine nor `lent`."""
    if not is_own(name):
        return None
    path = root() / name / FACTS
    try:
        return _facts(str(path), os.stat(path).st_mtime_ns)
    except (OSError, ValueError):
        lent_here = _LENT.get()
        return lent_here if lent_here is not None and lent_here.name == name else None


_LENT: ContextVar[Facts | None] = ContextVar("lent", default=None)


@contextmanager
def lent(known: Facts | None) -> Iterator[None]:
    """Lets data be known here, without keeping anything, while it is checked what came with them;
    facts that are kept here go before these."""
    token = _LENT.set(known)
    try:
        yield
    finally:
        _LENT.reset(token)


@lru_cache(maxsize=64)
def _facts(path: str, changed: int) -> Facts:
    return facts_of(Path(path).read_text("utf-8"))


def source(name: str) -> Source | None:
    """Own data as a data set; None where nothing is known of them here."""
    known = facts(name)
    return None if known is None else _source(known)


def missing(name: str, title: str = "") -> DataError:
    """What to say of own data whose images are not here, and how to bring them."""
    called = f"The data set {title}" if title else "This data set"
    return DataError(
        f"{called} ({name[:12]}…) is somebody's own and not on this machine, or no longer.",
        "Bring the same images again under “Your own data…”: they get the same name.",
    )


def keep(known: Facts, arrays: Mapping[str, np.ndarray], owner: str) -> None:
    """Keeps data for an owner. Their facts, which are of these very images, are written over what
    somebody said of them before. Raises IntakeError where there is no room, DataError where they
    cannot be written."""
    expire()
    size = sum(values.nbytes for values in arrays.values())
    if not images_file(known.name).exists():
        _check_room(size, owner)
    folder = root() / known.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{IMAGES}.{os.getpid()}.part"
        try:
            with part.open("wb") as stream:
                np.savez(stream, **arrays)  # type: ignore[arg-type]
            part.replace(folder / IMAGES)
        finally:
            part.unlink(missing_ok=True)
        _write_facts(known)
        (folder / _owned(owner)).touch()
    except OSError as error:
        with suppress(OSError):
            folder.rmdir()  # if nothing is in it
        raise DataError(
            f"The data cannot be kept in {folder}: {error.strerror}.",
            "Free some space there, or set PLAYGROUND_UPLOADS to another folder.",
        ) from error


def keep_facts(known: Facts) -> None:
    """Keeps what is said of data whose images may be elsewhere, unless something is known of them
    here. Raises OSError."""
    with lent(None):
        if facts(known.name) is None:
            _write_facts(known)


def _write_facts(known: Facts) -> None:
    folder = root() / known.name
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{FACTS}.{os.getpid()}.part"
    part.write_text(known.to_json(), "utf-8")
    part.replace(folder / FACTS)


def of(owners: Sequence[str]) -> list[Facts]:
    """The data that these owners brought and that are still here, newest first."""
    expire()
    marks = {_owned(owner) for owner in owners}
    found = []
    for folder in _folders():
        try:
            mine = [folder / mark for mark in marks if (folder / mark).exists()]
            known = facts(folder.name)
            if mine and known is not None and (folder / IMAGES).exists():
                found.append((max(each.stat().st_mtime for each in mine), known))
        except FileNotFoundError:
            continue  # they went meanwhile
        except OSError as error:
            _log.warning("Own data cannot be listed: %s: %s", folder, error.strerror)
    return [known for _, known in sorted(found, key=lambda each: each[0], reverse=True)]


def forget(name: str, owners: Sequence[str]) -> None:
    """Takes data out of these owners' lists; their images go if nobody else brought them."""
    folder = root() / name
    if not is_own(name):
        return
    marks = [folder / _owned(owner) for owner in owners]
    if not any(mark.exists() for mark in marks):
        return
    for mark in marks:
        mark.unlink(missing_ok=True)
    if not list(folder.glob(f"*{_OWNER}")):
        (folder / IMAGES).unlink(missing_ok=True)


def days_left(name: str) -> int:
    """In how many days the images go if they are not used."""
    try:
        used = images_file(name).stat().st_mtime
    except OSError:
        return 0
    return max(0, math.ceil((used + settings().upload_days * _DAY - time.time()) / _DAY))


def expire() -> None:
    """Removes the images that were not used for so long, with the marks of who brought them, and
    what a broken upload left. Of a folder where that cannot be done the log says so."""
    for folder in _folders():
        try:
            _expire_in(folder)
        except OSError as error:
            _log.warning("Own data cannot be removed: %s: %s", folder, error.strerror)


def _expire_in(folder: Path) -> None:
    now = time.time()
    oldest = now - settings().upload_days * _DAY
    for path in (folder / IMAGES, *folder.glob("*.part")):
        try:
            if path.stat().st_mtime < (oldest if path.name == IMAGES else now - 3600):
                path.unlink(missing_ok=True)
                for mark in folder.glob(f"*{_OWNER}") if path.name == IMAGES else ():
                    mark.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # another process was quicker


def erase(name: str) -> None:
    """Removes data with all that is known of them: no run is shown with them any more."""
    if is_own(name):
        shutil.rmtree(root() / name, ignore_errors=True)


def _check_room(size: int, owner: str) -> None:
    """Raises IntakeError where an owner's data, or all, would take too much."""
    of_all, of_owner = size, size
    for folder in _folders():
        try:
            taken = (folder / IMAGES).stat().st_size
        except OSError:
            continue
        of_all += taken
        of_owner += taken if (folder / _owned(owner)).exists() else 0
    most = settings().upload_visitor_mib * 2**20
    if of_owner > most:
        raise IntakeError(
            f"With it your data would take {of_owner / 2**20:,.0f} MiB, more than "
            f"{most / 2**20:,.0f}.",
            "Remove a data set that you need no longer.",
        )
    if of_all > settings().upload_gib * 2**30:
        raise IntakeError(
            "There is no room left on this server for anybody's data.",
            "Try later: data that are not used go by themselves.",
        )


def _folders() -> list[Path]:
    try:
        return [path for path in root().iterdir() if is_own(path.name)]
    except OSError:
        return []  # none was brought yet


def _owned(owner: str) -> str:
    """The name of the file that says who brought data, without saying the visitor's token."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32] + _OWNER


def _source(known: Facts) -> Source:
    images, classes = sum(known.train_counts), len(known.class_names)
    epochs = min(_MOST_EPOCHS, max(3, round(_SEEN / images)))
    small = images < 5_000
    return Source(
        name=known.name,
        title=known.title,
        train_count=images,
        test_count=sum(known.test_counts),
        shape=known.shape,
        class_names=known.class_names,
        read=_reading(known),
        place=images_file(known.name),
        defaults={
            "epochs": epochs,
            **({"batch_size": 32} if small else {}),
            **({"canvases": 600, "held_canvases": 100} if small else {}),
            **({"exemplars": max(1, images // classes // 2)} if images < 120 * classes else {}),
            **({"groups": "halves"} if classes < 3 else {}),
        },
        script=_SCRIPT.format(name=known.name),
    )


def _reading(known: Facts) -> Callable[[Callable[[str], bytes], Sequence[str]], Mapping[str, Rows]]:
    def read(open_file: Callable[[str], bytes], wanted: Sequence[str]) -> Mapping[str, Rows]:
        path = images_file(known.name)
        try:
            with suppress(PermissionError):  # who may only read does not count
                os.utime(path)  # used now: it stays for as many days again
            with np.load(path, allow_pickle=False) as arrays:
                return {part: _rows(arrays, part, known) for part in wanted}
        except FileNotFoundError:
            raise missing(known.name, known.title) from None
        except PermissionError as error:
            raise DataError(
                f"The data set {known.title} cannot be read: {path}: {error.strerror}.",
                "Allow this program to read and write there.",
            ) from None
        except Exception as error:  # zipfile's and NumPy's are many
            raise DataError(
                f"The data set {known.title} is damaged: {path}.", "Bring it again."
            ) from error

    return read


def _rows(arrays: Mapping[str, Any], part: str, known: Facts) -> Rows:
    images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    if images.dtype != np.uint8 or images.shape != (len(labels), *known.shape):
        raise ValueError("these are other images")
    return {"images": images, "labels": labels.astype(np.int64)}


_SCRIPT = """
# The images are in this folder, or in DATA.
file = pathlib.Path("data.npz")
file = file if file.exists() else DATA / "{name}.npz"
with np.load(file) as arrays:
    x, y, x_test, y_test = (arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
"""
