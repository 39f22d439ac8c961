"""Questions on multi-label annotation (notebook 09)."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils import metrics
from course_utils.questions.question import Question, numbers, result_of, same

_LABELS, _PER_PICTURE = 21, 3.5


def _f_beta(predictions: np.ndarray, targets: np.ndarray, beta: float, axis: int | None) -> float:
    hits, given, true = (np.atleast_1d(a.sum(axis)) for a in (predictions * targets, predictions, targets))
    whole = beta**2 * true + given
    return float(np.mean(np.where(whole > 0, (1 + beta**2) * hits / np.maximum(whole, 1), 0)))


def _of_the_means(predictions: np.ndarray, targets: np.ndarray) -> float:
    precision, recall = metrics.precision_recall(predictions, targets)
    return 5 * precision * recall / (4 * precision + recall)


def _judge_f2(function: Any) -> str | None:
    rng = np.random.default_rng(5)
    predictions, targets = (rng.random((2, 12, 6)) < 0.4).astype(np.int64)
    predictions[0] = targets[0] = 0  # a picture that shows nothing and gets nothing
    predictions[1], targets[1] = 0, (1, 1, 0, 0, 0, 0)
    cases = ((predictions[2:], targets[2:]), (predictions, targets))
    for number, (given, true) in enumerate(cases):
        found, trouble = result_of(function, given.copy(), true.copy())
        if trouble:
            return trouble
        value = numbers(found)
        if not isinstance(value, np.ndarray) or value.size != 1:
            return "one number is asked for, the mean over the pictures."
        if np.isnan(value).any():
            return "it gives nan: a picture that shows nothing and gets nothing makes 0 / 0. Count it as 0."
        right = np.asarray(_f_beta(given, true, 2, 1))
        slips = (
            (metrics.f1(given, true), "this is F1. With beta = 2 the true labels count four times in the denominator."),
            (
                _f_beta(given, true, 0.5, 1),
                "the 4 stands at the predicted labels. F2 stresses recall: it belongs to the true.",
            ),
            (_f_beta(given, true, 2, 0), "the mean has been taken over the labels. Here it goes over the pictures."),
            (
                _f_beta(given, true, 2, None),
                "all pictures have been counted together. Here each picture has its own F2.",
            ),
            (
                _of_the_means(given, true),
                "this is F2 of the mean precision and recall. Take F2 of each picture, then the mean.",
            ),
        )
        if not same(value, right, 1e-6):
            for wrong, message in slips:
                if same(value, np.asarray(wrong), 1e-6):
                    return message
            if number:
                return "right for whole pictures, not where nothing is true or nothing given. Count 0 / 0 as 0."
            return "the number is not right. For each picture: 5 hits / (4 true + predicted), then the mean."
    return None


QUESTIONS: dict[str, Question] = {
    "09.predict_everything": Question(
        expected=lambda: [_PER_PICTURE / _LABELS, 1],
        hint="Two numbers. Of 21 given labels, how many are true on average? And how many true ones are missed?",
        tolerance=6e-4,
        slips=(
            (lambda: [1, _PER_PICTURE / _LABELS], "the two are exchanged: precision looks at what was given."),
            (lambda: [1 / _PER_PICTURE, 1], "precision divides by the number of labels given, and these are 21."),
            (lambda: [0, 1], "some of the given labels are right: 3.5 of them on average."),
            (lambda: [1, 1], "every true label is given, but most of the given ones are not true."),
        ),
    ),
    "09.change_threshold": Question(
        expected=lambda: (4 / 16) / (1 + 4 / 16),
        hint="The weight multiplies the odds p / (1 - p). Which odds has 0.8, and which are left without the weight?",
        tolerance=6e-4,
        slips=(
            (lambda: 4 / 16, "close: these are the odds. The probability with odds 1 : 4 is asked for."),
            (
                lambda: 4 * 16 / (1 + 4 * 16),
                "the other way round: without the weight the scores are lower, not higher.",
            ),
            (
                lambda: 0.8 / 16,
                "probabilities cannot be divided like that. The weight multiplies the odds p / (1 - p).",
            ),
            (lambda: 0.8, "that is the threshold with the weight. Without it the scores are lower."),
        ),
    ),
    "09.build_f2": Question(judge=_judge_f2, hint=""),
}
