"""The colorizing networks and their losses: shapes at several sizes, weights counted, losses against PyTorch's own."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from course_utils import color
from course_utils.layers import count_parameters
from course_utils.models import colorization


@pytest.fixture(scope="module")
def bins():
    return color.in_gamut_bins()


@pytest.mark.parametrize(("side", "out"), [(256, 64), (224, 56), (8, 2), (250, 64)])
def test_the_network_of_the_paper_gives_a_quarter_of_the_resolution(side, out):
    with torch.device("meta"):
        net = colorization.ColorizationNet()
        assert net.eval()(torch.rand(1, 1, side, side)).shape == (1, 313, out, out)


def test_the_network_of_the_paper_by_its_plan():
    """Eight blocks of 2, 2, 3, 3, 3, 3, 3 and 3 convolutions and the last 1x1; batch norm after seven blocks."""
    with torch.device("meta"):
        net = colorization.ColorizationNet()
    widths = [1, 64, 64, 128, 128, *[256] * 3, *[512] * 12]
    expected = sum(9 * a * b + b for a, b in pairwise(widths))
    expected += 16 * 512 * 256 + 256 + 2 * (9 * 256 * 256 + 256) + 256 * 313 + 313
    expected += 2 * (64 + 128 + 256 + 4 * 512)
    assert count_parameters(net) == expected
    kinds = [[type(layer).__name__ for layer in block] for block in net.blocks]
    assert [names.count("Conv2d") for names in kinds] == [2, 2, 3, 3, 3, 3, 3, 2]
    assert [names.count("BatchNorm2d") for names in kinds] == [1] * 7 + [0] and kinds[7][0] == "ConvTranspose2d"
    dilated = [any(getattr(layer, "dilation", 1) == (2, 2) for layer in block) for block in net.blocks]
    assert dilated == [False] * 4 + [True] * 2 + [False] * 2


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (1, 1), (5, 2)])
def test_the_small_network_takes_any_size(height, width):
    net = colorization.SmallColorizer(7, width=4).eval()
    out = net(torch.rand(2, 1, height, width))
    assert out.shape == (2, 7, math.ceil(height / 2), math.ceil(width / 2))
    assert torch.isfinite(out).all()


def test_the_first_loss_is_that_of_guessing(bins):
    torch.manual_seed(0)
    net = colorization.SmallColorizer(width=8)
    ab = 40 * torch.randn(4, 2, 16, 16)
    encoded = color.soft_encode(ab, bins)
    loss = colorization.bin_loss(net(torch.rand(4, 1, 32, 32)), *encoded)
    assert loss.item() == pytest.approx(math.log(313), abs=0.4)
    assert colorization.bin_loss(torch.zeros(4, 313, 16, 16), *encoded).item() == pytest.approx(math.log(313), abs=1e-4)


def test_the_loss_is_pytorch_s_cross_entropy_with_soft_targets(bins):
    generator = torch.Generator().manual_seed(1)
    logits, ab = torch.randn(2, 313, 4, 3, generator=generator), 30 * torch.randn(2, 2, 4, 3, generator=generator)
    numbers, shares = color.soft_encode(ab, bins)
    dense = torch.zeros_like(logits).scatter(1, numbers, shares)
    expected = F.cross_entropy(logits, dense)
    torch.testing.assert_close(colorization.bin_loss(logits, numbers, shares), expected)
    ones = torch.ones(313)
    torch.testing.assert_close(colorization.bin_loss(logits, numbers, shares, ones), expected)
    counts = torch.rand(313, generator=generator)
    each = F.cross_entropy(logits, dense, reduction="none") * counts[numbers[:, 0]]
    torch.testing.assert_close(colorization.bin_loss(logits, numbers, shares, counts), each.mean())


def test_the_regression_loss_is_in_units_of_50():
    ab = torch.full((1, 2, 3, 3), 100.0)
    assert colorization.regression_loss(torch.ones(1, 2, 3, 3), ab).item() == 1


def test_training_a_few_steps_lowers_both_losses(bins):
    generator = torch.Generator().manual_seed(2)
    lightness, ab = torch.rand(4, 1, 16, 16, generator=generator), torch.full((4, 2, 8, 8), 35.0)
    for out_channels, loss_function in (
        (2, colorization.regression_loss),
        (313, lambda logits, ab: colorization.bin_loss(logits, *color.soft_encode(ab, bins))),
    ):
        torch.manual_seed(0)
        net = colorization.SmallColorizer(out_channels, width=4)
        optimizer, losses = torch.optim.Adam(net.parameters(), 0.02), []
        for _ in range(12):
            loss = loss_function(net(lightness), ab)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.7 * losses[0]


class _Sure(torch.nn.Module):
    """Answers one bin, or one colour, everywhere, at half the resolution."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, lightness):
        height, width = (-(-side // 2) for side in lightness.shape[2:])
        return self.answer[None, :, None, None].expand(len(lightness), -1, height, width)


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (8, 6)])
def test_colorize_keeps_lightness_and_size_and_takes_the_answer(bins, shape):
    image = 0.4 + 0.2 * torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    logits = torch.where((bins == torch.tensor([20.0, 30.0])).all(dim=1), 50.0, 0.0)
    for model, table in ((_Sure(logits), bins), (_Sure(torch.tensor([0.4, 0.6])), None)):
        painted = colorization.colorize(model, image, table)
        lab = color.rgb_to_lab(painted)
        assert painted.shape == (3, *shape)
        torch.testing.assert_close(lab[0], color.rgb_to_lab(image)[0], atol=0.05, rtol=0)
        torch.testing.assert_close(
            lab[1:], torch.tensor([20.0, 30.0])[:, None, None].expand(2, *shape), atol=0.1, rtol=0
        )


def test_colorize_does_not_look_at_the_colors():
    torch.manual_seed(0)
    net = colorization.SmallColorizer(2, width=4)
    image = torch.rand(3, 9, 9)
    lab = color.rgb_to_lab(image)
    gray = color.lab_to_rgb(torch.cat([lab[:1], 0 * lab[1:]]))
    torch.testing.assert_close(colorization.colorize(net, image), colorization.colorize(net, gray), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: colorization.SmallColorizer(1), "out_channels must be an integer of at least 2, got 1"),
        (lambda: colorization.SmallColorizer(2, 0), "width must be an integer of at least 1, got 0"),
        (lambda: colorization.colorize(_Sure(torch.zeros(2)), torch.rand(1, 4, 4)), "images must have the shape"),
        (lambda: colorization.colorize(_Sure(torch.zeros(2)), torch.rand(3, 0, 4)), "at least one pixel"),
    ],
)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
