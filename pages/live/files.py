"""The files of the live views under a path that changes with their content, so that a browser
keeps them for good and never mixes two versions."""

import gzip
import hashlib
from functools import cache
from pathlib import Path

import plotly
import streamlit as st

FOLDER = Path(__file__).parent / "assets"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@cache
def files() -> dict[str, Path]:
    """Every file that may be asked for, by name."""
    own = {path.name: path for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}
    return {**own, "plotly.min.js": PLOTLY}


@cache
def version() -> str:
    """Twelve hexadecimal digits of all files' content."""
    digest = hashlib.sha256(plotly.__version__.encode())
    for name, path in files().items():
        if path != PLOTLY:
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def content(name: str) -> tuple[bytes, bytes]:
    """A file as it is and gzipped. Raises KeyError for a name that is not ours."""
    plain = files()[name].read_bytes()
    return plain, gzip.compress(plain, 6, mtime=0)


def base() -> str:
    """What precedes every path of ours: Streamlit's `server.baseUrlPath`, mostly nothing."""
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""
