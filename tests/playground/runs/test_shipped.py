"""What is known of the named losses without a worker, and what is worked out where it is not."""

import gzip
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from playground.errors import WorkerError
from playground.runs import shipped
from playground.runs.asking import Asking
from playground.runs.cards import digest
from playground.runs.gallery import Gallery
from playground.runs.shipped import Shipped
from playground.runs.store import open_store
from playground.settings import Settings

ANEW = "the losses have changed: python -m playground.runs.shipped makes the file anew"


def known() -> Shipped:
    found = shipped.read()
    assert found is not None, ANEW
    return found


def test_what_is_shipped_is_of_these_losses() -> None:
    found = known()
    assert all(card["findings"] for card in found.cards.values())
    assert 0 < shipped.FILE.stat().st_size < 200_000


def test_what_is_shipped_is_what_portrait_and_doctor_say() -> None:
    """Of every eighth loss: all of them are made anew by the command."""
    found = known()
    names = list(found.cards)[::8]
    made = shipped.make(names)
    assert json.loads(json.dumps(made.catalog)) == found.catalog
    for name in names:
        card, again = found.cards[name], made.cards[name]
        assert again["findings"] == card["findings"], f"{name}: {ANEW}"
        assert again.keys() == card.keys()
        for part in {"lines", "ghost", "points"} & card.keys():
            for one, other in zip(card[part], again[part], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4, err_msg=name)


def test_no_worker_is_asked_for_what_is_shipped(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store = open_store(settings)
    asking = Asking(settings, store, ["no-such-program"])  # never started
    try:
        cards, complete = asking.gallery()
        names = [info["name"] for info in asking.ask("catalog")]
        assert complete and asking.knows("catalog") and not asking.knows("metrics")
        assert list(cards) == names and len(names) > 50
    finally:
        asking.close()
        store.close()


def packed(content: Any) -> bytes:
    return gzip.compress(json.dumps(content).encode())


WHOLE = {"digest": digest(), "catalog": [{"name": "a"}], "cards": {"a": {}}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        packed(WHOLE)[:-9],
        packed(WHOLE)[:20] + b"\0\0" + packed(WHOLE)[22:],
        gzip.compress(b"{"),
        gzip.compress(b"\xff"),
        packed([]),
        packed({**WHOLE, "catalog": None}),
        packed({"digest": digest()}),
    ],
)
def test_damaged_it_is_left_out_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file = tmp_path / "file.gz"
    file.write_bytes(packed(WHOLE))
    assert shipped.read(file) == Shipped([{"name": "a"}], {"a": {}})
    file.write_bytes(content)
    assert shipped.read(file) is None
    assert "cannot be read" in caplog.text


def test_of_other_losses_it_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "file.gz"
    for other in ({"digest": "0" * 12}, {"cards": {}}):
        file.write_bytes(packed({**WHOLE, **other}))
        assert shipped.read(file) is None


class Worker:
    """Answers as a checking worker would; of `slow` only at the second attempt."""

    def __init__(self, slow: str = "") -> None:
        self.slow, self.asked = slow, []

    def portrait(self, name: str) -> dict[str, Any]:
        p = np.linspace(0.01, 0.99, 99, dtype=np.float32)
        curve = {"p": p, "loss": -np.log(p), "slope": p - 1, "slope_p": -1 / p}
        return {"kind": "curve", **curve, "ghost": curve}

    def doctor(self, name: str) -> list[dict[str, Any]]:
        self.asked.append(name)
        if name == self.slow and self.asked.count(name) == 1:
            raise WorkerError("too slow")
        return [{"name": "proper", "state": "yes"}]

    def gallery(self, folder: Path) -> Gallery:
        return Gallery(lambda: ["a", "b"], self.portrait, self.doctor, folder)


def complete(gallery: Gallery) -> dict[str, Any]:
    gallery.cards()
    gallery.wait()
    cards, done = gallery.cards()
    assert done
    return cards


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.runs.gallery.PAUSE_SECONDS", 0.01)


@pytest.mark.usefixtures("quick")
def test_a_gallery_finds_out_once_and_is_kept(tmp_path: Path) -> None:
    worker = Worker("b")
    first = complete(worker.gallery(tmp_path))
    assert worker.asked == ["a", "b", "b"]
    assert first["b"]["findings"] == {"proper": "yes"}
    assert first["a"]["curve"]["loss"][0] == pytest.approx(4.6052, abs=1e-3)
    assert complete(worker.gallery(tmp_path)) == first and len(worker.asked) == 3


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 5}', b"\xff\xfe", b"null"])
def test_what_a_gallery_kept_is_made_anew_where_it_is_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    whole = complete(Worker().gallery(tmp_path))
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(content)
    worker = Worker()
    with caplog.at_level(logging.WARNING):
        assert complete(worker.gallery(tmp_path)) == whole
    assert worker.asked == ["a", "b"] and "is made anew" in caplog.text
    assert list(tmp_path.iterdir()) == [kept] and json.loads(kept.read_text()) == whole


@pytest.mark.usefixtures("quick")
def test_many_galleries_on_one_folder_do_each_other_no_harm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    galleries = [Worker().gallery(tmp_path) for _ in range(8)]
    begun = threading.Barrier(len(galleries))

    def work(gallery: Gallery) -> Callable[[], None]:
        def run() -> None:
            begun.wait()
            complete(gallery)

        return run

    threads = [threading.Thread(target=work(gallery)) for gallery in galleries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_text()).keys() == {"a", "b"}
    assert not caplog.records
