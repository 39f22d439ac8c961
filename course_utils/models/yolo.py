"""You only look once (Redmon et al. 2016): the grid, its tensor, the loss, the network of the paper and a small one.

A picture of `size` pixels is cut into grid x grid cells. The cell in which an object's centre lies answers for it. Every
cell gives B boxes of five numbers, x, y, sqrt(w), sqrt(h) and confidence, then C class scores: B * 5 + C in all, last
dimension of a tensor (N, S, S, B * 5 + C). x and y are the centre's place within the cell, 0..1; w and h are shares of
the picture, of which the network gives the square roots.

Derived in notebooks/12_yolo.ipynb.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import batched_nms

from course_utils.layers import Normalize
from course_utils.runtime import check_int

NUM_BOXES = 2


# --- the grid and its tensor ---------------------------------------------------------------------------------------


def encode(targets: Sequence[Mapping[str, torch.Tensor]], size: float, grid: int, num_classes: int) -> torch.Tensor:
    """Write the true boxes of N pictures into the grid: the tensor that a perfect network with B = 1 would give.

    A cell holds one object. Where the centres of several lie in one cell, the smallest box keeps it. Derived in
    notebooks/12_yolo.ipynb.

    Args:
        targets: N mappings with boxes (K, 4) xyxy in pixels and labels (K,).
        size: side of the pictures in pixels.
        grid: S, cells along one side.
        num_classes: C.

    Returns:
        (N, S, S, 5 + C): x, y, sqrt(w), sqrt(h), 1, one-hot class; all 0 where no centre lies.

    Raises:
        ValueError: a centre outside the picture, or a label outside 0 to C - 1.
    """
    check_int("grid", grid, 1)
    truth = torch.zeros(len(targets), grid, grid, 5 + num_classes)
    for n, target in enumerate(targets):
        boxes, labels = target["boxes"] / size, target["labels"]
        center, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        if len(boxes) and not (0 <= center.min() and center.max() <= 1 and sides.min() >= 0):
            raise ValueError(f"targets[{n}]['boxes'] must have their centres in a picture of {size} pixels and x1 <= x2")
        if len(labels) and not (0 <= labels.min() and labels.max() < num_classes):
            raise ValueError(f"targets[{n}]['labels'] must be from 0 to {num_classes - 1}, got {labels.tolist()}")
        cell = (center * grid).long().clamp(max=grid - 1)  # (K, 2): column, row
        for k in sides.prod(dim=1).argsort(descending=True, stable=True).tolist():
            column, row = cell[k].tolist()
            place = center[k] * grid - cell[k]
            truth[n, row, column] = 0
            truth[n, row, column, :5] = torch.cat([place, sides[k].sqrt(), torch.ones(1)])
            truth[n, row, column, 5 + labels[k]] = 1
    return truth


def corners(boxes: torch.Tensor, grid: int) -> torch.Tensor:
    """From (..., S, S, B, at least 4) as in the tensor to corners x1 y1 x2 y2 as shares of the picture, (..., 4).

    Derived in notebooks/12_yolo.ipynb.
    """
    steps = torch.arange(grid, device=boxes.device)
    cell = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)  # (S, S, 2): column, row
    center, sides = (boxes[..., :2] + cell[:, :, None]) / grid, boxes[..., 2:4] ** 2
    return torch.cat([center - sides / 2, center + sides / 2], dim=-1)


class Decoded(NamedTuple):
    """What a tensor says: boxes (N, S, S, B, 4) xyxy in pixels, confidences (N, S, S, B), classes (N, S, S, C)."""

    boxes: torch.Tensor
    confidences: torch.Tensor
    classes: torch.Tensor


def decode(outputs: torch.Tensor, size: float, num_boxes: int = NUM_BOXES) -> Decoded:
    """The inverse of `encode`: read boxes in pixels, confidences and class scores out of the tensor.

    Derived in notebooks/12_yolo.ipynb.

    Args:
        outputs: (N, S, S, B * 5 + C).
        size: side of the pictures in pixels.
        num_boxes: B; 1 for what `encode` made.
    """
    check_int("num_boxes", num_boxes, 1, outputs.shape[-1] // 5)
    boxes = outputs[..., : num_boxes * 5].unflatten(-1, (num_boxes, 5))
    return Decoded(corners(boxes, outputs.shape[1]) * size, boxes[..., 4], outputs[..., num_boxes * 5 :])


# --- the loss ------------------------------------------------------------------------------------------------------


def paired_iou(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """IoU of boxes xyxy pair by pair, (..., 4) and (..., 4) to (...); 0 where both have no area.

    Derived in notebooks/12_yolo.ipynb.
    """
    low, high = torch.maximum(boxes[..., :2], others[..., :2]), torch.minimum(boxes[..., 2:], others[..., 2:])
    inner = (high - low).clamp(min=0).prod(dim=-1)
    areas = [(b[..., 2:] - b[..., :2]).clamp(min=0).prod(dim=-1) for b in (boxes, others)]
    return inner / (areas[0] + areas[1] - inner).clamp(min=1e-9)


def loss_terms(outputs: torch.Tensor, truth: torch.Tensor, num_boxes: int = NUM_BOXES) -> dict[str, torch.Tensor]:
    """The five sums of the paper's loss, each divided by the number of pictures, without their weights.

    Of a cell's B boxes the one that overlaps the true box most is responsible for it, and its confidence shall be that
    overlap. Redmon et al. 2016, equation 3. Derived in notebooks/12_yolo.ipynb.

    Args:
        outputs: (N, S, S, B * 5 + C).
        truth: (N, S, S, 5 + C), from `encode`.

    Returns:
        center, side, object, empty, class: scalars.
    """
    boxes = outputs[..., : num_boxes * 5].unflatten(-1, (num_boxes, 5))  # (N, S, S, B, 5)
    true, occupied = truth[..., None, :5], truth[..., 4]
    with torch.no_grad():
        overlap = paired_iou(corners(boxes, truth.shape[1]), corners(true, truth.shape[1]))  # (N, S, S, B)
        responsible = F.one_hot(overlap.argmax(dim=-1), num_boxes) * occupied[..., None]
    squares = (boxes - true) ** 2
    terms = {
        "center": responsible * squares[..., :2].sum(dim=-1),
        "side": responsible * squares[..., 2:4].sum(dim=-1),
        "object": responsible * (boxes[..., 4] - overlap) ** 2,
        "empty": (1 - responsible) * boxes[..., 4] ** 2,
        "class": occupied * ((outputs[..., num_boxes * 5 :] - truth[..., 5:]) ** 2).sum(dim=-1),
    }
    return {name: term.sum() / len(outputs) for name, term in terms.items()}


WEIGHTS = {"center": 5.0, "side": 5.0, "object": 1.0, "empty": 0.5, "class": 1.0}  # the paper's


def yolo_loss(
    outputs: torch.Tensor, truth: torch.Tensor, weights: Mapping[str, float] = WEIGHTS, num_boxes: int = NUM_BOXES
) -> torch.Tensor:
    """The paper's loss: the terms of `loss_terms`, weighted. Derived in notebooks/12_yolo.ipynb."""
    terms = loss_terms(outputs.float(), truth, num_boxes)
    return sum(weights[name] * term for name, term in terms.items())


# --- networks ------------------------------------------------------------------------------------------------------


def conv_block(in_channels: int, out_channels: int, kernel_size: int = 3) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, leaky ReLU of slope 0.1. Derived in notebooks/12_yolo.ipynb."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.LeakyReLU(0.1, inplace=True),
    )
