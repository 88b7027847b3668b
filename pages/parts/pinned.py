"""Lessons that teachers have pinned: offered to everybody, pinned and put in order by teachers.

Without a login nobody is a teacher, and nothing of this is there. What a teacher calls a lesson is
shown as plain text, beside buttons whose words are ours.
"""

import streamlit as st

from pages.parts import problems, rerun, session
from pages.parts.visitor import person
from playground import logs
from playground.errors import PinError, PlaygroundError, StoreError
from playground.runs import supervisor
from playground.runs.pins import MOST_TITLE, Pin
from playground.settings import settings
from playground.tasks import TASKS

# The stems of the files of pages that a lesson may open, by what they call themselves.
PAGES = {task.page: task.page for task in TASKS.values()} | {
    "feature maps": "feature_maps",
    "embedding": "embedding",
    "race": "race",
    "fitting": "fitting",
    "losses": "named_losses",
}
TITLE: session.Key[str] = session.Key("pin-title", str)
SAID: session.Key[str] = session.Key("pin-said", str)  # what came of the last try


def listed() -> list[Pin]:
    """The pinned lessons whose page is there, in their order; none without a login. That they
    cannot be read is said."""
    if settings().login == "off":
        return []
    try:
        found = supervisor.service().store.pins.listed()
    except StoreError as error:
        problems.problem("No lessons", error.message, error.hint, key="no-pins")
        return []
    return [pin for pin in found if pin.page in PAGES.values()]


def offered() -> None:
    """A line of them, each with a button that opens it; nothing where there is none."""
    found = listed()
    if not found:
        return
    with st.container(horizontal=True, gap="small", key="pinned", vertical_alignment="center"):
        st.caption("Pinned by a teacher", width="content")
        for number, pin in enumerate(found, start=1):
            _one(number, pin)


def _one(number: int, pin: Pin) -> None:
    """A lesson's button and its title."""
    with st.container(
        horizontal=True,
        gap="xsmall",
        width="content",
        vertical_alignment="center",
        key=f"pinned-{pin.id}",
    ):
        pressed = st.button(
            f"Lesson {number}", key=f"open-pin-{pin.id}", icon=":material/play_lesson:"
        )
        st.text(pin.title, width="content")
    if pressed:
        session.LINK.set(pin.query)
        session.keep()
        st.switch_page(f"{pin.page}.py")


def pinning() -> None:
    """For a teacher, in the sidebar: pins what the page shows."""
    with st.popover("Pin what I see", icon=":material/push_pin:", key="pin-popover"):
        st.text_input(
            "Title of the lesson",
            key=TITLE,
            max_chars=MOST_TITLE,
            help="Everybody sees it above the Playground and on the page Fitting.",
        )
        st.button("Pin", key="pin", on_click=_pin)
        if SAID.get():
            with st.container(key="pin-said"):
                st.text(SAID.get())


def _pin() -> None:
    """Pins the page that was drawn last, as its address says it, if who asks may."""
    rerun.ask()
    somebody, page = person(), PAGES.get(session.PAGE.get() or "", "")
    if not somebody.teaches:
        return
    title, query = TITLE.get(), session.ADDRESS.get()
    try:
        if not page:
            raise PinError("This page cannot be pinned.", "Open the page of the lesson first.")
        if session.ADDRESS_IS_BARE.get():  # what is known is the last page's
            raise PinError("The page is not drawn yet.", "Wait until it is, then press Pin again.")
        pins = supervisor.service().store.pins
        pin = pins.add(title, page, query, somebody.owner, settings().pins)
    except PlaygroundError as error:
        SAID.set(f"{error.message} {error.hint}".strip())
        return
    logs.tell("teacher pins a lesson", pin=pin, visitor=logs.who(somebody.owner))
    SAID.set("Pinned. The page Class moves it and takes it away.")
    TITLE.set("")


def arranging() -> None:
    """For a teacher, on the page Class: the lessons in their order, each with a way to move it and
    to take it away."""
    found = listed()
    st.subheader("Pinned lessons", anchor=False)
    if not found:
        st.text(
            "None yet. Open a page in the state that it should open in and press Pin what I see in "
            "the sidebar: everybody is offered it above the Playground and on the page Fitting."
        )
        return
    with st.container(key="pins", gap="xsmall"):
        for number, pin in enumerate(found, start=1):
            _arranged(number, pin, len(found))
    st.caption(f"{len(found)} of {settings().pins} that may be pinned.")


def _arranged(number: int, pin: Pin, count: int) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"arranged-{pin.id}"
    ):
        _one(number, pin)
        st.space("stretch")
        _moves(number, pin, count)


def _moves(number: int, pin: Pin, count: int) -> None:
    with st.container(horizontal=True, gap="small", width="content", key=f"moves-{pin.id}"):
        for label, icon, by, at_end in (
            ("Up", "arrow_upward", -1, number == 1),
            ("Down", "arrow_downward", 1, number == count),
        ):
            st.button(
                label,
                key=f"{label.lower()}-{pin.id}",
                icon=f":material/{icon}:",
                type="tertiary",
                disabled=at_end,
                on_click=_arrange,
                args=(pin.id, by),
            )
        st.button(
            "Unpin",
            key=f"unpin-{pin.id}",
            icon=":material/close:",
            type="tertiary",
            on_click=_arrange,
            args=(pin.id, 0),
        )


def _arrange(pin: str, by: int) -> None:
    """Moves a lesson by so many places, or, by none, unpins it, if who asks may."""
    somebody, pins = person(), supervisor.service().store.pins
    if not somebody.teaches:
        return
    try:
        if by:
            pins.move(pin, by)
        else:
            pins.remove(pin)
    except StoreError as error:
        problems.remember(error, "The lessons stay as they were")
        return
    did = "moves" if by else "unpins"
    logs.tell(f"teacher {did} a lesson", pin=pin, visitor=logs.who(somebody.owner))
    problems.forget()
