"""Boxes in the plane: conventions, area, overlap, suppression, and the offsets that a detector learns.

A box is x1 y1 x2 y2 in pixels, y counted downwards, unless a function says otherwise; x2 and y2 are the edge itself and
not the last pixel, so a box from 0 to 4 is 4 pixels wide. Boxes may reach out of the picture (`clip` cuts them) and may
have no area; reversed boxes, NaN and infinity are refused everywhere. Derived in notebooks/10_localization.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torchvision.ops

from course_utils.runtime import check_choice, check_int

FORMATS = ("xyxy", "xywh", "cxcywh", "xywh_up")


# --- what is a box, and in which words -------------------------------------------------------------------------------


def _finite(boxes: Any, name: str, columns: str) -> torch.Tensor:
    """Anything like (N, 4) as a float tensor without NaN and infinity; tensors of floats are passed on as they are."""
    if not isinstance(boxes, torch.Tensor):
        boxes = torch.tensor(boxes) if len(boxes) else torch.zeros(0, 4)  # a copy: arrays may be read-only
    if not boxes.is_floating_point():
        boxes = boxes.to(torch.get_default_dtype())
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f"{name} must have the shape (N, 4), one row {columns} a box, got {tuple(boxes.shape)}; "
            "write a single box as [[...]] and no box as torch.zeros(0, 4)"
        )
    _refuse(~boxes.isfinite().all(dim=1), boxes, name, "must be finite", "find where NaN or infinity came in")
    return boxes


def _refuse(bad: torch.Tensor, boxes: torch.Tensor, name: str, wanted: str, remedy: str) -> None:
    """Raise a ValueError for the first row where `bad`, bool (N,), is true."""
    if bad.any():
        row = int(bad.nonzero()[0, 0])
        raise ValueError(f"{name} {wanted}, got {boxes[row].tolist()} in row {row}; {remedy}")


def check_boxes(boxes: Any, name: str = "boxes") -> torch.Tensor:
    """Return the boxes as a float tensor, or raise a ValueError that names argument, row, value and remedy.

    Args:
        boxes: (N, 4), xyxy in pixels: a tensor, an array or a list of rows. N = 0 is fine, as are boxes without area
            and boxes that reach out of the picture.
        name: the argument's name, as the caller wrote it.

    Returns:
        float (N, 4); the tensor itself where it was one of floats, so that gradients pass.

    Raises:
        ValueError: another shape, NaN, infinity, x2 < x1 or y2 < y1.
    """
    boxes = _finite(boxes, name, "x1 y1 x2 y2")
    remedy = "exchange the corners, or convert() where the numbers are of another format"
    _refuse((boxes[:, 2:] < boxes[:, :2]).any(dim=1), boxes, name, "must have x2 >= x1 and y2 >= y1", remedy)
    return boxes


def convert(boxes: Any, source: str, target: str, height: float | None = None) -> torch.Tensor:
    """The same boxes in the words of another convention.

    Formats: 'xyxy', two corners; 'xywh', the upper left corner, width and height; 'cxcywh', the centre, width and
    height; 'xywh_up', the lower left corner with y counted upwards from the picture's bottom, width and height (LMU
    Munich, Introduction to Deep Learning, ch. 4, whose label has the height before the width).
    Derived in notebooks/10_localization.ipynb.

    Args:
        boxes: (N, 4) in the format `source`, in pixels.
        source, target: one of `FORMATS`.
        height: the picture's height in pixels; needed where one of the two formats is 'xywh_up'.

    Returns:
        float (N, 4) in the format `target`.

    Raises:
        ValueError: an unknown format, a missing height, or boxes that are none: as in `check_boxes`, and widths and
            heights below 0.
    """
    check_choice("source", source, FORMATS)
    check_choice("target", target, FORMATS)
    if "xywh_up" in (source, target) and not (isinstance(height, int | float) and 0 < height < float("inf")):
        raise ValueError(f"height must be the picture's height in pixels where y is counted upwards, got {height!r}")
    if source == "xyxy":
        boxes = check_boxes(boxes)
    else:
        boxes = _finite(boxes, "boxes", source)
        remedy = f"are the numbers really {source}?"
        _refuse((boxes[:, 2:] < 0).any(dim=1), boxes, "boxes", "must have a width and height of at least 0", remedy)
    if source == "xywh_up":
        boxes = _turn_upside_down(boxes, height)
    boxes = torchvision.ops.box_convert(boxes, source.removesuffix("_up"), target.removesuffix("_up"))
    return _turn_upside_down(boxes, height) if target == "xywh_up" else boxes


def _turn_upside_down(boxes: torch.Tensor, height: float) -> torch.Tensor:
    """Between y of the upper edge, downwards, and y of the lower edge, upwards, of boxes x y w h; its own inverse."""
    x, y, w, h = boxes.unbind(dim=1)
    return torch.stack([x, height - y - h, w, h], dim=1)


def clip(boxes: Any, size: tuple[int, int]) -> torch.Tensor:
    """Cut boxes at the picture's border; one that lies outside becomes a box without area on the border.

    Args:
        boxes: (N, 4), xyxy in pixels.
        size: height and width of the picture in pixels.

    Returns:
        float (N, 4), xyxy.
    """
    height, width = (check_int(f"size[{i}]", value, 1) for i, value in enumerate(size))
    return torchvision.ops.clip_boxes_to_image(check_boxes(boxes), (height, width))


# --- area and overlap ------------------------------------------------------------------------------------------------


def area(boxes: Any) -> torch.Tensor:
    """Width times height of each box, in square pixels: (N, 4) to (N,)."""
    return torchvision.ops.box_area(check_boxes(boxes))


def _ratio(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """part / whole, and 0 where the whole is 0; gradients stay finite, which they would not behind a NaN."""
    return part / torch.where(whole > 0, whole, 1)


def _overlap(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Intersection and union of each box of a with each of b, both (N, M)."""
    sides = torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])  # (N, M, 2)
    intersection = sides.clamp(min=0).prod(dim=2)
    return intersection, area(a)[:, None] + area(b) - intersection


def iou(a: Any, b: Any) -> torch.Tensor:
    """Intersection over union of each box of a with each of b; 0 for two boxes without area.

    torchvision's `box_iou` answers NaN there (0 / 0). Derived in notebooks/10_localization.ipynb.

    Args:
        a: (N, 4), xyxy in pixels.
        b: (M, 4).

    Returns:
        (N, M), 0..1.
    """
    return _ratio(*_overlap(check_boxes(a, "a"), check_boxes(b, "b")))


def generalized_iou(a: Any, b: Any) -> torch.Tensor:
    """IoU less the share of the smallest enclosing box that neither box covers (Rezatofighi et al. 2019, algorithm 1).

    Unlike `iou`, it still grows while two boxes that do not touch come nearer. Where the enclosing box has no area it
    is 0; two boxes without area elsewhere give -1. Derived in notebooks/10_localization.ipynb.

    Args:
        a: (N, 4), xyxy in pixels.
        b: (M, 4).

    Returns:
        (N, M), -1..1.
    """
    a, b = check_boxes(a, "a"), check_boxes(b, "b")
    intersection, union = _overlap(a, b)
    sides = torch.maximum(a[:, None, 2:], b[:, 2:]) - torch.minimum(a[:, None, :2], b[:, :2])
    enclosing = sides.prod(dim=2)
    return _ratio(intersection, union) - _ratio(enclosing - union, enclosing)


# --- suppression ------------------------------------------------------------------------------------------------------


def _one_a_box(values: Any, name: str, boxes: torch.Tensor) -> torch.Tensor:
    values = torch.as_tensor(values, device=boxes.device)
    if tuple(values.shape) != (len(boxes),):
        raise ValueError(f"{name} must have the shape ({len(boxes)},), one a box, got {tuple(values.shape)}")
    return values


def nms(
    boxes: Any, scores: torch.Tensor | Sequence[float], iou_threshold: float, labels: torch.Tensor | None = None
) -> torch.Tensor:
    """Non-maximum suppression: keep the best box, drop those that overlap it by more than the threshold, go on.

    torchvision's `nms`, label by label. (Its `batched_nms` moves each label's boxes to a place of their own; with
    negative coordinates two labels can still meet there.) Boxes without area are never dropped. Derived in
    notebooks/12_yolo.ipynb.

    Args:
        boxes: (N, 4), xyxy in pixels.
        scores: (N,); among equal scores the lower index goes first.
        iou_threshold: 0..1; a box is dropped where its IoU with a kept one is above this.
        labels: (N,) integers: boxes of different labels do not suppress one another; None: all boxes compete.

    Returns:
        int64 (K,), the kept indices, highest score first.

    Raises:
        ValueError: a shape that does not fit, a threshold outside 0..1, or a score that is NaN.
    """
    boxes = check_boxes(boxes)
    scores = _one_a_box(scores, "scores", boxes)
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"iou_threshold must be from 0 to 1, got {iou_threshold!r}")
    if scores.isnan().any():
        row = int(scores.isnan().nonzero()[0, 0])
        raise ValueError(f"scores must be numbers, got nan in row {row}; find where it came in")
    dtype = torch.promote_types(torch.promote_types(boxes.dtype, scores.dtype), torch.float32)
    boxes, scores = boxes.to(dtype), scores.to(dtype)
    labels = torch.zeros(len(boxes), device=boxes.device) if labels is None else _one_a_box(labels, "labels", boxes)
    kept = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    for label in labels.unique():
        here = (labels == label).nonzero()[:, 0]
        kept[here[torchvision.ops.nms(boxes[here], scores[here], iou_threshold)]] = True
    order = scores.argsort(descending=True, stable=True)
    return order[kept[order]]


# --- what a detector learns -------------------------------------------------------------------------------------------


def _with_area(boxes: Any, name: str) -> torch.Tensor:
    boxes = check_boxes(boxes, name)
    remedy = "leave boxes without area out: they have no logarithm of their size"
    _refuse((boxes[:, 2:] <= boxes[:, :2]).any(dim=1), boxes, name, "must have an area above 0", remedy)
    return boxes


def _same_length(a: torch.Tensor, name: str, anchors: torch.Tensor) -> None:
    if len(a) != len(anchors):
        raise ValueError(f"{name} and anchors must have one row each for the other, got {len(a)} and {len(anchors)}")


def encode(boxes: Any, anchors: Any) -> torch.Tensor:
    """What a box regressor has to answer at each anchor: R-CNN's t_x, t_y, t_w, t_h.

    The centre's shift in widths and heights of the anchor, and the logarithms of the ratios of the sides (Girshick et
    al. 2014, appendix C, equations 6 to 9). `decode` is the inverse. Derived in notebooks/11_region_proposals.ipynb.

    Args:
        boxes: (N, 4), xyxy in pixels, the right answers.
        anchors: (N, 4), the boxes that they are told from (the paper's proposals P).

    Returns:
        (N, 4): t_x, t_y, t_w, t_h, without unit.

    Raises:
        ValueError: a box or an anchor without area, different lengths.
    """
    boxes, anchors = _with_area(boxes, "boxes"), _with_area(anchors, "anchors")
    _same_length(boxes, "boxes", anchors)
    sides, anchor_sides = boxes[:, 2:] - boxes[:, :2], anchors[:, 2:] - anchors[:, :2]
    shift = (boxes[:, :2] + boxes[:, 2:] - anchors[:, :2] - anchors[:, 2:]) / 2
    return torch.cat([shift / anchor_sides, (sides / anchor_sides).log()], dim=1)


def decode(deltas: Any, anchors: Any) -> torch.Tensor:
    """The boxes that a regressor's answers mean at each anchor; the inverse of `encode`.

    Equations 1 to 4 of Girshick et al. 2014, appendix C. The sides are exponentials: limit t_w and t_h of an untrained
    network (torchvision: to log(1000 / 16)) before they overflow. Derived in notebooks/11_region_proposals.ipynb.

    Args:
        deltas: (N, 4): t_x, t_y, t_w, t_h.
        anchors: (N, 4), xyxy in pixels.

    Returns:
        (N, 4), xyxy in pixels; may reach out of the picture.

    Raises:
        ValueError: NaN or infinity, different lengths.
    """
    deltas, anchors = _finite(deltas, "deltas", "t_x t_y t_w t_h"), check_boxes(anchors, "anchors")
    _same_length(deltas, "deltas", anchors)
    anchor_sides = anchors[:, 2:] - anchors[:, :2]
    centers = (anchors[:, :2] + anchors[:, 2:]) / 2 + deltas[:, :2] * anchor_sides
    half = anchor_sides * deltas[:, 2:].exp() / 2
    return torch.cat([centers - half, centers + half], dim=1)
