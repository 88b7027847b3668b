"""What a visitor brings: images of their own, or a run of another server. Both are handed to the
process that reads them (`playground.intake`), and what it says is shown."""

import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import streamlit as st

from pages.parts import draft, problems, session
from pages.parts.own_data import look
from pages.parts.samples import samples
from pages.parts.visitor import visitor
from playground.datasets import own
from playground.errors import PlaygroundError, RunError, StoreError
from playground.intake import asking
from playground.intake.pictures import SUFFIXES, is_picture
from playground.runs import supervisor
from playground.runs.rates import TooOften
from playground.settings import settings
from playground.tasks import TASKS

CHOICE = "bring your own"  # in the list of data sets; the name of none
TITLE = "Your own data…"
SIDES = (0, 28, 32, 48, 64)
DATA, RUN = "data", "run"
OPEN: session.Key[str] = session.Key("bring.open", str)  # which dialog is, "" for none
# The upload's id, and the name of what became of it or the error: no file is read twice.
TAKEN: session.Key[tuple[str, str | PlaygroundError] | None] = session.Key(
    "bring.taken", lambda: None
)


def ask(what: str) -> None:
    """Opens the dialog for DATA or a RUN; it stays open until it is closed or done with."""
    OPEN.set(what)
    TAKEN.drop()


def dialogs() -> None:
    """The dialog that is open, if any."""
    if OPEN.get() == DATA:
        _data()
    elif OPEN.get() == RUN:
        _run()


def run_button() -> None:
    """What opens the dialog for a run."""
    st.button(
        "Import a run…",
        key="import-run",
        icon=":material/upload:",
        on_click=ask,
        args=(RUN,),
        help="The zip “Keras code” that another server exported, or the run/record.json in it.",
    )


@st.dialog(TITLE, width="medium", on_dismiss=OPEN.drop)
def _data() -> None:
    limits = settings()
    st.caption(
        f"An .npz (x, y), a CSV (label, then pixels) or a zip of pictures in a folder for each "
        f"class. 2 to {limits.upload_classes} classes, at most {limits.upload_images:,} images and "
        f"{_megabytes()} MB. Kept for {limits.upload_days:g} days after they were last "
        "used; only who has a link to them can see them."
    )
    side = st.selectbox(
        "Side of the images",
        [each for each in SIDES if each <= limits.upload_side],
        format_func=lambda each: (
            f"{each}×{each} pixels" if each else f"as they are, at most {limits.upload_side} pixels"
        ),
        key="bring-side",
    )
    file = st.file_uploader(
        "File",
        type=["npz", "csv", "zip"],
        key="bring-data",
        max_upload_size=_megabytes(),
    )
    folder = st.file_uploader(
        "Or a folder of pictures",
        type=[ending.removeprefix(".") for ending in sorted(SUFFIXES)],
        accept_multiple_files="directory",
        key="bring-folder",
        max_upload_size=_megabytes(),
        help="With a folder in it for each class. Of some hundred pictures; of more make a zip.",
    )
    given = [file] if file is not None else folder
    taken = _taken(DATA, given, {"side": side}) if given else None
    if isinstance(taken, PlaygroundError):
        _fault("Not used", taken)
    elif taken is not None:
        with st.container(width=320):
            samples(taken, "bring-samples")
        look(taken, "bring")
        if st.button(
            "Use these images", key="bring-use", type="primary", on_click=_use, args=(taken,)
        ):
            st.rerun()


def _fault(title: str, error: PlaygroundError) -> None:
    """Says why a file was not taken; one that was not read is read when that is asked for."""
    problems.problem(title, error.message, error.hint, key="bring-fault")
    if _not_now(error):
        st.button("Try again", key="bring-again", icon=":material/refresh:")


def _not_now(error: object) -> bool:
    """Whether a file was not read at all: too many came, or there is no room."""
    return isinstance(error, TooOften | RunError | asking.Busy)


def _megabytes() -> int:
    """How large a file may be: what the settings say, and what the server takes at all."""
    return max(1, int(min(settings().upload_mib, st.get_option("server.maxUploadSize"))))


def _use(name: str) -> None:
    draft.switch_dataset(name)
    OPEN.drop()


@st.dialog("Import a run", width="medium", on_dismiss=OPEN.drop)
def _run() -> None:
    st.caption(
        "The zip “Keras code” of another server, or the run/record.json in it. "
        "Its curves, settings and weights open here; it is listed among your runs."
    )
    file = st.file_uploader(
        "File",
        type=["zip", "json"],
        key="bring-run",
        max_upload_size=_megabytes(),
    )
    taken = None if file is None else _taken(RUN, [file], {})
    if isinstance(taken, PlaygroundError):
        _fault("Not imported", taken)
    elif taken is not None:
        st.text(f"Imported: {_origin(taken)}")
        if st.button("Open it", key="bring-open", type="primary", on_click=_open, args=(taken,)):
            st.switch_page(f"{TASKS[draft.chosen_task()].page}.py")


def _origin(run_id: str) -> str:
    found = supervisor.service().store.imports.of(run_id)
    return "" if found is None else found.said


def origin(run_id: str) -> None:
    """Says of a run that was imported where it came from."""
    try:
        said = _origin(run_id)
    except StoreError:
        return  # what else is read of the store has said so
    if said:
        with st.container(key="imported"):
            st.text(f"Imported. {said}")  # of another server: never Markdown


def _open(run_id: str) -> None:
    """The run that is shown on the page of its task is this one."""
    OPEN.drop()
    record = supervisor.service().store.run(run_id)
    if record is not None:
        draft.choose(record.spec.task)
        session.RUN.set(record.id)
        session.COMPARE.set([])
        session.keep()


def _taken(what: str, files: Sequence[Any], order: dict[str, Any]) -> str | PlaygroundError:
    """The name of what a file, or those of a folder, became, or why they became nothing; they are
    read once, and again where they are to be read otherwise or could not be read yet."""
    key = f"{[file.file_id for file in files]} {order}"
    before = TAKEN.get()
    if before is not None and before[0] == key:
        return before[1]
    bar = st.progress(0.0, "Reading the file")
    title = own.titled(PurePosixPath(files[0].name).parts[0])
    order = {**order, "owner": visitor(), "title": title}
    found: str | PlaygroundError

    def show(doing: str, done: float | None) -> None:
        bar.progress(done or 0.0, doing)

    try:
        service = supervisor.service()
        service.disk.check()
        service.rates.ask("bring", visitor())
        found = _read(what, files, order, show)
    except PlaygroundError as error:
        found = error
    bar.empty()
    if not _not_now(found):
        TAKEN.set((key, found))
    return found


def _read(
    what: str,
    files: Sequence[Any],
    order: dict[str, Any],
    on_doing: Callable[[str, float | None], None],
) -> str:
    with tempfile.TemporaryDirectory(prefix="playground-") as folder:
        path = Path(folder) / "upload"
        if len(files) == 1 and not is_picture(files[0].name):
            path.write_bytes(files[0].getbuffer())
        else:
            _pack(files, path)
        return asking.take(what, path, order, supervisor.service().settings, on_doing)


def _pack(files: Sequence[Any], path: Path) -> None:
    """The pictures of a folder as a zip, which is read as any other."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.writestr(file.name, file.getbuffer())
