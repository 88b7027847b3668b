"""The files of the live views under a path that changes with their content, so that a browser
keeps them for good and never mixes two versions."""

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent / "assets"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
NOTE = re.compile(r"/\*.*?\*/[ \t]*", re.S)
ASIDE = re.compile(r"[ \t]+// [^\"'`\n]*$", re.M)  # behind what it is about
FOREIGN = {"codemirror.js", "plotly-cartesian.min.js"}  # served as they are


@cache
def files() -> dict[str, Path]:
    """Every file that may be asked for, by name."""
    return {path.name: path for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES}


@cache
def version() -> str:
    """Twelve hexadecimal digits of all files' content."""
    digest = hashlib.sha256()
    for name, path in files().items():
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def content(name: str) -> tuple[bytes, bytes]:
    """A file as a browser gets it, and gzipped. Raises KeyError for a name that is not ours."""
    plain = files()[name].read_bytes()
    if name not in FOREIGN:
        plain = bare(plain.decode()).encode()
    return plain, gzip.compress(plain, 9, mtime=0)


def bare(script: str) -> str:
    """A script or style sheet of ours without comments and indentation: they are for us, and a
    quarter of what would be sent. Lines keep their numbers. Comments stand as we write them: `//`
    begins its line, or stands behind a space with no quote after it, and neither that nor `/*` is
    in a text (`tests/pages/live/test_files.py` holds all to that)."""
    script = re.sub(r"^[ \t]*//.*$", "", script, flags=re.M)
    script = ASIDE.sub("", script)
    script = NOTE.sub(lambda found: "\n" * found[0].count("\n"), script)
    return re.sub(r"^[ \t]+", "", script, flags=re.M)


def base() -> str:
    """What precedes every path of ours: Streamlit's `server.baseUrlPath`, mostly nothing."""
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""
