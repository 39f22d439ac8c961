"""Features of pictures: numbers that describe what is in them better than pixels do."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.runtime import check_int


def hog(images: torch.Tensor, cell_size: int = 8, orientations: int = 9, block_size: int = 2) -> torch.Tensor:
    """Histograms of oriented gradients of a batch of pictures (Dalal and Triggs 2005, with their L2-Hys blocks).

    Derived in notebooks/01_why_convolution.ipynb. Pixel differences in the channel with the strongest one; in each
    cell one histogram of directions from 0 to 180 degrees, weighted with the differences' lengths, without
    interpolation; overlapping blocks of cells, each brought to length 1, cut off at 0.2, brought to length 1 again.
    The numbers and their order are those of `skimage.feature.hog`.

    Args:
        images: (N, C, H, W), float, 0..1. Pixels that do not fill a whole cell, at the right and below, go unused.
        cell_size: side of a cell in pixels.
        orientations: bins of a histogram.
        block_size: side of a block in cells.

    Returns:
        (N, F), F = blocks down * blocks across * block_size**2 * orientations.

    Raises:
        ValueError: an argument of a wrong type or shape, or pictures smaller than one block.
    """
    check_int("cell_size", cell_size, 1)
    check_int("orientations", orientations, 1)
    check_int("block_size", block_size, 1)
    if not torch.is_tensor(images) or images.ndim != 4 or not images.is_floating_point():
        found = f"{images.dtype} {tuple(images.shape)}" if torch.is_tensor(images) else type(images).__name__
        raise ValueError(f"images must be a float tensor of the shape (N, C, H, W), got {found}")
    smallest = max(cell_size * block_size, 2)
    if min(images.shape[2:]) < smallest:
        raise ValueError(
            f"images must have at least {smallest} pixels a side for cell_size {cell_size} and block_size {block_size},"
            f" got {tuple(images.shape[2:])}"
        )
    dx, dy = torch.zeros_like(images), torch.zeros_like(images)
    dx[..., 1:-1] = images[..., 2:] - images[..., :-2]
    dy[..., 1:-1, :] = images[..., 2:, :] - images[..., :-2, :]
    strength, channel = torch.hypot(dx, dy).max(dim=1, keepdim=True)  # (N, 1, H, W)
    angle = torch.atan2(dy.gather(1, channel), dx.gather(1, channel)) % torch.pi
    bins = (angle / torch.pi * orientations).long().clamp(max=orientations - 1)
    votes = images.new_zeros(len(images), orientations, *images.shape[2:]).scatter_(1, bins, strength)
    cells = F.avg_pool2d(votes, cell_size)  # (N, orientations, rows, columns)
    blocks = cells.unfold(2, block_size, 1).unfold(3, block_size, 1).permute(0, 2, 3, 4, 5, 1).flatten(3)
    blocks = blocks / (blocks.square().sum(dim=3, keepdim=True) + 1e-10).sqrt()
    blocks = blocks.clamp(max=0.2)
    return (blocks / (blocks.square().sum(dim=3, keepdim=True) + 1e-10).sqrt()).flatten(1)


def take(net: nn.Module, images: torch.Tensor, layers: Sequence[str]) -> dict[str, torch.Tensor]:
    """What named layers of a network give out for a batch of pictures, caught by hooks while it runs once.

    The maps stay connected to the pictures, so that a loss on them has a gradient with respect to the pictures. Hooks
    are taken off again, also where the network stops with an error. First used in notebooks/16_style_transfer.ipynb.

    Args:
        net: any network; the whole of it is run, so cut off what lies behind the last layer you want.
        images: what it takes, usually (N, 3, H, W).
        layers: names as `net.named_modules()` has them, such as "relu1_1" or "features.conv0"; any order.

    Returns:
        Layer to its output, in the order asked for; of a layer that ran several times its last output. Each is a
        copy, so that a following layer that works in place does not change it.

    Raises:
        ValueError: no layer is named, or one that the network does not have, or that did not run.
    """
    modules = dict(net.named_modules())
    unknown = [name for name in layers if name not in modules or not name]
    if isinstance(layers, str) or not layers or unknown:
        known = ", ".join(name for name in modules if name)
        raise ValueError(f"layers must be a list of names among {known}, got {unknown or layers!r}")
    caught: dict[str, torch.Tensor] = {}

    def catch(name: str):
        def hook(_module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
            caught[name] = output.clone()

        return hook

    hooks = [modules[name].register_forward_hook(catch(name)) for name in layers]
    try:
        net(images)
    finally:
        for hook in hooks:
            hook.remove()
    idle = [name for name in layers if name not in caught]
    if idle:
        raise ValueError(f"layers must run when the network does, {', '.join(idle)} did not")
    return {name: caught[name] for name in layers}


def gram_matrix(maps: torch.Tensor) -> torch.Tensor:
    """Which channels are active together: the mean over all places of the product of every two channels.

    Derived in notebooks/16_style_transfer.ipynb. Gatys, Ecker and Bethge 2016, equation 3, divided by the number of
    places M, so that pictures of different sizes can be compared: G_ij = (1/M) sum_k F_ik F_jk.

    Args:
        maps: (N, C, H, W), float.

    Returns:
        (N, C, C), symmetric.

    Raises:
        ValueError: not a float tensor of four dimensions, or without a single place.
    """
    if not torch.is_tensor(maps) or maps.ndim != 4 or not maps.is_floating_point() or not maps.shape[2] * maps.shape[3]:
        found = f"{maps.dtype} {tuple(maps.shape)}" if torch.is_tensor(maps) else type(maps).__name__
        raise ValueError(f"maps must be a float tensor (N, C, H, W) with H and W of at least 1, got {found}")
    rows = maps.flatten(2)  # (N, C, M)
    return rows @ rows.mT / rows.shape[2]
