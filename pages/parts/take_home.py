"""A file that is made when its button is clicked; where it cannot be made, the page says why.

Streamlit makes it in a thread of its own while the page is drawn anew, and of a failure tells the
browser only that there was one, for five seconds. What went wrong is therefore kept beside the
button, which looks for it until the file is made.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from pages.parts import problems
from playground.errors import PlaygroundError

PATIENCE_SECONDS = 120.0
TICK_SECONDS = 1.0  # Streamlit keeps a file that was made through one more drawing of a page


@dataclass
class _Making:
    """How often a file was asked for and was made or not, and why it was not the last time."""

    asked: int = 0
    over: int = 0
    since: float = 0.0
    error: PlaygroundError | None = None

    def make(self, made: Callable[[], bytes | str]) -> bytes | str:
        """The file. Raises what `made` raises."""
        self.error = None
        try:
            return made()
        except PlaygroundError as error:
            self.error = error
            raise
        except Exception:
            self.error = PlaygroundError(
                "The program met something that it did not expect.",
                "Try again; who keeps this server finds it in its log.",
            )
            raise
        finally:
            self.over += 1


def button(
    label: str, made: Callable[[], bytes | str], of: str, *, key: str, **options: Any
) -> None:
    """A download button for the file that `made` returns, and beneath it why it could not be made;
    `of` says what file it is (a run and a kind): of another, nothing is known yet."""
    held = st.session_state.get(f"{key}-making")
    if held is None or held[0] != of:
        held = st.session_state[f"{key}-making"] = (of, _Making())
    making: _Making = held[1]
    st.download_button(
        label, partial(making.make, made), key=key, on_click=_ask, args=(making,), **options
    )
    if making.over < making.asked:
        st.fragment(_wait, run_every=TICK_SECONDS)(making)
    elif making.error is not None:
        problems.problem("No file", making.error.message, making.error.hint, key=f"{key}-problem")


def _ask(making: _Making) -> None:
    making.asked += 1  # the file may be there by now
    making.since = time.monotonic()


def _wait(making: _Making) -> None:
    if time.monotonic() - making.since > PATIENCE_SECONDS:  # the browser has not come for it
        making.asked = making.over
    if making.over >= making.asked:
        st.rerun()
