"""A visitor's picture: used as the network gets it, or refused in words."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from playground import pictures
from playground.errors import PictureError


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
    seen = pictures.read(content(paper), "mnist")
    assert seen.shape == (28, 28, 1) and seen.dtype == np.uint8
    assert seen[0, 0] == 0 and seen[14, 14] == 255
    inverted = pictures.read(content(Image.eval(paper, lambda value: 255 - value)), "mnist")
    assert np.abs(seen.astype(int) - inverted).max() <= 1


def test_a_photograph_is_cut_square_and_keeps_its_colours() -> None:
    wide = Image.new("RGB", (300, 100), "blue")
    wide.paste("red", (100, 0, 200, 100))
    seen = pictures.read(content(wide, "JPEG", quality=95), "cifar10")
    assert seen.shape == (32, 32, 3)
    assert (seen[16, 16] > (200, 0, 0)).all() or seen[16, 16, 0] > 200
    assert seen[16, 16, 2] < 60 and seen[16, 1, 0] > 150


def test_transparency_shows_white_paper() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert (pictures.read(content(clear), "cifar10") == 255).all()


def test_an_upright_picture_stays_upright() -> None:
    tall = Image.new("L", (40, 40), 0)
    tall.paste(255, (0, 0, 40, 12))  # the top is light
    turned = tall.rotate(90)  # as a camera on its side stores it
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = pictures.read(content(turned, "JPEG", exif=exif.tobytes(), quality=95), "cifar10")
    assert seen[2, 16].mean() > 200 and seen[28, 16].mean() < 60


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "not a picture"),
        (b"hello", "not a picture"),
        (content(Image.new("L", (50, 50)))[:60], "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (bomb(9_000, 9_000), "9,000 × 9,000 pixels"),
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
        pictures.read(file, "mnist")
    assert caught.value.hint


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
        assert pictures.read(damaged, "cifar10").shape == (32, 32, 3)
    except PictureError as error:
        assert error.message
