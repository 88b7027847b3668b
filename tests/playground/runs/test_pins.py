"""Pinned lessons: one order for all servers of a store, limits, and texts that are texts."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from playground.errors import PinError
from playground.runs.pins import MOST_QUERY, MOST_TITLE
from playground.runs.store import Store, open_store

LINK = {"loss": "-log(p_true)  # <b>**é**", "lesson": "3"}


@pytest.fixture
def store(kept) -> Iterator[Store]:
    with closing(open_store(kept())) as found:
        yield found


def titles(store: Store) -> list[str]:
    return [pin.title for pin in store.pins.listed()]


def pinned(store: Store, *names: str) -> list[str]:
    return [store.pins.add(name, "fitting", LINK, "teacher", 12) for name in names]


def test_what_one_server_pins_all_servers_show_in_one_order(store: Store, kept) -> None:
    first, second, third = pinned(store, "one", "two", "three")
    with closing(open_store(kept())) as other:
        assert titles(other) == ["one", "two", "three"]
        (pin, *_) = other.pins.listed()
        assert (pin.id, pin.page, pin.query) == (first, "fitting", LINK)
        other.pins.move(third, -2)
        assert titles(store) == ["three", "one", "two"]
        other.pins.move(first, 1)
        assert titles(store) == ["three", "two", "one"]
        store.pins.remove(second)
        assert titles(other) == ["three", "one"]
    pinned(store, "four")
    assert titles(store) == ["three", "one", "four"]


def test_a_lesson_is_moved_no_further_than_the_ends(store: Store) -> None:
    first, last = pinned(store, "one", "two")
    store.pins.move(first, -1)
    store.pins.move(last, 99)
    store.pins.move("gone", 1)
    store.pins.remove("gone")
    assert titles(store) == ["one", "two"]


def test_there_are_no_more_than_may_be_however_many_pin_at_once(store: Store, kept) -> None:
    refused: list[str] = []

    def pin(number: int) -> None:
        with closing(open_store(kept())) as own:
            try:
                own.pins.add(f"{number}", "playground", {}, "teacher", 3)
            except PinError as error:
                refused.append(error.message)

    threads = [threading.Thread(target=pin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(titles(store)) == 3
    assert refused == ["3 lessons are pinned, and there may be at most 3."] * 3


@pytest.mark.parametrize(
    ("title", "kept_as"),
    [("  two\n words\t", "two words"), ("\u202eevil\x00", "evil"), ("x" * MOST_TITLE,) * 2,
     ("**b** <b> :red[x] $x$", "**b** <b> :red[x] $x$")],
)  # fmt: skip
def test_a_title_is_one_line_of_plain_text(store: Store, title: str, kept_as: str) -> None:
    pinned(store, title)
    assert titles(store) == [kept_as]


@pytest.mark.parametrize("title", ["", " \n", "\x00", "x" * (MOST_TITLE + 1)])
def test_a_title_that_is_none_is_refused(store: Store, title: str) -> None:
    with pytest.raises(PinError, match="title"):
        pinned(store, title)
    assert titles(store) == []


def test_a_link_too_long_is_refused_and_the_longest_comes_back_whole(store: Store) -> None:
    longest = {"loss": "é" * ((MOST_QUERY - len(json.dumps({"loss": ""}))) // len(r"\u00e9"))}
    store.pins.add("long", "race", longest, "teacher", 12)
    assert store.pins.listed()[0].query == longest
    with pytest.raises(PinError, match="The link of this page has"):
        store.pins.add("longer", "race", {"loss": longest["loss"] + "é"}, "teacher", 12)
