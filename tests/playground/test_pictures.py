"""A visitor's picture: used as the network gets it, or refused in words."""

import io
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from playground import pictures
from playground.errors import PictureError


def read(file: bytes, dataset: str) -> np.ndarray:
    """As the page reads an upload."""
    return pictures.fit(pictures.square(file), dataset)


def content(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of some bytes that declares as many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def test_dark_ink_on_light_paper_becomes_light_on_dark() -> None:
    paper = Image.new("L", (100, 60), 255)
    paper.paste(0, (40, 10, 60, 50))
    seen = read(content(paper), "mnist")
    assert seen.shape == (28, 28, 1) and seen.dtype == np.uint8
    assert seen[0, 0] == 0 and seen[14, 14] == 255
    inverted = read(content(Image.eval(paper, lambda value: 255 - value)), "mnist")
    assert np.abs(seen.astype(int) - inverted).max() <= 1


def test_a_photograph_is_cut_square_and_keeps_its_colours() -> None:
    wide = Image.new("RGB", (300, 100), "blue")
    wide.paste("red", (100, 0, 200, 100))
    seen = read(content(wide, "JPEG", quality=95), "cifar10")
    assert seen.shape == (32, 32, 3)
    assert (seen[16, 16] > (200, 0, 0)).all() or seen[16, 16, 0] > 200
    assert seen[16, 16, 2] < 60 and seen[16, 1, 0] > 150


def test_transparency_shows_white_paper() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert (read(content(clear), "cifar10") == 255).all()


def test_an_upright_picture_stays_upright() -> None:
    tall = Image.new("L", (40, 40), 0)
    tall.paste(255, (0, 0, 40, 12))  # the top is light
    turned = tall.rotate(90)  # as a camera on its side stores it
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = read(content(turned, "JPEG", exif=exif.tobytes(), quality=95), "cifar10")
    assert seen[2, 16].mean() > 200 and seen[28, 16].mean() < 60


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "not a picture"),
        (b"hello", "not a picture"),
        (content(Image.new("L", (50, 50)))[:60], "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (bomb(3_500, 3_500), "3,500 × 3,500 pixels, more than the 12 million that a PNG"),
        (bomb(6_300, 6_300), "6,300 × 6,300 pixels"),
        (bomb(9_000, 9_000), "9,000 × 9,000 pixels"),
        (content(Image.new("L", (5_000, 5_000)), "JPEG"), "more than the 24 million that a JPEG"),
        (bomb(60_000, 60_000), "too large"),
        (content(Image.new("L", (1, 1))), "1 × 1 pixels"),
        (content(Image.new("CMYK", (50, 50)), "JPEG"), "CMYK"),
        (
            content(
                Image.new("RGB", (20, 20), "red"),
                "GIF",
                save_all=True,
                append_images=[Image.new("RGB", (20, 20), "blue")],
            ),
            "moves",
        ),
        (b"\x00" * (pictures.MOST_BYTES + 1), "more than 5"),
        (content(Image.new("L", (50, 50)), "TIFF"), "not a picture"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(file: bytes, said: str) -> None:
    with pytest.raises(PictureError, match=said) as caught:
        read(file, "mnist")
    assert caught.value.hint


# All that are taken but "PA" and "F", in which no file format of ours keeps a picture.
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16"])
def test_a_large_picture_looks_as_its_smaller_self(mode: str) -> None:
    gradient = Image.linear_gradient("L").resize((700, 700))
    if mode == "P":
        large = gradient.convert("RGB").quantize(256)
    elif mode in {"I", "I;16"}:
        large = Image.fromarray(np.asarray(gradient).astype(np.uint16) * 256)
    else:
        large = gradient.convert(mode)
    small = gradient if mode != "1" else large.convert("L")
    seen = read(content(large), "cifar10").astype(int)
    wanted = np.asarray(small.resize((32, 32), Image.Resampling.LANCZOS)).astype(int)[..., None]
    assert np.abs(seen - wanted).max() <= (4 if mode != "1" else 40)


def test_a_photograph_is_made_small_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[int, int]] = []
    original = pictures._small
    monkeypatch.setattr(
        pictures, "_small", lambda image: (decoded.append(image.size), original(image))[1]
    )
    photograph = content(Image.new("RGB", (5_000, 4_000), "green"), "JPEG")
    assert read(photograph, "cifar10").shape == (32, 32, 3)
    assert decoded == [(625, 500)]  # an eighth, which libjpeg leaves out while it decodes


def test_one_picture_is_decoded_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    original = pictures._small

    def counted(image: Image.Image) -> Image.Image:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        try:
            return original(image)
        finally:
            inside -= 1

    monkeypatch.setattr(pictures, "_small", counted)
    file = content(Image.new("RGBA", (2_000, 2_000), "green"))
    threads = [threading.Thread(target=pictures.square, args=(file,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


MEASURE = """
import io, sys, threading
from PIL import Image
from playground import pictures

def kilobytes(name):
    return next(int(row.split()[1]) for row in open("/proc/self/status") if row.startswith(name))

out = io.BytesIO()
Image.new("RGBA", (3_400, 3_400), (255, 0, 0, 128)).save(out, "PNG")
open("/proc/self/clear_refs", "w").write("5")
before = kilobytes("VmRSS")
threads = [threading.Thread(target=pictures.square, args=(out.getvalue(),)) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print((kilobytes("VmHWM") - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
def test_eight_of_the_largest_at_once_cost_what_one_does() -> None:
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True
    )
    assert int(measured.stdout) < 250  # MiB; 2,089 when each was decoded as it came


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=400),
    st.integers(0, 200),
    st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP"]),
)
def test_damage_anywhere_is_a_picture_or_a_refusal(noise: bytes, at: int, kind: str) -> None:
    whole = content(Image.new("RGB", (32, 32), "green"), kind)
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    try:
        assert read(damaged, "cifar10").shape == (32, 32, 3)
    except PictureError as error:
        assert error.message
