"""Files such as visitors bring, sound and not."""

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from PIL import Image

DRAW = np.random.default_rng(0)


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def images(count: int, *shape: int) -> np.ndarray:
    return DRAW.integers(0, 256, (count, *shape), np.uint8)


def picture(mode: str = "L", size: tuple[int, int] = (12, 12), kind: str = "PNG") -> bytes:
    """A picture of noise."""
    channels = {"L": (), "RGB": (3,), "RGBA": (4,), "LA": (2,)}
    if mode == "I;16":
        noise = Image.fromarray(DRAW.integers(0, 65_536, size[::-1], np.uint16))
    else:
        noise = Image.fromarray(images(1, *size[::-1], *channels[mode])[0])
    buffer = io.BytesIO()
    noise.save(buffer, kind)
    return buffer.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def folders(count: int = 12, classes: tuple[str, ...] = ("cat", "dog"), top: str = "") -> dict:
    """Pictures by class, as many of each."""
    return {f"{top}{name}/{i}.png": picture() for name in classes for i in range(count)}


def table(rows: int, pixels: int = 16, header: bool = True, classes: int = 3) -> list[str]:
    """Lines of a CSV with its labels first."""
    lines = ["label," + ",".join(f"pixel{i}" for i in range(pixels))] if header else []
    values = DRAW.integers(0, 256, (rows, pixels))
    return lines + [f"{i % classes}," + ",".join(map(str, row)) for i, row in enumerate(values)]
