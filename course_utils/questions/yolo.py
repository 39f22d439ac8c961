"""Questions on YOLO, detectors' errors and SSD (notebooks 12 and 12b)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_utils.questions.question import Question, numbers, result_of

if TYPE_CHECKING:
    import torch


def _soft(found: torch.Tensor, scores: torch.Tensor, iou_threshold: float, lower: Any) -> torch.Tensor:
    """Soft-NMS with a rule (overlap, threshold) to a factor, for the boxes that still wait."""
    import torch

    from course_utils import boxes

    scores, overlap = scores.clone(), boxes.iou(found, found)
    waiting = torch.ones(len(scores), dtype=torch.bool)
    while waiting.any():
        best = int(torch.where(waiting, scores, -1.0).argmax())
        waiting[best] = False
        scores = torch.where(waiting, scores * lower(overlap[best], iou_threshold), scores)
    return scores


def _linear(overlap: torch.Tensor, threshold: float) -> torch.Tensor:
    import torch

    return torch.where(overlap > threshold, 1 - overlap, 1.0)


def _hard(overlap: torch.Tensor, threshold: float) -> torch.Tensor:
    import torch

    return torch.where(overlap > threshold, 0.0, 1.0)


def _everywhere(overlap: torch.Tensor, threshold: float) -> torch.Tensor:
    return 1 - overlap


def _fixed_order(found: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """The order of the first scores, kept although the scores change on the way."""
    from course_utils import boxes

    overlap, order = boxes.iou(found, found), scores.argsort(descending=True, stable=True).tolist()
    scores = scores.clone()
    for place, best in enumerate(order):
        for k in order[place + 1 :]:
            if overlap[best, k] > iou_threshold:
                scores[k] *= 1 - overlap[best, k]
    return scores


def _case() -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    generator = torch.Generator().manual_seed(3)
    corner = torch.rand(14, 2, generator=generator) * 40
    found = torch.cat([corner, corner + 20 + 15 * torch.rand(14, 2, generator=generator)], dim=1)
    return found, 0.3 + 0.7 * torch.rand(14, generator=generator)


def _judge_soft(function: Any) -> str | None:
    import torch

    found, scores = _case()
    kept = scores.clone()
    value, trouble = result_of(function, found, scores, 0.3)
    if trouble:
        return trouble
    value = numbers(value)
    if value is None or isinstance(value, str) or value.shape != (14,):
        return "as many scores as boxes are asked for, in the order of the input."
    if not torch.equal(scores, kept):
        return "the scores that were handed in have been changed. Work on a copy: scores.clone()."
    value = torch.as_tensor(value, dtype=torch.float32)
    right = _soft(found, scores, 0.3, _linear)
    if torch.allclose(value, right, atol=1e-5):
        return None
    slips = (
        (scores, "no score has changed."),
        (right.sort(descending=True).values, "the scores come sorted. Return them in the order of the input."),
        (_soft(found, scores, 0.3, _hard), "boxes are dropped (score 0): that is hard suppression. Lower the score."),
        (_soft(found, scores, 0.3, _everywhere), "scores are lowered below the threshold as well."),
        (
            _fixed_order(found, scores, 0.3),
            "the order of the first scores is kept. After each step take the waiting box of the now highest score.",
        ),
    )
    for wrong, message in slips:
        if torch.allclose(value, wrong, atol=1e-5):
            return message
    return "the numbers are not right. Multiply a waiting score by 1 - IoU where the IoU is above the threshold."


def _mined(losses: torch.Tensor, matched: torch.Tensor, ratio: int, wanted: int, hardest: bool = True) -> torch.Tensor:
    order = losses.masked_fill(matched, -1.0 if hardest else 1e9).argsort(descending=hardest)
    counts = matched.clone()
    counts[order[:wanted]] = True
    return counts


def _judge_mining(function: Any) -> str | None:
    import torch

    generator = torch.Generator().manual_seed(4)
    for count, positives, ratio in ((30, 4, 3), (30, 12, 3), (20, 3, 2), (10, 0, 3)):
        losses = torch.rand(count, generator=generator)
        matched = torch.zeros(count, dtype=torch.bool)
        matched[torch.randperm(count, generator=generator)[:positives]] = True
        handed = matched.clone()
        value, trouble = result_of(function, losses.clone(), handed, ratio)
        if trouble:
            return trouble
        value = numbers(value)
        if value is None or isinstance(value, str) or value.shape != (count,):
            return f"a mask of the boxes is asked for, ({count},), true where a box counts."
        if not torch.equal(handed, matched):
            return "the mask that was handed in has been changed. Work on a copy: matched.clone()."
        value = torch.as_tensor(value) > 0.5
        wanted = min(ratio * positives, count - positives)
        if torch.equal(value, _mined(losses, matched, ratio, wanted)):
            continue
        slips = (
            (_mined(losses, matched, ratio, wanted) & ~matched, "the matched boxes are missing: they count as well."),
            (_mined(losses, matched, ratio, wanted, False), "these are the easiest background boxes, not the hardest."),
            (_mined(losses, matched, ratio, ratio), "that many in all. It is that many for each matched box."),
            (torch.ones_like(matched), "all boxes count. Take the hardest of the background only."),
        )
        for wrong, message in slips:
            if torch.equal(value, wrong):
                return message
        if positives == 0:
            return "right, but not where nothing is matched: then nothing counts."
        if wanted < ratio * positives:
            return "right, but not where there are fewer background boxes than wanted: then all of them count."
        return "the mask is not right: all matched boxes, and ratio times as many of the others, highest losses first."
    return None


QUESTIONS: dict[str, Question] = {
    "12.predict_outputs": Question(
        expected=lambda: [13 * 13 * (3 * 5 + 8), 13 * 13 * 3 * (5 + 8)],
        hint="Two numbers. Cells times what a cell gives: five numbers a box, and classes once a cell, or once a box.",
        slips=(
            (lambda: [13 * 13 * 3 * (5 + 8), 13 * 13 * (3 * 5 + 8)], "the two are exchanged."),
            (lambda: [13 * (3 * 5 + 8), 13 * 3 * (5 + 8)], "the grid has 13 times 13 cells."),
            (lambda: [3 * 5 + 8, 3 * (5 + 8)], "that is one cell. How many cells are there?"),
            (
                lambda: [13 * 13 * (3 * 4 + 8), 13 * 13 * 3 * (4 + 8)],
                "a box has five numbers: the confidence is one of them.",
            ),
        ),
    ),
    "12.change_edge": Question(
        expected=lambda: 20,
        hint="A spans 10 to 50, D spans x1 to 70, at equal heights. Intersection over union is (50 - x1) / (70 - 10).",
        tolerance=1e-3,
        slips=(
            (lambda: 30, "that is where it stands: an overlap of a third."),
            (lambda: 40, "that takes a quarter of A away and more of D. The overlap falls; it shall rise."),
            (lambda: 10, "then D holds all of A: 40 / 60, two thirds."),
        ),
    ),
    "12.build_soft_nms": Question(judge=_judge_soft, hint=""),
    "12b.predict_ap": Question(
        expected=lambda: (2 / 3 + 2 / 3 + 3 / 5) / 4,
        hint="Precision at the three right ones, dips filled from the right, times a quarter of recall each.",
        tolerance=6e-4,
        slips=(
            (
                lambda: (1 / 2 + 2 / 3 + 3 / 5) / 4,
                "the dips are not filled: at the first right one 2/3 can be had too.",
            ),
            (lambda: (2 / 3 + 2 / 3 + 3 / 5) / 3, "there are four true boxes: one was never found and counts 0."),
            (lambda: 3 / 5, "that is the precision at the end. The area under the curve is asked for."),
        ),
    ),
    "12b.change_maps": Question(
        expected=lambda: 12 * 12 * 6 + 6 * 6 * 6 + 3 * 3 * 3,
        hint="Each map: cells times sizes times ratios. Two maps have two sizes, the new one has one; all three ratios",
        slips=(
            (lambda: 12 * 12 * 6 + 6 * 6 * 6, "that is without the new map."),
            (lambda: 3 * 3 * 3, "that is the new map alone."),
            (lambda: 12 * 12 * 6 + 6 * 6 * 6 + 3 * 3 * 6, "the new map has one size, not two."),
            (lambda: 12 * 12 * 6 + 6 * 6 * 6 + 3 * 3, "the new map's size comes in three ratios."),
        ),
    ),
    "12b.build_mining": Question(judge=_judge_mining, hint=""),
}
