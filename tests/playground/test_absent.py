"""Packages that others would import on the chance."""

import sys

import pytest

from playground.absent import absent


def test_what_is_absent_is_not_found_until_the_block_is_left() -> None:
    sys.modules.pop("colorsys", None)
    with absent("colorsys", "json"):
        import json

        assert json is sys.modules["json"]  # it was there before
        with pytest.raises(ImportError):
            import colorsys
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 1) == (2 / 3, 1, 1)


def test_a_fault_in_the_block_leaves_nothing_behind() -> None:
    sys.modules.pop("colorsys", None)
    with pytest.raises(ZeroDivisionError), absent("colorsys"):
        raise ZeroDivisionError
    assert "colorsys" not in sys.modules
