"""Questions on style transfer (notebook 16)."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.questions.question import Question, numbers, result_of

_LAYER_LOSSES = np.array([40, 8, 2, 0.5])
_LUMA = (0.299, 0.587, 0.114)


def _equal_shares() -> np.ndarray:
    return (1 / _LAYER_LOSSES) / (1 / _LAYER_LOSSES).sum()


def _judge_keep_colors(function: Any) -> str | None:
    """Two small pictures whose sums stay within 0..1, so that cutting off makes no difference."""
    import torch

    generator = torch.Generator().manual_seed(16)
    painted, content = (0.4 + 0.2 * torch.rand(3, 5, 7, generator=generator) for _ in range(2))
    given, trouble = result_of(function, painted.clone(), content.clone())
    if trouble:
        return trouble
    found = numbers(given)
    if not isinstance(found, np.ndarray) or found.shape != (3, 5, 7):
        return f"a picture (3, 5, 7) is asked for, as the two given ones, this is {getattr(found, 'shape', found)}."
    weights = torch.tensor(_LUMA).reshape(3, 1, 1)

    def moved(light_from: torch.Tensor, color_from: torch.Tensor, how: torch.Tensor = weights) -> torch.Tensor:
        return color_from + (how * (light_from - color_from)).sum(dim=0)

    luma = (weights * painted).sum(dim=0)
    right = moved(painted, content)
    if np.allclose(found, right.numpy(), atol=2e-3):
        return None
    slips = (
        (moved(content, painted), "the brightness is the photograph's and the color the painting's: exchanged."),
        (moved(painted, content, torch.full((3, 1, 1), 1 / 3)), "the plain mean of the channels is not the luma."),
        (luma.expand(3, -1, -1), "this is the painting in gray. The photograph's color is missing."),
        (content + luma, "subtract the photograph's own luma before you add the painting's."),
        (content * luma, "a product changes the color differences as well. Add the difference of the two lumas."),
        (painted, "this is the painting as it was."),
        (content, "this is the photograph as it was."),
    )
    for wrong, message in slips:
        if np.allclose(found, wrong.numpy(), atol=2e-3):
            return message
    return "the shape is right, the numbers are not. Check the three weights of the luma, and that it is added to all."


QUESTIONS: dict[str, Question] = {
    "16.predict_tiled": Question(
        expected=lambda: [4, 1],
        hint="Write F for the small map. The tiled one has each of its columns four times. What is the sum over all "
        "columns now, and what the mean?",
        slips=(
            (lambda: [1, 4], "these are the right numbers, in the other order."),
            (lambda: [2, 1], "each side is twice as long: how many places are there?"),
            (lambda: [4, 4], "the second one is a mean: four times the sum over four times the places."),
            (lambda: [16, 1], "that is how the style loss grows, which squares. The question is about the matrix."),
            (lambda: [1, 1], "the first one is a sum over places, and there are more of them now."),
        ),
    ),
    "16.change_weights": Question(
        expected=_equal_shares,
        hint="Weight times loss must be the same in all four. Start with any weight for the first, find the others, "
        "then divide all of them by their sum.",
        tolerance=6e-4,
        slips=(
            (lambda: _LAYER_LOSSES / _LAYER_LOSSES.sum(), "the largest loss has the largest weight: turn it round."),
            (lambda: 1 / _LAYER_LOSSES, "the products are equal. Now divide the weights by their sum."),
            (lambda: [0.25] * 4, "with equal weights the first layer has 79 % of the loss."),
            (lambda: _equal_shares()[::-1], "these are the right numbers, in the reverse order."),
        ),
    ),
    "16.build_keep_colors": Question(judge=_judge_keep_colors, hint=""),
}
