"""What went wrong, as plain text: what a visitor typed may be in it, so it is never Markdown."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import streamlit as st

from pages.parts import session
from playground.errors import PlaygroundError
from playground.spec import RunSpec


def problem(
    title: str,
    message: str,
    hint: str = "",
    where: Mapping[str, Any] | None = None,
    key: str = "problem",
    dismiss: Callable[[], None] | None = None,
    text: str = "",
) -> None:
    """A panel that says what failed, where in a written loss (line, column, fragment; in its whole
    `text` where that is given), and what to do about it."""
    with st.container(key=key, border=True, gap="xsmall"):
        _head(title, ":material/error:", "red", key, dismiss)
        st.text(message)
        if where:
            st.caption(f"Line {where.get('line', 1)}, column {where.get('column', 1)}:")
            if text:
                st.code(marked(text, where), language=None)
            elif where.get("fragment"):
                st.code(str(where["fragment"]), language=None)
        if hint:
            st.text(hint)


def marked(text: str, where: Mapping[str, Any]) -> str:
    """A text with a row of carets under the stretch that `where` names, on each of its lines."""
    first, last = int(where["line"]), int(where["end_line"])
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        lines.append(line)
        if first <= number <= last:
            start = int(where["column"]) - 1 if number == first else len(line) - len(line.lstrip())
            end = int(where["end_column"]) - 1 if number == last else len(line)
            start, end = (max(0, min(each, len(line))) for each in (start, end))
            lines.append(" " * start + "^" * max(1, end - start))
    return "\n".join(lines)


def remember(error: PlaygroundError, title: str = "That did not work", about: str = "") -> None:
    """Keeps an error of a callback until `recall` shows it; `about` says what would mend it."""
    session.PROBLEM.set((title, error.message, error.hint))
    session.PROBLEM_ABOUT.set(about)


def forget() -> None:
    """The remembered error no longer matters."""
    session.PROBLEM.drop()
    session.PROBLEM_ABOUT.drop()


def about(what: str) -> bool:
    """Whether the remembered error would be mended by this."""
    return session.PROBLEM.get() is not None and session.PROBLEM_ABOUT.get() == what


def recall() -> None:
    """Shows the remembered error, until it is dismissed or something succeeds."""
    remembered = session.PROBLEM.get()
    if remembered is not None:
        title, message, hint = remembered
        problem(title, message, hint, key="problem-recalled", dismiss=forget)


def replayed(settled: RunSpec | None) -> None:
    """Whether a link's numbers will be the same here, while the settings are the link's."""
    digest, said = session.REPLAY.get()
    if said and settled is not None and settled.digest == digest:
        st.caption(said)


def notes() -> None:
    """What in the link could not be taken as it stood, until it is dismissed."""
    lines = session.NOTES.get()
    if not lines:
        return
    with st.container(key="notes", border=True, gap="xsmall"):
        _head(
            "From the link",
            ":material/link_off:",
            "orange",
            "notes",
            partial(session.NOTES.set, []),
        )
        st.text("\n".join(lines))


def _head(
    title: str,
    icon: str,
    color: Literal["red", "orange"],
    key: str,
    dismiss: Callable[[], None] | None,
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}-head"):
        st.badge(title, icon=icon, color=color)
        if dismiss is not None:
            st.space("stretch")
            st.button("Dismiss", key=f"dismiss-{key}", on_click=dismiss, type="tertiary")
