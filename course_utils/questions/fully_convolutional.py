"""Questions on fully convolutional networks (notebook 13)."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.questions.question import Question, numbers, unanswered

_HEIGHT, _WIDTH, _STRIDE, _SIDE = 480, 640, 32, 7
_OTHERS, _WANTED = 6, 0.95  # pixels that are not sky, and the accuracy asked for


def _answers(change: int = 1) -> list[int]:
    return [length // _STRIDE - _SIDE + change for length in (_HEIGHT, _WIDTH)]


def _sky() -> int:
    """The fewest sky pixels with which calling everything sky is right for the wanted share."""
    return next(sky for sky in range(1, 1000) if sky / (sky + _OTHERS) >= _WANTED)


def _weighted(counts: np.ndarray, by: int = 1) -> float:
    """IoU of each class, weighted by its pixels in the truth (by=1) or in the predictions (by=0)."""
    right = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1) - right
    iou = np.divide(right, either, out=np.zeros(len(counts)), where=either > 0)
    return float((iou * counts.sum(axis=by)).sum() / counts.sum())


def _mean(counts: np.ndarray) -> float:
    right = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1) - right
    return float((right[either > 0] / either[either > 0]).mean())


def _judge_weighted(function: Any) -> str | None:
    if not callable(function):
        return f"a function is asked for, this is a {type(function).__name__}."
    generator = np.random.default_rng(13)
    cases = [generator.integers(0, 40, (4, 4)) for _ in range(3)]
    absent = generator.integers(1, 40, (4, 4))
    absent[2], absent[:, 2] = 0, 0
    for counts in (*cases, absent):
        try:
            with np.errstate(all="ignore"):
                value = function(counts.copy())
        except Exception as error:
            return f"it stops with {type(error).__name__}: {error}"
        if unanswered(value):
            return "not answered yet"
        found = numbers(value)
        if not isinstance(found, np.ndarray) or found.size != 1:
            shape = getattr(found, "shape", type(value).__name__)
            return f"one number for the whole matrix is asked for, this is {shape}. Add up what the classes give."
        found = float(found.reshape(()))
        if np.isnan(found):
            return "it gives nan where a class occurs in neither truth nor prediction: such a class has weight 0."
        if abs(found - _weighted(counts)) < 1e-9:
            continue
        if abs(found - _mean(counts)) < 1e-9:
            return "that is the mean IoU: every class counts alike. Weight each by its share of the true pixels."
        if abs(found - _weighted(counts, by=0)) < 1e-9:
            return "these are weighted by what was predicted (column sums). Take the truth: row sums."
        if abs(found - np.trace(counts) / counts.sum()) < 1e-9:
            return "that is the pixel accuracy."
        if abs(found - _weighted(counts) * counts.sum()) < 1e-6:
            return "divide by the number of all pixels: the weights must add up to 1."
        return f"for {counts.tolist()} it gives {found:.4f}, and that is not the weighted mean of the four IoUs."
    return None


QUESTIONS: dict[str, Question] = {
    "13.predict_answers": Question(
        expected=lambda: _answers(),
        hint="Two numbers, rows and columns of answers. First the map: each side divided by 32. Then the kernel on it.",
        slips=(
            (lambda: [15, 20], "these are the sides of the map. The 7x7 kernel fits into it less often."),
            (lambda: _answers(0), "a kernel of 7 fits into a row of 7 once, not zero times: + 1."),
            (lambda: [14, 9], "these are the right numbers in the other order: the picture is 480 high."),
            (lambda: [_HEIGHT - _SIDE + 1, _WIDTH - _SIDE + 1], "the kernel moves over the map, not over the pixels."),
            (lambda: 126, "their product is the number of answers; rows and columns are asked for."),
        ),
    ),
    "13.change_sky": Question(
        expected=lambda: [_sky(), _sky() / (_sky() + _OTHERS) / 3],
        hint="Two numbers. The accuracy is sky / (sky + 6). For the second, two of the three classes have an IoU of 0.",
        tolerance=6e-4,
        slips=(
            (
                lambda: [_sky(), _WANTED],
                "the first is right. The second is the mean over three classes, two of them at 0.",
            ),
            (lambda: [_sky(), _WANTED / 2], "the first is right. There are three classes: divide by three."),
            (
                lambda: [_sky() + _OTHERS, _WANTED / 3],
                "the first is all pixels; the six that are not sky are not asked for.",
            ),
            (lambda: [_sky() - 34, _WANTED / 3], "the first is how many sky pixels are new; count the old 34 as well."),
        ),
    ),
    "13.build_weighted_iou": Question(judge=_judge_weighted, hint=""),
}
