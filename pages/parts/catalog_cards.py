"""The named losses: how they are chosen among, compared, and taken to the Playground."""

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from pages.parts import checked, draft, problems, rerun, session, url
from playground import trainable
from playground.errors import WorkerError
from playground.figures import palette
from playground.figures.comparison import TITLES, comparison
from playground.figures.thumbnail import thumbnail
from playground.runs import supervisor
from playground.runs.cards import Card
from playground.tasks import TASKS

Infos = Mapping[str, Mapping[str, Any]]
Cards = Mapping[str, Card]
MOST_BESIDE = 6
CARD_WIDTH = 232  # pixels
CLASSES = 10  # that the cards are computed with
WAIT_SECONDS = 3.0
WHAT_KEY = "catalog-what"
# What one may ask for: the verdict and the state that it must have.
PROPERTIES = {
    "proper": "Proper",
    "calibrated": "Calibrated",
    "symmetric": "Symmetric (tolerates label noise)",
    "convex": "Convex in the logits",
    "bounded_above": "Bounded",
    "push": "Pushes on sure mistakes",
    "coupled": "Compares the batch",
}
CHIPS = {"proper": "proper", "symmetric": "symmetric", "convex": "convex", "coupled": "batch"}


def listed() -> Infos:
    """Every named loss by name; none if they cannot be listed, which is then said, or not yet."""
    service = supervisor.service()
    if not (service.questions.knows("catalog") or service.status()["checking"]):
        return {}
    try:
        return {info["name"]: info for info in service.questions.ask("catalog")}
    except WorkerError as error:
        problems.problem("The losses cannot be listed", error.message, error.hint, key="no-catalog")
        return {}


def progress(count: int) -> Cards:
    """What is known by now of the losses. While that is not all, a line says how much it is, and
    the page is drawn anew now and then: not at every loss, for that is a lot to draw."""
    if not count:
        st.fragment(_wait, run_every=WAIT_SECONDS)()
        return {}
    known, complete = supervisor.service().questions.gallery()
    if not complete:
        st.fragment(_follow, run_every=WAIT_SECONDS)(count, _share(known, count))
    return known


def _wait() -> None:
    rerun.follow()
    if supervisor.service().status()["checking"]:
        st.rerun()
    st.caption("TensorFlow is starting: the losses are listed in a few seconds.")


def _follow(count: int, drawn: int) -> None:
    rerun.follow()
    known, complete = supervisor.service().questions.gallery()
    if complete or _share(known, count) > drawn:
        st.rerun()
    examined = sum("findings" in card for card in known.values())
    st.caption(
        f"Worked out the first time: {len(known)} of {count} drawn, {examined} examined. "
        "The others follow."
    )


def _share(known: Cards, count: int) -> int:
    """How far it is, in tenths of all drawings and examinations."""
    done = len(known) + sum("findings" in card for card in known.values())
    return 10 * done // (2 * max(count, 1))


def filters(found: Infos, known: Cards) -> None:
    """Groups and properties to choose by, and how many losses have them."""
    state = st.session_state
    groups = list(dict.fromkeys(info["group"] for info in found.values()))
    state[url.GROUPS_KEY] = [each for each in state[url.GROUPS_KEY] if each in groups]
    state[url.HAS_KEY] = [each for each in state[url.HAS_KEY] if each in PROPERTIES]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.pills(
            "Group",
            groups,
            selection_mode="multi",
            key=url.GROUPS_KEY,
            on_change=rerun.ask,
            wrap=True,
        )
    with right:
        st.multiselect(
            "With all of these properties",
            list(PROPERTIES),
            format_func=lambda name: PROPERTIES[name],
            key=url.HAS_KEY,
            on_change=rerun.ask,
            placeholder="Any",
            help="As the doctor finds them at the losses' own parameters.",
        )
    shown = len(chosen(found, known))
    st.caption(f"{shown} of {len(found)} losses" if shown < len(found) else f"{shown} losses")


def chosen(found: Infos, known: Cards) -> list[str]:
    """The names of the losses of these groups that have all of these properties."""
    groups, has = st.session_state[url.GROUPS_KEY], st.session_state[url.HAS_KEY]
    return [
        name
        for name, info in found.items()
        if (not groups or info["group"] in groups)
        and all(known.get(name, {}).get("findings", {}).get(each) == "yes" for each in has)
    ]


def compared(found: Infos, known: Cards) -> None:
    """Up to six losses on one axis, each with its formula, what it is for and its paper."""
    beside = [name for name in st.session_state[url.BESIDE_KEY] if name in found]
    st.session_state[url.BESIDE_KEY] = beside = beside[:MOST_BESIDE]
    if not beside:
        return
    dark = st.context.theme.type == "dark"
    with st.container(border=True, key="comparison"):
        left, right = st.columns([3, 2], gap="medium")
        with left:
            with st.container(horizontal=True, vertical_alignment="center"):
                what = st.segmented_control(
                    "What is drawn",
                    list(TITLES),
                    format_func=lambda name: TITLES[name],
                    key=WHAT_KEY,
                    default="loss",
                    required=True,
                    label_visibility="collapsed",
                )
                st.space("stretch")
                st.button("Clear", key="compare-none", type="tertiary", on_click=_clear)
            curves = {
                found[name]["title"]: known.get(name, {}).get("curve", EMPTY) for name in beside
            }
            ghost = known.get("categorical_crossentropy", {}).get("curve")
            st.plotly_chart(
                comparison(curves, ghost, what or "loss", dark),
                key="comparison-chart",
                config={"displayModeBar": False},
                alt=f"{', '.join(curves)} over the probability of the true class",
            )
        with right:
            for place, name in enumerate(beside):
                _described(found[name], known.get(name, {}), palette.run_colour(place, dark))


EMPTY: Mapping[str, list[float | None]] = {"p": [], "loss": [], "slope": [], "slope_p": []}


def _described(info: Mapping[str, Any], card: Card, colour: str) -> None:
    with st.container(gap=None, key=f"described-{info['name']}"):
        swatch = f'<i class="swatch" style="background:{colour}"></i>'
        st.html(f"<div class='described'>{swatch}<b>{escape(info['title'])}</b></div>")
        st.latex(info["latex"])
        no_curve = card and "curve" not in card
        also = " It has no curve over p: the Playground shows what fits." if no_curve else ""
        st.caption(f"{info['when']} Paper: {info['paper']}.{also}")


def of_ten() -> None:
    """That the cards are of ten classes, where the chosen data have another number."""
    count = draft.classes()
    if count != CLASSES:
        st.caption(
            f"Pictures and properties of the cards are those of {CLASSES} classes; the chosen "
            f"images have {count}. The page that a loss is opened on draws and examines it with "
            f"{count}."
        )


def cards(found: Infos, known: Cards) -> None:
    """A card for each chosen loss: its picture, what it is, the way to try and to compare it. One
    that the chosen task cannot train says why instead."""
    lacking = trainable.untrainable(found.values(), draft.chosen_task())
    beside = st.session_state[url.BESIDE_KEY]
    names = chosen(found, known)
    if not names:
        st.caption("No named loss has all of these. Take one property away, or write your own.")
        return
    with st.container(horizontal=True, gap="small", key="cards"):
        for name in names:
            info, card = found[name], known.get(name, {})
            with st.container(border=True, width=CARD_WIDTH, gap="xsmall", key=f"card-{name}"):
                st.html(_face(info, card, lacking.get(name, "")))
                with st.container(
                    horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
                ):
                    tried = st.button(
                        "Try it",
                        key=f"try-{name}",
                        type="tertiary",
                        icon=":material/play_arrow:",
                        disabled=name in lacking,
                        help=f"Opens the Playground with {info['title']}.",
                    )
                    st.session_state[f"beside-{name}"] = name in beside
                    st.checkbox(
                        "Compare",
                        key=f"beside-{name}",
                        disabled=name not in beside and len(beside) >= MOST_BESIDE,
                        on_change=_toggle,
                        args=(name,),
                    )
                if tried:
                    _try(name)


def _face(info: Mapping[str, Any], card: Card, lacking: str) -> str:
    states = card.get("findings", {})
    yes = [word for name, word in CHIPS.items() if states.get(name) == "yes"]
    said = " · ".join(yes) if states else "…"
    drawn = thumbnail(card, st.context.theme.type == "dark")
    source = f"data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()}"
    last = f"<em>{escape(said) or '&nbsp;'}</em>"
    if lacking:
        last = f"<p>{escape(checked.sentence(lacking))}</p>"
    return (
        f"<div class='face{' lacking' if lacking else ''}'><img src='{source}' alt=''>"
        f"<b>{escape(info['title'])}</b><span>{escape(info['group'])}</span>{last}</div>"
    )


def _toggle(name: str) -> None:
    beside = session.value(url.BESIDE_KEY)
    if name in beside:
        st.session_state[url.BESIDE_KEY] = [each for each in beside if each != name]
    else:
        st.session_state[url.BESIDE_KEY] = [*beside, name][:MOST_BESIDE]
    rerun.ask()


def _clear() -> None:
    st.session_state[url.BESIDE_KEY] = []
    rerun.ask()


def _try(name: str) -> None:
    """Opens the page of the chosen task with a loss; what was written there is kept."""
    session.LOSS_MODE.set("pick")
    session.LOSS_NAME.set(name)
    session.LOSS_PARAMETERS.get()["pick"] = {}
    session.keep()
    st.switch_page(f"{TASKS[draft.chosen_task()].page}.py")
