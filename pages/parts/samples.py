"""A few images of a data set, some of each class, as one picture."""

import numpy as np
import streamlit as st

from playground import datasets

PIXELS = 56  # each image is enlarged to at least this many
COLUMNS, MANY_COLUMNS = 5, 10
LEAST, MOST = 10, 50
MANY = 20  # with more classes the images are smaller, in more columns
GAP = 4
MOST_NAMED = 20


def samples(name: str, key: str = "samples") -> None:
    """The picture, under a key of its own. Raises DataError."""
    picture, shown = sprite(name)
    title = datasets.source_of(name).title
    more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
    with st.container(key=key):
        st.image(
            picture,
            width="stretch",
            alt=f"{title}: one image each of {', '.join(shown[:MOST_NAMED])}{more}",
        )


@st.cache_data(max_entries=8, show_spinner=False)
def sprite(name: str) -> tuple[np.ndarray, list[str]]:
    """An image of each class, of few classes several, in rows, as one (H, W, C) uint8 picture that
    is see-through between them, and the classes. Raises DataError."""
    classes = len(datasets.source_of(name).class_names)
    columns = COLUMNS if classes <= MANY else MANY_COLUMNS
    wanted = columns * -(-min(max(classes, LEAST), MOST) // columns)
    images, labels, class_names = datasets.sample(name, wanted)
    times = -(-PIXELS // images.shape[1])
    large = images.repeat(times, axis=1).repeat(times, axis=2)
    if large.shape[-1] == 1:
        large = large.repeat(3, axis=-1)
    height, width = large.shape[1] + GAP, large.shape[2] + GAP
    rows = -(-len(images) // columns)
    sheet = np.zeros((rows * height, columns * width, 4), np.uint8)
    for place, image in enumerate(large):
        top, left = place // columns * height, place % columns * width
        sheet[top : top + height - GAP, left : left + width - GAP, :3] = image
        sheet[top : top + height - GAP, left : left + width - GAP, 3] = 255
    return sheet[:-GAP, :-GAP], [class_names[int(label)] for label in labels]
