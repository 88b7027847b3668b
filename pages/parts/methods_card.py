"""The methods of incremental learning: trained side by side with one click, and compared."""

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from pages.parts import draft, problems, rerun, runs, together
from playground import methods
from playground.errors import PlaygroundError
from playground.runs.store import RunRecord
from playground.spec import RunSpec

KEY = "methods-chosen"
CHOSEN = ("fine-tuning", "lwf", "exemplars", "end-to-end", "joint")
TICK_SECONDS = 2.0
COLUMNS = {
    "accuracy": "all classes",
    "old_accuracy": "old",
    "new_accuracy": "new",
    "forgetting": "forgotten",
}


def chooser(settled: RunSpec | None) -> None:
    """The methods, and the button that starts those that are chosen."""
    names = st.multiselect(
        "Methods",
        list(methods.METHODS),
        default=CHOSEN,
        format_func=lambda name: methods.METHODS[name].title,
        key=KEY,
        help="Each with the settings of the side bar, its own loss, memory and correction, from "
        "the same first weights.",
    )
    st.button(
        f"Train {len(names)} side by side" if len(names) > 1 else "Train the method",
        key="train-methods",
        icon=":material/science:",
        on_click=_start,
        args=(tuple(names),),
        disabled=settled is None or not names,
        help="Takes the place of the runs that are shown; those stay under Runs.",
    )
    with st.expander("What each does", key="methods-about"):
        for name, method in methods.METHODS.items():
            with st.container(key=f"method-{name}", gap=None):
                st.markdown(f"**{method.title}.** {method.about}")
                st.button(
                    "Set the controls so",
                    key=f"take-{name}",
                    icon=":material/tune:",
                    type="tertiary",
                    on_click=_take,
                    args=(name,),
                    disabled=settled is None,
                    help="Its loss, memory and correction; the other settings stay.",
                )


def _take(name: str) -> None:
    rerun.ask()
    settled = draft.spec()[0]
    if settled is not None:
        draft.take(methods.spec(name, settled))


def _start(names: Sequence[str]) -> None:
    rerun.ask()
    settled = draft.spec()[0]
    if settled is None:
        return
    try:
        specs = [methods.spec(name, settled) for name in names]
    except PlaygroundError as error:
        problems.remember(error, "Not started", about="settings")
        return
    if together.train_together(specs):
        draft.take(specs[0])


def table(shown: Sequence[RunRecord]) -> None:
    """What the shown runs have come to, and what that says; follows runs that train."""
    live = any(each.live for each in shown)
    st.fragment(_table, run_every=TICK_SECONDS if live else None)([each.id for each in shown])


def _table(ids: Sequence[str]) -> None:
    rerun.follow()
    records = [each for each in map(runs.find, ids) if each is not None]
    rows = [(record, _numbers(record)) for record in records]
    if not any(numbers for _, numbers in rows):
        st.caption(
            "Train the methods side by side: what each keeps of the old classes shows here, and "
            "what that says."
        )
        return
    titles = list(COLUMNS.values())
    lines = [f"| run | method | {' | '.join(titles)} |", "|---|---|" + "--:|" * len(titles)]
    for record, numbers in rows:
        name = methods.of(record.spec)
        title = methods.METHODS[name].title if name else "its own settings"
        cells = [_percent(numbers.get(key)) for key in COLUMNS]
        lines.append(f"| #{record.number} | {title} | {' | '.join(cells)} |")
    with st.container(key="methods-table"):
        st.markdown("\n".join(lines))
    ended = {
        methods.of(record.spec): numbers["accuracy"]
        for record, numbers in rows
        if record.state == "completed" and "accuracy" in numbers
    }
    sentences = methods.lesson({name: value for name, value in ended.items() if name})
    with st.container(key="lesson-methods"):
        st.caption(
            " ".join(sentences)
            or "Of runs that have ended these are test images, of others validation images."
        )


def _numbers(record: RunRecord) -> Mapping[str, float]:
    """A run's numbers on the test images where it has ended, else on the validation ones."""
    split = "test" if "test_accuracy" in record.metrics else "validation"
    found = {key: record.metrics.get(f"{split}_{key}") for key in COLUMNS}
    return {key: value for key, value in found.items() if value is not None}


def _percent(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.1%}"
