"""Questions on depth as time (notebook 07b)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils.questions.question import Question, result_of

_BLOCKS, _LAST = 8, 0.5  # stochastic depth: how many blocks, and how often the last of them is kept
_RATE = -12  # of x' = rate * x over one second


def _expected_blocks(survival: Callable[[int], float]) -> float:
    return sum(survival(number) for number in range(1, _BLOCKS + 1))


def _judge_midpoint(function: Any) -> str | None:
    import torch

    def field(x: torch.Tensor) -> torch.Tensor:  # not linear, else several of the slips would agree
        return torch.stack([x[..., 1] + x[..., 0] ** 2, -torch.sin(x[..., 0])], dim=-1)

    x, h = torch.tensor([[0.5, -0.2], [1.0, 0.7]], dtype=torch.float64), 0.4
    given, trouble = result_of(function, field, x.clone(), h)
    if trouble:
        return trouble
    if tuple(getattr(given, "shape", ())) != tuple(x.shape):
        return f"the shape must be the state's, {tuple(x.shape)}, this is {tuple(getattr(given, 'shape', ()))}."
    middle, end = x + h / 2 * field(x), x + h * field(x)
    slips = (
        (end, "this is Euler's step: one look at the field, at the start. The midpoint rule looks again, half-way."),
        (middle, "this is the point half-way. Ask the field there, and take the whole step from the start with it."),
        (x + h * field(end), "the field is asked at the end of an Euler step. Half a step is far enough."),
        (middle + h * field(middle), "the whole step starts from x, not from the point half-way."),
        (
            middle + h / 2 * field(middle),
            "these are two half steps of Euler. The step from x uses the middle's field only.",
        ),
        (x + h / 2 * (field(x) + field(end)), "this is Heun's rule, of order 2 as well, but it asks at both ends."),
        (x + h / 2 * field(middle), "the field is the right one, but the step with it is a whole one: h, not h / 2."),
        (h * field(middle), "this is the branch alone: the state has not been added."),
    )
    if torch.allclose(given, x + h * field(middle)):
        return None
    for wrong, message in slips:
        if torch.allclose(given, wrong):
            return message
    return "the shape is right, the numbers are not: half a step with f(x), then a whole step from x with f there."


QUESTIONS: dict[str, Question] = {
    "07b.predict_depth": Question(
        expected=lambda: [_expected_blocks(lambda number: 1 - number / _BLOCKS * (1 - _LAST)), _LAST],
        hint="Two numbers: the sum of the 8 probabilities 1 - l/8 * 0.5 for l = 1 to 8; and what the last branch is "
        "multiplied by when nothing is left out.",
        slips=(
            (
                lambda: [_BLOCKS * _LAST, _LAST],
                "that keeps every block with probability 0.5. Only the last one is left out so often.",
            ),
            (
                lambda: [_BLOCKS * (1 + _LAST) / 2, _LAST],
                "close: that is the mean of 1 and 0.5, eight times. But already the first block is left out at times.",
            ),
            (
                lambda: [_expected_blocks(lambda number: 1 - (number - 1) / _BLOCKS * (1 - _LAST)), _LAST],
                "the count starts at l = 1, so that the last block, l = 8, has exactly 0.5.",
            ),
            (
                lambda: [_expected_blocks(lambda number: 1 - number / _BLOCKS * (1 - _LAST)), 1],
                "the first number is right. In training the last branch came every second time only: at the test it "
                "must not count fully.",
            ),
            (
                lambda: [_expected_blocks(lambda number: 1 - number / _BLOCKS * (1 - _LAST)), 1 / _LAST],
                "the first number is right. Dividing by the probability belongs into training (as dropout does it "
                "today), not into the test.",
            ),
        ),
    ),
    "07b.change_blocks": Question(
        expected=lambda: [-_RATE // 2, -_RATE, 1],
        hint="Three numbers. One Euler step multiplies by 1 - 12 h, one backward Euler step by 1 / (1 + 12 h), with "
        "h = 1 / blocks.",
        slips=(
            (
                lambda: [-_RATE, -_RATE, 1],
                "12 blocks neither grow nor change sign. How far below 0 may the factor go before its size is above 1?",
            ),
            (
                lambda: [-_RATE // 2, -_RATE // 2, 1],
                "6 blocks keep the size within bounds, but with the factor -1 the sign changes at every block.",
            ),
            (
                lambda: [-_RATE // 2, -_RATE, -_RATE // 2],
                "the factor of backward Euler, 1 / (1 + 12 h), lies between 0 and 1 for every h above 0.",
            ),
            (
                lambda: [-_RATE, -_RATE // 2, 1],
                "the first two are exchanged: changing sign is the stricter condition, so it needs more blocks.",
            ),
        ),
    ),
    "07b.build_midpoint": Question(judge=_judge_midpoint, hint=""),
}
