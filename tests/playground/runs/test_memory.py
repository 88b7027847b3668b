"""How much memory is free, as Linux and a container's group say it."""

from pathlib import Path

import pytest

from playground.runs.memory import free_gib


def test_the_less_of_machine_and_group_counts(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       16384000 kB\nMemFree: 1 kB\nMemAvailable:    6291456 kB\n")
    assert free_gib(meminfo, tmp_path) == 6  # by hand: 6 * 1024 * 1024 kB
    (tmp_path / "memory.current").write_text("1073741824\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert free_gib(meminfo, tmp_path) == 6
    (tmp_path / "memory.max").write_text("3221225472\n")
    assert free_gib(meminfo, tmp_path) == 2


@pytest.mark.parametrize("text", ["", "MemAvailable:\n", "MemAvailable: much kB\n"])
def test_a_platform_that_does_not_tell_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "meminfo").write_text(text)
    assert free_gib(tmp_path / "meminfo", tmp_path) == 0
    assert free_gib(tmp_path / "nothing", tmp_path) == 0
