"""Questions on colorization (notebook 15)."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.questions.question import Question, numbers, result_of, same

_PAINTS = np.array([[60.0, 40], [-50, 30], [20, -60], [10, 70]])  # red, green, blue, yellow: a and b


def _answer_and_chroma(answer: np.ndarray, chroma: float | None = None) -> list[float]:
    return [*answer.tolist(), float(np.hypot(*answer)) if chroma is None else chroma]


def _judge_balanced(function: Any) -> str | None:
    import torch

    bins = torch.tensor([4, 4, 4, 4, 4, 4, 0, 0, 7, 4])
    distances = torch.tensor([2.0, 4, 3, 5, 1, 3, 40, 60, 90, 3])
    given, trouble = result_of(function, distances.clone(), bins.clone())
    if trouble:
        return trouble
    value = numbers(given)
    if not isinstance(value, np.ndarray) or value.size != 1:
        return "one number is asked for, the mean over the bins."
    means = [distances[bins == number].mean().item() for number in (0, 4, 7)]
    if same(value, np.asarray(np.mean(means)), 1e-4):
        return None
    slips = (
        (distances.mean().item(), "this is the mean over all pixels: the common bin drowns the others."),
        (sum(means) / 8, "bins of which no pixel comes have been counted as right. Only those that occur count."),
        (sum(means), "these are the means of the bins, added up. Divide by how many bins there are."),
        (sum(distances[bins == n].sum().item() for n in (0, 4, 7)) / 3, "take the mean within a bin, not the sum."),
        (float(np.median(means)), "this is the median of the bins' means."),
    )
    for wrong, message in slips:
        if same(value, np.asarray(wrong), 1e-4):
            return message
    return "the number is not right. First a mean within each bin that occurs, then the mean of these means."


QUESTIONS: dict[str, Question] = {
    "15.predict_mean": Question(
        expected=lambda: _answer_and_chroma(_PAINTS.mean(axis=0)),
        hint="Three numbers: a, b, and the root of the sum of their squares. Squared error asks for the mean.",
        tolerance=6e-2,
        slips=(
            (
                lambda: _answer_and_chroma(_PAINTS.mean(axis=0), float(np.hypot(*_PAINTS.T).mean())),
                "a and b are right; the third number is the mean chroma of the paints. What is that of the answer?",
            ),
            (lambda: _answer_and_chroma(_PAINTS.sum(axis=0)), "these are sums. Divide by the number of paints."),
            (
                lambda: _answer_and_chroma(_PAINTS.mean(axis=0), float(np.abs(_PAINTS.mean(axis=0)).sum())),
                "chroma is a distance: the root of the sum of squares, not the sum.",
            ),
        ),
    ),
    "15.change_temperature": Question(
        expected=lambda: 0.5,
        hint="Odds of 3 to 1, raised to the power 1 / T, shall be odds of 9 to 1.",
        tolerance=6e-3,
        slips=(
            (lambda: 2.0, "that is 1 / T."),
            (lambda: 0.38, "that is the paper's. It would turn 0.75 into 0.947."),
            (lambda: 0.9 / 0.75, "probabilities are not multiplied, they are raised to a power and shared out again."),
            (lambda: np.log(0.75) / np.log(0.9), "both powers have to be shared out again: take the odds, 3 to 1."),
        ),
    ),
    "15.build_balanced": Question(judge=_judge_balanced, hint=""),
}
