"""Questions on transposed convolution (notebook 03)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils import convolution
from course_utils.questions.question import Question, result_of

_TRANSPOSED = (
    (7, 2, 2, 0, 0),
    (4, 3, 2, 1, 1),
    (14, 4, 2, 1, 0),
    (6, 5, 3, 2, 1),
)  # input, kernel, s, p, output padding


def _transposed_sizes(formula: Callable[[int, int, int, int, int], float]) -> Callable[[], list[float]]:
    return lambda: [formula(*layer) for layer in _TRANSPOSED]


def _judge_doubling(layer: Any) -> str | None:
    try:
        kernel_size, stride, padding, output_padding = layer
        sizes = [
            convolution.transposed_output_size(n, kernel_size, stride, padding, output_padding) for n in (4, 7, 10)
        ]
    except (TypeError, ValueError) as error:
        return f"this is not a layer (kernel_size, stride, padding, output_padding): {error}"
    if stride != 2:
        return f"the stride stays 2, here it is {stride}."
    if output_padding:
        return f"no output padding is asked for, here it is {output_padding}."
    if sizes != [8, 14, 20]:
        return f"this layer makes {sizes[0]}, {sizes[1]} and {sizes[2]} pixels out of 4, 7 and 10: that is no doubling."
    return None  # an odd kernel cannot double without output padding, so the overlaps are even


def _judge_bilinear(function: Any) -> str | None:
    import torch
    import torch.nn.functional as F

    image = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(3))
    for factor in (2, 3, 4):
        wanted = F.interpolate(image[None], scale_factor=factor, mode="bilinear", align_corners=False)[0]
        given, trouble = result_of(function, image.clone(), factor)
        if trouble:
            return trouble
        shape = tuple(getattr(given, "shape", ()))
        if shape != tuple(wanted.shape):
            return (
                f"for an image (3, 4, 5) and factor {factor} the shape must be {tuple(wanted.shape)}, this is {shape}."
            )
        given = torch.as_tensor(given, dtype=torch.float32)
        difference = (given - wanted).abs().amax(dim=0)
        if difference.max() < 1e-4:
            continue
        edge = factor // 2
        if difference[edge:-edge, edge:-edge].max() < 1e-4:
            return f"equal inside, not in the outermost {edge} pixels at factor {factor}: what would lie beyond them?"
        if torch.allclose(given, F.interpolate(image[None], scale_factor=factor)[0], atol=1e-4):
            return "this copies the nearest pixel. The kernel must reach the neighbours too."
        return (
            f"the shape is right at factor {factor}, the numbers are not. Which part of the framed result is the image?"
        )
    return None


QUESTIONS: dict[str, Question] = {
    "03.predict_sizes": Question(
        expected=_transposed_sizes(lambda n, k, s, p, extra: convolution.transposed_output_size(n, k, s, p, extra)),
        hint="Four numbers, one a row: (input - 1) * stride + kernel - 2 * padding + output padding.",
        slips=(
            (
                _transposed_sizes(lambda n, k, s, p, extra: convolution.output_size(n, k, s, p)),
                "that is the convolution's formula; its transpose enlarges.",
            ),
            (
                _transposed_sizes(lambda n, k, s, p, extra: n * s + k - 2 * p + extra),
                "between n stamps lie n - 1 steps.",
            ),
            (
                _transposed_sizes(lambda n, k, s, p, extra: (n - 1) * s + k + 2 * p + extra),
                "here padding cuts pixels away, it does not add them.",
            ),
            (_transposed_sizes(lambda n, k, s, p, extra: (n - 1) * s + k - p + extra), "padding cuts at both ends."),
            (_transposed_sizes(lambda n, k, s, p, extra: (n - 1) * s + k - 2 * p), "the output padding is missing."),
            (_transposed_sizes(lambda n, k, s, p, extra: n * s), "only some layers multiply the size by the stride."),
        ),
    ),
    "03.change_grid": Question(judge=_judge_doubling, hint=""),
    "03.build_bilinear": Question(judge=_judge_bilinear, hint=""),
}
