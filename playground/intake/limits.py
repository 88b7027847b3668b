"""How much a file that a visitor brings may be."""

from dataclasses import dataclass

from playground.settings import Settings

LEAST_CLASSES, LEAST_IMAGES, LEAST_SIDE = 2, 20, 4


@dataclass(frozen=True)
class Limits:
    """Bytes of the file and of what is unpacked of it, images in all, pixels of a side of an image
    as it is kept, classes, and pixels, in millions, of a picture before it is made smaller."""

    file_bytes: int
    unpacked_bytes: int
    images: int
    side: int
    classes: int
    megapixels: float


def limits(settings: Settings) -> Limits:
    """The limits that these settings name."""
    return Limits(
        int(settings.upload_mib * 2**20),
        int(settings.upload_unpacked_mib * 2**20),
        settings.upload_images,
        settings.upload_side,
        settings.upload_classes,
        settings.picture_megapixels,
    )
