"""Questions on attention (notebook 19)."""

from __future__ import annotations

import math
from typing import Any

from course_utils.questions.question import Question, result_of

_SCORES = (5.0, 5.0 + math.log(2), 5.0)


def _judge_causal(function: Any) -> str | None:
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 2, 5, 4, generator=generator, dtype=torch.float64)
    given, trouble = result_of(function, query.clone(), key.clone(), value.clone())
    if trouble:
        return trouble
    if tuple(getattr(given, "shape", ())) != (2, 5, 4):
        return f"the shape must be that of the query, (2, 5, 4), this is {tuple(getattr(given, 'shape', ()))}."
    given = torch.as_tensor(given, dtype=torch.float64)
    if torch.allclose(given, F.scaled_dot_product_attention(query, key, value, is_causal=True)):
        return None
    if given.isnan().any():
        return "there are NaN. A softmax over nothing but minus infinity has no value: each place may look at itself."
    below = torch.ones(5, 5, dtype=torch.bool).tril()
    scores = query @ key.transpose(1, 2)
    late = (scores / 2).softmax(dim=2) * below
    slips = (
        (F.scaled_dot_product_attention(query, key, value), "every place still sees all places. The mask is missing."),
        (F.scaled_dot_product_attention(query, key, value, below.T), "a place sees itself and what comes after it."),
        (scores.masked_fill(~below, -math.inf).softmax(dim=2) @ value, "the scores have not been divided by sqrt(d)."),
        (late @ value, "weights were set to 0 after the softmax, so that they no longer add up to 1."),
        (
            (scores / 2 * below).softmax(dim=2) @ value,
            "hidden places got the score 0, and exp(0) = 1. Which score has the power 0?",
        ),
    )
    for wrong, message in slips:
        if torch.allclose(given, wrong):
            return message
    return "the shape is right, the numbers are not. Scores, mask, softmax over the keys, mixture of the values."


def _shares(powers: tuple[float, ...]) -> list[float]:
    return [power / sum(powers) for power in powers]


QUESTIONS: dict[str, Question] = {
    "19.predict_weights": Question(
        expected=lambda: _shares(tuple(math.exp(score) for score in _SCORES)),
        hint="Three numbers that add up to 1. What becomes of a softmax if the same number is taken off every score?",
        tolerance=6e-4,
        slips=(
            (lambda: _shares(_SCORES), "the scores were divided by their sum. A softmax takes powers of e first."),
            (lambda: [math.exp(score) for score in _SCORES], "these powers of e do not add up to 1 yet."),
            (lambda: [0, 1, 0], "that is the largest score's place, a hard choice. A softmax leaves something to all."),
            (lambda: _shares((1, math.log(2), 1)), "exp(ln 2) is 2 and exp(0) is 1."),
        ),
    ),
    "19.change_sharpness": Question(
        expected=lambda: math.log2(18),
        hint="With the factor b the powers are 1, 2^b and 1. The middle one shall be nine tenths of their sum.",
        tolerance=6e-3,
        slips=(
            (lambda: math.log2(9), "there are two other words, and both keep the power 1."),
            (lambda: math.log(18), "2^b = 18 asks for the logarithm to the base 2."),
            (lambda: 18, "18 is what 2^b must be."),
        ),
    ),
    "19.build_causal": Question(judge=_judge_causal, hint=""),
}
