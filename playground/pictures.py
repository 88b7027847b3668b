"""A visitor's picture as a network gets it: read safely, cut square, resized.

A picture is made small while it is decoded, one at a time in this process: what an upload costs the
server does not grow with the number of visitors who upload.
"""

import io
import threading

import numpy as np
from PIL import Image, ImageOps

from playground.datasets import source_of
from playground.errors import PictureError
from playground.settings import settings

MOST_BYTES = 5 * 2**20
LEAST_SIDE = 4
KEPT_SIDE = 256  # pixels; a larger picture is kept at one to two times this side
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "I", "I;16", "F"}
# A JPEG is made smaller before it is decoded. Not without limit: one of several scans, which its
# header does not tell, is held whole as coefficients of two bytes each.
JPEG_SHARE = 2
_decoding = threading.Lock()


def square(content: bytes) -> np.ndarray:
    """The middle square of the picture in a file, upright as its EXIF data say, on white where it
    is see-through: uint8 (S, S, 3), S below 2 · KEPT_SIDE.

    Raises PictureError, whose words are for the visitor, for what cannot be used; what is too large
    is refused from the file's header, before anything is decoded.
    """
    if len(content) > MOST_BYTES:
        raise PictureError(
            f"The file has {len(content) / 2**20:.1f} MiB, more than {MOST_BYTES // 2**20}.",
            "Save the picture smaller.",
        )
    try:
        with _decoding, Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check(image)
            image.draft(None, (KEPT_SIDE, KEPT_SIDE))  # only a JPEG can
            return np.asarray(_on_white(ImageOps.exif_transpose(_small(image))))
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError("The picture is too large.", "Save it smaller.") from error
    except Exception as error:  # decoders raise whatever they like for a damaged file
        raise PictureError(
            "This is not a picture that can be read.", "Use a PNG, JPEG, WebP, BMP or GIF file."
        ) from error


def fit(picture: np.ndarray, dataset: str) -> np.ndarray:
    """A `square`, uint8 (S, S, 3), as uint8 (H, W, C) of a data set's shape: grey for a data set
    without colours, and with light and dark swapped where its margin is light: those data sets are
    white on black."""
    height, width, channels = source_of(dataset).shape
    fitted = ImageOps.fit(Image.fromarray(picture), (width, height), Image.Resampling.LANCZOS)
    if channels == 3:
        return np.asarray(fitted)
    grey = np.asarray(fitted.convert("L"))
    margin = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if margin.mean() > 127:
        grey = 255 - grey
    return grey[..., None]


def _check(image: Image.Image) -> None:
    """Refuses what must not or need not be decoded, from the file's header alone."""
    width, height = image.size
    limit = settings().picture_megapixels * (JPEG_SHARE if image.format == "JPEG" else 1)
    if width * height > limit * 1e6:
        raise PictureError(
            f"The picture has {width:,} × {height:,} pixels, more than the {limit:g} million that "
            f"a {image.format} file may have.",
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


def _small(image: Image.Image) -> Image.Image:
    """The middle square, averaged down to less than 2 · KEPT_SIDE."""
    plain = {"1": "L", "P": "RGBA", "PA": "RGBA", "I;16": "I"}  # of modes that cannot be averaged
    if image.mode in plain:
        image = image.convert(plain[image.mode])
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return image.reduce(max(1, side // KEPT_SIDE), (left, top, left + side, top + side))


def _on_white(image: Image.Image) -> Image.Image:
    """Without transparency: what is see-through shows the white behind it."""
    if image.mode in {"I", "F"}:
        values = np.asarray(image, np.float64)
        low, high = values.min(), values.max()
        scaled = (values - low) / (high - low if high > low else 1) * 255
        return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")
    solid = image.convert("RGBA")
    white = Image.new("RGBA", solid.size, "white")
    return Image.alpha_composite(white, solid).convert("RGB")
