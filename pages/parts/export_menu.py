"""What a run can be taken home as: the kinds, a line each, and one button for the chosen one."""

from functools import partial

import streamlit as st

from pages.parts import take_home
from pages.parts.visitor import visitor
from playground.export import STILL, latest_weights
from playground.export_kinds import KINDS, made
from playground.runs import supervisor
from playground.runs.records import RunRecord

KEY = "export-kind"


def offer(record: RunRecord) -> None:
    """The menu of a run, whole or not, live or over. The file is made when the button is clicked;
    of a kind that needs weights, where none are kept, there is a sentence in the button's place."""
    name = st.radio(
        "Take it home as",
        list(KINDS),
        format_func=lambda name: KINDS[name].title,
        captions=[kind.line for kind in KINDS.values()],
        key=KEY,
    )
    kind = KINDS[name]
    weights = latest_weights(supervisor.service().store, record) if kind.weighted else None
    missing = isinstance(weights, str)
    if missing:
        st.text(f"{weights} {STILL}")
    take_home.button(
        "Download",
        partial(_made, name, record.id, visitor()),
        of=f"{record.id} {name}",
        key="take-home",
        file_name=kind.file_name(record.number),
        mime=kind.mime,
        icon=":material/download:",
        disabled=missing,
    )


def _made(name: str, run_id: str, who: str) -> bytes:
    service = supervisor.service()
    network_file = partial(service.questions.network_file, visitor=who)
    return made(KINDS[name], service.store, run_id, network_file)
