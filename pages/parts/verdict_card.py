"""How well the shown runs fit, in words, with the numbers each verdict rests on."""

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.parts import judged, rerun, runs
from playground.errors import StoreError
from playground.runs.store import LIVE, RunRecord
from playground.verdicts import fit

TICK_SECONDS = 2.0
NAMES: Mapping[str, tuple[str, str, str]] = {  # kind -> title, icon, colour of the badge
    "early": ("Not enough evidence", ":material/hourglass_empty:", "gray"),
    "underfitting": ("Underfitting", ":material/south_east:", "orange"),
    "fitting": ("Fitting", ":material/check:", "green"),
    "overfitting": ("Overfitting", ":material/call_split:", "orange"),
    "overconfident": ("Overconfident", ":material/speed:", "orange"),
    "memorising": ("Memorising noise", ":material/psychology_alt:", "orange"),
    "plateau": ("Plateau", ":material/horizontal_rule:", "orange"),
    "diverging": ("Diverging", ":material/north_east:", "red"),
    "missing": ("Classes never answered", ":material/rule:", "orange"),
    "embedding": ("Last layer untrained", ":material/scatter_plot:", "orange"),
    "forgetting": ("Forgetting", ":material/history_toggle_off:", "orange"),
    "intransigent": ("Intransigence", ":material/block:", "orange"),
    "kept": ("Kept", ":material/check:", "green"),
    "collapsed": ("Collapsed", ":material/compress:", "red"),
}


def verdict_card(shown: Sequence[RunRecord], titles: Mapping[str, str]) -> None:
    """A verdict for each run, beside each other; follows them in a fragment while one is live.
    `titles` are short names by run id where there are any."""
    live = any(record.state in LIVE for record in shown)
    st.fragment(_verdicts, run_every=TICK_SECONDS if live else None)(
        [record.id for record in shown], dict(titles)
    )


def _verdicts(run_ids: list[str], titles: dict[str, str]) -> None:
    rerun.follow()
    records = [found for found in map(runs.find, run_ids) if found is not None]
    if not records:
        st.caption("Press Train: what the curves amount to will stand here, with its evidence.")
        return
    names = runs.names(records)
    columns = st.columns(min(3, len(records)), gap="medium")
    for place, record in enumerate(records[:3]):
        with columns[place], st.container(key=f"verdict-{place}", gap="xsmall"):
            _one(record, titles.get(record.id, names[record.id]), place)
    if len(records) > 3:
        st.caption("The first three of the runs on the charts are judged.")


def _one(record: RunRecord, name: str, place: int) -> None:
    try:
        verdict = judged.verdict(record)
    except StoreError as error:
        st.caption(f"No verdict: {error.message}")
        return
    title, icon, colour = NAMES[verdict.kind]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.badge(title, icon=icon, color=colour)  # type: ignore[arg-type]
        st.text(name, width="content")
    with st.container(key=f"verdict-words-{place}", gap="xsmall"):
        st.text(verdict.sentence)
        with st.container(key=f"next-{place}", gap=None):
            st.text(f"Next: {verdict.step}")  # a fragment of a visitor's text may be in it
            if verdict.respect:
                st.caption(fit.RESPECTS[verdict.respect])
            judged.next_step(record, verdict, f"next-step-{place}")
        for note in verdict.notes:
            st.caption(note)
    if verdict.evidence:
        with st.expander("Evidence", key=f"evidence-{place}"):
            judged.evidence(verdict)
