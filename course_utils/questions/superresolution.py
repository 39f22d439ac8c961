"""Questions on super-resolution (notebook 17)."""

from __future__ import annotations

import math
from typing import Any

from course_utils.convolution import multiplication_count
from course_utils.questions.question import Question, result_of

_LAYERS = ((1, 32), *((32, 32),) * 8, (32, 1))  # of a small VDSR: ten 3x3 convolutions, 32 channels
_HALF_ERROR = [30 + 20 * math.log10(2), 10**-0.07]


def _cost(height: int, width: int, biases: bool = False) -> tuple[float, float]:
    """Weights, and multiply-adds in thousand millions."""
    weights = sum(multiplication_count(a, b, 3, 1) + (b if biases else 0) for a, b in _LAYERS)
    work = sum(multiplication_count(a, b, 3, (height, width)) for a, b in _LAYERS)
    return weights, work / 1e9


def _judge_repeated(function: Any) -> str | None:
    """Three kernels on two channels, shuffled by two: right is what gives the plain enlargement of their result."""
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(17)
    kernels, picture = torch.randn(3, 2, 3, 3, generator=generator), torch.randn(1, 2, 6, 5, generator=generator)
    given, trouble = result_of(function, kernels.clone(), 2)
    if trouble:
        return trouble
    if tuple(getattr(given, "shape", ())) != (12, 2, 3, 3):
        return f"of 3 kernels and a factor of 2, 12 kernels are to come: (12, 2, 3, 3), this is {_shape(given)}."
    given = torch.as_tensor(given).to(kernels)

    def shuffled(weight: torch.Tensor) -> torch.Tensor:
        return F.pixel_shuffle(F.conv2d(picture, weight, padding=1), 2)

    wanted = F.interpolate(F.conv2d(picture, kernels, padding=1), scale_factor=2, mode="nearest")
    if torch.allclose(shuffled(given), wanted, atol=1e-5):
        return None
    if torch.allclose(given, kernels.repeat(4, 1, 1, 1), atol=1e-5):
        return "each kernel is there four times, but one after the other: the shuffle takes four neighbours in a row."
    if torch.allclose(shuffled(4 * given), wanted, atol=1e-5):
        return "the order is right. But each kernel makes its own pixel: nothing is to be divided by four."
    return "the shape is right, the kernels are not: each one four times, unchanged, the copies next to each other."


def _shape(value: Any) -> Any:
    return tuple(value.shape) if hasattr(value, "shape") else type(value).__name__


QUESTIONS: dict[str, Question] = {
    "17.predict_cost": Question(
        expected=lambda: _cost(720, 1280),
        hint="The first layer has 9 · 32 weights, the last as many, each one between 9 · 32 · 32: how many are these? "
        "Each weight is used once for every pixel of the result, 1,280 · 720 of them.",
        tolerance=0.06,
        slips=(
            (lambda: _cost(720, 1280, biases=True), "biases are in there. The question is about weights alone."),
            (lambda: _cost(360, 640), "VDSR works on the enlarged picture, not on the small one."),
            (lambda: (_cost(1, 1)[0], 2 * _cost(720, 1280)[1]), "a multiply-add is one, not two."),
            (lambda: [n + w for n, w in zip(_cost(720, 1280), (9216, 8.493), strict=True)], "that is one layer more."),
            (lambda: [n - w for n, w in zip(_cost(720, 1280), (9216, 8.493), strict=True)], "that is one layer less."),
        ),
    ),
    "17.change_decibels": Question(
        expected=lambda: _HALF_ERROR,
        hint="Half the error is a quarter of its square, and 10 log10(4) is what that gains. For the second number go "
        "backwards: which factor has the logarithm -0.07?",
        tolerance=6e-3,
        slips=(
            (lambda: [30 + 10 * math.log10(2), 10**-0.07], "the error is halved, so its square is a quarter."),
            (lambda: [30 - 20 * math.log10(2), 10**-0.07], "a smaller error is a larger PSNR."),
            (lambda: [30 + 20 * math.log10(2), 10**0.07], "a gain means that the mean squared error gets smaller."),
            (lambda: [30 + 20 * math.log10(2), 10**-0.035], "that is the factor of the error, not of its square."),
            (
                lambda: [60, 10**-0.07],
                "decibels count factors: half the error is some decibels more, not twice as many.",
            ),
        ),
    ),
    "17.build_repeated": Question(judge=_judge_repeated, hint=""),
}
