"""A visitor's picture as a network gets it: read safely, cut square, resized."""

import io

import numpy as np
from PIL import Image, ImageOps

from playground.datasets import facts
from playground.errors import PictureError

MOST_BYTES = 5 * 2**20
MOST_PIXELS = 40_000_000  # a phone's photograph; checked before anything is decoded
LEAST_SIDE = 4
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "I", "I;16", "F"}


def read(content: bytes, dataset: str) -> np.ndarray:
    """The picture in a file as uint8 (H, W, C) of a data set's shape.

    The middle square, upright as its EXIF data say; grey for a data set without colours, and with
    light and dark swapped where its margin is light: those data sets are white on black.
    Raises PictureError, whose words are for the visitor, for what cannot be used.
    """
    if len(content) > MOST_BYTES:
        raise PictureError(
            f"The file has {len(content) / 2**20:.1f} MiB, more than {MOST_BYTES // 2**20}.",
            "Save the picture smaller.",
        )
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check(image)
            upright = ImageOps.exif_transpose(image)
            flat = _on_white(upright)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError("The picture is too large.", "Save it smaller.") from error
    except Exception as error:  # decoders raise whatever they like for a damaged file
        raise PictureError(
            "This is not a picture that can be read.", "Use a PNG, JPEG, WebP, BMP or GIF file."
        ) from error
    height, width, channels = facts(dataset).shape
    fitted = ImageOps.fit(flat, (width, height), Image.Resampling.LANCZOS)
    if channels == 3:
        return np.asarray(fitted.convert("RGB"))
    grey = np.asarray(fitted.convert("L"))
    margin = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if margin.mean() > 127:
        grey = 255 - grey
    return grey[..., None]


def _check(image: Image.Image) -> None:
    """Refuses what must not or need not be decoded, from the file's header alone."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise PictureError(
            f"The picture has {width:,} × {height:,} pixels, more than {MOST_PIXELS:,} in all.",
            "Save it smaller.",
        )
    if min(width, height) < LEAST_SIDE:
        raise PictureError(
            f"The picture has {width} × {height} pixels: there is nothing to see in it.",
            f"Use one of at least {LEAST_SIDE} × {LEAST_SIDE}.",
        )
    if getattr(image, "n_frames", 1) > 1:
        raise PictureError("The picture moves.", "Save one frame of it as a PNG file.")
    if image.mode not in MODES:
        raise PictureError(
            f"The picture's colours are {image.mode}, not RGB.", "Save it as an RGB PNG or JPEG."
        )


def _on_white(image: Image.Image) -> Image.Image:
    """Without transparency: what is see-through shows the white behind it."""
    if image.mode in {"I", "I;16", "F"}:
        values = np.asarray(image, np.float64)
        low, high = values.min(), values.max()
        scaled = (values - low) / (high - low if high > low else 1) * 255
        return Image.fromarray(scaled.astype(np.uint8))
    solid = image.convert("RGBA")
    white = Image.new("RGBA", solid.size, "white")
    return Image.alpha_composite(white, solid).convert("RGB")
