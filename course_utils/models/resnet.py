"""Residual networks for small pictures (He et al. 2016, section 4.2), with their plain twins.

Derived in notebooks/07_residual_networks.ipynb.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.runtime import check_int


class Block(nn.Module):
    """Two 3x3 convolutions with batch norm; with `residual`, the input is added before the last ReLU.

    The shortcut has no weights (He et al. 2016, option A): where the block halves the resolution it takes every second
    pixel, and where it widens it pads new channels with zeros. So a plain block and a residual one have the same
    weights. Derived in notebooks/07_residual_networks.ipynb.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output, at least in_channels.
        stride: of the first convolution, 1 or more.
        residual: add the shortcut (else a plain block).

    Shapes: (N, in_channels, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, residual: bool = True):
        super().__init__()
        check_int("stride", stride, 1)
        check_int("out_channels", out_channels, check_int("in_channels", in_channels, 1))
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.stride, self.new_channels, self.residual = stride, out_channels - in_channels, residual

    def shortcut(self, x: torch.Tensor) -> torch.Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.new_channels)) if self.new_channels else x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))  # F(x), the residual
        return F.relu(out + self.shortcut(x)) if self.residual else F.relu(out)


class ResNet(nn.Module):
    """A stem, stages of blocks, global average pooling, one dense layer.

    With the default channels, `blocks_per_stage=n` gives the nets of 6n + 2 weighted layers of He et al. 2016: n = 3 is
    ResNet-20 with 269,722 weights, n = 9 is ResNet-56. Derived in notebooks/07_residual_networks.ipynb.

    Args:
        blocks_per_stage: blocks in every stage, 1 or more.
        channels: channels of each stage; every stage but the first halves the resolution.
        num_classes: outputs.
        residual: blocks with shortcuts (else the plain twin, with the same weights).

    Shapes: (N, 3, H, W) to logits (N, num_classes).
    """

    def __init__(
        self,
        blocks_per_stage: int,
        channels: Sequence[int] = (16, 32, 64),
        num_classes: int = 10,
        residual: bool = True,
    ):
        super().__init__()
        check_int("blocks_per_stage", blocks_per_stage, 1)
        check_int("num_classes", num_classes, 1)
        if not len(channels):
            raise ValueError("channels must name at least one stage, got an empty sequence")
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels[0], 3, padding=1, bias=False), nn.BatchNorm2d(channels[0]), nn.ReLU()
        )
        blocks, width = [], channels[0]
        for stage, out_channels in enumerate(channels):
            for i in range(blocks_per_stage):
                stride = 2 if stage > 0 and i == 0 else 1
                blocks.append(Block(width, out_channels, stride, residual))
                width = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.stem(images))  # (N, channels[-1], H / 4, W / 4) with three stages
        return self.head(x.mean(dim=(2, 3)))
