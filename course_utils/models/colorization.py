"""Colorization (Zhang et al. 2016): from the lightness of a picture to a distribution over colours at each place.

Derived in notebooks/15_colorization.ipynb.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.color import TEMPERATURE, annealed_mean, lab_to_rgb, rgb_to_lab
from course_utils.runtime import check_int

NUM_BINS = 313
AB_SCALE = 50.0  # a regression gives ab in this unit, so that its numbers are about 1


def stage(
    in_channels: int, out_channels: int, convolutions: int, stride: int = 1, dilation: int = 1
) -> list[nn.Module]:
    """3x3 convolutions, each with ReLU, the last with the stride; batch norm at the end."""
    layers: list[nn.Module] = []
    for number in range(convolutions):
        step = stride if number == convolutions - 1 else 1
        layers += [nn.Conv2d(in_channels, out_channels, 3, step, dilation, dilation), nn.ReLU()]
        in_channels = out_channels
    return [*layers, nn.BatchNorm2d(out_channels)]


class ColorizationNet(nn.Module):
    """The network of the paper: eight blocks, no pooling, the fifth and the sixth dilated (Zhang et al. 2016, table 4).

    Strides of 2 at the end of blocks 1 to 3 lead to an eighth of the resolution, where blocks 4 to 7 stay. Block 8
    begins with a transposed convolution to a quarter; a 1x1 convolution gives the logits of the bins. Derived in
    notebooks/15_colorization.ipynb.

    Args:
        num_bins: Q.

    Shapes: lightness L / 100, (N, 1, H, W), to logits (N, Q, H / 4, W / 4), rounded up to even numbers: 256 to 64, 224
    to 56.
    """

    def __init__(self, num_bins: int = NUM_BINS):
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                nn.Sequential(*stage(1, 64, 2, stride=2)),
                nn.Sequential(*stage(64, 128, 2, stride=2)),
                nn.Sequential(*stage(128, 256, 3, stride=2)),
                nn.Sequential(*stage(256, 512, 3)),
                nn.Sequential(*stage(512, 512, 3, dilation=2)),
                nn.Sequential(*stage(512, 512, 3, dilation=2)),
                nn.Sequential(*stage(512, 512, 3)),
                nn.Sequential(nn.ConvTranspose2d(512, 256, 4, 2, 1), nn.ReLU(), *stage(256, 256, 2)[:-1]),
            ]
        )
        self.head = nn.Conv2d(256, num_bins, 1)

    def forward(self, lightness: torch.Tensor) -> torch.Tensor:
        x = lightness - 0.5
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def convolution(in_channels: int, out_channels: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, dilation, dilation, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class SmallColorizer(nn.Module):
    """The paper's plan for pictures of 32 pixels: down to a quarter, dilated there, and up to a half again.

    Derived in notebooks/15_colorization.ipynb.

    Args:
        out_channels: Q for logits of the bins, 2 for a regression, whose answers are a and b in units of 50.
        width: channels at half the resolution; twice as many at a quarter.

    Shapes: lightness L / 100, (N, 1, H, W), to (N, out_channels, H / 2, W / 2), rounded up.
    """

    def __init__(self, out_channels: int = NUM_BINS, width: int = 32):
        super().__init__()
        check_int("out_channels", out_channels, 2)
        w = check_int("width", width, 1)
        self.fine = nn.Sequential(convolution(1, w), convolution(w, w, stride=2))
        self.coarse = nn.Sequential(
            convolution(w, 2 * w, stride=2),
            convolution(2 * w, 2 * w),
            convolution(2 * w, 2 * w, dilation=2),
            convolution(2 * w, 2 * w, dilation=2),
        )
        self.narrow = nn.Conv2d(2 * w, w, 1)
        self.body = convolution(w, 2 * w)
        self.head = nn.Conv2d(2 * w, out_channels, 1)

    def forward(self, lightness: torch.Tensor) -> torch.Tensor:
        fine = self.fine(2 * lightness - 1)
        coarse = self.narrow(self.coarse(fine))
        coarse = F.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=False)
        return self.head(self.body(fine + coarse))


# --- losses --------------------------------------------------------------------------------------------------------


def regression_loss(outputs: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """Mean squared error of a and b in units of 50: (N, 2, H, W) and the true ab (N, 2, H, W) to a scalar."""
    return F.mse_loss(outputs.float(), ab / AB_SCALE)


def bin_loss(
    logits: torch.Tensor, numbers: torch.Tensor, shares: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Cross-entropy against the soft encoding of the true colours, each pixel weighted by what its nearest bin counts.

    Zhang et al. 2016, equations 2 and 3. Derived in notebooks/15_colorization.ipynb.

    Args:
        logits: (N, Q, H, W).
        numbers, shares: (N, k, H, W), from `color.soft_encode` at the logits' resolution.
        weights: (Q,) from `color.rebalancing_weights`; None lets all pixels count the same.

    Returns:
        The mean over all pixels, in nats.
    """
    log_shares = logits.float().movedim(1, -1).log_softmax(dim=-1)  # (N, H, W, Q): twice as fast
    surprise = -(shares.movedim(1, -1) * log_shares.gather(-1, numbers.movedim(1, -1))).sum(dim=-1)  # (N, H, W)
    if weights is not None:
        surprise = weights[numbers[:, 0]] * surprise
    return surprise.mean()


# --- from a picture to a picture -----------------------------------------------------------------------------------


@torch.no_grad()
def predict_ab(
    model: nn.Module, lightness: torch.Tensor, bins: torch.Tensor | None = None, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """The colours that a network in evaluation mode gives, brought to the size of its input by bilinear upsampling.

    Derived in notebooks/15_colorization.ipynb.

    Args:
        model: lightness L / 100, (N, 1, H, W), to logits of the bins or to a and b in units of 50.
        lightness: (N, 1, H, W) in 0..1.
        bins: (Q, 2), for the annealed mean; None for a regression.
        temperature: of the annealed mean.

    Returns:
        (N, 2, H, W).
    """
    outputs = model.eval()(lightness)
    ab = AB_SCALE * outputs if bins is None else annealed_mean(outputs, bins, temperature)
    return F.interpolate(ab, size=lightness.shape[2:], mode="bilinear", align_corners=False)


def colorize(
    model: nn.Module, image: torch.Tensor, bins: torch.Tensor | None = None, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """Paint one picture with the colours that a network gives to its lightness; its own colours are not looked at.

    Args:
        model, bins, temperature: as for `predict_ab`.
        image: (3, H, W) in 0..1, of any size; its lightness is kept.

    Returns:
        (3, H, W) in 0..1.

    Raises:
        ValueError: an image of another shape or range, or without a pixel.
    """
    lightness = rgb_to_lab(image)[None, :1]
    ab = predict_ab(model, lightness / 100, bins, temperature)
    return lab_to_rgb(torch.cat([lightness, ab], dim=1))[0]
