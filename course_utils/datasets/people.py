"""Toyland's people with their joints, for pose estimation.

Keypoints are (N, P, K, 3): N pictures, up to P people, the K joints of `toyland.KEYPOINTS`; x and y in pixels, and
visibility: 0 no such person, 1 hidden or outside the picture, 2 visible. Left is the person's own left.
"""

from __future__ import annotations

import numpy as np
import torch

from course_utils.datasets import toyland
from course_utils.runtime import check_int

_OTHER_SIDE = {"left": "right", "right": "left"}


def _mirrored_name(name: str) -> str:
    side, _, joint = name.partition("_")
    return f"{_OTHER_SIDE[side]}_{joint}" if joint else name


SWAP = tuple(toyland.KEYPOINTS.index(_mirrored_name(name)) for name in toyland.KEYPOINTS)


def toyland_people(
    count: int,
    size: int = 64,
    seed: int = 0,
    split: str = "train",
    people: tuple[int, int] = (1, 1),
    sizes: tuple[int, int] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Toyland's scenes that hold people only, with their joints.

    Args:
        count, size, seed, split: as for `toyland.scenes`.
        people: fewest and most people in a picture.
        sizes: least and greatest longer side of a person in pixels; as in `toyland.scenes` if None.

    Returns:
        images float32 (N, 3, size, size) in 0..1 and keypoints float32 (N, people[1], 14, 3), 0 where there is nobody.
    """
    made = toyland.scenes(count, size, seed, split=split, classes=["person"], objects=people, object_sizes=sizes)
    keypoints = np.zeros((count, people[1], len(toyland.KEYPOINTS), 3), dtype=np.float32)
    for rows, scene in zip(keypoints, made, strict=True):
        rows[: len(scene.labels)] = scene.keypoints
    return torch.from_numpy(toyland.batch(made)), torch.from_numpy(keypoints)


def mirror(images: torch.Tensor, keypoints: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures mirrored left to right, and their joints: a left hand becomes a right hand.

    Derived in notebooks/18_pose_estimation.ipynb.

    Args:
        images: (N, C, H, W).
        keypoints: (N, P, 14, 3).
    """
    turned = keypoints[..., list(SWAP), :]
    x = torch.where(turned[..., 2] > 0, images.shape[3] - turned[..., 0], 0.0)
    return images.flip(3), torch.cat([x[..., None], turned[..., 1:]], dim=-1)


def torso_lengths(keypoints: torch.Tensor) -> torch.Tensor:
    """From the left shoulder to the right hip, in pixels: (..., 14, 3) to (...), what PCK measures errors by.

    Derived in notebooks/18_pose_estimation.ipynb.
    """
    return (keypoints[..., 2, :2] - keypoints[..., 9, :2]).norm(dim=-1)


def head_lengths(keypoints: torch.Tensor) -> torch.Tensor:
    """Twice the way from the neck to the middle of the head, in pixels: (..., 14, 3) to (...), for PCKh.

    Derived in notebooks/18_pose_estimation.ipynb.
    """
    return 2 * (keypoints[..., 0, :2] - keypoints[..., 1, :2]).norm(dim=-1)


def walk(count: int, size: int = 96, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two people cut out of Toyland who walk past each other, one to the right and one to the left, in front of it.

    Args:
        count: pictures, at least 2.
        size: height and width in pixels, at least 64.
        seed: of the ground and of the two people.

    Returns:
        images float32 (count, 3, size, size) and keypoints float32 (count, 2, 14, 3); joints that the nearer person
        hides have visibility 1.
    """
    check_int("count", count, 2)
    check_int("size", size, 64)
    options = {"size": size, "objects": (1, 1), "clutter": False, "occlusion": False}
    ground = toyland.scene(seed, classes=["mushroom"], **{**options, "object_sizes": (8, 8)})
    sides = (size * 45 // 100, size // 2)
    walkers = [toyland.scene(2 * seed + k, classes=["person"], object_sizes=sides, **options) for k in (0, 1)]
    images = np.repeat(ground.image[None], count, axis=0)
    keypoints = np.zeros((count, 2, len(toyland.KEYPOINTS), 3), dtype=np.float32)
    for k, walker in enumerate(walkers):
        left, top, right, bottom = walker.boxes[0].astype(int)
        way = np.linspace(0, size - (right - left), count).round().astype(int)
        down = size - 6 + 3 * k - bottom  # the second one walks nearer to us
        person, mask = walker.image[top:bottom, left:right], walker.masks[0, top:bottom, left:right]
        for t, place in enumerate(way if k == 0 else way[::-1]):
            window = (slice(top + down, bottom + down), slice(place, place + right - left))
            images[t][window][mask] = person[mask]
            keypoints[t, k] = walker.keypoints[0] + np.array([place - left, down, 0], dtype=np.float32)
            hidden = np.zeros((size, size), dtype=bool)
            hidden[window] = mask
            if k == 1:
                x, y = np.clip(keypoints[t, 0, :, :2].astype(int), 0, size - 1).T
                keypoints[t, 0, hidden[y, x], 2] = 1
    pictures = images.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    return torch.from_numpy(pictures), torch.from_numpy(keypoints)
