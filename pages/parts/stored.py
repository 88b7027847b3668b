"""Numbers of experiments that take too long to be repeated while one looks, as measured."""

import json
from pathlib import Path
from typing import Any

import streamlit as st

from playground import analysis

FOLDER = Path(analysis.__file__).parent


@st.cache_data(show_spinner=False)
def stored(name: str) -> dict[str, Any]:
    """What `tests/benchmarks/fitting.py` wrote under this name: spec, seeds, names and rows."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found
