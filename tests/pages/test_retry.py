"""A page that fails once is drawn once more; one that fails again says so."""

import logging
from collections.abc import Callable

import pytest

from pages.parts import runs
from playground.runs.supervisor import Supervisor
from tests.pages.conftest import Visit


def failing(times: int, draw: Callable[..., None]) -> Callable[..., None]:
    """A part of a page that fails so often before it draws."""
    left = iter(range(times))

    def part(*given: object) -> None:
        if next(left, None) is not None:
            raise KeyError("of the moment")
        draw(*given)

    return part


def test_an_error_of_the_moment_leaves_a_whole_page_and_a_line_in_the_log(
    warm: Supervisor,
    visit: Visit,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(runs, "chooser", failing(1, runs.chooser))
    with caplog.at_level(logging.ERROR):
        page = visit()
    assert not page.exception
    assert "Curves" in [each.value for each in page.subheader]  # beneath what failed
    assert "of the moment" in caplog.text


def test_an_error_that_stays_is_said_each_time_and_is_over_when_it_is_mended(
    warm: Supervisor, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visit()
    monkeypatch.setattr(runs, "chooser", failing(4, runs.chooser))
    assert page.run().exception  # tried twice
    assert page.run().exception
    assert not page.run().exception
