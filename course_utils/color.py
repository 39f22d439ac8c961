"""Colour as numbers: sRGB, CIE Lab and luminance, the bins of the ab plane, and what a network over these bins needs.

Lab has lightness L, 0 to 100, and two colour axes: a from green (below 0) to red, b from blue (below 0) to yellow. Gray
is a = b = 0, and the distance from it is the chroma. Derived in notebooks/15_colorization.ipynb; luminance in
notebooks/17_super_resolution.ipynb.
"""

from __future__ import annotations

import torch
from scipy.spatial import ConvexHull

from course_utils.runtime import check_int

XYZ_FROM_RGB = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)  # XYZ of daylight, D65, as seen by an observer of 2 degrees
TEMPERATURE = 0.38  # of the annealed mean, Zhang et al. 2016
YCBCR_FROM_RGB = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))  # ITU-R BT.601
YCBCR_OFFSET = (16.0, 128.0, 128.0)  # both in steps of 8 bits


def _check_channels(name: str, value: torch.Tensor, channels: int, what: str) -> None:
    if not torch.is_tensor(value) or value.ndim < 3 or value.shape[-3] != channels or 0 in value.shape:
        found = tuple(value.shape) if torch.is_tensor(value) else type(value).__name__
        raise ValueError(
            f"{name} must have the shape (..., {channels}, H, W) with at least one pixel, {what}, got {found}; "
            "datasets.photos.read_picture makes three channels of gray and of alpha"
        )
    if not value.is_floating_point():
        raise ValueError(f"{name} must be floats, got {value.dtype}: divide 8 bits by 255, 16 bits by 65535")


# --- sRGB and Lab ------------------------------------------------------------------------------------------------


def rgb_to_lab(images: torch.Tensor) -> torch.Tensor:
    """From sRGB to CIE Lab: undo the screen's curve, mix to XYZ, divide by white, take cube roots, subtract.

    IEC 61966-2-1 and CIE 15, white D65; equal to `skimage.color.rgb2lab`. Derived in notebooks/15_colorization.ipynb.

    Args:
        images: (..., 3, H, W) floats in 0..1.

    Returns:
        (..., 3, H, W): L in 0..100, a and b in about -110..110.

    Raises:
        ValueError: another number of channels, no pixel, whole numbers, or values outside 0..1.
    """
    _check_channels("images", images, 3, "red, green and blue")
    low, high = images.min().item(), images.max().item()
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # also where one of them is nan
        raise ValueError(f"images must be in 0..1, got {low:g} to {high:g}: divide 8 bits by 255, 16 bits by 65535")
    linear = torch.where(images > 0.04045, ((images + 0.055) / 1.055) ** 2.4, images / 12.92)
    mix = images.new_tensor(XYZ_FROM_RGB) / images.new_tensor(WHITE)[:, None]
    xyz = torch.einsum("ij,...jhw->...ihw", mix, linear)
    x, y, z = torch.where(xyz > 0.008856, xyz.clamp(min=1e-9) ** (1 / 3), 7.787 * xyz + 16 / 116).unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-3)


def lab_to_rgb(lab: torch.Tensor) -> torch.Tensor:
    """From CIE Lab back to sRGB; what a screen cannot show is cut off at 0 and 1.

    Equal to `skimage.color.lab2rgb`. Derived in notebooks/15_colorization.ipynb.

    Args:
        lab: (..., 3, H, W) floats: L in 0..100, a, b.

    Returns:
        (..., 3, H, W) in 0..1.

    Raises:
        ValueError: another number of channels, no pixel, or whole numbers.
    """
    _check_channels("lab", lab, 3, "L, a and b")
    lightness, a, b = lab.unbind(-3)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, (y - b / 200).clamp(min=0)], dim=-3)
    xyz = torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787) * lab.new_tensor(WHITE)[:, None, None]
    linear = torch.einsum("ij,...jhw->...ihw", lab.new_tensor(XYZ_FROM_RGB).inverse(), xyz)
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, curved, 12.92 * linear).clamp(0, 1)


def chroma(ab: torch.Tensor) -> torch.Tensor:
    """How far colours are from gray: (..., 2, H, W) to (..., H, W), in units of Lab."""
    _check_channels("ab", ab, 2, "a and b")
    return ab.norm(dim=-3)


# --- luminance, as television and the papers on super-resolution take it ------------------------------------------


def rgb_to_ycbcr(images: torch.Tensor) -> torch.Tensor:
    """From sRGB to luminance Y and two colour differences Cb and Cr, as 8-bit video stores them, divided by 255.

    ITU-R BT.601; 255 times the result is `skimage.color.rgb2ycbcr` and MATLAB's rgb2ycbcr before rounding. Derived in
    notebooks/17_super_resolution.ipynb.

    Args:
        images: (..., 3, H, W) floats in 0..1.

    Returns:
        (..., 3, H, W): Y from 16/255 (black) to 235/255 (white), Cb and Cr from 16/255 to 240/255, gray at 128/255.

    Raises:
        ValueError: another number of channels, no pixel, or whole numbers.
    """
    _check_channels("images", images, 3, "red, green and blue")
    mixed = torch.einsum("ij,...jhw->...ihw", images.new_tensor(YCBCR_FROM_RGB), images)
    return (mixed + images.new_tensor(YCBCR_OFFSET)[:, None, None]) / 255


def ycbcr_to_rgb(ycbcr: torch.Tensor) -> torch.Tensor:
    """From Y, Cb and Cr, divided by 255, back to sRGB; what a screen cannot show is cut off at 0 and 1.

    Derived in notebooks/17_super_resolution.ipynb. Arguments and errors as `rgb_to_ycbcr` returns and raises them.
    """
    _check_channels("ycbcr", ycbcr, 3, "Y, Cb and Cr")
    mixed = 255 * ycbcr - ycbcr.new_tensor(YCBCR_OFFSET)[:, None, None]
    inverse = torch.tensor(YCBCR_FROM_RGB, dtype=torch.float64).inverse().to(ycbcr)
    return torch.einsum("ij,...jhw->...ihw", inverse, mixed).clamp(0, 1)


# --- bins of the ab plane ----------------------------------------------------------------------------------------


def in_gamut_bins(grid_size: int = 10) -> torch.Tensor:
    """The points of a grid on the ab plane near the colours that a screen can show.

    Kept is what lies less than one step, in a and in b, from the convex hull of all sRGB colours, whatever their
    lightness. With a step of 10 these are the 313 bins of Zhang et al. 2016, in their order. Derived in
    notebooks/15_colorization.ipynb.

    Args:
        grid_size: step of the grid in units of Lab.

    Returns:
        float32 (Q, 2): a and b, sorted by a, then by b.
    """
    check_int("grid_size", grid_size, 1)
    levels = torch.linspace(0, 1, 33)
    u, v = torch.cartesian_prod(levels, levels).T
    faces = [face for w in (0 * u, 0 * u + 1) for face in ((w, u, v), (u, w, v), (u, v, w))]  # of the RGB cube
    colors = torch.cat([torch.stack(face) for face in faces], dim=1)  # (3, 6 * 33 * 33)
    ab = rgb_to_lab(colors[:, :, None])[1:, :, 0].T
    edges = torch.from_numpy(ConvexHull(ab.numpy()).equations).float()  # (E, 3): normals that point out, offsets
    normals = torch.cat([edges[:, :2], torch.eye(2), -torch.eye(2)])  # and the four sides of the box around the hull
    border = (ab @ normals.T).amax(dim=0)  # how far the hull reaches along each normal
    steps = torch.arange(-(130 // grid_size), 130 // grid_size + 1) * float(grid_size)
    grid = torch.cartesian_prod(steps, steps)
    return grid[(grid @ normals.T - border < grid_size * normals.abs().sum(dim=1)).all(dim=1)]


def soft_encode(
    ab: torch.Tensor, bins: torch.Tensor, neighbors: int = 5, sigma: float = 5.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Write each colour as a mixture of its nearest bins, weighted by a Gaussian of the distance.

    Zhang et al. 2016, section 2.1. Only the k weights that are not 0 are kept. Derived in
    notebooks/15_colorization.ipynb.

    Args:
        ab: (..., 2, H, W).
        bins: (Q, 2).
        neighbors: k, bins a colour, 1 to Q.
        sigma: width of the Gaussian in units of Lab, above 0.

    Returns:
        The bins' numbers, int64 (..., k, H, W), the nearest first, and their weights, the same shape, with sum 1.

    Raises:
        ValueError: a shape, `neighbors` or `sigma` that does not fit.
    """
    _check_channels("ab", ab, 2, "a and b")
    check_int("neighbors", neighbors, 1, len(bins))
    if not sigma > 0:
        raise ValueError(f"sigma must be above 0, got {sigma!r}")
    points = ab.movedim(-3, -1)  # (..., H, W, 2)
    distances = torch.cdist(points.flatten(0, -2), bins, compute_mode="donot_use_mm_for_euclid_dist")
    near, numbers = distances.topk(neighbors, largest=False)
    weights = (-(near**2) / (2 * sigma**2)).softmax(dim=1)
    shape = (*points.shape[:-1], neighbors)
    return numbers.reshape(shape).movedim(-1, -3), weights.reshape(shape).movedim(-1, -3)


# --- how often a bin comes, and what it then counts --------------------------------------------------------------


def bin_prior(numbers: torch.Tensor, weights: torch.Tensor, num_bins: int) -> torch.Tensor:
    """The share of each bin in encoded pictures, (Q,) with sum 1. Derived in notebooks/15_colorization.ipynb.

    Args:
        numbers, weights: from `soft_encode`.
        num_bins: Q.
    """
    return torch.bincount(numbers.flatten(), weights.flatten(), minlength=num_bins) / weights.sum()


def smooth_prior(prior: torch.Tensor, bins: torch.Tensor, sigma: float = 5.0) -> torch.Tensor:
    """Spread each bin's share over its neighbours by a Gaussian, so that hardly a bin stays empty; the sum stays.

    Zhang et al. 2016, section 2.2. Derived in notebooks/15_colorization.ipynb.

    Args:
        prior: (Q,) with sum 1.
        bins: (Q, 2).
        sigma: width of the Gaussian in units of Lab, above 0.
    """
    if not sigma > 0:
        raise ValueError(f"sigma must be above 0, got {sigma!r}")
    kernel = torch.exp(-(torch.cdist(bins, bins) ** 2) / (2 * sigma**2))
    return (kernel / kernel.sum(dim=0)) @ prior


def rebalancing_weights(prior: torch.Tensor, mix: float = 0.5) -> torch.Tensor:
    """What a pixel of each bin counts: the inverse of the prior mixed with the uniform one, 1 on average over pixels.

    Zhang et al. 2016, equation 4. Derived in notebooks/15_colorization.ipynb.

    Args:
        prior: (Q,) with sum 1.
        mix: lambda, 0 to 1, the share of the uniform distribution; at 1 all pixels count the same.

    Returns:
        (Q,), whose mean under the prior is 1.

    Raises:
        ValueError: mix outside 0..1, or 0 where a bin never comes.
    """
    if not 0 <= mix <= 1:
        raise ValueError(f"mix must be from 0 to 1, got {mix!r}")
    if mix == 0 and not (prior > 0).all():
        raise ValueError("mix must be above 0 where a bin of the prior is 0, got 0: smooth the prior, or raise mix")
    raw = 1 / ((1 - mix) * prior + mix / len(prior))
    return raw / (prior * raw).sum()


# --- from a distribution to one colour ---------------------------------------------------------------------------


def annealed_mean(logits: torch.Tensor, bins: torch.Tensor, temperature: float = TEMPERATURE) -> torch.Tensor:
    """The mean colour of a sharpened distribution: the mean at temperature 1, the most likely bin near 0.

    Zhang et al. 2016, equation 5, where softmax(log z / T) is softmax(logits / T). Derived in
    notebooks/15_colorization.ipynb.

    Args:
        logits: (N, Q, H, W).
        bins: (Q, 2).
        temperature: T, above 0.

    Returns:
        (N, 2, H, W).
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature!r}")
    if logits.ndim != 4 or logits.shape[1] != len(bins):
        raise ValueError(f"logits must have the shape (N, {len(bins)}, H, W), got {tuple(logits.shape)}")
    return torch.einsum("nqhw,qc->nchw", (logits / temperature).softmax(dim=1), bins)
