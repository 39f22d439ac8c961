"""You only look once (Redmon et al. 2016): the grid, its tensor, the loss, the network of the paper and a small one.

A picture of `size` pixels is cut into grid x grid cells. The cell in which an object's centre lies answers for it. Each
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

from course_utils import boxes
from course_utils.layers import Normalize
from course_utils.runtime import check_choice, check_int

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
            raise ValueError(f"targets[{n}]['boxes'] must have x1 <= x2 and centres in a picture of {size} pixels")
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
    """Convolution that keeps the size, batch norm, leaky ReLU of slope 0.1. Written out in notebook 12."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.LeakyReLU(0.1, inplace=True),
    )


class YoloV1(nn.Module):
    """The network of the paper: 24 convolutions and 2 dense layers (Redmon et al. 2016, figure 3).

    Each convolution and the first dense layer are followed by a leaky ReLU of slope 0.1; the last layer is linear. The
    paper has no batch norm. With S = 7, B = 2, C = 20 it has 271,703,550 weights, 1.1 GB: build it under
    `torch.device("meta")` to count and to look at shapes. Written out in notebooks/12_yolo.ipynb.

    Shapes: (N, 3, 64 S, 64 S) to (N, S, S, B * 5 + C).
    """

    def __init__(self, grid: int = 7, num_boxes: int = NUM_BOXES, num_classes: int = 20):
        super().__init__()
        # (channels, kernel_size, stride) of a convolution, or "halve" for max pooling
        plan: list = [(64, 7, 2), "halve", (192, 3, 1), "halve"]
        plan += [(128, 1, 1), (256, 3, 1), (256, 1, 1), (512, 3, 1), "halve"]
        plan += [(256, 1, 1), (512, 3, 1)] * 4 + [(512, 1, 1), (1024, 3, 1), "halve"]
        plan += [(512, 1, 1), (1024, 3, 1)] * 2 + [(1024, 3, 1), (1024, 3, 2), (1024, 3, 1), (1024, 3, 1)]
        layers, channels = [], 3
        for step in plan:
            if step == "halve":
                layers.append(nn.MaxPool2d(2))
                continue
            width, kernel_size, stride = step
            layers += [nn.Conv2d(channels, width, kernel_size, stride, kernel_size // 2), nn.LeakyReLU(0.1)]
            channels = width
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(grid * grid * 1024, 4096),
            nn.LeakyReLU(0.1),
            nn.Dropout(0.5),
            nn.Linear(4096, grid * grid * (num_boxes * 5 + num_classes)),
        )
        self.shape = (grid, grid, num_boxes * 5 + num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.dense(self.convolutions(images)).unflatten(1, self.shape)


class Encoder(nn.Module):
    """Eleven convolutions that turn a picture into two maps, at an eighth and a sixteenth of its resolution.

    1x1 convolutions between the 3x3 ones narrow the maps, as in the paper. `early` leads to an eighth of the
    resolution, `late` from there to both maps. Pretrained as a classifier by tools/train_encoder.py. Derived in
    notebooks/12_yolo.ipynb.

    Args:
        width: channels at half resolution, an even number; the maps have 4 and 8 times as many.

    Shapes: (N, 3, H, W) to (N, 4 width, H / 8, W / 8) and (N, 8 width, H / 16, W / 16).
    """

    def __init__(self, width: int = 32):
        super().__init__()
        w = check_int("width", width, 2)
        self.early = nn.Sequential(
            Normalize(mean=[0.5] * 3, std=[0.25] * 3),
            *(conv_block(3, w // 2), nn.MaxPool2d(2), conv_block(w // 2, w), nn.MaxPool2d(2)),
            *(conv_block(w, 2 * w), conv_block(2 * w, w, 1), conv_block(w, 2 * w), nn.MaxPool2d(2)),
        )
        self.fine = nn.Sequential(conv_block(2 * w, 4 * w), conv_block(4 * w, 2 * w, 1), conv_block(2 * w, 4 * w))
        self.coarse = nn.Sequential(
            nn.MaxPool2d(2), conv_block(4 * w, 8 * w), conv_block(8 * w, 4 * w, 1), conv_block(4 * w, 8 * w)
        )

    def late(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fine = self.fine(maps)
        return fine, self.coarse(fine)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.late(self.early(images))


class SmallYolo(nn.Module):
    """An encoder and a head of convolutions: YOLO's answer for pictures of a hundred pixels or so.

    The coarse map is brought to the fine one's resolution (or the fine one to the coarse one's), both to one width, and
    their sum goes through two convolutions; a 1x1 convolution gives each cell's B * 5 + C numbers. Derived in
    notebooks/12_yolo.ipynb.

    Args:
        num_classes: C.
        num_boxes: B.
        width: of the encoder.
        stride: pixels a cell: 8, the fine map's, or 16.

    Shapes: (N, 3, H, W) to (N, H / stride, W / stride, B * 5 + C); H and W are multiples of 16.
    """

    def __init__(self, num_classes: int = 10, num_boxes: int = NUM_BOXES, width: int = 32, stride: int = 8):
        super().__init__()
        self.encoder = Encoder(width)
        self.stride = check_choice("stride", stride, (8, 16))
        channels = 4 * width
        self.near, self.far = conv_block(channels, channels, 1), conv_block(2 * channels, channels, 1)
        self.body = nn.Sequential(conv_block(channels, channels), conv_block(channels, channels))
        self.answer = nn.Conv2d(channels, num_boxes * 5 + num_classes, 1)
        nn.init.normal_(self.answer.weight, 0, 0.01)  # start from modest answers: boxes in the middle of their cells,
        start = [[0.5, 0.5, 0.5 + 0.3 * (k / max(1, num_boxes - 1) - 0.5), 0.5, 0.0] for k in range(num_boxes)]
        start = torch.cat([torch.tensor(start).flatten(), torch.zeros(num_classes)])
        self.answer.bias = nn.Parameter(start)  # of different widths, and no confidence

    def head(self, fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        if self.stride == 16:
            fine = F.max_pool2d(fine, 2)
        else:
            coarse = F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return self.answer(self.body(self.near(fine) + self.far(coarse))).permute(0, 2, 3, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(*self.encoder(images))


# --- from a tensor to detections -----------------------------------------------------------------------------------


def detections(
    outputs: torch.Tensor,
    size: float,
    num_boxes: int = NUM_BOXES,
    score_threshold: float = 0.02,
    iou_threshold: float = 0.45,
    most: int = 100,
) -> list[dict[str, torch.Tensor]]:
    """What a tensor says after suppression within each class, as torchvision's detectors give it.

    A box has one score a class: confidence times class score, both cut to 0..1. Put together in
    notebooks/12_yolo.ipynb.

    Args:
        outputs: (N, S, S, B * 5 + C), float, on the CPU.
        size: side of the pictures in pixels; boxes are cut at their border.
        score_threshold: a score must be above it.
        iou_threshold: of the suppression, 0..1.
        most: detections a picture.

    Returns:
        N mappings: boxes (D, 4) xyxy in pixels, scores (D,), falling, labels (D,).
    """
    found, confidences, classes = decode(outputs, size, num_boxes)
    scores = (confidences.clamp(0, 1)[..., None] * classes.clamp(0, 1)[..., None, :]).flatten(1, 3)
    found = found.clamp(0, size).flatten(1, 3)
    predictions = []
    for n in range(len(outputs)):
        place, label = (scores[n] > score_threshold).nonzero(as_tuple=True)
        score = scores[n][place, label]
        kept = boxes.nms(found[n][place], score, iou_threshold, label)[:most]
        predictions.append({"boxes": found[n][place][kept], "scores": score[kept], "labels": label[kept]})
    return predictions
