"""A picture of the visitor's own, for the network to look at."""

import hashlib

import streamlit as st

from pages.parts import problems
from playground import pictures
from playground.errors import PictureError

KEPT = "picture"  # (file's digest, name, its bytes): of the last one that could be used


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
        content = file.getvalue()
        digest = hashlib.sha256(content).hexdigest()[:16]
        try:
            pictures.read(content, dataset)
        except PictureError as error:
            problems.problem("Not used", error.message, error.hint, key="upload-fault")
        else:
            state[KEPT] = (digest, file.name[:60], content)
    if KEPT not in state:
        return None
    digest, name, content = state[KEPT]
    return f"{digest} {dataset}", name, pictures.read(content, dataset).tobytes()
