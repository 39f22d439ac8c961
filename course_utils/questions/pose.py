"""Questions on pose estimation (notebook 18)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from course_utils.questions.question import Question, numbers, result_of

if TYPE_CHECKING:
    import torch

_LEFT, _PEAK, _SHIFT = 0.4, 0.8, 0.25  # heights of a cell and of its left neighbour; where the joint shall lie


def _neighbour(shift: float) -> float:
    """The right neighbour's height that puts the vertex of the logarithms at `shift` cells from the peak."""
    at, before = math.log(_PEAK), math.log(_LEFT)
    return math.exp((before + 2 * shift * (2 * at - before)) / (1 + 2 * shift))


def _similar(away: torch.Tensor, counted: torch.Tensor, spread: torch.Tensor, factor: float = 2.0) -> float:
    return float((counted * (-(away**2) / (factor * spread**2)).exp()).sum() / counted.sum())


def _judge_similarity(function: Any) -> str | None:
    import torch

    generator = torch.Generator().manual_seed(5)
    points, truth = 40 * torch.rand(2, 9, 3, generator=generator)
    truth[:, 2] = torch.tensor([2.0, 1, 0, 2, 2, 0, 1, 2, 0])
    points[:, :2] = truth[:, :2] + 3 * torch.randn(9, 2, generator=generator)
    points[2, :2] += 30  # a joint that is not there, far off
    k = 0.05 + 0.1 * torch.rand(9, generator=generator)
    area = 1_200.0
    value, trouble = result_of(function, points[:, :2].clone(), truth.clone(), area, k.clone())
    if trouble:
        return trouble
    value = numbers(value)
    if value is None or isinstance(value, str) or value.size != 1:
        return "one number is asked for: the mean over the joints that count."
    away, spread = (points - truth)[:, :2].norm(dim=1), area**0.5 * k
    there, everywhere = (truth[:, 2] > 0).float(), torch.ones(9)

    def same(other: float) -> bool:
        return abs(float(value) - other) < 1e-5

    if same(_similar(away, there, spread)):
        return None
    slips = (
        (_similar(away, everywhere, spread), "joints of visibility 0 count as well. Leave them out, of the mean too."),
        (_similar(away, there, spread) * float(there.sum()), "that is the sum. The mean is asked for."),
        (_similar(away, there, spread) * float(there.mean()), "divided by all joints, not by those that count."),
        (_similar(away, (truth[:, 2] == 2).float(), spread), "hidden joints (visibility 1) count in this measure."),
        (_similar(away.sqrt(), there, spread.sqrt()), "the distance has not been squared, nor area and k."),
        (_similar(away, there, spread, 1.0), "the 2 in the denominator is missing."),
        (_similar(away, there, area * k), "s is the root of the area: s squared is the area itself."),
    )
    for wrong, message in slips:
        if same(wrong):
            return message
    return "the number is not right. One term a joint: exp(-d ** 2 / (2 * area * k ** 2)), d the distance in pixels."


QUESTIONS: dict[str, Question] = {
    "18.predict_channels": Question(
        expected=lambda: [18 + 2 * 19, 2**17],
        hint="Two numbers: one map a joint and a vector a limb; and two ways for each joint after the first.",
        slips=(
            (lambda: [18 + 19, 2**17], "a limb's field has two numbers a cell, x and y."),
            (lambda: [57, 2**17], "57 with the map of the background that the paper adds. It is not asked for here."),
            (
                lambda: [18 + 2 * 19, 2**18],
                "the first joint only says which person is called the first: 17 joints are left to be given out.",
            ),
            (lambda: [18 + 2 * 19, 2 * 17], "the choices are made one after the other: their numbers multiply."),
            (lambda: [2**17, 18 + 2 * 19], "the two are exchanged."),
        ),
    ),
    "18.change_peak": Question(
        expected=lambda: _neighbour(_SHIFT),
        hint="Put the right neighbour's logarithm into the formula of the vertex as an unknown and solve for it.",
        tolerance=6e-4,
        slips=(
            (lambda: 2 / 3, "that is the vertex of the parabola through the heights. Take their logarithms."),
            (lambda: _neighbour(-_SHIFT), "then the joint lies a quarter of a cell to the left."),
            (lambda: _LEFT, "with equal neighbours the joint lies in the middle of the cell."),
            (lambda: _PEAK, "with two equal highest cells the joint lies between them, at a half."),
        ),
    ),
    "18.build_similarity": Question(judge=_judge_similarity, hint=""),
}
