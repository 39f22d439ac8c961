"""Toyland's scenes with a class for every pixel: 0 is the ground (and sky, plants, stones), 1 to 10 are its classes.

Everywhere: images float32 (N, 3, H, W) in 0..1 and class maps int64 (N, H, W), `IGNORE` where a pixel's class is left
open. The scenes are 64 pixels wide unless another size is asked for: objects are 8 pixels and more at any size, and the
encoder in data/weights learned on objects of 8 to 48 pixels, which is what such scenes show; a step of training costs
less than half of what it costs at 96 pixels, and twice as many steps fit into the quick tier. At the laptop tier the
scenes have 96 pixels, as those that the detectors learn from. Sides should be multiples of 32, so that five halvings
come out even.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from course_utils.datasets import toyland
from course_utils.runtime import check_int

CLASS_NAMES = ("ground", *toyland.CLASSES)
IGNORE = 255


def toyland_segmentation(
    count: int, size: int = 64, seed: int = 0, split: str = "train", objects: tuple[int, int] = (1, 4)
) -> tuple[torch.Tensor, torch.Tensor]:
    """Toyland's scenes with their class maps; class c is `CLASS_NAMES[c]`. Rendered once, then read from the cache.

    Args:
        count, size, seed, split, objects: as for `toyland.scenes`.

    Returns:
        images float32 (N, 3, size, size) in 0..1 and class maps int64 (N, size, size), 0 to 10, none of them void.
    """
    made = toyland.scenes(count, size, seed, split=split, objects=objects)
    maps = np.stack([scene.class_map for scene in made]).astype(np.int64)
    return torch.from_numpy(toyland.batch(made)), torch.from_numpy(maps)


def void_borders(classes: torch.Tensor, width: int = 1, ignore: int = IGNORE) -> torch.Tensor:
    """Class maps in which the pixels next to another class are void, as annotators of Pascal VOC leave outlines open.

    Args:
        classes: int64 (N, H, W).
        width: how many pixels on either side of an outline, at least 1.
        ignore: label that they get.

    Returns:
        int64 (N, H, W), a copy.
    """
    if classes.ndim != 3:
        raise ValueError(f"classes must have the shape (N, H, W), got {tuple(classes.shape)}")
    side = 2 * check_int("width", width, 1) + 1
    values = classes[:, None].float()
    highest = F.max_pool2d(values, side, stride=1, padding=width)  # padding never wins: it counts as minus infinity
    lowest = -F.max_pool2d(-values, side, stride=1, padding=width)
    return classes.masked_fill((highest != lowest)[:, 0], ignore)
