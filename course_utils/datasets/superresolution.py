"""Pictures for super-resolution: halved as the papers do it, cut into windows, and the sets that they are judged on.

Photographs come with libraries and are split by name, once and for all. Set5 and Set14 are read where they lie already;
nothing is downloaded. Derived in notebooks/17_super_resolution.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F

from course_utils import runtime
from course_utils.color import rgb_to_ycbcr
from course_utils.datasets import photos
from course_utils.runtime import check_int

TRAINING = ("astronaut", "brick", "china", "coins", "grass", "gravel", "hubble_deep_field", "retina", "rocket")
VALIDATION = ("flower",)
TEST = ("camera", "chelsea", "coffee")
BENCHMARKS = ("Set5", "Set14")


# --- down and up -----------------------------------------------------------------------------------------------------


def eight_bits(images: torch.Tensor) -> torch.Tensor:
    """What a file would keep: cut off at 0 and 1 and rounded to 256 steps."""
    return (255 * images).round().clamp(0, 255) / 255


def to_multiple(images: torch.Tensor, scale: int) -> torch.Tensor:
    """Cut rows off below and columns off on the right, until both sides are multiples of the scale.

    Raises:
        ValueError: a side shorter than the scale.
    """
    check_int("scale", scale, 1)
    height, width = (side - side % scale for side in images.shape[-2:])
    if not height or not width:
        raise ValueError(f"images must have sides of at least {scale}, the scale, got {tuple(images.shape[-2:])}")
    return images[..., :height, :width]


def _bicubic(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Cubic convolution with a = -0.5 (that is what `antialias=True` means), low-pass first where it shrinks."""
    return F.interpolate(images, (height, width), mode="bicubic", antialias=True, align_corners=False)


def shrink(images: torch.Tensor, scale: int) -> torch.Tensor:
    """Bicubic reduction as in the papers: cubic with a = -0.5, low-pass first, in float64, not rounded.

    Keys 1981; equal to MATLAB's imresize but for a rim of pixels. Derived in notebooks/17_super_resolution.ipynb.

    Args:
        images: (N, C, H, W) in 0..1; H and W are multiples of the scale (see `to_multiple`).
        scale: 2 or more.

    Returns:
        (N, C, H / scale, W / scale), same type.

    Raises:
        ValueError: a scale or sides that do not fit.
    """
    check_int("scale", scale, 2)
    height, width = images.shape[-2:]
    if height % scale or width % scale or not height or not width:
        raise ValueError(
            f"images must have sides that are multiples of {scale}, got {height}x{width}: cut them with to_multiple"
        )
    return _bicubic(images.double(), height // scale, width // scale).to(images.dtype)


def enlarge(images: torch.Tensor, scale: int) -> torch.Tensor:
    """Bicubic enlargement: cubic with a = -0.5, not rounded, and not cut off where it overshoots.

    Keys 1981. Derived in notebooks/17_super_resolution.ipynb.

    Args:
        images: (N, C, H, W).
        scale: 2 or more.

    Returns:
        (N, C, scale H, scale W), same type.
    """
    check_int("scale", scale, 2)
    return _bicubic(images, scale * images.shape[-2], scale * images.shape[-1])


def luminance(images: torch.Tensor) -> torch.Tensor:
    """Y of color pictures (..., 3, H, W) as (..., 1, H, W), in 8 bits; gray ones, (..., 1, H, W), as they are.

    The papers round here, and the result of a network, and nothing in between.
    """
    return images if images.shape[-3] == 1 else eight_bits(rgb_to_ycbcr(images)[..., :1, :, :])


# --- pictures --------------------------------------------------------------------------------------------------------


def photographs(names: Sequence[str], sides: Sequence[float] = (1.0,)) -> list[torch.Tensor]:
    """The luminance of photographs from `datasets.photos`, each at several sizes.

    Args:
        names: of `photos.names()`.
        sides: factors of at most 1; a photograph made smaller is sharper and shows less noise.

    Returns:
        A list of (1, 1, H, W) float32 in 0..1.
    """
    found = []
    for name in names:
        picture = luminance(photos.load(name)[None])
        for side in sides:
            height, width = (round(side * n) for n in picture.shape[-2:])
            found.append(picture if side == 1 else _bicubic(picture, height, width).clamp(0, 1))
    return found


def benchmark(name: str, root: Path | str | None = None) -> dict[str, torch.Tensor]:
    """Set5 (Bevilacqua et al. 2012) or Set14 (Zeyde et al. 2010), read from PNG files.

    Args:
        name: 'Set5' or 'Set14'.
        root: folder that holds the set's folder; `sr` under `runtime.data_dir()` if None.

    Returns:
        The files' names without ending, to (3, H, W) float32 in 0..1; (1, H, W) where the file is gray.

    Raises:
        ValueError: an unknown set.
        RuntimeError: no such folder, or a damaged file; it names the file and the remedy.
    """
    from PIL import Image

    runtime.check_choice("name", name, BENCHMARKS)
    folder = (runtime.data_dir() / "sr" if root is None else Path(root)) / name
    paths = sorted(folder.glob("*.png"))
    if not paths:
        raise RuntimeError(
            f"{folder} holds no PNG file. {name} is not downloaded here: put its pictures there, or set COURSE_DATA to "
            f"the folder that holds sr/{name}; or stay at COURSE_TIER=quick, which needs neither."
        )
    pictures = {}
    for path in paths:
        try:
            picture = photos.read_picture(path)
            with Image.open(path) as file:
                gray = file.mode in ("1", "L", "I;16")
        except ValueError as error:
            raise RuntimeError(f"{error}. Copy {path} anew.") from error
        pictures[path.stem] = picture[:1] if gray else picture
    return pictures


# --- windows to learn from -------------------------------------------------------------------------------------------


def windows(
    pictures: Sequence[torch.Tensor], scale: int, size: int, stride: int, count: int, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut pairs of small and large windows out of pictures, without those where bicubic is right already.

    A window whose bicubic enlargement has a mean squared error below 2e-5 (47 dB) teaches nothing: sky, black rims.

    Args:
        pictures: luminance, (1, 1, H, W) each.
        scale: 2 or more.
        size, stride: side of the small windows and step between them, in pixels of the small picture.
        count: at most so many are kept, drawn by lot.
        seed: of the lot.

    Returns:
        (N, 1, size, size) and (N, 1, scale size, scale size), N at most count.

    Raises:
        ValueError: no window is left.
    """
    check_int("size", size, 1)
    check_int("stride", stride, 1)
    check_int("count", count, 1)
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    for picture in pictures:
        large = to_multiple(picture, scale)
        cut = []
        for image, factor in ((shrink(large, scale), 1), (large, scale)):
            side, step = factor * size, factor * stride
            if min(image.shape[-2:]) >= side:
                cut.append(image[0].unfold(1, side, step).unfold(2, side, step).reshape(-1, 1, side, side))
        if len(cut) == 2:
            hard = (enlarge(cut[0], scale) - cut[1]).square().mean(dim=(1, 2, 3)) > 2e-5
            kept.append((cut[0][hard], cut[1][hard]))
    if not sum(len(small) for small, _ in kept):
        raise ValueError(f"pictures must hold windows of {scale * size} pixels that bicubic gets wrong, found none")
    small, large = (torch.cat(part) for part in zip(*kept, strict=True))
    order = torch.randperm(len(small), generator=torch.Generator().manual_seed(seed))[:count]
    return small[order].contiguous(), large[order].contiguous()
