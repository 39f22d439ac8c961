"""Questions on localization (notebook 10)."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.questions.question import Question, result_of

_LABEL = (0.2, 0.15, 0.4, 0.1)  # b_x, b_y, b_h, b_w


def _drawn(count: int, seed: int) -> Any:
    import torch

    corners = 20 * torch.rand(count, 2, 2, generator=torch.Generator().manual_seed(seed))
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1) + 1], dim=1)


def _distances(a: Any, b: Any) -> tuple[Any, Any]:
    """Squared distance of the centres and squared sides (width, height) of the enclosing box, each pair of (N, M)."""
    import torch

    centers = ((box[:, :2] + box[:, 2:]) / 2 for box in (a, b))
    first, second = centers
    apart = ((first[:, None] - second) ** 2).sum(dim=2)
    sides = torch.maximum(a[:, None, 2:], b[:, 2:]) - torch.minimum(a[:, None, :2], b[:, :2])
    return apart, sides


def _judge_distance_iou(function: Any) -> str | None:
    import torch

    from course_utils import boxes

    a, b = _drawn(7, 0), _drawn(5, 1)
    a[0] = b[0] = torch.tensor([2.0, 3, 9, 8])  # equal boxes
    given, trouble = result_of(function, a.clone(), b.clone())
    if trouble:
        return trouble
    if tuple(getattr(given, "shape", ())) != (7, 5):
        return f"the shape must be (7, 5), every box of a with every box of b, this is {tuple(np.shape(given))}."
    given, (apart, sides) = torch.as_tensor(given), _distances(a, b)
    overlap, diagonal = boxes.iou(a, b), (sides**2).sum(dim=2)
    right = overlap - apart / diagonal
    if torch.allclose(given, right, atol=1e-5):
        return None
    slips = (
        (overlap, "this is IoU. The distance of the centres is missing."),
        (boxes.generalized_iou(a, b), "this is GIoU, which subtracts an area. Here a distance is subtracted."),
        (overlap - (apart / diagonal).sqrt(), "distance and diagonal have not been squared."),
        (overlap - apart, "the squared distance is to be divided by the squared diagonal of the enclosing box."),
        (overlap + apart / diagonal, "the distance has been added. Boxes that are further apart must get less."),
        (overlap - apart / sides.prod(dim=2), "divided by the enclosing box's area instead of its squared diagonal."),
        (1 - right, "this is the loss, 1 - DIoU."),
    )
    for wrong, message in slips:
        if torch.allclose(given, wrong, atol=1e-5):
            return message
    return (
        "the shape is right, the numbers are not. Check the centres, ((x1 + x2) / 2, (y1 + y2) / 2), and the diagonal."
    )


def _turned() -> list[float]:
    x, y, height, width = _LABEL
    return [y, 1 - x - width, width, height]


QUESTIONS: dict[str, Question] = {
    "10.predict_shift": Question(
        expected=lambda: [50 / 150, 25 / 175],
        hint="Two numbers. Draw both squares and count: what do they share, and what do they cover together?",
        tolerance=6e-4,
        slips=(
            (lambda: [1 / 2, 1 / 4], "these are shares of one square. The union is larger than either."),
            (lambda: [1 / 4, 1 / 8], "the union counts what both cover once: 100 + 100 less what they share."),
            (lambda: [25 / 175, 50 / 150], "these are the right numbers, in the other order."),
        ),
    ),
    "10.change_turn": Question(
        expected=_turned,
        hint="Turn the paper in your hand. Which corner of the box lies lower left now, and which side is its height?",
        tolerance=6e-4,
        slips=(
            (
                lambda: [_LABEL[1], 1 - _LABEL[0], _LABEL[3], _LABEL[2]],
                "this is where the old lower left corner went, and it is the upper left one now. Which is lower left?",
            ),
            (
                lambda: [_LABEL[1], 1 - _LABEL[0] - _LABEL[3], _LABEL[2], _LABEL[3]],
                "the corner is right. A quarter turn exchanges height and width.",
            ),
            (
                lambda: [1 - _LABEL[1] - _LABEL[2], _LABEL[0], _LABEL[3], _LABEL[2]],
                "that is a quarter turn to the left, counter-clockwise.",
            ),
            (
                lambda: [1 - _LABEL[0] - _LABEL[3], 1 - _LABEL[1] - _LABEL[2], _LABEL[2], _LABEL[3]],
                "that is half a turn.",
            ),
        ),
    ),
    "10.build_distance_iou": Question(judge=_judge_distance_iou, hint=""),
}
