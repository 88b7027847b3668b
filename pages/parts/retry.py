"""A page that fails by an error that nobody foresaw is drawn once more: what was only of that
moment is over, and a visitor does not stay before half a page. What fails twice is said as
Streamlit says it.
"""

import logging
from collections.abc import Callable

import streamlit as st

from pages.parts import session

FAILED: session.Key[bool] = session.Key("page_failed", bool)  # at the last try
_log = logging.getLogger(__name__)


def drawn(draw: Callable[[], None]) -> None:
    """Draws a page. What a callback did is not done again. Raises what `draw` raises twice in a
    row; the first time it is in the server's log."""
    try:
        draw()
    except Exception:
        if FAILED.get():
            FAILED.drop()
            raise
        FAILED.set(True)
        _log.exception("A page could not be drawn; it is drawn once more.")
        st.rerun()
    FAILED.drop()
