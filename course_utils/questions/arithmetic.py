"""Questions on convolution arithmetic (notebooks 00 and 02)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course_utils import convolution
from course_utils.questions.question import Question, result_of

_LAYERS = ((28, 5, 1, 0), (32, 3, 2, 1), (224, 7, 2, 3), (13, 3, 2, 0))  # input, kernel, stride, padding


def _sizes(formula: Callable[[int, int, int, int], float]) -> Callable[[], list[float]]:
    return lambda: [formula(*layer) for layer in _LAYERS]


def _quiz_2(channels: int, side: int, kernel: int, count: int) -> list[int]:
    return [channels, kernel, kernel, count, convolution.output_size(side, kernel)]


def _judge_stack(layers: Any) -> str | None:
    try:
        rows = [tuple(layer) for layer in layers]
        field = convolution.receptive_field(rows)
    except (TypeError, ValueError) as error:
        return f"this is not a stack of layers: {error}"
    if [len(row) for row in rows] != [4, 4, 4] or [(row[0], *row[2:]) for row in rows] != [(3, 1, 1)] * 3:
        return "only the strides may change: three layers of (3, stride, 1, 1)."
    if rows[0][1] == rows[1][1] == 1 and rows[2][1] > 1:
        return f"it still sees {field.size}: a stride spreads the layers after it, and after the last there is none."
    if field.size == 11:
        return None
    return f"this stack sees {field.size} pixels, 11 are asked for. Which layers does a stride in layer 1 reach?"


def _judge_depthwise(function: Any) -> str | None:
    import torch

    generator = torch.Generator().manual_seed(2)
    image = torch.randint(-4, 5, (3, 6, 7), generator=generator).float()
    kernels = torch.randint(-3, 4, (3, 3, 2), generator=generator).float()
    wanted = convolution.cross_correlate(image, kernels[:, None], groups=3)
    given, trouble = result_of(function, image.clone(), kernels.clone())
    if trouble:
        return trouble
    shape = tuple(getattr(given, "shape", ()))
    if shape == wanted.shape[1:] or shape == (1, *wanted.shape[1:]):
        return "the channels have been added up. Here each keeps its own output map."
    if shape != wanted.shape:
        return f"for an image (3, 6, 7) and kernels (3, 3, 2) the shape must be {tuple(wanted.shape)}, this is {shape}."
    given = torch.as_tensor(given, dtype=torch.float32)
    if torch.allclose(given, wanted, atol=1e-4):
        return None
    flipped = convolution.cross_correlate(image, kernels.flip(1, 2)[:, None], groups=3)
    if torch.allclose(given, flipped, atol=1e-4):
        return "the kernels have been flipped. That is the true convolution; cross-correlation is asked for."
    shared = convolution.cross_correlate(image, kernels[:1].expand(3, -1, -1)[:, None], groups=3)
    if torch.allclose(given, shared, atol=1e-4):
        return "every channel has met the first kernel. Channel c belongs to kernel c."
    if torch.allclose(given, given[:1].expand_as(given)) and torch.allclose(given[0], wanted.sum(0), atol=1e-4):
        return "the channels have been added up. Here each keeps its own output map."
    return "the shape is right, the numbers are not. Compare one output number with a sum by hand."


QUESTIONS: dict[str, Question] = {
    "00.first_number": Question(
        expected=lambda: 1 * 1 + 2 * 0 + 4 * 0 + 5 * -1,
        slips=((lambda: 1 + 2 + 4 + 5, "that adds the four pixels; multiply each by the kernel's number first."),),
        hint="multiply the numbers that lie on top of each other, then add the four products.",
    ),
    "02.quiz_1": Question(
        expected=lambda: [1, convolution.output_size(10, 5), convolution.output_size(10, 5)],
        hint="Answer as (channels, height, width). How many places does a window of 5 have on 10 pixels?",
        slips=(
            (lambda: [3, 6, 6], "one kernel reaches through all three channels and adds them up: one output map."),
            (lambda: [1, 5, 5], "10 - 5 is how far the window can move; it also has a place before it moves."),
            (lambda: [3, 5, 5], "one kernel gives one output map; and 10 - 5 moves mean one place more than that."),
            (lambda: [1, 10, 10], "without padding the window cannot be centred on the outermost pixels."),
        ),
    ),
    "02.quiz_1_padding": Question(
        expected=lambda: next(p for p in range(10) if convolution.output_size(10, 5, padding=p) == 10),
        hint="Each unit of padding adds two pixels to a side. How many were lost?",
        slips=(
            (lambda: 4, "4 pixels were lost in all, and padding comes at both ends."),
            (lambda: 1, "this keeps the size for a 3x3 kernel; 5x5 loses more."),
        ),
    ),
    "02.quiz_2": Question(
        expected=lambda: _quiz_2(3, 12, 4, 5),
        hint="Answer as (kernel channels, kernel height, kernel width, number of kernels, output side).",
        slips=(
            (
                lambda: [1, *_quiz_2(3, 12, 4, 5)[1:]],
                "a kernel is as deep as its input: it reads all three maps at once.",
            ),
            (
                lambda: [3, 4, 4, 15, 9],
                "each kernel reads all input maps and makes one output map: count the output maps.",
            ),
            (lambda: [3, 4, 4, 5, 8], "12 - 4 is how far the window can move; it also has a place before it moves."),
            (lambda: [3, 4, 4, 5, 12], "that would need padding, and there is none."),
        ),
    ),
    "02.predict_sizes": Question(
        expected=_sizes(lambda n, f, s, p: convolution.output_size(n, f, s, p)),
        hint="Four numbers, one a row: floor((input + 2 * padding - kernel) / stride) + 1.",
        slips=(
            (
                _sizes(lambda n, f, s, p: -((f - n - 2 * p) // s) + 1),
                "a window that only half fits is left out: round down.",
            ),
            (_sizes(lambda n, f, s, p: (n + 2 * p - f) // s), "the place before the first move is missing: + 1."),
            (_sizes(lambda n, f, s, p: (n + p - f) // s + 1), "padding comes at both ends: 2 * padding."),
            (_sizes(lambda n, f, s, p: (n - f) // s + 1), "the padding has been left out."),
            (_sizes(lambda n, f, s, p: (n + 2 * p - f) / s + 1), "no half windows: round down."),
        ),
    ),
    "02.change_strides": Question(judge=_judge_stack, hint=""),
    "02.build_depthwise": Question(judge=_judge_depthwise, hint=""),
}
