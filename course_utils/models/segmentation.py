"""Networks that answer with a class for every pixel: SegNet, U-Net (the paper's and ours), a dilated one; their losses.

The networks that we train share one contracting path, `models.yolo.Encoder`, which stands pretrained in
data/weights/toyland_encoder. `stages` cuts it where its poolings lie; what differs is the way back to the pixels.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.models.yolo import Encoder, conv_block
from course_utils.runtime import check_int


def stages(encoder: Encoder) -> list[nn.Module]:
    """The five stages of an encoder, each at half the resolution of the one before; the poolings between are left out.

    Their maps have width / 2, width, 2 width, 4 width and 8 width channels. Written out in
    notebooks/14_segnet_and_unet.ipynb.
    """
    return [encoder.early[:2], encoder.early[3], encoder.early[5:8], encoder.fine, encoder.coarse[1:]]


def _check_sides(images: torch.Tensor, multiple: int) -> None:
    height, width = images.shape[2:]
    if height % multiple or width % multiple or not height or not width:
        up = [-(-side // multiple) * multiple or multiple for side in (height, width)]
        raise ValueError(
            f"images must have sides that are multiples of {multiple}, got {height}x{width}; pad them to "
            f"{up[0]}x{up[1]}, as by torch.nn.functional.pad(..., mode='reflect'), and cut the answer"
        )


# --- SegNet --------------------------------------------------------------------------------------------------------


class SegNet(nn.Module):
    """Pooling remembers where each maximum stood; the way back puts the values there (Badrinarayanan et al. 2017).

    Each step back narrows the maps by a 3x3 convolution and places their values where the maxima of the same step down
    were found; the next convolution fills the gaps. Derived in notebooks/14_segnet_and_unet.ipynb.

    Args:
        num_classes: classes a pixel may have.
        width: of the encoder.

    Shapes: (N, 3, H, W), H and W multiples of 16, to logits (N, num_classes, H, W).
    """

    def __init__(self, num_classes: int = 11, width: int = 32):
        super().__init__()
        check_int("num_classes", num_classes, 1)
        self.encoder = Encoder(width)
        channels = [width // 2, width, 2 * width, 4 * width, 8 * width]
        self.narrow = nn.ModuleList(conv_block(below, here) for here, below in pairwise(channels))
        self.answer = nn.Sequential(conv_block(width // 2, width // 2), nn.Conv2d(width // 2, num_classes, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        _check_sides(images, 16)
        first, *later = stages(self.encoder)
        x, positions = first(images), []
        for stage in later:
            x, where = F.max_pool2d(x, 2, return_indices=True)
            positions.append(where)
            x = stage(x)
        for narrow, where in zip(reversed(self.narrow), reversed(positions), strict=True):
            x = F.max_unpool2d(narrow(x), where, 2)
        return self.answer(x)


# --- U-Net ---------------------------------------------------------------------------------------------------------


class ValidSizes(NamedTuple):
    """Sides of the maps of the paper's U-Net behind the two convolutions of each level, in pixels.

    down: from the input's level to the bottom, depth + 1 of them. up: from the bottom back, depth of them; the last one
    is the output's side.
    """

    down: list[int]
    up: list[int]


def valid_sizes(input_size: int, depth: int = 4) -> ValidSizes:
    """Walk through a U-Net without padding: two 3x3 convolutions take 4 pixels, pooling halves, the way up doubles.

    Derived in notebooks/14_segnet_and_unet.ipynb. Ronneberger et al. 2015, figure 1: 572 in, 388 out.

    Args:
        input_size: side of the picture in pixels.
        depth: poolings, at least 1; 4 in the paper.

    Raises:
        ValueError: a map of odd side would have to be halved, or nothing is left; it names the sizes nearby that do.
    """
    check_int("input_size", input_size, 1)
    check_int("depth", depth, 1)
    step = 2**depth  # every size that fits is 4 below a multiple of it
    smallest = 12 * step - 8 + min(4, step)  # 12 * step - 8 pixels are lost
    if input_size < smallest or (input_size + 4) % step:
        below = (input_size + 4) // step * step - 4
        fitting = sorted({max(size, smallest) for size in (below, below + step)})
        raise ValueError(
            f"input_size must be 4 below a multiple of {step} and at least {smallest} for depth {depth}, got "
            f"{input_size}; sizes nearby that fit: {', '.join(map(str, fitting))}"
        )
    down = [input_size - 4]
    for _ in range(depth):
        down.append(down[-1] // 2 - 4)
    up = [2 * down[-1] - 4]
    while len(up) < depth:
        up.append(2 * up[-1] - 4)
    return ValidSizes(down, up)


class PaperUNet(nn.Module):
    """The U-Net of the paper: 3x3 convolutions without padding, so that the answer is smaller than the picture.

    Every level has two convolutions with ReLU; the way up is by transposed 2x2 convolutions, and the middle of the map
    on the left joins each map on the right. With one channel in and two classes it has 31,030,658 weights. Derived in
    notebooks/14_segnet_and_unet.ipynb. Ronneberger et al. 2015, figure 1.

    Args:
        in_channels: of the pictures; 1 in the paper.
        num_classes: 2 in the paper.
        width: channels of the first level; doubled at each level below.
        depth: poolings.

    Shapes: (N, in_channels, H, W) to logits (N, num_classes, H', W'), sides as `valid_sizes` says.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 2, width: int = 64, depth: int = 4):
        super().__init__()
        check_int("depth", depth, 1)
        channels = [in_channels, *(width * 2**k for k in range(depth + 1))]

        def two(a: int, b: int) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(a, b, 3), nn.ReLU(), nn.Conv2d(b, b, 3), nn.ReLU())

        self.down = nn.ModuleList(two(a, b) for a, b in pairwise(channels))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairwise(channels[1:]))
        self.merge = nn.ModuleList(two(b, a) for a, b in pairwise(channels[1:]))
        self.answer = nn.Conv2d(width, num_classes, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for side in images.shape[2:]:
            valid_sizes(side, len(self.up))
        maps = [self.down[0](images)]
        for block in self.down[1:]:
            maps.append(block(F.max_pool2d(maps[-1], 2)))
        x = maps.pop()
        for up, merge in zip(reversed(self.up), reversed(self.merge), strict=True):
            x, left = up(x), maps.pop()
            top, side = ((a - b) // 2 for a, b in zip(left.shape[2:], x.shape[2:], strict=True))
            left = left[:, :, top : top + x.shape[2], side : side + x.shape[3]]  # its middle
            x = merge(torch.cat([left, x], dim=1))
        return self.answer(x)


class UNet(nn.Module):
    """The U-Net that we train: padded convolutions with batch norm, so that the answer is as large as the picture.

    The left arm is the encoder; on the right a transposed 2x2 convolution doubles the map, the map of the same size
    from the left joins it (the skip), and one 3x3 convolution merges the two. Derived in
    notebooks/14_segnet_and_unet.ipynb.

    Args:
        num_classes: classes a pixel may have.
        width: of the encoder.
        skips: whether the maps from the left join; without them the right arm sees the lowest map only.

    Shapes: (N, 3, H, W), H and W multiples of 16, to logits (N, num_classes, H, W).
    """

    def __init__(self, num_classes: int = 11, width: int = 32, skips: bool = True):
        super().__init__()
        check_int("num_classes", num_classes, 1)
        self.encoder, self.skips = Encoder(width), skips
        channels = [width // 2, width, 2 * width, 4 * width, 8 * width]
        self.up = nn.ModuleList(nn.ConvTranspose2d(below, here, 2, 2) for here, below in pairwise(channels))
        self.merge = nn.ModuleList(conv_block(2 * here if skips else here, here) for here in channels[:-1])
        self.answer = nn.Conv2d(channels[0], num_classes, 1)

    def forward(self, images: torch.Tensor, cut: Collection[int] = ()) -> torch.Tensor:
        """Logits; `cut` names skips that carry zeros instead, 0 at full resolution to 3 at an eighth: an experiment."""
        _check_sides(images, 16)
        first, *later = stages(self.encoder)
        maps = [first(images)]
        for stage in later:
            maps.append(stage(F.max_pool2d(maps[-1], 2)))
        x = maps[-1]
        for level in (3, 2, 1, 0):
            x = self.up[level](x)
            if self.skips:
                left = 0 * maps[level] if level in cut else maps[level]
                x = torch.cat([left, x], dim=1)
            x = self.merge[level](x)
        return self.answer(x)


# --- dilation instead of pooling -----------------------------------------------------------------------------------


class DilatedNet(nn.Module):
    """The encoder without its last two poolings, dilated instead, and a context module (Yu and Koltun 2016).

    Where a pooling is left out, all 3x3 convolutions behind it are dilated by 2 (then by 4): they meet the same pixels
    as before, at all places instead of every second one, so that pretrained weights still fit. The context module works
    on the class scores at a quarter of the resolution; its layers start as the identity (equation 4 of the paper).
    Derived in notebooks/14_segnet_and_unet.ipynb.

    Args:
        num_classes: classes a pixel may have.
        width: of the encoder.
        dilations: of the context module's 3x3 layers.

    Shapes: (N, 3, H, W), H and W multiples of 4, to logits (N, num_classes, H, W).
    """

    def __init__(self, num_classes: int = 11, width: int = 32, dilations: Sequence[int] = (1, 1, 2, 4, 8, 1)):
        super().__init__()
        check_int("num_classes", num_classes, 1)
        self.encoder = Encoder(width)
        for stage, dilation in ((self.encoder.fine, 2), (self.encoder.coarse, 4)):
            for layer in stage.modules():
                if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
                    layer.dilation = layer.padding = (dilation, dilation)
        self.score = nn.Conv2d(8 * width, num_classes, 1)
        context: list[nn.Module] = []
        for dilation in dilations:
            layer = nn.Conv2d(num_classes, num_classes, 3, padding=dilation, dilation=dilation)
            nn.init.dirac_(layer.weight)  # the identity: one at the centre of each class's own map
            nn.init.zeros_(layer.bias)
            context += [layer, nn.LeakyReLU(0.1)]
        self.context = nn.Sequential(*context, nn.Conv2d(num_classes, num_classes, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        _check_sides(images, 4)
        first, second, third, fine, coarse = stages(self.encoder)
        x = second(F.max_pool2d(first(images), 2))
        x = coarse(fine(third(F.max_pool2d(x, 2))))  # no pooling from here on
        x = self.context(self.score(x))
        return F.interpolate(x, size=images.shape[2:], mode="bilinear", align_corners=False)


# --- losses of pixels ----------------------------------------------------------------------------------------------


def _check_pixels(logits: torch.Tensor, targets: torch.Tensor) -> None:
    if logits.ndim != 4 or targets.shape != (len(logits), *logits.shape[2:]):
        raise ValueError(
            f"logits must have the shape (N, C, H, W) and targets (N, H, W), got {tuple(logits.shape)} and "
            f"{tuple(targets.shape)}"
        )


def dice_loss(logits: torch.Tensor, targets: torch.Tensor, ignore: int = 255) -> torch.Tensor:
    """One minus the mean over the classes of the soft Dice coefficient, 2 |P and G| / (|P| + |G|).

    P is a class's probability at each pixel, G is 1 where the class is true; sums run over the whole batch, and 1 is
    added above and below, so that a class that is neither there nor predicted counts as right. Dice 1945; as a loss
    Milletari et al. 2016 (they square the sums below). Derived in notebooks/14_segnet_and_unet.ipynb.

    Args:
        logits: (N, C, H, W).
        targets: int64 (N, H, W), 0 to C - 1, or `ignore`.
        ignore: pixels of this class count for nothing.

    Returns:
        A scalar, 0..1.
    """
    _check_pixels(logits, targets)
    known = (targets != ignore)[:, None]
    probabilities = logits.float().softmax(dim=1) * known
    truth = F.one_hot(targets.where(known[:, 0], 0), logits.shape[1]).permute(0, 3, 1, 2) * known
    both = (probabilities * truth).sum(dim=(0, 2, 3))
    sizes = probabilities.sum(dim=(0, 2, 3)) + truth.sum(dim=(0, 2, 3))
    return 1 - ((2 * both + 1) / (sizes + 1)).mean()


def focal_loss(logits: torch.Tensor, targets: torch.Tensor, gamma: float = 2.0, ignore: int = 255) -> torch.Tensor:
    """The mean over the pixels of (1 - p)^gamma times cross-entropy, p the true class's probability.

    A pixel that the network is sure of and right about weighs little. Lin et al. 2017, equation 4. Derived in
    notebooks/14_segnet_and_unet.ipynb.

    Args:
        logits: (N, C, H, W).
        targets: int64 (N, H, W), 0 to C - 1, or `ignore`; at least one pixel must be known.
        gamma: 0 gives cross-entropy.
        ignore: pixels of this class count for nothing.

    Returns:
        A scalar, in nats.
    """
    _check_pixels(logits, targets)
    known = targets != ignore
    losses = F.cross_entropy(logits.float(), targets, ignore_index=ignore, reduction="none")
    return ((1 - torch.exp(-losses)) ** gamma * losses)[known].mean()
