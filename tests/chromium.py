"""Finds a Chromium for the browser tests, or gets one.

`python -m tests.chromium` prints where it is.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)


def find() -> str | None:
    """The path of a Chromium that is here: Playwright's own first, else the system's."""
    for candidate in (_playwrights(), *map(shutil.which, NAMES), *PLACES):
        if candidate and Path(candidate).exists():
            return candidate
    return None


def ensure() -> str | None:
    """`find`, after fetching one if there is none; says what it does. None if nothing helped."""
    found = find()
    if found:
        return found
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if _is_root() and shutil.which("apt-get"):
        attempts += [
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
        ]
    for command in attempts:
        print(f"No Chromium found, trying: {' '.join(command)}", flush=True)
        try:
            done = subprocess.run(command, timeout=600, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"That did not work: {error}", flush=True)
            continue
        if done.returncode:
            print(f"That did not work: it ended with status {done.returncode}", flush=True)
        found = find()
        if found:
            return found
    print("No Chromium: install one (or google-chrome) to run the browser tests.", flush=True)
    return None


def arguments() -> list[str]:
    """What Chromium has to be started with here: root has no sandbox."""
    return ["--no-sandbox"] if _is_root() else []


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _playwrights() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


if __name__ == "__main__":
    path = ensure()
    print(path or "none")
    sys.exit(0 if path else 1)
