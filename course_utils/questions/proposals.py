"""Questions on region proposals, R-CNN and its family (notebooks 11 and 11b)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_utils.questions.question import Question, numbers, same, unanswered

_LN_HALF = math.log(0.5)


def _cases() -> list[tuple[Any, Any]]:
    """Proposals and true boxes of four pictures: several, nested ones, one exact, none."""
    import torch

    generator = torch.Generator().manual_seed(4)
    corners = 50 * torch.rand(60, 2, 2, generator=generator)
    boxes = torch.cat([corners.amin(dim=1), corners.amax(dim=1) + 4], dim=1)
    true = torch.tensor([[5.0, 5, 30, 40], [10, 20, 50, 44], [0, 0, 12, 9]])
    return [(boxes, true), (torch.cat([true[:1] + 2, boxes[:5]]), true[:2]), (true, true), (boxes[:0], true)]


def _overlaps(proposals: Any, boxes: Any) -> np.ndarray:
    from course_utils.boxes import iou

    return iou(boxes, proposals).double().numpy()  # (n, M)


def _average_recall(proposals: Any, boxes: Any, axis: int = 1, thresholds: Any = None, strict: bool = False) -> float:
    if not len(proposals):
        return 0.0
    best = _overlaps(proposals, boxes).max(axis=axis)
    thresholds = 0.5 + 0.05 * np.arange(10) if thresholds is None else thresholds
    edge = 1e-6 if strict else -1e-6
    return float(np.mean([(best >= threshold + edge).mean() for threshold in thresholds]))


def _judge_average_recall(function: Any) -> str | None:
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    for number, (proposals, boxes) in enumerate(_cases()):
        try:
            found = function(proposals.clone(), boxes.clone())
        except Exception as error:
            where = " where there are no proposals: the answer is 0 then" if number == 3 else ""
            return f"it stops with {type(error).__name__}{where}: {error}"
        if unanswered(found):
            return "not answered yet"
        value = numbers(found)
        if not isinstance(value, np.ndarray) or value.size != 1:
            return "one number is asked for."
        if not same(value, np.asarray(_average_recall(proposals, boxes)), 1e-5):
            if number == 3:
                return "without proposals nothing is caught: the answer is 0."
            best = _overlaps(proposals, boxes).max(axis=1)
            slips = (
                (_average_recall(proposals, boxes, thresholds=[0.5]), "this is the recall at 0.5. Take all ten."),
                (float(best.mean()), "this is the mean of the best overlaps. Count how many reach each threshold."),
                (
                    _average_recall(proposals, boxes, axis=0),
                    "the share of proposals has been counted. Ask of each true box whether a proposal catches it.",
                ),
                (
                    _average_recall(proposals, boxes, thresholds=0.5 + 0.05 * np.arange(11)),
                    "that are eleven thresholds: the last one is 0.95.",
                ),
                (_average_recall(proposals, boxes, strict=True), "an overlap of exactly a threshold reaches it."),
            )
            for wrong, message in slips:
                if same(value, np.asarray(wrong), 1e-5):
                    return message
            return "the number is not right. For each threshold: which share of the true boxes has a proposal?"
    return None


def _masks() -> Any:
    """A block, one pixel in a corner, an L, nothing."""
    import torch

    masks = torch.zeros(4, 7, 9, dtype=torch.bool)
    masks[0, 2:5, 3:8] = True
    masks[1, 6, 8] = True
    masks[2, 1:6, 2] = masks[2, 5, 2:5] = True
    return masks


def _boxes_of(masks: Any, edge: int = 1) -> np.ndarray:
    found = np.zeros((len(masks), 4))
    for box, mask in zip(found, masks.numpy(), strict=True):
        rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
        if len(rows):
            box[:] = columns[0], rows[0], columns[-1] + edge, rows[-1] + edge
    return found


def _judge_boxes_of_masks(function: Any) -> str | None:
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    masks = _masks()
    for part in (masks[:3], masks):
        try:
            found = function(part.clone())
        except Exception as error:
            where = "" if len(part) == 3 else " where a mask is empty: its box is (0, 0, 0, 0)"
            return f"it stops with {type(error).__name__}{where}: {error}"
        if unanswered(found):
            return "not answered yet"
        value, right = numbers(found), _boxes_of(part)
        if not isinstance(value, np.ndarray) or value.shape != right.shape:
            return f"{len(part)} masks need {len(part)} rows x1 y1 x2 y2."
        if not same(value, right, 1e-6):
            slips = (
                (_boxes_of(part, 0), "right and lower edges are exclusive here: one more than the last pixel."),
                (right[:, [1, 0, 3, 2]], "rows are y, columns are x: the two are exchanged."),
                (np.stack([*right.T[:2], *(right[:, 2:] - right[:, :2]).T], axis=1), "that is x y width height."),
            )
            for wrong, message in slips:
                if same(value, wrong, 1e-6):
                    return message
            if len(part) == 4 and same(value[:3], right[:3], 1e-6):
                return "an empty mask gives (0, 0, 0, 0)."
            return "the shape is right, the numbers are not."
    return None


def _largest_stride(side: float, wanted: float = 0.7) -> int:
    """The largest whole stride for which squares half a stride off, both ways, still overlap enough."""
    shift = side - math.sqrt(2 * wanted / (1 + wanted)) * side
    return math.floor(2 * shift)


def _read(x: float) -> float:
    """The mean of four aligned numbers on the numbered map, for the hand-worked box moved to the right by x pixels."""
    return 21.75 + x / 4


QUESTIONS: dict[str, Question] = {
    "11.predict_targets": Question(
        expected=lambda: [5 / 20, 0, 0, _LN_HALF],
        hint="Centres first: (50, 60) and (55, 60). Then divide by the proposal's sides; the sides go as logarithms.",
        tolerance=6e-4,
        slips=(
            (lambda: [5, 0, 0, _LN_HALF], "t_x is counted in widths of the proposal, not in pixels."),
            (lambda: [5 / 20, 10 / 40, 0, _LN_HALF], "those are the shifts of the corner. Take those of the centre."),
            (lambda: [5 / 20, 0, 1, 0.5], "the ratios of the sides are right: now take their logarithms."),
            (lambda: [5 / 20, 0, 0, -_LN_HALF], "the truth is lower than the proposal: t_h must be negative."),
        ),
    ),
    "11.change_shift": Question(
        expected=lambda: [1, _read(1)],
        hint="In cells the box goes from 2.25 to 6.25. When does rounding change? And what does a shift add to each?",
        tolerance=1e-3,
        slips=(
            (lambda: [4, _read(4)], "a whole cell is not needed: the edge rounds up from half a cell on."),
            (lambda: [2, _read(2)], "half a cell is two pixels, but the box begins at a quarter already."),
            (lambda: [1, _read(0)], "the pixels are right. The aligned numbers follow every shift: they have grown."),
            (lambda: [1, _read(4)], "the pixels are right. One pixel is a quarter of a cell."),
        ),
    ),
    "11.build_average_recall": Question(judge=_judge_average_recall, hint=""),
    "11b.predict_anchors": Question(
        expected=lambda: [800 // 16 * (608 // 16) * 9, 800 // 16 * (608 // 16) * 9 * 6],
        hint="How many places has the map, 800 / 16 by 608 / 16? Then nine anchors a place, and six numbers an anchor.",
        slips=(
            (lambda: [1_900, 11_400], "those are the places: there are nine anchors at each."),
            (lambda: [17_100, 85_500], "two logits and four deltas are six numbers an anchor."),
            (lambda: [17_100, 68_400], "the logits are missing: two an anchor, beside the four deltas."),
            (lambda: [4_377_600, 26_265_600], "the map has a place every 16 pixels, not at every pixel."),
        ),
    ),
    "11b.change_stride": Question(
        expected=lambda: [_largest_stride(24), _largest_stride(12)],
        hint="Shifted by d both ways, squares of side s share (s - d)^2. Set the IoU to 0.7; the stride is 2 d.",
        slips=(
            (lambda: [2, 1], "d is half a stride: twice that is asked for."),
            (lambda: [8, 4], "the shift goes both ways, to the right and down."),
            (lambda: [7, 3], "the shared part must be 0.7 of the union, not of one square; and it shrinks both ways."),
        ),
    ),
    "11b.build_boxes_of_masks": Question(judge=_judge_boxes_of_masks, hint=""),
}
