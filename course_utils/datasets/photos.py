"""Photographs that come inside scikit-image and scikit-learn: real pixels without a download; and your own files.

Only files that lie in the installed packages are listed. scikit-image knows many more, which it would fetch from the
network: those are not used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from course_utils.runtime import check_choice, check_int

if TYPE_CHECKING:
    import torch


class Photo(NamedTuple):
    """Where a photograph lies, what it shows, whom it is by, and under which terms it may be shown."""

    package: str
    file: str
    shows: str
    credit: str
    licence: str


_CC0 = "CC0 1.0 (public domain)"
_CC_BY = "CC BY 2.0"
_SKIMAGE, _SKLEARN = "skimage", "sklearn"

# Facts from the docstrings of skimage.data and from sklearn/datasets/images/README.txt.
PHOTOS: dict[str, Photo] = {
    "astronaut": Photo(_SKIMAGE, "data/astronaut.png", "portrait of Eileen Collins, color", "NASA", "public domain"),
    "brick": Photo(_SKIMAGE, "data/brick.png", "brick wall, gray", "CC0Textures, Bricks25", _CC0),
    "camera": Photo(_SKIMAGE, "data/camera.png", "man with a camera on a lawn, gray", "Lav Varshney", _CC0),
    "chelsea": Photo(_SKIMAGE, "data/chelsea.png", "face of a tabby cat, color", "Stefan van der Walt", _CC0),
    "china": Photo(
        _SKLEARN, "datasets/images/china.jpg", "Chinese temple, color", "danielbuechele on Flickr, 6061409035", _CC_BY
    ),
    "coffee": Photo(_SKIMAGE, "data/coffee.png", "cup of coffee on a table, color", "Rachel Michetti", _CC0),
    "coins": Photo(
        _SKIMAGE, "data/coins.png", "Greek coins from Pompeii, gray", "Brooklyn Museum", "no known restrictions"
    ),
    "flower": Photo(
        _SKLEARN, "datasets/images/flower.jpg", "dahlia in bloom, color", "vultilion on Flickr, 6056698931", _CC_BY
    ),
    "grass": Photo(_SKIMAGE, "data/grass.png", "grass seen from above, gray", "linolafett on DeviantArt", _CC0),
    "gravel": Photo(_SKIMAGE, "data/gravel.png", "gravel seen from above, gray", "CC0Textures, Gravel04", _CC0),
    "hubble_deep_field": Photo(_SKIMAGE, "data/hubble_deep_field.jpg", "galaxies, color", "NASA", "public domain"),
    "retina": Photo(_SKIMAGE, "data/retina.jpg", "back of a human eye, color", "Mikael Häggström", _CC0),
    "rocket": Photo(_SKIMAGE, "data/rocket.jpg", "rocket at its launch, color", "SpaceX", "public domain"),
}


def _path(photo: Photo) -> Path | None:
    spec = find_spec(photo.package)  # finds the folder without importing the package
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / photo.file
    return path if path.is_file() else None


def names() -> tuple[str, ...]:
    """Names of the photographs that the installed packages really hold, in alphabetical order."""
    return tuple(name for name, photo in sorted(PHOTOS.items()) if _path(photo) is not None)


def load(name: str, size: int | Sequence[int] | None = None) -> torch.Tensor:
    """Load a photograph, at its own size or cut to a shape around its centre and scaled.

    Args:
        name: one of `names()`.
        size: None for the photograph as it is; (height, width) in pixels, or an int for a square. What does not
            belong to that shape is cut away at both ends before scaling, so nothing is distorted.

    Returns:
        (C, H, W) float32 in 0..1, with C = 3 for color and 1 for gray.

    Raises:
        ValueError: an unknown name or a size that is not one or two integers of at least 1.
        FileNotFoundError: the installed package comes without this file.
    """
    import numpy as np
    import torch
    from PIL import Image

    check_choice("name", name, tuple(sorted(PHOTOS)))
    photo = PHOTOS[name]
    if size is not None:
        sides = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
        if len(sides) != 2:
            raise ValueError(f"size must be an integer or (height, width), got {size!r}")
        height, width = (check_int("size", side, 1) for side in sides)
    path = _path(photo)
    if path is None:
        raise FileNotFoundError(
            f"{photo.file} is missing from the installed package {photo.package}; this photograph cannot be shown. "
            f"Available: {', '.join(names()) or 'none'}"
        )
    with Image.open(path) as file:
        image = file.convert("L" if photo.shows.endswith("gray") else "RGB")
    if size is not None:
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        left, top = max(left, 0.0), max(top, 0.0)  # rounding may leave them a hair below 0
        box = (left, top, min(left + width * scale, image.width), min(top + height * scale, image.height))
        image = image.resize((width, height), Image.Resampling.BICUBIC, box=box)
    pixels = torch.from_numpy(np.array(image, dtype=np.float32) / 255)
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1).contiguous()


def read_picture(path: str | Path) -> torch.Tensor:
    """Read any picture file as three channels, at its own size.

    A photograph is turned upright as its camera noted. Gray is repeated in all three channels, 16 bits are scaled to
    the same range as 8, and what is transparent lies on white.

    Args:
        path: a file that Pillow can read: PNG, JPEG, TIFF, WebP, GIF (its first frame), ...

    Returns:
        (3, H, W) float32 in 0..1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, damaged, cut short, without area, too large, or not a picture; or its numbers
            have no known range (floats, 32 bits).
    """
    import numpy as np
    import torch
    from PIL import Image, ImageOps

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path must name a picture file, got {path}: there is no such file")
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)  # reads all of it
            if image.mode.startswith("I;16"):
                gray = np.array(image, dtype=np.float32) / 65535
                pixels = np.stack([gray] * 3, axis=2)
            elif image.mode in ("I", "F"):
                raise ValueError(f"numbers of type {image.mode!r} have no known range; save it with 8 or 16 bits")
            else:
                if image.has_transparency_data:
                    image = image.convert("RGBA")
                    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
                pixels = np.array(image.convert("RGB"), dtype=np.float32) / 255
    except Exception as error:  # a damaged file can raise nearly anything
        raise ValueError(f"path must name a whole picture of at least 1 pixel, got {path}: {error}") from error
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
