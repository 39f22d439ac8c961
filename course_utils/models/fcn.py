"""Fully convolutional networks (Long, Shelhamer and Darrell 2015): a class for every pixel, in one pass.

An encoder gives maps at an eighth, a sixteenth and a thirty-second of the picture's resolution. 1x1 convolutions turn
them into one score a class; the coarse scores are enlarged by transposed convolutions that start as bilinear
interpolation, and the finer ones are added on the way. Derived in notebooks/13_fully_convolutional.ipynb.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.convolution import bilinear_kernel
from course_utils.models.yolo import Encoder, conv_block
from course_utils.runtime import check_choice, check_int

STRIDES = (32, 16, 8)


def bilinear_upsampling(channels: int, factor: int, learned: bool = True) -> nn.ConvTranspose2d:
    """A transposed convolution that enlarges every map by itself, at first bilinearly.

    Long, Shelhamer and Darrell 2015, section 3.3. Written out in notebooks/13_fully_convolutional.ipynb.

    Args:
        channels: maps, in and out; each has a kernel of its own, without bias.
        factor: how many times larger, an even number.
        learned: whether the kernels may change in training; the paper keeps those of the last enlargement as they are.

    Shapes: (N, channels, H, W) to (N, channels, factor H, factor W).
    """
    check_int("channels", channels, 1)
    if check_int("factor", factor, 2) % 2:
        raise ValueError(f"factor must be an even number, got {factor}")
    shape = {"kernel_size": 2 * factor, "stride": factor, "padding": factor // 2}
    layer = nn.ConvTranspose2d(channels, channels, **shape, groups=channels, bias=False)
    kernel = torch.tensor(bilinear_kernel(factor), dtype=torch.float32)
    with torch.no_grad():
        layer.weight.copy_(kernel.expand_as(layer.weight))  # (channels, 1, 2 factor, 2 factor)
    return layer.requires_grad_(learned)


class FCN(nn.Module):
    """FCN-32s, FCN-16s or FCN-8s on Toyland's encoder, with one more halving and convolution behind it.

    The paper's encoder is VGG-16, its convolution behind the last halving the former dense layers. The scores that are
    added start at 0, so that each network begins close to where the one with fewer additions would. Long, Shelhamer and
    Darrell 2015, section 4. Derived in notebooks/13_fully_convolutional.ipynb.

    Args:
        stride: 32 takes the coarsest map alone, 16 adds the one at a sixteenth, 8 that at an eighth as well.
        num_classes: the ground counts as one.
        width: of the encoder; 32 fits data/weights/toyland_encoder.

    Shapes: (N, 3, H, W) in 0..1 to logits (N, num_classes, H, W). Sides that are no multiples of 32 are filled up to
    the next one by repeating the border, and the logits are cut back.
    """

    def __init__(self, stride: int = 8, num_classes: int = 11, width: int = 32):
        super().__init__()
        self.stride = check_choice("stride", stride, STRIDES)
        check_int("num_classes", num_classes, 2)
        self.encoder = Encoder(width)
        self.deep = nn.Sequential(nn.MaxPool2d(2), conv_block(8 * width, 8 * width))
        self.score = nn.Conv2d(8 * width, num_classes, 1)
        self.skips, self.doublings = nn.ModuleList(), nn.ModuleList()
        for channels in (8 * width, 4 * width)[: STRIDES.index(stride)]:
            skip = nn.Conv2d(channels, num_classes, 1)
            nn.init.zeros_(skip.weight)
            nn.init.zeros_(skip.bias)
            self.skips.append(skip)
            self.doublings.append(bilinear_upsampling(num_classes, 2))
        self.enlarge = bilinear_upsampling(num_classes, stride, learned=False)

    def late(self, maps: torch.Tensor) -> torch.Tensor:
        """From the maps of `encoder.early`, (N, C, H, W), to logits (N, num_classes, 8 H, 8 W); sides of 4 n."""
        fine, coarse = self.encoder.late(maps)
        scores = self.score(self.deep(coarse))
        for doubling, skip, finer in zip(self.doublings, self.skips, (coarse, fine), strict=False):
            scores = doubling(scores) + skip(finer)
        with torch.autocast(scores.device.type, enabled=False):  # on a CPU, bfloat16 makes this layer many times slower
            return self.enlarge(scores.float())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
            raise ValueError(f"images must have the shape (N, 3, H, W), none of them 0, got {tuple(images.shape)}")
        height, width = images.shape[2:]
        filled = F.pad(images, (0, -width % 32, 0, -height % 32), mode="replicate")
        return self.late(self.encoder.early(filled))[..., :height, :width]
