"""Losses: every named loss as a card, by group and property, up to six of them on one axis."""

import streamlit as st

from pages.parts import draft, together, url
from pages.parts.catalog_cards import cards, compared, filters, listed, of_ten, progress

url.follow("losses")
settled, _ = draft.spec()
current = together.on_screen()[0]

with st.container(key="panel-catalog", gap="small"):
    st.subheader("Losses", anchor=False)
    found = listed()
    known = progress(len(found))
    if found:
        filters(found, known)
        of_ten()
        compared(found, known)
        cards(found, known)

url.write(settled, current)
