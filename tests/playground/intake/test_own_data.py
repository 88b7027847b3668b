"""Images that a visitor brings become a data set; what cannot be one is refused in a sentence."""

import json
import os
import pickle
import struct
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given

from playground import datasets
from playground.datasets import own
from playground.errors import DataError, IntakeError, SpecError
from playground.intake import asking, labels, reading, review
from playground.intake.limits import Limits
from playground.settings import settings
from playground.spec import RunSpec
from playground.tasks import TASKS
from tests.playground.intake.files import folders, images, npz, picture, table, zipped

LIMITS = Limits(10 * 2**20, 2 * 2**20, 2_000, 64, 100, 1.0)
Y = np.arange(30) % 3


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()


def looked_at(path: Path, content: bytes | str, side: int = 0, limits: Limits = LIMITS):
    """What is said of a file and its arrays."""
    file = path / "file"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = reading.read(file, limits, side, lambda done, of: None)
    return review.reviewed(found, "mine", limits)


# What is refused --------------------------------------------------------------------------------


def one_class() -> bytes:
    return zipped(folders(30, ("cat",)))


def lying_bomb() -> bytes:
    """A member of many times its size that says it is small."""
    content = bytearray(zipped({"cat/1.png": b"\0" * 30 * 2**20, "dog/1.png": picture()}))
    size = struct.pack("<I", 30 * 2**20)
    return bytes(content).replace(size, struct.pack("<I", 1_000))


def encrypted() -> bytes:
    content = bytearray(zipped({"cat/1.png": picture(), "dog/1.png": picture()}))
    for mark, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + flag] |= 1
    return bytes(content)


class Harmful:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("harmed"),))


PICKLED = np.array([Harmful()] * 30, dtype=object)
HOLE = images(30, 8, 8).astype(np.float32) / 255
HOLE[7, 2, 3] = np.nan
ROWS = table(30)
BAD = {
    "nothing": (b"", "is empty"),
    "a pickle": (pickle.dumps(PICKLED), "a pickle, which is never opened"),
    "pickled images": (npz(x=PICKLED, y=Y), "x holds Python objects, which are never opened"),
    "a gzip": (b"\x1f\x8b\x08\0\0", "a gzip archive"),
    "one picture": (picture(), "one picture"),
    "a zip cut short": (zipped(folders())[:-300], "damaged, or no zip"),
    "a zip changed inside": (zipped(folders()).replace(b"IDAT", b"IDAX"), "cannot be read"),
    "a zip with a password": (encrypted(), "encrypted"),
    "a bomb": (
        zipped({"cat/1.png": b"\0" * 30 * 2**20, "dog/1.png": picture()}),
        "more than 2 MiB once it is unpacked",
    ),
    "a bomb that lies": (lying_bomb(), "damaged"),
    "names that lead out": (zipped({"../cat/1.png": picture()}), "no images in it"),
    "other files": (zipped({"report.pdf": b"%PDF", "a.txt": b"x"}), "report.pdf, a.txt"),
    "no folders": (zipped({f"{i}.png": picture() for i in range(30)}), "no folder of a class"),
    "damaged pictures": (zipped({"a/1.png": b"no", "b/2.png": b"no"}), "None of the 2 pictures"),
    "one class": (one_class(), "one class, cat"),
    "one image": (zipped({"a/1.png": picture(), "b/2.txt": b""}), "one class, a"),
    "few images": (zipped(folders(1)), "2 images: at least 20"),
    "a class of test images alone": (
        zipped({**folders(12, top="train/"), **folders(2, ("owl",), "test/")}),
        "no image to train on of owl",
    ),
    "10,000 classes": (
        npz(x=images(2_000, 4, 4), y=np.arange(2_000)),
        "2,000 classes, more than 100",
    ),
    "101 folders": (zipped(folders(1, tuple(map(str, range(101))))), "101 classes"),
    "too many images": (npz(x=images(2_001, 4, 4), y=np.arange(2_001) % 3), "2,001 images"),
    "NaN pixels": (npz(x=HOLE, y=Y), "NaN in image 7 at (2, 3, 0)"),
    "pixels of no range": (npz(x=images(30, 8, 8) * 300.0 - 7, y=Y), "these are no pixels"),
    "negative pixels": (npz(x=images(30, 8, 8) - 5.0, y=Y), "these are no pixels"),
    "words for pixels": (npz(x=np.full((30, 8, 8), "a"), y=Y), "not numbers"),
    "no square": (npz(x=images(30, 50), y=Y), "these are no images"),
    "too small": (npz(x=images(30, 2, 2), y=Y), "at least 4×4"),
    "no labels": (npz(x=images(30, 8, 8)), "The file has x; x and y are needed"),
    "too few labels": (npz(x=images(30, 8, 8), y=Y[:29]), "30 images, y 29 labels"),
    "halves for labels": (npz(x=images(30, 8, 8), y=Y + 0.5), "0.5 at 0"),
    "probabilities for labels": (npz(x=images(30, 8, 8), y=np.full((30, 3), 0.3)), "not one-hot"),
    "test images of another size": (
        npz(x=images(30, 8, 8), y=Y, x_test=images(30, 9, 9), y_test=Y),
        "8×8×1 and 9×9×1",
    ),
    "an array that lies": (
        zipped({"x.npy": b"\x93NUMPY\x01\0F\0{'descr': '<f8', 'fortran_order': False, "
                         b"'shape': (99999999999,), }       \n", "y.npy": b""}),
        "x is ",
    ),
    "a CSV of one column": ("a\n1\n2\n", "one column"),
    "a CSV cut in a row": ("\n".join([*ROWS[:5], ROWS[5] + ",1,2"]), "line 6 has 19 columns"),
    "a CSV with a hole": ("\n".join([*ROWS[:5], ROWS[5][:-4].rstrip(",") ]), "line 6"),
    "a CSV with a word": ("\n".join([*ROWS, "1,dark" + ",1" * 15]), "dark in line 32, column pix"),
    "a CSV with NaN": ("\n".join([*ROWS, "1,nan" + ",1" * 15]), "NaN in line 32, column pixel0"),
    "a CSV without labels": ("\n".join(row.partition(",")[2] for row in ROWS), "no column of"),
    "a CSV of no square": ("\n".join(table(30, 17)), "17 pixels a row make no square"),
    "a CSV in Latin-1": (b"label,caf\xe9\n", "not UTF-8"),
    "binary": (b"\x7fELF\0\0\0", "no kind that is read here"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    content, said = BAD[kind]
    with pytest.raises(IntakeError) as refused:
        looked_at(tmp_path, content)
    assert said in str(refused.value), str(refused.value)
    assert refused.value.hint and len(str(refused.value)) < 300
    assert [path.name for path in tmp_path.iterdir()] == ["file"]  # nothing was unpacked or run
    assert not Path("harmed").exists()


# What is taken ----------------------------------------------------------------------------------


def test_the_same_images_are_the_same_data_however_they_come(tmp_path: Path) -> None:
    x, y = images(40, 16), np.arange(40) % 4
    rows = [f"{label}," + ",".join(map(str, pixels)) for label, pixels in zip(y, x, strict=True)]
    header = "label," + ",".join(f"p{i}" for i in range(16))
    numbered = zip(["id", *range(40)], [header, *rows], strict=True)
    ways = [
        npz(x=x.reshape(40, 4, 4), y=y),
        npz(X_train=x, y_train=np.eye(4)[y]),
        npz(images=x.reshape(40, 4, 4, 1).astype(np.float64), labels=y[:, None]),
        npz(x=x / 255.0, y=y.astype(np.float32)),
        "\n".join(rows),
        "\n".join([header, *rows]),
        "\n".join(f"{i};{row}".replace(",", ";") for i, row in numbered),
        zipped({"train.csv": "\n".join(rows).encode()}),
    ]  # fmt: skip
    found = {looked_at(tmp_path, way)[0].digest for way in ways}
    assert len(found) == 1
    facts, arrays = looked_at(tmp_path, ways[0])
    assert facts.train_counts == [8] * 4 and facts.test_counts == [2] * 4
    again, _ = looked_at(tmp_path, npz(**arrays))  # as it is taken home with a run
    assert again.digest == facts.digest and again.class_names == list("0123")
    other, _ = looked_at(tmp_path, npz(x=255 - x, y=y))
    assert other.digest != facts.digest


def test_pictures_of_all_kinds_in_folders(tmp_path: Path) -> None:
    members = {
        **folders(12, ("class 10", "class 2"), "top/train/"),
        "top/train/class 2/wide.jpg": picture("RGB", (40, 20), "JPEG"),
        "top/train/class 2/clear.png": picture("RGBA"),
        "top/train/class 2/deep.png": picture("I;16"),
        "top/train/class 2/bitmap.bmp": picture("L", kind="BMP"),
        "top/train/class 2/web.webp": picture("RGB", kind="WEBP"),
        "top/train/class 10/still.gif": picture(kind="GIF"),
        "top/train/class 10/broken.png": picture()[:60],
        "top/train/class 10/notes.txt": b"x",
        "__MACOSX/train/class 2/._1.png": b"x",
        "/etc/class 2/1.png": picture(),
        **folders(3, ("class 2",), "top/test/"),
    }
    facts, arrays = looked_at(tmp_path, zipped(members))
    assert facts.class_names == ["class 2", "class 10"]
    assert facts.shape == (12, 12, 3)
    assert facts.train_counts == [17, 13] and facts.test_counts == [3, 0]
    said = " ".join(facts.notes)
    for part in (
        "resized to 12×12, with black beside what is not square",
        "Grey images among coloured ones became coloured",
        "1 picture of 16 bits",
        "1 see-through picture",
        "1 picture could not be read and was left out: top/train/class 10/broken.png",
        "1 name that leads out of the archive",
        "no image in the test part of class 10",
    ):
        assert part in said, (part, said)
    wide = arrays["x_train"].reshape(-1, 12, 12, 3)
    assert any((each[:3] == 0).all() and each[3:9].any() for each in wide)  # black above
    smaller, _ = looked_at(tmp_path, zipped(folders(12)), side=8)
    assert smaller.shape == (8, 8, 1)
    assert smaller.notes[0] == "The images, 12×12, were resized to 8×8."


def test_duplicates_are_told_and_never_split_apart(tmp_path: Path) -> None:
    x, y = images(40, 6, 6), np.arange(40) % 2
    test = np.concatenate([x[:5], images(5, 6, 6)])
    facts, _ = looked_at(tmp_path, npz(x=x, y=y, x_test=test, y_test=1 - np.arange(10) % 2))
    assert facts.in_both == 5 and facts.disagreeing == 5
    assert any("5 of the test images are images to train on" in line for line in facts.told())
    twice, arrays = looked_at(tmp_path, npz(x=np.concatenate([x, x[:10]]), y=np.append(y, y[:10])))
    assert twice.in_both == 0 and len(arrays["x_test"]) == 10


def test_own_data_come_through_the_process_and_are_a_data_set(home: Path) -> None:
    file = home / "many.npz"
    x, y = images(130, 10, 10), np.arange(130) % 13
    file.write_bytes(npz(x=x, y=y, class_names=np.array([f"kind {i}" for i in range(13)])))
    order = {"owner": "me", "side": 0, "title": "Many"}
    said: list[str] = []
    name = asking.take("data", file, order, settings(), lambda doing, _: said.append(doing))
    assert "Reading the file" in said
    assert datasets.source_of(name).class_names[-1] == "kind 12"
    loaded = datasets.load(name)
    assert loaded.images.shape == (104, 10, 10, 1) and loaded.test_images.shape == (26, 10, 10, 1)
    spec = RunSpec(dataset=name)
    assert RunSpec.from_query(spec.to_query()) == (spec, [])
    assert [each.name for each in own.of(["me"])] == [name] and own.of(["you"]) == []
    own.forget(name, ["you"])
    assert datasets.available(name) == "here"
    own.forget(name, ["me"])
    assert datasets.available(name) == "missing"
    with pytest.raises(DataError, match="Many"):
        datasets.sample(name) if not datasets._kept.clear() else None
    assert RunSpec(dataset=name) == spec  # runs are still shown with it
    with pytest.raises(SpecError, match="not on this machine"):
        RunSpec.parse({"dataset": "own_" + "0" * 32})
    _, notes = RunSpec.from_query({"dataset": "own_" + "0" * 32})
    assert "Bring the same images again" in notes[0]
    (home / "no.npz").write_bytes(npz(x=x, y=y * 0))
    with pytest.raises(IntakeError, match="one class"):
        asking.take("data", home / "no.npz", order, settings(), lambda *_: None)


def test_what_takes_too_long_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.npz").write_bytes(npz(x=images(30, 8, 8), y=Y))
    late = settings().model_copy(update={"upload_seconds": 0.05})
    with pytest.raises(IntakeError, match="more than 0 seconds"):
        asking.take("data", home / "a.npz", {}, late, lambda *_: None)


def test_own_data_go_when_they_were_not_used_and_have_a_quota(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    for _ in range(2):
        facts, arrays = looked_at(tmp_path, npz(x=images(300, 20, 20), y=np.arange(300) % 3))
        own.keep(facts, arrays, "me")
        kept.append(facts.name)
    assert {each.name for each in own.of(["me"])} == set(kept)
    assert own.days_left(kept[0]) == 30
    monkeypatch.setenv("PLAYGROUND_UPLOAD_VISITOR_MIB", "0.3")
    settings.cache_clear()
    facts, arrays = looked_at(tmp_path, npz(x=images(300, 20, 20), y=np.arange(300) % 3))
    with pytest.raises(IntakeError, match="your data would take"):
        own.keep(facts, arrays, "me")
    own.keep(facts, arrays, "you")
    old = time.time() - 31 * 86_400
    for name in kept:
        os.utime(own.images_file(name), (old, old))
    datasets.load(kept[1])  # was used now
    assert [each.name for each in own.of(["me"])] == [kept[1]]
    assert own.facts(kept[0]) is not None and not own.images_file(kept[0]).exists()


def test_a_zip_of_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.intake.archive.MOST_MEMBERS", 3)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for i in range(4):
            archive.writestr(str(i), b"")
    with pytest.raises(IntakeError, match="4 members"):
        reading.read(tmp_path / "x.zip", LIMITS, 0, lambda done, of: None)


CLASSES = [(2, 1), (2, 30), (3, 10), (26, 4), (100, 1), (100, 5)]


@pytest.mark.parametrize(("classes", "each"), CLASSES)
def test_every_task_takes_data_of_so_many_classes_or_says_why_not(
    home: Path, classes: int, each: int
) -> None:
    for side, channels in ((10, 1), (12, 3)):
        names = [f"kind {i}" for i in range(classes)]
        facts = own.Facts(
            *(f"{classes:016x}{side:016x}", "Kinds", (side, side, channels), names),
            train_counts=[each] * classes,
            test_counts=[1] * classes,
        )
        own.keep_facts(facts)
        told = {}
        for task in TASKS.values():
            try:
                spec = RunSpec.parse({"task": task.name, "dataset": facts.name})
                units = {layer.options.get("units") for layer in task.plan(spec).layers}
                assert classes in units or task.name in ("autoencoder", "detection"), task.name
                assert RunSpec.from_query(spec.to_query()) == (spec, [])
            except SpecError as error:
                told[task.name] = str(error)
        refused = {
            "autoencoder": "multiples of 4; got Kinds",
            "detection": "grey images; got Kinds",
        }
        expected = "autoencoder" if side == 10 else "detection"
        assert list(told) == [expected] and refused[expected] in told[expected]


# What is kept ------------------------------------------------------------------------------------


@given(st.text(st.characters() | st.sampled_from(" .csvnpzi<"), max_size=60))
@example("train.csv.zip")
@example("a.zip .csv")
@example("x" * 36 + ".csv.more")
@example("x" * 39 + " y")
def test_what_has_a_name_keeps_it(text: str) -> None:
    for named in (own.titled, own.plain):
        assert named(named(text)) == named(text)
    for name in labels.distinct([text, text, text + " 2"]):
        assert own.plain(name) == name


def test_own_data_under_ordinary_names_can_be_opened(home: Path) -> None:
    x, y = images(30, 8, 8), np.arange(30) % 2
    names = np.array(["y" * 39 + " a", "y" * 35 + " " + "z" * 9])
    (home / "a").write_bytes(npz(x=x, y=y, class_names=names))
    found = reading.read(home / "a", LIMITS, 0, lambda done, of: None)
    facts, arrays = review.reviewed(found, own.titled("train.csv.zip"), LIMITS)
    own.keep(facts, arrays, "me")
    assert own.of(["me"]) == [facts] and facts.title == "train"


def known(home: Path) -> tuple[own.Facts, dict[str, np.ndarray]]:
    return looked_at(home, npz(x=images(30, 8, 8), y=Y))


def test_who_has_the_images_says_what_they_are(home: Path) -> None:
    facts, arrays = known(home)
    said = replace(facts, title="Said", class_names=["x", "y", "z"])
    own.keep_facts(said)
    own.keep(facts, arrays, "me")
    assert own.facts(facts.name) == facts
    own.keep_facts(said)
    assert own.facts(facts.name) == facts


@pytest.mark.parametrize(
    "change",
    [
        {"in_both": "<b>"},
        {"disagreeing": 1.5},
        {"in_both": True},
        {"train_counts": [0, 0, 0]},
        {"train_counts": [10**400, 1, 1]},
        {"notes": ["a"] * 51},
        {"notes": ["a" * 1_001]},
        {"notes": "text"},
        {"notes": ["\ud800"]},
        {"title": ".csv" * 100_000 + "x"},
    ],
    ids=range(10),
)
def test_facts_that_cannot_be_are_none(home: Path, change: dict) -> None:
    facts, _ = known(home)
    assert own.facts_of(facts.to_json()) == facts
    with pytest.raises(ValueError, match="no facts"):
        own.facts_of(json.dumps({**asdict(facts), **change}))


def test_a_folder_that_cannot_be_written_stops_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = []
    for _ in range(2):
        facts, arrays = known(home)
        own.keep(facts, arrays, "me")
        kept.append(facts.name)
    for name in kept:
        os.utime(own.images_file(name), (0, 0))
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.parent.name == kept[0]:
            raise PermissionError(13, "Permission denied", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert [each.name for each in own.of(["me"])] == kept[:1]
    assert not own.images_file(kept[1]).exists()
    assert [kept[0] in line for line in caplog.messages] == [True]


def test_what_a_broken_upload_left_goes_alone(home: Path) -> None:
    facts, arrays = known(home)
    own.keep(facts, arrays, "me")
    part = own.images_file(facts.name).with_name("images.npz.1.part")
    part.touch()
    os.utime(part, (0, 0))
    assert own.of(["me"]) == [facts] and not part.exists()


def test_one_file_of_a_visitor_waits_while_another_is_read(home: Path) -> None:
    (home / "a.npz").write_bytes(npz(x=images(30, 8, 8), y=Y))
    reads, waits, go_on = threading.Event(), threading.Event(), threading.Event()
    taken: list[str] = []

    def take(owner: str, begun: threading.Event) -> None:
        def on_doing(doing: str, fraction: float | None) -> None:
            begun.set()
            assert go_on.wait(60)

        order = {"owner": owner, "side": 0, "title": "a"}
        taken.append(asking.take("data", home / "a.npz", order, settings(), on_doing))

    threads = [threading.Thread(target=take, args=each) for each in (("me", reads), ("me", waits))]
    for thread, begun in zip(threads, (reads, waits), strict=True):
        thread.start()
        assert begun.wait(60)
    with pytest.raises(asking.Busy, match="Another file of yours waits"):
        asking.take("data", home / "a.npz", {"owner": "me"}, settings(), lambda *_: None)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(taken) == 2 and len(set(taken)) == 1
