"""Questions on architectures (notebook 06)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from course_utils.convolution import parameter_count
from course_utils.questions.question import Question, result_of

_VGG_16 = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)  # channels before and after each 3x3


def _vgg_convolutions() -> int:
    return sum(parameter_count(a, b, 3) for a, b in pairwise(_VGG_16))


def _dense(inputs: int, outputs: int) -> int:
    return parameter_count(inputs, outputs, 1)


def _bottleneck(groups: int, channels_per_group: int) -> int:
    width = groups * channels_per_group
    middle = parameter_count(width, width, 3, bias=False, groups=groups)
    return 2 * parameter_count(256, width, 1, bias=False) + middle


def _nearest(groups: int) -> int:
    """Channels a group with which a bottleneck of so many groups is nearest to ResNet's, 256 to 64 to 256."""
    return min(range(1, 65), key=lambda d: abs(_bottleneck(groups, d) - _bottleneck(1, 64)))


def _judge_squeeze(function: Any) -> str | None:
    import torch
    import torch.nn.functional as F
    from torch import nn

    generator = torch.Generator().manual_seed(6)
    first, second = nn.Linear(8, 4), nn.Linear(4, 8)
    with torch.no_grad():
        for parameter in (*first.parameters(), *second.parameters()):
            parameter.uniform_(-1, 1, generator=generator)
        x = torch.randn(2, 8, 5, 6, generator=generator)
        given, trouble = result_of(function, x.clone(), first, second)
        if trouble:
            return trouble
        shape = tuple(getattr(given, "shape", ()))
        if shape == (2, 8):
            return "these are the factors alone, one a map. The maps must still be multiplied by them."
        if shape != tuple(x.shape):
            return f"the shape must be the input's, {tuple(x.shape)}, this is {shape}."
        squeezed = x.mean(dim=(2, 3))
        before = second(F.relu(first(squeezed)))[:, :, None, None]
        peak = torch.sigmoid(second(F.relu(first(x.amax(dim=(2, 3))))))[:, :, None, None]
        slips = (
            (x * before, "the sigmoid is missing: a factor must lie between 0 and 1."),
            (x * F.relu(before), "the last function is a sigmoid, not a ReLU."),
            (x * torch.sigmoid(second(first(squeezed)))[:, :, None, None], "the ReLU between the two is missing."),
            (x + torch.sigmoid(before), "the factors have been added. Each map is multiplied by its own."),
            (x * peak, "that squeezes by the largest value of each map; the mean is asked for."),
        )
    if torch.allclose(given, x * torch.sigmoid(before), atol=1e-5):
        return None
    for wrong, message in slips:
        if torch.allclose(given, wrong, atol=1e-5):
            return message
    return "the shape is right, the numbers are not. The order is mean, first, ReLU, second, sigmoid, then the product."


QUESTIONS: dict[str, Question] = {
    "06.predict_head": Question(
        expected=lambda: _vgg_convolutions() + _dense(512, 1000),
        hint="Add up the five blocks in the table of VGG-16. The mean has no parameters and leaves 512 numbers.",
        slips=(
            (_vgg_convolutions, "these are the convolutions alone; the new dense layer is missing."),
            (lambda: _vgg_convolutions() + 512 * 1000, "the biases of the new dense layer are missing."),
            (
                lambda: _vgg_convolutions() + _dense(7 * 7 * 512, 1000),
                "after the mean 512 numbers are left, not 7 x 7 x 512.",
            ),
            (
                lambda: _vgg_convolutions() + _dense(512, 4096) + _dense(4096, 4096) + _dense(4096, 1000),
                "all three dense layers go; one new one comes.",
            ),
            (
                lambda: _vgg_convolutions() + _dense(7 * 7 * 512, 4096) + _dense(4096, 4096) + _dense(4096, 1000),
                "that is VGG-16 as it was.",
            ),
        ),
    ),
    "06.change_groups": Question(
        expected=lambda: _nearest(8),
        hint="With d channels in each of 8 groups the width is 8d: 2 * 256 * 8d + 9 * 8 * d * d weights.",
        slips=(
            (lambda: 64 // 8, "that keeps the width at 64, so the block has fewer weights than before."),
            (lambda: _nearest(32), "that is the number for 32 groups."),
            (lambda: 8 * _nearest(8), "that is the width of the middle; the channels of one group are asked for."),
            (lambda: _nearest(8) - 1, "near, but one more comes nearer: compute both."),
        ),
    ),
    "06.build_squeeze": Question(judge=_judge_squeeze, hint=""),
}
