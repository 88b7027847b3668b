"""The vendored bundles are what their build recorded, from the sources beside it."""

import hashlib
from pathlib import Path

import pages.live
from pages.live import files

BUILD = Path(pages.live.__file__).parent / "bundles"


def recorded() -> dict[str, str]:
    """The hash of each file that the build read and wrote, by its path from the build's folder."""
    lines = (BUILD / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def test_the_bundles_and_their_sources_are_those_of_the_last_build() -> None:
    found = {name: hashlib.sha256((BUILD / name).read_bytes()).hexdigest() for name in recorded()}
    assert found == recorded(), "build them anew: cd pages/live; npm ci; npm run build"
    assert {Path(name).name for name in found} >= files.FOREIGN


def test_only_the_editor_loads_its_bundle() -> None:
    asking = {
        path.name
        for path in (BUILD.parent / "assets").glob("*.js")
        if '"./codemirror.js"' in path.read_text(encoding="utf-8")
    }
    assert asking and all(name.startswith("editor") for name in asking)
    importing = {
        path.name
        for path in (BUILD.parent / "assets").glob("*.js")
        if '"./editor' in path.read_text(encoding="utf-8")
    }
    assert importing and all(name.startswith("editor") for name in importing)
