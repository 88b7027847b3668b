"""Imports that others make on the chance, which here are memory and time for nothing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """What is imported in the block finds no packages of these names, unless they were imported
    before. Whoever needs one later gets it."""
    found = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(found))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in found:
            del sys.modules[name]
