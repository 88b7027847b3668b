"""The two databases that a store may have: tests of what a store does run against both. And where
workers may run: on this machine, or on a Ray cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playground.settings import Settings

DATABASES = ("sqlite", "postgresql")


def settings_of(request: pytest.FixtureRequest, home: Path) -> Callable[..., Settings]:
    """Makes settings of a store in the database that is the parameter of a fixture; what is given
    changes them."""
    url = request.getfixturevalue("new_schema")() if request.param == "postgresql" else ""

    def of(**changes: Any) -> Settings:
        return Settings(**({"home": home, "store_url": url} | changes))

    return of


@pytest.fixture(params=DATABASES)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a store in each database."""
    return settings_of(request, tmp_path)


@pytest.fixture
def where(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings that say it, by the test's parameter: this machine where there is none."""
    if getattr(request, "param", "local") == "local":
        return {}
    address = request.getfixturevalue("cluster").address
    return {"executor": "ray", "ray_address": address}
