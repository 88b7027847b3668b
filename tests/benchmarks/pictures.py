"""What uploads cost the server in memory: `python tests/benchmarks/pictures.py`.

Each case in a process of its own: a picture that compresses to next to nothing is read once, and by
eight visitors at once. Linux only (/proc).
"""

import io
import subprocess
import sys
import threading
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from playground import pictures
from playground.errors import PictureError

CASES = [("L", 6300, "PNG"), ("RGBA", 3400, "PNG"), ("RGB", 4800, "JPEG")]


def mib(name: str) -> float:
    """A figure of this process' status, such as VmRSS."""
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith(name))


def measure(mode: str, side: int, kind: str, visitors: int) -> None:
    out = io.BytesIO()
    Image.new(mode, (side, side)).save(out, kind)
    content = out.getvalue()
    said: list[str] = []

    def read() -> None:
        try:
            pictures.square(content)
        except PictureError as error:
            said.append(error.message)

    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = mib("VmRSS")
    threads = [threading.Thread(target=read) for _ in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    peak, after = mib("VmHWM") - before, mib("VmRSS") - before
    how = "refused" if len(said) == visitors else "read"
    print(
        f"{kind} {mode} {side} x {side}, {len(content) / 1000:.0f} kB, {visitors} at once: {how}, "
        f"{peak:.0f} MiB at most, {after:.0f} MiB kept"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    else:
        for mode, side, kind in CASES:
            for visitors in (1, 8):
                asked = [mode, str(side), kind, str(visitors)]
                subprocess.run([sys.executable, __file__, *asked], check=True)
