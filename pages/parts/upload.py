"""A picture of the visitor's own, for the network to look at."""

import hashlib

import streamlit as st

from pages.parts import problems
from playground import pictures
from playground.errors import PictureError

KEPT = "picture"  # (file's digest, name, its square): of the last one that could be used
READ = "picture.read"  # (the upload's id, why it was refused or None): no file is read twice


def picture(dataset: str) -> tuple[str, str, bytes] | None:
    """The uploader; gives a key of its own, the name and the pixels of the last good picture as a
    network for `dataset` gets it. One that cannot be used is refused in words, and the last good
    one stays."""
    state = st.session_state
    file = st.file_uploader(
        "Picture",
        type=["png", "jpg", "jpeg", "webp", "bmp", "gif"],
        key="upload",
        max_upload_size=pictures.MOST_BYTES // 2**20,
        help="At most 5 MB. It is read here and never stored.",
    )
    if file is not None:
        if state.get(READ, ("", None))[0] != file.file_id:
            state[READ] = (file.file_id, _take(file.name, file.getvalue()))
        error = state[READ][1]
        if error is not None:
            problems.problem("Not used", error.message, error.hint, key="upload-fault")
    if KEPT not in state:
        return None
    digest, name, square = state[KEPT]
    return f"{digest} {dataset}", name, pictures.fit(square, dataset).tobytes()


def _take(name: str, content: bytes) -> PictureError | None:
    """Keeps a picture that can be used; else why it cannot."""
    try:
        square = pictures.square(content)
    except PictureError as error:
        return error
    st.session_state[KEPT] = (hashlib.sha256(content).hexdigest()[:16], name[:60], square)
    return None
